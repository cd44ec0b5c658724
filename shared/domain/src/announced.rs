//! How long a change took from its calendar to the table, in two parts: until Graph's notice of it reached us, and from there on.

use crate::time::Instant;
use serde::{Deserialize, Serialize};

/// A change that a notice announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announced {
    /// When the notice reached us, to the millisecond.
    pub noticed_at: Instant,
    /// Microsoft's part in milliseconds, if Graph says when the change was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_notice_ms: Option<u64>,
    /// Ours.
    pub to_table_ms: u64,
}

impl Announced {
    /// A change made at `made_at`, announced at `noticed_at`, stored at `stored_at`. If several notices announce it, the oldest counts; a
    /// change that was made after that one has another on the way, so that it says nothing of Microsoft's part.
    #[must_use]
    pub fn new(noticed_at: Instant, made_at: Option<Instant>, stored_at: Instant) -> Self {
        let ms = |from: Instant, to: Instant| u64::try_from((to - from).num_milliseconds());
        Self {
            noticed_at,
            to_notice_ms: made_at.and_then(|made_at| ms(made_at, noticed_at).ok()),
            // Two clocks can disagree a little.
            to_table_ms: ms(noticed_at, stored_at).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_never_below_nothing() {
        let at = |ms| Instant::from_timestamp_millis(1_770_000_000_000 + ms).unwrap();
        let parts = |made: Option<i64>, noticed, stored| {
            let announced = Announced::new(at(noticed), made.map(at), at(stored));
            (announced.to_notice_ms, announced.to_table_ms)
        };
        assert_eq!(parts(Some(0), 400, 700), (Some(400), 300));
        assert_eq!(parts(None, 400, 700), (None, 300));
        assert_eq!(parts(Some(500), 400, 700), (None, 300), "its own notice is on the way");
        assert_eq!(parts(Some(0), 400, 390), (Some(400), 0));
    }
}
