use crate::{BookingCommand, SCHEMA_VERSION};
use serde::Deserialize;
use std::fmt;

/// Why a message is no command: which field and what is wrong with it. Says nothing of what stands in the field, which may be private.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Path of the field, as in `start.timeZone`; `body` for the message as a whole.
    pub field: String,
    /// What was expected.
    pub why: String,
}

impl Rejection {
    /// A field and what is wrong with it.
    pub fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into() }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.why)
    }
}

impl std::error::Error for Rejection {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    schema_version: u64,
}

/// Reads the body of a message. Unknown fields are additions and are ignored.
///
/// Says nothing about whether the command can be carried out: zones, rooms and times are looked at when it is.
///
/// # Errors
///
/// Names the field that is wrong.
pub fn parse(body: &str) -> Result<BookingCommand, Rejection> {
    let version: Version = read(body)?;
    if version.schema_version != u64::from(SCHEMA_VERSION) {
        return Err(Rejection::new("schemaVersion", format!("expected {SCHEMA_VERSION}")));
    }
    read(body)
}

fn read<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, Rejection> {
    let mut from = serde_json::Deserializer::from_str(body);
    let value = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let path = error.path().to_string();
        rejection(&path, error.inner())
    })?;
    from.end().map_err(|error| rejection(".", &error))?;
    Ok(value)
}

fn rejection(path: &str, error: &serde_json::Error) -> Rejection {
    if !error.is_data() {
        return Rejection::new(
            "body",
            format!("expected JSON; it breaks at line {} column {}", error.line(), error.column()),
        );
    }
    let text = error.to_string();
    let parent = if path == "." { String::new() } else { format!("{path}.") };
    if let Some(name) = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return Rejection::new(format!("{parent}{name}"), "missing");
    }
    let field = if path == "." { "body" } else { path };
    // "invalid type: string "…", expected …": what stands there is nobody's business.
    let why = match text.find("expected ") {
        Some(at) => text[at..].split(" at line ").next().unwrap_or_default().to_owned(),
        None => "not readable".to_owned(),
    };
    Rejection::new(field, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn whole() -> Value {
        json!({
            "schemaVersion": 1, "commandId": "c1", "action": "create",
            "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95", "bookingId": "app-4711", "roomId": "r1",
            "organizerEmail": "megan@contoso.example", "subject": "Design review",
            "start": {"dateTime": "2026-02-09T21:30:00", "timeZone": "Europe/Paris"},
            "end": {"dateTime": "2026-02-09T22:00:00", "timeZone": "Europe/Paris"},
            "isAllDay": false, "isPrivate": false, "attendees": ["alex@contoso.example"], "recurrence": null
        })
    }

    #[test]
    fn the_example_of_the_contract_is_read() {
        let mut body = whole();
        body["moodLight"] = json!("blue");
        let command = parse(&body.to_string()).unwrap();
        assert_eq!(command.booking_id, "app-4711");
        assert_eq!(command.recurrence, None);
        assert!(!format!("{command:?}").contains("review"));
    }

    #[test]
    fn what_is_wrong_is_named_and_not_quoted() {
        let with = |pointer: &str, value: Value| {
            let mut body = whole();
            *body.pointer_mut(pointer).unwrap() = value;
            body.to_string()
        };
        let without = |name: &str| {
            let mut body = whole();
            body.as_object_mut().unwrap().remove(name);
            body.to_string()
        };
        for (body, field) in [
            ("{".to_owned(), "body"),
            (String::new(), "body"),
            ("[]".to_owned(), "body"),
            ("\"secret words\"".to_owned(), "body"),
            (format!("{} x", whole()), "body"),
            (with("/schemaVersion", json!(2)), "schemaVersion"),
            (with("/schemaVersion", json!("secret words")), "schemaVersion"),
            (without("schemaVersion"), "schemaVersion"),
            (without("commandId"), "commandId"),
            (without("tenantId"), "tenantId"),
            (with("/action", json!("secret words")), "action"),
            (with("/isAllDay", json!("secret words")), "isAllDay"),
            (with("/start", json!("secret words")), "start"),
            (with("/start", json!({"dateTime": "secret words"})), "start.timeZone"),
            (with("/attendees", json!(["a@b.example", 7])), "attendees[1]"),
            (with("/attendees", json!({"secret words": 1})), "attendees"),
            (with("/recurrence", json!({"range": {}})), "recurrence.range.type"),
        ] {
            let found = parse(&body).unwrap_err();
            assert_eq!(found.field, field, "{body}: {found}");
            assert!(!found.to_string().contains("secret"), "{found}");
        }
    }
}
