//! What a command changes: the writing and the receipt, as one transaction, before anybody is called.
//!
//! | command | booking | then |
//! |---|---|---|
//! | any | knows the command | nothing: it had its effect |
//! | `create` | none, or ended | a new life |
//! | `create` | under way or live | the whole content is wanted anew; still one meeting |
//! | `update` | under way or live | the named fields are wanted anew |
//! | `update` | ended | fails, `gone` |
//! | `cancel` | under way or live | nothing is wanted |
//! | `release` | under way or live | the same meeting is wanted without the room |
//! | `release` | made in Outlook | the room declines |
//! | `update`, `cancel` | made in Outlook | fails, `not_ours` |
//! | `cancel`, `release` | ended | nothing |
//! | not `create` | none | fails, `booking_unknown` |

use super::code;
use super::meeting::{Meeting, RoomAddress, Salt, Wall, Words};
use super::request::{Request, times};
use super::rows::{failure, pending, revise, stillborn};
use super::state::{Before, KnownEvent, Place, Writing};
use crate::booking::{Booking, BookingState, CommandFailure, EndReason, Status};
use crate::context::Context;
use crate::ids::RoomId;
use crate::plan::Write;
use crate::tenant::Organizer;
use crate::time::{Instant, Span};
use roomsync_command::{Action, Recurrence};

/// Everything that decides about a command besides the command.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// How far the booking's writing is.
    pub writing: Option<&'a Writing>,
    /// The booking in the room that the command concerns.
    pub row: Option<&'a Booking>,
    /// The booking in the room that it is in now, if that is another one.
    pub row_left: Option<&'a Booking>,
    /// The room that the command concerns.
    pub context: &'a Context,
    /// The same as an attendee.
    pub room: &'a RoomAddress,
    /// Whose calendar meetings are made in.
    pub policy: &'a Organizer,
    /// Why no command for this room is carried out.
    pub refusal: Option<&'a CommandFailure>,
    /// Now.
    pub now: Instant,
}

/// What is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save {
    /// The writing, over the version that it has.
    pub writing: Box<Writing>,
    /// New versions of bookings.
    pub rows: Vec<Write>,
}

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It had its effect before.
    Known,
    /// What an earlier command has ended is not gone yet: settle that first.
    NotYet,
    /// It counts from now on.
    Accepted(Save),
    /// It fails; the receipt says so.
    Refused(Save, CommandFailure),
}

/// Decides about a command.
#[must_use]
pub fn accept(request: &Request, given: &Given<'_>) -> Decision {
    let known = given.writing.is_some_and(|writing| writing.knows(&request.command))
        || given.row.is_some_and(|row| row.state.last_command_id.as_deref() == Some(&request.command));
    if known {
        return Decision::Known;
    }
    if let Some(why) = given.refusal {
        return refuse(request, given, why.clone());
    }
    let wanted = match (request.action, given.writing) {
        (Action::Create, writing) => create(request, given, writing),
        (_, None) => without_writing(request, given),
        (_, Some(writing)) if writing.is_blank() => without_writing(request, given),
        (_, Some(writing)) if writing.place.foreign && stands_in_outlook(given) && writing.is_verified() => {
            without_writing(request, given)
        }
        (_, Some(writing)) if writing.desired.is_none() => ended(request, writing),
        (Action::Update, Some(writing)) => update(request, given, writing),
        (Action::Cancel, Some(writing)) => Ok(Wanted::Now(cancel(writing, given.now))),
        (Action::Release, Some(writing)) => Ok(Wanted::Now(release(writing, given.now))),
    };
    match wanted {
        Ok(Wanted::NotYet) => Decision::NotYet,
        Ok(Wanted::Nothing(mut writing)) => {
            writing.remember(&request.command);
            let rows = named(&writing, given).into_iter().collect();
            Decision::Accepted(Save { writing: Box::new(writing), rows })
        }
        Ok(Wanted::Now(mut writing)) => {
            writing.remember(&request.command);
            writing.since = given.now;
            writing.refused = None;
            let rows = rows(&mut writing, given);
            Decision::Accepted(Save { writing: Box::new(writing), rows })
        }
        Err(why) => refuse(request, given, why),
    }
}

/// What a command wants.
enum Wanted {
    Now(Writing),
    Nothing(Writing),
    NotYet,
}

type Asked = Result<Wanted, CommandFailure>;

fn invalid(field: &str, why: &str) -> CommandFailure {
    failure(code::INVALID_FIELD, format!("{field}: {why}"))
}

