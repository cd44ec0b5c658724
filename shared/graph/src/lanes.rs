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
    /// The other name of a mailbox: its address or its object id.
    others: Mutex<BTreeMap<String, String>>,
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
        let lane = Arc::new(Lane::new(turns));
        lanes.insert(name.to_owned(), Arc::clone(&lane));
        lane
    }

    /// Two names of one mailbox have one lane from now on.
    pub(crate) fn same(&self, one: &str, other: &str) {
        let mut lanes = lock(&self.lanes);
        let lane = lanes.get(one).or_else(|| lanes.get(other)).cloned();
        let lane = lane.unwrap_or_else(|| Arc::new(Lane::new(CALLS_AT_ONCE)));
        for name in [one, other] {
            let before = lanes.insert(name.to_owned(), Arc::clone(&lane));
            let closed = before
                .filter(|before| !Arc::ptr_eq(before, &lane))
                .and_then(|before| lock(&before.closed).clone());
            if let Some(closed) = closed {
                lane.close(closed.until, &closed.request_id);
            }
        }
        let mut others = lock(&self.others);
        others.insert(one.to_owned(), other.to_owned());
        others.insert(other.to_owned(), one.to_owned());
    }

    /// The other name of a mailbox, if it is known.
    pub(crate) fn other(&self, name: &str) -> Option<String> {
        lock(&self.others).get(name).cloned()
    }

    /// The lane of a name that was called before.
    pub(crate) fn known(&self, name: &str) -> Option<Arc<Lane>> {
        lock(&self.lanes).get(name).cloned()
    }
}

impl Lane {
    fn new(turns: usize) -> Self {
        Self { turns: Semaphore::new(turns), writes: Semaphore::new(1), closed: Mutex::new(None) }
    }

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
