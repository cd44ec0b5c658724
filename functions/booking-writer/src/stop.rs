//! Why the work on a booking stops early.

use roomsync_ports::{GraphError, QueueError, StoreError};

/// Why the work on a booking stops early. What Graph says of a booking that was accepted is written down instead.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The store did not answer.
    #[error(transparent)]
    Store(StoreError),
    /// The queue does not take what was to be asked for.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Who organizes cannot be looked up, so that the command cannot be accepted yet.
    #[error("the directory does not tell who organizes: {0}")]
    Directory(GraphError),
    /// Somebody else has written since the booking was read: drop the work and look again.
    #[error("somebody else wrote the booking first")]
    LostRace,
    /// The function's time is nearly over; what is saved stays.
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
