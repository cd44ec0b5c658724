//! Domain types as items and back, attribute by attribute.
//!
//! Names and types of `Rooms` and `Bookings` are the contract's (`docs/contract`). Attributes that are not known are ignored, so that
//! an older program reads what a newer one wrote; an item of another `schemaVersion`, or one that lacks something, is
//! [`roomsync_ports::StoreError::Corrupt`] with its key and the attribute. Optional attributes that have no value are absent, never `NULL`. Values are
//! not repeated in errors: they may be subjects.

mod booking;
mod draft;
mod reader;
mod room;
mod sync;
mod tenant;
mod writing;

pub use booking::{booking, read_booking};
pub use room::{read_room, room};
pub use sync::{cursor, directory_memory, link, read_cursor, read_directory_memory, read_link};
pub use tenant::{read_tenant, tenant};
pub use writing::{claim, closed, read_claim, read_closed, read_unsettled, read_writing, unsettled, writing};

use aws_sdk_dynamodb::types::AttributeValue;

/// An item as the SDK has it.
#[allow(clippy::disallowed_types, reason = "the SDK's own type; nothing depends on the order of its entries")]
pub type Item = std::collections::HashMap<String, AttributeValue>;
