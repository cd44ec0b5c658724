//! What the types of the tenant file cannot forbid.

use crate::place::{DIRECTORY_ATTRIBUTES, is_directory_attribute};
use crate::tenant::{Access, Credential, Fields, Organizer, Poll, Privacy, Selection, TenantConfig, Window};
use crate::zone;

/// One thing that is wrong with a tenant file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the key: names with dots, places in lists in brackets, as in `locations[0].time_zone`.
    pub key: String,
    /// What was expected there.
    pub expected: String,
}

/// The problems found so far.
#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, key: impl Into<String>, expected: impl Into<String>) {
        self.0.push(Problem { key: key.into(), expected: expected.into() });
    }

    fn unless(&mut self, holds: bool, key: &str, expected: &str) {
        if !holds {
            self.add(key, expected);
        }
    }
}

impl TenantConfig {
    /// Everything that is wrong with the file though its types are right. Empty if it can be used.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Found::default();
        credential(&self.credential, &mut found);
        access(self, &mut found);
        selection(&self.rooms.select, &mut found);
        fields(&self.fields, &mut found);
        zones(self, &mut found);
        window(self.window, &mut found);
        privacy(self.privacy, &mut found);
        poll(self.poll, &mut found);
        organizer(&self.organizer, &mut found);
        locations(self, &mut found);
        found.0
    }
}

fn credential(credential: &Credential, found: &mut Found) {
    let is_guid = uuid::Uuid::try_parse(&credential.client_id).is_ok();
    found.unless(is_guid, "credential.client_id", "expected the application (client) id, a GUID");
    match (&credential.secret, &credential.certificate) {
        (Some(_), Some(_)) => {
            found.add("credential.certificate", "expected either `secret` or `certificate`, not both");
        }
        (None, None) => found.add("credential", "expected `secret` or `certificate` with a `name`"),
        _ => {}
    }
    for (key, secret) in [
        ("credential.secret.name", &credential.secret),
        ("credential.certificate.name", &credential.certificate),
    ] {
        let named = secret.as_ref().is_none_or(|secret| !secret.name.trim().is_empty());
        found.unless(named, key, "expected the name of an entry in Secrets Manager");
    }
}

fn access(config: &TenantConfig, found: &mut Found) {
    match (config.access, &config.service_account) {
        (Access::ServiceAccount, _) => found.add(
            "access",
            "expected `application`: a service account must first be signed in on the onboarding page",
        ),
        (Access::Application, Some(_)) => {
            found.add("service_account", "expected null, because `access` is `application`");
        }
        (Access::Application, None) => {}
    }
}

fn selection(selection: &Selection, found: &mut Found) {
    let (key, names, what) = match selection {
        Selection::All => return,
        Selection::Lists(names) => ("rooms.select.lists", names, "address"),
        Selection::Rooms(names) => ("rooms.select.rooms", names, "address"),
        Selection::Buildings(names) => ("rooms.select.buildings", names, "building"),
    };
    if names.is_empty() {
        found.add(key, format!("expected at least one {what}"));
    }
    if what == "address" {
        for (at, name) in names.iter().enumerate().filter(|(_, name)| !looks_like_address(name)) {
            found.add(format!("{key}[{at}]"), format!("expected an e-mail address, found `{name}`"));
        }
    }
}

fn organizer(organizer: &Organizer, found: &mut Found) {
    if let Organizer::Mailbox(address) = organizer {
        let usable = looks_like_address(address);
        found.unless(usable, "organizer.mailbox", "expected the e-mail address of a mailbox");
    }
}

pub(crate) fn looks_like_address(text: &str) -> bool {
    matches!(text.split_once('@'), Some((name, host)) if !name.is_empty() && host.contains('.') && !text.contains(char::is_whitespace))
}

fn fields(fields: &Fields, found: &mut Found) {
    for (at, name) in fields.occupant_visible.iter().enumerate() {
        let known = ["email", "displayName"].contains(&name.as_str())
            || fields.custom.contains_key(name)
            || fields.import.iter().any(|field| field.name() == name);
        if !known {
            found.add(
                format!("fields.occupant_visible[{at}]"),
                format!(
                    "`{name}` is not imported; expected a name from `import` or `custom`, or email, displayName"
                ),
            );
        }
    }
    for (name, source) in &fields.custom {
        if !is_directory_attribute(source) {
            found.add(
                format!("fields.custom.{name}"),
                format!(
                    "`{source}` is not known; expected extensionAttribute1 to 15, one of {}, or extension_<appId>_<name>",
                    DIRECTORY_ATTRIBUTES.join(", ")
                ),
            );
        }
    }
}

