//! The body of a request to the webhook: see `targets.rs` for how the targets run.
#![allow(missing_docs, clippy::unwrap_used, reason = "the names are the documentation; a test may fail")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bolero::check;
use futures::executor::block_on;
use roomsync_domain::client_state::SigningKey;
use roomsync_domain::hint::{LifecycleHint, PollHint};
use roomsync_domain::{RoomId, RoomRef, TenantId};
use roomsync_fuzz::{Edit, ROOM, TENANT, damaged};
use roomsync_testkit::{Lane, MemoryQueue, MemorySecrets, TestClock, at};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use webhook_receiver::{Deps, Event, Keyring, handle};

const TRIES: usize = 5_000;
const KEY_NAME: &str = "roomsync/notification-key";
const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01";

/// Rooms of two tenants, the second one with an id that is no GUID.
fn rooms() -> [RoomRef; 2] {
    let other = "11111111-2222-4333-8444-555555555555";
    [(TENANT, ROOM), (other, "lyon")]
        .map(|(tenant, room)| RoomRef::new(TenantId::parse(tenant).unwrap(), RoomId::new(room)))
}

/// A notice and a lifecycle notice of each room.
fn items() -> Vec<Value> {
    let key = SigningKey::new(SECRET).unwrap();
    let of = |room: &RoomRef| {
        let state = key.sign(room).unwrap();
        let subscription = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07";
        let resource = format!("Users/{}/Events/AAMkAGI2=", room.room);
        [
            json!({
                "subscriptionId": subscription, "subscriptionExpirationDateTime": "2026-02-15T10:00:00.1234567+00:00",
                "changeType": "updated", "resource": resource, "clientState": state, "tenantId": room.tenant.as_str(),
                "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "@odata.id": resource, "@odata.etag": "W/\"DwAAABYAAAC\"", "id": "AAMkAGI2="},
            }),
            json!({
                "subscriptionId": subscription, "subscriptionExpirationDateTime": "2026-02-15T10:00:00Z",
                "tenantId": room.tenant.as_str(), "clientState": state, "lifecycleEvent": "subscriptionRemoved",
            }),
        ]
    };
    rooms().iter().flat_map(of).collect()
}

/// The event of a body: text as it is, other bytes in Base64, as API Gateway writes them.
fn event(body: &[u8]) -> Event {
    let text = std::str::from_utf8(body).map_or_else(|_| BASE64.encode(body), str::to_owned);
    let event = json!({
        "rawPath": "/notifications",
        "headers": {"content-type": "application/json; charset=utf-8"},
        "requestContext": {"http": {"method": "POST"}, "requestId": "JKJaXmPLvHcESHA="},
        "body": text,
        "isBase64Encoded": std::str::from_utf8(body).is_err(),
    });
    serde_json::from_value(event).unwrap()
}

/// The items of a body, as far as it has any.
fn rows(body: &[u8]) -> Vec<&RawValue> {
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        value: Vec<&'a RawValue>,
    }
    serde_json::from_slice(body).map_or_else(|_| Vec::new(), |body: Body<'_>| body.value)
}

/// Whether an item says of itself that it is of this room, with the very state and tenant that were signed for it. Its other fields may
/// hold what has no value, such as numbers beyond all bounds.
fn speaks_for(row: &RawValue, genuine: &Value) -> bool {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(row.get()).unwrap_or_default();
    let text =
        |name: &str| fields.get(name).and_then(|value| serde_json::from_str::<String>(value.get()).ok());
    let is_same = |name: &str| text(name).is_some_and(|text| genuine[name] == *text);
    let tenant = text("tenantId").unwrap_or_default().to_ascii_lowercase();
    is_same("clientState") && genuine["tenantId"] == *tenant
}

#[test]
fn webhook_body() {
    let genuine = items();
    let body = json!({ "value": genuine }).to_string();
    let (asked, silent) = (AtomicUsize::new(0), AtomicUsize::new(0));
    check!().with_iterations(TRIES).with_type::<Vec<Edit>>().for_each(|edits| {
        let body = damaged(&body, edits);
        let clock = TestClock::new(at("2026-02-09T12:00:00Z"));
        let (secrets, queue) = (MemorySecrets::new(), MemoryQueue::new(clock.clone()));
        secrets.put(KEY_NAME, SECRET);
        let deps = Deps { queue, secrets, clock, keyring: Keyring::new(KEY_NAME.to_owned()) };
        let answer = block_on(handle(event(&body), &deps));
        assert!([202, 400, 413].contains(&answer.status_code) && answer.body.is_empty(), "{answer:?}");

        let polls = deps.queue.messages(Lane::Polls).into_iter();
        let lifecycle = deps.queue.messages(Lane::Lifecycle).into_iter();
        let polls = polls.map(|message| serde_json::from_str::<PollHint>(&message.body).unwrap().room());
        let lifecycle =
            lifecycle.map(|message| serde_json::from_str::<LifecycleHint>(&message.body).unwrap().room());
        let (polls, lifecycle): (BTreeSet<RoomRef>, BTreeSet<RoomRef>) =
            (polls.collect(), lifecycle.collect());
        if polls.len() + lifecycle.len() == 4 { &asked } else { &silent }.fetch_add(1, Ordering::Relaxed);

        let rows = rows(&body);
        for (room, own) in rooms().iter().zip(genuine.chunks(2)) {
            let is_said = rows.iter().any(|row| speaks_for(row, &own[0]));
            let is_asked = polls.contains(room) || lifecycle.contains(room);
            assert!(is_said || !is_asked, "a hint for {room}, for which nobody spoke");
            // What arrives unharmed is never lost, whatever is beside it.
            let is_whole = |item: &Value| {
                let text = item.to_string();
                rows.iter().any(|row| row.get() == text)
            };
            let is_taken = answer.status_code == 202;
            assert!(!is_taken || !is_whole(&own[0]) || polls.contains(room), "the notice of {room} is lost");
            assert!(
                !is_taken || !is_whole(&own[1]) || lifecycle.contains(room),
                "the end of {room}'s is lost"
            );
        }
        assert!(polls.iter().chain(&lifecycle).all(|room| rooms().contains(room)));
    });
    // A replayed seed is one try.
    let (asked, silent) = (asked.into_inner(), silent.into_inner());
    assert!(
        asked + silent < TRIES / 2 || (asked > TRIES / 500 && silent > TRIES / 500),
        "{asked} and {silent}"
    );
}