fn create(request: &Request, given: &Given<'_>, writing: Option<&Writing>) -> Asked {
    let (Some(start), Some(end)) = (request.start.clone(), request.end.clone()) else {
        return Err(invalid("start", "missing"));
    };
    let place =
        Place::of(given.policy, &given.context.room.room, request.organizer.as_deref()).ok_or_else(|| {
            invalid("organizerEmail", "missing; the tenant's meetings are made in their organizer's calendar")
        })?;
    if place.own && request.recurrence.is_some() {
        return Err(invalid("recurrence", "not possible while meetings are made in the room's own calendar"));
    }
    let now = given.now;
    let meeting = meeting(request, given, start, end, &place);
    let span = meeting.span(given.context.zone);
    let blank = || Writing::blank(&given.context.room, request.booking.clone(), place.clone(), span, now);
    let mut next = match writing {
        old if old.is_none_or(|old| old.place.foreign) && stands_in_outlook(given) => {
            return Err(failure(code::NOT_OURS, "a booking of that id was made in Outlook"));
        }
        None => Writing { life: 1, sent: true, ..blank() },
        Some(old) if old.desired.is_none() && !old.is_verified() => return Ok(Wanted::NotYet),
        Some(old) if old.desired.is_none() => Writing {
            version: old.version,
            life: old.life + 1,
            sent: true,
            wanted: old.wanted,
            applied: old.applied,
            verified: old.verified,
            receipts: old.receipts.clone(),
            former: given.row.filter(|row| row.is_live()).and_then(|row| row.state.event_id.clone()),
            late: old.late_copies(given.row_left.or(given.row)),
            ..blank()
        },
        Some(old) => {
            return whole(old, meeting, span, given, &place);
        }
    };
    next.want(Some(meeting), now);
    Ok(Wanted::Now(next))
}

/// Whether the booking is in the room's calendar as far as its poller has seen.
fn stands_in_outlook(given: &Given<'_>) -> bool {
    given.row.is_some_and(|row| row.is_live() && row.is_observed())
}

/// A create for a booking that stands: the same meeting, wanted anew as a whole.
fn whole(old: &Writing, meeting: Meeting, span: Span, given: &Given<'_>, place: &Place) -> Asked {
    if !place.mailbox.eq_ignore_ascii_case(&old.place.mailbox) || place.own != old.place.own {
        return Err(invalid(
            "organizerEmail",
            "the organizer of a meeting cannot be changed; cancel it first",
        ));
    }
    change(old, meeting, span, given)
}

fn meeting(request: &Request, given: &Given<'_>, start: Wall, end: Wall, place: &Place) -> Meeting {
    let salt = Salt::of(&request.tenant, &request.booking);
    let people = invited(request, place, request.words.attendees.clone().unwrap_or_default());
    let private = request.private.unwrap_or(false);
    let all_day = request.all_day.unwrap_or(false);
    let recurrence = request.recurrence.as_ref().map(Recurrence::normal);
    let words = Words { subject: request.words.subject.clone(), attendees: Some(people) };
    let meeting = Meeting {
        room: Some(given.room.clone()),
        start,
        end,
        all_day,
        private,
        subject_digest: salt.subject(words.subject.as_deref()),
        attendees_digest: salt.attendees(words.attendees.iter().flatten()),
        words: if private { Words::default() } else { words },
        recurrence,
    };
    in_room_zone(meeting, given.context)
}

/// Whom a command invites. One mailbox organizes for all: whose meeting it is, is invited.
fn invited(request: &Request, place: &Place, mut people: Vec<String>) -> Vec<String> {
    if let Some(organizer) = &request.organizer
        && !place.own
        && !organizer.eq_ignore_ascii_case(&place.mailbox)
        && !people.iter().any(|person| person.eq_ignore_ascii_case(organizer))
    {
        people.insert(0, organizer.clone());
    }
    people
}

/// The words of the command at hand, with everybody whom it invites: of a private meeting they are kept nowhere else.
#[must_use]
pub fn said(request: &Request, policy: &Organizer, room: &RoomId) -> Words {
    let named = request.words.attendees.clone();
    let named = if request.action == Action::Create { Some(named.unwrap_or_default()) } else { named };
    let place = Place::of(policy, room, request.organizer.as_deref());
    let attendees = match place {
        Some(place) => named.map(|people| invited(request, &place, people)),
        None => named,
    };
    Words { attendees, ..request.words.clone() }
}

/// Whole days are midnights where the room is (`event` page: start and end in one zone).
fn in_room_zone(mut meeting: Meeting, context: &Context) -> Meeting {
    if meeting.all_day {
        context.zone.name().clone_into(&mut meeting.start.zone);
        context.zone.name().clone_into(&mut meeting.end.zone);
    }
    meeting
}

