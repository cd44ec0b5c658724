use super::Item;
use super::draft::Draft;
use super::reader::Reader;
use crate::keys;
use roomsync_domain::time::seconds;
use roomsync_domain::writing::{Claim, Writing};
use roomsync_domain::{BookingId, Instant, RoomRef, TenantId};
use roomsync_ports::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A writing as an item of `SyncState`, under the version that it has. It is one JSON text: nobody reads it in parts.
///
/// # Errors
/// None for a value that a program can make.
pub fn writing(writing: &Writing) -> Result<Item, StoreError> {
    Ok(Draft::new(keys::writing(&writing.tenant, &writing.booking))
        .number("version", writing.version.into())
        .text("state", json(writing)?)
        .number("expiresAt", writing.expires_at().timestamp().into())
        .item())
}

/// The writing of an item.
///
/// # Errors
/// [`StoreError::Corrupt`] with key and attribute.
pub fn read_writing(item: &Item) -> Result<Writing, StoreError> {
    parsed(item, "state")
}

/// A claim as an item of `SyncState`. It lives as long as its writing.
///
/// # Errors
/// None for a value that a program can make.
pub fn claim(room: &RoomRef, claim: &Claim, expires_at: Instant) -> Result<Item, StoreError> {
    Ok(Draft::new(keys::claim(room, &claim.booking))
        .text("claim", json(claim)?)
        .number("expiresAt", expires_at.timestamp().into())
        .item())
}

/// The claim of an item.
///
/// # Errors
/// [`StoreError::Corrupt`] with key and attribute.
pub fn read_claim(item: &Item) -> Result<Claim, StoreError> {
    parsed(item, "claim")
}

/// The mark of a writing that is not settled, with the instant at which it is due.
#[must_use]
pub fn unsettled(writing: &Writing, due: Instant) -> Item {
    Draft::new(keys::unsettled(&writing.tenant, &writing.booking))
        .text("tenantId", writing.tenant.as_str())
        .text("bookingId", writing.booking.as_str())
        .instant("due", due)
        .item()
}

/// Which writing is not settled, and when it is due.
///
/// # Errors
/// [`StoreError::Corrupt`] with key and attribute.
pub fn read_unsettled(item: &Item) -> Result<(TenantId, BookingId, Instant), StoreError> {
    let reader = Reader::new(item, &["pk", "sk"])?;
    let tenant = TenantId::parse(&reader.text("tenantId")?)
        .ok_or_else(|| reader.wrong("tenantId", "expected a directory id"))?;
    Ok((tenant, BookingId::new(reader.text("bookingId")?), reader.instant("due")?))
}

/// Until when a mailbox wants no calls, as an item of `SyncState`.
#[must_use]
pub fn closed(tenant: &TenantId, mailbox: &str, until: Instant) -> Item {
    let until = seconds::not_before(until);
    Draft::new(keys::closed(tenant, mailbox))
        .instant("until", until)
        .number("expiresAt", until.timestamp().into())
        .item()
}

/// The instant of it.
///
/// # Errors
/// [`StoreError::Corrupt`] with key and attribute.
pub fn read_closed(item: &Item) -> Result<Instant, StoreError> {
    Reader::new(item, &["pk", "sk"])?.instant("until")
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Other(error.to_string()))
}

/// Where the text breaks, without what stands there: it may hold a subject.
fn parsed<T: DeserializeOwned>(item: &Item, name: &str) -> Result<T, StoreError> {
    let reader = Reader::new(item, &["pk", "sk"])?;
    serde_json::from_str(&reader.text(name)?)
        .map_err(|error| reader.wrong(name, &format!("unreadable at column {}", error.column())))
}
