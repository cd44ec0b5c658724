//! What is written agrees with the published schemas, and the schemas keep what they once promised.

use aws_sdk_dynamodb::types::AttributeValue;
use roomsync_domain::booking::{Booking, CommandFailure, EndReason, Kind, Origin, PrivateBy, Status};
use roomsync_domain::room::{RoomField, RoomStatus};
use roomsync_store::items::{self, Item};
use roomsync_testkit::{at, booking, booking_with, room, room_with};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/contract").join(name);
    let text = std::fs::read_to_string(&path).expect(name);
    serde_json::from_str(&text).expect(name)
}

fn plain(item: &Item) -> Value {
    serde_dynamo::from_item(item.clone()).expect("plain JSON")
}

/// Bookings that have every attribute and every word between them.
fn bookings() -> Vec<Item> {
    let full = booking_with("full", |state| {
        state.all_day = Some(("2026-02-09".parse().expect("a date"), "2026-02-10".parse().expect("a date")));
        state.kind = Kind::Exception;
        state.series_id = Some("series".to_owned());
        state.original_start = Some(at("2026-02-08T23:00:00Z"));
        state.subject = Some("Review".to_owned());
        state.organizer_name = Some("Megan".to_owned());
        state.organizer_email = Some("megan@contoso.example".to_owned());
        state.origin = Origin::Command;
        state.last_command_id = Some("command".to_owned());
        state.failure =
            Some(CommandFailure { code: "conflict".to_owned(), message: "It is taken.".to_owned() });
        state.status = Status::Tentative;
    });
    let bare = booking_with("bare", |state| {
        state.status = Status::Pending;
        state.event_id = None;
        state.ical_uid = None;
    });
    let reasons = [
        EndReason::Cancelled,
        EndReason::Deleted,
        EndReason::Declined,
        EndReason::Moved,
        EndReason::Released,
        EndReason::RoomRemoved,
        EndReason::Failed,
    ];
    let ended = reasons.map(|reason| {
        booking_with("ended", |state| {
            state.status = Status::Ended(reason);
            state.kind = Kind::Occurrence;
            state.private_by = PrivateBy::Command;
        })
    });
    let all: Vec<Booking> = [full, bare, booking("usual")].into_iter().chain(ended).collect();
    all.iter().map(|booking| items::booking(booking).expect("an item")).collect()
}

/// The same for rooms.
fn rooms() -> Vec<Item> {
    let full = room_with("full", |state| {
        state.status = RoomStatus::Removed;
        state.fields = RoomField::ALL.map(|field| (field, value(field))).into();
        state.room_lists = ["lyon@contoso.example".to_owned()].into();
        state.custom = [("costCentre".to_owned(), json!("4711"))].into();
        state.occupant_visible = ["capacity".to_owned(), "label".to_owned()].into();
    });
    [full, room("bare")].iter().map(|room| items::room(room).expect("an item")).collect()
}

fn value(field: RoomField) -> Value {
    match field {
        RoomField::Capacity => json!(12),
        RoomField::FloorNumber => json!(-1),
        RoomField::Tags => json!(["quiet"]),
        RoomField::Equipment => json!({"audio": "Polycom", "video": null}),
        RoomField::IsWheelChairAccessible => json!(true),
        RoomField::Address => json!({"street": "1 rue de la République", "city": "Lyon"}),
        RoomField::GeoCoordinates => json!({"latitude": 45.764, "longitude": 4.8357}),
        RoomField::Building
        | RoomField::FloorLabel
        | RoomField::Label
        | RoomField::BookingType
        | RoomField::TimeZone => json!("text"),
    }
}

fn kind(value: &AttributeValue) -> &'static str {
    match value {
        AttributeValue::S(_) => "S",
        AttributeValue::N(_) => "N",
        AttributeValue::Bool(_) => "BOOL",
        AttributeValue::L(_) => "L",
        AttributeValue::M(_) => "M",
        AttributeValue::Ss(_) => "SS",
        _ => "a type that the contract does not use",
    }
}

/// Holds items against a schema in both directions.
fn agree(name: &str, items: &[Item]) {
    let schema = schema(name);
    let validator = jsonschema::validator_for(&schema).expect(name);
    let known = schema["properties"].as_object().expect("properties");
    let mut used = BTreeSet::new();
    for item in items {
        let errors: Vec<String> =
            validator.iter_errors(&plain(item)).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
        for (attribute, value) in item {
            let property = known.get(attribute).unwrap_or_else(|| panic!("{name} does not name {attribute}"));
            assert_eq!(property["x-dynamodb"], kind(value), "{name}: {attribute}");
            used.insert(attribute.clone());
        }
    }
    assert_eq!(used, known.keys().cloned().collect(), "{name}: attributes that no item has");
}

#[test]
fn bookings_are_as_the_schema_says() {
    agree("booking.v1.schema.json", &bookings());
}

#[test]
fn rooms_are_as_the_schema_says() {
    agree("room.v1.schema.json", &rooms());
}

#[test]
fn items_read_back() {
    for item in bookings() {
        let read = items::read_booking(&item).unwrap();
        assert_eq!(items::booking(&read).unwrap(), item);
    }
    for item in rooms() {
        let read = items::read_room(&item).unwrap();
        assert_eq!(sorted(items::room(&read).unwrap()), sorted(item));
    }
}

/// A set has no order.
fn sorted(mut item: Item) -> Item {
    for value in item.values_mut() {
        if let AttributeValue::Ss(texts) = value {
            texts.sort();
        }
    }
    item
}

