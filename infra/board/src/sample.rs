//! Rows for unit tests that name only what matters.

use crate::rows::{BookingRow, Following, RoomRow, Standing};
use roomsync_domain::cursor::Mode;
use roomsync_domain::time::{Instant, seconds};

/// The instant of a text.
pub(crate) fn at(text: &str) -> Instant {
    seconds::parse(text).unwrap()
}

/// A room of tenant `t` in UTC.
pub(crate) fn room(id: &str, version: u64) -> RoomRow {
    RoomRow {
        key: format!("t#{id}"),
        version,
        active: true,
        name: format!("Room {id}"),
        building: None,
        floor: None,
        capacity: None,
        zone: None,
    }
}

/// A confirmed booking on 9 February 2026, times in UTC.
pub(crate) fn booking(room: &str, id: &str, version: u64, from: &str, to: &str) -> BookingRow {
    BookingRow {
        room: format!("t#{room}"),
        id: id.into(),
        version,
        standing: Standing::Confirmed,
        end_reason: None,
        span: (at(&format!("2026-02-09T{from}:00Z")), at(&format!("2026-02-09T{to}:00Z"))),
        all_day: None,
        in_series: false,
        is_private: false,
        subject: Some("Design review".into()),
        organizer: None,
        by_command: false,
        failure: None,
    }
}

/// A room followed by delta rounds, last read at some instant.
pub(crate) fn following(last_full_at: Option<&str>) -> Following {
    Following {
        mode: Mode::Delta,
        last_full_at: last_full_at.map(at),
        not_before: None,
        trouble: None,
        guarded: None,
        drift: None,
        listening: None,
        refusal: None,
        announced: None,
    }
}
