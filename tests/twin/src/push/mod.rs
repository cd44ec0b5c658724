//! Subscriptions and the notices they bring.
//!
//! The twin does no I/O: it says which POSTs are due ([`Twin::due_posts`], [`Handshake::posts`]) and is told what became
//! of them ([`Twin::delivered`], [`Twin::finish`]). `serve::Server` makes them over sockets; a simulator may do as it likes.

mod admin;
mod calls;
pub(crate) mod control;
mod courier;
mod handshake;
mod health;
mod notice;
mod quota;
mod subscription;
mod switches;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};
use serde::Serialize;

use crate::Twin;
use crate::request::Call;
use courier::Parcel;
use health::Health;
use notice::Notice;
use quota::Quota;

pub use admin::Forgery;
pub use handshake::Handshake;
pub use health::HostState;
pub use subscription::Subscription;
pub use switches::PushSwitches;

pub(crate) use handshake::Draft;
pub(crate) use subscription::addressed;

/// A POST that the service makes.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its number, for [`Twin::delivered`]; a retry keeps it.
    pub id: u64,
    /// What it brings.
    pub kind: PostKind,
    /// Where it goes.
    pub url: String,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its body; empty in a handshake.
    pub body: Bytes,
    /// Notices in it.
    pub items: usize,
    /// Later answers count as none.
    pub timeout: Duration,
}

/// What a POST brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PostKind {
    /// A validation token.
    Handshake,
    /// Changes of events.
    Changes,
    /// Lifecycle events.
    Lifecycle,
    /// Something the service never sent, by order of the control API.
    Forged,
}

/// What became of a POST.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// There was an answer.
    Answered {
        /// HTTP status.
        status: u16,
        /// Its `Content-Type`, empty if it had none.
        content_type: String,
        /// Its body.
        body: Bytes,
        /// How long it took.
        took: Duration,
    },
    /// There was none: no connection, or none in time.
    Unanswered {
        /// How long one waited.
        took: Duration,
    },
}

/// A POST in the log.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SentPost {
    /// When its answer came, or was given up.
    pub at: DateTime<Utc>,
    /// What it brought.
    pub kind: PostKind,
    /// Where it went, without the query.
    pub url: String,
    /// Notices in it.
    pub items: usize,
    /// Which try it was.
    pub attempt: u32,
    /// Status of the answer; none: there was no answer.
    pub status: Option<u16>,
    /// How long it took.
    pub took_ms: u64,
}

/// Totals since the start or the last reset of the counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PushCounters {
    /// Notices of changes made, with those lost.
    pub notices: u64,
    /// Lifecycle notices made.
    pub lifecycle: u64,
    /// Notices lost by chance.
    pub lost: u64,
    /// Notices doubled by chance.
    pub duplicated: u64,
    /// Notices kept back: delivery is off, the subscription is muted or waits for reauthorization.
    pub withheld: u64,
    /// Notices held for ten minutes because their host is slow.
    pub delayed: u64,
    /// Notices dropped because their host is very slow.
    pub dropped: u64,
    /// Notices answered in time with 2xx.
    pub delivered: u64,
    /// Notices given up after hours.
    pub given_up: u64,
    /// POSTs with notices, further tries included.
    pub posts: u64,
    /// Further tries planned.
    pub retried: u64,
    /// Handshake POSTs.
    pub handshakes: u64,
}

/// Everything about push.
#[derive(Debug)]
pub(crate) struct Push {
    switches: PushSwitches,
    subscriptions: BTreeMap<String, Subscription>,
    quota: Quota,
    notices: BTreeMap<(DateTime<Utc>, u64), Notice>,
    waiting: BTreeMap<(DateTime<Utc>, u64), Parcel>,
    in_flight: BTreeMap<u64, Parcel>,
    hosts: BTreeMap<String, Health>,
    sent: VecDeque<SentPost>,
    counters: PushCounters,
    /// Its own dice: whether there are subscriptions changes nothing else.
    rng: SmallRng,
    last: u64,
}

impl Push {
    pub(crate) fn new(seed: u64) -> Push {
        Push {
            switches: PushSwitches::default(),
            subscriptions: BTreeMap::new(),
            quota: Quota::default(),
            notices: BTreeMap::new(),
            waiting: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            hosts: BTreeMap::new(),
            sent: VecDeque::new(),
            counters: PushCounters::default(),
            rng: SmallRng::seed_from_u64(seed ^ 0x7075_7368),
            last: 0,
        }
    }

    pub(crate) fn reset_counters(&mut self) {
        self.counters = PushCounters::default();
        self.sent.clear();
    }

    /// The mailbox of the subscription that a call names.
    pub(crate) fn mailbox_of(&self, call: &Call) -> Option<Arc<str>> {
        let id = Some(call.segment(1)).filter(|_| call.kind.of_subscriptions())?;
        self.subscriptions.get(&id.to_lowercase()).map(|own| own.mailbox.clone())
    }