#[test]
fn an_older_program_reads_what_a_newer_one_wrote() {
    for (mut item, read) in [
        (bookings().swap_remove(0), (|item| items::read_booking(item).is_ok()) as fn(&Item) -> bool),
        (rooms().swap_remove(0), |item| items::read_room(item).is_ok()),
    ] {
        item.insert("moodLight".to_owned(), AttributeValue::S("blue".to_owned()));
        assert!(read(&item));
        item.insert("schemaVersion".to_owned(), AttributeValue::N("2".to_owned()));
        assert!(!read(&item), "another shape");
    }
}

#[test]
fn whatever_is_missing_or_wrong_is_named() {
    let optional_booking: BTreeSet<&str> = [
        "seriesId",
        "originalStartUtc",
        "subject",
        "organizerName",
        "organizerEmail",
        "graphEventId",
        "iCalUId",
        "lastCommandId",
        "failure",
    ]
    .into();
    // Key parts that are stored again for readers.
    let repeated: BTreeSet<&str> = ["tenantId", "roomId"].into();
    let item = bookings().swap_remove(0);
    for name in item.keys().filter(|name| !repeated.contains(name.as_str())) {
        let mut less = item.clone();
        less.remove(name);
        let missing = items::read_booking(&less).err().map(|error| error.to_string());
        let is_optional = optional_booking.contains(name.as_str());
        assert_eq!(missing.is_none(), is_optional, "{name}: {missing:?}");
        assert!(missing.is_none_or(|error| error.contains(name)), "{name}");

        let mut wrong = item.clone();
        wrong.insert(name.clone(), AttributeValue::Ns(vec!["1".to_owned()]));
        let error = items::read_booking(&wrong).expect_err(name).to_string();
        assert!(error.contains(name), "{name}: {error}");
        assert!(!error.contains("Review"), "no subject in an error: {error}");
    }
}

#[test]
fn a_schema_refuses_what_breaks_a_rule() {
    let schema = schema("booking.v1.schema.json");
    let validator = jsonschema::validator_for(&schema).unwrap();
    let good = plain(&items::booking(&booking("usual")).unwrap());
    assert!(validator.is_valid(&good));
    let cases = [
        ("status", json!("ended")),
        ("status", json!("lost")),
        ("endReason", json!("moved")),
        ("isAllDay", json!(true)),
        ("startDate", json!("2026-02-09")),
        ("startUtc", json!("2026-02-09T09:00:00.5Z")),
        ("version", json!(0)),
        ("schemaVersion", json!(2)),
        ("roomKey", json!("room")),
    ];
    for (name, value) in cases {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(!validator.is_valid(&bad), "{name}");
    }
    let mut private = good;
    private["isPrivate"] = json!(true);
    assert!(validator.is_valid(&private));
    private["subject"] = json!("Review");
    assert!(!validator.is_valid(&private));
}

/// What a reader of the old schema would miss in the new one. Descriptions are free, lists of words and properties may grow.
fn taken_away(old: &Value, new: &Value, path: &str) -> Vec<String> {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return if old == new { Vec::new() } else { vec![path.to_owned()] };
    };
    let mut broken = Vec::new();
    for (key, was) in before.iter().filter(|(key, _)| !["title", "description"].contains(&key.as_str())) {
        let path = format!("{path}/{key}");
        match (after.get(key), was) {
            (None, _) => broken.push(path),
            (Some(Value::Array(now)), Value::Array(was))
                if ["enum", "required", "allOf"].contains(&key.as_str()) =>
            {
                let gone = was.iter().filter(|value| !now.contains(value));
                broken.extend(gone.map(|value| format!("{path}: {value}")));
            }
            (Some(now), _) => broken.extend(taken_away(was, now, &path)),
        }
    }
    broken
}

#[test]
fn nothing_of_version_1_was_taken_away() {
    for name in ["room.v1.schema.json", "booking.v1.schema.json", "booking-command.v1.schema.json"] {
        let lost = taken_away(&schema(&format!("frozen/{name}")), &schema(name), name);
        assert_eq!(lost, Vec::<String>::new());
    }
}

#[test]
fn what_is_taken_away_is_found() {
    let old = schema("booking.v1.schema.json");
    let after = |change: fn(&mut Value)| {
        let mut new = old.clone();
        change(&mut new);
        taken_away(&old, &new, "").len()
    };
    let remove =
        |value: &mut Value, name: &str| value.as_object_mut().expect("an object").remove(name).is_some();
    assert_eq!(after(|_| ()), 0);
    assert_eq!(after(|new| new["properties"]["doors"] = json!({"type": "integer"})), 0);
    assert_eq!(
        after(|new| new["properties"]["status"]["enum"] =
            json!(["ended", "tentative", "pending", "confirmed", "x"])),
        0
    );
    assert_eq!(after(|new| new["properties"]["subject"]["description"] = json!("Other words.")), 0);
    assert_eq!(after(|new| new["properties"]["status"]["enum"] = json!(["ended"])), 3);
    assert_eq!(after(|new| new["properties"]["version"]["type"] = json!("string")), 1);
    assert_eq!(after(|new| new["properties"]["startUtc"]["x-dynamodb"] = json!("N")), 1);
    assert_eq!(after(|new| new["required"] = json!(["roomKey"])), 16);
    let mut less = old.clone();
    assert!(
        remove(&mut less["properties"], "subject")
            && remove(&mut less["properties"]["failure"], "properties")
    );
    assert_eq!(taken_away(&old, &less, "").len(), 2);
}
