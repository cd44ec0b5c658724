//! Subscriptions as Graph keeps them: what may be asked for, the handshake, and their life.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use roomsync_twin::calendar::MailboxState;
use roomsync_twin::faults::Effect;
use roomsync_twin::{AppSpec, Delivery, Fault, Outcome, PostKind, PushSwitches};
use serde_json::{Value, json};
use std::time::Duration;
use support::push::*;
use support::*;

const URL: &str = "/v1.0/subscriptions";

fn switched(change: impl FnOnce(&mut PushSwitches)) -> World {
    let mut world = World::new();
    let mut switches = world.twin.push_switches().clone();
    change(&mut switches);
    world.twin.set_push(switches);
    world
}

fn code(got: &Got) -> (u16, &str) {
    (got.status, got.body["error"]["code"].as_str().unwrap_or_default())
}

#[test]
fn a_subscription_comes_into_being_once_both_endpoints_have_echoed() {
    let mut world = World::new();
    let asked = wish(&world, ROOM);
    let answer = world.answer("POST", URL, &[], Some(asked.clone()));
    let handshake = answer.handshake.unwrap();
    assert_eq!(answer.response.status(), 400, "nobody has answered yet");
    assert_eq!(handshake.posts.len(), 2);
    for (post, url) in handshake.posts.iter().zip([NOTICES, LIFECYCLE]) {
        assert!(
            post.url.starts_with(url) && post.url.contains("validationToken=Validation%3A+Testing+"),
            "{}",
            post.url
        );
        assert_eq!(
            (post.kind, post.content_type, post.body.len()),
            (PostKind::Handshake, "text/plain; charset=utf-8", 0)
        );
        assert_eq!(post.timeout, Duration::from_secs(10));
    }
    assert_eq!(world.twin.subscriptions().count(), 0);
    let outcomes: Vec<Outcome> = handshake.posts.iter().map(echo).collect();
    let made = got(world.twin.finish(world.now, handshake, &outcomes));
    assert_eq!(made.status, 201, "{}", made.body);
    for name in ["changeType", "resource", "notificationUrl", "lifecycleNotificationUrl"] {
        assert_eq!(made.body[name], asked[name], "{name}");
    }
    assert_eq!(
        (&made.body["applicationId"], &made.body["clientState"], &made.body["expirationDateTime"]),
        (&json!(CLIENT), &Value::Null, &json!("2026-02-04T08:00:00.0000000Z"))
    );
    let id = made.body["id"].as_str().unwrap();
    let got = world.get(&format!("{URL}/{id}"));
    assert_eq!((got.status, &got.body["id"]), (200, &made.body["id"]));
}

#[test]
fn an_endpoint_that_does_not_prove_itself_gets_no_subscription() {
    let mut world = World::new();
    let asked = wish(&world, ROOM);
    let said = |world: &mut World, endpoint: fn(&roomsync_twin::Post) -> Outcome| {
        let got = world.call_with("POST", URL, asked.clone(), endpoint);
        assert_eq!(code(&got), (400, "ValidationError"));
        got.body["error"]["message"].as_str().unwrap().to_owned()
    };
    let timed_out = "Subscription validation request timed out.";
    assert_eq!(said(&mut world, |_| Outcome::Unanswered { took: Duration::from_secs(10) }), timed_out);
    let only_the_first = |post: &roomsync_twin::Post| match post.url.contains("lifecycle") {
        true => answered(404, "", "", 1),
        false => echo(post),
    };
    assert!(
        said(&mut world, only_the_first)
            .contains("HTTP status code is 'NotFound'. Notification endpoint must")
    );
    assert!(said(&mut world, |_| answered(200, "text/plain", "wrong", 1)).contains("exactly match"));
    assert_eq!(world.twin.subscriptions().count(), 0);
    world.subscribe(ROOM);
}

