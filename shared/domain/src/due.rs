//! When a room is due, computed from its key and the clock, so that nothing has to be stored.

use crate::ids::RoomRef;
use crate::time::{Instant, Span, doubled};
use chrono::TimeDelta;
use fnv::FnvHasher;
use std::hash::Hasher;

/// An evenly spread number of a room, the same for ever.
fn number(room: &RoomRef, purpose: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    for part in [purpose, room.tenant.as_str(), room.room.as_str()] {
        hasher.write(part.as_bytes());
        hasher.write_u8(0);
    }
    // The low bits of FNV are weak; the upper half is well mixed.
    hasher.finish() >> 32
}

/// First pause after a failure, doubled with each, and the longest, before the jitter. Rooms are looked at every two minutes anyway; a longer
/// pause would spare Graph nothing and keep a room waiting after Graph has recovered.
const BACK_OFF_SECONDS: (i64, i64) = (5, 60);

/// A number from zero to below `bound`, evenly spread over rooms, the same for a room for ever.
#[must_use]
pub fn share(room: &RoomRef, purpose: &str, bound: i64) -> i64 {
    i64::try_from(number(room, purpose) % bound.max(1).unsigned_abs()).unwrap_or(0)
}

/// The latest instant at or before `now` in a rhythm of `every_seconds` that is shifted by the room's own phase.
fn latest_beat(room: &RoomRef, purpose: &str, every_seconds: i64, now: Instant) -> Instant {
    let every = every_seconds.max(1);
    let phase = share(room, purpose, every);
    let since = (now.timestamp() - phase).rem_euclid(every);
    now - TimeDelta::seconds(since) - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos()))
}

/// Whether a room that is looked at every `every_seconds` is due in the tick `(tick.start, tick.end]`.
#[must_use]
pub fn poll_is_due(room: &RoomRef, every_seconds: u32, tick: Span) -> bool {
    latest_beat(room, "poll", every_seconds.into(), tick.end) > tick.start
}

/// Whether the daily full read is due: the room's own time of day has passed since the last one.
#[must_use]
pub fn full_read_is_due(room: &RoomRef, last: Instant, now: Instant) -> bool {
    latest_beat(room, "full", 86_400, now) > last
}

/// Seconds to wait after the n-th failure in a row: doubling from 5 s to a minute, with the room's own jitter of up to a quarter.
#[must_use]
pub fn back_off(room: &RoomRef, failures: u32) -> TimeDelta {
    let base = doubled(BACK_OFF_SECONDS, failures.saturating_sub(1)).num_seconds();
    let jitter = share(room, &format!("retry{failures}"), 250);
    TimeDelta::milliseconds(base * (1000 + jitter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{RoomId, TenantId};
    use crate::time::seconds;

    fn rooms(count: usize) -> Vec<RoomRef> {
        let tenant = TenantId::parse("84bd8158-6d4d-4958-8b9f-9d6445542f95").unwrap();
        (0..count).map(|n| RoomRef::new(tenant.clone(), RoomId::new(format!("room-{n}")))).collect()
    }

    #[test]
    fn every_room_is_due_exactly_once_in_its_interval() {
        let start = seconds::parse("2026-02-09T00:00:00Z").unwrap();
        for room in rooms(50) {
            let due = (0..5).filter(|tick| {
                let from = start + TimeDelta::seconds(120 * tick);
                poll_is_due(&room, 600, Span::new(from, from + TimeDelta::seconds(120)))
            });
            assert_eq!(due.count(), 1, "{room}");
        }
    }

    #[test]
    fn rooms_are_spread_over_the_interval() {
        let start = seconds::parse("2026-02-09T00:00:00Z").unwrap();
        let tick = Span::new(start, start + TimeDelta::seconds(120));
        let due = rooms(1000).iter().filter(|room| poll_is_due(room, 600, tick)).count();
        assert!((150..250).contains(&due), "{due} of 1000 in a fifth of the interval");
    }

    #[test]
    fn the_full_read_comes_once_a_day() {
        for room in rooms(20) {
            let mut last = seconds::parse("2026-02-09T00:00:00Z").unwrap();
            let mut reads = 0;
            for minute in 1..=10 * 24 * 60 {
                let now = seconds::parse("2026-02-09T00:00:00Z").unwrap() + TimeDelta::minutes(minute);
                if full_read_is_due(&room, last, now) {
                    reads += 1;
                    last = now;
                }
            }
            assert_eq!(reads, 10, "{room}");
        }
    }

    #[test]
    fn waiting_grows_and_stays_bounded() {
        let room = &rooms(1)[0];
        assert!(back_off(room, 1) >= TimeDelta::seconds(5));
        assert!(back_off(room, 3) >= TimeDelta::seconds(20));
        assert!(back_off(room, 4_000_000) <= TimeDelta::seconds(75));
    }
}
