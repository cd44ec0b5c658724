use crate::{Recurrence, SCHEMA_VERSION};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One command. Fields that are absent or null are not named: an update leaves them as they are.
///
/// `Debug` shows ids only, because the rest may be private.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BookingCommand {
    /// Always 1 here.
    pub schema_version: u32,
    /// Tells commands apart: the same id twice has one effect.
    pub command_id: String,
    /// What is to be done.
    pub action: Action,
    /// Entra directory id, a GUID.
    pub tenant_id: String,
    /// The sender's own id of the booking, at most 128 characters.
    pub booking_id: String,
    /// The room by its id in the table `Rooms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
    /// The room by its address, if there is no `roomId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_email: Option<String>,
    /// In whose calendar the meeting is made, unless the tenant's policy says another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizer_email: Option<String>,
    /// Subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// First instant, or first day of an all-day booking at midnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Moment>,
    /// First instant after it, or the day after the last at midnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Moment>,
    /// Whole days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_all_day: Option<bool>,
    /// Whether only those who take part may know what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_private: Option<bool>,
    /// Addresses of those who are invited besides the organizer and the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attendees: Option<Vec<String>>,
    /// How it repeats: Graph's `patternedRecurrence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
}

/// What a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Book.
    Create,
    /// Change the fields that the command names.
    Update,
    /// Cancel the meeting.
    Cancel,
    /// Give the room back; the meeting itself stays.
    Release,
}

/// A wall-clock time in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// `2026-02-09T21:30:00`, without offset.
    pub date_time: String,
    /// IANA or Windows name of the zone.
    pub time_zone: String,
}

impl Moment {
    /// A time in a zone.
    #[must_use]
    pub fn new(date_time: &str, time_zone: &str) -> Self {
        Self { date_time: date_time.to_owned(), time_zone: time_zone.to_owned() }
    }
}

impl BookingCommand {
    /// A command that names nothing yet but its ids.
    #[must_use]
    pub fn new(action: Action, command_id: &str, tenant_id: &str, booking_id: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            command_id: command_id.to_owned(),
            action,
            tenant_id: tenant_id.to_owned(),
            booking_id: booking_id.to_owned(),
            room_id: None,
            room_email: None,
            organizer_email: None,
            subject: None,
            start: None,
            end: None,
            is_all_day: None,
            is_private: None,
            attendees: None,
            recurrence: None,
        }
    }
}

impl fmt::Debug for BookingCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BookingCommand")
            .field("command_id", &self.command_id)
            .field("action", &self.action)
            .field("tenant_id", &self.tenant_id)
            .field("booking_id", &self.booking_id)
            .finish_non_exhaustive()
    }
}
