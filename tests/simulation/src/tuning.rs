//! Limits and delays of Graph in one history.

use crate::universe::Universe;
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use roomsync_twin::Tuning;

/// Draws them for a window of so many days.
pub(crate) fn draw(rng: &mut SmallRng, future: u32) -> Tuning {
    // Pages of one or two entries cannot be avoided by asking for less at once.
    let view_page_max = match rng.random_range(0..4) {
        0 if future == 7 => 1,
        0 | 1 => 3,
        2 => 10,
        _ => 1000,
    };
    Tuning {
        view_page_max,
        delta_page: *[2, 50].choose(rng).unwrap_or(&50),
        live_generations: *[None, None, Some(3)].choose(rng).unwrap_or(&None),
        lag_ms: *[0, 0, 90_000].choose(rng).unwrap_or(&0),
        token_seconds: *[3599, 3599, 700].choose(rng).unwrap_or(&3599),
        ..Tuning::default()
    }
}

/// Counts those that make a difference.
pub(crate) fn count(tuning: &Tuning, universe: &Universe) {
    if tuning.lag_ms > 0 {
        universe.count("graph: changes show late");
    }
    if tuning.live_generations.is_some() {
        universe.count("graph: old links die young");
    }
}
