//! What a change is told of: a few notices, never what changed (docs issues 5469, 5520, 5951; page
//! changenotification).

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::switches::chance;
use super::{PostKind, Push, Subscription};
use crate::calendar::{Change, Mailbox};

/// One item of a POST, waiting for its time.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) subscription: String,
    pub(super) kind: PostKind,
    pub(super) url: String,
    pub(super) item: Value,
    /// The host's slow state has held it back already.
    pub(super) delayed: bool,
}

impl Push {
    /// Tells every subscription of a mailbox of a change made at `now`.
    pub(super) fn tell(
        &mut self,
        room: &Mailbox,
        tenant: &str,
        key: u64,
        change: Change,
        now: DateTime<Utc>,
    ) {
        let Some(item) = room.items().get(&key).or_else(|| room.deleted().get(&key)) else { return };
        let etag = crate::wire::etag(item);
        let ours = |own: &&Subscription| *own.tenant == *tenant && own.mailbox == room.id;
        let subscriptions: Vec<Subscription> = self.subscriptions.values().filter(ours).cloned().collect();
        for own in subscriptions {
            let id = room.former_id(key, None, own.ids);
            self.announce(&own, &id, &etag, change, now);
        }
    }

    /// Makes the notices of one change for one subscription.
    pub(super) fn announce(
        &mut self,
        own: &Subscription,
        id: &str,
        etag: &str,
        change: Change,
        now: DateTime<Utc>,
    ) {
        if own.muted || own.paused_from.is_some_and(|from| from <= now) {
            self.counters.withheld += 1;
            return;
        }
        let switches = self.switches.clone();
        let (first, updates) = match change {
            Change::Created => (Some(change), switches.updates_after_create),
            Change::Updated => (None, switches.updates_per_update),
            Change::Deleted => (Some(change), switches.updates_after_delete),
        };
        let echoes = (0..updates).map(|_| Change::Updated);
        for (n, change) in (0_i64..).zip(first.into_iter().chain(echoes)) {
            if !own.changes.contains(&change) {
                continue;
            }
            self.counters.notices += 1;
            if chance(&mut self.rng, switches.loss) {
                self.counters.lost += 1;
                continue;
            }
            let copies = 1 + usize::from(chance(&mut self.rng, switches.duplicates));
            self.counters.duplicated += copies as u64 - 1;
            for _ in 0..copies {
                let jitter =
                    if switches.jitter_ms > 0 { self.rng.random_range(0..=switches.jitter_ms) } else { 0 };
                let wait = switches.delay_ms + n * switches.echo_ms + jitter;
                let item = self.change_item(own, id, etag, change);
                self.queue(now + Duration::milliseconds(wait), PostKind::Changes, own, item);
            }
        }
    }

    /// Queues a lifecycle notice, if the subscription has somewhere to send it. `event` may be any word.
    pub(super) fn announce_event(&mut self, own: &Subscription, event: &str, now: DateTime<Utc>) -> bool {
        if own.lifecycle_url.is_none() {
            return false;
        }
        let mut item = json!({
            "subscriptionId": own.id, "subscriptionExpirationDateTime": self.expiration(own), "tenantId": own.tenant.as_ref(),
            "clientState": own.client_state.as_ref().map(|state| &state.0), "lifecycleEvent": event,
        });
        if self.switches.odd_spelling && self.rng.random_bool(0.5) {
            item["resource"] = json!(own.resource);
            item["organizationId"] = json!(own.tenant.as_ref());
        }
        self.counters.lifecycle += 1;
        self.queue(now, PostKind::Lifecycle, own, item);
        true
    }

    fn queue(&mut self, at: DateTime<Utc>, kind: PostKind, own: &Subscription, item: Value) {
        let url = match kind {
            PostKind::Lifecycle => own.lifecycle_url.clone().unwrap_or_default(),
            _ => own.notification_url.clone(),
        };
        let notice = Notice { subscription: own.id.clone(), kind, url, item, delayed: false };
        let place = (gathered(at, self.switches.gather_ms), self.number());
        self.notices.insert(place, notice);
    }

    /// One `changeNotification`.
    pub(super) fn change_item(&mut self, own: &Subscription, id: &str, etag: &str, change: Change) -> Value {
        let resource = format!("Users/{}/Events/{id}", own.mailbox);
        let mut item = json!({
            "subscriptionId": own.id, "subscriptionExpirationDateTime": self.expiration(own),
            "changeType": change, "resource": resource,
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Event", "@odata.id": resource, "@odata.etag": etag, "id": id
            },
            "clientState": own.client_state.as_ref().map(|state| &state.0), "tenantId": own.tenant.as_ref(),
        });
        if self.switches.odd_spelling {
            let guid = self.guid();
            respell(&mut item, &guid, &mut self.rng);
        }
        item
    }

    /// Any offset, any number of digits.
    fn expiration(&mut self, own: &Subscription) -> String {
        let at = own.expires;
        let choice = if self.switches.odd_spelling { self.rng.random_range(0..4) } else { 0 };
        match choice {
            0 => at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
            1 => crate::wire::stamp(at),
            2 => at.to_rfc3339_opts(SecondsFormat::Secs, true),
            _ => (at - Duration::hours(8)).format("%Y-%m-%dT%H:%M:%S%.3f-08:00").to_string(),
        }
    }
}

/// The reference's samples do not agree on letter case and on what is there.
fn respell(item: &mut Value, guid: &str, rng: &mut SmallRng) {
    if rng.random_bool(0.5) {
        item["id"] = json!(guid);
    }
    let kinds = ["#Microsoft.Graph.Event", "#microsoft.graph.event", "#Microsoft.Graph.event"];
    item["resourceData"]["@odata.type"] = json!(kinds.choose(rng));
    for name in ["/resource", "/resourceData/@odata.id"] {
        let spellings = [("Users/", "/Events/"), ("users/", "/events/"), ("Users/", "/events/")];
        if let (Some(value), Some((users, events))) = (item.pointer_mut(name), spellings.choose(rng)) {
            let text = value.as_str().unwrap_or_default();
            *value = json!(text.replacen("Users/", users, 1).replacen("/Events/", events, 1));
        }
    }
}

/// The end of the span in which notices are gathered.
fn gathered(at: DateTime<Utc>, gather_ms: i64) -> DateTime<Utc> {
    if gather_ms <= 0 {
        return at;
    }
    let over = at.timestamp_micros().rem_euclid(gather_ms * 1000);
    if over == 0 { at } else { at + Duration::microseconds(gather_ms * 1000 - over) }
}
