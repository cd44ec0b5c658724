use crate::QueueError;
use chrono::TimeDelta;
use roomsync_domain::hint::{LifecycleHint, PollHint, TenantHint};

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
    /// Sends the hints that Graph's notices ask for to the poll queue, message group = room.
    async fn send_notices(&self, notices: &[Notice]) -> Result<(), QueueError>;

    /// Sends hints to the lifecycle queue, message group = room; `tick` as for polls.
    async fn send_lifecycle(&self, hints: &[LifecycleHint], tick: &str) -> Result<(), QueueError>;

    /// Puts messages that cannot be understood where people find them.
    async fn reject(&self, rejections: &[Rejection]) -> Result<(), QueueError>;
}

/// A hint with what tells it from others: the same mark for the same room within five minutes is one message, whatever else the hint
/// says. A mark must come from what is new, or a later hint would be swallowed by an earlier one that is already worked off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where to look.
    pub hint: PollHint,
    /// What tells it from others.
    pub mark: String,
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

/// The queue of booking commands, for those who send some.
pub trait CommandQueue {
    /// Sends the body of a command; the same command within five minutes is one message.
    async fn send_command(&self, booking: &str, command: &str, body: &str) -> Result<(), QueueError>;
}
