//! What operators of the service, chance and attackers do to subscriptions. `which` names subscriptions: an id, a mailbox
//! by id or address, or `*` for all.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{PostKind, PushCounters, PushSwitches, SentPost, Subscription};
use crate::Twin;
use crate::calendar::{Change, IdFormat};

/// POSTs that the service never sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Forgery {
    /// Subscriptions whose notices are imitated, with their true `clientState`.
    pub which: Option<String>,
    /// Fields put over the imitated ones; null takes a field away.
    pub fields: Map<String, Value>,
    /// Imitates a lifecycle notice with this word instead.
    pub lifecycle_event: Option<String>,
    /// Where to; the subscription's own URL if absent.
    pub url: Option<String>,
    /// A body of one's own instead of an imitated one.
    pub body: Option<Value>,
    /// How often; once if absent.
    pub times: Option<u32>,
}

impl Twin {
    /// How subscriptions behave and notices travel.
    pub fn push_switches(&self) -> &PushSwitches {
        &self.push.switches
    }

    /// Sets that.
    pub fn set_push(&mut self, switches: PushSwitches) {
        self.push.switches = switches;
    }

    /// All subscriptions of all apps and tenants, by id.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.push.subscriptions.values()
    }

    /// The last POSTs, oldest first.
    pub fn sent_posts(&self) -> impl Iterator<Item = &SentPost> {
        self.push.sent.iter()
    }

    /// Totals of notices and POSTs.
    pub fn push_counters(&self) -> &PushCounters {
        &self.push.counters
    }

    fn named(&self, which: &str) -> Vec<Subscription> {
        let hit = |own: &&Subscription| {
            let room = self.tenants.get(&own.tenant).and_then(|tenant| tenant.mailboxes.get(&own.mailbox));
            which == "*"
                || own.id.eq_ignore_ascii_case(which)
                || own.mailbox.eq_ignore_ascii_case(which)
                || room.is_some_and(|room| room.address.eq_ignore_ascii_case(which))
        };
        self.push.subscriptions.values().filter(hit).cloned().collect()
    }

    /// Sends a lifecycle event, known or not, and does what it says: `subscriptionRemoved` removes, after
    /// `reauthorizationRequired` notices stop unless somebody reauthorizes. Returns how many subscriptions there were.
    pub fn send_lifecycle(&mut self, which: &str, event: &str) -> usize {
        let named = self.named(which);
        for own in &named {
            match event {
                "reauthorizationRequired" => self.push.warn(&own.id, self.now),
                _ => drop(self.push.announce_event(own, event, self.now)),
            }
            if event == "subscriptionRemoved" {
                self.forget_subscription(&own.id);
            }
        }
        named.len()
    }

    /// Subscriptions vanish, and nobody is told.
    pub fn remove_subscriptions(&mut self, which: &str) -> usize {
        let named = self.named(which);
        named.iter().filter_map(|own| self.forget_subscription(&own.id)).count()
    }

    /// Their time is over.
    pub fn expire_subscriptions(&mut self, which: &str) -> usize {
        let named = self.named(which);
        for own in &named {
            self.push.subscriptions.entry(own.id.clone()).and_modify(|own| own.expires = self.now);
        }
        self.tick_push();
        named.len()
    }

    /// They stay valid, but their notices are lost.
    pub fn mute_subscriptions(&mut self, which: &str, muted: bool) -> usize {
        let named = self.named(which);
        for own in &named {
            self.push.subscriptions.entry(own.id.clone()).and_modify(|own| own.muted = muted);
        }
        named.len()
    }

    /// Notices of changes that nobody made: `times` changes of one event per subscription.
    pub fn notify(&mut self, which: &str, change: Change, times: u32) -> usize {
        let named = self.named(which);
        for own in &named {
            let (id, etag) = self.some_event(own);
            (0..times).for_each(|_| self.push.announce(own, &id, &etag, change, self.now));
        }
        named.len()
    }

    /// Sends what the service never sent; returns how many POSTs. They are not tried again.
    pub fn forge(&mut self, forgery: &Forgery) -> usize {
        let named = forgery.which.as_deref().map(|which| self.named(which)).unwrap_or_default();
        let mut made = Vec::new();
        for own in &named {
            let lifecycle = own.lifecycle_url.as_ref().filter(|_| forgery.lifecycle_event.is_some());
            let url = forgery.url.as_ref().or(lifecycle).unwrap_or(&own.notification_url);
            let body =
                forgery.body.clone().unwrap_or_else(|| json!({"value": [self.imitation(own, forgery)]}));
            made.push((url.clone(), body));
        }
        if let (true, Some(url), Some(body)) = (named.is_empty(), &forgery.url, &forgery.body) {
            made.push((url.clone(), body.clone()));
        }
        let times = forgery.times.unwrap_or(1);
        for (url, body) in &made {
            (0..times).for_each(|_| self.push.pack(PostKind::Forged, url, body, 1, self.now));
        }
        made.len() * times as usize
    }

    fn imitation(&mut self, own: &Subscription, forgery: &Forgery) -> Value {
        let (id, etag) = self.some_event(own);
        let mut item = self.push.change_item(own, &id, &etag, Change::Updated);
        if let Some(event) = &forgery.lifecycle_event {
            item["lifecycleEvent"] = json!(event);
        }
        if let Some(fields) = item.as_object_mut() {
            if forgery.lifecycle_event.is_some() {
                fields.retain(|name, _| !["changeType", "resource", "resourceData"].contains(&name.as_str()));
            }
            for (name, value) in &forgery.fields {
                match value {
                    Value::Null => drop(fields.remove(name)),
                    value => drop(fields.insert(name.clone(), value.clone())),
                }
            }
        }
        item
    }

    /// Id and etag of the mailbox's first event, or of one that does not exist.
    fn some_event(&self, own: &Subscription) -> (String, String) {
        let Ok(room) = self.mailbox(&own.tenant, &own.mailbox) else { return Default::default() };
        match room.items().first_key_value() {
            Some((key, item)) => (room.former_id(*key, None, own.ids), crate::wire::etag(item)),
            None => (room.former_id(0, None, IdFormat::Immutable), "W/\"\"".to_owned()),
        }
    }
}
