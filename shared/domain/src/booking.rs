//! A booking as readers of the table `Bookings` see it.

use crate::ids::{BookingId, EventId, RoomRef};
use crate::time::{Instant, Span};
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

/// One version of a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// The room whose calendar holds it.
    pub room: RoomRef,
    /// Stable for the life of the instance.
    pub id: BookingId,
    /// 1, 2, 3 … every visible change exactly once.
    pub version: u64,
    /// What can be seen of it.
    pub state: BookingState,
    /// When this version was written.
    pub observed_at: Instant,
    /// When DynamoDB may forget it.
    pub expires_at: Instant,
}

/// What can be seen of a booking; two equal values are the same version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingState {
    /// Where it stands.
    pub status: Status,
    /// Address of the room.
    pub room_email: String,
    /// When it is.
    pub span: Span,
    /// IANA name of the zone it was made in.
    pub time_zone: String,
    /// First day and the day after the last, if it takes whole days.
    pub all_day: Option<(NaiveDate, NaiveDate)>,
    /// What it is part of.
    pub kind: Kind,
    /// The series of an occurrence or exception.
    pub series_id: Option<String>,
    /// Where the series would have put it.
    pub original_start: Option<Instant>,
    /// Whether its words are nobody's business.
    pub private_by: PrivateBy,
    /// Subject, if it may be known.
    pub subject: Option<String>,
    /// Name of the organizer, if it may be known.
    pub organizer_name: Option<String>,
    /// Address of the organizer, if it may be known.
    pub organizer_email: Option<String>,
    /// Who made it.
    pub origin: Origin,
    /// The entry in the room's calendar.
    pub event_id: Option<EventId>,
    /// Id that the copies of the meeting share.
    pub ical_uid: Option<String>,
    /// Last booking command that touched it.
    pub last_command_id: Option<String>,
    /// Why a command failed.
    pub failure: Option<CommandFailure>,
}

/// Where a booking stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Our command is on its way.
    Pending,
    /// The room has not decided.
    Tentative,
    /// The room is taken.
    Confirmed,
    /// Over, with a reason; kept as a tombstone.
    Ended(EndReason),
}

impl Status {
    /// Name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Tentative => "tentative",
            Self::Confirmed => "confirmed",
            Self::Ended(_) => "ended",
        }
    }
}

/// Why a booking ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// By its organizer.
    Cancelled,
    /// Taken out of the room's calendar.
    Deleted,
    /// By the room.
    Declined,
    /// To another room.
    Moved,
    /// Given back.
    Released,
    /// The room is no longer kept in step.
    RoomRemoved,
    /// A command that could not be carried out.
    Failed,
}

/// What a booking is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A meeting of its own.
    Single,
    /// One of a series.
    Occurrence,
    /// One of a series, changed.
    Exception,
}

/// Who wants the words of a booking hidden.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrivateBy {
    /// Nobody.
    #[default]
    Nobody,
    /// The room's calendar: its entry has a sensitivity other than normal.
    Calendar,
    /// A command, whatever the room's calendar shows: by default a room clears the flag of its copy (`Set-CalendarProcessing`,
    /// `RemovePrivateProperty`).
    Command,
}

/// Who made a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A person or another program.
    Outlook,
    /// A booking command.
    Command,
}

/// Why a command failed or what it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFailure {
    /// Stable word.
    pub code: String,
    /// Sentence for people.
    pub message: String,
}

impl BookingState {
    /// Whether its words are hidden.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private_by != PrivateBy::Nobody
    }

    /// The same without words.
    #[must_use]
    pub(crate) fn hidden(self) -> Self {
        Self { subject: None, organizer_name: None, organizer_email: None, ..self }
    }
}

impl Booking {
    /// Whether it still stands.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self.state.status, Status::Ended(_))
    }

    /// Whether the calendar has confirmed it at least once; what is only a command's intent has no entry to be missed.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.state.event_id.is_some()
    }

    /// The same booking, if the last that its calendar says of it is that it is private.
    #[must_use]
    pub fn turned_private(&self) -> Self {
        let private_by = match self.state.private_by {
            PrivateBy::Nobody => PrivateBy::Calendar,
            known => known,
        };
        Self { state: BookingState { private_by, ..self.state.clone() }.hidden(), ..self.clone() }
    }
}

/// When DynamoDB may forget a booking: `retention_days` after it ended or would have ended, whichever is later.
#[must_use]
pub fn expiry(state: &BookingState, now: Instant, retention_days: u32) -> Instant {
    let over = match state.status {
        Status::Ended(_) => state.span.end.max(now),
        _ => state.span.end,
    };
    over + TimeDelta::days(i64::from(retention_days))
}
