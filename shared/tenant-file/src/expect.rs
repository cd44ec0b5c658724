//! What belongs at each key, in words for the people who write the file.

use crate::tree::{Node, Value};

const NAME: &str = "the name of an entry in Secrets Manager";
const DAY: &str = "a day such as 2027-05-01";
const SECRET: &str = "a map with `name` and, if known, `expires`";
const ADDRESSES: &str = "a list of e-mail addresses";
const ADDRESS: &str = "an e-mail address";
const ON_OFF: &str = "`on` or `off`";
const TAKE: &str = "`never` or `unless-private`";
const DAYS: &str = "a whole number of days";
const TIME: &str = "a time such as 30s, 2m or 1h";
const ZONE: &str = "a time zone such as Europe/Paris or W. Europe Standard Time";

/// Keys without the places in lists, and what belongs there.
const EXPECTED: &[(&str, &str)] = &[
    ("", "a map with the keys of a tenant file"),
    ("tenant", "an Entra directory id, a GUID such as 84bd8158-6d4d-4958-8b9f-9d6445542f95"),
    ("name", "a name for people, in quotes if it looks like a number"),
    ("cloud", "`global`, `gcc-high`, `dod` or `china`"),
    ("credential", "a map with `client_id` and `secret` or `certificate`"),
    ("credential.client_id", "the application (client) id, a GUID"),
    ("credential.secret", SECRET),
    ("credential.secret.name", NAME),
    ("credential.secret.expires", DAY),
    ("credential.certificate", SECRET),
    ("credential.certificate.name", NAME),
    ("credential.certificate.expires", DAY),
    ("access", "`application` or `service-account`"),
    ("service_account", "the e-mail address of the service account, or null"),
    ("rooms", "a map with `select`"),
    ("rooms.select", "`all` or a map with one of `lists`, `rooms`, `buildings`"),
    ("rooms.select.lists", ADDRESSES),
    ("rooms.select.lists[]", ADDRESS),
    ("rooms.select.rooms", ADDRESSES),
    ("rooms.select.rooms[]", ADDRESS),
    ("rooms.select.buildings", "a list of names of buildings"),
    ("rooms.select.buildings[]", "the name of a building, in quotes if it looks like a number"),
    ("fields", "a map with `import`, `occupant_visible`, `custom`"),
    ("fields.import", "a list of attributes of rooms"),
    (
        "fields.import[]",
        "an attribute of rooms: capacity, building, floorLabel, floorNumber, label, tags, equipment, \
         isWheelChairAccessible, bookingType, timeZone, address or geoCoordinates",
    ),
    ("fields.occupant_visible", "a list of attributes from `import` or `custom`, or email, displayName"),
    ("fields.occupant_visible[]", "the name of an attribute"),
    ("fields.custom", "a map from your own names to attributes of the directory"),
    ("time_zone", ZONE),
    ("window", "a map with `past_days` and `future_days`"),
    ("window.past_days", DAYS),
    ("window.future_days", DAYS),
    ("privacy", "a map with `subject`, `organizer`, `retention_days`"),
    ("privacy.subject", TAKE),
    ("privacy.organizer", TAKE),
    ("privacy.retention_days", DAYS),
    ("listener", ON_OFF),
    ("writes", ON_OFF),
    ("organizer", "`user`, `room` or `mailbox: ADDRESS`"),
    ("organizer.mailbox", ADDRESS),
    ("poll", "a map with `every` and `when_listening`"),
    ("poll.every", TIME),
    ("poll.when_listening", TIME),
    ("locations", "a list of exceptions, each with `match`"),
    ("locations[]", "a map with `match` and `writes`, `listener` or `time_zone`"),
    ("locations[].match", "`building: NAME` or `room: ADDRESS`"),
    ("locations[].match.building", "the name of a building, in quotes if it looks like a number"),
    ("locations[].match.room", ADDRESS),
    ("locations[].writes", ON_OFF),
    ("locations[].listener", ON_OFF),
    ("locations[].time_zone", ZONE),
];

/// What belongs at a path, if it is known.
pub(crate) fn expectation(path: &str) -> Option<&'static str> {
    if path.starts_with("fields.custom.") {
        return Some("the name of an attribute of the directory such as extensionAttribute1");
    }
    let path: String = path.chars().filter(|c| !c.is_ascii_digit() || !path.contains('[')).collect();
    EXPECTED.iter().find(|(key, _)| *key == path).map(|(_, expected)| *expected)
}

/// Something harmless for a required key, so that the rest of a file can be judged.
pub(crate) fn filler(path: &str) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    match path {
        "tenant" | "credential.client_id" => text("00000000-0000-0000-0000-000000000000"),
        "name" | "credential.secret.name" | "credential.certificate.name" => text("-"),
        "rooms.select" => text("all"),
        "time_zone" => text("UTC"),
        "credential" => Some(map(path, &["client_id"])),
        "rooms" => Some(map(path, &["select"])),
        _ => None,
    }
}

fn map(path: &str, keys: &[&str]) -> Value {
    let entry = |key: &&str| {
        let path = format!("{path}.{key}");
        filler(&path).map(|value| ((*key).to_owned(), Node { path, line: 0, value }))
    };
    Value::Map(keys.iter().filter_map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use roomsync_domain::tenant::TenantConfig;

    /// Every path of a value, without the places in lists.
    fn paths(value: &serde_json::Value, here: &str, all: &mut Vec<String>) {
        all.push(here.to_owned());
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    paths(value, &if here.is_empty() { key.clone() } else { format!("{here}.{key}") }, all);
                }
            }
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| paths(item, &format!("{here}[7]"), all))
            }
            _ => {}
        }
    }

    #[test]
    fn every_key_of_a_tenant_file_is_explained() {
        let config: TenantConfig = crate::parse(include_str!("../tests/contoso.yaml")).unwrap();
        let mut all = Vec::new();
        paths(&serde_json::to_value(config).unwrap(), "", &mut all);
        assert!(all.len() > 30, "{all:?}");
        for path in all {
            assert!(expectation(&path).is_some(), "{path}");
        }
    }
}
