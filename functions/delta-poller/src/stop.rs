//! Why a look at a room stops early.

use roomsync_ports::{GraphError, StoreError};

/// Why a look stops early.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Graph did not answer the question. A known condition: it is written down and the message is done.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The store did not answer. The message goes back.
    #[error(transparent)]
    Store(StoreError),
    /// Somebody else has committed since the cursor was read: drop the work and look again.
    #[error("another look at the room committed first")]
    LostRace,
    /// The function's time is nearly over. What is committed stays; the message goes back.
    #[error("out of time")]
    OutOfTime,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) => Self::LostRace,
            other => Self::Store(other),
        }
    }
}
