//! A receiver over fakes, and notices as Graph writes them.

use futures::executor::block_on;
use roomsync_domain::client_state::SigningKey;
use roomsync_domain::hint::{LifecycleHint, PollHint};
use roomsync_domain::{RoomId, RoomRef, TenantId};
use roomsync_testkit::{Lane, MemoryQueue, MemorySecrets, TestClock, at};
use serde_json::{Value, json};
use std::rc::Rc;
use webhook_receiver::{Answer, Deps, Event, Keyring, handle};

pub(crate) const TENANT: &str = "84bd8158-6d4d-4958-8b9f-9d6445542f95";
pub(crate) const OTHER_TENANT: &str = "11111111-2222-4333-8444-555555555555";
pub(crate) const ROOM: &str = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
pub(crate) const KEY_NAME: &str = "roomsync/notification-key";
pub(crate) const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01";

pub(crate) struct World {
    pub(crate) deps: Deps<Rc<MemoryQueue>, Rc<MemorySecrets>, TestClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = TestClock::new(at("2026-02-09T12:00:00Z"));
        let secrets = Rc::new(MemorySecrets::new());
        secrets.put(KEY_NAME, SECRET);
        let queue = Rc::new(MemoryQueue::new(clock.clone()));
        Self { deps: Deps { queue, secrets, clock, keyring: Keyring::new(KEY_NAME.to_owned()) } }
    }

    pub(crate) fn send(&self, event: Value) -> Answer {
        let event: Event = serde_json::from_value(event).unwrap();
        let answer = block_on(handle(event, &self.deps));
        assert_protected(&answer);
        answer
    }

    /// Posts notices and gives the status.
    pub(crate) fn post(&self, items: &[Value]) -> u16 {
        self.send(post("/notifications", &json!({ "value": items }).to_string())).status_code
    }

    pub(crate) fn polls(&self) -> Vec<PollHint> {
        let messages = self.deps.queue.messages(Lane::Polls);
        messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    pub(crate) fn lifecycle(&self) -> Vec<LifecycleHint> {
        let messages = self.deps.queue.messages(Lane::Lifecycle);
        messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    pub(crate) fn sent(&self) -> usize {
        self.polls().len() + self.lifecycle().len()
    }
}

/// No answer may be made anything of by a browser.
fn assert_protected(answer: &Answer) {
    let headers = serde_json::to_value(&answer.headers).unwrap();
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["content-security-policy"], "default-src 'none'; sandbox");
    assert!(answer.status_code == 200 || answer.body.is_empty());
}

/// An event as API Gateway writes it.
pub(crate) fn event(method: &str, path: &str, query: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "accept": "*/*",
            "content-length": "0",
            "host": "id.execute-api.eu-west-1.amazonaws.com",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "id",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": format!("{method} {path}"),
            "stage": "$default",
            "timeEpoch": 1_770_638_400_000_i64,
        },
        "isBase64Encoded": false,
    })
}

pub(crate) fn post(path: &str, body: &str) -> Value {
    let mut event = event("POST", path, "");
    event["headers"]["content-type"] = "application/json; charset=utf-8".into();
    event["body"] = body.into();
    event
}

/// The same request, under an id of its own.
pub(crate) fn again(mut event: Value, id: &str) -> Value {
    event["requestContext"]["requestId"] = id.into();
    event
}

pub(crate) fn room(tenant: &str, id: &str) -> RoomRef {
    RoomRef::new(TenantId::parse(tenant).unwrap(), RoomId::new(id))
}

pub(crate) fn key(secret: &str) -> SigningKey {
    SigningKey::new(secret).unwrap()
}

pub(crate) fn state(secret: &str, room: &RoomRef) -> String {
    key(secret).sign(room).unwrap()
}

/// A notice for a room, signed with the current key.
pub(crate) fn notice(room: &RoomRef, event: &str) -> Value {
    json!({
        "subscriptionId": "7f105c7d-2dc5-4530-97cd-4e7ae6534c07",
        "subscriptionExpirationDateTime": "2026-02-15T10:00:00.1234567+00:00",
        "changeType": "updated",
        "resource": format!("Users/{}/Events/{event}", room.room),
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Event",
            "@odata.id": format!("Users/{}/Events/{event}", room.room),
            "@odata.etag": "W/\"DwAAABYAAAC\"",
            "id": event,
        },
        "clientState": state(SECRET, room),
        "tenantId": room.tenant.as_str(),
    })
}

pub(crate) fn lifecycle(room: &RoomRef, event: &str) -> Value {
    json!({
        "subscriptionId": "7f105c7d-2dc5-4530-97cd-4e7ae6534c07",
        "subscriptionExpirationDateTime": "2026-02-15T10:00:00Z",
        "tenantId": room.tenant.as_str(),
        "clientState": state(SECRET, room),
        "lifecycleEvent": event,
    })
}
