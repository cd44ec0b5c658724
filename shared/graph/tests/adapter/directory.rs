use crate::support::*;
use roomsync_domain::room::RoomField;
use roomsync_ports::{Directory, GraphError};
use serde_json::json;

fn rooms_page(ids: &[&str], next: Option<&str>) -> Reply {
    let value: Vec<_> =
        ids.iter().map(|id| json!({"id": id, "emailAddress": format!("{id}@rooms.example")})).collect();
    let mut page = json!({"value": value});
    if let Some(next) = next {
        page["@odata.nextLink"] = json!(next);
    }
    ok(page.to_string())
}

#[tokio::test]
async fn rooms_of_every_page_once_each() {
    let world = World::default();
    world
        .network
        .answers(fixture("places_two_shapes.json"))
        .answers(fixture("places_last_page_repeats_a_room.json"));
    let rooms = world.tenant().rooms().await.unwrap();
    let names: Vec<_> = rooms.iter().map(|room| room.display_name.as_str()).collect();
    assert_eq!(names, ["Conf 100", "conf200@rooms.example", "Conf 300"]);
    let fields = |index: usize| serde_json::to_value(&rooms[index].fields).unwrap();
    assert_eq!(
        fields(0),
        json!({
            "capacity": 50, "building": "1", "floorNumber": 1, "label": "100", "tags": ["whiteboard", "bean bags"],
            "equipment": {"display": "surface hub"}, "isWheelChairAccessible": false, "bookingType": "standard",
            "address": {"street": "1 Main", "city": "Buffalo", "state": "NY", "postalCode": "98052"},
            "geoCoordinates": {"latitude": 47.64, "longitude": -122.12},
        })
    );
    assert_eq!(fields(1), json!({"capacity": 12, "floorNumber": 2, "isWheelChairAccessible": true}));
    assert!(!rooms[2].fields.contains_key(&RoomField::Capacity), "`many` is no number");
    assert_eq!(rooms[0].place_id.as_deref(), Some(ROOM));
    assert_eq!(rooms[1].place_id, None);
    let requests = world.network.graph_requests();
    assert_eq!(
        requests[0].uri().to_string(),
        "https://graph.microsoft.com/v1.0/places/microsoft.graph.room?$top=100"
    );
    assert_eq!(
        requests[1].uri().to_string(),
        "https://graph.microsoft.com/v1.0/places/microsoft.graph.room?$top=100&$skip=100"
    );
}

