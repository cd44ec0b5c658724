//! One entry of a room's calendar, as complete as the tenant's policy allows.

use crate::ids::EventId;
use crate::time::{Instant, Span};
use chrono::NaiveDate;

/// An entry of a calendar view. Subject and organizer are present only if policy *and* sensitivity allow: the adapter never
/// decodes them otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarEntry {
    /// Immutable id in the room's mailbox.
    pub id: EventId,
    /// Id that the copies of a meeting share. Whether occurrences share it with each other is reported both ways.
    pub ical_uid: Option<String>,
    /// What kind of entry.
    pub kind: EntryKind,
    /// Master of an occurrence or exception.
    pub series: Option<EventId>,
    /// Where the series would have put it (`originalStart`).
    pub original_start: Option<Instant>,
    /// When it is.
    pub when: When,
    /// Name of the zone it was made in, as Graph spells it (`originalStartTimeZone`).
    pub made_in: Option<String>,
    /// Cancelled by its organizer; such entries may stay in the calendar (`RemoveCanceledMeetings`).
    pub cancelled: bool,
    /// The room's own answer.
    pub response: Response,
    /// Whether it is shown as tentative.
    pub tentative: bool,
    /// Sensitivity other than `normal`, or unknown to us.
    pub private: bool,
    /// Subject, if it may be known.
    pub subject: Option<String>,
    /// Organizer, if it may be known.
    pub organizer: Option<Person>,
}

/// Kinds of calendar entries (`event.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A meeting of its own.
    Single,
    /// One of a series, as the pattern says.
    Occurrence,
    /// One of a series, changed.
    Exception,
    /// The series itself: no time of its own, never a booking.
    Master,
}

/// When an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// From an instant to an instant.
    Timed(Span),
    /// Whole days, the second exclusive. Graph shows them midnight to midnight whatever the zone was
    /// (microsoft-graph-docs#1802), so they are dates and nothing else.
    AllDay(NaiveDate, NaiveDate),
}

/// The room's own answer to a meeting request (`responseStatus.response`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// Accepted, or the room's own entry, or nothing to answer.
    Settled,
    /// Not answered, or tentatively accepted.
    Open,
    /// Declined.
    Declined,
}

/// A person, as far as policy lets us know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Display name.
    pub name: Option<String>,
    /// Address.
    pub email: Option<String>,
}

/// Which parts of entries are asked for: what policy forbids is not even in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Subjects of meetings that are not private.
    pub subject: bool,
    /// Organizers of meetings that are not private.
    pub organizer: bool,
}
