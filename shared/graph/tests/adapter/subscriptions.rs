use crate::support::*;
use chrono::TimeDelta;
use http::Method;
use roomsync_ports::{Creation, GraphError, NewSubscription, Subscriptions};
use serde_json::{Value, json};

const ID: &str = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07";
const HOOK: &str = "https://hooks.example/notifications";

fn raw(id: &str) -> Value {
    json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity",
        "id": id,
        "resource": format!("users/{ROOM}/events"),
        "applicationId": CLIENT,
        "changeType": "created,updated,deleted",
        "clientState": null,
        "notificationUrl": HOOK,
        "lifecycleNotificationUrl": "https://hooks.example/lifecycle",
        "expirationDateTime": "2026-02-15T23:59:59.1234567Z",
        "creatorId": "8ee44408-0679-472c-bc2a-692812af3437",
        "latestSupportedTlsVersion": "v1_2",
        "includeResourceData": null,
    })
}

fn failed(status: u16, code: &str, message: &str) -> Reply {
    reply(status, &[], json!({"error": {"code": code, "message": message}}).to_string())
}

async fn create(reply: Reply) -> (World, Result<Creation, GraphError>) {
    let world = World::default();
    world.network.answers(reply);
    let new = NewSubscription {
        room: &room(),
        notification_url: HOOK,
        lifecycle_url: "https://hooks.example/lifecycle",
        client_state: "v1.key.room.signature",
        expires_at: at("2026-02-15T23:59:59.5Z"),
    };
    let made = world.tenant().create_subscription(&new).await;
    (world, made)
}

