//! The adapter as it ships, over a network that answers with whatever a target puts there.

use crate::{ROOM, TENANT};
use bytes::Bytes;
use http::{Request, Response};
use percent_encoding::percent_decode_str;
use roomsync_graph::{GraphClient, Options, TenantGraph, Transport, TransportError};
use roomsync_ports::Graph;
use roomsync_testkit::{MemorySecrets, TestClock, at};
use std::sync::{Mutex, MutexGuard, PoisonError};
use url::Url;

/// An answer of the network.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// `Retry-After`, if it is one.
    pub retry_after: Vec<u8>,
}

impl Answer {
    /// 200 with a body.
    #[must_use]
    pub fn ok(body: Vec<u8>) -> Self {
        Self { status: 200, body, ..Self::default() }
    }

    fn response(&self) -> Response<Bytes> {
        let mut response = Response::builder().status(self.status).header("request-id", "req-1");
        if let Ok(value) = http::HeaderValue::from_bytes(&self.retry_after)
            && !self.retry_after.is_empty()
        {
            response = response.header("retry-after", value);
        }
        response.body(Bytes::from(self.body.clone())).unwrap_or_default()
    }
}

/// A network with one answer of Graph and one of the login host; keeps every request.
#[derive(Debug)]
pub struct Site {
    graph: Answer,
    login: Answer,
    seen: Mutex<Vec<Request<Bytes>>>,
}

impl Site {
    /// Graph answers like this, the login host with a token.
    #[must_use]
    pub fn new(graph: Answer) -> Self {
        let token = br#"{"token_type":"Bearer","expires_in":3599,"access_token":"token-1"}"#;
        Self { graph, login: Answer::ok(token.to_vec()), seen: Mutex::default() }
    }

    /// The login host answers like this.
    #[must_use]
    pub fn refusing(login: Answer) -> Self {
        Self { login, ..Self::new(Answer::default()) }
    }

    /// Asks the adapter something.
    pub fn ask<T>(&self, ask: impl AsyncFnOnce(TenantGraph<&Self, &MemorySecrets, TestClock>) -> T) -> T {
        let secrets = MemorySecrets::new();
        secrets.put("roomsync/contoso", "s~e+c/r=t");
        let clock = TestClock::new(at("2026-02-09T12:00:00Z"));
        let client = GraphClient::new(self, &secrets, clock, Options::default());
        futures::executor::block_on(ask(client.tenant(&roomsync_testkit::config())))
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.seen().clone()
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Request<Bytes>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Site {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let login = request.method() == http::Method::POST;
        self.seen().push(request);
        Ok(if login { &self.login } else { &self.graph }.response())
    }
}

/// Whether a link leads to the calendar of our room and nowhere else, said by a URL parser and not by our own guard.
#[must_use]
pub fn is_home(link: &str) -> bool {
    let Ok(url) = Url::parse(link) else { return false };
    let origin =
        url.scheme() == "https" && url.host_str() == Some("graph.microsoft.com") && url.port().is_none();
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let path = percent_decode_str(url.path()).decode_utf8_lossy().to_lowercase();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let mailbox = |name: &str| name == ROOM || name == format!("{ROOM}@{TENANT}");
    let rest = match parts.as_slice() {
        ["v1.0", "users", name, rest @ ..] if mailbox(name) => rest,
        ["v1.0", users, rest @ ..] => {
            let key = users.strip_prefix("users('").and_then(|key| key.strip_suffix("')"));
            if !key.is_some_and(mailbox) {
                return false;
            }
            rest
        }
        _ => return false,
    };
    let calendar = matches!(rest, ["calendarview"] | ["events", _])
        || matches!(rest, ["calendarview", function] if function.trim_end_matches("()").ends_with("delta"));
    origin && bare && calendar
}

/// Whether a request goes to our tenant at the login host.
#[must_use]
pub fn login_is_home(uri: &http::Uri) -> bool {
    *uri == *format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token")
}
