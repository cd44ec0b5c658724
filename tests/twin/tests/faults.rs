//! Faults on request, throttling, counting, determinism.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use std::time::{Duration, Instant};

use roomsync_twin::faults::{Effect, Matching, RetryForm};
use roomsync_twin::{Delivery, Fault, Kind, Trap, Tuning, demo};
use serde_json::json;
use support::*;

fn view_url() -> String {
    format!("/v1.0/users/{ROOM}/calendarView?{WINDOW}")
}

fn status(status: u16, retry_after: Option<f64>, form: RetryForm) -> Effect {
    Effect::Status { status, code: None, retry_after, form, executed: false }
}

#[test]
fn a_rule_hits_as_often_as_it_says_and_only_what_it_names() {
    let mut world = World::new();
    let matching = Matching {
        mailbox: Some(ROOM.into()),
        kind: Some("view".into()),
        method: Some("get".into()),
        tenant: Some(TENANT.into()),
        path: None,
    };
    world.twin.add_fault(Fault {
        matching,
        skip: 1,
        times: Some(2),
        probability: None,
        effect: status(503, None, RetryForm::Seconds),
    });
    assert_eq!(world.get(&view_url().replace(ROOM, SECOND)).status, 200);
    let seen: Vec<u16> = (0..4).map(|_| world.get(&view_url()).status).collect();
    assert_eq!(seen, [200, 503, 503, 200]);
    assert!(world.twin.faults().is_empty());
}

#[test]
fn retry_after_comes_in_three_forms_and_an_early_call_is_noted() {
    let mut world = World::new();
    for (form, text) in [
        (RetryForm::Seconds, "10"),
        (RetryForm::Decimal, "9.500"),
        (RetryForm::HttpDate, "Mon, 02 Feb 2026 08:00:49 GMT"),
    ] {
        world.twin.add_fault(Fault::once("calendarView", status(429, Some(9.5), form)));
        let got = world.get(&view_url());
        assert_eq!((got.status, got.headers["retry-after"].to_str().unwrap()), (429, text));
        assert_eq!(got.body["error"]["code"], "ApplicationThrottled");
        world.wait(20);
        assert_eq!(world.get(&view_url()).status, 200);
        assert!(world.twin.counters().violations.is_empty());
    }
    world.twin.add_fault(Fault::once("calendarView", status(429, Some(10.0), RetryForm::Seconds)));
    world.get(&view_url());
    world.wait(9);
    world.get(&view_url().replace(ROOM, SECOND));
    assert!(world.twin.counters().violations.is_empty());
    world.get(&view_url());
    assert_eq!(world.twin.counters().violations.len(), 1);
}

#[test]
fn answers_can_be_spoilt_lost_and_late() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 60));
    let mut hit = |effect: Effect| {
        world.twin.add_fault(Fault::once("calendarView", effect));
        world.answer("GET", &view_url(), &[], None)
    };
    let html = hit(Effect::Html { status: 502 });
    assert!(html.response.body().starts_with(b"<html>"));
    let cut = hit(Effect::TruncatedJson);
    assert_eq!(cut.response.status(), 200);
    assert!(serde_json::from_slice::<serde_json::Value>(cut.response.body()).is_err());
    assert!(hit(Effect::EmptyBody).response.body().is_empty());
    assert_eq!(hit(Effect::Unauthorized).response.status(), 401);
    assert_eq!(hit(Effect::Reset).delivery, Delivery::ResetMidBody);
    assert_eq!(hit(Effect::Delay { ms: 5 }).delivery, Delivery::Delay(Duration::from_millis(5)));
}

