use crate::fifo::{FifoQueue, FifoRules, Message};
use crate::{TestClock, lock};
use chrono::TimeDelta;
use roomsync_domain::hint::{LifecycleHint, PollHint, TenantHint};
use roomsync_domain::ids::derived;
use roomsync_ports::{Clock, CommandQueue, HintQueue, Notice, QueueError, Rejection};
use std::sync::Mutex;

/// The queues between functions, in memory.
#[derive(Debug)]
pub struct MemoryQueue {
    clock: TestClock,
    polls: Mutex<FifoQueue>,
    tenants: Mutex<FifoQueue>,
    lifecycle: Mutex<FifoQueue>,
    commands: Mutex<FifoQueue>,
    rejections: Mutex<Vec<Rejection>>,
    refusing: Mutex<Vec<Lane>>,
}

/// One of the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Hints for rooms, group = room.
    Polls,
    /// Hints for tenants, group = tenant.
    Tenants,
    /// Hints for subscriptions, group = room.
    Lifecycle,
    /// Booking commands, group = booking.
    Commands,
}

impl MemoryQueue {
    /// Empty queues with the settings of `template.yaml`.
    #[must_use]
    pub fn new(clock: TestClock) -> Self {
        let queue = |number: u64, max_receives: u32| {
            let rules = FifoRules { max_receives, ..FifoRules::default() };
            Mutex::new(FifoQueue::numbered_from(number << 40, rules))
        };
        Self {
            clock,
            polls: queue(0, 10),
            tenants: queue(1, 20),
            lifecycle: queue(2, 10),
            commands: queue(3, 300),
            rejections: Mutex::default(),
            refusing: Mutex::default(),
        }
    }

    fn lane(&self, lane: Lane) -> &Mutex<FifoQueue> {
        match lane {
            Lane::Polls => &self.polls,
            Lane::Tenants => &self.tenants,
            Lane::Lifecycle => &self.lifecycle,
            Lane::Commands => &self.commands,
        }
    }

    /// From now on nothing that a function sends is taken by these lanes.
    pub fn refuse(&self, lanes: &[Lane]) {
        *lock(&self.refusing) = lanes.to_vec();
    }

    fn taking(&self, lane: Lane, sent: usize) -> Result<(), QueueError> {
        if lock(&self.refusing).contains(&lane) {
            return Err(QueueError { sent, refused: sent, why: "ServiceUnavailable".to_owned() });
        }
        Ok(())
    }

    /// Puts a raw message in, for bodies that no program of ours would write.
    pub fn send(&self, lane: Lane, group: &str, deduplication: &str, body: &str) {
        lock(self.lane(lane)).send(group, deduplication, body, self.clock.now());
    }

    /// At most `max` messages, as one batch of the function behind the queue gets them.
    #[must_use]
    pub fn receive(&self, lane: Lane, max: usize) -> Vec<Message> {
        lock(self.lane(lane)).receive(max, self.clock.now())
    }

    /// Deletes a message that is done.
    pub fn delete(&self, lane: Lane, receipt: u64) {
        lock(self.lane(lane)).delete(receipt);
    }

    /// Hides a received message for so long, counted from now.
    pub fn hide(&self, lane: Lane, receipt: u64, delay: TimeDelta) {
        lock(self.lane(lane)).hide(receipt, delay, self.clock.now());
    }

    /// The messages that are not deleted, hidden ones too.
    #[must_use]
    pub fn messages(&self, lane: Lane) -> Vec<Message> {
        lock(self.lane(lane)).messages().cloned().collect()
    }

    /// The messages that were received too often.
    #[must_use]
    pub fn dead(&self, lane: Lane) -> Vec<Message> {
        lock(self.lane(lane)).dead().to_vec()
    }

    /// The messages that could not be understood.
    #[must_use]
    pub fn rejections(&self) -> Vec<Rejection> {
        lock(&self.rejections).clone()
    }

    fn send_hint<T: serde::Serialize>(
        &self,
        lane: Lane,
        group: &str,
        hint: &T,
        tick: &str,
    ) -> Result<(), QueueError> {
        let body = body(hint)?;
        let deduplication = derived(&["hint", group, tick, &body]).to_string();
        self.send(lane, group, &deduplication, &body);
        Ok(())
    }
}

fn body(hint: &impl serde::Serialize) -> Result<String, QueueError> {
    serde_json::to_string(hint).map_err(|error| QueueError { sent: 1, refused: 1, why: error.to_string() })
}

impl CommandQueue for MemoryQueue {
    async fn send_command(&self, booking: &str, command: &str, body: &str) -> Result<(), QueueError> {
        self.taking(Lane::Commands, 1)?;
        self.send(Lane::Commands, booking, command, body);
        Ok(())
    }
}

impl HintQueue for MemoryQueue {
    async fn send_polls(&self, hints: &[PollHint], tick: &str) -> Result<(), QueueError> {
        self.taking(Lane::Polls, hints.len())?;
        hints.iter().try_for_each(|hint| self.send_hint(Lane::Polls, &hint.room().key(), hint, tick))
    }

    async fn send_tenants(&self, hints: &[TenantHint], tick: &str) -> Result<(), QueueError> {
        self.taking(Lane::Tenants, hints.len())?;
        hints.iter().try_for_each(|hint| self.send_hint(Lane::Tenants, hint.tenant_id.as_str(), hint, tick))
    }

    async fn postpone(&self, receipts: &[String], delay: TimeDelta) -> Result<(), QueueError> {
        let now = self.clock.now();
        for receipt in receipts.iter().filter_map(|receipt| receipt.parse().ok()) {
            // No two queues have a receipt in common.
            for lane in [Lane::Polls, Lane::Tenants, Lane::Lifecycle, Lane::Commands] {
                lock(self.lane(lane)).hide(receipt, delay, now);
            }
        }
        Ok(())
    }

    async fn send_notices(&self, notices: &[Notice]) -> Result<(), QueueError> {
        self.taking(Lane::Polls, notices.len())?;
        notices.iter().try_for_each(|Notice { hint, mark }| {
            let group = hint.room().key();
            self.send(Lane::Polls, &group, &derived(&["notice", &group, mark]).to_string(), &body(hint)?);
            Ok(())
        })
    }

    async fn send_lifecycle(&self, hints: &[LifecycleHint], tick: &str) -> Result<(), QueueError> {
        self.taking(Lane::Lifecycle, hints.len())?;
        hints.iter().try_for_each(|hint| self.send_hint(Lane::Lifecycle, &hint.room().key(), hint, tick))
    }

    async fn reject(&self, rejections: &[Rejection]) -> Result<(), QueueError> {
        lock(&self.rejections).extend_from_slice(rejections);
        Ok(())
    }
}
