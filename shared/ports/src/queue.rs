use crate::QueueError;
use chrono::TimeDelta;
use roomsync_domain::hint::{PollHint, TenantHint};

/// The queues between functions.
pub trait HintQueue {
    /// Sends hints to the poll queue, message group = room. `tick` tells sendings apart: the same hint with the same tick within five
    /// minutes is one message.
    async fn send_polls(&self, hints: &[PollHint], tick: &str) -> Result<(), QueueError>;

    /// Sends hints to the tenant queue, message group = tenant.
    async fn send_tenants(&self, hints: &[TenantHint], tick: &str) -> Result<(), QueueError>;

    /// Hides received messages of the function's own queue for so long, counted from now; negative is nothing, and the queue allows half a
    /// day. Their group waits with them. To be told for messages that go back, before the batch is answered.
    async fn postpone(&self, receipts: &[String], delay: TimeDelta) -> Result<(), QueueError>;

    /// Puts messages that cannot be understood where people find them.
    async fn reject(&self, rejections: &[Rejection]) -> Result<(), QueueError>;
}

/// A message that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Its id.
    pub message_id: String,
    /// Its group.
    pub group: String,
    /// Its body, as it came.
    pub body: String,
    /// Which field is wrong and why.
    pub reason: String,
}
