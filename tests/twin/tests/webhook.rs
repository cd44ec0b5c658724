//! A served twin calls a real endpoint: handshake, notices, retries, and the control API of push.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use roomsync_twin::serve::Server;
use roomsync_twin::{Twin, World as Start, demo};
use serde_json::{Value, json};
use support::{ROOM, TENANT};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// A small webhook: echoes tokens, passes bodies on, answers as it is told.
struct Webhook {
    url: String,
    heard: UnboundedReceiver<(String, String, Value)>,
    status: Arc<Mutex<u16>>,
    _task: tokio::task::JoinSet<()>,
}

impl Webhook {
    async fn start() -> Webhook {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, heard) = unbounded_channel();
        let status = Arc::new(Mutex::new(202));
        let mut task = tokio::task::JoinSet::new();
        task.spawn(serve(listener, tell, status.clone()));
        Webhook { url, heard, status, _task: task }
    }

    /// The next notices: path, content type, items.
    async fn hear(&mut self) -> (String, String, Vec<Value>) {
        let (path, kind, body) = timeout(Duration::from_secs(10), self.heard.recv()).await.unwrap().unwrap();
        (path, kind, body["value"].as_array().unwrap().clone())
    }
}

async fn serve(
    listener: TcpListener,
    tell: UnboundedSender<(String, String, Value)>,
    status: Arc<Mutex<u16>>,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tell, status) = (tell.clone(), status.clone());
        let service = service_fn(move |request| answer(request, tell.clone(), status.clone()));
        connections.spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    tell: UnboundedSender<(String, String, Value)>,
    status: Arc<Mutex<u16>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    if let Some((_, token)) = pairs.find(|(name, _)| name == "validationToken") {
        let echo = Response::builder().header("content-type", "text/plain");
        return Ok(echo.body(Full::new(Bytes::from(token.into_owned()))).unwrap());
    }
    let path = request.uri().path_and_query().unwrap().as_str().to_owned();
    let kind = request.headers()["content-type"].to_str().unwrap().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    tell.send((path, kind, serde_json::from_slice(&body).unwrap())).unwrap();
    let status = *status.lock().unwrap();
    Ok(Response::builder().status(status).body(Full::default()).unwrap())
}

async fn call(server: &Server, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(method, format!("{}{path}", server.url())).bearer_auth(token);
    let response = request.json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
}

/// A twin, a webhook and a subscription between them.
async fn connected() -> (Server, Webhook) {
    let mut twin = Twin::new(1);
    twin.add_world(Start { tenants: vec![support::tenant(TENANT)] });
    let server = Server::start(twin, 0).await.unwrap();
    let webhook = Webhook::start().await;
    assert_eq!(subscribe(&server, &webhook.url).await.0, 201);
    (server, webhook)
}

async fn token(server: &Server, tenant: &str, client: &str, secret: &str) -> String {
    let scope = format!("{}/.default", server.url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", secret),
        ("scope", &scope),
    ];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(format!("{}/{tenant}/oauth2/v2.0/token", server.url())).body(form);
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

async fn subscribe(server: &Server, to: &str) -> (u16, Value) {
    let token = token(server, TENANT, support::CLIENT, "s3cret~+/=").await;
    subscribe_to(server, to, ROOM, &token).await
}

async fn subscribe_to(server: &Server, to: &str, room: &str, token: &str) -> (u16, Value) {
    let end = server.with(|state| state.clock.now()) + chrono::Duration::days(2);
    let body = json!({
        "changeType": "created,updated,deleted", "notificationUrl": format!("{to}/notifications?c=7"),
        "lifecycleNotificationUrl": format!("{to}/lifecycle"), "resource": format!("users/{room}/events"),
        "expirationDateTime": end.to_rfc3339(), "clientState": "mine"
    });
    call(server, "POST", "/v1.0/subscriptions", token, &body).await
}

async fn control(server: &Server, method: &str, path: &str, body: Value) -> (u16, Value) {
    call(server, method, &format!("/_twin/{path}"), "", &body).await
}

/// Books the room for tomorrow.
async fn book(server: &Server) {
    let day = server.with(|state| state.clock.now()).date_naive() + chrono::Days::new(1);
    let span = json!({"start": format!("{day}T10:00:00"), "end": format!("{day}T11:00:00"), "zone": "UTC"});
    let organizer = json!({"name": "Megan", "address": "megan@contoso.example"});
    let meeting = json!({"organizer": organizer, "subject": "Over the wire", "rooms": [ROOM], "span": span});
    let action = json!({"action": "book", "meeting": meeting});
    assert_eq!(control(server, "POST", &format!("tenants/{TENANT}/actions"), action).await.0, 200);
}

#[tokio::test]
async fn a_change_in_outlook_reaches_the_webhook_by_itself() {
    let (server, mut webhook) = connected().await;
    let began = std::time::Instant::now();
    book(&server).await;
    let (path, kind, items) = webhook.hear().await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!((path.as_str(), kind.as_str()), ("/notifications?c=7", "application/json; charset=utf-8"));
    assert_eq!((&items[0]["changeType"], &items[0]["clientState"]), (&json!("created"), &json!("mine")));
    let resource = items[0]["resource"].as_str().unwrap();
    assert!(resource.starts_with("Users/") && resource.contains("/Events/"), "{resource}");
    let (_, _, more) = webhook.hear().await;
    assert_eq!(more[0]["changeType"], "updated");
}

#[tokio::test]
async fn what_the_demo_user_does_is_told_like_anybody_elses() {
    let mut twin = Twin::new(1);
    let mut user = demo::tenant(&mut twin, 1, roomsync_twin::serve::Clock::Real.now());
    let server = Server::start(twin, 0).await.unwrap();
    let mut webhook = Webhook::start().await;
    let token = token(&server, demo::TENANT, demo::CLIENT_ID, demo::SECRET).await;
    let rooms = call(&server, "GET", "/v1.0/places/microsoft.graph.room", &token, &json!({})).await.1;
    let rooms: Vec<&str> =
        rooms["value"].as_array().unwrap().iter().filter_map(|room| room["placeId"].as_str()).collect();
    assert_eq!(rooms.len(), 40);
    for room in &rooms {
        let made = subscribe_to(&server, &webhook.url, room, &token).await;
        assert_eq!(made.0, 201, "{room}: {}", made.1);
    }
    let mut told = Vec::new();
    while told.is_empty() {
        let done = server.with(|state| user.step(&mut state.twin, state.clock.now()));
        match timeout(Duration::from_secs(1), webhook.heard.recv()).await {
            Ok(heard) => told.extend(heard.unwrap().2["value"].as_array().unwrap().clone()),
            Err(_) => assert!(!done.is_empty()),
        }
    }
    let resource = told[0]["resource"].as_str().unwrap();
    assert!(rooms.iter().any(|room| resource.starts_with(&format!("Users/{room}/Events/"))), "{resource}");
    assert_eq!((&told[0]["tenantId"], &told[0]["clientState"]), (&json!(demo::TENANT), &json!("mine")));
}

#[tokio::test]
async fn nobody_at_the_endpoint_means_no_subscription() {
    let mut twin = Twin::new(1);
    twin.add_world(Start { tenants: vec![support::tenant(TENANT)] });
    let server = Server::start(twin, 0).await.unwrap();
    let (status, body) = subscribe(&server, "http://127.0.0.1:9").await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("ValidationError")));
}

