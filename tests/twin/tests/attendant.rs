//! What a room makes of meetings that an app wrote, step by step.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use roomsync_twin::calendar::Recurrence;
use roomsync_twin::processing::Automate;
use roomsync_twin::{Action, Hand, MailKind, RoomPolicy, Tuning};
use serde_json::{Value, json};
use support::*;

fn booking(start: &str, end: &str) -> Value {
    json!({
        "subject": "Booked", "sensitivity": "private", "body": {"contentType": "text", "content": "secret"},
        "start": {"dateTime": start, "timeZone": "Romance Standard Time"},
        "end": {"dateTime": end, "timeZone": "Romance Standard Time"},
        "attendees": [{"type": "resource", "emailAddress": {"address": ROOM}}]
    })
}

fn tuesdays(count: u32) -> Value {
    json!({"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"]}, "range": {"type": "numbered", "startDate": "2026-02-10", "numberOfOccurrences": count}})
}

fn world(policy: RoomPolicy) -> World {
    let mut world = World::new();
    world.twin.put_room(TENANT, room(ROOM, policy));
    world
}

fn post(world: &mut World, body: Value) -> String {
    let got = world.call("POST", &format!("/v1.0/users/{MEGAN}/events"), &[], Some(body));
    assert_eq!(got.status, 201, "{}", got.body);
    format!("/v1.0/users/{MEGAN}/events/{}", got.body["id"].as_str().unwrap())
}

fn patch(world: &mut World, url: &str, body: Value) {
    let got = world.call("PATCH", url, &[], Some(body));
    assert_eq!(got.status, 200, "{}", got.body);
}

/// The room's answer as the organizer sees it.
fn answer(world: &mut World, url: &str) -> String {
    let got = world.call("GET", url, &[], None);
    got.body["attendees"][0]["status"]["response"].as_str().unwrap().to_owned()
}

/// How the room shows its entries.
fn shown(world: &mut World) -> Vec<(String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    world.view(ROOM).iter().map(|row| (text(row, "subject"), text(row, "showAs"))).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(one, two)| ((*one).to_owned(), (*two).to_owned())).collect()
}

#[test]
fn a_booking_is_first_nowhere_then_tentative_then_accepted_and_rewritten() {
    let mut world = world(RoomPolicy::default());
    let url = post(&mut world, booking("2026-02-10T10:00:00", "2026-02-10T11:00:00"));
    assert_eq!((shown(&mut world), answer(&mut world, &url)), (vec![], "none".into()));
    world.wait(1);
    assert_eq!(shown(&mut world), pairs(&[("Booked", "tentative")]));
    assert_eq!(
        (world.view(ROOM)[0]["responseStatus"]["response"].as_str(), answer(&mut world, &url)),
        (Some("notResponded"), "none".into())
    );
    world.wait(1);
    assert_eq!(shown(&mut world), pairs(&[("Megan Bowen ", "busy")]));
    let row = world.view(ROOM)[0].clone();
    assert_eq!((&row["sensitivity"], &row["bodyPreview"]), (&json!("normal"), &json!("")));
    assert_eq!(answer(&mut world, &url), "accepted");
    let mails: Vec<_> = world.twin.mails().map(|mail| (mail.kind, mail.by)).collect();
    assert_eq!(mails, [(MailKind::Invitation, Hand::App), (MailKind::Response, Hand::Attendant)]);
}

#[test]
fn the_delays_are_switches() {
    let mut world = world(RoomPolicy { decision_ms: 60_000, ..RoomPolicy::transparent() });
    world.twin.tune(Tuning { invitation_ms: 0, attendant_ms: 0, ..Tuning::default() });
    let url = post(&mut world, booking("2026-02-10T10:00:00", "2026-02-10T11:00:00"));
    assert_eq!(shown(&mut world), pairs(&[("Booked", "tentative")]));
    world.wait(60);
    assert_eq!(answer(&mut world, &url), "accepted");
    world.twin.put_room(TENANT, room(ROOM, RoomPolicy::transparent()));
    let url = post(&mut world, booking("2026-02-11T10:00:00", "2026-02-11T11:00:00"));
    assert_eq!(answer(&mut world, &url), "accepted", "both zero: at once");
}

