//! How many calls a mailbox sees at once, and when it wants none.
//!
//! Exchange counts requests per application and addressed mailbox and refuses the fifth at a time (`throttling-limits`); while it
//! refuses, further calls keep counting (`throttling`).

use roomsync_domain::Instant;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Calls to one mailbox at a time: half of what Exchange allows, so that another copy of us fits beside it.
pub(crate) const CALLS_AT_ONCE: usize = 2;

/// Calls about subscriptions of one tenant at a time. Graph counts them by the second, not by how many are under way.
pub(crate) const SUBSCRIPTION_CALLS_AT_ONCE: usize = 10;

/// The lanes of all mailboxes that were ever called.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: Mutex<BTreeMap<String, Arc<Lane>>>,
}

/// One mailbox, or one of the two directories of a tenant.
pub(crate) struct Lane {
    /// Turns; a call holds one until its answer is there.
    pub(crate) turns: Semaphore,
    /// The one turn to write.
    pub(crate) writes: Semaphore,
    closed: Mutex<Option<Closed>>,
}

/// A mailbox that wants no calls.
#[derive(Clone)]
pub(crate) struct Closed {
    /// Until then.
    pub(crate) until: Instant,
    /// Request id of the answer that said so.
    pub(crate) request_id: String,
}

impl Lanes {
    /// The lane of a name; a new one has so many turns.
    pub(crate) fn lane(&self, name: &str, turns: usize) -> Arc<Lane> {
        let mut lanes = lock(&self.lanes);
        if let Some(lane) = lanes.get(name) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane {
            turns: Semaphore::new(turns),
            writes: Semaphore::new(1),
            closed: Mutex::new(None),
        });
        lanes.insert(name.to_owned(), Arc::clone(&lane));
        lane
    }

    /// The lane of a name that was called before.
    pub(crate) fn known(&self, name: &str) -> Option<Arc<Lane>> {
        lock(&self.lanes).get(name).cloned()
    }
}

impl Lane {
    /// Whether it wants no calls now.
    pub(crate) fn closed(&self, now: Instant) -> Option<Closed> {
        lock(&self.closed).clone().filter(|closed| now < closed.until)
    }

    /// Lets no call pass before an instant; an earlier instant than one before changes nothing.
    pub(crate) fn close(&self, until: Instant, request_id: &str) {
        let mut closed = lock(&self.closed);
        if closed.as_ref().is_none_or(|closed| closed.until < until) {
            *closed = Some(Closed { until, request_id: request_id.to_owned() });
        }
    }
}

/// What is behind such a lock is whole at any time, so that a panic elsewhere leaves nothing broken.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
