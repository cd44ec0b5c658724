//! The forty rooms of the demo company.

use serde_json::{Map, Value, json};

use super::DOMAIN;
use crate::calendar::Zone;
use crate::processing::RoomPolicy;
use crate::tenant::{ListSpec, RoomSpec};

struct Building {
    name: &'static str,
    short: &'static str,
    zone: &'static str,
    city: &'static str,
    country: &'static str,
    rooms: &'static [&'static str],
}

const BUILDINGS: [Building; 3] = [
    Building {
        name: "Paris Seine",
        short: "par",
        zone: "Romance Standard Time",
        city: "Paris",
        country: "FR",
        rooms: &[
            "Ampère", "Bergson", "Colette", "Curie", "Daumier", "Eiffel", "Fourier", "Germain", "Hugo",
            "Lumière", "Monet", "Pascal", "Ravel", "Sand", "Verne", "Zola",
        ],
    },
    Building {
        name: "New York Hudson",
        short: "nyc",
        zone: "Eastern Standard Time",
        city: "New York",
        country: "US",
        rooms: &[
            "Astoria", "Battery", "Chelsea", "Dumbo", "Ellis", "Flatiron", "Gramercy", "Harlem", "Inwood",
            "Jamaica", "Kips Bay", "Liberty", "Midtown", "Nolita",
        ],
    },
    Building {
        name: "Tokyo Sumida",
        short: "tyo",
        zone: "Tokyo Standard Time",
        city: "Tokyo",
        country: "JP",
        rooms: &[
            "Asakusa", "Ebisu", "Ginza", "Harajuku", "Kanda", "Meguro", "Nakano", "Roppongi", "Shibuya",
            "Ueno",
        ],
    },
];

/// All rooms, with capacities, floors, equipment and a cost centre in an extension attribute.
pub(super) fn all() -> Vec<RoomSpec> {
    BUILDINGS
        .iter()
        .flat_map(|building| building.rooms.iter().enumerate().map(move |(n, name)| room(building, n, name)))
        .collect()
}

/// One list per building.
pub(super) fn lists(rooms: &[RoomSpec]) -> Vec<ListSpec> {
    let list = |building: &Building| ListSpec {
        address: format!("{}-rooms@{DOMAIN}", building.short),
        name: format!("Rooms {}", building.name),
        rooms: rooms
            .iter()
            .filter(|room| room.address.starts_with(building.short))
            .map(|room| room.address.clone())
            .collect(),
        ordinary: false,
    };
    BUILDINGS.iter().map(list).collect()
}

fn room(building: &Building, n: usize, name: &str) -> RoomSpec {
    let floor = n / 4 + 1;
    let capacity = [4, 6, 8, 12, 20][n % 5];
    let tags: &[&str] = if capacity > 8 { &["projector", "whiteboard"] } else { &["whiteboard"] };
    let ascii: String = name.to_lowercase().replace('è', "e").replace(' ', "-");
    RoomSpec {
        address: format!("{}-{ascii}@{DOMAIN}", building.short),
        name: format!("{} {name}", building.city),
        zone: Zone::named(building.zone).ok(),
        place: fields(json!({
            "building": building.name, "floorNumber": floor, "floorLabel": floor.to_string(), "capacity": capacity,
            "label": format!("{}.{:02}", floor, n % 4 + 1), "tags": tags, "isWheelChairAccessible": !n.is_multiple_of(3),
            "displayDeviceName": if capacity > 8 { json!("Surface Hub") } else { Value::Null },
            "address": {"street": "1 Main Street", "city": building.city, "state": null, "postalCode": null, "countryOrRegion": building.country},
        })),
        user: fields(json!({
            "onPremisesExtensionAttributes": {"extensionAttribute1": format!("CC-{}{:02}", building.short, floor)},
            "officeLocation": building.name, "city": building.city, "country": building.country, "department": "Facilities",
            "companyName": "Contoso",
        })),
        policy: policy(n),
        ..RoomSpec::default()
    }
}

/// Most rooms show meetings as they are; some keep Microsoft's defaults, some ask a delegate.
fn policy(n: usize) -> RoomPolicy {
    match n % 8 {
        5 => RoomPolicy {
            enforce_scheduling_horizon: false,
            maximum_duration_in_minutes: 0,
            ..RoomPolicy::default()
        },
        7 => RoomPolicy { delegate_approval: true, ..RoomPolicy::transparent() },
        _ => RoomPolicy::transparent(),
    }
}

fn fields(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
