use crate::QueueError;
use roomsync_domain::hint::{PollHint, TenantHint};

/// The queues between functions.
pub trait HintQueue {
    /// Sends hints to the poll queue, message group = room. `tick` tells sendings apart: the same hint with the same tick within five
    /// minutes is one message.
    async fn send_polls(&self, hints: &[PollHint], tick: &str) -> Result<(), QueueError>;

    /// Sends hints to the tenant queue, message group = tenant.
    async fn send_tenants(&self, hints: &[TenantHint], tick: &str) -> Result<(), QueueError>;

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
