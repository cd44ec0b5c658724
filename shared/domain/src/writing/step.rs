//! What has to be done next for a writing, and what its outcome means.

use super::code;
use super::meeting::{Content, Meeting, RoomAnswer, Seen};
use super::merge::{Judgement, View, adopted, judge};
use super::rows::{failure, revise, shows_another, standing};
use super::state::{KnownEvent, Late, Writing};
use crate::booking::{Booking, BookingState, CommandFailure, EndReason, Status};
use crate::context::Context;
use crate::ids::RoomId;
use crate::plan::Write;
use crate::time::{Instant, Span, seconds};
use crate::zone;
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// Times that one wanted version is sent before it is given up: no fight with somebody who changes the meeting each time.
const MOST_PUSHES: u32 = 3;
/// A request without an answer may land so long after we gave up.
const LANDING_SECONDS: i64 = 30;
/// Somebody else may be at work on the same booking: a minute, the longest that an invocation takes, and as long as a request may land
/// after that.
pub(super) const AFTERMATH_SECONDS: i64 = 60 + LANDING_SECONDS;
/// A room that has never shown a meeting may show it so long after the meeting has gone, because its mail is on its way.
const LATE_COPY_MINUTES: i64 = 15;
/// First pause after a failure, doubled with each, and the longest.
const PAUSE_SECONDS: (i64, i64) = (2, 60);
/// The same where the mailbox itself is not there.
const ABSENCE_SECONDS: (i64, i64) = (30, 900);
/// First pause before a silent room is looked at, doubled with each, and the longest. A room that declines at once shows nothing in its calendar,
/// so this is how soon its answer is known.
const WATCH_SECONDS: (i64, i64) = (20, 3600);
/// Looks after which a receipt says that the room does not answer.
const WATCHES_IN_SILENCE: u32 = 6;
/// Looks at a room for a meeting that stands although its booking has ended unseen.
const WATCHES_OF_ENDED: u32 = 2;
/// How long a command waits for a credential, and for anything else.
const CREDENTIAL_MINUTES: i64 = 15;
const PATIENCE_HOURS: i64 = 24;
/// Failures in a row without which it is not given up: fewer than come together in a quarter of an hour.
const FEWEST_FAILURES: u32 = 10;

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is left to do.
    Done,
    /// Nothing before that instant.
    Wait(Instant),
    /// Make the meeting, with the life's own transaction id.
    Create,
    /// Read the meeting, merge, change what differs.
    Push,
    /// Look for everything that bears our mark and delete it, and the meeting itself.
    Remove,
    /// The room declines somebody else's meeting.
    Decline,
    /// Look for everything that bears our mark and compare.
    Verify,
    /// The calendar is as wanted: see whether the room has answered.
    Watch,
}

/// The next step. `now` decides only whether a request that was not answered may still land.
#[must_use]
pub fn next_step(writing: &Writing, now: Instant) -> Step {
    if writing.is_settled() {
        return Step::Done;
    }
    if writing.applied < writing.wanted {
        return match (&writing.desired, &writing.event) {
            (Some(_), None) => match writing.unsure_until.filter(|until| now < *until) {
                Some(until) => Step::Wait(until),
                None => Step::Create,
            },
            (Some(_), Some(_)) => Step::Push,
            (None, _) if writing.place.foreign => Step::Decline,
            (None, _) => Step::Remove,
        };
    }
    if !writing.is_verified() {
        return match writing.unsure_until.filter(|until| now < *until) {
            Some(until) => Step::Wait(until),
            None => Step::Verify,
        };
    }
    Step::Watch
}

impl Writing {
    /// A create was answered with a meeting: the new one, or the one that an earlier attempt made.
    pub fn created(&mut self, seen: &Seen, now: Instant) {
        self.made_at = Some(now);
        self.event = Some(KnownEvent { id: seen.id.clone(), ical_uid: seen.ical_uid.clone() });
        self.sent = true;
        self.failures = 0;
        let content = self.content(seen);
        let goal = self.desired.as_ref().map(Meeting::content);
        // If nothing else was ever sent, this is what was sent, however Exchange spells it.
        let alone = self.written.iter().all(|sent| Some(sent) == goal.as_ref());
        if alone || goal.as_ref() == Some(&content) {
            self.applied = self.wanted;
        } else {
            self.pushes += 1;
        }
        self.base = Some(content);
    }