#[test]
fn every_rule_of_the_room_decides() {
    let strict = RoomPolicy::default;
    let hour = booking("2026-02-10T10:00:00", "2026-02-10T11:00:00");
    let series = |count: u32| {
        let mut body = hour.clone();
        body["recurrence"] = tuesdays(count);
        body
    };
    let cases: Vec<(&str, RoomPolicy, Value, &str, usize)> = vec![
        ("free", strict(), hour.clone(), "accepted", 1),
        ("beyond the window", strict(), booking("2026-12-01T10:00:00", "2026-12-01T11:00:00"), "declined", 0),
        ("too long", strict(), booking("2026-02-10T10:00:00", "2026-02-11T10:30:00"), "declined", 0),
        (
            "long is fine",
            RoomPolicy { maximum_duration_in_minutes: 0, ..strict() },
            booking("2026-02-10T10:00:00", "2026-02-11T10:30:00"),
            "accepted",
            1,
        ),
        ("a series past the horizon", strict(), series(60), "declined", 0),
        (
            "cut at the horizon",
            RoomPolicy { enforce_scheduling_horizon: false, booking_window_in_days: 30, ..strict() },
            series(60),
            "accepted",
            4,
        ),
        ("a series", strict(), series(3), "accepted", 3),
        (
            "no series here",
            RoomPolicy { allow_recurring_meetings: false, ..strict() },
            series(3),
            "declined",
            0,
        ),
        ("delegates", RoomPolicy { delegate_approval: true, ..strict() }, hour.clone(), "none", 1),
        ("update only", RoomPolicy { automate: Automate::AutoUpdate, ..strict() }, hour.clone(), "none", 1),
        ("nobody looks", RoomPolicy { automate: Automate::None, ..strict() }, hour.clone(), "none", 0),
    ];
    for (name, policy, body, expected, rows) in cases {
        let mut world = world(policy);
        let url = post(&mut world, body);
        world.wait(5);
        let responses = world.twin.mails().filter(|mail| mail.kind == MailKind::Response).count();
        assert_eq!((answer(&mut world, &url).as_str(), world.view(ROOM).len()), (expected, rows), "{name}");
        assert_eq!(responses, usize::from(expected != "none"), "{name}");
    }
}

#[test]
fn a_conflict_declines_a_series_as_a_whole_or_leaves_holes() {
    let limits = |instances, percent| RoomPolicy {
        maximum_conflict_instances: instances,
        conflict_percentage_allowed: percent,
        ..RoomPolicy::transparent()
    };
    for (policy, expected, rows) in [
        (limits(0, 0), "declined", 1),
        (limits(1, 20), "declined", 1),
        (limits(0, 100), "declined", 1),
        (limits(1, 34), "accepted", 3),
    ] {
        let mut world = world(policy);
        world.book(meeting("2026-02-17T10:30:00", 60));
        let mut series = booking("2026-02-10T10:00:00", "2026-02-10T11:00:00");
        series["recurrence"] = tuesdays(3);
        let url = post(&mut world, series);
        world.wait(5);
        assert_eq!((answer(&mut world, &url).as_str(), world.view(ROOM).len()), (expected, rows));
        patch(&mut world, &url, json!({"subject": "Renamed"}));
        world.wait(5);
        assert_eq!(world.view(ROOM).len(), rows, "a hole stays a hole");
    }
}

#[test]
fn a_changed_occurrence_is_judged_alone() {
    let mut world = world(RoomPolicy::transparent());
    let mut series = booking("2026-02-10T10:00:00", "2026-02-10T11:00:00");
    series["recurrence"] = tuesdays(3);
    let url = post(&mut world, series);
    world.wait(5);
    world.book(meeting("2026-02-18T15:00:00", 60));
    // Single meetings come first.
    let second = ids(&world.view(MEGAN))[2].clone();
    let (start, end) = ("2026-02-18T15:30:00", "2026-02-18T16:30:00");
    let zone = "Romance Standard Time";
    let times =
        json!({"start": {"dateTime": start, "timeZone": zone}, "end": {"dateTime": end, "timeZone": zone}});
    patch(&mut world, &format!("/v1.0/users/{MEGAN}/events/{second}"), times);
    world.wait(5);
    assert_eq!(shown(&mut world), pairs(&[("Plan", "busy"), ("Booked", "busy"), ("Booked", "busy")]));
    assert_eq!(answer(&mut world, &url), "accepted");
    let declined =
        world.twin.mails().filter(|mail| mail.answer == Some(roomsync_twin::calendar::Response::Declined));
    assert_eq!(declined.count(), 1);
}

