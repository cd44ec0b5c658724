//! The use case: one look at one room.
//!
//! Desired: the stored bookings of the room's window equal its calendar; nothing is ended that the calendar still holds; nothing is
//! written when nothing changed; whatever happens in between, another look finishes the work.
//!
//! - A crash anywhere repeats work and never skips any: the link moves in the last transaction, after what it covers.
//! - Two looks at once: every transaction checks and bumps the cursor's version, so the one that read the older cursor loses and
//!   looks again. Rows it had not written yet are planned anew from what is stored then.
//! - A change while we read: the link was taken before the read, so the next round reports the change and it is read again.
//! - An entry that moves while we read several slices: it is missing in all of them and asked for by its id before anything ends.

use crate::compare::Found;
use crate::detect::{self, Round};
use crate::lane::Lane;
use crate::memory::RoomMemory;
use crate::outcome::Outcome;
use crate::stop::Stop;
use crate::trouble;
use crate::whole::Why;
use roomsync_domain::context::Context;
use roomsync_domain::cursor::{Cursor, DeltaLink, Mode};
use roomsync_domain::delta::Dirty;
use roomsync_domain::entry::Wanted;
use roomsync_domain::hint::PollHint;
use roomsync_domain::listening::Listening;
use roomsync_domain::notice::Notices;
use roomsync_domain::plan::Link;
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::tenant::{Tenant, TenantStatus};
use roomsync_domain::{Instant, RoomRef, guard};
use roomsync_ports::{BookingStore, Calendar, Clock, GraphError, RoomStore};

/// Looks at a room until no other look gets in between, at most this often.
const MOST_RACES: usize = 3;

/// What a look needs besides the room.
#[derive(Debug)]
pub struct Tools<'a, C, S, K> {
    /// The tenant's calendars.
    pub calendar: &'a C,
    /// Bookings, cursors and rooms.
    pub store: &'a S,
    /// The clock.
    pub clock: &'a K,
    /// What this environment remembers of rooms.
    pub memory: &'a RoomMemory,
}

/// Looks at a room: detect, read, plan, commit. `notices` is what the queue knows of the messages behind the hint.
///
/// # Errors
///
/// Only what the message should be tried again for: a store that does not answer, lost races, a deadline. Whatever Graph refuses is
/// written into the cursor and the message is done.
pub async fn poll_room<C, S, K>(
    hint: &PollHint,
    notices: Notices,
    tenant: &Tenant,
    tools: &Tools<'_, C, S, K>,
    deadline: Instant,
) -> Result<Outcome, Stop>
where
    C: Calendar,
    S: BookingStore + RoomStore,
    K: Clock,
{
    let room = hint.room();
    let mut races = 0;
    loop {
        let cursor = tools.store.cursor(&room).await?.unwrap_or_else(Cursor::blank);
        let look = Look { hint, notices, tenant, tools, room: &room, now: tools.clock.now(), deadline };
        let result = match look.hear(cursor).await {
            Ok(cursor) => look.attempt(&cursor).await,
            Err(stop) => Err(stop),
        };
        match result {
            Err(Stop::LostRace) if races < MOST_RACES => {
                tools.memory.forget(&room);
                races += 1;
            }
            other => return other,
        }
    }
}

/// The cursor of a room whose whole look cannot be done now: nobody asks again for what it was to see anew, so the next look must be whole.
/// Nothing if that is so already.
fn owing(hint: &PollHint, cursor: &Cursor) -> Option<Cursor> {
    (hint.full && !cursor.policy.is_empty()).then(|| Cursor { policy: String::new(), ..cursor.clone() })
}

/// One attempt.
pub(crate) struct Look<'a, C, S, K> {
    pub(crate) hint: &'a PollHint,
    pub(crate) notices: Notices,
    pub(crate) tenant: &'a Tenant,
    pub(crate) tools: &'a Tools<'a, C, S, K>,
    pub(crate) room: &'a RoomRef,
    pub(crate) now: Instant,
    pub(crate) deadline: Instant,
}

