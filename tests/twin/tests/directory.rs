//! Places, room lists and users.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use roomsync_twin::{ListSpec, RoomPolicy, RoomSpec, Trap};
use serde_json::json;
use support::*;

fn rooms(world: &mut World) -> Vec<serde_json::Value> {
    let mut rooms = Vec::new();
    let mut url = "/v1.0/places/microsoft.graph.room?$top=2".to_owned();
    loop {
        let got = world.get(&url);
        assert_eq!(got.status, 200);
        rooms.extend(got.body["value"].as_array().unwrap().clone());
        match got.body["@odata.nextLink"].as_str() {
            Some(link) => url = link.to_owned(),
            None => return rooms,
        }
    }
}

#[test]
fn rooms_are_paged_and_hidden_ones_left_out() {
    let mut world = World::new();
    for n in 0..5 {
        world.twin.put_room(TENANT, room(&format!("extra{n}@contoso.example"), RoomPolicy::default()));
    }
    world
        .twin
        .put_room(TENANT, RoomSpec { hidden: true, ..room("secret@contoso.example", RoomPolicy::default()) });
    assert_eq!(
        world.get("/v1.0/places/microsoft.graph.room?$top=2").body["value"].as_array().unwrap().len(),
        2
    );
    let all = rooms(&mut world);
    assert_eq!(all.len(), 7);
    assert!(all.iter().all(|room| room["emailAddress"] != "secret@contoso.example"));
    assert_eq!(all[0]["capacity"], 8);
}

#[test]
fn a_hundred_places_make_a_page() {
    let mut world = World::new();
    for n in 0..120 {
        world.twin.put_room(TENANT, room(&format!("extra{n}@contoso.example"), RoomPolicy::default()));
    }
    let got = world.get("/v1.0/places/graph.room?$count=true");
    assert_eq!(got.body["value"].as_array().unwrap().len(), 100);
    assert_eq!(got.body["@odata.count"], 122);
}

#[test]
fn room_lists_answer_to_their_address_only_and_ordinary_lists_not_at_all() {
    let mut world = World::new();
    let ordinary = ListSpec { address: "all@contoso.example".into(), ordinary: true, ..ListSpec::default() };
    world.twin.put_list(TENANT, ordinary);
    let lists = world.get("/v1.0/places/microsoft.graph.roomlist");
    assert_eq!(lists.body["value"].as_array().unwrap().len(), 1);
    let id = lists.body["value"][0]["id"].as_str().unwrap().to_owned();
    let of = |list: &str| format!("/v1.0/places/{list}/microsoft.graph.roomlist/rooms");
    assert_eq!(world.get(&of("hq@contoso.example")).body["value"][0]["emailAddress"], ROOM);
    assert_eq!(world.get(&of(&id)).status, 404);
    assert_eq!(world.get(&of("all@contoso.example")).status, 404);
    let list = world.get("/v1.0/places/hq@contoso.example");
    assert_eq!(list.body["@odata.type"], "#microsoft.graph.roomList");
}

#[test]
fn oddities_of_places_can_be_switched_on() {
    let mut world = World::new();
    world.twin.set_trap(Trap::CapacityAsString, None, 1.0);
    world.twin.set_trap(Trap::PlaceIdMissing, None, 1.0);
    let all = rooms(&mut world);
    assert_eq!((&all[0]["capacity"], &all[0]["placeId"]), (&json!("8"), &json!(null)));
    world.twin.clear_traps();
    world.twin.set_trap(Trap::SomePlaces, None, 1.0);
    assert_eq!(rooms(&mut world).len(), 1);
    world.twin.set_trap(Trap::NoPlaces, None, 1.0);
    assert!(rooms(&mut world).is_empty());
}

#[test]
fn a_place_id_may_change_while_the_place_stays() {
    let mut world = World::new();
    let before = world.get(&format!("/v1.0/places/{ROOM}")).body;
    world.twin.renew_place_id(TENANT, ROOM);
    let after = world.get(&format!("/v1.0/places/{ROOM}")).body;
    assert_eq!(before["placeId"], after["placeId"]);
    assert_ne!(before["id"], after["id"]);
}

#[test]
fn a_rename_keeps_id_and_calendar() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 30));
    let id = world.twin.tenant(TENANT).unwrap().mailbox(ROOM).unwrap().id.as_ref().to_owned();
    world.twin.put_room(
        TENANT,
        RoomSpec { id: id.clone(), ..room("renamed@contoso.example", RoomPolicy::default()) },
    );
    assert_eq!(world.get(&format!("/v1.0/users/{ROOM}/calendarView?{WINDOW}")).status, 404);
    assert_eq!(world.view(&id).len(), 1);
    assert_eq!(world.view("renamed@contoso.example").len(), 1);
}

#[test]
fn users_give_what_is_selected() {
    let mut world = World::new();
    let mut spec = room(ROOM, RoomPolicy::default());
    spec.user.insert("onPremisesExtensionAttributes".into(), json!({"extensionAttribute1": "CC-1"}));
    let id = world.twin.put_room(TENANT, spec).unwrap();
    let url = format!("/v1.0/users/{ROOM}?$select=id,mail,accountEnabled,onPremisesExtensionAttributes");
    let got = world.get(&url);
    assert_eq!(got.body["id"], id.as_ref());
    assert_eq!(got.body["accountEnabled"], false);
    assert_eq!(got.body["onPremisesExtensionAttributes"]["extensionAttribute1"], "CC-1");
    assert!(got.body.get("displayName").is_none());
    assert!(world.get(&format!("/v1.0/users/{id}")).body.get("accountEnabled").is_none());
    let found = world.get(&format!("/v1.0/users?$filter=mail eq '{ROOM}'"));
    assert_eq!(found.body["value"][0]["id"], id.as_ref());
    let settings = world.get(&format!("/v1.0/users/{id}/mailboxSettings"));
    assert_eq!(
        (&settings.body["timeZone"], &settings.body["userPurpose"]),
        (&json!("Europe/Paris"), &json!("room"))
    );
}
