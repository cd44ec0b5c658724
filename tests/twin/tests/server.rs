//! The twin behind a socket: faults of the connection itself, and the control API.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use roomsync_twin::serve::Server;
use roomsync_twin::{Twin, World as Start, demo};
use serde_json::{Value, json};
use support::{ROOM, TENANT, WINDOW};

async fn server() -> Server {
    let mut twin = Twin::new(1);
    twin.add_world(Start { tenants: vec![support::tenant(TENANT)] });
    Server::start(twin, 0).await.unwrap()
}

/// One request on a connection of its own; an error is whatever broke.
async fn send(
    server: &Server,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> Result<(u16, Bytes), hyper::Error> {
    let address = server.url().replace("http://", "");
    let stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", address)
        .header("authorization", format!("Bearer {token}"))
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    let talk = async move {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    };
    let (answer, _) = tokio::join!(talk, connection);
    answer
}

async fn control(server: &Server, method: &str, path: &str, body: Value) -> (u16, Value) {
    let (status, bytes) =
        send(server, method, &format!("/_twin/{path}"), "", &body.to_string()).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

async fn token(server: &Server) -> String {
    let scope = format!("{}/.default", server.url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", support::CLIENT),
        ("client_secret", "s3cret~+/="),
        ("scope", &scope),
    ];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let (_, bytes) = send(server, "POST", &format!("/{TENANT}/oauth2/v2.0/token"), "", &form).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

fn booking() -> Value {
    json!({"action": "book", "meeting": {
        "organizer": {"name": "Megan", "address": "megan@contoso.example"}, "subject": "Over the wire", "rooms": [ROOM],
        "span": {"start": "2030-02-04T10:00:00", "end": "2030-02-04T11:00:00", "zone": "Romance Standard Time"}}})
}

#[tokio::test]
async fn what_outlook_does_over_the_wire_is_seen_over_the_wire() {
    let server = server().await;
    let (status, clock) = control(&server, "PUT", "clock", json!({"now": "2030-02-01T00:00:00Z"})).await;
    assert_eq!((status, &clock["manual"]), (200, &json!(true)));
    let (status, made) = control(&server, "POST", &format!("tenants/{TENANT}/actions"), booking()).await;
    assert_eq!(status, 200, "{made}");
    let token = token(&server).await;
    let path = format!("/v1.0/users/{ROOM}/calendarView/delta?{}", WINDOW.replace("2026", "2030"));
    let (status, bytes) = send(&server, "GET", &path, &token, "").await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((status, &body["value"][0]["subject"]), (200, &json!("Over the wire")));
    assert!(body["@odata.deltaLink"].as_str().unwrap().starts_with(&server.url()));
    let truth = control(
        &server,
        "GET",
        &format!("calendar/{ROOM}?from=2030-01-01T00:00:00Z&to=2030-03-01T00:00:00Z"),
        json!({}),
    )
    .await
    .1;
    assert_eq!((&truth[0]["start"], &truth[0]["uid"]), (&json!("2030-02-04T09:00:00Z"), &made["meeting"]));
    let again = control(&server, "POST", "clock/advance", json!({"seconds": 60})).await.1;
    assert_eq!(again["now"], "2030-02-01T00:01:00Z");
}

#[tokio::test]
async fn connections_break_as_ordered() {
    let server = server().await;
    let token = token(&server).await;
    for (effect, broken) in
        [("reset", true), ("dropAfterEffect", true), ("dropBeforeEffect", true), ("emptyBody", false)]
    {
        let fault = json!({"match": {"path": "places"}, "times": 1, "effect": {"type": effect}});
        assert_eq!(control(&server, "POST", "faults", fault).await.0, 200);
        let answer = send(&server, "GET", "/v1.0/places/microsoft.graph.room", &token, "").await;
        assert_eq!(answer.is_err(), broken, "{effect}");
        assert_eq!(
            send(&server, "GET", "/v1.0/places/microsoft.graph.room", &token, "").await.unwrap().0,
            200
        );
    }
}

#[tokio::test]
async fn concurrency_is_seen_while_answers_take_their_time() {
    let server = server().await;
    let token = token(&server).await;
    server.with(|state| {
        let tuning = roomsync_twin::Tuning { latency_ms: 100, ..state.twin.tuning().clone() };
        state.twin.tune(tuning);
    });
    let path = format!("/v1.0/users/{ROOM}/calendarView?{WINDOW}");
    let calls = (0..6).map(|_| send(&server, "GET", &path, &token, ""));
    futures::future::join_all(calls).await;
    let counters = control(&server, "GET", "counters", json!({})).await.1;
    assert_eq!(
        (&counters["mostInFlight"], &counters["overFour"], &counters["byKind"]["view"]),
        (&json!(6), &json!(2), &json!(6))
    );
}

#[tokio::test]
async fn every_control_route_answers_and_bad_bodies_name_their_fault() {
    let server = server().await;
    let tenant = |rest: &str| format!("tenants/{TENANT}/{rest}");
    let fine = [
        ("GET", "health".to_owned(), json!({})),
        ("PUT", "tuning".to_owned(), json!({"lagMs": 5})),
        ("GET", "tuning".to_owned(), json!({})),
        ("PUT", "traps".to_owned(), json!({"trap": "emptyPage", "mailbox": ROOM, "probability": 0.5})),
        ("DELETE", "traps".to_owned(), json!({})),
        ("GET", "faults".to_owned(), json!({})),
        ("DELETE", "faults".to_owned(), json!({})),
        ("GET", "tenants".to_owned(), json!({})),
        ("PUT", "tenants".to_owned(), json!({"id": demo::TENANT})),
        ("PUT", tenant("rooms"), json!({"address": "new@contoso.example", "place": {"capacity": 3}})),
        ("DELETE", tenant("rooms/new@contoso.example"), json!({})),
        ("PUT", tenant("lists"), json!({"address": "l@contoso.example"})),
        ("DELETE", tenant("lists/l@contoso.example"), json!({})),
        ("PUT", tenant("apps"), json!({"clientId": support::CLIENT, "consented": true})),
        ("POST", tenant("rotate"), json!({"clientId": support::CLIENT, "secret": "new"})),
        ("POST", tenant("revoke"), json!({})),
        ("PUT", tenant("rooms"), json!({"address": ROOM})),
        (
            "POST",
            tenant(&format!("mailboxes/{ROOM}")),
            json!({"state": "gone", "expireLinks": true, "renewPlaceId": true}),
        ),
        ("DELETE", "counters".to_owned(), json!({})),
        ("GET", "requests?last=5".to_owned(), json!({})),
        ("DELETE", format!("tenants/{}", demo::TENANT), json!({})),
        ("POST", "world".to_owned(), json!({"tenants": []})),
        ("POST", "reset".to_owned(), json!({"seed": 3})),
        ("DELETE", "clock".to_owned(), json!({})),
    ];
    for (method, path, body) in fine {
        let (status, answer) = control(&server, method, &path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
    }
    let (status, answer) = control(&server, "PUT", "tuning", json!({"lag": 5})).await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("unknown field `lag`"));
    assert_eq!(control(&server, "GET", "nothing", json!({})).await.0, 404);
    assert_eq!(control(&server, "PUT", "clock", json!({"now": "2001-01-01T00:00:00Z"})).await.0, 409);
    assert_eq!(control(&server, "POST", "tenants/nobody/actions", booking()).await.0, 409);
}

#[tokio::test]
async fn a_booking_over_the_wire_lands_and_its_mails_can_be_read() {
    let server = server().await;
    control(&server, "PUT", "clock", json!({"now": "2030-02-01T00:00:00Z"})).await;
    let user = json!({"address": "ana.lima@contoso.example"});
    let (status, made) = control(&server, "PUT", &format!("tenants/{TENANT}/users"), user).await;
    assert_eq!((status, made["id"].as_str().map(str::len)), (200, Some(36)));
    let fault =
        json!({"match": {"kind": "eventCreate"}, "times": 1, "effect": {"type": "landLater", "ms": 20_000}});
    assert_eq!(control(&server, "POST", "faults", fault).await.0, 200);
    let body = json!({
        "subject": "Booked", "transactionId": "t",
        "start": {"dateTime": "2030-02-04T10:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2030-02-04T11:00:00", "timeZone": "UTC"},
        "attendees": [{"type": "resource", "emailAddress": {"address": ROOM}}]
    });
    let token = token(&server).await;
    let url = "/v1.0/users/ana.lima@contoso.example/events";
    assert!(send(&server, "POST", url, &token, &body.to_string()).await.is_err(), "no answer");
    let entries = format!("entries/ana.lima@contoso.example?tenant={TENANT}");
    assert_eq!(control(&server, "GET", &entries, json!({})).await.1, json!([]));
    control(&server, "POST", "clock/advance", json!({"seconds": 30})).await;
    let landed = control(&server, "GET", &entries, json!({})).await.1;
    assert_eq!(
        (&landed[0]["transactionId"], &landed[0]["attendees"][ROOM]),
        (&json!("t"), &json!("accepted"))
    );
    let uid = landed[0]["uid"].as_str().unwrap();
    let mails = control(&server, "GET", &format!("mails?meeting={uid}"), json!({})).await.1;
    assert_eq!(
        (&mails[0]["kind"], &mails[1]["kind"], &mails[1]["answer"]),
        (&json!("invitation"), &json!("response"), &json!("accepted"))
    );
    let counters = control(&server, "GET", "counters", json!({})).await.1;
    assert_eq!(counters["mails"], json!({"invitation": 1, "response": 1}));
    assert_eq!(control(&server, "GET", "entries/nobody", json!({})).await.0, 404);
}
