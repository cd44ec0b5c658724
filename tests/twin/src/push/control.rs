//! The control routes of push.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Forgery, PushSwitches, Subscription};
use crate::Twin;
use crate::calendar::Change;
use crate::control::{Outcome, Problem, done, read};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Event {
    event: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Mute {
    muted: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Notify {
    change_type: Change,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

/// `push`, `push/forge`: switches and forgeries.
pub(crate) fn switches(twin: &mut Twin, method: &Method, rest: &[&str], body: &Bytes) -> Outcome {
    match (method, rest) {
        (&Method::GET, []) => Ok(json!(twin.push_switches())),
        (&Method::PUT, []) => {
            twin.set_push(read::<PushSwitches>(body)?);
            done()
        }
        (&Method::POST, ["forge"]) => counted(twin.forge(&read::<Forgery>(body)?), "such a subscription"),
        _ => unknown("push", rest),
    }
}

/// `subscriptions/...`: what happens to them.
pub(crate) fn subscriptions(twin: &mut Twin, method: &Method, rest: &[&str], body: &Bytes) -> Outcome {
    match (method, rest) {
        (&Method::GET, []) => Ok(twin.subscriptions().map(seen).collect()),
        (&Method::DELETE, [which]) => counted(twin.remove_subscriptions(which), which),
        (&Method::POST, [which, "expire"]) => counted(twin.expire_subscriptions(which), which),
        (&Method::POST, [which, "lifecycle"]) => {
            let Event { event } = read(body)?;
            counted(twin.send_lifecycle(which, &event), which)
        }
        (&Method::POST, [which, "mute"]) => {
            let Mute { muted } = read(body)?;
            counted(twin.mute_subscriptions(which, muted), which)
        }
        (&Method::POST, [which, "notify"]) => {
            let Notify { change_type, times } = read(body)?;
            counted(twin.notify(which, change_type, times), which)
        }
        _ => unknown("subscriptions", rest),
    }
}

fn seen(own: &Subscription) -> Value {
    json!({
        "id": own.id, "tenant": own.tenant.as_ref(), "clientId": own.client, "mailbox": own.mailbox.as_ref(),
        "resource": own.resource, "changeType": own.changes, "notificationUrl": own.notification_url,
        "lifecycleNotificationUrl": own.lifecycle_url, "expirationDateTime": own.expires, "created": own.created,
        "muted": own.muted, "pausedFrom": own.paused_from,
    })
}

fn counted(number: usize, what: &str) -> Outcome {
    if number > 0 {
        return Ok(json!({"ok": true, "hit": number}));
    }
    Err(Problem(StatusCode::NOT_FOUND, format!("no subscription is known as {what}")))
}

fn unknown(first: &str, rest: &[&str]) -> Outcome {
    let path = rest.join("/");
    let text = format!("no such control route /_twin/{first}/{path}; see the README of the twin");
    Err(Problem(StatusCode::NOT_FOUND, text))
}
