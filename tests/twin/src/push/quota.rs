//! Limits of the subscription calls (page throttling-limits): sliding windows of 20 seconds.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Duration, Utc};

use crate::request::Kind;
use crate::wire::Refusal;

const WINDOW: Duration = Duration::seconds(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    List,
    Read,
    Write,
    Reauthorize,
}

impl Class {
    fn of(kind: Kind) -> Class {
        match kind {
            Kind::SubscriptionList => Class::List,
            Kind::SubscriptionGet => Class::Read,
            Kind::SubscriptionReauthorize => Class::Reauthorize,
            _ => Class::Write,
        }
    }

    /// Calls in a window per app and tenant, and per app over all tenants.
    fn limits(self) -> (usize, usize) {
        match self {
            Class::List => (25, 40),
            Class::Read | Class::Write => (500, 2000),
            Class::Reauthorize => (1000, 4000),
        }
    }
}

/// The calls of the last 20 seconds.
#[derive(Debug, Default)]
pub(super) struct Quota {
    calls: BTreeMap<(Class, String, String), VecDeque<DateTime<Utc>>>,
}

impl Quota {
    /// Counts a call, also one that it refuses: "while throttled, further calls keep counting" (page throttling).
    pub(super) fn admit(
        &mut self,
        kind: Kind,
        app: &str,
        tenant: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let class = Class::of(kind);
        let (of_tenant, of_app) = class.limits();
        let one = self.count((class, app.to_owned(), tenant.to_owned()), of_tenant, now);
        let all = self.count((class, app.to_owned(), String::new()), of_app, now);
        let Some(wait) = one.max(all) else { return Ok(()) };
        let mut refusal = Refusal::new(429, "TooManyRequests", "Please retry again later.");
        let seconds = (wait.num_milliseconds() + 999) / 1000;
        refusal.headers.push(("retry-after", seconds.max(1).to_string()));
        Err(refusal)
    }

    /// The time until there is room again, if there is none.
    fn count(&mut self, key: (Class, String, String), limit: usize, now: DateTime<Utc>) -> Option<Duration> {
        let calls = self.calls.entry(key).or_default();
        while calls.front().is_some_and(|at| *at + WINDOW <= now) {
            calls.pop_front();
        }
        calls.push_back(now);
        if calls.len() <= limit {
            return None;
        }
        calls.get(calls.len() - limit).map(|at| *at + WINDOW - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_26th_list_within_20_seconds_is_refused_until_its_retry_after() {
        let mut quota = Quota::default();
        let start = DateTime::UNIX_EPOCH;
        let mut list = |ms: i64, tenant: &str| {
            quota.admit(Kind::SubscriptionList, "app", tenant, start + Duration::milliseconds(ms))
        };
        assert!((0..25).all(|n| list(n * 100, "a").is_ok()));
        let refused = list(2500, "a").unwrap_err();
        assert_eq!((refused.status, refused.headers[0].1.as_str()), (429, "18"));
        // The refused one counted: the window has room again when the second call has left it.
        assert!(list(2500 + 18_000, "a").is_ok());
        // 40 over all tenants.
        assert!((0..15).all(|n| list(60_000 + n, "a").is_ok()));
        assert!((0..25).all(|n| list(60_000 + n, "b").is_ok()));
        assert!(list(60_100, "c").is_err());
    }
}
