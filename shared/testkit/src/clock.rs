use crate::lock;
use chrono::TimeDelta;
use roomsync_domain::Instant;
use roomsync_ports::Clock;
use std::sync::{Arc, Mutex};

/// A clock that stands still until it is told to move. Clones show the same time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<Instant>>);

impl TestClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Sets the time, forwards or backwards.
    pub fn set(&self, now: Instant) {
        *lock(&self.0) = now;
    }

    /// Moves the time on.
    pub fn advance(&self, by: TimeDelta) {
        *lock(&self.0) += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        *lock(&self.0)
    }
}
