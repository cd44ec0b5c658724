//! What a room's answer, or that there is none, makes of a writing whose calendar is as wanted, and of its receipt.

use super::code;
use super::meeting::RoomAnswer;
use super::outcome::PAUSE_SECONDS;
use super::rows::{failure, revise, shows_another, standing};
use super::state::{Before, Writing};
use crate::booking::{Booking, BookingState, CommandFailure, EndReason, Status};
use crate::context::Context;
use crate::ids::RoomId;
use crate::plan::Write;
use crate::time::{Instant, Span, doubled};
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// First pause before a silent room is looked at, doubled with each, and the longest. A room that declines at once shows nothing in its calendar,
/// so this is how soon its answer is known.
const WATCH_SECONDS: (i64, i64) = (20, 3600);
/// Looks after which a receipt says that the room does not answer.
const WATCHES_IN_SILENCE: u32 = 6;
/// Looks at a room for a meeting that stands although its booking has ended unseen.
const WATCHES_OF_ENDED: u32 = 2;

/// What the room's side of a settled writing comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// All is settled.
    Settled,
    /// The meeting is to go, because the room has declined and never had accepted.
    Withdraw,
    /// The room has not answered: its calendar is to be looked at.
    Silent {
        /// Whether the poller should look, although nothing may have been reported to it.
        look: bool,
    },
}

/// Looks at the receipt of a writing whose calendar is as wanted. `answer` is what the organizer's copy says that the room said; `window`
/// are the days whose bookings the poller keeps in step. Gives the new version of the booking, if there is one.
pub fn watch(
    writing: &mut Writing,
    row: Option<&Booking>,
    answer: Option<RoomAnswer>,
    context: &Context,
    window: Span,
    now: Instant,
) -> (Watched, Option<Write>) {
    let Some(row) = row else {
        return settled(writing, None);
    };
    writing.forget_late(now);
    // Why a command was refused that came while another was under way stands in the receipt alone.
    let why = row.state.failure.clone().filter(|why| !code::is_of_room(&why.code));
    writing.refused = why.or(writing.refused.take());
    let case = Case::of(writing, row, answer, context, window, now);
    let (watched, mut write) = answered(writing, &case);
    if watched == Watched::Settled && writing.is_settled() && writing.leaving.is_some() {
        writing.rest(row.is_observed(), now);
    }
    if watched == Watched::Settled && (writing.is_settled() || writing.leaving.is_some()) {
        writing.wait_for_late(now);
    }
    // The room's answer, or that there is none, is to what stood before the command that failed.
    if watched == Watched::Settled
        && let Some(why) = writing.refused.take()
    {
        let state = write.as_ref().map_or(&row.state, |write| &write.booking.state);
        let own = state.failure.clone().filter(|own| !code::is_of_room(&own.code));
        let state = BookingState { failure: own.or(Some(why)), ..state.clone() };
        write = revise(Some(row), &row.room, &row.id, state, context.retention_days, now);
    }
    (watched, write)
}

/// The rooms to look at, because their pollers have left alone until now what lies there: what was never seen, of a series the days of which
/// there is no booking, and what was late or on its way out. `before` is the writing before it was watched, `row` the booking; `is_over`
/// says that no room is waited for.
#[must_use]
pub fn rooms_left_alone<'a>(
    before: &'a Writing,
    writing: &'a Writing,
    row: Option<&Booking>,
    is_over: bool,
) -> BTreeSet<&'a RoomId> {
    let was_never_seen = |row: &Booking| !row.is_live() && !row.is_observed();
    let ended_unseen = writing.made_at.is_some() && row.is_some_and(was_never_seen);
    let looked_again = writing.desired.is_none() && writing.unsure_until.is_some();
    let gone_series = writing.leaving.is_some() && writing.recurred();
    let is_gone = is_over && writing.is_settled() && (ended_unseen || looked_again || gone_series);
    let is_kept = before.former.is_some() && writing.former.is_none();
    let left = before.left.iter().filter(|_| writing.left.is_none() && writing.recurred());
    let late = before.late.iter().filter(|late| !writing.late.contains(late)).map(|late| &late.room);
    left.chain(late).chain((is_gone || is_kept).then_some(&writing.room)).collect()
}

/// A booking whose room is looked at.
struct Case<'a> {
    row: &'a Booking,
    answer: Option<RoomAnswer>,
    context: &'a Context,
    now: Instant,
    /// Whether its meeting is over.
    over: bool,
    /// Whether the room has accepted it beyond the days that are kept in step, where nobody looks. When its day comes it is known by its id.
    beyond: bool,
}

impl<'a> Case<'a> {
    fn of(
        writing: &Writing,
        row: &'a Booking,
        answer: Option<RoomAnswer>,
        context: &'a Context,
        window: Span,
        now: Instant,
    ) -> Self {
        let over = now >= writing.span.end + TimeDelta::hours(1);
        // What has been elsewhere before, its poller may have taken for somebody else's there: it is asked to look first.
        let is_known = row.is_observed() || writing.was_made_at_once() || writing.watches > 1;
        let beyond = answer == Some(RoomAnswer::Accepted) && !writing.span.overlaps(&window) && is_known;
        Self { row, answer, context, now, over, beyond }
    }

    /// Its new version, if that is another.
    fn write(&self, state: BookingState) -> Option<Write> {
        revise(Some(self.row), &self.row.room, &self.row.id, state, self.context.retention_days, self.now)
    }

    /// It as it is, with that status.
    fn with(&self, status: Status) -> BookingState {
        BookingState { status, failure: None, ..self.row.state.clone() }
    }
}

