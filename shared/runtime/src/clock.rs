//! The system's clock, and Lambda's deadline.

use chrono::{DateTime, TimeDelta};
use roomsync_domain::Instant;
use roomsync_ports::Clock;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        #[allow(clippy::disallowed_methods, reason = "this is the Clock that everybody else is to use")]
        chrono::Utc::now()
    }
}

/// Time between the last call that is begun and the moment at which Lambda stops the function: the longest call, and a write.
const MARGIN_SECONDS: i64 = 12;

/// The instant after which an invocation begins no call, from Lambda's deadline in milliseconds since 1970.
#[must_use]
pub fn last_call(deadline_ms: u64) -> Instant {
    let at = i64::try_from(deadline_ms)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .unwrap_or(DateTime::UNIX_EPOCH);
    at - TimeDelta::seconds(MARGIN_SECONDS)
}
