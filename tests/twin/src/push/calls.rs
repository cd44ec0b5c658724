//! The Graph calls on subscriptions (pages subscription-post-subscriptions, -list, -get, -update, -delete, -reauthorize).

use std::sync::Arc;

use bytes::Bytes;
use chrono::Duration;
use http::Request;
use serde_json::{Value, json};

use super::handshake::{Draft, timed_out};
use super::subscription::{ClientState, Sent, addressed, bad, changes};
use super::{Push, Subscription};
use crate::Twin;
use crate::calendar::MailboxState;
use crate::login::Grant;
use crate::request::{Call, Kind};
use crate::wire::{Refusal, Reply};

impl Twin {
    pub(crate) fn subscription_call(
        &mut self,
        call: &Call,
        request: &Request<Bytes>,
        grant: &Grant,
    ) -> Result<Reply, Refusal> {
        if self.push.switches.enforce_quota {
            self.push.quota.admit(call.kind, &grant.client, &grant.tenant, self.now)?;
        }
        match call.kind {
            Kind::SubscriptionCreate => self.subscribe(call, request, grant),
            Kind::SubscriptionList => self.list_subscriptions(call, grant),
            Kind::SubscriptionGet => Ok(self.show(200, self.own_subscription(call, grant)?)),
            Kind::SubscriptionRenew => self.renew(call, request, grant),
            Kind::SubscriptionReauthorize => {
                let own = self.own_subscription(call, grant)?;
                let (id, mailbox) = (own.id.clone(), own.mailbox.clone());
                self.reach(&mailbox, "Reauthorize", grant)?;
                self.push.authorize(&id, self.now);
                Ok(Reply::empty(204))
            }
            _ => {
                let id = self.own_subscription(call, grant)?.id.clone();
                self.forget_subscription(&id);
                Ok(Reply::empty(204))
            }
        }
    }

    fn subscribe(&mut self, call: &Call, request: &Request<Bytes>, grant: &Grant) -> Result<Reply, Refusal> {
        let sent = Sent::read(request)?;
        let wanted = changes(sent.change_type.as_deref())?;
        let resource = sent.resource.clone().ok_or_else(|| bad("resource is required."))?;
        let who = addressed(&resource)
            .ok_or_else(|| bad("Only users/{id}/events is a resource that is known here."))?;
        let expires =
            sent.end(self.now, &self.push.switches)?.ok_or_else(|| bad("expirationDateTime is required."))?;
        let notification_url =
            sent.notification_url.clone().ok_or_else(|| bad("notificationUrl is required."))?;
        let mailbox = self.reach(&who, "Create", grant)?;
        let mut own = Subscription {
            id: self.push.guid(),
            tenant: grant.tenant.clone(),
            client: grant.client.clone(),
            mailbox,
            resource,
            changes: wanted,
            notification_url,
            lifecycle_url: sent.lifecycle_notification_url,
            expires,
            created: self.now,
            muted: false,
            change_type: sent.change_type.unwrap_or_default(),
            client_state: sent.client_state.map(ClientState),
            ids: call.prefer.ids,
            warning: None,
            paused_from: None,
            missed: false,
        };
        own.authorize(self.now, &self.push.switches);
        self.push.has_room_for(&own)?;
        self.settle_or_prove(Draft::Create(Box::new(own)), self.push.switches.handshake)
    }

    fn renew(&mut self, call: &Call, request: &Request<Bytes>, grant: &Grant) -> Result<Reply, Refusal> {
        let own = self.own_subscription(call, grant)?;
        let (id, mailbox, old) = (own.id.clone(), own.mailbox.clone(), own.notification_url.clone());
        let sent = Sent::read(request)?;
        if sent.resource.is_some()
            || sent.change_type.is_some()
            || sent.client_state.is_some()
            || sent.lifecycle_notification_url.is_some()
        {
            return Err(bad("Only expirationDateTime and notificationUrl of a subscription can be changed."));
        }
        let expires = sent.end(self.now, &self.push.switches)?;
        let url = sent.notification_url;
        if expires.is_none() && url.is_none() {
            return Err(bad("expirationDateTime is required."));
        }
        self.reach(&mailbox, "Update", grant)?;
        let switches = &self.push.switches;
        let prove = (switches.handshake && url.is_some()) || switches.handshake_on_renew;
        let proves = url.clone().unwrap_or(old);
        self.settle_or_prove(Draft::Change { id, expires, url, proves }, prove)
    }

    fn settle_or_prove(&mut self, draft: Draft, prove: bool) -> Result<Reply, Refusal> {
        if !prove {
            return self.settle(draft);
        }
        let mut refusal = timed_out();
        refusal.unless = Some(Box::new(draft));
        Err(refusal)
    }

