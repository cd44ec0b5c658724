//! The tenant file: what a customer's administrator and the operator have agreed on.
//!
//! The types are the file. Reading YAML and naming lines is the operator tool's work; [`TenantConfig::problems`] finds what
//! the types cannot forbid.

pub use crate::tenant_check::Problem;

use crate::ids::TenantId;
use crate::room::RoomField;
use crate::time::Instant;
use crate::zone;
use chrono::NaiveDate;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// Configuration of one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantConfig {
    /// Entra directory id.
    pub tenant: TenantId,
    /// Name for people.
    pub name: String,
    /// Which of Microsoft's clouds the tenant lives in.
    #[serde(default)]
    pub cloud: Cloud,
    /// How the application proves who it is.
    pub credential: Credential,
    /// As whom the application acts.
    #[serde(default)]
    pub access: Access,
    /// E-mail of the service account, only with `access: service-account`.
    #[serde(default)]
    pub service_account: Option<String>,
    /// Which rooms.
    pub rooms: Rooms,
    /// Which attributes of rooms.
    #[serde(default)]
    pub fields: Fields,
    /// Zone of rooms that name none: IANA or Windows name.
    pub time_zone: String,
    /// Days that are kept in step.
    #[serde(default)]
    pub window: Window,
    /// What may be known of meetings.
    #[serde(default)]
    pub privacy: Privacy,
    /// Whether Graph may call us about changes.
    #[serde(default = "on")]
    pub listener: Switch,
    /// Whether booking commands are carried out.
    #[serde(default = "on")]
    pub writes: Switch,
    /// Whose calendar the meetings of commands are made in.
    #[serde(default, skip_serializing_if = "Organizer::is_user")]
    pub organizer: Organizer,
    /// How often calendars are looked at.
    #[serde(default)]
    pub poll: Poll,
    /// Exceptions for buildings and rooms.
    #[serde(default)]
    pub locations: Vec<Location>,
}

fn on() -> Switch {
    Switch::On
}

/// Microsoft's clouds (`deployments` page).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// Worldwide, and US GCC.
    #[default]
    Global,
    /// US Government L4.
    GccHigh,
    /// US Government L5.
    Dod,
    /// China, run by 21Vianet.
    China,
}

/// How the application proves who it is: exactly one of `secret` and `certificate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Application (client) id.
    pub client_id: String,
    /// Client secret.
    #[serde(default)]
    pub secret: Option<SecretName>,
    /// Certificate with its private key.
    #[serde(default)]
    pub certificate: Option<SecretName>,
}

/// So many days before a credential's last day people are told.
const NOTICE_DAYS: i64 = 30;

impl Credential {
    /// Last day on which Microsoft accepts it, if the tenant file says so.
    #[must_use]
    pub fn expires(&self) -> Option<NaiveDate> {
        self.secret.as_ref().or(self.certificate.as_ref())?.expires
    }

    /// The days that are left, fewer than none once it is over; nothing while there is time, or if the tenant file does not say.
    #[must_use]
    pub fn runs_out_in(&self, now: Instant) -> Option<i64> {
        let left = (self.expires()? - now.date_naive()).num_days();
        (left <= NOTICE_DAYS).then_some(left)
    }
}

/// Name of an entry in Secrets Manager. Never its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretName {
    /// Name in Secrets Manager.
    pub name: String,
    /// Last day on which Microsoft accepts it.
    #[serde(default)]
    pub expires: Option<NaiveDate>,
}

/// As whom the application acts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// As itself, with application permissions.
    #[default]
    Application,
    /// As a signed-in service account.
    ServiceAccount,
}

/// Which rooms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rooms {
    /// The selection.
    pub select: Selection,
}

/// The selection of rooms: the word `all` or a map with one of the other keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Every room of the tenant.
    All,
    /// Every room that is in one of these room lists (e-mail addresses).
    Lists(Vec<String>),
    /// These rooms (e-mail addresses).
    Rooms(Vec<String>),
    /// Every room of these buildings (names as in the directory).
    Buildings(Vec<String>),
}

/// Which attributes of rooms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// Attributes to import besides address and name.
    #[serde(default)]
    pub import: Vec<RoomField>,
    /// Attributes that may be shown to people in the building.
    #[serde(default)]
    pub occupant_visible: Vec<String>,
    /// Our name -> attribute of the room's directory entry.
    #[serde(default)]
    pub custom: BTreeMap<String, String>,
}

/// Days that are kept in step, counted in the tenant's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Whole days before today.
    #[serde(default = "one")]
    pub past_days: u32,
    /// Whole days after today.
    #[serde(default = "half_year")]
    pub future_days: u32,
}

fn one() -> u32 {
    1
}

fn half_year() -> u32 {
    180
}

impl Default for Window {
    fn default() -> Self {
        Self { past_days: one(), future_days: half_year() }
    }
}

/// What may be known of meetings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// Whether subjects are taken.
    #[serde(default = "never")]
    pub subject: Take,
    /// Whether organizers are taken.
    #[serde(default = "never")]
    pub organizer: Take,
    /// Days that a booking is kept after its end.
    #[serde(default = "ninety")]
    pub retention_days: u32,
}

