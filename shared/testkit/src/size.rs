//! Sizes of items as DynamoDB counts them, from above and close: names and values in UTF-8 (`CapacityUnitCalculations` page). That they
//! are never too small is tested against real items in `roomsync-store`.

use chrono::SubsecRound;
use roomsync_domain::booking::Booking;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::room::Room;
use roomsync_domain::room_plan::DirectoryMemory;
use roomsync_domain::tenant::Tenant;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Names of all attributes of a booking, and the values that are never longer than this.
const BOOKING: usize = 620;
/// The same for a room without its own fields.
const ROOM: usize = 330;
/// The same for the other items.
const OTHER: usize = 120;

/// Bytes of an item of `Bookings`, at most.
#[must_use]
pub fn booking_size(booking: &Booking) -> usize {
    let state = &booking.state;
    let optional = [
        &state.series_id,
        &state.subject,
        &state.organizer_name,
        &state.organizer_email,
        &state.ical_uid,
        &state.last_command_id,
    ];
    let texts = optional.into_iter().flatten().map(String::len).sum::<usize>();
    let event = state.event_id.as_ref().map_or(0, |id| id.as_str().len());
    let failure = state.failure.as_ref().map_or(0, |failure| failure.code.len() + failure.message.len() + 32);
    let keys = booking.room.key().len() * 2 + booking.id.as_str().len();
    BOOKING + keys + state.room_email.len() + state.time_zone.len() + texts + event + failure
}

/// Bytes of an item of `Rooms`, at most.
#[must_use]
pub fn room_size(room: &Room) -> usize {
    let state = &room.state;
    let maps = json(&state.fields) + json(&state.custom) + json(&state.settings);
    let lists = json(&state.room_lists) + json(&state.occupant_visible);
    ROOM + room.room.key().len() + state.email.len() + state.display_name.len() + maps + lists
}

/// Bytes of a cursor row, at most.
#[must_use]
pub fn cursor_size(key: &str, cursor: &Cursor) -> usize {
    OTHER + key.len() + json(cursor)
}

/// Bytes of a row that is mostly one JSON text, at most.
pub(crate) fn json_size<T: Serialize>(value: &T) -> usize {
    row_size(json(value))
}

/// The same for a text of so many bytes.
pub(crate) fn row_size(text: usize) -> usize {
    OTHER + 200 + text
}

/// Bytes of the row of a directory, at most.
#[must_use]
pub fn directory_size(memory: &DirectoryMemory) -> usize {
    OTHER + json(memory)
}

/// Bytes of an item of `Tenants`, at most.
#[must_use]
pub fn tenant_size(tenant: &Tenant) -> usize {
    OTHER + tenant.config.name.len() + json(&tenant.config)
}

fn json<T: Serialize>(value: &T) -> usize {
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).map_or(0, |()| count.0)
}

/// Counts bytes and keeps none.
struct Count(usize);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A booking as it comes back from the table: whole seconds.
pub(crate) fn stored_booking(booking: &Booking) -> Booking {
    let mut stored = booking.clone();
    stored.observed_at = stored.observed_at.trunc_subsecs(0);
    stored.expires_at = stored.expires_at.trunc_subsecs(0);
    stored.state.span.start = stored.state.span.start.trunc_subsecs(0);
    stored.state.span.end = stored.state.span.end.trunc_subsecs(0);
    stored.state.original_start = stored.state.original_start.map(|at| at.trunc_subsecs(0));
    stored
}

/// A room as it comes back from the table: whole seconds, and numbers that are decimals without trailing zeros.
pub(crate) fn stored_room(room: &Room) -> Room {
    let mut stored = room.clone();
    stored.observed_at = stored.observed_at.trunc_subsecs(0);
    stored.state.fields.values_mut().chain(stored.state.custom.values_mut()).for_each(decimal);
    stored
}

/// What serde makes of a value and back, as the tables do, and the bytes of the text between.
pub(crate) fn stored<T: Serialize + DeserializeOwned + Clone>(value: &T) -> (T, usize) {
    let text = serde_json::to_vec(value).unwrap_or_default();
    (serde_json::from_slice(&text).unwrap_or_else(|_| value.clone()), text.len())
}

fn decimal(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15) {
                #[allow(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
                let whole = whole as i64;
                *value = whole.into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(decimal),
        Value::Object(fields) => fields.values_mut().for_each(decimal),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
