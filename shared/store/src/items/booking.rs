use super::Item;
use super::draft::Draft;
use super::reader::Reader;
use crate::keys;
use roomsync_domain::booking::{Booking, BookingState, PrivateBy, Status};
use roomsync_domain::{BookingId, EventId, RoomRef, Span};
use roomsync_ports::StoreError;

/// A booking as an item of `Bookings`.
///
/// # Errors
/// None for a value that a planner can make.
pub fn booking(booking: &Booking) -> Result<Item, StoreError> {
    let state = &booking.state;
    let mut draft = Draft::new(keys::booking(&booking.room, &booking.id))
        .number("version", booking.version.into())
        .text("tenantId", booking.room.tenant.as_str())
        .text("roomId", booking.room.room.as_str())
        .text("roomEmail", &state.room_email)
        .text("status", state.status.name())
        .instant("startUtc", state.span.start)
        .instant("endUtc", state.span.end)
        .text("timeZone", &state.time_zone)
        .flag("isAllDay", state.all_day.is_some())
        .flag("isPrivate", state.is_private())
        .text_if("seriesId", state.series_id.as_ref())
        .text_if("subject", state.subject.as_ref())
        .text_if("organizerName", state.organizer_name.as_ref())
        .text_if("organizerEmail", state.organizer_email.as_ref())
        .text_if("graphEventId", state.event_id.as_ref())
        .text_if("iCalUId", state.ical_uid.as_ref())
        .text_if("lastCommandId", state.last_command_id.as_ref())
        .instant("observedAt", booking.observed_at)
        .number("expiresAt", booking.expires_at.timestamp().into())
        .value("kind", &state.kind)?
        .value("origin", &state.origin)?
        .value_if("failure", state.failure.as_ref())?;
    if state.is_private() {
        draft = draft.value("privateBy", &state.private_by)?;
    }
    if let Status::Ended(reason) = state.status {
        draft = draft.value("endReason", &reason)?;
    }
    if let Some((first, after)) = state.all_day {
        draft = draft.date("startDate", first).date("endDate", after);
    }
    if let Some(at) = state.original_start {
        draft = draft.instant("originalStartUtc", at);
    }
    Ok(draft.item())
}

/// The booking of an item.
///
/// # Errors
/// [`StoreError::Corrupt`] with key and attribute.
pub fn read_booking(item: &Item) -> Result<Booking, StoreError> {
    let reader = Reader::new(item, &["roomKey", "bookingId"])?;
    let room = RoomRef::from_key(&reader.text("roomKey")?)
        .ok_or_else(|| reader.wrong("roomKey", "expected a directory id, # and a room id"))?;
    let all_day = if reader.flag("isAllDay")? {
        Some((reader.date("startDate")?, reader.date("endDate")?))
    } else {
        None
    };
    Ok(Booking {
        room,
        id: BookingId::new(reader.text("bookingId")?),
        version: reader.number("version")?,
        state: BookingState {
            status: status(&reader)?,
            room_email: reader.text("roomEmail")?,
            span: Span { start: reader.instant("startUtc")?, end: reader.instant("endUtc")? },
            time_zone: reader.text("timeZone")?,
            all_day,
            kind: reader.value("kind", "expected single, occurrence or exception")?,
            series_id: reader.text_if("seriesId")?,
            original_start: reader.instant_if("originalStartUtc")?,
            private_by: private_by(&reader)?,
            subject: reader.text_if("subject")?,
            organizer_name: reader.text_if("organizerName")?,
            organizer_email: reader.text_if("organizerEmail")?,
            origin: reader.value("origin", "expected outlook or command")?,
            event_id: reader.text_if("graphEventId")?.map(EventId::new),
            ical_uid: reader.text_if("iCalUId")?,
            last_command_id: reader.text_if("lastCommandId")?,
            failure: reader.value_if("failure", "expected a code and a message")?,
        },
        observed_at: reader.instant("observedAt")?,
        expires_at: reader.epoch("expiresAt")?,
    })
}

/// Items of the version before do not say who wants it hidden. If a command may have wanted it, it has.
fn private_by(reader: &Reader<'_>) -> Result<PrivateBy, StoreError> {
    if !reader.flag("isPrivate")? {
        return Ok(PrivateBy::Nobody);
    }
    let said = reader.value_if("privateBy", "expected calendar or command")?;
    Ok(match said {
        Some(by) => by,
        None if reader.text("origin")? == "command" => PrivateBy::Command,
        None => PrivateBy::Calendar,
    })
}

fn status(reader: &Reader<'_>) -> Result<Status, StoreError> {
    match reader.text("status")?.as_str() {
        "pending" => Ok(Status::Pending),
        "tentative" => Ok(Status::Tentative),
        "confirmed" => Ok(Status::Confirmed),
        "ended" => reader.value("endReason", "expected a reason of the contract").map(Status::Ended),
        _ => Err(reader.wrong("status", "expected pending, tentative, confirmed or ended")),
    }
}
