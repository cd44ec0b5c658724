//! A room as readers of the table `Rooms` see it.

use crate::ids::RoomRef;
use crate::tenant::Switch;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An optional attribute of a room. The names are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoomField {
    /// Seats.
    Capacity,
    /// Name of the building.
    Building,
    /// Floor as written on the door.
    FloorLabel,
    /// Floor as a number.
    FloorNumber,
    /// Free text or number of the room.
    Label,
    /// Free tags.
    Tags,
    /// Map of `audio`, `video` and `display` to device names.
    Equipment,
    /// Whether a wheelchair gets in. The spelling is Graph's metadata's.
    IsWheelChairAccessible,
    /// `standard`, `reserved` or `unknown`.
    BookingType,
    /// IANA name.
    TimeZone,
    /// Map of street, city, state, postalCode, countryOrRegion.
    Address,
    /// Map of latitude, longitude and so on.
    GeoCoordinates,
}

impl RoomField {
    /// Every field, in the contract's order.
    pub const ALL: [Self; 12] = [
        Self::Capacity,
        Self::Building,
        Self::FloorLabel,
        Self::FloorNumber,
        Self::Label,
        Self::Tags,
        Self::Equipment,
        Self::IsWheelChairAccessible,
        Self::BookingType,
        Self::TimeZone,
        Self::Address,
        Self::GeoCoordinates,
    ];

    /// Name of the attribute.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Building => "building",
            Self::FloorLabel => "floorLabel",
            Self::FloorNumber => "floorNumber",
            Self::Label => "label",
            Self::Tags => "tags",
            Self::Equipment => "equipment",
            Self::IsWheelChairAccessible => "isWheelChairAccessible",
            Self::BookingType => "bookingType",
            Self::TimeZone => "timeZone",
            Self::Address => "address",
            Self::GeoCoordinates => "geoCoordinates",
        }
    }
}

/// Whether a room is kept in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomStatus {
    /// Kept in step.
    Active,
    /// Gone from the directory or from the selection.
    Removed,
}

/// What can be seen of a room; two equal values are the same version.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomState {
    /// Whether it is kept in step.
    pub status: RoomStatus,
    /// Primary address as in the directory.
    pub email: String,
    /// Name as in the directory.
    pub display_name: String,
    /// The imported fields that the directory has.
    pub fields: BTreeMap<RoomField, Value>,
    /// Addresses of the room lists through which it was selected.
    pub room_lists: BTreeSet<String>,
    /// Further fields by the tenant's own names.
    pub custom: BTreeMap<String, Value>,
    /// Names of the attributes that may be shown in the building.
    pub occupant_visible: BTreeSet<String>,
    /// What the tenant file says for this room, its exceptions resolved.
    pub settings: RoomSettings,
}

/// What the tenant file says for one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomSettings {
    /// IANA name of the zone in which its days begin.
    pub time_zone: String,
    /// Whether booking commands are carried out.
    pub writes: Switch,
    /// Whether Graph may call us about it.
    pub listener: Switch,
}

/// One version of a room.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    /// Which room.
    pub room: RoomRef,
    /// 1, 2, 3 … without a gap.
    pub version: u64,
    /// What can be seen of it.
    pub state: RoomState,
    /// When this version was written.
    pub observed_at: Instant,
}
