//! The published schema and the type say the same.

use roomsync_command::{Action, BookingCommand, Moment, parse};
use serde_json::{Value, json};
use std::path::Path;

fn schema() -> jsonschema::Validator {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/contract/booking-command.v1.schema.json");
    let text = std::fs::read_to_string(path).expect("the schema");
    jsonschema::validator_for(&serde_json::from_str(&text).expect("JSON")).expect("a schema")
}

fn whole() -> Value {
    json!({
        "schemaVersion": 1, "commandId": "c1", "action": "create", "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
        "bookingId": "app-4711", "roomId": "r1", "roomEmail": "r1@contoso.example", "organizerEmail": "megan@contoso.example",
        "subject": "Design review", "start": {"dateTime": "2026-02-09T21:30:00", "timeZone": "Europe/Paris"},
        "end": {"dateTime": "2026-02-09T22:00:00", "timeZone": "Romance Standard Time"}, "isAllDay": false, "isPrivate": true,
        "attendees": ["alex@contoso.example"],
        "recurrence": {
            "pattern": {"type": "relativeYearly", "interval": 1, "daysOfWeek": ["monday"], "dayOfMonth": 1, "month": 2,
                "index": "second", "firstDayOfWeek": "sunday"},
            "range": {"type": "numbered", "startDate": "2026-02-09", "endDate": "2026-03-09", "numberOfOccurrences": 2,
                "recurrenceTimeZone": "UTC"}
        }
    })
}

#[test]
fn what_the_type_writes_the_schema_takes() {
    let command = parse(&whole().to_string()).unwrap();
    assert_eq!(serde_json::to_value(&command).unwrap(), whole(), "every field is known to both");
    assert!(schema().is_valid(&whole()));
    let mut bare =
        BookingCommand::new(Action::Cancel, "c2", "84bd8158-6d4d-4958-8b9f-9d6445542f95", "app-4711");
    assert!(schema().is_valid(&serde_json::to_value(&bare).unwrap()));
    bare.action = Action::Create;
    assert!(!schema().is_valid(&serde_json::to_value(&bare).unwrap()), "a booking without a time");
    bare.room_id = Some("r1".to_owned());
    bare.start = Some(Moment::new("2026-02-09T21:30:00", "Europe/Paris"));
    bare.end = bare.start.clone();
    assert!(schema().is_valid(&serde_json::to_value(&bare).unwrap()));
}

#[test]
fn what_the_schema_refuses_the_type_refuses_too() {
    for (pointer, value) in [
        ("/schemaVersion", json!(2)),
        ("/commandId", json!(7)),
        ("/action", json!("book")),
        ("/start", json!("tomorrow")),
        ("/start/timeZone", json!(1)),
        ("/isPrivate", json!("yes")),
        ("/attendees", json!("alex@contoso.example")),
        ("/recurrence/pattern/type", json!("hourly")),
        ("/recurrence/range/startDate", json!(1)),
    ] {
        let mut body = whole();
        *body.pointer_mut(pointer).expect(pointer) = value;
        assert!(!schema().is_valid(&body), "{pointer}");
        assert!(parse(&body.to_string()).is_err(), "{pointer}");
    }
}
