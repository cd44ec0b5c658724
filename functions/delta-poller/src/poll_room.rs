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

use crate::detect::{self, Round};
use crate::lane::Lane;
use crate::links::NewestLinks;
use crate::missing;
use crate::outcome::{Outcome, Tally};
use crate::read;
use crate::series;
use crate::stop::Stop;
use crate::trouble;
use chrono::TimeDelta;
use roomsync_domain::booking::{Booking, EndReason, Status};
use roomsync_domain::context::{Context, all_day_slack, policy_fingerprint};
use roomsync_domain::cursor::{Cursor, DeltaLink, Drift, Guarded, Mode, TroubleKind};
use roomsync_domain::delta::Dirty;
use roomsync_domain::entry::{CalendarEntry, Wanted};
use roomsync_domain::hint::PollHint;
use roomsync_domain::listening::Listening;
use roomsync_domain::notice::Notices;
use roomsync_domain::plan::{self, Link, Write};
use roomsync_domain::room::RoomStatus;
use roomsync_domain::tenant::{Tenant, TenantStatus};
use roomsync_domain::time::end_of_time;
use roomsync_domain::writing::Claimed;
use roomsync_domain::{EventId, Instant, RoomRef, Span, due, guard};
use roomsync_ports::{BookingStore, Calendar, Clock, GraphError, RoomStore};
use std::collections::BTreeSet;

/// Looks at a room until no other look gets in between, at most this often.
const MOST_RACES: usize = 3;

/// How long a room is read whole before delta is tried again.
const DELTA_RESTS_HOURS: i64 = 1;

/// What a look needs besides the room.
#[derive(Debug)]
pub struct Tools<'a, C, S, K> {
    /// The tenant's calendars.
    pub calendar: &'a C,
    /// Bookings, cursors and rooms.
    pub store: &'a S,
    /// The clock.
    pub clock: &'a K,
    /// Links newer than the stored ones.
    pub links: &'a NewestLinks,
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
                tools.links.forget(&room);
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
    tenant: &'a Tenant,
    pub(crate) tools: &'a Tools<'a, C, S, K>,
    pub(crate) room: &'a RoomRef,
    pub(crate) now: Instant,
    deadline: Instant,
}

/// Why a whole window is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// First copy, a lost link, another policy, a request.
    Needed,
    /// The daily one: what it finds that no hint had announced is drift.
    Daily,
}

