use super::lost;
use crate::{at, room, room_ref, room_with, tenant_id};
use roomsync_domain::cursor::{Trouble, TroubleKind};
use roomsync_domain::room::{Room, RoomField, RoomStatus};
use roomsync_domain::room_plan::{DirectoryMemory, RoomWrite};
use roomsync_domain::{RoomId, RoomRef, TenantId};
use roomsync_ports::RoomStore;
use serde_json::json;

/// The suite of [`RoomStore`].
///
/// # Panics
/// When the store does not keep its word.
pub async fn room_store_suite(store: &impl RoomStore) {
    rooms_are_versioned(store).await;
    rooms_read_back_as_they_were(store).await;
    rooms_of_a_tenant_come_in_order(store).await;
    the_memory_of_a_directory_is_versioned(store).await;
}

fn write(over: Option<u64>, room: Room) -> RoomWrite {
    let version = over.unwrap_or(0) + 1;
    RoomWrite { over, look: true, room: Room { version, ..room } }
}

async fn rooms_are_versioned(store: &impl RoomStore) {
    let key = room_ref("versioned");
    assert_eq!(store.room(&key).await.expect("empty"), None);
    assert_eq!(store.rooms(&key.tenant).await.expect("empty"), []);
    let named = |name: &str| room_with("versioned", |state| state.display_name = name.to_owned());
    lost(store.put_room(&write(Some(1), named("too early"))).await, "over a version that is not there");
    store.put_room(&write(None, named("first"))).await.expect("version 1");
    lost(store.put_room(&write(None, named("first again"))).await, "a first version over another");
    store.put_room(&write(Some(1), named("second"))).await.expect("version 2");
    lost(store.put_room(&write(Some(1), named("second again"))).await, "over a version that is gone");
    let stored = store.room(&key).await.expect("version 2").expect("the room");
    assert_eq!((stored.version, stored.state.display_name.as_str()), (2, "second"));
}

async fn rooms_read_back_as_they_were(store: &impl RoomStore) {
    let mut full = room_with("full", |state| {
        state.status = RoomStatus::Removed;
        state.fields = [
            (RoomField::Capacity, json!(12)),
            (RoomField::FloorNumber, json!(-1)),
            (RoomField::Tags, json!(["quiet", "corner", "quiet"])),
            (RoomField::Equipment, json!({"video": "Surface Hub", "audio": "Polycom"})),
            (RoomField::IsWheelChairAccessible, json!(true)),
            (RoomField::TimeZone, json!("Europe/Paris")),
            (RoomField::GeoCoordinates, json!({"latitude": 45.764_043, "longitude": -4.8, "altitude": 170})),
        ]
        .into();
        state.room_lists = ["lyon@contoso.example".to_owned(), "all@contoso.example".to_owned()].into();
        state.custom = [("costCentre".to_owned(), json!("4711")), ("empty".to_owned(), json!(""))].into();
        state.occupant_visible = ["capacity".to_owned(), "displayName".to_owned()].into();
    });
    store.put_room(&write(None, full.clone())).await.expect("a full room");
    assert_eq!(store.room(&full.room).await.expect("a full room"), Some(full.clone()));

    full = Room { version: 2, state: room("full").state, ..full };
    store.put_room(&write(Some(1), full.clone())).await.expect("a bare room");
    let stored = store.room(&full.room).await.expect("a bare room");
    assert_eq!(stored, Some(full), "what is taken away is gone");

    let mut precise = room("precise");
    precise.observed_at += chrono::TimeDelta::milliseconds(250);
    precise.state.fields = [(RoomField::FloorNumber, json!(3.0))].into();
    store.put_room(&write(None, precise.clone())).await.expect("a precise room");
    let stored = store.room(&precise.room).await.expect("a precise room").expect("the room");
    assert_eq!(stored.observed_at, room("precise").observed_at, "whole seconds");
    assert_eq!(stored.state.fields.get(&RoomField::FloorNumber), Some(&json!(3)), "decimals without zeros");
}

async fn rooms_of_a_tenant_come_in_order(store: &impl RoomStore) {
    let tenant = TenantId::parse("20000000-0000-4000-8000-000000000000").expect("a directory id");
    for id in ["b", "B", "a-2", "a-10"] {
        let key = RoomRef::new(tenant.clone(), RoomId::new(id));
        store.put_room(&write(None, Room { room: key, ..room(id) })).await.expect("a room");
    }
    let rooms = store.rooms(&tenant).await.expect("four rooms");
    let ids: Vec<&str> = rooms.iter().map(|room| room.room.room.as_str()).collect();
    assert_eq!(ids, ["B", "a-10", "a-2", "b"]);
}

async fn the_memory_of_a_directory_is_versioned(store: &impl RoomStore) {
    let tenant = tenant_id();
    let blank = store.directory_memory(&tenant).await.expect("empty");
    assert_eq!(blank, DirectoryMemory::default());
    let full = DirectoryMemory {
        version: 0,
        missing: [RoomId::new("a"), RoomId::new("A")].into(),
        guarded: Some(3),
        not_before: Some(at("2026-02-09T09:00:00Z")),
        last_success_at: Some(at("2026-02-09T08:00:00Z")),
        trouble: Some(Trouble {
            kind: TroubleKind::Throttled,
            since: at("2026-02-09T07:00:00Z"),
            detail: "429".to_owned(),
        }),
        refused: [("hq@contoso.example".to_owned(), "is no room list".to_owned())].into(),
        failures: 2,
        hinted: [(RoomId::new("a"), 7), (RoomId::new("A"), 2)].into(),
    };
    store.put_directory_memory(&tenant, &full).await.expect("version 1");
    lost(store.put_directory_memory(&tenant, &blank).await, "over a memory that was not seen");
    let stored = store.directory_memory(&tenant).await.expect("version 1");
    assert_eq!(stored, DirectoryMemory { version: 1, ..full });
    store.put_directory_memory(&tenant, &DirectoryMemory { version: 1, ..blank }).await.expect("version 2");
    lost(store.put_directory_memory(&tenant, &stored).await, "over a memory that is gone");
    let stored = store.directory_memory(&tenant).await.expect("version 2");
    assert_eq!(stored, DirectoryMemory { version: 2, ..DirectoryMemory::default() });
}