#[test]
fn a_lost_answer_is_not_a_lost_effect() {
    let mut world = World::new();
    let body = serde_json::json!({"subject": "x", "start": {"dateTime": "2026-02-10T09:00:00", "timeZone": "UTC"}, "end": {"dateTime": "2026-02-10T10:00:00", "timeZone": "UTC"}});
    let url = format!("/v1.0/users/{ROOM}/events");
    for (effect, rows) in [
        (Effect::DropBeforeEffect, 0),
        (Effect::DropAfterEffect, 1),
        (
            Effect::Status {
                status: 503,
                code: None,
                retry_after: None,
                form: RetryForm::Seconds,
                executed: true,
            },
            2,
        ),
    ] {
        world.twin.add_fault(Fault::once("events", effect));
        world.answer("POST", &url, &[], Some(body.clone()));
        assert_eq!(world.view(ROOM).len(), rows);
    }
}

#[test]
fn a_mailbox_has_its_quota_and_its_four_places() {
    let mut world = World::new();
    world.twin.tune(Tuning { calls_per_10_minutes: 3, enforce_concurrency: true, ..Tuning::default() });
    let seen: Vec<u16> = (0..5).map(|_| world.get(&view_url()).status).collect();
    assert_eq!(seen, [200, 200, 200, 429, 429]);
    assert_eq!(world.get(&view_url().replace(ROOM, SECOND)).status, 200);
    world.wait(601);
    assert_eq!(world.get(&view_url()).status, 200);
    let request = http::Request::get(view_url())
        .header("authorization", format!("Bearer {}", world.token))
        .body(bytes::Bytes::new())
        .unwrap();
    let lanes: Vec<_> = (0..5).map(|_| world.twin.begin(&request)).collect();
    let got = world.get(&view_url());
    assert_eq!(
        (got.status, got.body["error"]["message"].as_str()),
        (429, Some("Application is over its MailboxConcurrency limit."))
    );
    assert_eq!((world.twin.counters().most_in_flight, world.twin.counters().over_four), (5, 1));
    lanes.iter().for_each(|lane| world.twin.end(lane));
    world.wait(10);
    assert_eq!(world.get(&view_url()).status, 200);
}

#[test]
fn requests_are_counted_by_kind_and_kept_without_tokens() {
    let mut world = World::new();
    world.twin.reset_counters();
    let (_, link) = world.initial(ROOM);
    world.round(&link);
    world.view(ROOM);
    let counters = world.twin.counters();
    assert_eq!(
        (counters.total, counters.by_kind[&Kind::DeltaStart], counters.by_kind[&Kind::DeltaLink]),
        (3, 1, 1)
    );
    let kept: Vec<_> = world.twin.requests().map(|seen| seen.path.clone()).collect();
    assert!(kept[1].ends_with("$deltatoken=..."));
}

#[test]
fn equal_seeds_give_equal_worlds() {
    let run = |seed: u64| {
        let mut twin = roomsync_twin::Twin::new(seed);
        let now = at("2026-02-02T08:00:00Z");
        let mut user = demo::tenant(&mut twin, seed, now);
        twin.set_trap(Trap::RepeatedEntry, None, 0.5);
        let lines: Vec<String> = (0..50).map(|_| user.step(&mut twin, now)).collect();
        let truth = format!(
            "{:?}",
            twin.truth(
                demo::TENANT,
                "par-curie@contoso.example",
                roomsync_twin::calendar::Window { from: now, to: at("2026-04-01T00:00:00Z") }
            )
        );
        (lines, truth)
    };
    let (one, two, other) = (run(1), run(1), run(2));
    assert_eq!(one, two);
    assert_ne!(one, other);
    assert!(one.0.iter().all(|line| line != "nothing"));
}

#[test]
fn a_quiet_delta_call_on_a_full_room_is_cheap() {
    let mut world = World::new();
    let now = world.now;
    demo::big(&mut world.twin, OTHER, 1, 5000, now);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", demo::CLIENT_ID),
        ("client_secret", demo::SECRET),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    world.token = world.post_token(OTHER, &form).body["access_token"].as_str().unwrap().to_owned();
    let window = "startDateTime=2026-02-01T00:00:00Z&endDateTime=2026-08-01T00:00:00Z";
    let (entries, mut link) =
        world.round(&format!("/v1.0/users/room0@big.example/calendarView/delta?{window}"));
    assert_eq!(entries.len(), 5000);
    let started = Instant::now();
    for _ in 0..1000 {
        link = world.round(&link).1;
    }
    // Unoptimised builds take some 60 µs; a scan over the entries would take a hundred times that.
    assert!(started.elapsed() < Duration::from_secs(2), "{:?} for 1000 calls", started.elapsed());
}