/// What the room shows, or has answered, comes to.
fn answered(writing: &mut Writing, case: &Case<'_>) -> (Watched, Option<Write>) {
    let row = case.row;
    match row.state.status {
        Status::Pending => while_pending(writing, case),
        _ if !case.over && shows_another(writing, row) => {
            if case.beyond {
                return confirmed(writing, case);
            }
            let look = writing.watches > 0;
            writing.watch_again(case.now);
            (Watched::Silent { look }, None)
        }
        Status::Confirmed => {
            writing.accepted = true;
            settled(writing, None)
        }
        Status::Ended(EndReason::Declined) if writing.desired.is_some() && !writing.accepted => {
            (Watched::Withdraw, None)
        }
        // The meeting stands: by this id the room's poller knows the booking again. What it may have taken for somebody else's, when the
        // room was back and the meeting not known yet, it is asked to look at once more while there is a claim.
        Status::Ended(_) if !row.is_observed() && writing.desired.is_some() => {
            let ical_uid = writing.ical_uid().or_else(|| row.state.ical_uid.clone());
            let write = case.write(BookingState { ical_uid, ..row.state.clone() });
            if writing.watches < WATCHES_OF_ENDED {
                writing.watch_again(case.now);
                return (Watched::Silent { look: true }, write);
            }
            settled(writing, write)
        }
        Status::Ended(_) => settled(writing, None),
        Status::Tentative if case.over => settled(writing, None),
        Status::Tentative => in_silence(writing, case),
    }
}

/// The same for a booking that waits for what its command wants.
fn while_pending(writing: &mut Writing, case: &Case<'_>) -> (Watched, Option<Write>) {
    let row = case.row;
    match writing.leaving {
        None if case.over && !unchanged(writing) => {
            // It may answer all the same: then the tombstone has to be known again.
            writing.due = Some(case.now);
            let why = failure(code::NO_ANSWER, "the room has not answered before the meeting was over");
            let state = BookingState { failure: Some(why), ..case.with(Status::Ended(EndReason::Failed)) };
            (Watched::Settled, case.write(state))
        }
        // The room has never shown it, or does not say that it is gone: nobody else will.
        Some(reason) if case.over || !row.is_observed() => {
            settled(writing, case.write(case.with(Status::Ended(reason))))
        }
        None if case.answer == Some(RoomAnswer::Declined) && !row.is_observed() => {
            let why = failure(code::DECLINED, "the room declined");
            let state = BookingState { failure: Some(why), ..case.with(Status::Ended(EndReason::Declined)) };
            let write = case.write(state);
            if writing.accepted { settled(writing, write) } else { (Watched::Withdraw, write) }
        }
        None if unchanged(writing) && !shows_another(writing, row) => {
            let status = writing.before.map_or(Status::Pending, Before::status);
            settled(writing, case.write(case.with(status)))
        }
        _ if case.beyond => confirmed(writing, case),
        _ => in_silence(writing, case),
    }
}

/// Nothing is waited for any more.
fn settled(writing: &mut Writing, write: Option<Write>) -> (Watched, Option<Write>) {
    writing.due = None;
    (Watched::Settled, write)
}

/// The room has accepted where its poller does not look.
fn confirmed(writing: &mut Writing, case: &Case<'_>) -> (Watched, Option<Write>) {
    let row = case.row;
    writing.accepted = true;
    let ical_uid = writing.ical_uid().or_else(|| row.state.ical_uid.clone());
    let state = standing(writing, row, case.context).unwrap_or_else(|| row.state.clone());
    // Until its day comes the room may take another copy of it.
    let state = BookingState { ical_uid, event_id: None, status: Status::Confirmed, failure: None, ..state };
    settled(writing, case.write(state))
}

/// The room has not answered yet, or not for good.
fn in_silence(writing: &mut Writing, case: &Case<'_>) -> (Watched, Option<Write>) {
    let row = case.row;
    let looks = writing.watches;
    writing.watch_again(case.now);
    let silent = looks >= WATCHES_IN_SILENCE && row.state.status == Status::Pending;
    // Why the last command failed is said again with the room's answer.
    let silence = silent.then(|| failure(code::NO_ANSWER, "the room has not answered yet"));
    let state = BookingState { failure: silence.or_else(|| writing.refused.clone()), ..row.state.clone() };
    (Watched::Silent { look: looks > 0 }, case.write(state))
}

/// Whether the room has nothing to answer anew: it had decided, and neither the time nor the room has changed since.
fn unchanged(writing: &Writing) -> bool {
    writing.left.is_none() && writing.before.is_some_and(|before| before.is_about(writing.span))
}

/// What a command waits for, as its receipt says it. Why a later one was refused stands there first.
#[must_use]
pub fn waiting(row: Option<&Booking>, why: CommandFailure, context: &Context, now: Instant) -> Option<Write> {
    let is_free = |row: &&Booking| row.state.failure.as_ref().is_none_or(|why| code::is_of_room(&why.code));
    let row = row.filter(|row| row.state.status == Status::Pending).filter(is_free)?;
    let state = BookingState { failure: Some(why), ..row.state.clone() };
    revise(Some(row), &row.room, &row.id, state, context.retention_days, now)
}

impl Writing {
    /// A room has yet to show what is wanted: it is looked at again after a growing pause.
    pub fn watch_again(&mut self, now: Instant) {
        self.due = Some(now + doubled(WATCH_SECONDS, self.watches));
        self.watches += 1;
    }

    /// Whether its create was answered at once and nothing has changed since: then nobody can have seen its meeting elsewhere.
    fn was_made_at_once(&self) -> bool {
        let at_once = self.made_at.is_some_and(|at| at - self.since < TimeDelta::seconds(PAUSE_SECONDS.0));
        at_once && self.written.len() <= 1
    }
}
