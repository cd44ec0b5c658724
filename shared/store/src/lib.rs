//! DynamoDB behind the store ports: the only crate that knows table keys and attribute names.
//!
//! - [`items`] maps domain types to the attributes of the contract and back; what is not mapped there is in no table.
//! - [`DynamoStore`] implements `TenantStore`, `RoomStore`, `BookingStore` and `WritingStore`.
//!
//! Every write is one `TransactWriteItems`, also the write of a single item, because only transactions take a
//! `ClientRequestToken`: a repetition of a call that had in fact succeeded would otherwise fail its own condition and look like a
//! lost race (`TransactWriteItems` page: the token is remembered for ten minutes). The SDK's own token is good for its own retries; ours
//! is derived from the whole payload, so that another invocation that sends the same is no race either.
//!
//! Everything is read strongly consistent but the cursor, whose staleness a commit notices by itself, and the list of what is due, which the
//! next tick reads again.

mod bookings;
mod errors;
pub mod items;
mod keys;
mod rooms;
mod store;
mod tenants;
mod writings;

pub use keys::BY_START;
pub use store::{DynamoStore, TableNames};
