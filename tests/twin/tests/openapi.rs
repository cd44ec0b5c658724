//! The twin speaks the language of Graph's OpenAPI document, and our requests do.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use roomsync_twin::Action;
use roomsync_twin::calendar::Recurrence;
use roomsync_twin::openapi::OpenApi;
use serde_json::json;
use support::*;

fn document() -> OpenApi {
    OpenApi::read(include_str!("../../fixtures/graph/openapi.yaml")).unwrap()
}

fn busy_world() -> World {
    let mut world = World::new();
    busy(&mut world);
    world
}

fn busy(world: &mut World) {
    let weekly = Recurrence::weekly("2026-02-09".parse().unwrap(), 1).times(4);
    let uid = world.book(meeting("2026-02-09T10:00:00", 60).repeats(weekly));
    world.act(Action::ChangeOccurrenceSubject {
        meeting: uid,
        date: "2026-02-16".parse().unwrap(),
        subject: "Other".into(),
    });
    let mut day = meeting("2026-02-10T00:00:00", 1440).private();
    day.span.all_day = true;
    world.book(day);
}

#[test]
fn answers_match_the_document() {
    let document = document();
    let mut world = busy_world();
    let event = ids(&world.view(ROOM))[0].clone();
    let urls = [
        "/v1.0/places/microsoft.graph.room".to_owned(),
        "/v1.0/places/microsoft.graph.roomlist".to_owned(),
        "/v1.0/places/hq@contoso.example/microsoft.graph.roomlist/rooms".to_owned(),
        "/v1.0/places/nobody@contoso.example/microsoft.graph.roomlist/rooms".to_owned(),
        format!("/v1.0/places/{ROOM}"),
        "/v1.0/users".to_owned(),
        format!("/v1.0/users/{ROOM}?$select=id,mail,accountEnabled"),
        "/v1.0/users/nobody".to_owned(),
        format!("/v1.0/users/{ROOM}/calendarView?{WINDOW}"),
        format!("/v1.0/users/{ROOM}/calendarView"),
        format!("/v1.0/users/{ROOM}/calendarView/delta?{WINDOW}"),
        format!("/v1.0/users/{ROOM}/events"),
        format!("/v1.0/users/{ROOM}/events/{event}"),
        format!("/v1.0/users/{ROOM}/events/{event}/instances?{WINDOW}"),
    ];
    for url in urls {
        let got = world.get(&url);
        let path = url.split('?').next().unwrap();
        let template = document.template(path).unwrap_or_else(|| panic!("{path} is not documented"));
        document
            .check_answer("GET", &template, got.status, &got.body)
            .unwrap_or_else(|problem| panic!("{url}: {problem}"));
    }
}

#[test]
fn tombstones_and_stubs_match_too() {
    let document = document();
    let mut world = busy_world();
    let (entries, link) = world.initial(ROOM);
    let uid = world.truth(ROOM)[1].uid.clone();
    world.act(Action::Cancel { meeting: uid });
    let (changes, _) = world.round(&link);
    assert!(changes.iter().any(removed));
    for entry in changes.iter().chain(&entries) {
        document.check(if removed(entry) { "removedItem" } else { "microsoft.graph.event" }, entry).unwrap();
    }
}

#[test]
fn subscriptions_and_notices_match_too() {
    let document = document();
    let mut world = World::new();
    let asked = push::wish(&world, ROOM);
    document.check_request("POST", "/subscriptions", &[], Some(&asked)).unwrap();
    let made = world.subscribe(ROOM);
    document.check_answer("POST", "/subscriptions", 201, &made).unwrap();
    let own = format!("/v1.0/subscriptions/{}", made["id"].as_str().unwrap());
    let template = document.template(&own).unwrap();
    for (url, template) in [("/v1.0/subscriptions".to_owned(), "/subscriptions"), (own.clone(), &template)] {
        let got = world.get(&url);
        document.check_answer("GET", template, got.status, &got.body).unwrap();
    }
    let until = json!({"expirationDateTime": "2026-02-06T08:00:00Z"});
    document.check_request("PATCH", &template, &[], Some(&until)).unwrap();
    let renewed = world.call_with("PATCH", &own, until, push::echo);
    document.check_answer("PATCH", &template, renewed.status, &renewed.body).unwrap();
    let refused = world.call_with("POST", "/v1.0/subscriptions", asked, push::echo);
    document.check_answer("POST", "/subscriptions", refused.status, &refused.body).unwrap();
    busy(&mut world);
    world.twin.send_lifecycle("*", "missed");
    let posts = world.posted(5);
    assert!(!posts.is_empty());
    for post in posts {
        let body = serde_json::from_slice(&post.body).unwrap();
        document.check("microsoft.graph.changeNotificationCollection", &body).unwrap();
    }
}