#[test]
fn what_may_not_be_asked_for_is_refused() {
    let mut world = World::new();
    let minutes =
        |world: &World, minutes: i64| json!((world.now + chrono::Duration::minutes(minutes)).to_rfc3339());
    let too_long = minutes(&world, 10_081);
    let cases = [
        ("changeType", json!(null)),
        ("changeType", json!("moved")),
        ("changeType", json!("")),
        ("resource", json!("me/events")),
        ("resource", json!("users/aster@contoso.example/messages")),
        ("resource", json!(null)),
        ("notificationUrl", json!(null)),
        ("notificationUrl", json!("http://hooks.example.com/n")),
        ("lifecycleNotificationUrl", json!("http://hooks.example.com/l")),
        ("clientState", json!("x".repeat(129))),
        ("expirationDateTime", json!(null)),
        ("expirationDateTime", json!("tomorrow")),
        ("expirationDateTime", too_long),
        ("includeResourceData", json!(true)),
        ("latestSupportedTlsVersion", json!("v2")),
        ("surprise", json!(1)),
    ];
    for (name, value) in cases {
        let mut asked = wish(&world, ROOM);
        asked[name] = value.clone();
        assert_eq!(world.call_with("POST", URL, asked, echo).status, 400, "{name}: {value}");
    }
    let cases = [
        (10_080, "2026-02-09T08:00:00.0000000Z"),
        (5, "2026-02-02T08:45:00.0000000Z"),
        (-5, "2026-02-02T08:45:00.0000000Z"),
    ];
    for (life, end) in cases {
        let mut world = World::new();
        let mut asked = wish(&world, ROOM);
        asked["expirationDateTime"] = minutes(&world, life);
        asked["clientState"] = json!("x".repeat(128));
        let made = world.call_with("POST", URL, asked, echo);
        assert_eq!((made.status, &made.body["expirationDateTime"]), (201, &json!(end)), "{life}");
    }
}

#[test]
fn a_second_one_of_the_same_kind_is_a_conflict_that_names_the_first() {
    let mut world = World::new();
    let made = world.subscribe(ROOM);
    let mut asked = wish(&world, ROOM);
    asked["changeType"] = json!("deleted,created,updated");
    asked["resource"] = json!(format!("/Users/{ROOM}/Events"));
    asked["notificationUrl"] = json!("https://elsewhere.example.com/");
    let got = world.call_with("POST", URL, asked.clone(), echo);
    assert_eq!(code(&got), (409, "Conflict"));
    assert!(got.body["error"]["message"].as_str().unwrap().contains(made["id"].as_str().unwrap()));
    asked["changeType"] = json!("created");
    assert_eq!(world.call_with("POST", URL, asked, echo).status, 201);
    // Two at once: the one whose endpoints answer later loses.
    let asked = wish(&world, SECOND);
    let slow = world.answer("POST", URL, &[], Some(asked)).handshake.unwrap();
    world.subscribe(SECOND);
    let outcomes: Vec<Outcome> = slow.posts.iter().map(echo).collect();
    assert_eq!(world.twin.finish(world.now, slow, &outcomes).response.status(), 409);
    let mut switches = world.twin.push_switches().clone();
    switches.per_mailbox = 1;
    world.twin.set_push(switches);
    let mut asked = wish(&world, SECOND);
    asked["changeType"] = json!("updated");
    assert_eq!(code(&world.call_with("POST", URL, asked, echo)), (403, "Forbidden"));
}