impl<C: Calendar, S: BookingStore + RoomStore, K: Clock> Look<'_, C, S, K> {
    /// One look; what Graph refuses is written down.
    async fn attempt(&self, cursor: &Cursor) -> Result<Outcome, Stop> {
        match self.run(cursor).await {
            Err(Stop::Graph(error)) => {
                self.tools.memory.tried(self.room, self.now);
                let owed = owing(self.hint, cursor);
                let before = owed.as_ref().unwrap_or(cursor);
                let outcome = Outcome::Troubled(error.trouble());
                // Graph counts from its answer, which may have come long after the look began.
                let refused_at = self.tools.clock.now();
                if let Some(next) = trouble::note(self.room, before, &error, refused_at).or(owed) {
                    self.tools.store.commit(self.room, &[], &next).await?;
                }
                Ok(outcome)
            }
            other => other,
        }
    }

    async fn run(&self, cursor: &Cursor) -> Result<Outcome, Stop> {
        if self.tenant.status == TenantStatus::Removed || self.hint.full {
            return self.with_room(cursor).await;
        }
        if let Some(outcome) = self.instead(cursor) {
            return Ok(outcome);
        }
        if cursor.mode == Mode::Retired {
            return self.with_room(cursor).await;
        }
        if let Some(at) = cursor.not_before.filter(|at| self.now < *at) {
            return Ok(Outcome::Waiting(at));
        }
        let link = self.tools.memory.link(self.room, cursor).filter(|_| !trouble::is_without_delta(cursor));
        let Some(link) = link else { return self.with_room(cursor).await };
        if let Some(why) = self.full_read_is_due(cursor) {
            return self.full(cursor, why).await;
        }
        // The lane of a quiet round needs no room: the mailbox is the room's id.
        let lane = self.lane(Wanted { subject: false, organizer: false }, cursor);
        match detect::follow(&lane, &link).await {
            Ok(Round::Complete(dirty, newest)) if dirty.is_quiet() => self.quiet(cursor, &link, newest).await,
            Ok(Round::Complete(dirty, newest)) => self.changed(cursor, dirty, newest).await,
            Ok(Round::Endless) => self.full(cursor, Why::Needed).await,
            Err(Stop::Graph(GraphError::CursorExpired(_))) => {
                let lost = Cursor { link: None, lost_links: cursor.lost_links + 1, ..cursor.clone() };
                self.full(&lost, Why::Needed).await
            }
            Err(Stop::Graph(error)) if trouble::delta_is_hopeless(&error, cursor.failures) => {
                self.full(cursor, Why::Needed).await
            }
            Err(stop) => Err(stop),
        }
    }

    /// The looks that begin with the room itself: it may be new, gone or back.
    async fn with_room(&self, cursor: &Cursor) -> Result<Outcome, Stop> {
        let room = match self.present(cursor).await? {
            Ok(room) => room,
            Err(outcome) => return Ok(outcome),
        };
        if let Some(at) = cursor.not_before.filter(|at| self.now < *at) {
            if let Some(owing) = owing(self.hint, cursor) {
                self.tools.store.commit(self.room, &[], &owing).await?;
            }
            return Ok(Outcome::Waiting(at));
        }
        let cursor = if cursor.mode == Mode::Retired { cursor.anew() } else { cursor.clone() };
        self.whole(&cursor, &room, Why::Needed).await
    }

    /// The room, or what the look comes to because it is not there or is removed.
    pub(crate) async fn present(&self, cursor: &Cursor) -> Result<Result<Room, Outcome>, Stop> {
        let Some(room) = self.tools.store.room(self.room).await? else { return Ok(Err(Outcome::Unknown)) };
        if room.state.status == RoomStatus::Removed || self.tenant.status == TenantStatus::Removed {
            return Ok(Err(self.retire(cursor).await?));
        }
        Ok(Ok(room))
    }

    pub(crate) fn lane(&self, wanted: Wanted, cursor: &Cursor) -> Lane<'_, C, K> {
        Lane {
            calendar: self.tools.calendar,
            clock: self.tools.clock,
            room: &self.room.room,
            wanted,
            deadline: self.deadline,
            halvings: trouble::halvings(cursor.failures),
        }
    }

    /// Nothing was reported: nothing is written, unless something is to be taken back or other environments should know.
    async fn quiet(&self, cursor: &Cursor, followed: &DeltaLink, newest: DeltaLink) -> Result<Outcome, Stop> {
        let forgetful = cursor.lost_links >= Cursor::LOST_LINKS_BEARABLE && newest != *followed;
        let is_flood = self.hint.is_from_notices_only() && self.notices.are_a_flood();
        self.tools.memory.looked(self.room, self.now);
        let is_doubted = |held: &&Listening| held.doubted_since.is_some() && self.told_by(held).is_none();
        if let Some(held) = cursor.listening.as_ref().filter(is_doubted) {
            // No notice of a change came until now.
            let listening = self.listening_after(cursor, &Dirty::default());
            if listening.as_ref() != Some(held) {
                let next = Cursor { link: Some(newest), listening, ..trouble::cleared(cursor) };
                let is_silent = self.is_found_silent(&next);
                return self.commit(cursor, next, Found { is_silent, ..Found::nothing(self.now) }).await;
            }
        }
        if forgetful || is_flood || cursor.trouble.is_some() || cursor.failures > 0 {
            let next = Cursor { link: Some(newest), looked_at: Some(self.now), ..trouble::cleared(cursor) };
            self.tools.store.commit(self.room, &[], &next).await?;
        } else {
            self.tools.memory.remember(self.room, cursor, newest);
        }
        Ok(Outcome::Quiet)
    }

    /// Something was reported: the days concerned are read and compared.
    async fn changed(&self, cursor: &Cursor, mut dirty: Dirty, newest: DeltaLink) -> Result<Outcome, Stop> {
        let room = match self.present(cursor).await? {
            Ok(room) => room,
            Err(outcome) => return Ok(outcome),
        };
        let context = Context::new(&self.tenant.config, &room);
        let Some(window) = cursor.window.filter(|_| context.fingerprint() == cursor.context) else {
            return self.whole(cursor, &room, Why::Needed).await;
        };
        let mut named = Vec::new();
        if !dirty.is_everything() {
            let links: Vec<Link<'_>> = dirty.ids().iter().map(Link::Event).collect();
            named = self.tools.store.bookings_of(self.room, &links).await?;
            named.iter().for_each(|booking| dirty.note_span(booking.state.span));
        }
        let lane = self.lane(context.wanted, cursor);
        let mut found = self.compare(&lane, &context, window, &dirty, named).await?;
        if found.ending() > guard::AT_LEAST && !dirty.is_everything() {
            // The guard needs to know of how many.
            found = self.compare(&lane, &context, window, &Dirty::everything(), Vec::new()).await?;
        }
        let next = Cursor {
            link: Some(newest),
            listening: self.listening_after(cursor, &dirty),
            ..trouble::cleared(cursor)
        };
        found.made_at = dirty.changes().newest();
        found.is_silent = self.is_found_silent(&next);
        self.commit(cursor, next, found).await
    }
}
