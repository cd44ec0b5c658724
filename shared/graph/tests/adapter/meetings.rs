use crate::support::*;
use chrono::TimeDelta;
use http::Method;
use roomsync_domain::EventId;
use roomsync_domain::writing::meeting::{RoomAddress, RoomAnswer};
use roomsync_domain::writing::merge::{Draft, Invited, Patch};
use roomsync_domain::writing::{MARKER, Wall, Words};
use roomsync_graph::TransportError;
use roomsync_ports::{Mark, MeetingError, Meetings};
use serde_json::{Value, json};
use uuid::Uuid;

const MEGAN: &str = "megan@contoso.example";

fn lyon() -> RoomAddress {
    RoomAddress { id: room(), email: "lyon@contoso.example".to_owned(), name: "Lyon".to_owned() }
}

fn wall(text: &str) -> Wall {
    Wall::new(text.parse().unwrap(), "Europe/Paris")
}

fn draft() -> Draft {
    Draft {
        start: wall("2026-02-09T21:30:00"),
        end: wall("2026-02-09T22:00:00"),
        all_day: false,
        private: true,
        words: Words {
            subject: Some("Review".to_owned()),
            attendees: Some(vec!["alex@contoso.example".to_owned()]),
        },
        invite: Some(lyon()),
        recurrence: None,
        location: Some(lyon()),
    }
}

fn mark() -> Mark {
    Mark { transaction: Uuid::from_u128(7), marker: "mark".to_owned() }
}

/// The event as Exchange answers it.
fn event() -> Value {
    json!({
        "@odata.etag": "W/\"e1\"", "id": "AAMk-1", "iCalUId": "uid-1", "type": "singleInstance", "subject": "Review",
        "start": {"dateTime": "2026-02-09T20:30:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-02-09T21:00:00.0000000", "timeZone": "UTC"},
        "isAllDay": false, "isCancelled": false, "sensitivity": "private", "originalStartTimeZone": "Europe/Paris",
        "organizer": {"emailAddress": {"name": "Megan", "address": MEGAN}}, "recurrence": null,
        "attendees": [
            {"type": "required", "status": {"response": "none"}, "emailAddress": {"address": "Alex@contoso.example"}},
            {"type": "required", "status": {"response": "organizer"}, "emailAddress": {"address": MEGAN}},
            {"type": "resource", "status": {"response": "declined"}, "emailAddress": {"address": "LYON@contoso.example"}},
        ],
    })
}

#[tokio::test]
async fn a_meeting_is_made_and_read() {
    let world = World::default();
    world.network.answers(reply(201, &[], event().to_string()));
    let seen = world.tenant().create(MEGAN, &draft(), &mark()).await.unwrap();
    let [request] = world.network.graph_requests().try_into().unwrap();
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri().path(), "/v1.0/users/megan%40contoso.example/events");
    let prefer = request.headers()["prefer"].to_str().unwrap();
    assert!(prefer.contains(r#"IdType="ImmutableId""#) && prefer.contains(r#"outlook.timezone="UTC""#));
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body["start"], json!({"dateTime": "2026-02-09T21:30:00", "timeZone": "Europe/Paris"}));
    assert_eq!(body["sensitivity"], "private");
    assert_eq!(body["transactionId"], "00000000-0000-0000-0000-000000000007");
    assert_eq!(body["singleValueExtendedProperties"], json!([{"id": MARKER, "value": "mark"}]));
    assert_eq!(body["attendees"][0]["type"], "required");
    assert_eq!(
        body["attendees"][1],
        json!({"type": "resource", "emailAddress": {"address": "lyon@contoso.example", "name": "Lyon"}})
    );
    assert_eq!(body["location"]["locationEmailAddress"], "lyon@contoso.example");
    assert!(body.get("recurrence").is_none());

    assert_eq!((seen.id.as_str(), seen.ical_uid.as_deref()), ("AAMk-1", Some("uid-1")));
    assert_eq!(seen.etag.as_deref(), Some("W/\"e1\""));
    assert_eq!(
        seen.words.attendees,
        Some(vec!["Alex@contoso.example".to_owned()]),
        "neither organizer nor room"
    );
    assert_eq!(seen.answer("lyon@contoso.example"), Some(RoomAnswer::Declined));
    assert_eq!(seen.answer("other@contoso.example"), None);
    assert!(seen.private && !format!("{seen:?}").contains("Review"));
}

#[tokio::test]
async fn only_what_changes_is_sent_and_only_over_what_was_read() {
    let world = World::default();
    world.network.answers(ok(event().to_string()));
    let patch = Patch { subject: Some("Budget".to_owned()), ..Patch::default() };
    let graph = world.tenant();
    graph.update(MEGAN, &EventId::new("AAMk-1"), Some("W/\"e1\""), &patch).await.unwrap();
    let [request] = world.network.graph_requests().try_into().unwrap();
    assert_eq!(request.method(), Method::PATCH);
    assert_eq!(request.headers()["if-match"], "W/\"e1\"");
    assert_eq!(serde_json::from_slice::<Value>(request.body()).unwrap(), json!({"subject": "Budget"}));

    world.network.answers(ok(event().to_string()));
    let invited = Some(Invited { people: Vec::new(), room: None });
    let released = Patch { invited, moves_room: true, ..Patch::default() };
    graph.update(MEGAN, &EventId::new("AAMk-1"), None, &released).await.unwrap();
    let request = world.network.graph_requests().pop().unwrap();
    assert!(request.headers().get("if-match").is_none());
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body, json!({"attendees": [], "location": {"displayName": ""}}));
}

