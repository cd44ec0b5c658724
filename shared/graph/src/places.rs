//! Rooms and room lists (`place-list`, `room`, `roomlist` pages).

use crate::client::TenantGraph;
use crate::link::Goal;
use crate::outcome::Question;
use crate::send::{Answer, Call, escaped};
use crate::transport::Transport;
use crate::wire::{NoError, whole_number};
use http::Uri;
use roomsync_domain::place::{DirectoryUser, Place};
use roomsync_domain::room::RoomField;
use roomsync_ports::{Clock, Directory, GraphError, RoomList, Secrets};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Places per page: the documented default, said aloud.
const PLACES_PER_PAGE: u32 = 100;
/// Pages after which a list is taken for endless.
const MOST_PAGES: usize = 500;
/// Lane of the directory of places (three calls a second, `throttling-limits`).
const LANE: &str = "(places)";

/// A place as it comes: few, small and of many shapes, an object mostly.
type Raw = Value;

#[derive(Deserialize)]
struct Page {
    value: Vec<Raw>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(default, rename = "error")]
    _error: NoError,
}

impl<T: Transport, S: Secrets, C: Clock> Directory for TenantGraph<T, S, C> {
    async fn rooms(&self) -> Result<Vec<Place>, GraphError> {
        self.list(&format!("places/microsoft.graph.room?$top={PLACES_PER_PAGE}"), place).await
    }

    async fn room_lists(&self) -> Result<Vec<RoomList>, GraphError> {
        self.list(&format!("places/microsoft.graph.roomlist?$top={PLACES_PER_PAGE}"), room_list).await
    }

    async fn rooms_of(&self, list: &str) -> Result<Option<Vec<Place>>, GraphError> {
        let list = escaped(list);
        let path = format!("places/{list}/microsoft.graph.roomlist/rooms?$top={PLACES_PER_PAGE}");
        absent_if_404(self.list(&path, place).await)
    }

    async fn room(&self, address: &str) -> Result<Option<Place>, GraphError> {
        let uri = self.uri(&format!("places/{}", escaped(address)))?;
        let Some(answer) = absent_if_404(self.ask_places(uri).await)? else { return Ok(None) };
        let raw: Raw = answer.read()?;
        if raw.get("error").is_some() {
            return Err(answer.unusable("ErrorInsideAnswer"));
        }
        // Room lists and workspaces answer at the same path; the derived type is announced.
        let kind = raw.get("@odata.type").and_then(Value::as_str);
        if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("#microsoft.graph.room")) {
            return Ok(None);
        }
        place(&raw).map(Some).ok_or_else(|| answer.unusable("PlaceWithoutIdentity"))
    }

    async fn user(
        &self,
        id_or_address: &str,
        attributes: &[&str],
    ) -> Result<Option<DirectoryUser>, GraphError> {
        let user = self.directory_user(id_or_address, attributes).await?;
        if let Some(user) = user.as_ref().filter(|_| id_or_address.contains('@')) {
            self.shared.lanes.same(&self.lane_name(id_or_address), &self.lane_name(&user.object_id));
        }
        Ok(user)
    }
}

impl<T: Transport, S: Secrets, C: Clock> TenantGraph<T, S, C> {
    async fn ask_places(&self, uri: Uri) -> Result<Answer, GraphError> {
        self.get(Call { lane: LANE, ..Call::get(Question::Places, uri) }).await
    }

    /// Every place of a list, each id once. A place that says not even what it is called is left out. A page that cannot be read, one
    /// that brings nothing new or too many pages are failures of the whole: half a list would look like rooms that are gone.
    async fn list<P>(&self, path: &str, read: impl Fn(&Raw) -> Option<P>) -> Result<Vec<P>, GraphError> {
        let mut found = Vec::new();
        let mut ids = BTreeSet::new();
        let mut uri = self.uri(path)?;
        for page in 1.. {
            let answer = self.ask_places(uri).await?;
            let Page { value, next, .. } = answer.read()?;
            let mut is_new = value.is_empty();
            for raw in &value {
                let (Some(id), Some(place)) = (identity(raw), read(raw)) else {
                    tracing::warn!(
                        tenant.id = %self.connection.tenant,
                        graph.request_id = answer.request_id(),
                        "left out a place that cannot be named"
                    );
                    is_new = true;
                    continue;
                };
                if ids.insert(id) {
                    is_new = true;
                    found.push(place);
                }
            }
            let Some(next) = next else { break };
            if page == MOST_PAGES || !is_new {
                return Err(answer.unusable("PlacesWithoutEnd"));
            }
            uri = self.follow_from(&answer, &next, Goal::Places)?;
        }
        Ok(found)
    }
}

