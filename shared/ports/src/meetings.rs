use crate::Trace;
use chrono::TimeDelta;
use roomsync_domain::writing::Seen;
use roomsync_domain::writing::merge::{Draft, Patch};
use roomsync_domain::{EventId, Instant};
use thiserror::Error;
use uuid::Uuid;

/// The meetings in organizers' calendars. A mailbox is an address or an object id.
pub trait Meetings {
    /// Makes a meeting, or answers with the one that an earlier attempt with the same transaction id has made: which of the two, nobody
    /// can tell (`user-post-events`).
    async fn create(&self, mailbox: &str, draft: &Draft, mark: &Mark) -> Result<Seen, MeetingError>;

    /// One meeting by its id; nothing if it is not there. A deleted one may still be found, in Deleted Items.
    async fn get(&self, mailbox: &str, id: &EventId) -> Result<Option<Seen>, MeetingError>;

    /// Everything in the mailbox's calendar that bears a mark.
    async fn marked(&self, mailbox: &str, marker: &str) -> Result<Vec<Seen>, MeetingError>;

    /// Changes a meeting that is still the one with this etag.
    async fn update(
        &self,
        mailbox: &str,
        id: &EventId,
        etag: Option<&str>,
        patch: &Patch,
    ) -> Result<Seen, MeetingError>;

    /// Deletes a meeting; those who are invited are told. One that is not there is deleted.
    async fn delete(&self, mailbox: &str, id: &EventId) -> Result<(), MeetingError>;

    /// Until when Graph has asked this process to leave a mailbox alone; nothing if it has not, or that is over.
    fn closed_until(&self, mailbox: &str) -> Option<Instant>;

    /// The object id to an address, or the address to an object id, if this process has asked for it.
    fn other_name(&self, mailbox: &str) -> Option<String>;

    /// Declines somebody else's meeting in the name of a mailbox, and tells its organizer. One that is not there is declined.
    async fn decline(&self, mailbox: &str, id: &EventId) -> Result<(), MeetingError>;
}

/// What makes a meeting ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The same for every attempt to make it.
    pub transaction: Uuid,
    /// Value of the property [`roomsync_domain::writing::MARKER`].
    pub marker: String,
}

/// Why a call to a calendar has no answer, by what the caller can do. Those of a write say whether it may have had its effect.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MeetingError {
    /// The transaction id has made another meeting, whose id is perhaps told. Nothing was made now.
    #[error("the transaction id was used before: {trace}")]
    DuplicateTransaction {
        /// The meeting that it has made.
        existing: Option<EventId>,
        /// For support.
        trace: Trace,
    },
    /// 412: the meeting is another than the one that was read. Nothing was written.
    #[error("changed meanwhile: {0}")]
    Stale(Trace),
    /// There is no such meeting (any more). Nothing was written.
    #[error("no such meeting: {0}")]
    Gone(Trace),
    /// There is no such mailbox, or none in Exchange Online. Nothing was written.
    #[error("no such mailbox: {0}")]
    NoMailbox(Trace),
    /// 403. Nothing was written.
    #[error("access refused: {0}")]
    Forbidden(Trace),
    /// The credential or its token is refused. Nothing was written.
    #[error("credential refused: {0}")]
    Credential(Trace),
    /// 400: something in the request cannot be used. Nothing was written.
    #[error("refused as invalid: {0}")]
    Invalid(Trace),
    /// 429, or 503 with `Retry-After`. A write may have had its effect (microsoft Q&A 5529013).
    #[error("throttled, retry after {retry_after:?}: {trace}")]
    Throttled {
        /// As Graph asks.
        retry_after: Option<TimeDelta>,
        /// For support.
        trace: Trace,
    },
    /// 409, 5xx, an answer that cannot be read: a write may have had its effect, and nothing of it is still on its way.
    #[error("failed: {0}")]
    Failed(Trace),
    /// No answer: a write may have had its effect, or may have it later.
    #[error("not answered: {0}")]
    Unanswered(Trace),
}

impl MeetingError {
    /// Whether it says for certain that nothing was written, and that trying again does not help by itself.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::NoMailbox(_) | Self::Forbidden(_) | Self::Invalid(_))
    }
}
