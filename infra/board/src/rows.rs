//! What the board reads of an item: only what it shows, and leniently, so that an attribute that is missing or new never
//! hides a room. Attribute names are those of the contract, schema version 1.

use chrono::NaiveDate;
use roomsync_domain::announced::Announced;
use roomsync_domain::cursor::{Drift, Guarded, Mode, Trouble};
use roomsync_domain::listening::{Listening, Refusal};
use roomsync_domain::time::{Instant, seconds};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `{tenantId}#{roomId}`.
pub type RoomKey = String;

/// One room, as the table `Rooms` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRow {
    /// Which room.
    pub key: RoomKey,
    /// 1, 2, 3 …
    pub version: u64,
    /// Whether it is kept in step; a removed room is not shown.
    pub active: bool,
    /// Name as in the directory, or the address if it has none.
    pub name: String,
    /// Building, if the tenant imports it.
    pub building: Option<String>,
    /// Floor, if the tenant imports it.
    pub floor: Option<String>,
    /// Seats, if the tenant imports them.
    pub capacity: Option<u64>,
    /// IANA name of the zone in which its days begin.
    pub zone: Option<String>,
}

impl RoomRow {
    /// Reads an item; nothing if it has no key.
    #[must_use]
    pub fn read(item: &Value) -> Option<Self> {
        let zone = item.pointer("/settings/timeZone").and_then(Value::as_str).map(str::to_owned);
        let email = text(item, "email").unwrap_or_else(|| "room without a name".into());
        Some(Self {
            key: format!("{}#{}", text(item, "tenantId")?, text(item, "roomId")?),
            version: number(item, "version").unwrap_or(0),
            active: text(item, "status").is_none_or(|status| status != "removed"),
            name: text(item, "displayName").unwrap_or(email),
            building: text(item, "building"),
            floor: text(item, "floorLabel"),
            capacity: number(item, "capacity"),
            zone: zone.or_else(|| text(item, "timeZone")),
        })
    }
}

/// Where a booking stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// A command of ours is on its way.
    Pending,
    /// The room has not decided.
    Tentative,
    /// The room is taken.
    Confirmed,
    /// Over.
    Ended,
}

/// One booking, as the table `Bookings` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingRow {
    /// The room.
    pub room: RoomKey,
    /// Its id in the room.
    pub id: String,
    /// 1, 2, 3 …
    pub version: u64,
    /// Where it stands.
    pub standing: Standing,
    /// Contract word for why it ended.
    pub end_reason: Option<String>,
    /// Start and end.
    pub span: (Instant, Instant),
    /// First day and the day after the last, if it takes whole days.
    pub all_day: Option<(NaiveDate, NaiveDate)>,
    /// Whether it belongs to a series.
    pub in_series: bool,
    /// Whether nothing of it may be shown.
    pub is_private: bool,
    /// Subject; never there for a private booking, whatever the item says.
    pub subject: Option<String>,
    /// Organizer; the same.
    pub organizer: Option<String>,
    /// Whether a booking command made it.
    pub by_command: bool,
    /// What a command failed with or waits for.
    pub failure: Option<String>,
}

