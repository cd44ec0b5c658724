use super::Item;
use super::draft::Draft;
use super::reader::Reader;
use crate::keys;
use roomsync_domain::booking::Booking;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::plan::Link;
use roomsync_domain::room_plan::DirectoryMemory;
use roomsync_domain::{BookingId, RoomRef, TenantId};
use roomsync_ports::StoreError;

/// A cursor as an item of `SyncState`, under the version that it has.
///
/// # Errors
/// None for a cursor that a program can make.
pub fn cursor(room: &RoomRef, cursor: &Cursor) -> Result<Item, StoreError> {
    Ok(Draft::new(keys::cursor(room)).fields(cursor)?.item())
}

/// The cursor of an item.
///
/// # Errors
/// [`StoreError::Corrupt`] with key and attribute.
pub fn read_cursor(item: &Item) -> Result<Cursor, StoreError> {
    Reader::new(item, &["pk", "sk"])?.fields()
}

/// What is remembered of a directory as an item of `SyncState`.
///
/// # Errors
/// None for a value that a program can make.
pub fn directory_memory(tenant: &TenantId, memory: &DirectoryMemory) -> Result<Item, StoreError> {
    Ok(Draft::new(keys::directory(tenant)).fields(memory)?.item())
}

/// What is remembered of a directory.
///
/// # Errors
/// [`StoreError::Corrupt`] with key and attribute.
pub fn read_directory_memory(item: &Item) -> Result<DirectoryMemory, StoreError> {
    Reader::new(item, &["pk", "sk"])?.fields()
}

/// A link to a booking, as an item of `SyncState`. It lives as long as the booking: each version of the booking writes it anew.
#[must_use]
pub fn link(link: Link<'_>, booking: &Booking) -> Item {
    Draft::new(keys::link(&booking.room, link))
        .text("bookingId", booking.id.as_str())
        .number("expiresAt", booking.expires_at.timestamp().into())
        .item()
}

/// Where a link leads.
///
/// # Errors
/// [`StoreError::Corrupt`] with key and attribute.
pub fn read_link(item: &Item) -> Result<BookingId, StoreError> {
    Ok(BookingId::new(Reader::new(item, &["pk", "sk"])?.text("bookingId")?))
}
