//! From a calendar entry to what readers see of it.

use crate::booking::{BookingState, EndReason, Kind, Origin, PrivateBy, Status};
use crate::context::Context;
use crate::entry::{CalendarEntry, EntryKind, Response, When};
use crate::time::Span;
use crate::zone;

/// Longest subject that is kept, in characters. Exchange's own limit is 255.
const LONGEST_TEXT: usize = 255;

/// What an entry means for the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// The room is taken or asked for.
    Booked(Box<BookingState>),
    /// The entry is in the calendar but the room is free.
    Free(EndReason),
    /// Not a booking at all (a series master).
    Nothing,
}

/// What an entry means for the room that a context describes.
///
/// `isCancelled` entries may stay in a calendar (`Set-CalendarProcessing`, `RemoveCanceledMeetings`) and declined ones may be
/// seen for a moment: both leave the room free.
#[must_use]
pub fn meaning(entry: &CalendarEntry, context: &Context) -> Meaning {
    let kind = match entry.kind {
        EntryKind::Master => return Meaning::Nothing,
        EntryKind::Single => Kind::Single,
        EntryKind::Occurrence => Kind::Occurrence,
        EntryKind::Exception => Kind::Exception,
    };
    if entry.cancelled {
        return Meaning::Free(EndReason::Cancelled);
    }
    let status = match entry.response {
        Response::Declined => return Meaning::Free(EndReason::Declined),
        Response::Open => Status::Tentative,
        Response::Settled if entry.tentative => Status::Tentative,
        Response::Settled => Status::Confirmed,
    };
    let span = span(entry.when, context);
    let may_know = |allowed: bool| allowed && !entry.private;
    let organizer = entry.organizer.as_ref().filter(|_| may_know(context.wanted.organizer));
    Meaning::Booked(Box::new(BookingState {
        status,
        room_email: context.email.clone(),
        span,
        time_zone: zone::iana_or_utc(entry.made_in.as_deref()).to_owned(),
        all_day: match entry.when {
            When::AllDay(first, after) => Some((first, after)),
            When::Timed(_) => None,
        },
        kind,
        series_id: entry.series.as_ref().filter(|_| kind != Kind::Single).map(ToString::to_string),
        original_start: (kind != Kind::Single).then(|| entry.original_start.unwrap_or(span.start)),
        private_by: if entry.private { PrivateBy::Calendar } else { PrivateBy::Nobody },
        subject: entry.subject.as_deref().filter(|_| may_know(context.wanted.subject)).and_then(clean),
        organizer_name: organizer.and_then(|person| person.name.as_deref()).and_then(clean),
        organizer_email: organizer.and_then(|person| person.email.as_deref()).and_then(clean),
        origin: Origin::Outlook,
        event_id: Some(entry.id.clone()),
        ical_uid: entry.ical_uid.clone(),
        last_command_id: None,
        failure: None,
    }))
}

/// The instants of an entry; whole days begin at midnight in the room's zone.
#[must_use]
pub fn span(when: When, context: &Context) -> Span {
    match when {
        When::Timed(span) => span,
        When::AllDay(first, after) => {
            Span::new(zone::midnight(first, context.zone), zone::midnight(after, context.zone))
        }
    }
}

/// Text from strangers: without control characters, of bounded length, otherwise as it is; nothing if it says nothing. Rooms that
/// replace the subject by the organizer's name leave a blank at its end (`Set-CalendarProcessing`), which stays.
pub(crate) fn clean(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect();
    (!text.trim().is_empty()).then_some(text)
}
