use chrono::TimeDelta;
use roomsync_domain::cursor::TroubleKind;
use std::time::Duration;
use thiserror::Error;

/// What support needs to find a call: never text of the answer, which may quote a calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Error code of the answer, or our own word for what was wrong.
    pub code: String,
    /// `request-id` of the answer, or our `client-request-id` if there was none.
    pub request_id: String,
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        }
        write!(f, "{} (request {})", self.code, self.request_id)
    }
}

/// Outcomes of a Graph call that are no answer, by what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GraphError {
    /// 429, or 503 with `Retry-After`: no call to this mailbox before that time has passed.
    #[error("throttled, retry after {retry_after:?}: {trace}")]
    Throttled {
        /// As Graph asks; nothing if it does not say.
        retry_after: Option<Duration>,
        /// For support.
        trace: Trace,
    },
    /// 410, or another status with a code about sync state or delta tokens: start a new round.
    #[error("the delta link is no longer known: {0}")]
    CursorExpired(Trace),
    /// 404: no such mailbox, or none in Exchange Online.
    #[error("not found: {0}")]
    NotFound(Trace),
    /// 403: not consented, out of scope, or not yet spread.
    #[error("access refused: {0}")]
    Forbidden(Trace),
    /// 401 even with a fresh token.
    #[error("token refused: {0}")]
    Unauthorized(Trace),
    /// The login host refuses the credential, or the credential cannot be read. `trace.code` is the `AADSTS` number or our word.
    #[error("credential refused: {0}")]
    Credential(Trace),
    /// 409 or 412: somebody else wrote at the same time.
    #[error("conflict: {0}")]
    Conflict(Trace),
    /// 504, or no answer in time, to a question about a range: ask for less.
    #[error("too much asked at once: {0}")]
    TooWide(Trace),
    /// 5xx, cut connection, no answer: try again later.
    #[error("unreachable: {0}")]
    Transient(Trace),
    /// The answer breaks Graph's own shape, or a link points where it must not. Nothing of it was used.
    #[error("unusable answer: {0}")]
    Contract(Trace),
}

impl GraphError {
    /// How long Graph wants no calls, if it says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<TimeDelta> {
        match self {
            Self::Throttled { retry_after, .. } => {
                retry_after.and_then(|wait| TimeDelta::from_std(wait).ok())
            }
            _ => None,
        }
    }

    /// What support needs.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        match self {
            Self::Throttled { trace, .. }
            | Self::CursorExpired(trace)
            | Self::NotFound(trace)
            | Self::Forbidden(trace)
            | Self::Unauthorized(trace)
            | Self::Credential(trace)
            | Self::Conflict(trace)
            | Self::TooWide(trace)
            | Self::Transient(trace)
            | Self::Contract(trace) => trace,
        }
    }

    /// Which trouble it is for a mailbox that is read.
    #[must_use]
    pub fn trouble(&self) -> TroubleKind {
        match self {
            Self::Throttled { trace, .. } if trace.status == Some(503) => TroubleKind::Unreachable,
            Self::Throttled { .. } => TroubleKind::Throttled,
            Self::Forbidden(_) => TroubleKind::NoAccess,
            Self::NotFound(_) => TroubleKind::NoMailbox,
            Self::Unauthorized(_) | Self::Credential(_) => TroubleKind::Credential,
            Self::Contract(_) => TroubleKind::Contract,
            Self::CursorExpired(_) | Self::Conflict(_) | Self::TooWide(_) | Self::Transient(_) => {
                TroubleKind::Unreachable
            }
        }
    }
}

/// Outcomes of a store call that are no answer.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Somebody else wrote first: drop the work and look again.
    #[error("lost the race for {0}")]
    Conflict(String),
    /// The table is busy: try again later.
    #[error("the table is busy: {0}")]
    Busy(String),
    /// An item that we cannot read.
    #[error("item {key} cannot be read: {why}")]
    Corrupt {
        /// Its key.
        key: String,
        /// Attribute and expectation.
        why: String,
    },
    /// Anything else.
    #[error("store: {0}")]
    Other(String),
}

/// A queue did not take everything.
#[derive(Debug, Error)]
#[error("the queue did not take {refused} of {sent} messages: {why}")]
pub struct QueueError {
    /// Messages that were to be sent.
    pub sent: usize,
    /// Messages that were not taken.
    pub refused: usize,
    /// First reason.
    pub why: String,
}

/// A secret could not be read.
#[derive(Debug, Error)]
pub enum SecretError {
    /// No entry of that name.
    #[error("there is no secret named {0}")]
    Missing(String),
    /// Try again later, or permissions are missing.
    #[error("secret {name} cannot be read: {why}")]
    Unavailable {
        /// Its name.
        name: String,
        /// Reason.
        why: String,
    },
}