fn zones(config: &TenantConfig, found: &mut Found) {
    let mut check = |key: String, name: &str| {
        if zone::find(name).is_none() {
            found.add(
                key,
                format!("`{name}` is no time zone; expected an IANA name (Europe/Paris) or a Windows name"),
            );
        }
    };
    check("time_zone".into(), &config.time_zone);
    for (at, location) in config.locations.iter().enumerate() {
        if let Some(name) = &location.time_zone {
            check(format!("locations[{at}].time_zone"), name);
        }
    }
}

fn window(window: Window, found: &mut Found) {
    found.unless(window.past_days <= 365, "window.past_days", "expected 0 to 365");
    found.unless(
        (1..=1080).contains(&window.future_days),
        "window.future_days",
        "expected 1 to 1080, the longest booking window of a room",
    );
}

fn privacy(privacy: Privacy, found: &mut Found) {
    found.unless(privacy.retention_days <= 3650, "privacy.retention_days", "expected 0 to 3650");
}

fn poll(poll: Poll, found: &mut Found) {
    found.unless(
        poll.when_listening.seconds >= poll.every.seconds,
        "poll.when_listening",
        "expected at least `poll.every`",
    );
    found.unless(poll.every.seconds <= 86_400, "poll.every", "expected at most 24h");
}

fn locations(config: &TenantConfig, found: &mut Found) {
    for (at, location) in config.locations.iter().enumerate() {
        let says = location.writes.is_some() || location.listener.is_some() || location.time_zone.is_some();
        found.unless(
            says,
            &format!("locations[{at}]"),
            "expected `writes`, `listener` or `time_zone` beside `match`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn good() -> Value {
        json!({
            "tenant": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
            "name": "Contoso",
            "credential": {
                "client_id": "5c8bd1d8-0f0c-4f6e-9d1a-6f2a33f5f9b0",
                "secret": {"name": "roomsync/contoso"},
            },
            "rooms": {"select": "all"},
            "time_zone": "Europe/Paris",
        })
    }

    /// The problems of the good file with one value replaced.
    fn with(pointer: &str, value: Value) -> Vec<Problem> {
        let mut file = good();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        file.pointer_mut(parent).unwrap()[key] = value;
        serde_json::from_value::<TenantConfig>(file).unwrap().problems()
    }

    #[test]
    fn a_good_file_has_no_problems() {
        assert_eq!(with("/name", json!("Contoso")), []);
        assert_eq!(with("/time_zone", json!("W. Europe Standard Time")), []);
        assert_eq!(
            with("/fields", json!({"import": ["capacity"], "occupant_visible": ["capacity", "email"]})),
            []
        );
        assert_eq!(with("/window", json!({"past_days": 365, "future_days": 1080})), []);
        assert_eq!(with("/poll", json!({"every": "24h", "when_listening": "24h"})), []);
    }

    #[test]
    fn every_check_names_its_key() {
        let secret = json!({"name": "n"});
        let building = json!({"building": "Lyon"});
        let table = [
            ("/credential/client_id", json!("5c8b"), "credential.client_id"),
            ("/credential/secret", Value::Null, "credential"),
            ("/credential/secret", json!({"name": " "}), "credential.secret.name"),
            ("/credential/certificate", secret, "credential.certificate"),
            ("/access", json!("service-account"), "access"),
            ("/service_account", json!("a@contoso.example"), "service_account"),
            ("/rooms/select", json!({"lists": []}), "rooms.select.lists"),
            ("/rooms/select", json!({"rooms": ["a@b.example", "nobody"]}), "rooms.select.rooms[1]"),
            ("/rooms/select", json!({"buildings": []}), "rooms.select.buildings"),
            ("/fields", json!({"occupant_visible": ["capacity"]}), "fields.occupant_visible[0]"),
            ("/fields", json!({"custom": {"costCentre": "shoeSize"}}), "fields.custom.costCentre"),
            ("/time_zone", json!("Europe/Lyon"), "time_zone"),
            ("/window", json!({"past_days": 366}), "window.past_days"),
            ("/window", json!({"future_days": 0}), "window.future_days"),
            ("/window", json!({"future_days": 1081}), "window.future_days"),
            ("/privacy", json!({"retention_days": 3651}), "privacy.retention_days"),
            ("/poll", json!({"every": "11m"}), "poll.when_listening"),
            ("/poll", json!({"every": "25h", "when_listening": "25h"}), "poll.every"),
            ("/locations", json!([{"match": building}]), "locations[0]"),
            ("/locations", json!([{"match": building, "time_zone": "Lyon"}]), "locations[0].time_zone"),
        ];
        for (pointer, value, key) in table {
            let keys: Vec<String> =
                with(pointer, value.clone()).into_iter().map(|problem| problem.key).collect();
            assert_eq!(keys, [key], "{pointer}: {value}");
        }
    }
}
