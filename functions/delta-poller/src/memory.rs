//! What this environment remembers of the rooms it has looked at, because it is not worth a write.
//!
//! - The link of a quiet round. Following it keeps Graph from having to remember the stored one: Exchange keeps the last few
//!   generations only (microsoft-graph-docs#2350).
//! - When the newest look was begun and the newest notice came, which saves looks at what was looked at already.
//!
//! Losing the memory costs work and nothing else.

use roomsync_domain::cursor::{Cursor, DeltaLink};
use roomsync_domain::{Instant, RoomRef};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What is newer than what is stored, by room.
#[derive(Debug, Default)]
pub struct RoomMemory(RefCell<BTreeMap<RoomRef, Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    /// A fingerprint of the stored link and the one that quiet rounds have led to from there.
    link: Option<(u64, DeltaLink)>,
    looked_at: Option<Instant>,
    tried_at: Option<Instant>,
    heard_at: Option<Instant>,
}

impl RoomMemory {
    /// The link to follow: a newer one, if it continues the very link that is stored.
    #[must_use]
    pub fn link(&self, room: &RoomRef, cursor: &Cursor) -> Option<DeltaLink> {
        let stored = cursor.link.as_ref()?;
        let known = self.0.borrow();
        match known.get(room).and_then(|known| known.link.as_ref()) {
            Some((from, newest)) if *from == fingerprint(stored) => Some(newest.clone()),
            _ => Some(stored.clone()),
        }
    }

    /// Remembers the link of a quiet round.
    pub fn remember(&self, room: &RoomRef, cursor: &Cursor, newest: DeltaLink) {
        let link = cursor.link.as_ref().map(|stored| (fingerprint(stored), newest));
        self.0.borrow_mut().entry(room.clone()).or_default().link = link;
    }

    /// Forgets the link of a room.
    pub fn forget(&self, room: &RoomRef) {
        if let Some(known) = self.0.borrow_mut().get_mut(room) {
            known.link = None;
        }
    }

    /// Remembers that a complete look was begun then.
    pub fn looked(&self, room: &RoomRef, begun: Instant) {
        let mut known = self.0.borrow_mut();
        let known = known.entry(room.clone()).or_default();
        known.looked_at = known.looked_at.max(Some(begun));
    }

    /// When the newest complete look was begun that anybody remembers.
    #[must_use]
    pub fn last_look(&self, room: &RoomRef, cursor: &Cursor) -> Option<Instant> {
        self.0.borrow().get(room).and_then(|known| known.looked_at).max(cursor.looked_at)
    }

    /// Remembers that Graph refused a look that was begun then.
    pub fn tried(&self, room: &RoomRef, begun: Instant) {
        let mut known = self.0.borrow_mut();
        let known = known.entry(room.clone()).or_default();
        known.tried_at = known.tried_at.max(Some(begun));
    }

    /// When the newest look was begun, whatever it came to. What a refused one owes, the clock asks for.
    #[must_use]
    pub fn last_try(&self, room: &RoomRef, cursor: &Cursor) -> Option<Instant> {
        let tried = self.0.borrow().get(room).and_then(|known| known.tried_at);
        tried.max(self.last_look(room, cursor))
    }

    /// Remembers that a notice came then.
    pub fn heard(&self, room: &RoomRef, at: Instant) {
        let mut known = self.0.borrow_mut();
        let known = known.entry(room.clone()).or_default();
        known.heard_at = known.heard_at.max(Some(at));
    }

    /// When the newest notice came that this environment has seen.
    #[must_use]
    pub fn last_heard(&self, room: &RoomRef) -> Option<Instant> {
        self.0.borrow().get(room).and_then(|known| known.heard_at)
    }
}

fn fingerprint(link: &DeltaLink) -> u64 {
    let mut hasher = DefaultHasher::new();
    link.as_str().hash(&mut hasher);
    hasher.finish()
}