#[test]
fn new_times_are_a_new_request() {
    let mut world = world(RoomPolicy::transparent());
    let url = post(&mut world, booking("2026-02-10T10:00:00", "2026-02-10T11:00:00"));
    world.book(meeting("2026-02-10T14:00:00", 60));
    world.wait(5);
    let zone = "Romance Standard Time";
    let to = |start: &str, end: &str| json!({"start": {"dateTime": start, "timeZone": zone}, "end": {"dateTime": end, "timeZone": zone}});
    patch(&mut world, &url, to("2026-02-10T14:30:00", "2026-02-10T15:30:00"));
    assert_eq!(answer(&mut world, &url), "none");
    world.wait(1);
    assert_eq!(shown(&mut world), pairs(&[("Plan", "busy"), ("Booked", "tentative")]));
    world.wait(1);
    assert_eq!(
        (shown(&mut world), answer(&mut world, &url)),
        (pairs(&[("Plan", "busy")]), "declined".into())
    );
    patch(&mut world, &url, to("2026-02-10T16:00:00", "2026-02-10T17:00:00"));
    world.wait(5);
    assert_eq!((world.view(ROOM).len(), answer(&mut world, &url)), (2, "accepted".into()));
}

#[test]
fn the_same_time_in_another_zone_is_no_new_request() {
    let mut world = world(RoomPolicy::transparent());
    let url = post(&mut world, booking("2026-02-10T10:00:00", "2026-02-10T11:00:00"));
    world.wait(5);
    let (start, end) = ("2026-02-10T09:00:00", "2026-02-10T10:00:00");
    patch(
        &mut world,
        &url,
        json!({"start": {"dateTime": start, "timeZone": "UTC"}, "end": {"dateTime": end, "timeZone": "UTC"}}),
    );
    assert_eq!(answer(&mut world, &url), "accepted");
    assert_eq!(world.twin.mails().filter(|mail| mail.kind == MailKind::Update).count(), 0);
}

#[test]
fn what_an_app_writes_into_the_rooms_copy_outlives_the_organizers_update() {
    let mut world = world(RoomPolicy::transparent());
    let url = post(&mut world, booking("2026-02-10T10:00:00", "2026-02-10T11:00:00"));
    world.wait(5);
    let copy = format!("/v1.0/users/{ROOM}/events/{}", ids(&world.view(ROOM))[0]);
    let marker = json!([{"id": "String {x} Name y", "value": "room"}]);
    patch(&mut world, &copy, json!({"singleValueExtendedProperties": marker, "categories": ["x"]}));
    patch(&mut world, &url, json!({"subject": "Renamed"}));
    world.wait(5);
    let entry = world.twin.entries(TENANT, ROOM, false).unwrap().remove(0);
    assert_eq!((entry.subject.as_str(), entry.extended.len()), ("Renamed", 1));
    assert!(world.twin.entries(TENANT, MEGAN, false).unwrap()[0].extended.is_empty());
    assert_eq!(world.view(ROOM)[0]["categories"], json!(["x"]));
}

#[test]
fn the_next_step_is_known_and_told_to_subscribers() {
    let mut world = push::subscribed();
    assert!(world.posted(5).is_empty());
    let now = world.now;
    post(&mut world, booking("2026-02-10T10:00:00", "2026-02-10T11:00:00"));
    assert_eq!(world.twin.next_due(), Some(now + chrono::Duration::milliseconds(500)));
    let kinds = push::kinds(&world.posted(5));
    assert!(kinds.starts_with(&["created".to_owned()]) && kinds.len() > 4, "made, then decided: {kinds:?}");
}

#[test]
fn organizers_from_outside_are_refused_unless_the_room_lets_them_in() {
    for (process, rows) in [(false, 0), (true, 1)] {
        let mut world =
            world(RoomPolicy { process_external_meeting_messages: process, ..RoomPolicy::transparent() });
        let mut meeting = meeting("2026-02-10T10:00:00", 60).from_outside();
        meeting.organizer.address = "eve@fabrikam.example".into();
        world.book(meeting);
        assert_eq!(world.view(ROOM).len(), rows);
        let got = world.get("/v1.0/users/eve@fabrikam.example/events");
        assert_eq!((got.status, got.body["error"]["code"].as_str()), (404, Some("ErrorInvalidUser")));
    }
}

