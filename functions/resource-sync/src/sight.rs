//! One complete look at a tenant's directory: which rooms are selected, and who they are.

use futures::{StreamExt, stream};
use roomsync_domain::RoomId;
use roomsync_domain::place::{DirectoryUser, Place};
use roomsync_domain::room::Room;
use roomsync_domain::room_plan::{Sighting, is_selected};
use roomsync_domain::tenant::{Selection, TenantConfig};
use roomsync_ports::{Directory, GraphError, Trace};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Directory entries that are asked for at once.
const AT_ONCE: usize = 8;

/// What a look found.
#[derive(Debug, Default)]
pub struct Sight {
    /// The selected rooms.
    pub sightings: Vec<Sighting>,
    /// Stored rooms about which the look says nothing.
    pub unsure: BTreeSet<RoomId>,
    /// Names in the tenant file that the directory does not know, with the reason.
    pub refused: BTreeMap<String, String>,
    /// Why a room that is not stored could not be named, if that passes by itself.
    pub unsettled: Option<GraphError>,
}

/// Looks.
///
/// # Errors
///
/// Any listing that could not be read to its end: then nothing is known about any room.
pub async fn look<D: Directory>(
    directory: &D,
    config: &TenantConfig,
    stored: &[Room],
) -> Result<Sight, GraphError> {
    let mut sight = Sight::default();
    let selected = select(directory, &config.rooms.select, &mut sight.refused).await?;
    let sources: BTreeSet<&str> = config.fields.custom.values().map(String::as_str).collect();
    let sources: Vec<&str> = sources.into_iter().collect();
    let identified: Vec<(Place, BTreeSet<String>, Identity)> = stream::iter(selected)
        .map(|(place, lists)| async {
            let identity = identify(directory, &place, stored, &sources).await;
            (place, lists, identity)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    for (place, lists, identity) in identified {
        match identity {
            Identity::Known(id, attributes) => {
                let custom = attributes.map(|attributes| renamed(&config.fields.custom, &attributes));
                sight.sightings.push(Sighting { id, place, lists, custom });
            }
            Identity::Homeless(id) => {
                sight.unsure.insert(id);
            }
            Identity::Unsure(error) => {
                let may_be = alike(&place, stored);
                if may_be.is_empty()
                    && matches!(error, GraphError::Throttled { .. } | GraphError::Transient(_))
                {
                    sight.unsettled.get_or_insert(error);
                }
                sight.unsure.extend(may_be);
            }
            Identity::Nameless => {
                // A room that is listed is there, whatever it is called now.
                sight.unsure.extend(alike(&place, stored));
                let why = "the directory gives it no address, or neither a placeId nor a directory entry"
                    .to_owned();
                let name = if place.email.is_empty() { place.display_name } else { place.email };
                sight.refused.insert(name, why);
            }
        }
    }
    Ok(sight)
}

/// The selected rooms, each once, with the lists that name it.
async fn select<D: Directory>(
    directory: &D,
    selection: &Selection,
    refused: &mut BTreeMap<String, String>,
) -> Result<Vec<(Place, BTreeSet<String>)>, GraphError> {
    let mut rooms: BTreeMap<String, (Place, BTreeSet<String>)> = BTreeMap::new();
    if let Selection::Lists(addresses) = selection {
        for address in addresses {
            match directory.rooms_of(address).await? {
                Some(places) => {
                    for place in places {
                        let (_, lists) = rooms.entry(key(&place)).or_insert_with(|| (place, BTreeSet::new()));
                        lists.insert(address.to_lowercase());
                    }
                }
                None => refuse_list(directory, address, refused).await?,
            }
        }
        return Ok(rooms.into_values().collect());
    }
    for place in directory.rooms().await?.into_iter().filter(|place| is_selected(place, selection)) {
        rooms.entry(key(&place)).or_insert_with(|| (place, BTreeSet::new()));
    }
    if let Selection::Rooms(addresses) = selection {
        let listed: BTreeSet<String> = rooms.values().map(|(place, _)| place.email.to_lowercase()).collect();
        for address in addresses.iter().filter(|address| !listed.contains(&address.to_lowercase())) {
            // Rooms hidden from address lists are not listed, but answer to their name.
            match directory.room(address).await? {
                Some(place) => {
                    rooms.entry(key(&place)).or_insert_with(|| (place, BTreeSet::new()));
                }
                None => {
                    refused.insert(address.clone(), "no room has this address".to_owned());
                }
            }
        }
    }
    Ok(rooms.into_values().collect())
}

fn key(place: &Place) -> String {
    let email = || (!place.email.is_empty()).then(|| place.email.to_lowercase());
    place.place_id.clone().or_else(email).unwrap_or_else(|| place.graph_id.clone())
}

/// An address is a room list if and only if the directory lists it as one. One that is listed and yet not found is an answer that
/// must not be believed.
async fn refuse_list<D: Directory>(
    directory: &D,
    address: &str,
    refused: &mut BTreeMap<String, String>,
) -> Result<(), GraphError> {
    let lists = directory.room_lists().await?;
    if lists.iter().any(|list| list.email.eq_ignore_ascii_case(address)) {
        let code = "a room list that is listed was not found".to_owned();
        return Err(GraphError::Contract(Trace { status: Some(404), code, request_id: String::new() }));
    }
    refused.insert(address.to_owned(), "this address is no room list".to_owned());
    Ok(())
}

/// The stored rooms that a place may be, to go by its address or its name. Enough not to miss them, too little to change them.
fn alike(place: &Place, stored: &[Room]) -> BTreeSet<RoomId> {
    let same = |room: &&Room| {
        room.state.email.eq_ignore_ascii_case(&place.email) || room.state.display_name == place.display_name
    };
    stored.iter().filter(same).map(|room| room.room.room.clone()).collect()
}

/// Who a room is.
enum Identity {
    /// Its stable id, and its directory attributes if they were asked for and could be read.
    Known(RoomId, Option<BTreeMap<String, Value>>),
    /// A room that we know and that has lost its address for now.
    Homeless(RoomId),
    /// Not to be found out this time.
    Unsure(GraphError),
    /// Without any stable id.
    Nameless,
}

/// Finds the Entra object id of a room: the `placeId` of a room we know; else what the directory says about its address; else the
/// `placeId`, which has been documented as the same id (`room` page). Never the place's `id`, which may change, nor its address.
async fn identify<D: Directory>(directory: &D, place: &Place, stored: &[Room], sources: &[&str]) -> Identity {
    let known =
        place.place_id.as_deref().filter(|id| stored.iter().any(|room| room.room.room.as_str() == *id));
    if let Some(id) = known {
        let attributes =
            if sources.is_empty() { None } else { directory.user(id, sources).await.ok().flatten() };
        return if place.email.is_empty() {
            Identity::Homeless(RoomId::new(id))
        } else {
            Identity::Known(RoomId::new(id), attributes.map(|user| user.attributes))
        };
    }
    if place.email.is_empty() {
        return Identity::Nameless;
    }
    match directory.user(&place.email, sources).await {
        Ok(Some(DirectoryUser { object_id, attributes })) => {
            Identity::Known(RoomId::new(object_id), (!sources.is_empty()).then_some(attributes))
        }
        // No permission to read the directory, or the address is no user principal name.
        Ok(None) | Err(GraphError::Forbidden(_) | GraphError::NotFound(_)) => match &place.place_id {
            Some(id) => Identity::Known(RoomId::new(id), None),
            None => Identity::Nameless,
        },
        Err(error) => Identity::Unsure(error),
    }
}

fn renamed(
    names: &BTreeMap<String, String>,
    attributes: &BTreeMap<String, Value>,
) -> BTreeMap<String, Value> {
    names
        .iter()
        .filter_map(|(ours, source)| attributes.get(source).map(|value| (ours.clone(), value.clone())))
        .collect()
}
