//! Creating and changing events through Graph: what is kept, what is refused, what a `transactionId` promises.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use roomsync_twin::{MailKind, RoomPolicy, Trap, Tuning, UserSpec};
use serde_json::{Value, json};
use support::*;

const MARKER: &str = "String {d0b6fa70-0f04-4f1e-8cb1-6f5f2c1d9c11} Name our-id";

fn booking(transaction: &str) -> Value {
    json!({
        "subject": "Booked", "transactionId": transaction, "showAs": "busy", "sensitivity": "private",
        "body": {"contentType": "html", "content": "<p>Bring <b>pens</b></p>"},
        "start": {"dateTime": "2026-02-10T10:00:00", "timeZone": "Romance Standard Time"},
        "end": {"dateTime": "2026-02-10T11:00:00", "timeZone": "Europe/Paris"},
        "location": {"displayName": "Aster", "locationEmailAddress": ROOM},
        "isReminderOn": true, "reminderMinutesBeforeStart": 5, "importance": "high", "categories": ["blue"],
        "attendees": [
            {"type": "resource", "emailAddress": {"address": ROOM, "name": "Aster"}},
            {"type": "optional", "emailAddress": {"address": "alex@contoso.example"}}
        ],
        "singleValueExtendedProperties": [{"id": MARKER, "value": "app-1"}]
    })
}

fn post(world: &mut World, body: Value) -> Got {
    world.call("POST", &format!("/v1.0/users/{MEGAN}/events"), &[], Some(body))
}

fn created(world: &mut World, body: Value) -> (String, Value) {
    let got = post(world, body);
    assert_eq!(got.status, 201, "{}", got.body);
    (format!("/v1.0/users/{MEGAN}/events/{}", got.body["id"].as_str().unwrap()), got.body)
}

fn code(got: &Got) -> (u16, &str) {
    (got.status, got.body["error"]["code"].as_str().unwrap_or(""))
}

fn mails(world: &World, kind: MailKind) -> usize {
    world.twin.mails().filter(|mail| mail.kind == kind).count()
}