#[test]
fn exchange_refuses_mailboxes_out_of_reach() {
    let mut world = World::new();
    let asked = wish(&world, ROOM);
    let refused = |world: &mut World| {
        let got = world.call_with("POST", URL, asked.clone(), echo);
        (got.status, got.body["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let extension = |status| (status, "ExtensionError".to_owned());
    world.twin.change_app(TENANT, CLIENT, |app| {
        app.out_of_scope.insert(ROOM.to_owned());
    });
    assert_eq!(refused(&mut world), extension(403));
    world.twin.change_app(TENANT, CLIENT, |app| app.out_of_scope.clear());
    for state in [MailboxState::NotEnabled, MailboxState::Gone] {
        world.twin.change_mailbox(TENANT, ROOM, |room| room.state = state);
        assert_eq!(refused(&mut world), extension(404), "{state:?}");
    }
    world.twin.change_mailbox(TENANT, ROOM, |room| room.state = MailboxState::Active);
    let nobody = wish(&world, "nobody@contoso.example");
    assert_eq!(code(&world.call_with("POST", URL, nobody, echo)), (404, "ExtensionError"));
    let made = world.subscribe(ROOM);
    let own = format!("{URL}/{}", made["id"].as_str().unwrap());
    // A token from before consent went away.
    world.twin.change_app(TENANT, CLIENT, |app| {
        app.out_of_scope.insert("*".to_owned());
    });
    let until = json!({"expirationDateTime": "2026-02-06T08:00:00Z"});
    assert_eq!(code(&world.call_with("PATCH", &own, until, echo)), (403, "ExtensionError"));
    assert_eq!(world.call_with("POST", &format!("{own}/reauthorize"), json!(null), echo).status, 403);
    assert_eq!(world.call_with("DELETE", &own, json!(null), echo).status, 204);
    let mut world = World::new();
    world.twin.change_app(TENANT, CLIENT, |app| app.roles = Some(["Place.Read.All".to_owned()].into()));
    world.token = world.sign_in("s3cret~+/=").body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(code(&world.call_with("POST", URL, asked.clone(), echo)), (403, "Forbidden"));
}

#[test]
fn a_subscription_is_renewed_reauthorized_deleted_and_gone() {
    let mut world = World::new();
    let made = world.subscribe(ROOM);
    let own = format!("{URL}/{}", made["id"].as_str().unwrap());
    let renewed =
        world.call_with("PATCH", &own, json!({"expirationDateTime": "2026-02-07T08:00:00+00:00"}), echo);
    assert_eq!(
        (renewed.status, &renewed.body["expirationDateTime"]),
        (200, &json!("2026-02-07T08:00:00.0000000Z"))
    );
    for wrong in [
        json!({}),
        json!({"lifecycleNotificationUrl": LIFECYCLE}),
        json!({"clientState": "other", "expirationDateTime": "2026-02-07T08:00:00Z"}),
        json!({"expirationDateTime": "2026-02-20T08:00:00Z"}),
    ] {
        assert_eq!(world.call_with("PATCH", &own, wrong.clone(), echo).status, 400, "{wrong}");
    }
    // Another URL has to prove itself.
    let moved = json!({"notificationUrl": "https://new.example.com/n"});
    let silent = |_: &roomsync_twin::Post| Outcome::Unanswered { took: Duration::ZERO };
    assert_eq!(world.call_with("PATCH", &own, moved.clone(), silent).status, 400);
    assert_eq!(
        world.call_with("PATCH", &own, moved, echo).body["notificationUrl"],
        "https://new.example.com/n"
    );
    assert_eq!(world.call_with("POST", &format!("{own}/reauthorize"), json!(null), echo).status, 204);
    assert_eq!(world.call_with("DELETE", &own, json!(null), echo).status, 204);
    for (method, url) in [
        ("GET", own.clone()),
        ("PATCH", own.clone()),
        ("DELETE", own.clone()),
        ("POST", format!("{own}/reauthorize")),
    ] {
        let got = world.call_with(method, &url, json!({"expirationDateTime": "2026-02-07T08:00:00Z"}), echo);
        assert_eq!(code(&got), (404, "ResourceNotFound"), "{method}");
    }
    let made = world.subscribe(ROOM);
    world.now = at("2026-02-04T08:00:00Z") - chrono::Duration::seconds(1);
    world.token = world.sign_in("s3cret~+/=").body["access_token"].as_str().unwrap().to_owned();
    let own = format!("{URL}/{}", made["id"].as_str().unwrap());
    assert_eq!(world.get(&own).status, 200);
    world.wait(1);
    assert_eq!(world.get(&own).status, 404, "it has ended");
}

#[test]
fn a_renewal_may_want_another_handshake() {
    let mut world = switched(|switches| switches.handshake_on_renew = true);
    let made = world.subscribe(ROOM);
    let own = format!("{URL}/{}", made["id"].as_str().unwrap());
    let until = json!({"expirationDateTime": "2026-02-07T08:00:00Z"});
    let silent = |_: &roomsync_twin::Post| Outcome::Unanswered { took: Duration::ZERO };
    assert_eq!(code(&world.call_with("PATCH", &own, until.clone(), silent)), (400, "ValidationError"));
    assert_eq!(world.get(&own).body["expirationDateTime"], made["expirationDateTime"]);
    assert_eq!(world.call_with("PATCH", &own, until, echo).status, 200);
}

#[test]
fn an_app_sees_its_own_subscriptions_of_its_own_tenant_page_by_page() {
    let mut world = switched(|switches| switches.page = 1);
    world.subscribe(ROOM);
    world.subscribe(SECOND);
    let mut listed = Vec::new();
    let mut url = Some(URL.to_owned());
    while let Some(next) = url {
        let got = world.get(&next);
        assert_eq!(got.body["value"].as_array().unwrap().len(), 1);
        listed.push(got.body["value"][0]["resource"].as_str().unwrap().to_owned());
        url = got.body["@odata.nextLink"].as_str().map(str::to_owned);
    }
    listed.sort();
    assert_eq!(listed, [format!("users/{ROOM}/events"), format!("users/{SECOND}/events")]);
    let id = world.twin.subscriptions().next().unwrap().id.clone();
    let other = "0d0d0d0d-0000-4000-8000-000000000001";
    world.twin.put_app(TENANT, AppSpec::with_secret(other, "x"));
    let scope = ("scope", "https://graph.microsoft.com/.default");
    let form =
        |client| [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", "x"), scope];
    let mut elsewhere = form(CLIENT);
    elsewhere[2].1 = "s3cret~+/=";
    for (tenant, form) in [(TENANT, form(other)), (OTHER, elsewhere)] {
        world.token = world.post_token(tenant, &form).body["access_token"].as_str().unwrap().to_owned();
        assert_eq!(world.get(URL).body["value"], json!([]));
        assert_eq!(world.get(&format!("{URL}/{id}")).status, 404);
        assert_eq!(world.call_with("DELETE", &format!("{URL}/{id}"), json!(null), echo).status, 404);
    }
}

#[test]
fn lists_are_scarce_and_a_new_subscription_may_be_late_in_the_store() {
    let mut world = switched(|switches| switches.store_lag_ms = 2000);
    let made = world.subscribe(ROOM);
    let own = format!("{URL}/{}", made["id"].as_str().unwrap());
    assert_eq!((world.get(&own).status, world.get(URL).body["value"].as_array().unwrap().len()), (404, 0));
    world.wait(2);
    assert_eq!((world.get(&own).status, world.get(URL).body["value"].as_array().unwrap().len()), (200, 1));
    for _ in 2..25 {
        assert_eq!(world.get(URL).status, 200);
    }
    let refused = world.get(URL);
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (429, "20"));
    assert_eq!(world.get(&own).status, 200, "other calls have other limits");
    assert_eq!(world.twin.counters().violations, []);
    world.wait(20);
    assert_eq!(world.get(URL).status, 200);
}

#[test]
fn many_may_be_made_at_once() {
    let mut world = switched(|switches| switches.handshake = false);
    world.twin.tune(roomsync_twin::Tuning { enforce_concurrency: true, ..Default::default() });
    let request = http::Request::post(URL).header("authorization", format!("Bearer {}", world.token));
    let request = request.body(bytes::Bytes::new()).unwrap();
    let lanes: Vec<_> = (0..9).map(|_| world.twin.begin(&request)).collect();
    world.subscribe(ROOM);
    lanes.iter().for_each(|lane| world.twin.end(lane));
    assert_eq!(world.twin.counters().over_four, 0);
}

#[test]
fn faults_reach_subscription_calls_and_leave_their_effect() {
    let mut world = World::new();
    let only_room = |effect| {
        let mut fault = Fault::once("", effect);
        fault.matching.kind = Some("subscriptionCreate".to_owned());
        fault.matching.mailbox = Some(ROOM.to_owned());
        fault
    };
    world.twin.add_fault(only_room(Effect::DropAfterEffect));
    world.subscribe(SECOND);
    let answer = world.answer("POST", URL, &[], Some(wish(&world, ROOM)));
    let handshake = answer.handshake.unwrap();
    let outcomes: Vec<Outcome> = handshake.posts.iter().map(echo).collect();
    assert_eq!(world.twin.finish(world.now, handshake, &outcomes).delivery, Delivery::DropAfterEffect);
    let retried = world.call_with("POST", URL, wish(&world, ROOM), echo);
    assert_eq!(code(&retried), (409, "Conflict"), "the first attempt has succeeded");
    world.twin.remove_subscriptions(ROOM);
    let executed = Effect::Status {
        status: 503,
        code: None,
        retry_after: Some(3.0),
        form: roomsync_twin::faults::RetryForm::Seconds,
        executed: true,
    };
    world.twin.add_fault(only_room(executed));
    let refused = world.call_with("POST", URL, wish(&world, ROOM), echo);
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (503, "3"));
    assert_eq!(world.twin.subscriptions().filter(|own| own.resource.contains(ROOM)).count(), 1);
}
