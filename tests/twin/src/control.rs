//! The control API under `/_twin/`: everything a test or a demo may do to a served twin, in JSON. Routes: see README.

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::calendar::{MailboxState, Window};
use crate::outlook::Action;
use crate::push;
use crate::serve::{Clock, FINE, State};
use crate::{
    AppSpec, Fault, ListSpec, Mail, RoomPolicy, RoomSpec, TenantSpec, Trap, Tuning, Twin, UserSpec, World,
};

/// A control request that cannot be done, with the sentence the caller gets.
pub(crate) struct Problem(pub(crate) StatusCode, pub(crate) String);

pub(crate) type Outcome = Result<Value, Problem>;

/// Answers a control request: status and JSON body. Errors are `{"error": "..."}`.
pub fn handle(state: &mut State, request: &Request<Bytes>) -> (StatusCode, Value) {
    match route(state, request) {
        Ok(value) => (FINE, value),
        Err(Problem(status, text)) => (status, json!({"error": text})),
    }
}

fn route(state: &mut State, request: &Request<Bytes>) -> Outcome {
    let path = request.uri().path().trim_start_matches("/_twin/");
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or("").as_bytes()).into_owned().collect();
    let option = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (method, body) = (request.method(), request.body());
    match parts.as_slice() {
        ["tenants", rest @ ..] => tenants(state, method, rest, body),
        ["clock", rest @ ..] => clock(state, method, rest, body),
        ["faults" | "traps" | "tuning"] => weather(&mut state.twin, method, path, body),
        ["push", rest @ ..] => push::control::switches(&mut state.twin, method, rest, body),
        ["subscriptions", rest @ ..] => push::control::subscriptions(&mut state.twin, method, rest, body),
        ["health"] => Ok(json!({"ok": true})),
        ["reset"] => reset(state, body),
        ["world"] => {
            state.twin.add_world(read(body)?);
            done()
        }
        ["counters"] => {
            if method == Method::DELETE {
                state.twin.reset_counters();
            }
            Ok(json!(state.twin.counters()))
        }
        ["requests"] => {
            let last = option("last").and_then(|last| last.parse().ok()).unwrap_or(100);
            let all: Vec<_> = state.twin.requests().collect();
            Ok(json!(all[all.len().saturating_sub(last)..]))
        }
        ["mails"] => {
            if method == Method::DELETE {
                state.twin.reset_mails();
            }
            state.twin.advance(state.clock.now());
            let meeting = option("meeting");
            let wanted = |mail: &&Mail| meeting.is_none_or(|uid| mail.meeting == uid);
            Ok(json!(state.twin.mails().filter(wanted).collect::<Vec<_>>()))
        }
        ["entries", mailbox] => {
            state.twin.advance(state.clock.now());
            let (twin, deleted) = (&state.twin, option("deleted") == Some("true"));
            let tenants = twin
                .tenant_ids()
                .filter(|id| option("tenant").is_none_or(|own| own.eq_ignore_ascii_case(id)));
            let entries = tenants.filter_map(|id| twin.entries(id, mailbox, deleted)).next();
            entries.map(|entries| json!(entries)).ok_or_else(|| unknown_mailbox(mailbox))
        }
        ["posts"] => {
            let last = option("last").and_then(|last| last.parse().ok()).unwrap_or(100);
            let all: Vec<_> = state.twin.sent_posts().collect();
            Ok(json!(all[all.len().saturating_sub(last)..]))
        }
        ["calendar", mailbox] => truth(&state.twin, mailbox, option("tenant"), option("from"), option("to")),
        _ => Err(Problem(
            StatusCode::NOT_FOUND,
            format!("no control route /_twin/{path}; see the README of the twin"),
        )),
    }
}

pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem(StatusCode::BAD_REQUEST, format!("body: {error}")))
}

pub(crate) fn done() -> Outcome {
    Ok(json!({"ok": true}))
}