#[tokio::test]
async fn half_a_list_is_no_list() {
    let next = "https://graph.microsoft.com/v1.0/places/microsoft.graph.room?$skip=1";
    let table = [
        (vec![rooms_page(&["a"], Some(next)), error(503, "ErrorServerBusy")], "ErrorServerBusy"),
        (vec![rooms_page(&["a"], Some(next)), ok("<html>")], "AnswerIsNotJson"),
        (vec![rooms_page(&["a"], Some(next)), ok("{}")], "UnexpectedAnswer"),
        (vec![rooms_page(&["a"], Some(next)), ok(r#"{"value":{}}"#)], "UnexpectedAnswer"),
        (vec![rooms_page(&["a"], Some(next)), ok(r#"{"value":null}"#)], "UnexpectedAnswer"),
        (vec![rooms_page(&["a"], Some("https://evil.example/v1.0/places/x"))], "LinkToAnotherHost"),
        (
            vec![rooms_page(&["a"], Some("https://graph.microsoft.com/v1.0/places/../users"))],
            "LinkToAnotherPath",
        ),
        (
            vec![rooms_page(&["a"], Some("https://graph.microsoft.com/v1.0/places/a%2f..%2f..%2fusers"))],
            "LinkToAnotherPath",
        ),
        (vec![rooms_page(&["a"], Some("https://graph.microsoft.com/v1.0/users/x"))], "LinkToAnotherPath"),
        (vec![rooms_page(&["a"], Some(next)), rooms_page(&["a"], Some(next))], "PlacesWithoutEnd"),
    ];
    for (replies, code) in table {
        let world = World::default();
        for reply in replies {
            world.network.answers(reply);
        }
        let error = world.tenant().rooms().await.unwrap_err();
        assert!(error.to_string().contains(code), "{error}, expected {code}");
    }
}

#[tokio::test]
async fn an_odd_room_does_not_hide_the_others() {
    let world = World::default();
    let next = "https://graph.microsoft.com/v1.0/places/microsoft.graph.room?$skip=1";
    let odd =
        json!({"value": [{"displayName": "Nameless"}, null, 7, [], {"id": " "}], "@odata.nextLink": next});
    let rooms = json!({"value": [
        {"id": "a", "emailAddress": null},
        {"placeId": "b", "displayName": "B"},
        {"emailAddress": "c@rooms.example", "address": "no object", "geoCoordinates": []},
        {"id": "a"},
        {"id": "d", "placeId": "d-place", "emailAddress": "d@rooms.example"},
    ]});
    world.network.answers(ok(odd.to_string())).answers(ok(rooms.to_string()));
    let rooms = world.tenant().rooms().await.unwrap();
    let names: Vec<_> = rooms
        .iter()
        .map(|room| {
            let place = room.place_id.as_deref();
            (room.graph_id.as_str(), place, room.email.as_str(), room.display_name.as_str())
        })
        .collect();
    assert_eq!(
        names,
        [
            ("a", None, "", "a"),
            ("", Some("b"), "", "B"),
            ("", None, "c@rooms.example", "c@rooms.example"),
            ("d", Some("d-place"), "d@rooms.example", "d@rooms.example"),
        ]
    );
    assert!(rooms[2].fields.is_empty());
}

#[tokio::test]
async fn empty_pages_do_not_go_on_for_ever() {
    let world = World::default();
    let next = "https://graph.microsoft.com/v1.0/places/microsoft.graph.room?$skip=1";
    for _ in 0..500 {
        world.network.answers(rooms_page(&[], Some(next)));
    }
    let error = world.tenant().rooms().await.unwrap_err();
    assert!(error.to_string().contains("PlacesWithoutEnd"), "{error}");
}

#[tokio::test]
async fn room_lists_and_their_rooms() {
    let world = World::default();
    world
        .network
        .answers(ok(
            r#"{"value":[{"id":"k"},{"id":"l","emailAddress":"north@rooms.example","displayName":"North"}]}"#,
        ))
        .answers(rooms_page(&["a"], None))
        .answers(error(404, "ErrorItemNotFound"))
        .answers(error(403, "ErrorAccessDenied"));
    let graph = world.tenant();
    let lists = graph.room_lists().await.unwrap();
    assert_eq!(lists.len(), 1, "a list without address is left out");
    assert_eq!((lists[0].email.as_str(), lists[0].display_name.as_str()), ("north@rooms.example", "North"));
    assert_eq!(graph.rooms_of("north@rooms.example").await.unwrap().unwrap().len(), 1);
    assert!(graph.rooms_of("everybody@rooms.example").await.unwrap().is_none());
    assert!(matches!(graph.rooms_of("north@rooms.example").await, Err(GraphError::Forbidden(_))));
    let requests = world.network.graph_requests();
    assert_eq!(requests[0].uri().path(), "/v1.0/places/microsoft.graph.roomlist");
    assert_eq!(requests[1].uri().path(), "/v1.0/places/north%40rooms.example/microsoft.graph.roomlist/rooms");
}

#[tokio::test]
async fn one_room_by_its_address() {
    let world = World::default();
    let place =
        |kind: &str| ok(format!(r##"{{"@odata.type":"{kind}","id":"a","emailAddress":"a@rooms.example"}}"##));
    world
        .network
        .answers(place("#microsoft.graph.room"))
        .answers(place("#microsoft.graph.roomList"))
        .answers(error(404, "NotFound"))
        .answers(ok(r#"{"error":{"code":"x"}}"#))
        .answers(ok("[]"));
    let graph = world.tenant();
    assert!(graph.room("a@rooms.example").await.unwrap().is_some());
    assert!(graph.room("a@rooms.example").await.unwrap().is_none(), "a room list is no room");
    assert!(graph.room("a@rooms.example").await.unwrap().is_none());
    for _ in 0..2 {
        assert!(matches!(graph.room("a@rooms.example").await, Err(GraphError::Contract(_))));
    }
}

#[tokio::test]
async fn attributes_of_a_room() {
    let world = World::default();
    world.network.answers(fixture("user_with_attributes.json"));
    let extension = "extension_0123456789abcdef0123456789abcdef_costCentre";
    let wanted = [
        "department",
        "city",
        "extensionAttribute1",
        "extensionAttribute2",
        "extensionAttribute3",
        extension,
    ];
    let user = world.tenant().user(ROOM, &wanted).await.unwrap().unwrap();
    assert_eq!(user.object_id, ROOM);
    assert_eq!(
        serde_json::to_value(&user.attributes).unwrap(),
        json!({"department": "Facilities", "extensionAttribute1": "projector", (extension): 4711})
    );
    assert_eq!(
        world.network.graph_requests()[0].uri().to_string(),
        format!(
            "https://graph.microsoft.com/v1.0/users/{ROOM}?$select=city,department,{extension},id,onPremisesExtensionAttributes"
        )
    );
}

#[tokio::test]
async fn an_address_that_is_no_principal_name_is_looked_for_as_mail() {
    let world = World::default();
    world
        .network
        .answers(error(404, "Request_ResourceNotFound"))
        .answers(ok(format!(r#"{{"value":[{{"id":"{ROOM}"}}]}}"#)))
        .answers(error(404, "Request_ResourceNotFound"))
        .answers(ok(r#"{"value":[]}"#))
        .answers(error(404, "Request_ResourceNotFound"));
    let graph = world.tenant();
    assert_eq!(graph.user("o'neil@rooms.example", &[]).await.unwrap().unwrap().object_id, ROOM);
    assert!(graph.user("nobody@rooms.example", &[]).await.unwrap().is_none());
    assert!(graph.user(ROOM, &[]).await.unwrap().is_none());
    let requests = world.network.graph_requests();
    assert_eq!(requests.len(), 5, "an object id is no address");
    assert_eq!(
        requests[1].uri().query(),
        Some(
            "$filter=mail%20eq%20%27o%27%27neil%40rooms%2Eexample%27&$select=id".replace("%2E", ".").as_str()
        )
    );
}