    /// A change was taken, or there was nothing to change: `merged` is wanted now.
    pub fn pushed(&mut self, merged: Meeting, span: Span, now: Instant) {
        let content = merged.content();
        self.note_written(&content);
        self.base = Some(content);
        self.desired = Some(merged);
        self.span = span;
        self.applied = self.wanted;
        self.applied_at = Some(now);
        self.pushes += 1;
        self.failures = 0;
    }

    /// Whether the change was sent often enough, and others changed the meeting each time. One of them may be a copy of the writer that sent
    /// the same.
    #[must_use]
    pub fn was_pushed_often(&self) -> bool {
        self.pushes >= MOST_PUSHES
    }

    /// A meeting was deleted or the room has declined.
    pub fn removed(&mut self, now: Instant) {
        self.applied = self.wanted;
        self.applied_at = Some(now);
        self.failures = 0;
    }

    /// What is wanted stands.
    pub fn verified(&mut self) {
        self.verified = self.wanted;
        self.failures = 0;
        self.stood = None;
    }

    /// The room is free. If nothing is wanted any more, somebody else who has read the booking before its meeting was known to be made may
    /// make it all the same: then the mark is looked for once more, when no request can be on its way any more. And a room that has not shown
    /// it may still do so: for a while that is left alone.
    pub fn rest(&mut self, is_observed: bool, now: Instant) {
        if self.place.foreign {
            return;
        }
        let ahead = |at: Instant| Some(seconds::not_before(at)).filter(|at| now < *at);
        let unsure = ahead(self.made_at.unwrap_or(self.since) + TimeDelta::seconds(AFTERMATH_SECONDS))
            .filter(|_| self.desired.is_none());
        if unsure.is_some() {
            self.unsure_until = unsure;
            self.verified = self.wanted.saturating_sub(1);
        }
        let late = || ahead(self.late_until()).filter(|_| !is_observed && self.made_at.is_some());
        self.due = unsure.or_else(late);
    }

    /// Meetings of this life and of earlier ones that have gone, and that their rooms may still show. `row` is the booking as it ended.
    #[must_use]
    pub fn late_copies(&self, row: Option<&Booking>) -> Vec<Late> {
        let unseen = row.is_none_or(|row| !row.is_observed());
        self.late.iter().cloned().chain(self.late_in(&self.room).filter(|_| unseen)).collect()
    }

    /// The room that was left shows the meeting no more. What the booking was there says nothing about the room where it is to be now.
    pub fn left_behind(&mut self, row: Option<&Booking>) {
        let Some(left) = self.left.take() else { return };
        self.before = None;
        self.late.extend(self.late_in(&left).filter(|_| row.is_some_and(|row| !row.is_observed())));
    }

    fn late_in(&self, room: &RoomId) -> Option<Late> {
        Some(Late { room: room.clone(), ical_uid: self.ical_uid()?, until: self.late_until() })
    }

    fn late_until(&self) -> Instant {
        seconds::not_before(self.applied_at.unwrap_or(self.since) + TimeDelta::minutes(LATE_COPY_MINUTES))
    }

    /// All is settled but what rooms may still show late, or of the life before.
    pub fn wait_for_late(&mut self, now: Instant) {
        self.forget_late(now);
        let former = self.former.as_ref().map(|_| self.late_until());
        self.due = self.due.max(self.late.iter().map(|late| late.until).chain(former).max());
    }

    /// What rooms still show after that time they keep.
    fn forget_late(&mut self, now: Instant) {
        self.late.retain(|late| now < late.until);
        let until = self.late_until();
        self.former.take_if(|_| now >= until);
    }

    /// A request was not answered at all and may still land.
    pub fn unanswered(&mut self, now: Instant) {
        let until = seconds::not_before(now + TimeDelta::seconds(LANDING_SECONDS));
        self.sent = true;
        self.unsure_until = Some(until);
        self.failures += 1;
        self.due = Some(until);
    }

    /// A request was refused for now; it may have had an effect all the same. Waits as long as Graph asks, or a growing pause.
    pub fn put_off(&mut self, retry_after: Option<TimeDelta>, now: Instant) {
        self.sent = true;
        self.failures += 1;
        let pause = retry_after.unwrap_or_else(|| doubled(PAUSE_SECONDS, self.failures - 1));
        self.due = Some(seconds::not_before(now + pause));
    }