    /// Does what was asked for. Meanwhile somebody else may have been faster.
    pub(super) fn settle(&mut self, draft: Draft) -> Result<Reply, Refusal> {
        match draft {
            Draft::Create(own) => {
                self.push.has_room_for(&own)?;
                let reply = self.show(201, &own);
                self.mailbox_mut(&own.tenant, &own.mailbox)?.listen(true);
                self.push.subscriptions.insert(own.id.clone(), *own);
                Ok(reply)
            }
            Draft::Change { id, expires, url, .. } => {
                let own = self.push.subscriptions.get_mut(&id).ok_or_else(missing)?;
                own.expires = expires.unwrap_or(own.expires);
                if let Some(url) = url {
                    own.notification_url = url;
                }
                own.authorize(self.now, &self.push.switches);
                let own = self.push.subscriptions.get(&id).ok_or_else(missing)?;
                Ok(self.show(200, own))
            }
        }
    }

    fn list_subscriptions(&self, call: &Call, grant: &Grant) -> Result<Reply, Refusal> {
        let switches = &self.push.switches;
        let skip = call.number("$skiptoken")?.unwrap_or(0);
        let all: Vec<&Subscription> =
            self.push.subscriptions.values().filter(|own| self.belongs(own, grant)).collect();
        let page = switches.page.max(1);
        let rows: Vec<Value> = all.iter().skip(skip).take(page).map(|own| own.shown(switches)).collect();
        let context = format!("{}/v1.0/$metadata#subscriptions", self.base_url);
        let mut body = json!({"@odata.context": context, "value": rows});
        if skip + page < all.len() {
            body["@odata.nextLink"] =
                json!(format!("{}/v1.0/subscriptions?$skiptoken={}", self.base_url, skip + page));
        }
        Ok(Reply::json(200, &body))
    }

    fn show(&self, status: u16, own: &Subscription) -> Reply {
        let mut body = own.shown(&self.push.switches);
        body["@odata.context"] = json!(format!("{}/v1.0/$metadata#subscriptions/$entity", self.base_url));
        Reply::json(status, &body)
    }

    /// Whether an app sees a subscription: its own, in its own tenant, once the store has it.
    fn belongs(&self, own: &Subscription, grant: &Grant) -> bool {
        let from = own.created + Duration::milliseconds(self.push.switches.store_lag_ms);
        own.tenant == grant.tenant && own.client == grant.client && from <= self.now
    }

    fn own_subscription(&self, call: &Call, grant: &Grant) -> Result<&Subscription, Refusal> {
        let own = self.push.subscriptions.get(&call.segment(1).to_lowercase());
        own.filter(|own| self.belongs(own, grant)).ok_or_else(missing)
    }

    /// The mailbox, if it exists and the app may open it. What Exchange refuses comes as `ExtensionError` (page errors).
    fn reach(&self, who: &str, operation: &str, grant: &Grant) -> Result<Arc<str>, Refusal> {
        let exchange = |status: u16, reason: &str| {
            Refusal::new(status, "ExtensionError", &format!("Operation: {operation}; Exception: [{reason}]"))
        };
        if !grant.roles.contains("Calendars.ReadWrite") && !grant.roles.contains("Calendars.Read") {
            let message = "The request is not authorized for this user or application.";
            return Err(Refusal::new(403, "Forbidden", message));
        }
        let unknown =
            || exchange(404, "Status Code: NotFound; Reason: The requested user or mailbox is not found.");
        let tenant = self.tenants.get(&grant.tenant).ok_or_else(unknown)?;
        let mailbox = tenant.mailbox(who).ok_or_else(unknown)?;
        if tenant.apps.get(&grant.client).is_none_or(|app| app.leaves_out(mailbox)) {
            return Err(exchange(
                403,
                "Status Code: Forbidden; Reason: Access is denied. Check credentials and try again.",
            ));
        }
        match mailbox.state {
            MailboxState::Active => Ok(mailbox.id.clone()),
            MailboxState::Gone => Err(unknown()),
            MailboxState::NotEnabled => Err(exchange(
                404,
                "Status Code: NotFound; Reason: The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
            )),
        }
    }
}

impl Push {
    /// 409 for a second one of the same kind, 403 beyond the mailbox's quota.
    fn has_room_for(&self, wanted: &Subscription) -> Result<(), Refusal> {
        if let Some(twin) = self.subscriptions.values().find(|own| own.same_as(wanted)) {
            let id = if self.switches.odd_spelling { format!("<{}>", twin.id) } else { twin.id.clone() };
            let message = format!("Subscription Id {id} already exists for the requested combination");
            return Err(Refusal::new(409, "Conflict", &message));
        }
        let mailbox = (&wanted.tenant, &wanted.mailbox);
        let held = self.subscriptions.values().filter(|own| (&own.tenant, &own.mailbox) == mailbox).count();
        if held >= self.switches.per_mailbox {
            let message = "The mailbox has reached its limit of active subscriptions.";
            return Err(Refusal::new(403, "Forbidden", message));
        }
        Ok(())
    }
}

fn missing() -> Refusal {
    Refusal::new(404, "ResourceNotFound", "The object was not found.")
}
