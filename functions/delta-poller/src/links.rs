//! The newest link of each room that this environment has seen.
//!
//! A quiet round brings a new link that is not worth a write. Remembering it here keeps Graph from having to remember the old one:
//! Exchange keeps the last few generations only (microsoft-graph-docs#2350). Losing the memory costs nothing.

use roomsync_domain::RoomRef;
use roomsync_domain::cursor::{Cursor, DeltaLink};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Links newer than the stored ones.
#[derive(Debug, Default)]
pub struct NewestLinks(RefCell<BTreeMap<RoomRef, (u64, DeltaLink)>>);

impl NewestLinks {
    /// The link to follow: a newer one, if it continues the very cursor that was read.
    #[must_use]
    pub fn of(&self, room: &RoomRef, cursor: &Cursor) -> Option<DeltaLink> {
        match self.0.borrow().get(room) {
            Some((version, link)) if *version == cursor.version => Some(link.clone()),
            _ => cursor.link.clone(),
        }
    }

    /// Remembers the link of a quiet round.
    pub fn remember(&self, room: &RoomRef, cursor: &Cursor, link: DeltaLink) {
        self.0.borrow_mut().insert(room.clone(), (cursor.version, link));
    }

    /// Forgets a room.
    pub fn forget(&self, room: &RoomRef) {
        self.0.borrow_mut().remove(room);
    }
}
