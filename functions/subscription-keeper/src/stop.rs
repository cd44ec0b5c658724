//! Why the work on a subscription stops early.

use roomsync_ports::{GraphError, QueueError, SecretError, StoreError};

/// Why the work stops early. In each case it is begun again.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue of polls did not take a hint.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// Graph did not do what it was asked for.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Somebody else changed the room's subscription meanwhile, or its row again and again.
    #[error("somebody else works on the room's subscription")]
    LostRace,
    /// The function's time is nearly over.
    #[error("out of time")]
    OutOfTime,
}