#[tokio::test]
async fn a_subscription_is_asked_for_with_both_addresses_and_immutable_ids() {
    let (world, made) = create(reply(201, &[], raw(ID).to_string())).await;
    let expires_at = at("2026-02-15T23:59:59Z");
    assert_eq!(
        made.unwrap(),
        Creation::Created { id: ID.to_owned(), expires_at },
        "as Graph says, not as we asked"
    );
    let requests = world.network.graph_requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method(), Method::POST);
    assert_eq!(requests[0].uri().to_string(), "https://graph.microsoft.com/v1.0/subscriptions");
    assert_eq!(requests[0].headers()["content-type"], "application/json");
    assert!(requests[0].headers()["prefer"].to_str().unwrap().contains(r#"IdType="ImmutableId""#));
    let body: Value = serde_json::from_slice(requests[0].body()).unwrap();
    assert_eq!(
        body,
        json!({
            "changeType": "created,updated,deleted",
            "resource": format!("users/{ROOM}/events"),
            "notificationUrl": HOOK,
            "lifecycleNotificationUrl": "https://hooks.example/lifecycle",
            "expirationDateTime": "2026-02-15T23:59:59Z",
            "clientState": "v1.key.room.signature",
            "latestSupportedTlsVersion": "v1_2",
        })
    );
}

#[tokio::test]
async fn one_that_exists_is_named_if_the_answer_names_it() {
    let message = format!("Subscription Id <{ID}> already exists for the requested combination");
    let table = [(message.as_str(), Some(ID.to_owned())), ("It already exists.", None)];
    for (message, id) in table {
        let (_, made) = create(failed(409, "Conflict", message)).await;
        assert_eq!(made.unwrap(), Creation::Exists(id));
    }
    let (_, made) = create(reply(409, &[], "<html>")).await;
    assert_eq!(made.unwrap(), Creation::Exists(None));
}

#[tokio::test]
async fn a_failed_handshake_is_worth_another_try() {
    let timed_out = "Subscription validation request timed out.";
    let forbidden = "Subscription validation request failed. HTTP status code is 'Forbidden'. Notification endpoint must respond with \
                     200 OK to validation request.";
    for (code, message) in [
        ("ValidationError", timed_out),
        ("InvalidRequest", forbidden),
        ("ValidationError", ""),
        ("BadRequest", timed_out),
    ] {
        let (_, made) = create(failed(400, code, message)).await;
        let Ok(Creation::NotValidated(trace)) = made else { panic!("{made:?}") };
        assert_eq!(
            (trace.status, trace.code.as_str(), trace.request_id.as_str()),
            (Some(400), code, "req-1")
        );
        assert!(!format!("{trace}").contains("endpoint"), "{trace}");
    }
    let (_, made) = create(failed(400, "InvalidRequest", "Expiration date is out of range.")).await;
    assert!(matches!(made, Err(GraphError::Contract(_))), "{made:?}");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    type Check = fn(&GraphError) -> bool;
    let table: [(u16, &str, Check); 6] = [
        (404, "ResourceNotFound", |error| matches!(error, GraphError::NotFound(_))),
        (404, "ExtensionError", |error| matches!(error, GraphError::Forbidden(_))),
        (400, "ExtensionError", |error| matches!(error, GraphError::Forbidden(_))),
        (429, "TooManyRequests", |error| matches!(error, GraphError::Throttled { .. })),
        (503, "ServiceUnavailable", |error| matches!(error, GraphError::Transient(_))),
        (422, "Odd", |error| matches!(error, GraphError::Contract(_))),
    ];
    for (status, code, check) in table {
        let (_, made) = create(failed(status, code, "Canary message")).await;
        let error = made.unwrap_err();
        assert!(check(&error), "{status} {code}: {error:?}");
        assert!(!error.to_string().contains("Canary"), "{error}");
    }
    let (_, made) = create(Err(roomsync_graph::TransportError::Timeout)).await;
    assert!(matches!(made, Err(GraphError::Transient(_))), "{made:?}");
    let mut endless = raw(ID);
    endless["expirationDateTime"] = json!("0001-01-01T00:00:00Z");
    let (_, made) = create(reply(201, &[], endless.to_string())).await;
    assert!(matches!(made, Err(GraphError::Contract(_))), "{made:?}");
}

#[tokio::test]
async fn every_page_of_the_list_is_read_and_no_link_leads_elsewhere() {
    let next = "https://graph.microsoft.com/v1.0/subscriptions?$skiptoken=x";
    let page = |ids: &[&str], next: Option<&str>| {
        let mut page = json!({"value": ids.iter().map(|id| raw(id)).collect::<Vec<_>>()});
        if let Some(next) = next {
            page["@odata.nextLink"] = json!(next);
        }
        ok(page.to_string())
    };
    let world = World::default();
    world
        .network
        .answers(page(&["a", "b"], Some(next)))
        .answers(page(&[], Some(next)))
        .answers(page(&["c"], None));
    let ids: Vec<String> =
        world.tenant().subscriptions().await.unwrap().into_iter().map(|found| found.id).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    for wrong in [
        "https://evil.example/v1.0/subscriptions",
        "https://graph.microsoft.com/v1.0/subscriptions/x",
        "https://graph.microsoft.com/v1.0/users",
    ] {
        let world = World::default();
        world.network.answers(page(&["a"], Some(wrong)));
        let error = world.tenant().subscriptions().await.unwrap_err();
        assert!(error.to_string().contains("LinkTo"), "{error}");
        assert_eq!(world.network.graph_requests().len(), 1);
    }
}

#[tokio::test]
async fn what_is_odd_in_the_list_hides_nothing() {
    let world = World::default();
    let with = |id: &str, field: &str, value: Value| {
        let mut row = raw(id);
        row[field] = value;
        row
    };
    let rows = json!([
        with("a", "notificationUrl", Value::Null),
        with("b", "expirationDateTime", Value::Null),
        with("c", "expirationDateTime", json!("soon")),
        with("", "resource", Value::Null),
        with("x", "id", json!(7)),
        null,
        {"id": "d"},
        with("e", "resource", json!(format!("/Users/{ROOM}/Events"))),
    ]);
    world.network.answers(ok(json!({"value": rows}).to_string()));
    let found = world.tenant().subscriptions().await.unwrap();
    let ids: Vec<&str> = found.iter().map(|found| found.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c", "d", "e"]);
    assert_eq!(found[0].notification_url, None);
    assert_eq!(found[4].notification_url.as_deref(), Some(HOOK));
}

#[tokio::test]
async fn an_end_is_read_however_it_is_written() {
    for text in [
        "2026-02-15T12:00:00Z",
        "2026-02-15T12:00:00.0000000Z",
        "2026-02-15T13:00:00.5+01:00",
        "2026-02-15T12:00:00+00:00",
    ] {
        let world = World::default();
        let mut renewed = raw(ID);
        renewed["expirationDateTime"] = json!(text);
        world.network.answers(ok(renewed.to_string()));
        let until = world.tenant().renew_subscription(ID, at("2026-02-15T12:00:00Z")).await.unwrap();
        assert_eq!(until, Some(at("2026-02-15T12:00:00Z")), "{text}");
    }
}

#[tokio::test]
async fn renewing_tells_until_when() {
    let world = World::default();
    world.network.answers(ok(raw(ID).to_string())).answers(error(404, "ResourceNotFound"));
    let until = at("2026-02-15T12:00:00Z");
    assert_eq!(
        world.tenant().renew_subscription(ID, until).await.unwrap(),
        Some(at("2026-02-15T23:59:59Z")),
        "as Graph says, not as we asked"
    );
    assert_eq!(world.tenant().renew_subscription(ID, until + TimeDelta::days(1)).await.unwrap(), None);
    let requests = world.network.graph_requests();
    assert_eq!(requests[0].method(), Method::PATCH);
    assert_eq!(requests[0].uri().path(), format!("/v1.0/subscriptions/{ID}"));
    assert_eq!(requests[0].body(), r#"{"expirationDateTime":"2026-02-15T12:00:00Z"}"#);
}

#[tokio::test]
async fn one_that_is_gone_is_deleted() {
    let world = World::default();
    world
        .network
        .answers(reply(204, &[], ""))
        .answers(error(404, "ResourceNotFound"))
        .answers(error(410, "Gone"))
        .answers(error(503, "ServiceUnavailable"))
        .answers(error(404, "ResourceNotFound"))
        .answers(ok(raw(ID).to_string()));
    let tenant = world.tenant();
    tenant.delete_subscription("../users").await.unwrap();
    tenant.delete_subscription(ID).await.unwrap();
    tenant.delete_subscription(ID).await.unwrap();
    assert!(tenant.delete_subscription(ID).await.is_err());
    assert_eq!(tenant.subscription(ID).await.unwrap(), None);
    assert_eq!(tenant.subscription(ID).await.unwrap().unwrap().id, ID);
    let requests = world.network.graph_requests();
    assert_eq!(requests[0].uri().path(), "/v1.0/subscriptions/..%2Fusers");
}
