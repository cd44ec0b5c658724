//! The transport that ships, with a look at the meetings that are made through it.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use roomsync_graph::{HttpTransport, SetupError, Transport, TransportError};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

/// A POST of a meeting.
pub(crate) struct Carried {
    /// When it was handed to the HTTP client.
    pub(crate) sent: Instant,
    /// When its answer had been read.
    pub(crate) answered: Instant,
    /// Where it went.
    pub(crate) url: String,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Bytes,
}

/// The transport.
#[derive(Clone)]
pub(crate) struct Wire {
    http: HttpTransport,
    last: Rc<RefCell<Option<Carried>>>,
}

impl Wire {
    /// With an empty pool.
    pub(crate) fn new() -> Result<Self, SetupError> {
        Ok(Self { http: HttpTransport::new()?, last: Rc::default() })
    }

    /// The last meeting that was made.
    pub(crate) fn take(&self) -> Option<Carried> {
        self.last.take()
    }
}

impl Transport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if *request.method() != Method::POST || !request.uri().path().ends_with("/events") {
            return self.http.send(request).await;
        }
        let (url, headers) = (request.uri().to_string(), request.headers().clone());
        let (body, sent) = (request.body().clone(), Instant::now());
        let answer = self.http.send(request).await;
        *self.last.borrow_mut() = Some(Carried { sent, answered: Instant::now(), url, headers, body });
        answer
    }
}