#[test]
fn what_changes_while_mail_is_under_way_counts() {
    let mut world = world(RoomPolicy::transparent());
    let gone = post(&mut world, booking("2026-02-10T10:00:00", "2026-02-10T11:00:00"));
    assert_eq!(world.call("DELETE", &gone, &[], None).status, 204);
    let renamed = post(&mut world, booking("2026-02-11T10:00:00", "2026-02-11T11:00:00"));
    patch(&mut world, &renamed, json!({"subject": "Renamed"}));
    let late = post(&mut world, booking("2026-02-12T10:00:00", "2026-02-12T11:00:00"));
    world.wait(1);
    assert_eq!(world.call("POST", &format!("{late}/cancel"), &[], Some(json!({}))).status, 202);
    world.wait(5);
    assert_eq!(shown(&mut world), pairs(&[("Renamed", "busy")]));
    let responses = world.twin.mails().filter(|mail| mail.kind == MailKind::Response).count();
    assert_eq!(responses, 1, "answered once, cancelled ones not at all");
}

#[test]
fn a_person_may_change_what_an_app_made() {
    let mut world = world(RoomPolicy::transparent());
    let url = post(&mut world, booking("2026-02-10T10:00:00", "2026-02-10T11:00:00"));
    let uid = world.call("GET", &url, &[], None).body["iCalUId"].as_str().unwrap().to_owned();
    world.act(Action::ChangeSubject { meeting: uid.clone(), subject: "By hand".into() });
    world.wait(5);
    assert_eq!(
        (shown(&mut world), answer(&mut world, &url)),
        (pairs(&[("By hand", "busy")]), "accepted".into())
    );
    world.act(Action::Delete { meeting: uid, room: None });
    assert!(world.view(ROOM).is_empty());
    assert_eq!(world.call("PATCH", &url, &[], Some(json!({"subject": "x"}))).status, 404);
}

#[test]
fn mails_are_counted_by_kind_and_only_where_something_is_told() {
    let mut world = world(RoomPolicy::transparent());
    let mut series = booking("2026-02-10T10:00:00", "2026-02-10T11:00:00");
    series["recurrence"] = tuesdays(3);
    let url = post(&mut world, series);
    world.wait(5);
    let occurrences = ids(&world.view(MEGAN));
    let occurrence = |n: usize| format!("/v1.0/users/{MEGAN}/events/{}", occurrences[n]);
    let marker = json!([{"id": "String {x} Name y", "value": "z"}]);
    let steps: Vec<(&str, String, Value, (u64, u64))> = vec![
        ("PATCH", url.clone(), json!({"isReminderOn": true, "categories": ["x"]}), (0, 0)),
        ("PATCH", url.clone(), json!({"singleValueExtendedProperties": marker}), (0, 0)),
        ("PATCH", url.clone(), json!({"subject": "Booked"}), (0, 0)),
        ("PATCH", url.clone(), json!({"subject": "Renamed"}), (1, 0)),
        ("PATCH", occurrence(0), json!({"subject": "Special"}), (1, 0)),
        ("PATCH", url.clone(), json!({"sensitivity": "normal"}), (2, 0)),
        ("DELETE", occurrence(1), Value::Null, (0, 1)),
        ("DELETE", url.clone(), Value::Null, (0, 1)),
    ];
    for (method, url, body, expected) in steps {
        world.twin.reset_mails();
        let got = world.call(method, &url, &[], (!body.is_null()).then_some(body.clone()));
        assert!(got.status < 300, "{}", got.body);
        let counters = world.twin.counters();
        let count = |kind| counters.mails.get(&kind).copied().unwrap_or(0);
        assert_eq!((count(MailKind::Update), count(MailKind::Cancellation)), expected, "{method} {body}");
    }
    let weekly = Recurrence::weekly("2026-02-09".parse().unwrap(), 1).times(2);
    let uid = world.book(meeting("2026-02-09T10:00:00", 60).repeats(weekly));
    world.act(Action::ChangeSubject { meeting: uid.clone(), subject: "x".into() });
    world.act(Action::Cancel { meeting: uid });
    let mails: Vec<_> =
        world.twin.mails().filter(|mail| mail.by == Hand::Person).map(|mail| mail.kind).collect();
    assert_eq!(mails, [MailKind::Invitation, MailKind::Update, MailKind::Cancellation]);
}
