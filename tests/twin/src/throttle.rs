//! The service's limits per app and mailbox, and a watch over clients that call before they may (page throttling-limits).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use crate::switches::Tuning;
use crate::wire::Refusal;

/// An app at a mailbox (or at the directory, where no mailbox is addressed).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Lane {
    /// Tenant id.
    #[serde(serialize_with = "plain")]
    pub tenant: Arc<str>,
    /// Mailbox id as far as it is known, else what was addressed; empty for places and login, `subscriptions` or
    /// `subscriptions/list` for theirs.
    #[serde(serialize_with = "plain")]
    pub mailbox: Arc<str>,
}

impl Lane {
    /// Subscription calls have limits of their own, see `push`: as many at once as one likes.
    fn of_subscriptions(&self) -> bool {
        self.mailbox.starts_with("subscriptions")
    }
}

fn plain<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// A call that came earlier than `Retry-After` allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// Who called whom.
    pub lane: Lane,
    /// When it came.
    pub at: DateTime<Utc>,
    /// When it would have been allowed.
    pub allowed_from: DateTime<Utc>,
}

#[derive(Clone, Debug, Default)]
struct Use {
    in_flight: u32,
    window: Option<DateTime<Utc>>,
    calls: u32,
    closed_until: Option<DateTime<Utc>>,
}

/// Counters of all lanes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Throttle {
    lanes: BTreeMap<Lane, Use>,
    pub(crate) most_in_flight: u32,
    pub(crate) over_four: u64,
    pub(crate) violations: Vec<Violation>,
}

/// Microsoft's limit of concurrent calls per app and mailbox.
pub(crate) const CONCURRENT: u32 = 4;

impl Throttle {
    pub(crate) fn begin(&mut self, lane: &Lane) {
        if lane.of_subscriptions() {
            return;
        }
        let used = self.lanes.entry(lane.clone()).or_default();
        used.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(used.in_flight);
        self.over_four += u64::from(used.in_flight > CONCURRENT);
    }

    pub(crate) fn end(&mut self, lane: &Lane) {
        if let Some(used) = self.lanes.get_mut(lane) {
            used.in_flight = used.in_flight.saturating_sub(1);
        }
    }

    /// Counts a call and refuses it if the lane is full.
    pub(crate) fn admit(&mut self, lane: &Lane, now: DateTime<Utc>, tuning: &Tuning) -> Result<(), Refusal> {
        let used = match self.lanes.get_mut(lane) {
            Some(used) => used,
            None => self.lanes.entry(lane.clone()).or_default(),
        };
        if let Some(until) = used.closed_until {
            if now < until {
                self.violations.push(Violation { lane: lane.clone(), at: now, allowed_from: until });
            } else {
                used.closed_until = None;
            }
        }
        if tuning.enforce_concurrency && used.in_flight > CONCURRENT {
            return Err(throttled("MailboxConcurrency", 5));
        }
        let window = *used.window.get_or_insert(now);
        if now >= window + Duration::minutes(10) {
            used.window = Some(now);
            used.calls = 0;
        }
        used.calls += 1;
        if used.calls > tuning.calls_per_10_minutes {
            let left = (used.window.unwrap_or(now) + Duration::minutes(10) - now).num_seconds().max(1);
            return Err(throttled("RequestCount", left));
        }
        Ok(())
    }

    /// Remembers a promise made with `Retry-After`.
    pub(crate) fn promise(&mut self, lane: &Lane, until: DateTime<Utc>) {
        self.lanes.entry(lane.clone()).or_default().closed_until = Some(until);
    }
}

fn throttled(limit: &str, seconds: i64) -> Refusal {
    let message = format!("Application is over its {limit} limit.");
    let mut refusal = Refusal::new(429, "ApplicationThrottled", &message);
    refusal.headers.push(("retry-after", seconds.to_string()));
    refusal
}
