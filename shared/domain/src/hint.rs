//! Messages between functions. They say "look there" and carry nothing that could be applied.

use crate::SCHEMA_VERSION;
use crate::ids::{RoomId, RoomRef, TenantId};
use serde::{Deserialize, Serialize};

/// "Look at this room": body of a message in the poll queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PollHint {
    /// Always 1 here; another number is another shape.
    pub schema_version: u32,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The room.
    pub room_id: RoomId,
    /// Who asks.
    pub reason: HintReason,
    /// Read the whole window even if nothing seems to have changed.
    #[serde(default)]
    pub full: bool,
    /// An operator has said that many bookings may end at once.
    #[serde(default)]
    pub accept_mass_end: bool,
}

/// Who asks for a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HintReason {
    /// The clock.
    Schedule,
    /// The room appeared, changed or disappeared in the directory.
    Rooms,
    /// A person with the command line.
    Operator,
    /// A notification from Graph.
    Webhook,
    /// A lifecycle notice from Graph.
    Lifecycle,
}

impl PollHint {
    /// A hint for a room.
    #[must_use]
    pub fn new(room: &RoomRef, reason: HintReason) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            tenant_id: room.tenant.clone(),
            room_id: room.room.clone(),
            reason,
            full: false,
            accept_mass_end: false,
        }
    }

    /// The same, for the whole window.
    #[must_use]
    pub fn full(mut self) -> Self {
        self.full = true;
        self
    }

    /// The room it names.
    #[must_use]
    pub fn room(&self) -> RoomRef {
        RoomRef::new(self.tenant_id.clone(), self.room_id.clone())
    }
}

/// "Look at the rooms of this tenant": body of a message in the tenant queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantHint {
    /// Always 1 here.
    pub schema_version: u32,
    /// The tenant.
    pub tenant_id: TenantId,
    /// An operator has said that many rooms may end at once.
    #[serde(default)]
    pub accept_mass_end: bool,
}

impl TenantHint {
    /// A hint for a tenant.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self { schema_version: SCHEMA_VERSION, tenant_id: tenant, accept_mass_end: false }
    }
}
