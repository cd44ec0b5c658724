//! The demo company.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use chrono::Duration;
use roomsync_twin::calendar::Window;
use roomsync_twin::{Twin, demo};
use support::at;

#[test]
fn rooms_have_meetings_on_whatever_day_somebody_looks() {
    for (now, weekday) in [("2026-02-04T08:00:00Z", "Wednesday"), ("2026-02-07T08:00:00Z", "Saturday")] {
        let now = at(now);
        let mut twin = Twin::new(1);
        demo::tenant(&mut twin, 1, now);
        let midnight = now - Duration::hours(8);
        let today = Window { from: midnight - Duration::hours(9), to: midnight + Duration::hours(29) };
        for room in ["par-curie", "nyc-astoria", "tyo-ginza", "tyo-ueno"] {
            let held = twin.truth(demo::TENANT, &format!("{room}@{}", demo::DOMAIN), today).unwrap();
            assert!(!held.is_empty(), "{room} on a {weekday}");
        }
    }
}
