//! Types and decisions of roomsync: no I/O, no clock, no async.
//!
//! Everything here is a plain value or a total function of plain values. The same input gives the same output,
//! in the same order, on every machine.

pub mod announced;
pub mod booking;
pub mod client_state;
pub mod context;
pub mod cursor;
pub mod delta;
pub mod due;
pub mod entry;
pub mod guard;
pub mod hint;
pub mod ids;
pub mod listening;
pub mod notice;
pub mod place;
pub mod plan;
pub mod project;
pub mod room;
pub mod room_plan;
pub mod subscription_plan;
pub mod tenant;
mod tenant_check;
pub mod time;
pub mod windows_zones;
pub mod writing;
pub mod zone;

pub use ids::{BookingId, EventId, RoomId, RoomRef, TenantId};
pub use time::{Instant, Span};

/// Version of the shapes in tables and messages that outsiders rely on.
pub const SCHEMA_VERSION: u32 = 1;
