//! The sizes that the store in memory charges for are those of real items, from above and close.

use aws_sdk_dynamodb::types::AttributeValue;
use roomsync_domain::announced::Announced;
use roomsync_domain::cursor::{Cursor, DeltaLink, Drift, Guarded, Mode, Trouble, TroubleKind};
use roomsync_domain::listening::{Listening, Refusal, RefusalKind};
use roomsync_domain::room::RoomField;
use roomsync_domain::room_plan::DirectoryMemory;
use roomsync_domain::{BookingId, RoomId};
use roomsync_store::items::{self, Item};
use roomsync_testkit::{
    at, booking, booking_size, booking_with, cursor, cursor_size, directory_size, room, room_ref, room_size,
    room_with, span, tenant, tenant_id, tenant_size,
};
use serde_json::json;

/// Bytes of an item as the developer guide counts them (`CapacityUnitCalculations` page).
fn bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>()
        }
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        other => panic!("{other:?} is in no table"),
    }
}

fn close(estimate: usize, item: &Item) {
    let real = bytes(item);
    assert!(real <= estimate, "{estimate} for {real} bytes");
    assert!(estimate < real + real.max(300), "{estimate} for {real} bytes");
}

/// A cursor with everything in it and a link of the length that Graph gives.
fn full_cursor() -> Cursor {
    Cursor {
        version: 123_456,
        mode: Mode::Delta,
        link: Some(DeltaLink::new(format!("https://graph.microsoft.com/v1.0/{}", "x".repeat(1500)))),
        window: Some(span("2026-02-08T23:00:00Z", "2026-08-08T22:00:00Z")),
        policy: "0".repeat(32),
        context: "0".repeat(32),
        last_full_at: Some(at("2026-02-09T08:00:00Z")),
        last_change_at: Some(at("2026-02-09T08:00:00Z")),
        not_before: Some(at("2026-02-09T08:00:00Z")),
        trouble: Some(Trouble {
            kind: TroubleKind::Unreachable,
            since: at("2026-02-09T08:00:00Z"),
            detail: "x".repeat(100),
        }),
        guarded: Some(Guarded { ending: 30, of: 60, at: at("2026-02-09T08:00:00Z") }),
        drift: Some(Drift { repaired: 3, at: at("2026-02-09T08:00:00Z") }),
        looked_at: Some(at("2026-02-09T08:07:00.123Z")),
        listening: Some(Listening {
            subscription_id: "7f105c7d-2dc5-4530-97cd-4e7ae6534c07".to_owned(),
            key_id: "x".repeat(8),
            urls: "x".repeat(32),
            expires_at: at("2026-02-15T08:00:00Z"),
            since: at("2026-02-09T08:08:00Z"),
            renewed_at: Some(at("2026-02-09T08:08:30Z")),
            heard_at: Some(at("2026-02-09T08:09:00Z")),
            silent_since: Some(at("2026-02-09T08:10:00Z")),
            doubted_since: Some(at("2026-02-09T08:09:30Z")),
        }),
        refusal: Some(Refusal {
            kind: RefusalKind::NotValidated,
            since: at("2026-02-09T08:11:00Z"),
            detail: "x".repeat(100),
        }),
        announced: Some(Announced {
            noticed_at: at("2026-02-09T08:12:00.123Z"),
            to_notice_ms: Some(1_234_567),
            to_table_ms: 1_234_567,
        }),
        ..cursor()
    }
}

#[test]
fn a_full_cursor_stays_well_below_four_kilobytes() {
    let item = items::cursor(&room_ref("5c8b0c0e-31cd-4a0b-9a52-1f3a6ad1f0de"), &full_cursor()).unwrap();
    assert!(bytes(&item) < 3072, "{}", bytes(&item));
    assert!(item.values().all(|value| !value.is_null()));
}

#[test]
fn sizes_of_bookings() {
    let full = booking_with(&"A".repeat(152), |state| {
        state.all_day = Some(("2026-02-09".parse().expect("a date"), "2026-02-10".parse().expect("a date")));
        state.original_start = Some(at("2026-02-09T08:00:00Z"));
        state.series_id = Some("B".repeat(152));
        state.subject = Some("ü".repeat(255));
        state.organizer_name = Some("Megan".to_owned());
        state.organizer_email = Some("megan@contoso.example".to_owned());
    });
    let mut chosen = booking("one");
    chosen.id = BookingId::new("app-4711".repeat(20));
    for booking in [booking("one"), full, chosen] {
        close(booking_size(&booking), &items::booking(&booking).unwrap());
    }
}

#[test]
fn sizes_of_the_rest() {
    let full = room_with("full", |state| {
        state.fields = [
            (RoomField::Tags, json!(["a", "b", "c", "d"])),
            (RoomField::GeoCoordinates, json!({"latitude": 45.764, "longitude": 4.8357})),
        ]
        .into();
        state.room_lists = ["lyon@contoso.example".to_owned()].into();
        state.occupant_visible = ["capacity".to_owned()].into();
    });
    for room in [room("bare"), full] {
        close(room_size(&room), &items::room(&room).unwrap());
    }
    let key = room_ref("a");
    for cursor in [cursor(), full_cursor()] {
        close(cursor_size(&key.key(), &cursor), &items::cursor(&key, &cursor).unwrap());
    }
    let missing = (0..50).map(|n| RoomId::new(format!("room {n}"))).collect();
    for memory in [DirectoryMemory::default(), DirectoryMemory { missing, ..DirectoryMemory::default() }] {
        let item = items::directory_memory(&tenant_id(), &memory).unwrap();
        assert!(bytes(&item) <= directory_size(&memory), "{} for {}", directory_size(&memory), bytes(&item));
    }
    close(tenant_size(&tenant()), &items::tenant(&tenant()).unwrap());
}
