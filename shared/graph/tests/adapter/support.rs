use bytes::Bytes;
use http::{Request, Response};
use roomsync_domain::entry::Wanted;
use roomsync_domain::tenant::TenantConfig;
use roomsync_domain::time::seconds;
use roomsync_domain::{Instant, RoomId, Span};
use roomsync_graph::{GraphClient, Options, TenantGraph, Transport, TransportError};
use roomsync_ports::{Clock, Graph, Secret, SecretError, Secrets};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

pub(crate) const TENANT: &str = "84bd8158-6d4d-4958-8b9f-9d6445542f95";
pub(crate) const ROOM: &str = "3f0c1d52-7a1b-4a59-9d0e-0c5c1b8f6a01";
pub(crate) const CLIENT: &str = "0a4d3c5e-7f0b-4c3e-a9c5-1d2e3f405162";
pub(crate) const BOTH: Wanted = Wanted { subject: true, organizer: true };

/// What the network does next.
pub(crate) type Reply = Result<Response<Bytes>, TransportError>;

/// A network that answers from two lists, keeps every request and counts how many are under way.
#[derive(Default)]
pub(crate) struct Network {
    /// Answers of Graph, in order; none left fails the test.
    pub(crate) graph: Mutex<VecDeque<Reply>>,
    /// Answers of the login host; none left gives `token-1`, `token-2`, …
    pub(crate) login: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Request<Bytes>>>,
    under_way: Mutex<BTreeMap<String, usize>>,
    most: Mutex<usize>,
}

impl Network {
    pub(crate) fn answers(&self, reply: Reply) -> &Self {
        self.graph.lock().unwrap().push_back(reply);
        self
    }

    /// Requests to Graph.
    pub(crate) fn graph_requests(&self) -> Vec<Request<Bytes>> {
        self.requests(false)
    }

    /// Requests to the login host.
    pub(crate) fn login_requests(&self) -> Vec<Request<Bytes>> {
        self.requests(true)
    }

    fn requests(&self, login: bool) -> Vec<Request<Bytes>> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|request| is_login(request) == login).cloned().collect()
    }

    /// The most requests with the same path that were ever under way together.
    pub(crate) fn most_at_once(&self) -> usize {
        *self.most.lock().unwrap()
    }
}

fn is_login(request: &Request<Bytes>) -> bool {
    request.uri().path().ends_with("/oauth2/v2.0/token")
}

impl Transport for Network {
    async fn send(&self, request: Request<Bytes>) -> Reply {
        let path = request.uri().path().to_owned();
        let login = is_login(&request);
        self.seen.lock().unwrap().push(request);
        {
            let mut under_way = self.under_way.lock().unwrap();
            let count = under_way.entry(path.clone()).or_default();
            *count += 1;
            let mut most = self.most.lock().unwrap();
            *most = (*most).max(*count);
        }
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        *self.under_way.lock().unwrap().get_mut(&path).unwrap() -= 1;
        if login {
            let number = self.login_requests().len();
            self.login.lock().unwrap().pop_front().unwrap_or_else(|| token(&format!("token-{number}"), 3600))
        } else {
            self.graph.lock().unwrap().pop_front().expect("a request that the test did not expect")
        }
    }
}

/// A clock that stands still until it is moved.
pub(crate) struct HandClock(Mutex<Instant>);

impl HandClock {
    pub(crate) fn forward(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Default for HandClock {
    fn default() -> Self {
        Self(Mutex::new(at("2026-02-09T12:00:00Z")))
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}

/// Secrets by name, and how often they were read.
pub(crate) struct Safe {
    pub(crate) value: Mutex<String>,
    /// Values to give first, one per reading.
    pub(crate) before: Mutex<VecDeque<String>>,
    pub(crate) readings: Mutex<usize>,
}

impl Default for Safe {
    fn default() -> Self {
        Self { value: Mutex::new("s~e+c/r=t".to_owned()), before: Mutex::default(), readings: Mutex::new(0) }
    }
}

impl Secrets for Safe {
    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        *self.readings.lock().unwrap() += 1;
        if name != "demo" {
            return Err(SecretError::Missing(name.to_owned()));
        }
        let before = self.before.lock().unwrap().pop_front();
        Ok(Secret::new(before.unwrap_or_else(|| self.value.lock().unwrap().clone())))
    }

    async fn read_previous(&self, _: &str) -> Result<Option<Secret>, SecretError> {
        Ok(None)
    }
}

/// Everything that the adapter stands on.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) clock: HandClock,
    pub(crate) safe: Safe,
}

impl World {
    pub(crate) fn client(&self) -> GraphClient<&Network, &Safe, &HandClock> {
        GraphClient::new(&self.network, &self.safe, &self.clock, Options::default())
    }

    pub(crate) fn tenant(&self) -> TenantGraph<&Network, &Safe, &HandClock> {
        self.client().tenant(&config(TENANT))
    }
}

pub(crate) fn config(tenant: &str) -> TenantConfig {
    serde_json::from_value(serde_json::json!({
        "tenant": tenant,
        "name": "Demo",
        "credential": {"client_id": CLIENT, "secret": {"name": "demo"}},
        "rooms": {"select": "all"},
        "time_zone": "Europe/Paris",
    }))
    .unwrap()
}

pub(crate) fn room() -> RoomId {
    RoomId::new(ROOM)
}

pub(crate) fn at(text: &str) -> Instant {
    seconds::parse(text).unwrap()
}

pub(crate) fn span(start: &str, end: &str) -> Span {
    Span::new(at(start), at(end))
}

pub(crate) fn week() -> Span {
    span("2026-02-09T00:00:00Z", "2026-02-16T00:00:00Z")
}

pub(crate) fn fixture(name: &str) -> Reply {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/graph").join(name);
    ok(std::fs::read(path).unwrap())
}

pub(crate) fn ok(body: impl Into<Bytes>) -> Reply {
    reply(200, &[], body)
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut response = Response::builder().status(status).header("request-id", "req-1");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(body.into()).unwrap())
}

pub(crate) fn error(status: u16, code: &str) -> Reply {
    reply(status, &[], format!(r#"{{"error":{{"code":"{code}","message":"Canary message"}}}}"#))
}

pub(crate) fn token(name: &str, life: u64) -> Reply {
    ok(format!(r#"{{"token_type":"Bearer","expires_in":{life},"access_token":"{name}"}}"#))
}

pub(crate) fn empty_view() -> Reply {
    ok(r#"{"value":[]}"#)
}

pub(crate) fn bearer(request: &Request<Bytes>) -> &str {
    request.headers()["authorization"].to_str().unwrap()
}
