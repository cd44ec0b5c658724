//! The planner of rooms: what the directory shows and what is stored in, versioned writes out.
//!
//! A room that is not seen is removed at the second look that misses it, if the guard allows; above the guard a third look that
//! misses as many, or an operator's word, is needed. An answer without any room removes nothing, whatever was asked before.

use crate::guard;
use crate::ids::{RoomId, RoomRef, TenantId};
use crate::place::Place;
use crate::room::{Room, RoomField, RoomSettings, RoomState, RoomStatus};
use crate::tenant::{Selection, TenantConfig};
use crate::time::{Instant, seconds};
use crate::zone;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A room as one look at the directory found it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Its stable id.
    pub id: RoomId,
    /// Its listing.
    pub place: Place,
    /// Addresses of the selected room lists that name it.
    pub lists: BTreeSet<String>,
    /// Its custom fields by the tenant's names; nothing if its directory entry could not be read, then the stored ones stay.
    pub custom: Option<BTreeMap<String, Value>>,
}

/// What is remembered between two looks at a tenant's directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryMemory {
    /// 1, 2, 3 … with every save.
    pub version: u64,
    /// Rooms that the last look did not show.
    #[serde(default)]
    pub missing: BTreeSet<RoomId>,
    /// The guard stopped the removal of so many rooms at the last look.
    #[serde(default)]
    pub guarded: Option<u32>,
    /// No call for this tenant's directory before this instant.
    #[serde(default, with = "seconds::option")]
    pub not_before: Option<Instant>,
    /// Last complete look.
    #[serde(default, with = "seconds::option")]
    pub last_success_at: Option<Instant>,
    /// What keeps the directory from being read.
    #[serde(default)]
    pub trouble: Option<crate::cursor::Trouble>,
    /// Names in the tenant file that the directory does not know, with the reason.
    #[serde(default)]
    pub refused: BTreeMap<String, String>,
    /// Failures in a row.
    #[serde(default)]
    pub failures: u32,
    /// Up to which version of each room the look that it asks for has been sent on its way. A first version is not in here: a room
    /// without a cursor is copied whole by any look.
    #[serde(default)]
    pub hinted: BTreeMap<RoomId, u64>,
}

impl DirectoryMemory {
    /// The stored rooms of whose present version nobody knows that a look has been sent for: a sync wrote it and died, or is still at
    /// work.
    pub fn owed<'a>(&self, stored: &'a [Room]) -> impl Iterator<Item = &'a Room> {
        let hinted = |room: &Room| self.hinted.get(&room.room.room).copied().unwrap_or(1);
        stored.iter().filter(move |room| room.version > hinted(room))
    }
}

/// Versions for [`DirectoryMemory::hinted`].
#[must_use]
pub fn hinted<'a>(rooms: impl IntoIterator<Item = &'a Room>) -> BTreeMap<RoomId, u64> {
    let later = rooms.into_iter().filter(|room| room.version > 1);
    later.map(|room| (room.room.room.clone(), room.version)).collect()
}

/// What to write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoomPlan {
    /// New versions, in the order of their ids.
    pub writes: Vec<RoomWrite>,
    /// Rooms that were not seen and are not removed yet.
    pub missing: BTreeSet<RoomId>,
    /// So many rooms would have been removed and were not.
    pub guarded: Option<u32>,
}

/// A new version of one room.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomWrite {
    /// The version that must be stored for this one to be written.
    pub over: Option<u64>,
    /// Whether its bookings have to be looked at anew: it is new, back, removed, or has another address or zone.
    pub look: bool,
    /// The new version.
    pub room: Room,
}

/// Compares the stored rooms with a complete look at the directory.
///
/// `unsure` are stored rooms about which the look says nothing (their stable id could not be found out this time).
#[must_use]
pub fn plan_rooms(
    config: &TenantConfig,
    stored: &[Room],
    sightings: &[Sighting],
    unsure: &BTreeSet<RoomId>,
    memory: &DirectoryMemory,
    accept_mass_end: bool,
    now: Instant,
) -> RoomPlan {
    let stored: BTreeMap<&RoomId, &Room> = stored.iter().map(|room| (&room.room.room, room)).collect();
    let mut plan = RoomPlan::default();
    let mut seen = BTreeSet::new();
    for sighting in sightings {
        if seen.insert(&sighting.id) {
            let before = stored.get(&sighting.id).copied();
            let state = state(config, sighting, before);
            plan.writes.extend(write(&config.tenant, &sighting.id, before, state, now));
        }
    }
    let active: Vec<&Room> =
        stored.values().copied().filter(|room| room.state.status == RoomStatus::Active).collect();
    let gone: Vec<&Room> = active
        .iter()
        .copied()
        .filter(|room| !seen.contains(&room.room.room) && !unsure.contains(&room.room.room))
        .collect();
    plan.missing = gone.iter().map(|room| room.room.room.clone()).collect();
    if !sightings.is_empty() || accept_mass_end {
        remove(&mut plan, &gone, active.len(), memory, accept_mass_end, now);
    }
    plan.writes.sort_by(|a, b| a.room.room.cmp(&b.room.room));
    plan
}

