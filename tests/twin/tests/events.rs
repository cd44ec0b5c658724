//! What an app may do to events.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use roomsync_twin::Trap;
use roomsync_twin::calendar::Recurrence;
use serde_json::{Value, json};
use support::*;

fn body(transaction: &str) -> Value {
    json!({
        "subject": "Booked", "transactionId": transaction,
        "start": {"dateTime": "2026-02-10T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-02-10T10:00:00", "timeZone": "UTC"},
        "attendees": [{"type": "resource", "emailAddress": {"address": ROOM}}],
        "singleValueExtendedProperties": [{"id": "String {0} Name our-id", "value": "app-1"}]
    })
}

fn events(user: &str) -> String {
    format!("/v1.0/users/{user}/events")
}

/// Another meeting, so that the room is not empty.
fn organizer(world: &mut World) {
    world.book(meeting("2026-03-10T10:00:00", 60));
}

#[test]
fn creating_invites_the_room_and_the_same_transaction_does_it_once() {
    let mut world = World::new();
    organizer(&mut world);
    let first = world.call("POST", &events(MEGAN), &[], Some(body("t-1")));
    assert_eq!((first.status, &first.body["type"]), (201, &"singleInstance".into()));
    let again = world.call("POST", &events(MEGAN), &[], Some(body("t-1")));
    assert_eq!((again.status, &again.body["id"]), (201, &first.body["id"]));
    world.wait(2);
    assert_eq!(world.view(ROOM).len(), 2);
    let mut other = body("t-1");
    other["subject"] = json!("Different");
    let refused = world.call("POST", &events(MEGAN), &[], Some(other));
    assert_eq!(
        (refused.status, refused.body["error"]["code"].as_str()),
        (409, Some("ErrorDuplicateTransactionId"))
    );
    let filter =
        "singleValueExtendedProperties/any(ep: ep/id eq 'String {0} Name our-id' and ep/value eq 'app-1')";
    let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let found = world.get(&format!("{}?$filter={filter}", events(MEGAN)));
    assert_eq!(found.body["value"].as_array().unwrap().len(), 1);
}

#[test]
fn a_create_may_fail_although_it_worked() {
    let mut world = World::new();
    organizer(&mut world);
    let id = MEGAN;
    world.twin.set_trap(Trap::ConflictAfterCreate, Some(id), 1.0);
    let got = world.call("POST", &events(MEGAN), &[], Some(body("t-2")));
    assert_eq!((got.status, got.body["error"]["code"].as_str()), (409, Some("ConcurrentItemSave")));
    world.wait(2);
    assert_eq!(world.view(ROOM).len(), 2);
}

#[test]
fn updates_obey_if_match_and_reach_the_room() {
    let mut world = World::new();
    organizer(&mut world);
    let made = world.call("POST", &events(MEGAN), &[], Some(body("t-3"))).body;
    let url = format!("{}/{}", events(MEGAN), made["id"].as_str().unwrap());
    let patch = json!({"start": {"dateTime": "2026-02-11T09:00:00", "timeZone": "UTC"}, "end": {"dateTime": "2026-02-11T10:00:00", "timeZone": "UTC"}});
    let got = world.call("PATCH", &url, &[("if-match", "W/\"old\"")], Some(patch.clone()));
    assert_eq!((got.status, got.body["error"]["code"].as_str()), (412, Some("ErrorIrresolvableConflict")));
    let etag = world.get(&url).body["@odata.etag"].as_str().unwrap().to_owned();
    let got = world.call("PATCH", &url, &[("if-match", &etag)], Some(patch));
    assert_eq!(
        (got.status, got.body["start"]["dateTime"].as_str()),
        (200, Some("2026-02-11T09:00:00.0000000"))
    );
    world.wait(2);
    assert_eq!(world.view(ROOM)[0]["start"]["dateTime"], "2026-02-11T09:00:00.0000000");
}

#[test]
fn deleting_twice_is_not_found_and_frees_the_room() {
    let mut world = World::new();
    organizer(&mut world);
    let made = world.call("POST", &events(MEGAN), &[], Some(body("t-4"))).body;
    let url = format!("{}/{}", events(MEGAN), made["id"].as_str().unwrap());
    assert_eq!(world.call("DELETE", &url, &[], None).status, 204);
    let got = world.call("DELETE", &url, &[], None);
    assert_eq!((got.status, got.body["error"]["code"].as_str()), (404, Some("ErrorItemNotFound")));
    assert_eq!(world.view(ROOM).len(), 1);
    assert_eq!(
        world.get(&format!("{}/rubbish", events(ROOM))).body["error"]["code"],
        "ErrorInvalidIdMalformed"
    );
}