/// What a create suffers, and what it leaves behind at once and in the end.
#[test]
fn writes_fail_in_every_way_and_have_their_effect_or_not() {
    let executed = |status, code: &str, retry_after| Effect::Status {
        status,
        code: Some(code.into()),
        retry_after,
        form: RetryForm::Seconds,
        executed: true,
    };
    let body = json!({
        "subject": "Booked", "transactionId": "t",
        "start": {"dateTime": "2026-02-10T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-02-10T10:00:00", "timeZone": "UTC"},
        "attendees": [{"type": "resource", "emailAddress": {"address": ROOM}}]
    });
    let cases = [
        (Effect::DropAfterEffect, 201, 1, 1),
        (Effect::DropBeforeEffect, 504, 0, 0),
        (Effect::LandLater { ms: 30_000 }, 504, 0, 1),
        (Effect::Delay { ms: 60_000 }, 201, 1, 1),
        (executed(503, "ServiceUnavailable", None), 503, 1, 1),
        (executed(409, "ErrorConcurrentItemSave", None), 409, 1, 1),
        (executed(429, "ApplicationThrottled", Some(10.0)), 429, 1, 1),
        (executed(412, "ErrorIrresolvableConflict", None), 412, 1, 1),
    ];
    for (effect, status, now, later) in cases {
        let mut world = World::new();
        let name = format!("{effect:?}");
        let matching = Matching { kind: Some("eventCreate".into()), ..Matching::default() };
        world.twin.add_fault(Fault { matching, skip: 0, times: Some(1), probability: None, effect });
        let answer = world.answer("POST", &format!("/v1.0/users/{MEGAN}/events"), &[], Some(body.clone()));
        assert_eq!(answer.response.status().as_u16(), status, "{name}");
        let entries = |world: &World| world.twin.entries(TENANT, MEGAN, false).unwrap().len();
        assert_eq!(entries(&world), now, "{name}");
        world.wait(31);
        assert_eq!(entries(&world), later, "{name}");
        let again = world.call("POST", &format!("/v1.0/users/{MEGAN}/events"), &[], Some(body.clone()));
        assert_eq!((again.status, entries(&world)), (201, 1), "{name}: once more with the same id");
    }
}

#[test]
fn a_late_delete_and_a_late_patch_meet_the_world_as_it_is_then() {
    let mut world = World::new();
    let uid = world.book(meeting("2026-02-10T10:00:00", 60));
    let url = format!("/v1.0/users/{MEGAN}/events/{}", ids(&world.view(MEGAN))[0]);
    world.twin.add_fault(Fault::once("/events/", Effect::LandLater { ms: 20_000 }));
    world.call("PATCH", &url, &[], Some(json!({"subject": "Late"})));
    world.act(roomsync_twin::Action::ChangeSubject { meeting: uid, subject: "Newer".into() });
    world.wait(21);
    assert_eq!(world.view(MEGAN)[0]["subject"], "Late");
    let old = world.view(MEGAN)[0]["@odata.etag"].as_str().unwrap().to_owned();
    world.twin.add_fault(Fault::once("/events/", Effect::LandLater { ms: 20_000 }));
    world.call("DELETE", &url, &[("if-match", &old)], None);
    world.call("PATCH", &url, &[], Some(json!({"subject": "Meanwhile"})));
    world.wait(21);
    assert_eq!(world.view(MEGAN).len(), 1, "its If-Match no longer holds");
}