impl<C: Calendar, S: BookingStore + RoomStore, K: Clock> Look<'_, C, S, K> {
    /// One look; what Graph refuses is written down.
    async fn attempt(&self, cursor: &Cursor) -> Result<Outcome, Stop> {
        match self.run(cursor).await {
            Err(Stop::Graph(error)) => {
                self.tools.links.tried(self.room, self.now);
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
        let link = self.tools.links.of(self.room, cursor).filter(|_| !trouble::is_without_delta(cursor));
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
        let room = self.tools.store.room(self.room).await?;
        let Some(room) = room else { return Ok(Outcome::Unknown) };
        if room.state.status == RoomStatus::Removed || self.tenant.status == TenantStatus::Removed {
            return self.retire(cursor).await;
        }
        if let Some(at) = cursor.not_before.filter(|at| self.now < *at) {
            if let Some(owing) = owing(self.hint, cursor) {
                self.tools.store.commit(self.room, &[], &owing).await?;
            }
            return Ok(Outcome::Waiting(at));
        }
        let cursor = if cursor.mode == Mode::Retired { cursor.anew() } else { cursor.clone() };
        self.full(&cursor, Why::Needed).await
    }

    /// Whether the whole window has to be read though a link is there.
    pub(crate) fn full_read_is_due(&self, cursor: &Cursor) -> Option<Why> {
        if cursor.guarded.is_some() || cursor.policy != policy_fingerprint(&self.tenant.config) {
            return Some(Why::Needed);
        }
        match cursor.last_full_at {
            Some(last) if !due::full_read_is_due(self.room, last, self.now) => None,
            Some(_) => Some(Why::Daily),
            None => Some(Why::Needed),
        }
    }

    fn lane(&self, wanted: Wanted, cursor: &Cursor) -> Lane<'_, C, K> {
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
        self.tools.links.looked(self.room, self.now);
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
            self.tools.links.remember(self.room, cursor, newest);
        }
        Ok(Outcome::Quiet)
    }

    /// Something was reported: the days concerned are read and compared.
    async fn changed(&self, cursor: &Cursor, mut dirty: Dirty, newest: DeltaLink) -> Result<Outcome, Stop> {
        let Some(room) = self.tools.store.room(self.room).await? else { return Ok(Outcome::Unknown) };
        if room.state.status == RoomStatus::Removed {
            return self.retire(cursor).await;
        }
        let context = Context::new(&self.tenant.config, &room);
        let Some(window) = cursor.window.filter(|_| context.fingerprint() == cursor.context) else {
            return self.full(cursor, Why::Needed).await;
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

    fn is_found_silent(&self, next: &Cursor) -> bool {
        next.listening.as_ref().is_some_and(|now| now.silent_since == Some(self.now))
    }

    /// Reads the whole window, beginning with a link that covers what changes in between.
    async fn full(&self, cursor: &Cursor, why: Why) -> Result<Outcome, Stop> {
        let Some(room) = self.tools.store.room(self.room).await? else { return Ok(Outcome::Unknown) };
        if room.state.status == RoomStatus::Removed {
            return self.retire(cursor).await;
        }
        let context = Context::new(&self.tenant.config, &room);
        let lane = self.lane(context.wanted, cursor);
        let window = context.window_at(self.now);
        let rested = |tried| self.now - tried >= TimeDelta::hours(DELTA_RESTS_HOURS);
        let is_rested = cursor.mode != Mode::FullRead || cursor.delta_tried_at.is_none_or(rested);
        let try_delta = is_rested && !trouble::is_without_delta(cursor);
        let link = if try_delta { self.new_link(&lane, cursor, window).await? } else { None };
        let found = self.compare(&lane, &context, window, &Dirty::everything(), Vec::new()).await?;
        let drift = match (why, &cursor.link) {
            (Why::Daily, Some(old)) => self.drift(&lane, old, cursor, &context, &found).await,
            _ => cursor.drift,
        };
        let next = Cursor {
            mode: if link.is_some() { Mode::Delta } else { Mode::FullRead },
            link,
            window: Some(window),
            policy: policy_fingerprint(&self.tenant.config),
            context: context.fingerprint(),
            delta_tried_at: if is_rested { Some(self.now) } else { cursor.delta_tried_at },
            last_full_at: Some(self.now),
            lost_links: if why == Why::Daily { 0 } else { cursor.lost_links },
            drift,
            ..trouble::cleared(cursor)
        };
        self.commit(cursor, next, found).await
    }

    /// A link for the rounds to come; nothing if delta does not work for this room, then it is read whole for a while.
    async fn new_link(
        &self,
        lane: &Lane<'_, C, K>,
        cursor: &Cursor,
        window: Span,
    ) -> Result<Option<DeltaLink>, Stop> {
        match detect::start(lane, window.padded(all_day_slack())).await {
            Ok(Round::Complete(_, link)) => Ok(Some(link)),
            Ok(Round::Endless) => Ok(None),
            Err(Stop::Graph(error)) if trouble::delta_is_hopeless(&error, cursor.failures) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// Counts what a full read had to repair although the old link had not announced it. The old link is followed after the read, so
    /// that what changed while we read counts as announced.
    async fn drift(
        &self,
        lane: &Lane<'_, C, K>,
        old: &DeltaLink,
        cursor: &Cursor,
        context: &Context,
        found: &Found,
    ) -> Option<Drift> {
        let comparable = cursor.policy == policy_fingerprint(&self.tenant.config)
            && cursor.context == context.fingerprint();
        let window = cursor.window.filter(|_| comparable)?;
        let Ok(Round::Complete(announced, _)) = detect::follow(lane, old).await else { return cursor.drift };
        let repaired = found.writes.iter().filter(|write| {
            let state = &write.booking.state;
            let named = state.event_id.as_ref().is_some_and(|id| announced.ids().contains(id));
            state.span.overlaps(&window) && !named && !announced.covers(state.span)
        });
        Some(Drift { repaired: u32::try_from(repaired.count()).unwrap_or(u32::MAX), at: self.now })
    }

    /// Read and plan: compares the dirty days with what is stored, and finds out about what is missing. `named` are stored bookings that
    /// are concerned wherever they begin: one that reaches into the window from before it is in no range that is read by start.
    async fn compare(
        &self,
        lane: &Lane<'_, C, K>,
        context: &Context,
        window: Span,
        dirty: &Dirty,
        named: Vec<Booking>,
    ) -> Result<Found, Stop> {
        let covered = dirty.ranges(window);
        let (mut entries, mut answers, mut known) = (Vec::new(), 0, Vec::new());
        for range in &covered {
            let reading = read::read(lane, *range).await?;
            entries.extend(reading.entries);
            answers = answers.max(reading.answers);
            let from = (!dirty.is_everything()).then_some(range.start);
            known.extend(self.tools.store.bookings(self.room, from, range.end).await?);
        }
        let future =
            known.iter().filter(|booking| booking.is_live() && booking.state.span.end > self.now).count();
        known.extend(named);
        self.learn(&mut known, &entries).await?;
        // After the calendar was read, because what a command has made is claimed before it is made; and after its bookings, because one that
        // is newer than what is known of commands would be judged by the command before. An older one is refused when it is written.
        let mut claims = Vec::new();
        for Claimed { claim, booking } in self.tools.store.claims(self.room).await? {
            claims.push(claim);
            known.extend(booking);
        }
        in_order(&mut known);
        series::recognise(lane, &mut claims, &known, &entries, context).await?;
        let first = plan::plan(&known, &entries, &covered, window, &claims, context, self.now);
        let unclear = first.unclear;
        if first.missing.is_empty() {
            let future = Some(future);
            return Ok(Found { writes: first.writes, future, unasked: unclear, ..Found::nothing(self.now) });
        }
        let fates = missing::find_out(lane, context, first.missing, answers == 1).await?;
        let mut writes = first.writes;
        if !fates.elsewhere.is_empty() {
            entries.extend(fates.elsewhere);
            writes = plan::plan(&known, &entries, &covered, window, &claims, context, self.now).writes;
        }
        let over = fates.over.iter();
        writes.extend(over.map(|(row, reason)| plan::gone(row, &claims, *reason, context, self.now)));
        let unasked = fates.unasked + unclear;
        Ok(Found { writes, future: Some(future), unasked, ..Found::nothing(self.now) })
    }

    /// Adds the stored bookings of entries that are kept elsewhere than where the entries are now.
    async fn learn(&self, known: &mut Vec<Booking>, seen: &[CalendarEntry]) -> Result<(), Stop> {
        let have: BTreeSet<&EventId> =
            known.iter().filter_map(|booking| booking.state.event_id.as_ref()).collect();
        let lacking = seen.iter().filter(|entry| !have.contains(&entry.id));
        let links: Vec<Link<'_>> = lacking
            .flat_map(|entry| [Some(Link::Event(&entry.id)), entry.ical_uid.as_deref().map(Link::Meeting)])
            .flatten()
            .collect();
        if !links.is_empty() {
            let more = self.tools.store.bookings_of(self.room, &links).await?;
            known.extend(more);
        }
        in_order(known);
        Ok(())
    }

    /// Commits in transactions. The cursor's new content goes with the last one; before it only the version moves.
    async fn commit(&self, before: &Cursor, mut next: Cursor, mut found: Found) -> Result<Outcome, Stop> {
        let ending = found.ending();
        let confirmed = self.hint.accept_mass_end
            || before.guarded.is_some_and(|guarded| ending <= guarded.ending as usize);
        next.guarded = None;
        if let Some(of) = found.future.filter(|of| !guard::allows(ending, *of) && !confirmed) {
            found.writes.retain(|write| write.change != plan::Change::Ended);
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            next.guarded = Some(Guarded { ending: count(ending), of: count(of), at: self.now });
            next = trouble::set(
                next,
                TroubleKind::Guarded,
                format!("{ending} of {of} bookings would end"),
                self.now,
            );
        }
        if found.unasked > 0 {
            // Not complete: the next look begins where this one did.
            next.link = None;
        }
        if found.unasked == 0 && next.guarded.is_none() {
            next.looked_at = Some(self.now);
        }
        if !found.writes.is_empty() {
            next.last_change_at = Some(self.now);
        }
        let tally = Tally::of(&found.writes);
        let transactions = plan::transactions(&found.writes);
        let last = transactions.len() - 1;
        for (at, writes) in transactions.into_iter().enumerate() {
            let version = before.version + at as u64;
            if at < last {
                let now = self.tools.clock.now();
                if now >= self.deadline {
                    return Err(Stop::OutOfTime);
                }
                self.tools.store.commit(self.room, writes, &Cursor { version, ..before.clone() }).await?;
            } else {
                let announced = self.announced(&found).or(next.announced);
                next = Cursor { version, announced, ..next };
                self.tools.store.commit(self.room, writes, &next).await?;
            }
        }
        self.tools.links.forget(self.room);
        self.tools.links.looked(self.room, self.now);
        Ok(match next.guarded {
            Some(guarded) => Outcome::Guarded(guarded),
            None => Outcome::Done {
                tally,
                drift: next.drift.filter(|drift| drift.at == self.now),
                mode: next.mode,
                made_at: found.made_at,
                is_silent: found.is_silent,
            },
        })
    }

    /// The room is gone: every booking ends that has not passed or still waits for an answer, nothing is read any more.
    async fn retire(&self, cursor: &Cursor) -> Result<Outcome, Stop> {
        let is_retired = cursor.mode == Mode::Retired;
        if is_retired && !self.hint.full {
            return Ok(Outcome::Quiet);
        }
        let retention = self.tenant.config.privacy.retention_days;
        let bookings = self.tools.store.bookings(self.room, None, end_of_time()).await?;
        let writes: Vec<Write> = bookings
            .iter()
            .filter(|booking| booking.is_live())
            .filter(|booking| booking.state.span.end > self.now || booking.state.status == Status::Pending)
            .map(|booking| plan::end(booking, EndReason::RoomRemoved, retention, self.now))
            .collect();
        // A command may have come after its tenant had left and before its writer knew.
        if is_retired && writes.is_empty() {
            return Ok(Outcome::Quiet);
        }
        let next = Cursor { mode: Mode::Retired, ..cursor.anew() };
        let found = Found { writes, ..Found::nothing(self.now) };
        self.commit(cursor, next, found).await
    }
}

/// By id. Of one that was read twice the older state counts: what is written over it is refused, and the look is begun anew.
fn in_order(known: &mut Vec<Booking>) {
    known.sort_by(|a, b| a.id.cmp(&b.id));
    known.dedup_by(|a, b| a.id == b.id);
}

/// What comparing found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) writes: Vec<Write>,
    /// Live bookings not yet over, of which the guard allows a share; nothing if the guard has no say.
    future: Option<usize>,
    /// Missing bookings that could not be asked about.
    unasked: usize,
    /// When the newest of the reported changes was made, if it says so.
    pub(crate) made_at: Option<Instant>,
    /// Whether the changes show that the subscription is silent.
    is_silent: bool,
    now: Instant,
}

impl Found {
    fn nothing(now: Instant) -> Self {
        Self { writes: Vec::new(), future: None, unasked: 0, made_at: None, is_silent: false, now }
    }

    /// Bookings not yet over that would end.
    fn ending(&self) -> usize {
        let ends =
            |write: &&Write| write.change == plan::Change::Ended && write.booking.state.span.end > self.now;
        self.writes.iter().filter(ends).count()
    }
}
