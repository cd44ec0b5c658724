//! The booking of a command as readers see it: its receipt.

use super::meeting::{Content, Meeting};
use super::state::Writing;
use crate::booking::{
    Booking, BookingState, CommandFailure, EndReason, Kind, Origin, PrivateBy, Status, expiry,
};
use crate::context::Context;
use crate::ids::{BookingId, RoomRef};
use crate::plan::{Change, Write};
use crate::project::clean;
use crate::time::{Instant, Span};
use crate::zone;

/// Why a command failed or what it waits for.
#[must_use]
pub fn failure(code: &str, message: impl Into<String>) -> CommandFailure {
    CommandFailure { code: code.to_owned(), message: message.into() }
}

/// The next version of a booking; nothing if nothing of it can be seen.
#[must_use]
pub fn revise(
    row: Option<&Booking>,
    room: &RoomRef,
    id: &BookingId,
    state: BookingState,
    retention_days: u32,
    now: Instant,
) -> Option<Write> {
    let ends = matches!(state.status, Status::Ended(_));
    let change = match row {
        Some(row) if row.state == state => return None,
        None if ends => Change::Ended,
        None => Change::Created,
        Some(_) if ends => Change::Ended,
        Some(row) if row.is_live() => Change::Updated,
        Some(_) => Change::Revived,
    };
    let over = row.map(|row| row.version);
    let expires_at = expiry(&state, now, retention_days);
    let version = over.unwrap_or(0) + 1;
    let booking =
        Booking { room: room.clone(), id: id.clone(), version, state, observed_at: now, expires_at };
    Some(Write { over, change, booking })
}

/// How a booking looks while its command is under way.
#[must_use]
pub fn pending(writing: &Writing, row: Option<&Booking>, context: &Context) -> Option<BookingState> {
    let live = row.filter(|row| row.is_live()).map(|row| &row.state);
    let command = writing.last_command().map(str::to_owned);
    let meeting = match (&writing.desired, live) {
        (Some(meeting), _) if meeting.room.is_some() => meeting,
        // The room is left: what is known of the booking stays, and if it still comes to show the meeting, that is known by its id.
        (_, Some(live)) => {
            let state = BookingState {
                status: Status::Pending,
                ical_uid: live.ical_uid.clone().or_else(|| writing.ical_uid()),
                last_command_id: command,
                failure: None,
                ..live.clone()
            };
            return Some(state);
        }
        _ => return None,
    };
    let state = of_meeting(meeting, writing, context);
    Some(match live.filter(|live| live.event_id.is_none() || live.event_id != writing.former) {
        Some(live) => as_shown(state, live, meeting, writing),
        None => state,
    })
}

/// How a booking looks once its last command has failed and what stood before is wanted again: the receipt shows what that command had
/// named, and nothing of it is kept.
#[must_use]
pub fn standing(writing: &Writing, row: &Booking, context: &Context) -> Option<BookingState> {
    let meeting = writing.desired.as_ref().filter(|meeting| meeting.room.is_some())?;
    let state = of_meeting(meeting, writing, context);
    Some(if shows_another(writing, row) { state } else { known_as(state, &row.state, meeting) })
}

/// Whether the room shows another meeting than the one that is wanted: one that an attempt has made which could not say so, and that a
/// person has cancelled since.
#[must_use]
pub fn shows_another(writing: &Writing, row: &Booking) -> bool {
    let is_single = writing.desired.as_ref().is_some_and(|meeting| meeting.recurrence.is_none());
    let ours = writing.event.as_ref().and_then(|event| event.ical_uid.as_ref());
    let differs = ours.zip(row.state.ical_uid.as_ref()).is_some_and(|(ours, theirs)| ours != theirs);
    is_single && writing.leaving.is_none() && differs
}

/// What a command leaves as it is looks as the room shows it, where a person may have changed it: nothing would bring that back, because
/// nothing of it is reported again.
fn as_shown(state: BookingState, live: &BookingState, meeting: &Meeting, writing: &Writing) -> BookingState {
    let leaves = |same: fn(&Content, &Content) -> bool| {
        writing.base.as_ref().is_some_and(|base| same(base, &meeting.content()))
    };
    let leaves_words = leaves(|base, next| base.subject == next.subject && base.private == next.private);
    let (span, all_day, time_zone) = if leaves(|base, next| base.when == next.when) {
        (live.span, live.all_day, live.time_zone.clone())
    } else {
        (state.span, state.all_day, state.time_zone.clone())
    };
    let subject =
        if leaves_words { live.subject.clone().filter(|_| !meeting.private) } else { state.subject.clone() };
    BookingState { span, all_day, time_zone, subject, ..known_as(state, live, meeting) }
}

/// Of which entry of the room's calendar it is, and by whom.
fn known_as(state: BookingState, live: &BookingState, meeting: &Meeting) -> BookingState {
    let public = |text: &Option<String>| text.clone().filter(|_| !meeting.private);
    BookingState {
        kind: live.kind,
        series_id: live.series_id.clone(),
        original_start: live.original_start,
        event_id: live.event_id.clone(),
        ical_uid: live.ical_uid.clone().or(state.ical_uid),
        organizer_name: public(&live.organizer_name),
        organizer_email: public(&live.organizer_email).or(state.organizer_email),
        ..state
    }
}

fn of_meeting(meeting: &Meeting, writing: &Writing, context: &Context) -> BookingState {
    let may_know = |allowed: bool| allowed && !meeting.private;
    let organizer = Some(&writing.place.mailbox)
        .filter(|mailbox| may_know(context.wanted.organizer) && !writing.place.own && mailbox.contains('@'));
    BookingState {
        status: Status::Pending,
        room_email: context.email.clone(),
        span: writing.span,
        time_zone: zone::iana_or_utc(Some(&meeting.start.zone)).to_owned(),
        all_day: meeting.all_day.then(|| (meeting.start.local.date(), meeting.end.local.date())),
        kind: Kind::Single,
        series_id: None,
        original_start: None,
        private_by: if meeting.private { PrivateBy::Command } else { PrivateBy::Nobody },
        subject: meeting
            .words
            .subject
            .as_deref()
            .filter(|_| may_know(context.wanted.subject))
            .and_then(clean),
        organizer_name: None,
        organizer_email: organizer.cloned(),
        origin: Origin::Command,
        event_id: None,
        ical_uid: writing.ical_uid(),
        last_command_id: writing.last_command().map(str::to_owned),
        failure: None,
    }
}

/// A booking that never came to be, for a command that has no other receipt.
#[must_use]
pub fn stillborn(context: &Context, span: Span, command: &str, failure: CommandFailure) -> BookingState {
    BookingState {
        status: Status::Ended(EndReason::Failed),
        room_email: context.email.clone(),
        span,
        time_zone: "UTC".to_owned(),
        all_day: None,
        kind: Kind::Single,
        series_id: None,
        original_start: None,
        private_by: PrivateBy::Nobody,
        subject: None,
        organizer_name: None,
        organizer_email: None,
        origin: Origin::Command,
        event_id: None,
        ical_uid: None,
        last_command_id: Some(command.to_owned()),
        failure: Some(failure),
    }
}