#[test]
fn a_strange_answer_or_request_is_noticed() {
    let document = document();
    let wrong = json!({"id": "x", "isAllDay": "yes"});
    assert!(document.check("microsoft.graph.event", &wrong).is_err());
    assert!(document.check("microsoft.graph.event", &json!({"id": "x", "showAs": "elsewhere"})).is_err());
    assert!(document.check("microsoft.graph.event", &json!({"id": "x", "subject": null})).is_ok());
    assert!(document.check("nothing", &wrong).is_err());
    let path = document.template("/v1.0/users/a@b.example/calendarView").unwrap();
    let known = ["$select", "$top", "startDateTime", "endDateTime"].map(str::to_owned);
    document.check_request("GET", &path, &known, None).unwrap();
    assert!(document.check_request("GET", &path, &["top".to_owned()], None).is_err());
    let events = document.template("/v1.0/users/a@b.example/events").unwrap();
    assert!(document.check_request("POST", &events, &[], Some(&wrong)).is_err());
    assert!(document.template("/v1.0/me").is_none());
}

#[test]
fn writes_and_their_answers_match_the_document() {
    let document = document();
    let mut world = World::new();
    let events = format!("/v1.0/users/{MEGAN}/events");
    let body = json!({
        "subject": "Booked", "transactionId": "t", "isAllDay": false, "sensitivity": "private", "importance": "high",
        "body": {"contentType": "text", "content": "Bring pens"}, "isReminderOn": true, "reminderMinutesBeforeStart": 5,
        "start": {"dateTime": "2026-02-10T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-02-10T10:00:00", "timeZone": "UTC"},
        "location": {"displayName": "Aster", "locationEmailAddress": ROOM},
        "attendees": [{"type": "resource", "emailAddress": {"address": ROOM}}],
        "recurrence": {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"], "firstDayOfWeek": "monday"},
            "range": {"type": "numbered", "startDate": "2026-02-10", "numberOfOccurrences": 3}
        },
        "singleValueExtendedProperties": [{"id": "String {x} Name y", "value": "app-1"}]
    });
    let mut other = body.clone();
    other["subject"] = json!("Other");
    let id = world.call("POST", &events, &[], Some(body.clone())).body["id"].as_str().unwrap().to_owned();
    world.wait(5);
    let copy = ids(&world.view(ROOM))[0].clone();
    let (event, copy) = (format!("{events}/{id}"), format!("/v1.0/users/{ROOM}/events/{copy}"));
    let expand = format!("{event}?$expand=singleValueExtendedProperties");
    for (method, url, body, status) in [
        ("POST", events.as_str(), Some(body), 201),
        ("POST", &events, Some(other), 409),
        ("PATCH", &event, Some(json!({"subject": "New"})), 200),
        ("GET", &expand, None, 200),
        ("POST", &format!("{copy}/cancel"), Some(json!({"Comment": "no"})), 400),
        ("POST", &format!("{copy}/tentativelyAccept"), Some(json!({"SendResponse": true})), 202),
        ("POST", &format!("{copy}/accept"), Some(json!({"SendResponse": true})), 202),
        ("POST", &format!("{copy}/decline"), Some(json!({"SendResponse": true, "Comment": "no"})), 202),
        ("POST", &format!("{event}/cancel"), Some(json!({"Comment": "no"})), 202),
        ("DELETE", &event, None, 404),
    ] {
        let template = document.template(url.split('?').next().unwrap()).unwrap();
        document.check_request(method, &template, &[], body.as_ref()).unwrap();
        let got = world.call(method, url, &[], body);
        assert_eq!(got.status, status, "{method} {url} {}", got.body);
        document
            .check_answer(method, &template, got.status, &got.body)
            .unwrap_or_else(|problem| panic!("{method} {url}: {problem}"));
    }
}