/// Nothing instead of a 404.
pub(crate) fn absent_if_404<V>(answer: Result<V, GraphError>) -> Result<Option<V>, GraphError> {
    match answer {
        Err(GraphError::NotFound(trace)) if trace.status == Some(404) => Ok(None),
        other => other.map(Some),
    }
}

fn known(raw: &Raw, key: &str) -> Option<String> {
    raw.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// What tells a place from others on its pages.
fn identity(raw: &Raw) -> Option<String> {
    ["id", "placeId", "emailAddress"].into_iter().find_map(|key| known(raw, key))
}

/// A room list that has no address cannot be asked for its rooms.
fn room_list(raw: &Raw) -> Option<RoomList> {
    let email = known(raw, "emailAddress")?;
    let display_name = known(raw, "displayName").unwrap_or_else(|| email.clone());
    Some(RoomList { email, display_name })
}

/// Nothing if it has neither an id nor an address.
fn place(raw: &Raw) -> Option<Place> {
    let identity = identity(raw)?;
    let email = known(raw, "emailAddress");
    let display_name = known(raw, "displayName").or_else(|| email.clone()).unwrap_or(identity);
    let fields =
        RoomField::ALL.into_iter().filter_map(|field| Some((field, field_of(raw, field)?))).collect();
    Some(Place {
        graph_id: known(raw, "id").unwrap_or_default(),
        place_id: known(raw, "placeId"),
        email: email.unwrap_or_default(),
        display_name,
        fields,
    })
}

/// A room's field in our shape; nothing if it is empty or of no shape that we know.
fn field_of(raw: &Raw, field: RoomField) -> Option<Value> {
    match field {
        RoomField::Capacity => raw.get("capacity").and_then(whole_number).map(Value::from),
        RoomField::FloorNumber => raw.get("floorNumber").and_then(whole_number).map(Value::from),
        RoomField::Building | RoomField::FloorLabel | RoomField::Label | RoomField::BookingType => {
            known(raw, field.name()).map(Value::from)
        }
        RoomField::Tags => {
            let tags: Vec<_> =
                raw.get("tags")?.as_array()?.iter().filter(|tag| tag.is_string()).cloned().collect();
            (!tags.is_empty()).then_some(Value::Array(tags))
        }
        RoomField::Equipment => map_of(
            [("audio", "audioDeviceName"), ("video", "videoDeviceName"), ("display", "displayDeviceName")]
                .map(|(ours, theirs)| (ours, known(raw, theirs).map(Value::from))),
        ),
        // The metadata and the samples spell it differently.
        RoomField::IsWheelChairAccessible => ["isWheelChairAccessible", "isWheelchairAccessible"]
            .into_iter()
            .find_map(|key| raw.get(key)?.as_bool())
            .map(Value::from),
        // Places have no zone.
        RoomField::TimeZone => None,
        RoomField::Address => {
            let address = raw.get("address")?;
            map_of(
                ["street", "city", "state", "postalCode", "countryOrRegion"]
                    .map(|key| (key, known(address, key).map(Value::from))),
            )
        }
        RoomField::GeoCoordinates => {
            let place = raw.get("geoCoordinates")?;
            map_of(
                ["latitude", "longitude", "altitude", "accuracy", "altitudeAccuracy"]
                    .map(|key| (key, place.get(key).filter(|value| value.is_number()).cloned())),
            )
        }
    }
}

fn map_of<const N: usize>(entries: [(&str, Option<Value>); N]) -> Option<Value> {
    let map: BTreeMap<_, _> = entries.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    (!map.is_empty()).then(|| json!(map))
}
