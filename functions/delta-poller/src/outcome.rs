//! What a look at a room came to.

use chrono::TimeDelta;
use roomsync_domain::Instant;
use roomsync_domain::cursor::{Drift, Guarded, Mode, TroubleKind};
use roomsync_domain::plan::{Change, Write};

/// What a look at a room came to. What is postponed comes back, and so do notices that were too fresh for a look that ended quiet or done; all
/// other messages are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing new: one call, one read, no write.
    Quiet,
    /// The stored bookings equal the calendar again.
    Done {
        /// What was written.
        tally: Tally,
        /// What this look found that no hint had announced, if it was the daily one.
        drift: Option<Drift>,
        /// How the room is followed from now on.
        mode: Mode,
        /// When the newest change was made that Graph reported, if it says so.
        made_at: Option<Instant>,
        /// Whether the changes should have been announced and were not.
        is_silent: bool,
    },
    /// The room has a subscription that can be trusted, so that it need not be looked at now.
    Listening,
    /// A look that was begun after the notices has answered them.
    Answered,
    /// The last look was only just: the notices come back after this time. The message is not done.
    Postponed(TimeDelta),
    /// The guard stopped the endings; the next look or an operator decides.
    Guarded(Guarded),
    /// Graph asked to wait until then.
    Waiting(Instant),
    /// Something keeps the room from being fresh; it is written down and looked at again with the next hint.
    Troubled(TroubleKind),
    /// There is no such room: a hint from another time.
    Unknown,
}

impl Outcome {
    /// Word for logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Listening => "listening",
            Self::Answered => "answered",
            Self::Postponed(_) => "postponed",
            Self::Done { .. } => "done",
            Self::Guarded(_) => "guarded",
            Self::Waiting(_) => "waiting",
            Self::Troubled(_) => "troubled",
            Self::Unknown => "unknown",
        }
    }
}

/// Numbers of written versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// First seen.
    pub created: usize,
    /// Looking different.
    pub updated: usize,
    /// Over.
    pub ended: usize,
    /// There again.
    pub revived: usize,
}

impl Tally {
    /// Counts writes.
    #[must_use]
    pub fn of(writes: &[Write]) -> Self {
        let mut tally = Self::default();
        for write in writes {
            match write.change {
                Change::Created => tally.created += 1,
                Change::Updated => tally.updated += 1,
                Change::Ended => tally.ended += 1,
                Change::Revived => tally.revived += 1,
            }
        }
        tally
    }
}
