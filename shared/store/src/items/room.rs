use super::Item;
use super::draft::Draft;
use super::reader::Reader;
use crate::keys;
use roomsync_domain::room::{Room, RoomField, RoomState};
use roomsync_domain::{RoomId, RoomRef, TenantId};
use roomsync_ports::StoreError;
use std::collections::BTreeMap;

/// A room as an item of `Rooms`. Imported fields are attributes of their own; numbers in them are DynamoDB's decimals, so `3.0` reads
/// back as `3`.
///
/// # Errors
/// None for a value that a planner can make.
pub fn room(room: &Room) -> Result<Item, StoreError> {
    let state = &room.state;
    let mut draft = Draft::new(keys::room(&room.room.tenant, &room.room.room))
        .number("version", room.version.into())
        .value("status", &state.status)?
        .text("email", &state.email)
        .text("displayName", &state.display_name)
        .value("roomLists", &state.room_lists)?
        .value("custom", &state.custom)?
        .set("occupantVisible", &state.occupant_visible)
        .value("settings", &state.settings)?
        .instant("observedAt", room.observed_at);
    for (field, value) in &state.fields {
        draft = draft.value(field.name(), value)?;
    }
    Ok(draft.item())
}

/// The room of an item.
///
/// # Errors
/// [`StoreError::Corrupt`] with key and attribute.
pub fn read_room(item: &Item) -> Result<Room, StoreError> {
    let reader = Reader::new(item, &["tenantId", "roomId"])?;
    let tenant = TenantId::parse(&reader.text("tenantId")?)
        .ok_or_else(|| reader.wrong("tenantId", "expected a directory id"))?;
    let mut fields = BTreeMap::new();
    for field in RoomField::ALL {
        if let Some(value) = reader.value_if(field.name(), "expected a value that JSON has")? {
            fields.insert(field, value);
        }
    }
    Ok(Room {
        room: RoomRef::new(tenant, RoomId::new(reader.text("roomId")?)),
        version: reader.number("version")?,
        state: RoomState {
            status: reader.value("status", "expected active or removed")?,
            email: reader.text("email")?,
            display_name: reader.text("displayName")?,
            fields,
            room_lists: reader.value("roomLists", "expected a list of strings")?,
            custom: reader.value("custom", "expected a map")?,
            occupant_visible: reader.set("occupantVisible")?,
            settings: reader.value("settings", "expected timeZone, writes and listener")?,
        },
        observed_at: reader.instant("observedAt")?,
    })
}
