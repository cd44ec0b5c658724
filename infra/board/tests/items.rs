//! The board reads what the store writes: its lenient reader and the store's mapping name the same attributes.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use roomsync_board::rows::{BookingRow, Following, RoomRow, Standing};
use roomsync_domain::announced::Announced;
use roomsync_domain::booking::{CommandFailure, EndReason, Kind, Origin, Status};
use roomsync_domain::cursor::{Cursor, DeltaLink, Drift, Guarded, Mode, Trouble, TroubleKind};
use roomsync_domain::listening::{Listening, Refusal, RefusalKind};
use roomsync_domain::room::{RoomField, RoomStatus};
use roomsync_store::items::{self, Item};
use roomsync_testkit::{at, booking_with, room_ref, room_with};
use serde_json::{Value, json};

fn value(item: Item) -> Value {
    serde_dynamo::from_item(item).unwrap()
}

#[test]
fn every_shown_attribute_of_a_room_is_found() {
    let room = room_with("a", |state| {
        state.fields.insert(RoomField::Capacity, json!(12));
        state.fields.insert(RoomField::Building, json!("Lyon"));
        state.fields.insert(RoomField::FloorLabel, json!("2"));
        state.occupant_visible.insert("capacity".into());
    });
    let row = RoomRow::read(&value(items::room(&room).unwrap())).unwrap();
    assert_eq!((row.key, row.version, row.active), (room_ref("a").key(), 1, true));
    assert_eq!((row.name.as_str(), row.capacity), ("Room a", Some(12)));
    assert_eq!((row.building.as_deref(), row.floor.as_deref()), (Some("Lyon"), Some("2")));
    assert_eq!(row.zone.as_deref(), Some("Europe/Paris"));

    let removed = room_with("a", |state| state.status = RoomStatus::Removed);
    assert!(!RoomRow::read(&value(items::room(&removed).unwrap())).unwrap().active);
}

#[test]
fn every_shown_attribute_of_a_booking_is_found() {
    let booking = booking_with("e", |state| {
        state.status = Status::Ended(EndReason::RoomRemoved);
        state.all_day = Some(("2026-02-09".parse().unwrap(), "2026-02-10".parse().unwrap()));
        state.kind = Kind::Occurrence;
        state.subject = Some("Design review".into());
        state.organizer_name = Some("Megan".into());
        state.origin = Origin::Command;
        state.failure = Some(CommandFailure { code: "busy".into(), message: "The room is taken.".into() });
    });
    let row = BookingRow::read(&value(items::booking(&booking).unwrap())).unwrap();
    assert_eq!((row.room, row.id), (booking.room.key(), booking.id.to_string()));
    assert_eq!((row.standing, row.end_reason.as_deref()), (Standing::Ended, Some("room_removed")));
    assert_eq!(row.span, (booking.state.span.start, booking.state.span.end));
    assert_eq!(row.all_day, booking.state.all_day);
    assert_eq!((row.in_series, row.by_command, row.is_private), (true, true, false));
    assert_eq!((row.subject.as_deref(), row.organizer.as_deref()), (Some("Design review"), Some("Megan")));
    assert_eq!(row.failure.as_deref(), Some("The room is taken."));
    for (status, standing) in [
        (Status::Pending, Standing::Pending),
        (Status::Tentative, Standing::Tentative),
        (Status::Confirmed, Standing::Confirmed),
    ] {
        let item = items::booking(&booking_with("e", |state| state.status = status)).unwrap();
        assert_eq!(BookingRow::read(&value(item)).unwrap().standing, standing);
    }
}

#[test]
fn every_shown_attribute_of_a_cursor_is_found_and_is_asked_for() {
    let now = at("2026-02-09T08:00:00Z");
    let cursor = Cursor {
        mode: Mode::FullRead,
        link: Some(DeltaLink::new("https://graph.microsoft.com/v1.0/secret")),
        last_full_at: Some(now),
        not_before: Some(now),
        trouble: Some(Trouble { kind: TroubleKind::Guarded, since: now, detail: "none".into() }),
        guarded: Some(Guarded { ending: 30, of: 40, at: now }),
        drift: Some(Drift { repaired: 3, at: now }),
        listening: Some(Listening {
            subscription_id: "s".into(),
            key_id: "k".into(),
            urls: "u".into(),
            expires_at: now,
            since: now,
            renewed_at: Some(now),
            heard_at: Some(now),
            silent_since: Some(now),
            doubted_since: Some(now),
        }),
        refusal: Some(Refusal::new(RefusalKind::Taken, "none".into(), None, now)),
        announced: Some(Announced { noticed_at: now, to_notice_ms: Some(1), to_table_ms: 2 }),
        ..Cursor::blank()
    };
    let mut item = value(items::cursor(&room_ref("a"), &cursor).unwrap());
    let asked = item.as_object_mut().unwrap();
    asked.retain(|name, _| Following::ATTRIBUTES.contains(&name.as_str()));
    let Following { mode, last_full_at, not_before, trouble, guarded, drift, listening, refusal, announced } =
        serde_json::from_value(item).unwrap();
    let found = Cursor {
        mode,
        last_full_at,
        not_before,
        trouble,
        guarded,
        drift,
        listening,
        refusal,
        announced,
        ..cursor.clone()
    };
    assert_eq!(found, cursor);

    let blank = value(items::cursor(&room_ref("a"), &Cursor::blank()).unwrap());
    assert_eq!(serde_json::from_value::<Following>(blank).unwrap().mode, Mode::New);
}