fn found(ok: bool, what: &str) -> Outcome {
    if ok { done() } else { Err(Problem(StatusCode::NOT_FOUND, format!("{what} does not exist"))) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reset {
    seed: u64,
    #[serde(default)]
    world: World,
}

fn reset(state: &mut State, body: &Bytes) -> Outcome {
    let Reset { seed, world } = read(body)?;
    let mut twin = Twin::new(seed);
    twin.set_urls(&state.twin.base_url, &state.twin.login_url);
    twin.add_world(world);
    state.twin = twin;
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Now {
    now: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    seconds: i64,
}

fn clock(state: &mut State, method: &Method, rest: &[&str], body: &Bytes) -> Outcome {
    match (method, rest) {
        (&Method::PUT, []) => {
            let Now { now } = read(body)?;
            if now < state.twin.now() {
                let text = format!(
                    "time never runs backwards: it is {} already; POST reset first",
                    state.twin.now()
                );
                return Err(Problem(StatusCode::CONFLICT, text));
            }
            state.clock = Clock::Manual(now);
        }
        (&Method::DELETE, []) => state.clock = Clock::Real,
        (&Method::POST, ["advance"]) => {
            let seconds = read::<Advance>(body)?.seconds;
            state.clock = Clock::Manual(state.clock.now() + Duration::seconds(seconds));
        }
        _ => {}
    }
    let now = state.clock.now();
    state.twin.advance(now);
    Ok(json!({"now": now, "manual": state.clock != Clock::Real}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetTrap {
    trap: Trap,
    #[serde(default)]
    mailbox: Option<String>,
    #[serde(default = "always")]
    probability: f64,
}

fn always() -> f64 {
    1.0
}

fn weather(twin: &mut Twin, method: &Method, what: &str, body: &Bytes) -> Outcome {
    match (method, what) {
        (&Method::POST, "faults") => twin.add_fault(read::<Fault>(body)?),
        (&Method::DELETE, "faults") => twin.clear_faults(),
        (&Method::GET, "faults") => return Ok(json!(twin.faults())),
        (&Method::DELETE, "traps") => twin.clear_traps(),
        (_, "traps") => {
            let SetTrap { trap, mailbox, probability } = read(body)?;
            twin.set_trap(trap, mailbox.as_deref(), probability);
        }
        (&Method::PUT, "tuning") => twin.tune(read::<Tuning>(body)?),
        _ => return Ok(json!(twin.tuning())),
    }
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[derive(Default)]
struct MailboxChange {
    state: Option<MailboxState>,
    policy: Option<RoomPolicy>,
    expire_links: bool,
    renew_place_id: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rotate {
    client_id: String,
    secret: String,
    #[serde(default)]
    forget_others_from: Option<DateTime<Utc>>,
}

fn tenants(state: &mut State, method: &Method, rest: &[&str], body: &Bytes) -> Outcome {
    let now = state.clock.now();
    let twin = &mut state.twin;
    match (method, rest) {
        (&Method::PUT, []) => {
            twin.add_tenant(read::<TenantSpec>(body)?);
            done()
        }
        (&Method::GET, []) => Ok(json!(twin.tenant_ids().map(AsRef::as_ref).collect::<Vec<&str>>())),
        (&Method::DELETE, [tenant]) => {
            twin.remove_tenant(tenant);
            done()
        }
        (&Method::PUT, [tenant, "rooms"]) => match twin.put_room(tenant, read::<RoomSpec>(body)?) {
            Some(id) => Ok(json!({"id": id.as_ref()})),
            None => found(false, tenant),
        },
        (&Method::PUT, [tenant, "users"]) => match twin.put_user(tenant, read::<UserSpec>(body)?) {
            Some(id) => Ok(json!({"id": id.as_ref()})),
            None => found(false, tenant),
        },
        (&Method::DELETE, [tenant, "rooms", room]) => found(twin.remove_room(tenant, room), room),
        (&Method::PUT, [tenant, "lists"]) => found(twin.put_list(tenant, read::<ListSpec>(body)?), tenant),
        (&Method::DELETE, [tenant, "lists", list]) => found(twin.remove_list(tenant, list), list),
        (&Method::PUT, [tenant, "apps"]) => found(twin.put_app(tenant, read::<AppSpec>(body)?), tenant),
        (&Method::POST, [tenant, "rotate"]) => {
            let Rotate { client_id, secret, forget_others_from } = read(body)?;
            found(
                twin.rotate_secret(tenant, &client_id, &secret, forget_others_from.unwrap_or(now)),
                &client_id,
            )
        }
        (&Method::POST, [tenant, "revoke"]) => {
            twin.revoke_tokens(tenant);
            done()
        }
        (&Method::POST, [tenant, "actions"]) => match twin.act(now, tenant, read::<Action>(body)?) {
            Ok(meeting) => Ok(json!({"meeting": meeting})),
            Err(refused) => Err(Problem(StatusCode::CONFLICT, refused.to_string())),
        },
        (&Method::POST, [tenant, "mailboxes", mailbox]) => change_mailbox(twin, tenant, mailbox, read(body)?),
        _ => Err(Problem(
            StatusCode::NOT_FOUND,
            format!("no control route {method} /_twin/tenants/{}", rest.join("/")),
        )),
    }
}

fn change_mailbox(twin: &mut Twin, tenant: &str, mailbox: &str, change: MailboxChange) -> Outcome {
    let known = twin.change_mailbox(tenant, mailbox, |own| {
        own.state = change.state.unwrap_or(own.state);
        if change.policy.is_some() {
            own.policy = change.policy;
        }
    });
    if change.expire_links {
        twin.expire_links(tenant, mailbox);
    }
    if change.renew_place_id {
        twin.renew_place_id(tenant, mailbox);
    }
    found(known, mailbox)
}

fn truth(twin: &Twin, mailbox: &str, tenant: Option<&str>, from: Option<&str>, to: Option<&str>) -> Outcome {
    let instant = |name: &str, text: Option<&str>| {
        let parsed =
            text.and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|at| at.with_timezone(&Utc));
        parsed.ok_or_else(|| Problem(StatusCode::BAD_REQUEST, format!("{name}: expects an RFC 3339 instant")))
    };
    let window = Window { from: instant("from", from)?, to: instant("to", to)? };
    let all: Vec<&str> = twin.tenant_ids().map(AsRef::as_ref).collect();
    let hit = all.into_iter().filter(|id| tenant.is_none_or(|tenant| tenant.eq_ignore_ascii_case(id)));
    let truth = hit.filter_map(|id| twin.truth(id, mailbox, window)).next();
    truth.map(|truth| json!(truth)).ok_or_else(|| unknown_mailbox(mailbox))
}

fn unknown_mailbox(mailbox: &str) -> Problem {
    Problem(StatusCode::NOT_FOUND, format!("mailbox {mailbox} does not exist"))
}
