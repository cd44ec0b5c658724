//! Writing bookings: from a command to one meeting in one calendar, whatever happens in between.
//!
//! ```text
//! command ─► request ─► accept ─► Writing (desired, version n) + pending booking      one transaction, before any call
//!                                    │ next step: create · push · remove · decline · verify · watch
//!                                    ▼
//!                        applied (Graph has taken it) ─► verified (read back) ─► answered (the room has spoken)
//! ```
//!
//! A [`Writing`] says what is wanted and how far the calendar is. Each step is idempotent and may be done by anybody at any time; the
//! version of the writing fences those who are too late. Nothing here calls anybody.

pub mod accept;
pub mod claim;
pub mod ending;
pub mod late;
pub mod meeting;
pub mod merge;
mod outcome;
pub(crate) mod pairing;
pub mod request;
pub mod rows;
pub mod state;
pub mod step;
pub mod watch;

pub use claim::{Claim, Claimed};
pub use meeting::{Content, Meeting, Seen, Wall, Words};
pub use request::Request;
pub use state::Writing;

/// Name of the extended property that marks our meetings; its value is the booking's [`state::Writing::marker`].
pub const MARKER: &str = "String {7d3b8c1e-52b4-4b0e-9f0c-3a6e8f1d2c47} Name roomsync-booking";

/// Reasons why a command failed, or what it waits for: `failure.code` of a booking. They stay.
pub mod code {
    /// The room is taken, and the tenant's policy writes into the room itself.
    pub const CONFLICT: &str = "conflict";
    /// The room declined.
    pub const DECLINED: &str = "declined";
    /// There is no mailbox of the organizer.
    pub const ORGANIZER_UNKNOWN: &str = "organizer_unknown";
    /// There is no such room, or it was removed.
    pub const ROOM_UNKNOWN: &str = "room_unknown";
    /// There is no such booking.
    pub const BOOKING_UNKNOWN: &str = "booking_unknown";
    /// The booking was not made by a command.
    pub const NOT_OURS: &str = "not_ours";
    /// The meeting is not there any more: a person has cancelled or deleted it.
    pub const GONE: &str = "gone";
    /// Commands are switched off for the room.
    pub const WRITES_OFF: &str = "writes_off";
    /// Graph refuses access to the mailbox.
    pub const FORBIDDEN: &str = "forbidden";
    /// A field cannot be used.
    pub const INVALID_FIELD: &str = "invalid_field";
    /// The application's credential is refused. Waits for a while.
    pub const CREDENTIAL_EXPIRED: &str = "credential_expired";
    /// Graph asks to wait. Waits.
    pub const THROTTLED: &str = "throttled";
    /// Graph does not answer. Waits.
    pub const UNREACHABLE: &str = "unreachable";
    /// The room has not answered yet. Waits.
    pub const NO_ANSWER: &str = "no_answer";
    /// Tried too often or for too long.
    pub const GIVEN_UP: &str = "given_up";

    /// Whether it is over once the room shows the meeting: it was waited for, or was the room's own answer.
    #[must_use]
    pub fn is_of_room(code: &str) -> bool {
        [CREDENTIAL_EXPIRED, THROTTLED, UNREACHABLE, NO_ANSWER, DECLINED].contains(&code)
    }
}
