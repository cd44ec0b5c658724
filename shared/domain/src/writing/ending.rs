//! What becomes of a writing that does not come to what its command wants.
//!
//! | what was wanted | what stood before | then |
//! |---|---|---|
//! | a change that was not made | a meeting | it stands as before |
//! | a change that was made and must not be | a meeting | it is changed back, but for words of a private one, which nobody keeps |
//! | a meeting | nothing | whatever was made goes |
//! | that it goes | a meeting | it stands as before |
//! | that it goes | nothing that is known | it is left |

use super::code;
use super::late::AFTERMATH_SECONDS;
use super::rows::{failure, revise, standing};
use super::state::{Before, Writing};
use crate::booking::{Booking, BookingState, CommandFailure, EndReason, PrivateBy, Status};
use crate::context::Context;
use crate::plan::Write;
use crate::time::{Instant, seconds};
use chrono::TimeDelta;

/// The command fails for good. What it wanted is taken back: a meeting that was there stays as it is, one that may have been made goes.
/// Gives the receipt.
pub fn give_up(
    writing: &mut Writing,
    row: Option<&Booking>,
    row_left: Option<&Booking>,
    why: CommandFailure,
    context: &Context,
    now: Instant,
) -> Vec<Write> {
    let retention = context.retention_days;
    // A move that fails leaves the booking in the room where it was.
    let stays = row_left.filter(|row| row.state.status == Status::Pending).and_then(|row| {
        let status = writing.before.map_or(Status::Pending, Before::status);
        let state = BookingState { status, failure: Some(why.clone()), ..row.state.clone() };
        revise(Some(row), &row.room, &row.id, state, retention, now)
    });
    let stays_here = take_back(writing, row_left, context, now);
    writing.refused = Some(why.clone());
    let is_public = writing.desired.as_ref().is_some_and(|meeting| !meeting.private);
    let private_by = |state: &BookingState| match state.private_by {
        PrivateBy::Command if is_public => PrivateBy::Nobody,
        other => other,
    };
    let state = row.map(|row| match (row.state.status, writing.before) {
        // What stands has yet to be answered, or was confirmed at that time before the room has ever shown it.
        (Status::Pending, before) if writing.desired.is_some() && stays_here => {
            let state = standing(writing, row, context).unwrap_or_else(|| row.state.clone());
            let shown = before.filter(|before| row.is_observed() && !before.moved);
            let decided = shown.or(before.filter(|before| before.is_about(writing.span)));
            let status = decided.map_or(Status::Pending, Before::status);
            let span = shown.map_or(state.span, |shown| shown.span);
            BookingState { status, span, failure: Some(why.clone()), ..state }
        }
        (Status::Pending, _) => BookingState {
            status: Status::Ended(EndReason::Failed),
            failure: Some(why.clone()),
            ..row.state.clone()
        },
        // The room has shown what is cleared away: its poller sees that it goes.
        (Status::Confirmed | Status::Tentative, _) if writing.desired.is_none() => {
            BookingState { status: Status::Pending, failure: Some(why.clone()), ..row.state.clone() }
        }
        _ => BookingState {
            private_by: private_by(&row.state),
            failure: Some(why.clone()),
            ..row.state.clone()
        },
    });
    let here = state.and_then(|state| revise(row, &row?.room, &writing.booking, state, retention, now));
    here.into_iter().chain(stays).collect()
}

/// Wants again what was there before. Tells whether the booking goes on in the room of the command.
fn take_back(writing: &mut Writing, row_left: Option<&Booking>, context: &Context, now: Instant) -> bool {
    let is_made = writing.applied == writing.wanted;
    writing.left = None;
    let Some(mut stood) = writing.stood.take() else {
        if writing.desired.is_some() {
            // It may be there all the same: somebody may have sent it and died before that could be saved.
            take_away(writing, EndReason::Failed, now);
        } else {
            stands(writing, now);
        }
        return false;
    };
    writing.leaving = stood.room.is_none().then_some(EndReason::Released);
    writing.span = row_left.map_or_else(|| stood.span(context.zone), |row| row.state.span);
    let room = stood.room.as_ref().map(|room| room.id.clone());
    let stays_here = room.as_ref() == Some(&writing.room);
    writing.room = room.unwrap_or_else(|| writing.room.clone());
    if is_made {
        if let Some(failed) = writing.desired.as_ref().filter(|_| stood.private) {
            // Nobody keeps the words that were there: those that are there stay.
            stood.subject_digest.clone_from(&failed.subject_digest);
            stood.attendees_digest.clone_from(&failed.attendees_digest);
        }
        writing.since = now;
        writing.want(Some(*stood), now);
    } else {
        writing.desired = Some(*stood);
        stands(writing, now);
    }
    stays_here
}

/// Wants the meeting to be gone, whatever comes.
fn take_away(writing: &mut Writing, reason: EndReason, now: Instant) {
    writing.leaving = Some(reason);
    writing.since = now;
    writing.want(None, now);
    writing.stood = None;
}

/// Nothing is to be done any more but to tell.
fn stands(writing: &mut Writing, now: Instant) {
    writing.applied = writing.wanted;
    writing.verified();
    writing.watches = 0;
    writing.due = Some(now);
}

/// A person has deleted the meeting: that is final. Its mark is looked for once more when nobody can be about to make it any more.
pub fn gone(writing: &mut Writing, row: Option<&Booking>, context: &Context, now: Instant) -> Option<Write> {
    let over = seconds::not_before(now + TimeDelta::seconds(AFTERMATH_SECONDS));
    writing.desired = None;
    writing.stood = None;
    writing.leaving = Some(EndReason::Cancelled);
    writing.applied = writing.wanted;
    writing.applied_at = Some(now);
    writing.verified = writing.wanted.saturating_sub(1);
    writing.left = None;
    writing.unsure_until = Some(over);
    writing.due = Some(over);
    let row = row.filter(|row| row.is_live())?;
    let why = failure(code::GONE, "a person has cancelled or deleted the meeting");
    let state = BookingState {
        status: Status::Ended(EndReason::Cancelled),
        failure: (row.state.status == Status::Pending).then_some(why),
        ..row.state.clone()
    };
    revise(Some(row), &row.room, &row.id, state, context.retention_days, now)
}

/// The room has declined a meeting that it never had: the meeting goes, too.
pub fn withdraw(writing: &mut Writing, now: Instant) {
    take_away(writing, EndReason::Declined, now);
}