#[test]
fn a_room_declines_but_cannot_cancel_and_a_local_change_stays_local() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 60));
    let id = ids(&world.view(ROOM))[0].clone();
    let url = format!("{}/{id}", events(ROOM));
    assert_eq!(world.call("POST", &format!("{url}/cancel"), &[], Some(json!({}))).status, 400);
    assert_eq!(world.call("PATCH", &url, &[], Some(json!({"subject": "Here only"}))).status, 200);
    assert_eq!(world.view(MEGAN)[0]["subject"], "Plan");
    assert_eq!(world.view(ROOM)[0]["subject"], "Here only");
    assert_eq!(
        world.call("POST", &format!("{url}/decline"), &[], Some(json!({"sendResponse": true}))).status,
        202
    );
    assert!(world.view(ROOM).is_empty());
    assert_eq!(world.view(MEGAN)[0]["attendees"][0]["status"]["response"], "declined");
    let own = format!("{}/{}", events(MEGAN), ids(&world.view(MEGAN))[0]);
    assert_eq!(world.call("POST", &format!("{own}/decline"), &[], Some(json!({}))).status, 400);
    assert_eq!(world.call("POST", &format!("{own}/cancel"), &[], Some(json!({}))).status, 202);
    assert!(world.view(MEGAN).is_empty());
}

#[test]
fn occurrences_are_read_changed_and_deleted_one_by_one() {
    let mut world = World::new();
    let weekly = Recurrence::weekly("2026-02-09".parse().unwrap(), 1).times(3);
    world.book(meeting("2026-02-09T10:00:00", 60).repeats(weekly));
    let rows = world.view(ROOM);
    let master = rows[0]["seriesMasterId"].as_str().unwrap().to_owned();
    let instances = world.get(&format!("{}/{master}/instances?{WINDOW}", events(ROOM)));
    assert_eq!(ids(instances.body["value"].as_array().unwrap()), ids(&rows));
    let owned = ids(&world.view(MEGAN));
    let first = format!("{}/{}", events(MEGAN), owned[0]);
    let got = world.call(
        "PATCH",
        &first,
        &[("prefer", "IdType=\"ImmutableId\"")],
        Some(json!({"subject": "Special"})),
    );
    assert_eq!(
        (got.status, &got.body["type"], &got.body["id"]),
        (200, &"exception".into(), &owned[0].as_str().into())
    );
    assert_eq!(world.call("DELETE", &format!("{}/{}", events(MEGAN), owned[1]), &[], None).status, 204);
    world.wait(2);
    let rows = world.view(ROOM);
    assert_eq!(
        (rows.len(), &rows[0]["subject"], &rows[1]["subject"]),
        (2, &"Special".into(), &"Plan".into())
    );
    let url =
        format!("{}/{master}?$select=id,cancelledOccurrences&$expand=exceptionOccurrences", events(ROOM));
    let got = world.get(&url).body;
    assert_eq!(got["cancelledOccurrences"].as_array().unwrap().len(), 1);
    assert_eq!(got["exceptionOccurrences"][0]["subject"], "Special");
}

#[test]
fn bad_bodies_are_refused_by_name() {
    let mut world = World::new();
    let cases = [
        (json!({"subject": "no time"}), "ErrorPropertyValidationFailure"),
        (
            json!({"start": {"dateTime": "2026-02-10T09:00:00", "timeZone": "Atlantis"}, "end": {"dateTime": "2026-02-10T10:00:00", "timeZone": "UTC"}}),
            "TimeZoneNotSupportedException",
        ),
        (
            json!({"isAllDay": true, "start": {"dateTime": "2026-02-10T09:00:00", "timeZone": "UTC"}, "end": {"dateTime": "2026-02-11T00:00:00", "timeZone": "UTC"}}),
            "ErrorInvalidRequest",
        ),
        (json!([1]), "RequestBodyRead"),
    ];
    for (body, code) in cases {
        let got = world.call("POST", &events(ROOM), &[], Some(body));
        assert_eq!((got.status, got.body["error"]["code"].as_str()), (400, Some(code)));
    }
}