fn never() -> Take {
    Take::Never
}

fn ninety() -> u32 {
    90
}

impl Default for Privacy {
    fn default() -> Self {
        Self { subject: Take::Never, organizer: Take::Never, retention_days: ninety() }
    }
}

/// Whether a part of a meeting is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Take {
    /// Not at all: it is not even asked for.
    Never,
    /// Of meetings that are not private.
    UnlessPrivate,
}

/// `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Serialize for Switch {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OnOff;
        impl serde::de::Visitor<'_> for OnOff {
            type Value = Switch;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`on` or `off`")
            }
            // YAML 1.1 readers take on and off for booleans.
            fn visit_bool<E>(self, on: bool) -> Result<Switch, E> {
                Ok(if on { Switch::On } else { Switch::Off })
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Switch, E> {
                match text {
                    "on" => Ok(Switch::On),
                    "off" => Ok(Switch::Off),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }
        }
        from.deserialize_any(OnOff)
    }
}

/// Whose calendar the meetings of booking commands are made in: the words `user` and `room` or a map with the key `mailbox`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Organizer {
    /// That of the user whom the command names.
    #[default]
    User,
    /// That of one mailbox for all (e-mail address).
    Mailbox(String),
    /// That of the room itself, which then answers to nobody: conflicts are looked for by us.
    Room,
}

impl Organizer {
    fn is_user(&self) -> bool {
        *self == Self::User
    }
}

/// How often calendars are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// Without notifications.
    #[serde(default = "two_minutes")]
    pub every: Every,
    /// While notifications arrive.
    #[serde(default = "ten_minutes")]
    pub when_listening: Every,
}

fn two_minutes() -> Every {
    Every { seconds: 120 }
}

fn ten_minutes() -> Every {
    Every { seconds: 600 }
}

impl Default for Poll {
    fn default() -> Self {
        Self { every: two_minutes(), when_listening: ten_minutes() }
    }
}

/// A length of time such as `30s`, `2m`, `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every {
    /// The same in seconds.
    pub seconds: u32,
}

impl Serialize for Every {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let text = match self.seconds {
            s if s % 3600 == 0 => format!("{}h", s / 3600),
            s if s % 60 == 0 => format!("{}m", s / 60),
            s => format!("{s}s"),
        };
        to.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let expected = || D::Error::custom(format!("expected a time such as 30s, 2m or 1h, found `{text}`"));
        let unit = text.chars().last().ok_or_else(expected)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(expected()),
        };
        let count: u32 = text[..text.len() - 1].parse().map_err(|_| expected())?;
        match count.checked_mul(factor) {
            Some(seconds) if seconds > 0 => Ok(Self { seconds }),
            _ => Err(expected()),
        }
    }
}

/// An exception for a building or a room; the most specific wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Where it holds.
    #[serde(rename = "match")]
    pub place: Match,
    /// Overrides `writes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<Switch>,
    /// Overrides `listener`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<Switch>,
    /// Overrides `time_zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// A building by its name or a room by its address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// Name of the building as in the directory.
    Building(String),
    /// E-mail address of the room.
    Room(String),
}

impl TenantConfig {
    /// The exceptions for a room, the most specific first.
    fn exceptions<'a>(
        &'a self,
        email: &'a str,
        building: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Location> {
        let rooms = self.locations.iter().filter(
            move |location| matches!(&location.place, Match::Room(address) if address.eq_ignore_ascii_case(email)),
        );
        let buildings = self.locations.iter().filter(
            move |location| matches!(&location.place, Match::Building(name) if Some(name.as_str()) == building),
        );
        rooms.chain(buildings)
    }

    /// Whether booking commands for a room are carried out.
    #[must_use]
    pub fn writes_for(&self, email: &str, building: Option<&str>) -> Switch {
        self.exceptions(email, building).find_map(|location| location.writes).unwrap_or(self.writes)
    }

    /// Whether Graph may call us about a room.
    #[must_use]
    pub fn listener_for(&self, email: &str, building: Option<&str>) -> Switch {
        self.exceptions(email, building).find_map(|location| location.listener).unwrap_or(self.listener)
    }

    /// The name of a room's zone.
    #[must_use]
    pub fn zone_for<'a>(&'a self, email: &'a str, building: Option<&'a str>) -> &'a str {
        self.exceptions(email, building)
            .find_map(|location| location.time_zone.as_deref())
            .unwrap_or(&self.time_zone)
    }

    /// The tenant's own zone; `UTC` cannot happen in a checked configuration.
    #[must_use]
    pub fn zone(&self) -> chrono_tz::Tz {
        zone::find(&self.time_zone).unwrap_or(chrono_tz::Tz::UTC)
    }
}

/// A tenant as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// 1, 2, 3 … with every `tenant apply` that changed something.
    pub version: u64,
    /// Whether the tenant is served or being taken leave of.
    pub status: TenantStatus,
    /// The file.
    pub config: TenantConfig,
}

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantStatus {
    /// Its rooms are kept in step.
    Active,
    /// An operator removed it: its rooms become `removed`, its bookings end with `room_removed`, nothing is read any more.
    Removed,
}
