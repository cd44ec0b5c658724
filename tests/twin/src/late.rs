//! Time passes: requests that were given up by their callers land, mail arrives, attendants decide.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::Request;

use crate::Twin;
use crate::mails::Hand;
use crate::post::Pace;
use crate::processing::Context;
use crate::request::Call;

/// Requests under way whose callers have given up.
pub(crate) type Late = BTreeMap<(DateTime<Utc>, u64), Request<Bytes>>;

impl Twin {
    /// Lets time pass: late requests land, mail arrives, room attendants decide what is due, subscriptions end. `handle`
    /// and `act` do so by themselves.
    pub fn advance(&mut self, now: DateTime<Utc>) {
        self.hear();
        while let Some(entry) = self.late.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), request) = entry.remove_entry();
            self.settle_rooms(at);
            let call = Call::read(&request);
            let grant = self.grant(&request);
            self.execute(&call, &request, Some(grant), "late");
            self.hear();
        }
        self.settle_rooms(now);
        self.tick_push();
    }

    /// Lets a request land later, its answer unheard.
    pub(crate) fn postpone(&mut self, request: &Request<Bytes>, ms: u64) {
        self.counter += 1;
        let at = self.now + Duration::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX / 1000));
        self.late.insert((at, self.counter), request.clone());
    }

    /// When the next of them lands.
    pub(crate) fn next_late(&self) -> Option<DateTime<Utc>> {
        self.late.keys().next().map(|(at, _)| *at)
    }

    fn settle_rooms(&mut self, now: DateTime<Utc>) {
        self.now = self.now.max(now);
        let waiting = self.tenants.values().filter(|tenant| !tenant.due.is_empty());
        for id in waiting.map(|tenant| tenant.id.clone()).collect::<Vec<_>>() {
            let pace = Pace { attendant_ms: self.tuning.attendant_ms, ..Pace::default() };
            if let Some((tenant, context)) = self.split(&id) {
                tenant.settle(&mut Context { hand: Hand::Attendant, pace, ..context });
            }
        }
    }
}
