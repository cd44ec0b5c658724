//! Booking commands: what a program sends to have a room booked, changed, cancelled or given back.
//!
//! One message in the FIFO queue of booking commands is one [`BookingCommand`] as JSON, with `MessageGroupId` = `bookingId` and
//! `MessageDeduplicationId` = `commandId`. The receipt is the booking's item in the table `Bookings`. The JSON Schema is
//! `docs/contract/booking-command.v1.schema.json`.
//!
//! ```
//! use roomsync_command::{Action, BookingCommand, Moment};
//!
//! let mut command = BookingCommand::new(
//!     Action::Create,
//!     "6f1c2a04-1c1e-4a7e-9d41-0f1d3e0a7b11",
//!     "84bd8158-6d4d-4958-8b9f-9d6445542f95",
//!     "app-4711",
//! );
//! command.room_email = Some("lyon-1@contoso.example".to_owned());
//! command.organizer_email = Some("megan@contoso.example".to_owned());
//! command.subject = Some("Design review".to_owned());
//! command.start = Some(Moment::new("2026-02-09T21:30:00", "Europe/Paris"));
//! command.end = Some(Moment::new("2026-02-09T22:00:00", "Europe/Paris"));
//! let body = serde_json::to_string(&command).unwrap();
//! assert_eq!(roomsync_command::parse(&body), Ok(command));
//! ```

mod command;
mod parse;
mod recurrence;

pub use command::{Action, BookingCommand, Moment};
pub use parse::{Rejection, parse};
pub use recurrence::{DayOfWeek, Pattern, PatternType, Range, RangeType, Recurrence, WeekIndex};

/// Version of the shape of commands.
pub const SCHEMA_VERSION: u32 = 1;
