//! What is remembered between two looks at a room.

use crate::announced::Announced;
use crate::listening::{Listening, Refusal};
use crate::time::{Instant, Span, seconds};
use serde::{Deserialize, Serialize};

/// A link that Graph gave us to continue a delta round. It carries state tokens: `Debug` shows nothing of it, and it is never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeltaLink(String);

impl DeltaLink {
    /// Takes a link verbatim.
    pub fn new(link: impl Into<String>) -> Self {
        Self(link.into())
    }

    /// The link, verbatim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for DeltaLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeltaLink(..)")
    }
}

/// The cursor row of a room. Every commit checks and bumps its version, so a slower poller can never overwrite a newer one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// 1, 2, 3 … with every commit.
    pub version: u64,
    /// How the room is followed.
    pub mode: Mode,
    /// Where the next delta round starts; absent before the first copy and in the modes that use none.
    pub link: Option<DeltaLink>,
    /// The days that the link and the last full read cover.
    pub window: Option<Span>,
    /// Fingerprint of the tenant's policy under which the bookings were written.
    pub policy: String,
    /// Fingerprint of the room under which the bookings were written.
    pub context: String,
    /// Last complete read of the whole window.
    #[serde(default, with = "seconds::option")]
    pub last_full_at: Option<Instant>,
    /// Last time that a first delta round was tried.
    #[serde(default, with = "seconds::option")]
    pub delta_tried_at: Option<Instant>,
    /// Last commit that changed a booking.
    #[serde(default, with = "seconds::option")]
    pub last_change_at: Option<Instant>,
    /// No call to the mailbox before this instant.
    #[serde(default, with = "seconds::option")]
    pub not_before: Option<Instant>,
    /// Failures in a row.
    #[serde(default)]
    pub failures: u32,
    /// What keeps the room from being fresh.
    #[serde(default)]
    pub trouble: Option<Trouble>,
    /// The guard stopped a run that wanted to end this many bookings.
    #[serde(default)]
    pub guarded: Option<Guarded>,
    /// What the last full read found that no hint had announced.
    #[serde(default)]
    pub drift: Option<Drift>,
    /// Links that Graph forgot since the last scheduled full read. From two on, every link is stored, because Exchange keeps
    /// only the last few generations (microsoft-graph-docs#2350).
    #[serde(default)]
    pub lost_links: u32,
    /// Begin of a complete look at the room, to the millisecond: the newest one whose end wrote something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Instant>,
    /// The subscription of the room, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listening: Option<Listening>,
    /// Why it has none although it should, or why the one it has could not be renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// The last change that a notice has announced. Nothing is decided by it; it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Announced>,
}

impl Cursor {
    /// Links that Graph may forget before every new one is stored.
    pub const LOST_LINKS_BEARABLE: u32 = 2;

    /// The cursor of a room that was never looked at.
    #[must_use]
    pub fn blank() -> Self {
        Self {
            version: 0,
            mode: Mode::New,
            link: None,
            window: None,
            policy: String::new(),
            context: String::new(),
            last_full_at: None,
            delta_tried_at: None,
            last_change_at: None,
            not_before: None,
            failures: 0,
            trouble: None,
            guarded: None,
            drift: None,
            lost_links: 0,
            looked_at: None,
            listening: None,
            refusal: None,
            announced: None,
        }
    }

    /// The same room as if it had never been looked at. What is known of its subscription stays.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self {
            version: self.version,
            listening: self.listening.clone(),
            refusal: self.refusal.clone(),
            ..Self::blank()
        }
    }

    /// Whether the room need not be looked at until its subscription speaks: that can be trusted, and nothing is owed.
    #[must_use]
    pub fn may_rest(&self, now: Instant) -> bool {
        let nothing_is_owed = self.mode == Mode::Delta
            && self.link.is_some()
            && self.guarded.is_none()
            && self.trouble.is_none()
            && self.failures == 0
            && !self.policy.is_empty();
        nothing_is_owed && self.listening.as_ref().is_some_and(|listening| listening.can_be_trusted(now))
    }
}

/// How a room is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Not yet copied.
    New,
    /// By delta rounds.
    Delta,
    /// By reading the whole window each time, because delta does not work for this room; tried again hourly.
    FullRead,
    /// Not any more: the room was removed and its bookings are ended.
    Retired,
}

/// What keeps a room from being fresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Stable word, see [`TroubleKind`].
    pub kind: TroubleKind,
    /// Since when.
    #[serde(with = "seconds")]
    pub since: Instant,
    /// Graph's error code and request id, for support. Never text from the calendar.
    pub detail: String,
}

impl Trouble {
    /// A trouble, keeping the beginning of an earlier one of its kind.
    #[must_use]
    pub fn new(kind: TroubleKind, detail: String, before: Option<&Self>, now: Instant) -> Self {
        let since = before.filter(|before| before.kind == kind).map_or(now, |before| before.since);
        Self { kind, since, detail }
    }
}

/// Kinds of trouble, by who can end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TroubleKind {
    /// 403: not consented, out of scope, or not yet spread. The customer's administrator.
    NoAccess,
    /// 404: no such mailbox, or none in Exchange Online. The customer's administrator.
    NoMailbox,
    /// The login host refuses our credential. The operator.
    Credential,
    /// 429: Graph asks to wait. Nobody.
    Throttled,
    /// Time-outs, 5xx, cut connections. Nobody.
    Unreachable,
    /// Answers that break Graph's own shape. Us.
    Contract,
    /// The guard stopped the run. The next look, or the operator.
    Guarded,
}

/// A run that the guard stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guarded {
    /// Bookings it wanted to end.
    pub ending: u32,
    /// Future bookings there were.
    pub of: u32,
    /// When.
    #[serde(with = "seconds")]
    pub at: Instant,
}

/// What a full read found that no hint had announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Bookings that had to be repaired.
    pub repaired: u32,
    /// When.
    #[serde(with = "seconds")]
    pub at: Instant,
}