#[tokio::test]
async fn a_refused_post_comes_again() {
    let (server, mut webhook) = connected().await;
    let switches = json!({"retryMs": 50, "updatesAfterCreate": 0});
    assert_eq!(control(&server, "PUT", "push", switches).await.0, 200);
    *webhook.status.lock().unwrap() = 503;
    book(&server).await;
    let first = webhook.hear().await;
    *webhook.status.lock().unwrap() = 202;
    assert_eq!(webhook.hear().await, first);
    // The answer is on its way; the log is complete when the twin has it.
    let mut posts = Value::Null;
    while posts[1].is_null() {
        posts = control(&server, "GET", "posts?last=2", json!({})).await.1;
        posts = posts.as_array().unwrap().iter().filter(|post| post["kind"] == "changes").cloned().collect();
    }
    assert_eq!(
        (&posts[0]["status"], &posts[1]["status"], &posts[1]["attempt"]),
        (&json!(503), &json!(202), &json!(2))
    );
}

#[tokio::test]
async fn the_control_api_stops_forges_removes_and_ends() {
    let (server, mut webhook) = connected().await;
    assert_eq!(control(&server, "PUT", "push", json!({"delivering": false, "echoMs": 0})).await.0, 200);
    book(&server).await;
    let withheld =
        async || control(&server, "GET", "counters", json!({})).await.1["push"]["withheld"].clone();
    while withheld().await != 4 {}
    assert_eq!(
        control(&server, "POST", "subscriptions/*/lifecycle", json!({"event": "missed"})).await.0,
        200
    );
    let (path, _, items) = webhook.hear().await;
    assert_eq!((path.as_str(), &items[0]["lifecycleEvent"]), ("/lifecycle", &json!("missed")));
    let all = control(&server, "GET", "subscriptions", json!({})).await.1;
    let id = all[0]["id"].as_str().unwrap();
    assert!(!all.to_string().contains("mine"), "clientState stays between the two");
    let forgery = json!({"which": id, "fields": {"clientState": "guess"}});
    assert_eq!(control(&server, "POST", "push/forge", forgery).await.1["hit"], 1);
    assert_eq!(webhook.hear().await.2[0]["clientState"], "guess");
    assert_eq!(control(&server, "PUT", "push", json!({})).await.0, 200);
    let notify = json!({"changeType": "deleted", "times": 2});
    assert_eq!(control(&server, "POST", &format!("subscriptions/{ROOM}/notify"), notify).await.0, 200);
    assert_eq!(webhook.hear().await.2[0]["changeType"], "deleted");
    for (path, body) in [("mute", json!({"muted": true})), ("expire", json!({}))] {
        assert_eq!(
            control(&server, "POST", &format!("subscriptions/{id}/{path}"), body).await.0,
            200,
            "{path}"
        );
    }
    assert_eq!(control(&server, "DELETE", &format!("subscriptions/{id}"), json!({})).await.0, 404);
    assert_eq!(control(&server, "GET", "push", json!({})).await.1["delivering"], true);
    assert_eq!(control(&server, "PUT", "push", json!({"deliver": true})).await.0, 400);
    let counters = control(&server, "GET", "counters", json!({})).await.1;
    assert_eq!(
        (&counters["push"]["handshakes"], &counters["byKind"]["subscriptionCreate"]),
        (&json!(2), &json!(1))
    );
}
