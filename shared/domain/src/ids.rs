//! One type for each kind of identifier, so that none is taken for another.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// Namespace of all ids that roomsync derives (UUIDv5).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1c_3a52_9d0e_5b7a_8c41_2e97_d46b_a0f3);

/// A UUIDv5 of the given parts, separated so that no two lists of parts collide.
#[must_use]
pub fn derived(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, parts.join("\u{1f}").as_bytes())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Our stable id of a room: its Entra object id. Survives a rename and a new address.
    RoomId
}
id! {
    /// Id of one booking: derived from the event by us, or chosen by the sender of a command.
    BookingId
}
id! {
    /// Immutable Graph id of an event in one mailbox. Case-sensitive, never normalised
    /// (`outlook-immutable-id`; ids that differ by `-` and `_` only were reported in office-js#4729).
    EventId
}

/// Entra directory id of a tenant: a GUID in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TenantId(String);

impl TenantId {
    /// Takes a GUID in any case; anything else gives nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        Some(Self(id.hyphenated().to_string()))
    }

    /// The GUID, lower case with hyphens.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(
                "expected an Entra directory id (a GUID such as 84bd8158-6d4d-4958-8b9f-9d6445542f95)",
            )
        })
    }
}

/// One room of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomRef {
    /// The tenant.
    pub tenant: TenantId,
    /// The room in it.
    pub room: RoomId,
}

impl RoomRef {
    /// Names a room.
    #[must_use]
    pub fn new(tenant: TenantId, room: RoomId) -> Self {
        Self { tenant, room }
    }

    /// `{tenantId}#{roomId}`: partition key in the tables and message group in the poll queue.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}#{}", self.tenant, self.room)
    }

    /// The room of such a key, or nothing if the text is none.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        let (tenant, room) = key.split_once('#')?;
        if room.is_empty() {
            return None;
        }
        Some(Self::new(TenantId::parse(tenant)?, RoomId::new(room)))
    }

    /// The id that a booking has when it was made in Outlook: always the same for the same event.
    #[must_use]
    pub fn booking_id(&self, event: &EventId) -> BookingId {
        BookingId::new(
            derived(&["booking", self.tenant.as_str(), self.room.as_str(), event.as_str()]).to_string(),
        )
    }
}

impl fmt::Display for RoomRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_key_reads_back() {
        let room = RoomRef::new(
            TenantId::parse("84BD8158-6D4D-4958-8B9F-9D6445542F95").unwrap(),
            RoomId::new("5b1c"),
        );
        assert_eq!(room.key(), "84bd8158-6d4d-4958-8b9f-9d6445542f95#5b1c");
        assert_eq!(RoomRef::from_key(&room.key()), Some(room));
        for wrong in
            ["", "#", "x#y", "84bd8158-6d4d-4958-8b9f-9d6445542f95#", "84bd8158-6d4d-4958-8b9f-9d6445542f95"]
        {
            assert_eq!(RoomRef::from_key(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ids_that_differ_in_one_character_give_different_bookings() {
        let room =
            RoomRef::new(TenantId::parse("84bd8158-6d4d-4958-8b9f-9d6445542f95").unwrap(), RoomId::new("r"));
        let ids = ["AAMk-x=", "AAMk_x=", "aaMk-x="].map(|id| room.booking_id(&EventId::new(id)));
        assert_ne!(ids[0], ids[1]);
        assert_ne!(ids[0], ids[2]);
        assert_eq!(ids[0], room.booking_id(&EventId::new("AAMk-x=")));
    }
}
