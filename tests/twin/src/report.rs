//! What the twin saw and what is true: counters, the last requests, and plain calendars for oracles.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use http::Request;
use serde::Serialize;

use crate::Twin;
use crate::calendar::{IdFormat, Sensitivity, ShowAs, Window};
use crate::mails::MailKind;
use crate::push::PushCounters;
use crate::request::{Call, Kind};
use crate::throttle::{Lane, Violation};

/// How many requests are kept.
const KEPT: usize = 2000;

/// One request, without secrets: state tokens are cut out of its path.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// When.
    pub at: DateTime<Utc>,
    /// HTTP method.
    pub method: String,
    /// Path and query, tokens replaced.
    pub path: String,
    /// Kind of call.
    pub kind: Kind,
    /// Tenant and mailbox.
    pub lane: Lane,
    /// Status of the answer; 0 while there is none.
    pub status: u16,
}

/// Totals since the start or the last reset of the counters.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// All requests.
    pub total: u64,
    /// By kind of call.
    pub by_kind: BTreeMap<Kind, u64>,
    /// By status of the answer.
    pub by_status: BTreeMap<u16, u64>,
    /// Mails by kind.
    pub mails: BTreeMap<MailKind, u64>,
    /// Most requests in flight at once for one app and mailbox.
    pub most_in_flight: u32,
    /// Requests beyond four at once.
    pub over_four: u64,
    /// Calls before a promised `Retry-After` was over.
    pub violations: Vec<Violation>,
    /// Notices and POSTs.
    pub push: PushCounters,
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    seen: VecDeque<Seen>,
    counters: Counters,
}

impl Report {
    pub(crate) fn count(&mut self, now: DateTime<Utc>, call: &Call, request: &Request<Bytes>, lane: &Lane) {
        self.counters.total += 1;
        *self.counters.by_kind.entry(call.kind).or_default() += 1;
        if self.seen.len() == KEPT {
            self.seen.pop_front();
        }
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let path = match path.find("token=") {
            Some(at) => format!("{}token=...", &path[..at]),
            None => path.to_owned(),
        };
        let method = request.method().as_str().to_owned();
        self.seen.push_back(Seen { at: now, method, path, kind: call.kind, lane: lane.clone(), status: 0 });
    }

    /// A call of a kind was answered; of several that wait it is the latest.
    pub(crate) fn answered(&mut self, kind: Kind, status: u16) {
        *self.counters.by_status.entry(status).or_default() += 1;
        if let Some(last) = self.seen.iter_mut().rev().find(|last| last.kind == kind && last.status == 0) {
            last.status = status;
        }
    }
}

/// One instance as it truly is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Immutable id.
    pub id: String,
    /// `iCalUId`.
    pub uid: String,
    /// `single`, `occurrence` or `exception`.
    pub kind: &'static str,
    /// Immutable id of the master.
    pub series_id: Option<String>,
    /// Original date within the series.
    pub date: Option<NaiveDate>,
    /// Begin.
    pub start: DateTime<Utc>,
    /// End, exclusive.
    pub end: DateTime<Utc>,
    /// First and exclusive last date of an all-day entry.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// Subject as stored in this mailbox.
    pub subject: String,
    /// Address of the organizer.
    pub organizer: String,
    /// Sensitivity as stored in this mailbox.
    pub sensitivity: Sensitivity,
    /// Free, tentative, busy, ...
    pub show_as: ShowAs,
    /// Called off.
    pub cancelled: bool,
}

impl Twin {
    /// Counters up to now.
    pub fn counters(&self) -> Counters {
        Counters {
            mails: self.mails.counts().clone(),
            most_in_flight: self.throttle.most_in_flight,
            over_four: self.throttle.over_four,
            violations: self.throttle.violations.clone(),
            push: self.push_counters().clone(),
            ..self.report.counters.clone()
        }
    }

    /// Starts counting again.
    pub fn reset_counters(&mut self) {
        self.report = Report::default();
        self.reset_mails();
        self.throttle.most_in_flight = 0;
        self.throttle.over_four = 0;
        self.throttle.violations.clear();
        self.push.reset_counters();
    }

    /// The last requests, oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &Seen> {
        self.report.seen.iter()
    }

    /// The plain truth about a calendar, by begin: what every reader should believe in the end.
    pub fn truth(&self, tenant: &str, mailbox: &str, window: Window) -> Option<Vec<Instance>> {
        let room = self.tenants.get(tenant.to_lowercase().as_str())?.mailbox(mailbox)?;
        let mut found = room.view(window);
        found.sort_by_key(|instance| (instance.start, instance.item.key, instance.date));
        let plain = |instance: &crate::calendar::Instance<'_>| Instance {
            id: room.event_id(instance.item, instance.date, IdFormat::Immutable),
            uid: instance.uid(),
            kind: match (instance.date, instance.exception) {
                (None, _) => "single",
                (Some(_), None) => "occurrence",
                (Some(_), Some(_)) => "exception",
            },
            series_id: instance.date.map(|_| room.event_id(instance.item, None, IdFormat::Immutable)),
            date: instance.date,
            start: instance.start,
            end: instance.end,
            days: instance.span.all_day.then(|| (instance.span.start.date(), instance.span.end.date())),
            subject: instance.content().subject.clone(),
            organizer: instance.item.organizer.address.clone(),
            sensitivity: instance.content().sensitivity,
            show_as: instance.content().show_as,
            cancelled: instance.cancelled(),
        };
        Some(found.iter().map(plain).collect())
    }
}