/// Takes the rooms that have been missed twice out, or stops.
fn remove(
    plan: &mut RoomPlan,
    gone: &[&Room],
    active: usize,
    memory: &DirectoryMemory,
    accept: bool,
    now: Instant,
) {
    let twice: Vec<&Room> =
        gone.iter().copied().filter(|room| accept || memory.missing.contains(&room.room.room)).collect();
    let confirmed = memory.guarded.is_some_and(|count| count as usize >= twice.len());
    if !guard::allows(twice.len(), active) && !accept && !confirmed {
        plan.guarded = Some(u32::try_from(twice.len()).unwrap_or(u32::MAX));
        return;
    }
    for room in twice {
        plan.missing.remove(&room.room.room);
        plan.writes.push(removal(room, now));
    }
}

/// The version that says a room is gone; the last known state stays.
#[must_use]
pub fn removal(room: &Room, now: Instant) -> RoomWrite {
    let state = RoomState { status: RoomStatus::Removed, ..room.state.clone() };
    RoomWrite {
        over: Some(room.version),
        look: true,
        room: Room { room: room.room.clone(), version: room.version + 1, state, observed_at: now },
    }
}

fn write(
    tenant: &TenantId,
    id: &RoomId,
    before: Option<&Room>,
    state: RoomState,
    now: Instant,
) -> Option<RoomWrite> {
    if before.is_some_and(|room| room.state == state) {
        return None;
    }
    let look = before.is_none_or(|room| {
        room.state.status != state.status
            || room.state.email != state.email
            || room.state.settings.time_zone != state.settings.time_zone
    });
    Some(RoomWrite {
        over: before.map(|room| room.version),
        look,
        room: Room {
            room: RoomRef::new(tenant.clone(), id.clone()),
            version: before.map_or(1, |room| room.version + 1),
            state,
            observed_at: now,
        },
    })
}

fn state(config: &TenantConfig, sighting: &Sighting, before: Option<&Room>) -> RoomState {
    let place = &sighting.place;
    let building = place.fields.get(&RoomField::Building).and_then(Value::as_str);
    let named = config.zone_for(&place.email, building);
    let settings = RoomSettings {
        time_zone: zone::iana_or_utc(Some(named)).to_owned(),
        writes: config.writes_for(&place.email, building),
        listener: config.listener_for(&place.email, building),
    };
    let mut fields: BTreeMap<RoomField, Value> = config
        .fields
        .import
        .iter()
        .filter_map(|field| place.fields.get(field).map(|value| (*field, normal(value))))
        .collect();
    if config.fields.import.contains(&RoomField::TimeZone) {
        fields.insert(RoomField::TimeZone, Value::String(settings.time_zone.clone()));
    }
    let read = |custom: &BTreeMap<String, Value>| {
        custom.iter().map(|(name, value)| (name.clone(), normal(value))).collect()
    };
    let custom = sighting.custom.as_ref().map(read).unwrap_or_else(|| {
        let kept = before.map(|room| room.state.custom.clone()).unwrap_or_default();
        kept.into_iter().filter(|(name, _)| config.fields.custom.contains_key(name)).collect()
    });
    RoomState {
        status: RoomStatus::Active,
        email: place.email.clone(),
        display_name: place.display_name.clone(),
        fields,
        room_lists: sighting.lists.clone(),
        custom,
        occupant_visible: config.fields.occupant_visible.iter().cloned().collect(),
        settings,
    }
}

/// A value as the tables give it back: DynamoDB does not tell 3.0 from 3, and a room must not differ from itself.
fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => {
                #[allow(clippy::cast_possible_truncation, reason = "whole and small enough")]
                let whole = float as i64;
                whole.into()
            }
            _ => value.clone(),
        },
        Value::Array(values) => values.iter().map(normal).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), normal(value))).collect(),
        other => other.clone(),
    }
}

/// Whether a listed room belongs to the selection, as far as its listing tells: room lists are asked for their rooms instead.
#[must_use]
pub fn is_selected(place: &Place, selection: &Selection) -> bool {
    match selection {
        Selection::All => true,
        Selection::Lists(_) => false,
        Selection::Rooms(addresses) => {
            addresses.iter().any(|address| address.eq_ignore_ascii_case(&place.email))
        }
        Selection::Buildings(names) => place
            .fields
            .get(&RoomField::Building)
            .and_then(Value::as_str)
            .is_some_and(|building| names.iter().any(|name| name == building)),
    }
}
