//! What the messages of a batch say about one room.

use roomsync_domain::RoomRef;
use roomsync_domain::hint::LifecycleHint;
use roomsync_domain::subscription_plan::Told;
use roomsync_runtime::batch::Hint;
use serde::Deserialize;

/// The hints for one room.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "LifecycleHint")]
pub struct Notices {
    schema_version: u32,
    room: RoomRef,
    /// What they say.
    pub told: Told,
}

impl From<LifecycleHint> for Notices {
    fn from(hint: LifecycleHint) -> Self {
        let mut told = Told::default();
        told.note(&hint);
        Self { schema_version: hint.schema_version, room: hint.room(), told }
    }
}

impl Hint for Notices {
    type Subject = RoomRef;

    fn schema_version(&self) -> u32 {
        self.schema_version
    }

    fn subject(&self) -> Option<RoomRef> {
        (!self.room.room.as_str().is_empty()).then(|| self.room.clone())
    }

    fn merge(&mut self, other: Self) {
        self.told.merge(other.told);
    }
}
