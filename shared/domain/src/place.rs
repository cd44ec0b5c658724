//! Rooms as the directory shows them.

use crate::room::RoomField;
use serde_json::Value;
use std::collections::BTreeMap;

/// A room as `places` lists it, reduced to what a tenant may import. At least one of `graph_id`, `place_id` and `email` is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// `id`: may change when the mailbox or the tenant changes (`room` page, 2026-09). Empty if the answer has none.
    pub graph_id: String,
    /// `placeId`: stable; absent in some answers.
    pub place_id: Option<String>,
    /// `emailAddress`. Empty if the answer has none.
    pub email: String,
    /// `displayName`, or else its address or id.
    pub display_name: String,
    /// Whatever else the directory knows, by our names.
    pub fields: BTreeMap<RoomField, Value>,
}

/// A room's own directory entry.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectoryUser {
    /// Entra object id.
    pub object_id: String,
    /// The attributes that were asked for and have a value.
    pub attributes: BTreeMap<String, Value>,
}

/// Attributes of a directory entry that may be imported under a name of the tenant's own, besides `extensionAttribute1` to 15 and
/// directory extensions.
pub const DIRECTORY_ATTRIBUTES: [&str; 10] = [
    "city",
    "companyName",
    "country",
    "department",
    "employeeId",
    "jobTitle",
    "officeLocation",
    "postalCode",
    "state",
    "streetAddress",
];

/// Whether a name may stand in `fields.custom`.
#[must_use]
pub fn is_directory_attribute(name: &str) -> bool {
    DIRECTORY_ATTRIBUTES.contains(&name) || is_extension_attribute(name) || is_directory_extension(name)
}

/// `extensionAttribute1` to `extensionAttribute15`, which live in `onPremisesExtensionAttributes`.
#[must_use]
pub fn is_extension_attribute(name: &str) -> bool {
    name.strip_prefix("extensionAttribute")
        .and_then(|number| number.parse::<u8>().ok())
        .is_some_and(|number| (1..=15).contains(&number))
}

/// `extension_{application id without hyphens}_{name}`.
fn is_directory_extension(name: &str) -> bool {
    let Some((app, name)) = name.strip_prefix("extension_").and_then(|rest| rest.split_once('_')) else {
        return false;
    };
    app.len() == 32
        && app.bytes().all(|b| b.is_ascii_hexdigit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