impl BookingRow {
    /// Reads an item; nothing if it has no key or no times.
    #[must_use]
    pub fn read(item: &Value) -> Option<Self> {
        let is_private = flag(item, "isPrivate");
        let open = |name| if is_private { None } else { text(item, name) };
        let all_day =
            if flag(item, "isAllDay") { day(item, "startDate").zip(day(item, "endDate")) } else { None };
        Some(Self {
            room: text(item, "roomKey")?,
            id: text(item, "bookingId")?,
            version: number(item, "version").unwrap_or(0),
            standing: match text(item, "status")?.as_str() {
                "pending" => Standing::Pending,
                "tentative" => Standing::Tentative,
                "ended" => Standing::Ended,
                _ => Standing::Confirmed,
            },
            end_reason: text(item, "endReason"),
            span: (instant(item, "startUtc")?, instant(item, "endUtc")?),
            all_day,
            in_series: text(item, "kind").is_some_and(|kind| kind != "single"),
            is_private,
            subject: open("subject"),
            organizer: open("organizerName").or_else(|| open("organizerEmail")),
            by_command: text(item, "origin").is_some_and(|origin| origin == "command"),
            failure: item.pointer("/failure/message").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

/// What the cursor row says of a room; its delta link is not read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Following {
    /// How the room is followed.
    pub mode: Mode,
    /// Last complete read.
    #[serde(default, with = "seconds::option")]
    pub last_full_at: Option<Instant>,
    /// No call to the mailbox before this instant.
    #[serde(default, with = "seconds::option")]
    pub not_before: Option<Instant>,
    /// What keeps the room from being fresh.
    #[serde(default)]
    pub trouble: Option<Trouble>,
    /// A run that the guard stopped.
    #[serde(default)]
    pub guarded: Option<Guarded>,
    /// What the last full read had to repair.
    #[serde(default)]
    pub drift: Option<Drift>,
    /// Its subscription.
    #[serde(default)]
    pub listening: Option<Listening>,
    /// Why it has none.
    #[serde(default)]
    pub refusal: Option<Refusal>,
    /// The last change that a notice announced.
    #[serde(default)]
    pub announced: Option<Announced>,
}

impl Following {
    /// Attributes of the cursor that are read.
    pub const ATTRIBUTES: [&str; 9] = [
        "mode",
        "lastFullAt",
        "notBefore",
        "trouble",
        "guarded",
        "drift",
        "listening",
        "refusal",
        "announced",
    ];
}

fn text(item: &Value, name: &str) -> Option<String> {
    item.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn number(item: &Value, name: &str) -> Option<u64> {
    item.get(name)?.as_u64()
}

fn flag(item: &Value, name: &str) -> bool {
    item.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn instant(item: &Value, name: &str) -> Option<Instant> {
    seconds::parse(item.get(name)?.as_str()?)
}

fn day(item: &Value, name: &str) -> Option<NaiveDate> {
    item.get(name)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_private_booking_shows_nothing_even_if_the_item_has_it() {
        let row = BookingRow::read(&json!({
            "roomKey": "t#r", "bookingId": "b", "version": 2, "status": "confirmed",
            "startUtc": "2026-02-09T09:00:00Z", "endUtc": "2026-02-09T10:00:00Z",
            "isPrivate": true, "subject": "Canary", "organizerName": "Canary", "organizerEmail": "canary@contoso.example",
        }))
        .unwrap();
        assert_eq!((row.subject, row.organizer, row.is_private), (None, None, true));
    }

    #[test]
    fn only_keys_and_times_are_needed() {
        let least = json!({
            "roomKey": "t#r", "bookingId": "b", "status": "tentative",
            "startUtc": "2026-02-09T09:00:00Z", "endUtc": "2026-02-09T10:00:00Z",
        });
        assert_eq!(BookingRow::read(&least).unwrap().standing, Standing::Tentative);
        for needed in ["roomKey", "bookingId", "status", "startUtc", "endUtc"] {
            let mut item = least.clone();
            item.as_object_mut().unwrap().remove(needed);
            assert_eq!(BookingRow::read(&item), None, "{needed}");
        }
        assert_eq!(RoomRow::read(&json!({"tenantId": "t", "roomId": "r", "tags": 7})).unwrap().key, "t#r");
        assert_eq!(RoomRow::read(&json!({"tenantId": "t"})), None);
    }

    #[test]
    fn the_zone_of_the_settings_counts() {
        let row = RoomRow::read(&json!({
            "tenantId": "t", "roomId": "r", "timeZone": "Europe/Paris", "settings": {"timeZone": "Asia/Tokyo"},
        }));
        assert_eq!(row.unwrap().zone.as_deref(), Some("Asia/Tokyo"));
    }
}