fn without_writing(request: &Request, given: &Given<'_>) -> Asked {
    let unknown = || failure(code::BOOKING_UNKNOWN, "there is no booking of that id; create it first");
    let row = given.row.filter(|row| row.is_live() && row.is_observed()).ok_or_else(unknown)?;
    let event = row.state.event_id.clone().ok_or_else(unknown)?;
    if request.action != Action::Release {
        let why = "the booking was made in Outlook: its organizer changes or cancels it; `release` gives the room back";
        return Err(failure(code::NOT_OURS, why));
    }
    let place = Place { mailbox: row.room.room.to_string(), own: true, foreign: true };
    let mut next = Writing::blank(&row.room, row.id.clone(), place, row.state.span, given.now);
    if let Some(old) = given.writing {
        (next.version, next.wanted, next.applied, next.verified) =
            (old.version, old.wanted, old.applied, old.verified);
        next.receipts.clone_from(&old.receipts);
    }
    next.life = given.writing.map_or(1, |old| old.life + 1);
    next.before = before(given.row);
    next.event = Some(KnownEvent { id: event, ical_uid: row.state.ical_uid.clone() });
    next.leaving = Some(EndReason::Released);
    next.want(None, given.now);
    Ok(Wanted::Now(next))
}

fn ended(request: &Request, writing: &Writing) -> Asked {
    if request.action == Action::Update {
        return Err(failure(code::GONE, "the booking has ended; create it anew"));
    }
    Ok(Wanted::Nothing(writing.clone()))
}

fn update(request: &Request, given: &Given<'_>, writing: &Writing) -> Asked {
    let Some(old) = &writing.desired else { return Ok(Wanted::NotYet) };
    // What is to be written of a private meeting is in the message before, and in no other; and of one that turns private nothing is kept.
    // Until it is read back nobody knows whether a person has given it other words.
    if (old.private || request.private == Some(true)) && !writing.is_verified() {
        return Ok(Wanted::NotYet);
    }
    if request.organizer.as_ref().is_some_and(|named| {
        !matches!(given.policy, Organizer::Mailbox(_))
            && !writing.place.own
            && !named.eq_ignore_ascii_case(&writing.place.mailbox)
    }) {
        return Err(invalid(
            "organizerEmail",
            "the organizer of a meeting cannot be changed; cancel it first",
        ));
    }
    let salt = writing.salt();
    let mut meeting = old.clone();
    if request.room.is_some() {
        meeting.room = Some(given.room.clone());
    }
    if let Some(start) = &request.start {
        meeting.start = start.clone();
    }
    if let Some(end) = &request.end {
        meeting.end = end.clone();
    }
    meeting.all_day = request.all_day.unwrap_or(meeting.all_day);
    meeting.private = request.private.unwrap_or(meeting.private);
    if let Some(subject) = &request.words.subject {
        meeting.subject_digest = salt.subject(Some(subject));
        meeting.words.subject = Some(subject.clone());
    }
    if let Some(people) = &request.words.attendees {
        let people = invited(request, &writing.place, people.clone());
        meeting.attendees_digest = salt.attendees(&people);
        meeting.words.attendees = Some(people);
    }
    if meeting.private {
        meeting.words = Words::default();
    }
    match &request.recurrence {
        Some(_) if writing.place.own => {
            return Err(invalid(
                "recurrence",
                "not possible while meetings are made in the room's own calendar",
            ));
        }
        Some(recurrence) => meeting.recurrence = Some(recurrence.normal()),
        // A series begins on the day of its first meeting.
        None => {
            if let Some(recurrence) = &mut meeting.recurrence {
                recurrence.range.start_date = meeting.start.local.date();
            }
        }
    }
    times(&meeting.start, &meeting.end, meeting.all_day, meeting.recurrence.as_ref())
        .map_err(|wrong| invalid(&wrong.field, &wrong.why))?;
    let meeting = in_room_zone(meeting, given.context);
    let span = meeting.span(given.context.zone);
    change(writing, meeting, span, given)
}

