//! What tests put in the place of the world: every port in memory, deterministic, counted and driven by a clock that only moves
//! when told.
//!
//! - [`MemoryStore`] keeps the rules of the tables (conditions, atomic commits, limits), counts what DynamoDB would charge, and logs
//!   the streams; [`fold_stream`] holds such a log to the rules that readers are promised.
//! - [`MemoryQueue`] keeps the rules of SQS FIFO queues; [`TestClock`] and [`MemorySecrets`] are the rest.
//! - [`builders`] make values of which a test names only what matters.
//! - [`suite`] is one suite per port, run against the fakes here and against the real adapters, so that neither lies.
//!
//! Only for tests: nothing that is shipped depends on this crate.

pub mod builders;
mod clock;
mod fifo;
mod queue;
mod secrets;
mod size;
mod store;
mod stream;
pub mod suite;
mod usage;

pub use builders::{
    at, booking, booking_with, config, created, cursor, entry, room, room_ref, room_with, span, tenant,
    tenant_id, updated,
};
pub use clock::TestClock;
pub use fifo::{FifoQueue, FifoRules, Message};
pub use queue::{Lane, MemoryQueue};
pub use secrets::MemorySecrets;
pub use size::{booking_size, cursor_size, directory_size, room_size, tenant_size};
pub use store::MemoryStore;
pub use stream::{Change, StreamFault, StreamRecord, Tables, fold_onto, fold_stream};
pub use usage::{Call, Usage};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock that a panicking test does not take away from the others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