#[tokio::test]
async fn what_is_gone_is_deleted_and_declined() {
    let world = World::default();
    let (graph, id) = (world.tenant(), EventId::new("AAMk/1="));
    world.network.answers(reply(204, &[], ""));
    graph.delete(MEGAN, &id).await.unwrap();
    world.network.answers(error(404, "ErrorItemNotFound"));
    graph.delete(MEGAN, &id).await.unwrap();
    world.network.answers(reply(202, &[], ""));
    graph.decline(ROOM, &id).await.unwrap();
    let request = world.network.graph_requests().pop().unwrap();
    assert_eq!(request.uri().path(), format!("/v1.0/users/{ROOM}/events/AAMk%2F1%3D/decline"));
    assert_eq!(serde_json::from_slice::<Value>(request.body()).unwrap()["sendResponse"], true);
    world.network.answers(error(404, "ErrorItemNotFound"));
    graph.decline(ROOM, &id).await.unwrap();
    world.network.answers(error(404, "ErrorItemNotFound"));
    assert_eq!(graph.get(MEGAN, &id).await, Ok(None));
    world.network.answers(error(404, "ErrorInvalidUser"));
    assert!(matches!(graph.get(MEGAN, &id).await, Err(MeetingError::NoMailbox(_))));
}

#[tokio::test]
async fn everything_that_bears_a_mark_is_found() {
    let world = World::default();
    let page = json!({"value": [event()], "@odata.nextLink": "https://elsewhere.example/"}).to_string();
    world.network.answers(ok(page)).answers(ok(json!({"value": [event()]}).to_string()));
    let found = world.tenant().marked(MEGAN, "o'mark").await.unwrap();
    assert_eq!(found.len(), 2);
    let requests = world.network.graph_requests();
    let query = requests[0].uri().query().unwrap();
    assert!(query.contains("ep%2Fvalue%20eq%20%27o%27%27mark%27"), "{query}");
    assert!(requests[1].uri().query().unwrap().ends_with("&$skip=50"));
    assert!(requests.iter().all(|request| request.uri().host() == Some("graph.microsoft.com")));
}

/// Words for outcomes, with whether a write may have had its effect.
fn named(error: &MeetingError) -> &'static str {
    match error {
        MeetingError::DuplicateTransaction { existing: Some(_), .. } => "duplicate of",
        MeetingError::DuplicateTransaction { .. } => "duplicate",
        MeetingError::Stale(_) => "stale",
        MeetingError::Gone(_) => "gone",
        MeetingError::NoMailbox(_) => "no mailbox",
        MeetingError::Forbidden(_) => "forbidden",
        MeetingError::Credential(_) => "credential",
        MeetingError::Invalid(_) => "invalid",
        MeetingError::Throttled { .. } => "throttled",
        MeetingError::Failed(_) => "failed",
        MeetingError::Unanswered(_) => "unanswered",
    }
}

#[tokio::test]
async fn a_failed_write_says_what_may_have_happened() {
    let duplicate = |status, body: &str| reply(status, &[], body.to_owned());
    let cases = [
        (error(400, "ErrorPropertyValidationFailure"), "invalid"),
        (error(403, "ErrorAccessDenied"), "forbidden"),
        (error(404, "ErrorInvalidUser"), "no mailbox"),
        (error(404, "ErrorItemNotFound"), "gone"),
        (error(409, "ErrorConcurrentItemSave"), "failed"),
        (error(412, "ErrorIrresolvableConflict"), "stale"),
        (error(429, "ApplicationThrottled"), "throttled"),
        (error(500, "ErrorInternalServerError"), "failed"),
        (error(503, "ErrorServerBusy"), "failed"),
        (reply(503, &[("retry-after", "7")], ""), "throttled"),
        (reply(504, &[], "<html>"), "failed"),
        (ok("{\"id\":"), "failed"),
        (Err(TransportError::Timeout), "unanswered"),
        (Err(TransportError::Cut), "unanswered"),
        (
            duplicate(409, r#"{"error":{"code":"ErrorDuplicateTransactionId","message":"Canary"}}"#),
            "duplicate",
        ),
        (
            duplicate(
                400,
                r#"{"error":{"code":"BadRequest","innerError":{"code":"ErrorDuplicateTransactionId",
                    "@event.existingEventId":"AAMk-0"}}}"#,
            ),
            "duplicate of",
        ),
    ];
    for (answer, expected) in cases {
        let world = World::default();
        let told = format!("{answer:?}");
        // A refused access is tried once more with a fresh token.
        world.network.answers(answer.clone()).answers(answer);
        let patch = Patch { subject: Some("x".to_owned()), ..Patch::default() };
        let result = world.tenant().update(MEGAN, &EventId::new("e"), None, &patch).await;
        let failure = result.expect_err(&told);
        assert_eq!(named(&failure), expected, "{told}");
        assert!(!failure.to_string().contains("Canary"), "{failure}");
        if let MeetingError::Throttled { retry_after: Some(after), .. } = failure {
            assert_eq!(after, TimeDelta::seconds(7));
        }
    }
    let world = World::default();
    world.network.answers(error(404, "ResourceNotFoundSomehow"));
    let failure = world.tenant().create(MEGAN, &draft(), &mark()).await.unwrap_err();
    assert_eq!(named(&failure), "no mailbox", "a create speaks of nothing else that could be missing");
}