/// A standing booking with another content, or in another room.
fn change(old: &Writing, meeting: Meeting, span: Span, given: &Given<'_>) -> Asked {
    let mut next = old.clone();
    let moves = given.context.room.room != old.room;
    if moves && old.place.own {
        return Err(invalid(
            "roomId",
            "a meeting in the room's own calendar cannot be moved; cancel it first",
        ));
    }
    if moves {
        if old.left.is_some() {
            return Ok(Wanted::NotYet);
        }
        let still_there = given.row_left.is_some_and(Booking::is_live);
        next.left = Some(old.room.clone()).filter(|_| still_there);
        next.room = given.context.room.room.clone();
        next.before = before(given.row_left);
        next.accepted = false;
    } else {
        // A room that was being left has to answer anew.
        let decided = old.before.filter(|_| given.row.is_some_and(Booking::is_live));
        let decided = decided.map(|before| Before { moved: !before.is_about(old.span), ..before });
        let shown = before(given.row).map(|before| Before {
            series: Some(old.span).filter(|first| old.holds_series() && before.span != *first),
            ..before
        });
        next.before = shown.or(decided).filter(|_| old.leaving.is_none());
        next.accepted |= given.row.is_some_and(|row| row.state.status == Status::Confirmed);
    }
    next.leaving = meeting.room.is_none().then_some(EndReason::Released);
    next.span = span;
    next.want(Some(meeting), given.now);
    Ok(Wanted::Now(next))
}

/// What the booking is before a command, if the room has decided about it.
fn before(row: Option<&Booking>) -> Option<Before> {
    let row = row?;
    let span = row.state.span;
    match row.state.status {
        Status::Confirmed => Some(Before { span, confirmed: true, moved: false, series: None }),
        Status::Tentative => Some(Before { span, confirmed: false, moved: false, series: None }),
        Status::Pending | Status::Ended(_) => None,
    }
}

fn cancel(writing: &Writing, now: Instant) -> Writing {
    let mut next = writing.clone();
    next.leaving = Some(next.leaving.unwrap_or(EndReason::Cancelled));
    next.want(None, now);
    next
}

fn release(writing: &Writing, now: Instant) -> Writing {
    let mut next = writing.clone();
    next.leaving = Some(EndReason::Released);
    let meeting = writing.desired.clone().filter(|_| !writing.place.own);
    let meeting = meeting.map(|meeting| Meeting { room: None, ..meeting });
    next.want(meeting, now);
    next
}

/// The receipts of an accepted command.
fn rows(writing: &mut Writing, given: &Given<'_>) -> Vec<Write> {
    let (context, now) = (given.context, given.now);
    let retention = context.retention_days;
    if given.row.is_some_and(|row| !row.is_live()) {
        writing.before = None;
    }
    let state = pending(writing, given.row, context);
    let here = match state {
        Some(state) => revise(given.row, &context.room, &writing.booking, state, retention, now),
        None => named(writing, given),
    };
    let left = writing.left.as_ref().and(given.row_left).and_then(|row| {
        let state = BookingState {
            status: Status::Pending,
            last_command_id: writing.last_command().map(str::to_owned),
            ..row.state.clone()
        };
        revise(Some(row), &row.room, &row.id, state, retention, now)
    });
    here.into_iter().chain(left).collect()
}

/// The receipt of a command that changes nothing of its booking but the command that it names.
fn named(writing: &Writing, given: &Given<'_>) -> Option<Write> {
    let row = given.row?;
    let state = BookingState {
        last_command_id: writing.last_command().map(str::to_owned),
        failure: None,
        ..row.state.clone()
    };
    revise(Some(row), &row.room, &row.id, state, given.context.retention_days, given.now)
}

/// A command that fails leaves the booking as it is, or a tombstone if there is none.
fn refuse(request: &Request, given: &Given<'_>, why: CommandFailure) -> Decision {
    let context = given.context;
    // A booking that stands in another room stays there, and its receipt with it; also if it has ended there and its meeting has not.
    let is_wanted = given.writing.is_some_and(|writing| writing.desired.is_some());
    let row = given.row_left.filter(|row| is_wanted || row.is_live()).or(given.row);
    let state = match row {
        Some(row) => BookingState {
            last_command_id: Some(request.command.clone()),
            failure: Some(why.clone()),
            ..row.state.clone()
        },
        None => stillborn(context, span_of(request, given), &request.command, why.clone()),
    };
    let room = row.map_or(&context.room, |row| &row.room);
    let row = revise(row, room, &request.booking, state, context.retention_days, given.now);
    let mut writing = given.writing.cloned().unwrap_or_else(|| nothing(request, given));
    writing.remember(&request.command);
    Decision::Refused(Save { writing: Box::new(writing), rows: row.into_iter().collect() }, why)
}

/// Remembers refused commands where there is nothing else to remember.
fn nothing(request: &Request, given: &Given<'_>) -> Writing {
    let room = &given.context.room;
    let place = Place { mailbox: room.room.to_string(), own: true, foreign: true };
    Writing::blank(room, request.booking.clone(), place, span_of(request, given), given.now)
}

fn span_of(request: &Request, given: &Given<'_>) -> Span {
    let start = request.start.as_ref().map_or(given.now, Wall::instant);
    let end = request.end.as_ref().map_or(start, Wall::instant);
    Span::new(start, end)
}