    pub(crate) fn forget_tenant(&mut self, tenant: &str) {
        self.subscriptions.retain(|_, own| !own.tenant.eq_ignore_ascii_case(tenant));
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn guid(&mut self) -> String {
        let (high, low) = (self.rng.next_u64(), self.rng.next_u64());
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    fn authorize(&mut self, id: &str, now: DateTime<Utc>) {
        if let Some(own) = self.subscriptions.get_mut(id) {
            own.authorize(now, &self.switches);
        }
    }

    /// What comes with time: warnings, the end of penalties. Returns the subscriptions that have ended.
    fn tick(&mut self, now: DateTime<Utc>) -> Vec<String> {
        let ended =
            self.subscriptions.values().filter(|own| own.expires <= now).map(|own| own.id.clone()).collect();
        let warned = |own: &&Subscription| own.warning.is_some_and(|at| at <= now) && own.expires > now;
        for id in self.subscriptions.values().filter(warned).map(|own| own.id.clone()).collect::<Vec<_>>() {
            self.warn(&id, now);
        }
        let missed: Vec<Subscription> =
            self.subscriptions.values().filter(|own| own.missed).cloned().collect();
        for own in missed {
            if self.host(&own.notification_url, now) != HostState::Dropping {
                if self.switches.tell_missed {
                    self.announce_event(&own, "missed", now);
                }
                self.subscriptions.entry(own.id).and_modify(|own| own.missed = false);
            }
        }
        ended
    }

    /// Asks for a reauthorization; without one, notices stop after the grace.
    fn warn(&mut self, id: &str, now: DateTime<Utc>) {
        let grace = chrono::Duration::minutes(self.switches.grace_minutes);
        let Some(own) = self.subscriptions.get_mut(id) else { return };
        own.warning = None;
        own.paused_from = own.paused_from.or(Some(now + grace));
        let own = own.clone();
        self.announce_event(&own, "reauthorizationRequired", now);
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        let subscriptions =
            self.subscriptions.values().flat_map(|own| own.warning.into_iter().chain([own.expires]));
        let notice = self.notices.first_key_value().map(|((at, _), _)| *at);
        let parcel = self.waiting.first_key_value().map(|((at, _), _)| *at);
        let missed = self.subscriptions.values().filter(|own| own.missed);
        let hosts =
            missed.filter_map(|own| self.hosts.get(&courier::host_of(&own.notification_url))?.until());
        subscriptions.chain(notice).chain(parcel).chain(hosts).min()
    }
}

impl Twin {
    /// The POSTs that are due at `now`. Make them and tell their [`Outcome`] with [`Twin::delivered`].
    pub fn due_posts(&mut self, now: DateTime<Utc>) -> Vec<Post> {
        self.advance(now);
        self.push.due(self.now)
    }

    /// Tells what became of a POST.
    pub fn delivered(&mut self, now: DateTime<Utc>, post: u64, outcome: &Outcome) {
        self.advance(now);
        self.push.delivered(self.now, post, outcome);
    }

    /// When something happens next by itself: a late request lands, a room attendant decides, a POST is due, a subscription ends.
    pub fn next_due(&mut self) -> Option<DateTime<Utc>> {
        self.hear();
        let decisions =
            self.tenants.values().filter_map(|tenant| tenant.due.keys().next().map(|(at, _)| *at));
        decisions.chain(self.push.next()).chain(self.next_late()).min()
    }

    /// Lets time pass for subscriptions.
    pub(crate) fn tick_push(&mut self) {
        self.hear();
        if self.push.subscriptions.is_empty() {
            return;
        }
        for id in self.push.tick(self.now) {
            self.forget_subscription(&id);
        }
        // Permissions revoked: a reason for `reauthorizationRequired` (page change-notifications-lifecycle-events).
        let shut_out = |own: &&Subscription| own.paused_from.is_none() && !self.serves(own);
        for id in
            self.push.subscriptions.values().filter(shut_out).map(|own| own.id.clone()).collect::<Vec<_>>()
        {
            self.push.warn(&id, self.now);
        }
    }

    /// Whether the app of a subscription may still read the mailbox.
    fn serves(&self, own: &Subscription) -> bool {
        let tenant = self.tenants.get(&own.tenant);
        let app = tenant.and_then(|tenant| tenant.apps.get(&own.client)).filter(|app| app.consented);
        let room = tenant.and_then(|tenant| tenant.mailboxes.get(&own.mailbox));
        app.zip(room).is_some_and(|(app, room)| app.reads_calendars() && !app.leaves_out(room))
    }

    /// Makes notices of what happened in the mailboxes since the last time, as of now.
    pub(crate) fn hear(&mut self) {
        let Twin { tenants, push, now, .. } = self;
        let mut heard = Vec::new();
        for own in push.subscriptions.values() {
            let tenant = tenants.get_mut(&own.tenant);
            let Some(room) = tenant.and_then(|tenant| tenant.mailboxes.get_mut(&own.mailbox)) else {
                continue;
            };
            let news = room.listen(true);
            if !news.is_empty() {
                heard.push((own.tenant.clone(), own.mailbox.clone(), news));
            }
        }
        for (tenant, id, news) in heard {
            let Some(room) = tenants.get(&tenant).and_then(|tenant| tenant.mailboxes.get(&id)) else {
                continue;
            };
            news.into_iter().for_each(|(key, change)| push.tell(room, &tenant, key, change, *now));
        }
    }

    fn forget_subscription(&mut self, id: &str) -> Option<Subscription> {
        let gone = self.push.subscriptions.remove(id)?;
        let others = self
            .push
            .subscriptions
            .values()
            .any(|own| own.tenant == gone.tenant && own.mailbox == gone.mailbox);
        if !others && let Ok(room) = self.mailbox_mut(&gone.tenant, &gone.mailbox) {
            room.listen(false);
        }
        Some(gone)
    }
}
