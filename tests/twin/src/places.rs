//! Places: rooms and room lists, paged (pages place-list, room, roomlist).

use serde_json::{Value, json};

use crate::Twin;
use crate::login::Grant;
use crate::request::{Call, Kind};
use crate::switches::Trap;
use crate::tenant::Room;
use crate::wire::{Refusal, Reply};

impl Twin {
    pub(crate) fn places(&mut self, call: &Call, grant: &Grant) -> Result<Reply, Refusal> {
        if !grant.roles.contains("Place.Read.All") {
            return Err(Refusal::new(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            ));
        }
        let as_string = self.springs(Trap::CapacityAsString, None);
        let no_id = self.springs(Trap::PlaceIdMissing, None);
        let tenant = self.tenants.get(&grant.tenant).ok_or_else(missing)?;
        let room = |room: &Room| room_json(room, as_string, no_id);
        let list = |list: &crate::tenant::ListSpec| json!({"id": crate::tenant::object_id(&tenant.id, &list.address), "displayName": list.name, "emailAddress": list.address});
        let shown = |room: &&Room| !room.spec.hidden;
        let (rows, shape) = match call.kind {
            Kind::Rooms => (tenant.rooms.values().filter(shown).map(room).collect(), "microsoft.graph.room"),
            Kind::RoomLists => (
                tenant.lists.values().filter(|list| !list.ordinary).map(list).collect(),
                "microsoft.graph.roomList",
            ),
            Kind::RoomsOfList => {
                // By SMTP address only; anything that is no room list is not found (page roomlist).
                let wanted = call.segment(1).to_lowercase();
                let found = tenant.lists.get(&wanted).filter(|list| !list.ordinary).ok_or_else(missing)?;
                let members = found.rooms.iter().filter_map(|address| tenant.resolve(address));
                let rooms = members.filter_map(|id| tenant.rooms.get(&id)).filter(shown).map(room);
                (rooms.collect(), "microsoft.graph.room")
            }
            _ => return one(call, tenant, room, list),
        };
        self.page(call, rows, shape)
    }

    fn page(&mut self, call: &Call, mut rows: Vec<Value>, shape: &str) -> Result<Reply, Refusal> {
        if self.springs(Trap::NoPlaces, None) {
            rows.clear();
        }
        if self.springs(Trap::SomePlaces, None) {
            rows = rows.into_iter().step_by(2).collect();
        }
        let total = rows.len();
        let top = call.number("$top")?.unwrap_or(self.tuning.places_page).max(1);
        let skip = call.number("$skip")?.unwrap_or(0);
        let mut page: Vec<Value> = rows.into_iter().skip(skip).take(top).collect();
        if let Some(select) = call.option("$select") {
            let names: Vec<&str> = select.split(',').map(str::trim).collect();
            for row in page.iter_mut().filter_map(Value::as_object_mut) {
                row.retain(|name, _| name == "id" || names.contains(&name.as_str()));
            }
        }
        let mut body = json!({"@odata.context": format!("{}/v1.0/$metadata#places/{shape}", self.base_url), "value": page});
        if call.option("$count") == Some("true") {
            body["@odata.count"] = json!(total);
        }
        if skip + top < total {
            body["@odata.nextLink"] = json!(self.skip_link(call, skip + top));
        }
        Ok(Reply::json(200, &body))
    }

    /// The same request further on.
    pub(crate) fn skip_link(&self, call: &Call, skip: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in call.query.iter().filter(|(name, _)| name != "$skip") {
            query.append_pair(name, value);
        }
        query.append_pair("$skip", &skip.to_string());
        format!("{}/v1.0/{}?{}", self.base_url, call.segments.join("/"), query.finish())
    }
}

fn missing() -> Refusal {
    Refusal::new(404, "ResourceNotFound", "The requested place was not found.")
}

fn one(
    call: &Call,
    tenant: &crate::tenant::Tenant,
    room: impl Fn(&Room) -> Value,
    list: impl Fn(&crate::tenant::ListSpec) -> Value,
) -> Result<Reply, Refusal> {
    let wanted = call.segment(1).to_lowercase();
    let hit = tenant
        .rooms
        .values()
        .find(|room| room.spec.address == wanted || room.place_id == wanted || room.spec.id == wanted);
    let mut body = match (hit, tenant.lists.get(&wanted).filter(|list| !list.ordinary)) {
        (Some(hit), _) => room(hit),
        (None, Some(hit)) => list(hit),
        (None, None) => return Err(missing()),
    };
    body["@odata.type"] =
        json!(if hit.is_some() { "#microsoft.graph.room" } else { "#microsoft.graph.roomList" });
    Ok(Reply::json(200, &body))
}

fn room_json(room: &Room, capacity_as_string: bool, without_place_id: bool) -> Value {
    let spec = &room.spec;
    let mut place = json!({
        "id": room.place_id, "placeId": spec.id, "displayName": spec.name, "emailAddress": spec.address,
        "nickname": spec.name, "building": null, "floorLabel": null, "floorNumber": null, "capacity": null,
        "bookingType": "standard", "label": null, "tags": [], "audioDeviceName": null, "videoDeviceName": null,
        "displayDeviceName": null, "isWheelChairAccessible": false, "phone": null, "address": null,
        "geoCoordinates": null,
    });
    for (name, value) in &spec.place {
        place[name.as_str()] = value.clone();
    }
    if capacity_as_string && let Some(capacity) = place["capacity"].as_i64() {
        place["capacity"] = json!(capacity.to_string());
    }
    if without_place_id {
        place["placeId"] = Value::Null;
    }
    place
}
