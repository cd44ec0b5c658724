//! What a meeting is to be, and what it is.

use crate::entry::When;
use crate::ids::{BookingId, EventId, RoomId, TenantId, derived};
use crate::time::{Instant, Span};
use crate::zone;
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use roomsync_command::Recurrence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A wall-clock time in a zone, by the name under which Graph is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wall {
    /// Date and time, whole seconds.
    pub local: NaiveDateTime,
    /// IANA or Windows name.
    pub zone: String,
}

impl Wall {
    /// A time in a zone.
    #[must_use]
    pub fn new(local: NaiveDateTime, zone: impl Into<String>) -> Self {
        Self { local, zone: zone.into() }
    }

    /// An instant, in UTC.
    #[must_use]
    pub fn utc(at: Instant) -> Self {
        Self::new(at.naive_utc(), "UTC")
    }

    /// The instant; a zone that is not known, which a checked request does not have, counts as UTC.
    #[must_use]
    pub fn instant(&self) -> Instant {
        zone::instant(self.local, zone::find(&self.zone).unwrap_or(Tz::UTC))
    }
}

/// What a meeting is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meeting {
    /// The room, if it is to have one; a released meeting has none.
    pub room: Option<RoomAddress>,
    /// From.
    pub start: Wall,
    /// To, exclusive.
    pub end: Wall,
    /// Whole days: both are midnights in the room's zone.
    pub all_day: bool,
    /// Sensitivity private.
    pub private: bool,
    /// Subject and attendees as far as they may be kept: of a private meeting only the command that names them has them.
    pub words: Words,
    /// Tells one subject from another.
    pub subject_digest: String,
    /// Tells one set of attendees from another.
    pub attendees_digest: String,
    /// How it repeats, with only what its types use.
    pub recurrence: Option<Recurrence>,
}

/// A room as an attendee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomAddress {
    /// Its id.
    pub id: RoomId,
    /// Its address.
    pub email: String,
    /// Its name.
    pub name: String,
}

/// Subject and attendees, as far as they are named or known. `Debug` shows nothing of them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Subject.
    pub subject: Option<String>,
    /// Addresses of those invited besides organizer and room.
    pub attendees: Option<Vec<String>>,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(..)")
    }
}

/// What tells subjects and attendees apart without holding them. Salted with the booking, so that equal subjects of two bookings differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salt(String);

impl Salt {
    /// The salt of a booking.
    #[must_use]
    pub fn of(tenant: &TenantId, booking: &BookingId) -> Self {
        Self(derived(&["salt", tenant.as_str(), booking.as_str()]).to_string())
    }

    /// Digest of a subject. Blanks around it do not count.
    #[must_use]
    pub fn subject(&self, subject: Option<&str>) -> String {
        derived(&["subject", &self.0, subject.unwrap_or_default().trim()]).to_string()
    }

    /// Digest of attendees. Order and case do not count.
    #[must_use]
    pub fn attendees<'a>(&self, attendees: impl IntoIterator<Item = &'a String>) -> String {
        let sorted: BTreeSet<String> = attendees.into_iter().map(|address| address.to_lowercase()).collect();
        let sorted: Vec<&str> = sorted.iter().map(String::as_str).collect();
        derived(&["attendees", &self.0, &sorted.join(" ")]).to_string()
    }
}

/// What two meetings have to have in common to be the same to us. Holds no words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// When it is.
    pub when: Days,
    /// Sensitivity other than normal.
    pub private: bool,
    /// See [`Salt::subject`].
    pub subject: String,
    /// See [`Salt::attendees`].
    pub attendees: String,
    /// Address of our room, if it is invited, in lower case.
    pub room: Option<String>,
    /// How it repeats.
    pub recurrence: Option<Recurrence>,
}

/// When a meeting is, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Days {
    /// From an instant to an instant.
    #[serde(rename = "timed")]
    Timed(Span),
    /// Whole days, the second exclusive.
    #[serde(rename = "allDay")]
    AllDay(NaiveDate, NaiveDate),
}

impl From<When> for Days {
    fn from(when: When) -> Self {
        match when {
            When::Timed(span) => Self::Timed(span),
            When::AllDay(first, after) => Self::AllDay(first, after),
        }
    }
}

impl Days {
    /// The instants of it; whole days begin at midnight in the room's zone.
    #[must_use]
    pub fn span(self, room_zone: Tz) -> Span {
        match self {
            Self::Timed(span) => span,
            Self::AllDay(first, after) => {
                Span::new(zone::midnight(first, room_zone), zone::midnight(after, room_zone))
            }
        }
    }
}

impl Meeting {
    /// When it is.
    #[must_use]
    pub fn when(&self) -> Days {
        if self.all_day {
            Days::AllDay(self.start.local.date(), self.end.local.date())
        } else {
            Days::Timed(Span::new(self.start.instant(), self.end.instant()))
        }
    }

    /// The instants of it, or of the first of its series; whole days begin at midnight in the room's zone.
    #[must_use]
    pub fn span(&self, room_zone: Tz) -> Span {
        self.when().span(room_zone)
    }

    /// What has to be equal.
    #[must_use]
    pub fn content(&self) -> Content {
        Content {
            when: self.when(),
            private: self.private,
            subject: self.subject_digest.clone(),
            attendees: self.attendees_digest.clone(),
            room: self.room.as_ref().map(|room| room.email.to_lowercase()),
            recurrence: self.recurrence.as_ref().map(comparable),
        }
    }
}

/// Graph fills in the zone of a range by itself.
fn comparable(recurrence: &Recurrence) -> Recurrence {
    let mut same = recurrence.normal();
    same.range.recurrence_time_zone = None;
    same
}

/// A meeting as it is in the organizer's calendar. `Debug` shows no words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id in that mailbox.
    pub id: EventId,
    /// Id that all copies share.
    pub ical_uid: Option<String>,
    /// For `If-Match`.
    pub etag: Option<String>,
    /// Cancelled.
    pub cancelled: bool,
    /// When it is, or the first of its series.
    pub when: When,
    /// Sensitivity other than normal.
    pub private: bool,
    /// Subject and invited people.
    pub words: Words,
    /// What everybody who is invited said, people and rooms: some programs invite rooms as people.
    pub answers: Vec<(String, RoomAnswer)>,
    /// How it repeats.
    pub recurrence: Option<Recurrence>,
}

/// What a room said, as the organizer's copy knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomAnswer {
    /// Nothing yet.
    None,
    /// Accepted.
    Accepted,
    /// Accepted with reservation: a delegate has to decide.
    Tentative,
    /// Declined.
    Declined,
}

impl Seen {
    /// What has to be equal. `rooms` are the addresses of rooms that we may have invited, in lower case, the wanted one first; `own` says
    /// that the meeting lies in the room's own calendar, where no room is invited.
    #[must_use]
    pub fn content(&self, salt: &Salt, rooms: &[String], own: bool) -> Content {
        let invited = rooms.iter().find(|room| own || self.answer(room).is_some());
        Content {
            when: self.when.into(),
            private: self.private,
            subject: salt.subject(self.words.subject.as_deref()),
            attendees: salt.attendees(self.words.attendees.iter().flatten()),
            room: invited.cloned(),
            recurrence: self.recurrence.as_ref().map(comparable),
        }
    }

    /// What a room said, if it is invited.
    #[must_use]
    pub fn answer(&self, room: &str) -> Option<RoomAnswer> {
        self.answers.iter().find(|(address, _)| address.eq_ignore_ascii_case(room)).map(|(_, answer)| *answer)
    }
}