    /// A mailbox is not there and may come back: it is tried ever more seldom.
    pub fn wait_for_mailbox(&mut self, now: Instant) {
        self.due = Some(seconds::not_before(now + doubled(ABSENCE_SECONDS, self.failures)));
    }

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

    /// How a meeting of this booking is compared.
    #[must_use]
    pub fn content(&self, seen: &Seen) -> Content {
        seen.content(&self.salt(), &self.rooms(), self.place.own)
    }

    /// Whether it has waited as long as one waits for what the code says.
    #[must_use]
    pub fn has_waited(&self, what: &'static str, now: Instant) -> bool {
        let limit = match what {
            code::CREDENTIAL_EXPIRED if !self.is_clearing() => TimeDelta::minutes(CREDENTIAL_MINUTES),
            _ => TimeDelta::hours(PATIENCE_HOURS),
        };
        now - self.since >= limit
    }

    /// Whether it is given up. That it has waited proves nothing by itself: nobody may have worked on it meanwhile.
    #[must_use]
    pub fn is_given_up(&self, what: &'static str, now: Instant) -> bool {
        self.failures >= FEWEST_FAILURES && self.has_waited(what, now)
    }
}

fn doubled((first, longest): (i64, i64), times: u32) -> TimeDelta {
    TimeDelta::seconds((first << times.min(16)).min(longest))
}

/// What a read-back comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// The calendar is as wanted.
    Well,
    /// These meetings bear our mark and are too many.
    Strays(Vec<Seen>),
    /// The meeting is gone though it is wanted: a person has deleted it.
    Gone,
    /// It is not as wanted, and is to be sent again.
    Again,
}

/// Compares what bears our mark with what is wanted. `marked` is everything that was found in the mailbox, cancelled meetings left out;
/// `known` is the meeting itself if it was asked for by its id because it was not among them.
#[must_use]
pub fn read_back(writing: &mut Writing, marked: &[Seen], known: Option<&Seen>, zone: zone::Tz) -> Verified {
    let id = writing.event.as_ref().map(|event| event.id.clone());
    let ours = marked.iter().chain(known).find(|seen| Some(&seen.id) == id.as_ref());
    let strays: Vec<Seen> =
        marked.iter().filter(|seen| ours.is_none_or(|ours| ours.id != seen.id)).cloned().collect();
    let Some(meeting) = writing.desired.clone() else {
        if strays.is_empty() && ours.is_none() {
            writing.verified();
            return Verified::Well;
        }
        return Verified::Strays(marked.to_vec());
    };
    if !strays.is_empty() {
        return Verified::Strays(strays);
    }
    let Some(seen) = ours else { return Verified::Gone };
    let (salt, rooms) = (writing.salt(), writing.rooms());
    let view = View { salt: &salt, rooms: &rooms, own: writing.place.own };
    let content = view.content(seen);
    let judgement = judge(&meeting.content(), &content, &writing.written);
    // What was verified once cannot be overtaken by what was sent before it: whoever brings an older content back is a person.
    if judgement == Judgement::Echo && !writing.is_verified() && !writing.was_pushed_often() {
        writing.base = None;
        writing.applied = writing.wanted - 1;
        return Verified::Again;
    }
    if judgement != Judgement::Same {
        let taken = adopted(&meeting, seen, &view);
        writing.span = taken.span(zone);
        writing.desired = Some(taken);
        writing.written = vec![content.clone()];
    }
    writing.base = Some(content);
    writing.verified();
    Verified::Well
}

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
        writing.due = None;
        return (Watched::Settled, None);
    };
    writing.forget_late(now);
    // Why a command was refused that came while another was under way stands in the receipt alone.
    let why = row.state.failure.clone().filter(|why| !code::is_of_room(&why.code));
    writing.refused = why.or(writing.refused.take());
    let (watched, mut write) = answered(writing, row, answer, context, window, now);
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

