//! The guard: no run ends much at once on one look.
//!
//! A wiped calendar, a half-answered listing or a changed permission looks like "everything was cancelled". vdirsyncer stops
//! when one side is suddenly empty (vdirsyncer#42); so do we, above a share.

/// Never stops below this many endings.
pub const AT_LEAST: usize = 25;
/// Stops above this share, in per cent.
pub const SHARE_PERCENT: usize = 20;

/// The most endings that one look may bring.
#[must_use]
pub fn limit(of: usize) -> usize {
    AT_LEAST.max(of * SHARE_PERCENT / 100)
}

/// Whether a run may end so many of so many.
#[must_use]
pub fn allows(ending: usize, of: usize) -> bool {
    ending <= limit(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (ending, of, allowed) in [
            (0, 0, true),
            (25, 25, true),
            (26, 26, false),
            (40, 200, true),
            (41, 200, false),
            (200, 1000, true),
            (201, 1000, false),
        ] {
            assert_eq!(allows(ending, of), allowed, "{ending} of {of}");
        }
    }
}
