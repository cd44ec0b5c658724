//! What Graph's notices mean for a look: whether it is needed, what they prove of the subscription, and how long a change took.

use crate::compare::Found;
use crate::outcome::Outcome;
use crate::poll_room::Look;
use crate::stop::Stop;
use chrono::TimeDelta;
use roomsync_domain::Instant;
use roomsync_domain::announced::Announced;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::delta::Dirty;
use roomsync_domain::listening::Listening;
use roomsync_domain::notice::Worth;
use roomsync_ports::{BookingStore, Calendar, Clock, RoomStore};

/// How long a change may be announced before delta reports it: seconds to minutes.
const LAG_MINUTES: i64 = 3;

impl<C: Calendar, S: BookingStore + RoomStore, K: Clock> Look<'_, C, S, K> {
    /// When the newest notice of this subscription behind the hint came. One before it, or one that nobody knows of, says nothing about it.
    pub(crate) fn told_by(&self, listening: &Listening) -> Option<Instant> {
        self.hint.told_by.iter().filter(|(id, _)| listening.has_id(id)).map(|(_, at)| *at).max()
    }

    /// A notice proves that the room's subscription delivers. That is written at once if it is news, because it decides how often the
    /// room is looked at.
    pub(crate) async fn hear(&self, cursor: Cursor) -> Result<Cursor, Stop> {
        let Some(listening) = &cursor.listening else { return Ok(cursor) };
        let Some(at) = self.told_by(listening) else { return Ok(cursor) };
        self.tools.memory.heard(self.room, at);
        let Some(listening) = listening.heard(at) else { return Ok(cursor) };
        let next = Cursor { listening: Some(listening), ..cursor };
        self.tools.store.commit(self.room, &[], &next).await?;
        Ok(Cursor { version: next.version + 1, ..next })
    }

    /// Whether a notice has come lately behind which no look found anything yet: its change may take a minute to be readable.
    fn is_unanswered(&self, cursor: &Cursor) -> bool {
        let heard = self.tools.memory.last_heard(self.room);
        let waits = |at: Instant| self.now - at < TimeDelta::minutes(LAG_MINUTES);
        heard.is_some_and(|at| waits(at) && cursor.looked_at.is_none_or(|looked| looked < at))
    }

    /// What makes a look needless, or too early.
    pub(crate) fn instead(&self, cursor: &Cursor) -> Option<Outcome> {
        let may_rest = cursor.may_rest(self.now) && !self.is_unanswered(cursor);
        if self.hint.spare && may_rest && self.full_read_is_due(cursor).is_none() {
            return Some(Outcome::Listening);
        }
        if !self.hint.is_from_notices_only() {
            return None;
        }
        match self.notices.worth(self.tools.memory.last_try(self.room, cursor), self.now) {
            Worth::Answered => Some(Outcome::Answered),
            Worth::Later(delay) => Some(Outcome::Postponed(delay)),
            Worth::Look => None,
        }
    }

    /// What the reported changes say of the subscription: announced, it was heard; not announced although they are old, it is silent.
    pub(crate) fn listening_after(&self, cursor: &Cursor, dirty: &Dirty) -> Option<Listening> {
        let listening = cursor.listening.as_ref()?;
        if let Some(at) = self.told_by(listening) {
            let proves = listening.heard_at.is_some();
            return Some(Listening {
                heard_at: listening.heard_at.max(Some(at).filter(|_| proves)),
                ..listening.clone()
            });
        }
        let memory = self.tools.memory;
        let (heard, last) = (memory.last_heard(self.room), memory.last_look(self.room, cursor));
        Some(listening.after(dirty.changes(), heard, last, self.now))
    }

    /// How long what was found took until now, if a notice has announced it.
    pub(crate) fn announced(&self, found: &Found) -> Option<Announced> {
        let noticed_at = self.hint.noticed_at.filter(|_| !found.writes.is_empty())?;
        Some(Announced::new(noticed_at, found.made_at, self.tools.clock.now()))
    }

    /// Whether this look has found the subscription silent.
    pub(crate) fn is_found_silent(&self, next: &Cursor) -> bool {
        next.listening.as_ref().is_some_and(|now| now.silent_since == Some(self.now))
    }
}