fn answered(
    writing: &mut Writing,
    row: &Booking,
    answer: Option<RoomAnswer>,
    context: &Context,
    window: Span,
    now: Instant,
) -> (Watched, Option<Write>) {
    let write =
        |state: BookingState| revise(Some(row), &row.room, &row.id, state, context.retention_days, now);
    let with = |status| BookingState { status, failure: None, ..row.state.clone() };
    let over = now >= writing.span.end + TimeDelta::hours(1);
    // Beyond the days that are kept in step nobody looks at the room. When its day comes it is known by its id. What has been elsewhere
    // before, its poller may have taken for somebody else's there: it is asked to look first.
    let is_known = row.is_observed() || writing.was_made_at_once() || writing.watches > 1;
    let beyond = answer == Some(RoomAnswer::Accepted) && !writing.span.overlaps(&window) && is_known;
    let confirmed = |writing: &mut Writing| {
        writing.accepted = true;
        writing.due = None;
        let ical_uid = writing.ical_uid().or_else(|| row.state.ical_uid.clone());
        let state = standing(writing, row, context).unwrap_or_else(|| row.state.clone());
        // Until its day comes the room may take another copy of it.
        let state =
            BookingState { ical_uid, event_id: None, status: Status::Confirmed, failure: None, ..state };
        (Watched::Settled, write(state))
    };
    match row.state.status {
        status if status != Status::Pending && !over && shows_another(writing, row) => {
            if beyond {
                return confirmed(writing);
            }
            let look = writing.watches > 0;
            writing.watch_again(now);
            (Watched::Silent { look }, None)
        }
        Status::Confirmed => {
            writing.accepted = true;
            writing.due = None;
            (Watched::Settled, None)
        }
        Status::Ended(EndReason::Declined) if writing.desired.is_some() && !writing.accepted => {
            (Watched::Withdraw, None)
        }
        // The meeting stands: by this id the room's poller knows the booking again. What it may have taken for somebody else's, when the
        // room was back and the meeting not known yet, it is asked to look at once more while there is a claim.
        Status::Ended(_) if !row.is_observed() && writing.desired.is_some() => {
            let ical_uid = writing.ical_uid().or_else(|| row.state.ical_uid.clone());
            let state = BookingState { ical_uid, ..row.state.clone() };
            if writing.watches < WATCHES_OF_ENDED {
                writing.watch_again(now);
                return (Watched::Silent { look: true }, write(state));
            }
            writing.due = None;
            (Watched::Settled, write(state))
        }
        Status::Ended(_) => {
            writing.due = None;
            (Watched::Settled, None)
        }
        Status::Tentative if over => {
            writing.due = None;
            (Watched::Settled, None)
        }
        Status::Pending if over && writing.leaving.is_none() && !unchanged(writing) => {
            // It may answer all the same: then the tombstone has to be known again.
            writing.due = Some(now);
            let why = failure(code::NO_ANSWER, "the room has not answered before the meeting was over");
            let state = BookingState { failure: Some(why), ..with(Status::Ended(EndReason::Failed)) };
            (Watched::Settled, write(state))
        }
        Status::Pending if writing.leaving.is_some() && (over || !row.is_observed()) => {
            // The room has never shown it, or does not say that it is gone: nobody else will.
            let reason = writing.leaving.unwrap_or(EndReason::Cancelled);
            writing.due = None;
            (Watched::Settled, write(with(Status::Ended(reason))))
        }
        Status::Pending
            if writing.leaving.is_none() && answer == Some(RoomAnswer::Declined) && !row.is_observed() =>
        {
            let why = failure(code::DECLINED, "the room declined");
            let state = BookingState { failure: Some(why), ..with(Status::Ended(EndReason::Declined)) };
            let watched = if writing.accepted { Watched::Settled } else { Watched::Withdraw };
            if watched == Watched::Settled {
                writing.due = None;
            }
            (watched, write(state))
        }
        Status::Pending
            if writing.leaving.is_none() && unchanged(writing) && !shows_another(writing, row) =>
        {
            let status = writing.before.map_or(Status::Pending, super::state::Before::status);
            writing.due = None;
            (Watched::Settled, write(with(status)))
        }
        Status::Pending if beyond => confirmed(writing),
        Status::Tentative | Status::Pending => {
            let looks = writing.watches;
            writing.watch_again(now);
            let silent = looks >= WATCHES_IN_SILENCE && row.state.status == Status::Pending;
            // Why the last command failed is said again with the room's answer.
            let silence = silent.then(|| failure(code::NO_ANSWER, "the room has not answered yet"));
            let state =
                BookingState { failure: silence.or_else(|| writing.refused.clone()), ..row.state.clone() };
            (Watched::Silent { look: looks > 0 }, write(state))
        }
    }
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