fn change(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

#[test]
fn a_new_event_comes_back_as_it_was_sent() {
    let mut world = World::new();
    let url = format!("/v1.0/users/{MEGAN}/calendar/events");
    let made =
        world.call("POST", &url, &[("prefer", "outlook.body-content-type=\"text\"")], Some(booking("t")));
    assert_eq!(made.status, 201);
    for (pointer, expected) in [
        ("/type", json!("singleInstance")),
        ("/start/dateTime", json!("2026-02-10T09:00:00.0000000")),
        ("/start/timeZone", json!("UTC")),
        ("/end/dateTime", json!("2026-02-10T10:00:00.0000000")),
        ("/originalStartTimeZone", json!("Romance Standard Time")),
        ("/body/content", json!("Bring pens")),
        ("/sensitivity", json!("private")),
        ("/importance", json!("high")),
        ("/categories", json!(["blue"])),
        ("/isReminderOn", json!(true)),
        ("/reminderMinutesBeforeStart", json!(5)),
        ("/location/locationEmailAddress", json!(ROOM)),
        ("/isOrganizer", json!(true)),
        ("/organizer/emailAddress/address", json!(MEGAN)),
        ("/transactionId", json!("t")),
        ("/attendees/0/type", json!("resource")),
        ("/attendees/0/status/response", json!("none")),
        ("/attendees/1/type", json!("optional")),
    ] {
        assert_eq!(made.body.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[test]
fn the_marker_finds_the_event_and_can_be_read_with_it() {
    let mut world = World::new();
    let (url, made) = created(&mut world, booking("t"));
    created(
        &mut world,
        change(&booking("u"), "singleValueExtendedProperties", json!([{"id": MARKER, "value": "app-2"}])),
    );
    let ask = |value: &str| {
        let filter =
            format!("singleValueExtendedProperties/any(ep: ep/id eq '{MARKER}' and ep/value eq '{value}')");
        let expand = format!("singleValueExtendedProperties($filter=id eq '{MARKER}')");
        let encode = |text: String| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        format!("$filter={}&$expand={}", encode(filter), encode(expand))
    };
    let list = format!("/v1.0/users/{MEGAN}/events?{}", ask("app-1"));
    let found = world.call("GET", &list, &[], None).body["value"].as_array().unwrap().clone();
    assert_eq!(ids(&found), [made["id"].as_str().unwrap()]);
    assert_eq!(found[0]["singleValueExtendedProperties"], json!([{"id": MARKER, "value": "app-1"}]));
    let none = world.call("GET", &format!("/v1.0/users/{MEGAN}/events?{}", ask("app-3")), &[], None);
    assert_eq!(none.body["value"], json!([]));
    let one = world.call("GET", &format!("{url}?$select=subject"), &[], None).body;
    assert_eq!(
        (one.get("subject"), one.get("start"), one.get("singleValueExtendedProperties")),
        (Some(&json!("Booked")), None, None)
    );
    let other = world.call(
        "GET",
        &format!("{url}?$expand=singleValueExtendedProperties($filter=id%20eq%20'x')"),
        &[],
        None,
    );
    assert_eq!(other.body.get("singleValueExtendedProperties"), None);
}

#[test]
fn nobody_books_for_a_mailbox_that_is_not_there_or_not_allowed() {
    let mut world = World::new();
    let spec = UserSpec {
        address: "cloudless@contoso.example".into(),
        state: roomsync_twin::calendar::MailboxState::NotEnabled,
        ..UserSpec::default()
    };
    world.twin.put_user(TENANT, spec).unwrap();
    world.twin.change_app(TENANT, CLIENT, |app| {
        app.out_of_scope.insert(SECOND.to_owned());
    });
    for (who, expected) in [
        ("nobody@contoso.example", (404, "ErrorInvalidUser")),
        ("cloudless@contoso.example", (404, "MailboxNotEnabledForRESTAPI")),
        (SECOND, (403, "ErrorAccessDenied")),
    ] {
        let got = world.call("POST", &format!("/v1.0/users/{who}/events"), &[], Some(booking("t")));
        assert_eq!(code(&got), expected, "{who}");
    }
}

#[test]
fn bodies_are_refused_by_name() {
    let mut world = World::new();
    world.twin.tune(Tuning { listed_zones_only: true, ..Tuning::default() });
    let weekly = json!({"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["wednesday"]}, "range": {"type": "noEnd", "startDate": "2026-02-11"}});
    for (name, value, expected) in [
        ("subjekt", json!("x"), "RequestBodyRead"),
        ("showAs", json!("elsewhere"), "RequestBodyRead"),
        (
            "end",
            json!({"dateTime": "2026-02-10T09:00:00", "timeZone": "Europe/Paris"}),
            "ErrorPropertyValidationFailure",
        ),
        ("start", json!({"dateTime": "half past ten", "timeZone": "UTC"}), "ErrorPropertyValidationFailure"),
        (
            "start",
            json!({"dateTime": "2026-02-10T10:00:00", "timeZone": "Europe/Madrid"}),
            "TimeZoneNotSupportedException",
        ),
        (
            "start",
            json!({"dateTime": "2026-02-10T10:00:00", "timeZone": "Atlantis"}),
            "TimeZoneNotSupportedException",
        ),
        ("recurrence", weekly, "ErrorPropertyValidationFailure"),
        ("isAllDay", json!(true), "ErrorInvalidRequest"),
    ] {
        let got = post(&mut world, change(&booking("t"), name, value));
        assert_eq!(code(&got), (400, expected), "{name}");
    }
    assert!(world.twin.entries(TENANT, MEGAN, false).unwrap().is_empty());
}

#[test]
fn one_transaction_makes_one_event_and_one_invitation_each() {
    let mut world = World::new();
    let (_, first) = created(&mut world, booking("t"));
    world.wait(30);
    let shuffled: Value = serde_json::from_str(&booking("t").to_string()).unwrap();
    let again = post(&mut world, shuffled);
    assert_eq!((again.status, &again.body["id"]), (201, &first["id"]));
    assert_eq!(again.body["attendees"][0]["status"]["response"], "accepted");
    assert_eq!(
        (world.twin.entries(TENANT, MEGAN, false).unwrap().len(), mails(&world, MailKind::Invitation)),
        (1, 2)
    );
    let other = post(&mut world, change(&booking("t"), "subject", json!("Other")));
    assert_eq!(code(&other), (409, "ErrorDuplicateTransactionId"));
    assert_eq!(other.body["error"]["@event.existingEventId"], first["id"]);
    assert!(
        other.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("already been used to create a different event")
    );
    world.twin.tune(Tuning { duplicate_status: 400, duplicate_names_event: false, ..Tuning::default() });
    let bare = post(&mut world, change(&booking("t"), "subject", json!("Other")));
    assert_eq!(
        (code(&bare), bare.body["error"].get("@event.existingEventId")),
        ((400, "ErrorDuplicateTransactionId"), None)
    );
    let elsewhere = world.call("POST", &format!("/v1.0/users/{ROOM}/events"), &[], Some(booking("t")));
    assert_eq!(elsewhere.status, 201, "another mailbox, another memory");
}

#[test]
fn what_becomes_of_a_transaction_after_deletion_and_time_is_a_switch() {
    for (remember, seconds, wait, expected) in [
        (false, None, 0, (201, "")),
        (true, None, 0, (409, "ErrorDuplicateTransactionId")),
        (true, Some(60), 61, (201, "")),
    ] {
        let mut world = World::new();
        world.twin.tune(Tuning {
            remember_deleted: remember,
            transaction_seconds: seconds,
            ..Tuning::default()
        });
        let (url, first) = created(&mut world, booking("t"));
        assert_eq!(world.call("DELETE", &url, &[], None).status, 204);
        world.wait(wait);
        let got = post(&mut world, booking("t"));
        assert_eq!(code(&got), expected);
        assert_ne!(got.body["id"], first["id"]);
    }
}

#[test]
fn a_patch_changes_what_it_names_and_null_clears() {
    let mut world = World::new();
    let (url, _) = created(&mut world, booking("t"));
    world.wait(5);
    for (name, value, pointer, expected) in [
        ("subject", Value::Null, "/subject", json!("")),
        ("body", Value::Null, "/body/content", json!("")),
        ("location", Value::Null, "/location/displayName", json!("")),
        ("categories", Value::Null, "/categories", json!([])),
        ("importance", json!("low"), "/importance", json!("low")),
        ("reminderMinutesBeforeStart", json!(30), "/reminderMinutesBeforeStart", json!(30)),
        ("sensitivity", json!("normal"), "/sensitivity", json!("normal")),
        ("showAs", json!("free"), "/showAs", json!("free")),
    ] {
        let mut patch = json!({});
        patch[name] = value;
        let got = world.call("PATCH", &url, &[], Some(patch));
        assert_eq!((got.status, got.body.pointer(pointer)), (200, Some(&expected)), "{name}");
        assert_eq!(got.body["transactionId"], "t");
    }
}

#[test]
fn attendees_are_replaced_as_a_whole_and_keep_their_answers() {
    let mut world = World::new();
    let (url, _) = created(&mut world, booking("t"));
    world.wait(5);
    let second = json!({"type": "resource", "emailAddress": {"address": SECOND}});
    let first = json!({"type": "resource", "emailAddress": {"address": ROOM}});
    world.twin.reset_mails();
    let got = world.call("PATCH", &url, &[], Some(json!({"attendees": [first, second]})));
    assert_eq!(got.body["attendees"].as_array().unwrap().len(), 2);
    assert_eq!(got.body["attendees"][0]["status"]["response"], "accepted");
    let sent: Vec<_> = world.twin.mails().map(|mail| (mail.kind, mail.to.clone())).collect();
    assert_eq!(
        sent,
        [(MailKind::Cancellation, "alex@contoso.example".into()), (MailKind::Invitation, SECOND.into())]
    );
    world.wait(5);
    assert_eq!((world.view(ROOM).len(), world.view(SECOND).len()), (1, 1));
    world.call("PATCH", &url, &[], Some(json!({"attendees": [second]})));
    world.wait(5);
    assert_eq!((world.view(ROOM).len(), world.view(SECOND).len()), (0, 1));
}

#[test]
fn a_series_is_made_read_shortened_and_made_single() {
    let mut world = World::new();
    let weekly = |until: &str| json!({"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"], "firstDayOfWeek": "monday"}, "range": {"type": "endDate", "startDate": "2026-02-10", "endDate": until}});
    let (url, made) = created(&mut world, change(&booking("t"), "recurrence", weekly("2026-03-03")));
    assert_eq!(made["type"], "seriesMaster");
    let instances = |world: &mut World| {
        let got = world.call("GET", &format!("{url}/instances?{WINDOW}"), &[], None);
        got.body["value"].as_array().unwrap().len()
    };
    assert_eq!(instances(&mut world), 4);
    world.wait(5);
    assert_eq!(world.view(ROOM).len(), 4);
    world.call("PATCH", &url, &[], Some(json!({"recurrence": weekly("2026-02-17")})));
    world.wait(5);
    assert_eq!((instances(&mut world), world.view(ROOM).len()), (2, 2));
    let got = world.call("PATCH", &url, &[], Some(json!({"recurrence": null})));
    assert_eq!((got.status, &got.body["type"]), (200, &json!("singleInstance")));
    world.wait(5);
    assert_eq!(world.view(ROOM).len(), 1);
}

#[test]
fn etags_move_by_themselves() {
    let mut world = World::new();
    let etag = |world: &mut World, url: &str| {
        world.call("GET", url, &[], None).body["@odata.etag"].as_str().unwrap().to_owned()
    };
    let patch = || Some(json!({"subject": "New"}));
    let (url, made) = created(&mut world, booking("t"));
    let old = made["@odata.etag"].as_str().unwrap().to_owned();
    world.wait(5);
    let got = world.call("PATCH", &url, &[("if-match", &old)], patch());
    assert_eq!(code(&got), (412, "ErrorIrresolvableConflict"), "the room has answered");
    let now = etag(&mut world, &url);
    world.twin.set_trap(Trap::EtagMoves, None, 1.0);
    assert_eq!(world.call("PATCH", &url, &[("if-match", &now)], patch()).status, 412);
    assert_eq!(world.call("PATCH", &url, &[], patch()).status, 200);
    world.twin.clear_traps();
    world.twin.tune(Tuning { settling_ms: Some(10_000), ..Tuning::default() });
    world.call("PATCH", &url, &[], Some(json!({"importance": "low"})));
    world.wait(5);
    let settled = etag(&mut world, &url);
    world.wait(10);
    assert_ne!(etag(&mut world, &url), settled);
    let last = etag(&mut world, &url);
    assert_eq!(world.call("DELETE", &url, &[("if-match", &settled)], None).status, 412);
    assert_eq!(world.call("DELETE", &url, &[("if-match", &last)], None).status, 204);
}

#[test]
fn an_organizer_and_an_attendee_leave_a_meeting_in_different_ways() {
    let mut world = World::new();
    world.twin.put_room(TENANT, room(ROOM, RoomPolicy::transparent()));
    let (url, made) = created(&mut world, booking("t"));
    world.wait(5);
    let copy = world.view(ROOM)[0].clone();
    assert_eq!(copy["iCalUId"], made["iCalUId"]);
    let copy = format!("/v1.0/users/{ROOM}/events/{}", copy["id"].as_str().unwrap());
    let cancel = world.call("POST", &format!("{copy}/cancel"), &[], Some(json!({"comment": "no"})));
    assert_eq!(code(&cancel).0, 400);
    assert_eq!(
        cancel.body["error"]["message"],
        "Your request can't be completed. You need to be an organizer to cancel a meeting."
    );
    let proposed = json!({"sendResponse": false, "proposedNewTime": {}});
    assert_eq!(world.call("POST", &format!("{copy}/decline"), &[], Some(proposed)).status, 400);
    world.twin.reset_mails();
    assert_eq!(world.call("DELETE", &copy, &[], None).status, 204);
    assert_eq!((world.view(ROOM).len(), world.twin.mails().count()), (0, 0), "the organizer hears nothing");
    assert_eq!(world.call("GET", &url, &[], None).body["attendees"][0]["status"]["response"], "accepted");
    assert_eq!(
        world.call("POST", &format!("{url}/cancel"), &[], Some(json!({"comment": "sorry"}))).status,
        202
    );
    assert_eq!(mails(&world, MailKind::Cancellation), 2);
    assert_eq!(
        code(&world.call("POST", &format!("{url}/cancel"), &[], Some(json!({})))),
        (404, "ErrorItemNotFound")
    );
    assert_eq!(code(&world.call("DELETE", &url, &[], None)), (404, "ErrorItemNotFound"));
    assert_eq!(mails(&world, MailKind::Cancellation), 2);
}

#[test]
fn one_occurrence_is_declined_alone_and_silence_can_be_asked_for() {
    let mut world = World::new();
    let weekly = json!({"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"]}, "range": {"type": "numbered", "startDate": "2026-02-10", "numberOfOccurrences": 3}});
    created(&mut world, change(&booking("t"), "recurrence", weekly));
    world.wait(5);
    let copies = ids(&world.view(ROOM));
    let decline = |id: &str| format!("/v1.0/users/{ROOM}/events/{id}/decline");
    world.twin.reset_mails();
    assert_eq!(
        world.call("POST", &decline(&copies[1]), &[], Some(json!({"sendResponse": true}))).status,
        202
    );
    assert_eq!(
        (world.view(ROOM).len(), world.view(MEGAN).len(), mails(&world, MailKind::Response)),
        (2, 3, 1)
    );
    let master = world.view(ROOM)[0]["seriesMasterId"].as_str().unwrap().to_owned();
    assert_eq!(world.call("POST", &decline(&master), &[], Some(json!({"SendResponse": false}))).status, 202);
    assert_eq!((world.view(ROOM).len(), mails(&world, MailKind::Response)), (0, 1));
    assert_eq!(
        world.view(MEGAN)[0]["attendees"][0]["status"]["response"],
        "accepted",
        "nobody told the organizer"
    );
}
