//! The transport under the real Graph adapter: the twin behind a door that the executor opens, with every request checked.

use crate::postman::Proof;
use crate::universe::{Caller, Failure, Fate, Kind, What, Zombie};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use http::{Method, Request, Response};
use roomsync_domain::Instant;
use roomsync_graph::{Transport, TransportError};
use roomsync_ports::Clock;
use roomsync_twin::{Delivery, Fault};
use std::cell::Cell;

const GRAPH: &str = "graph.microsoft.com";
const LOGIN: &str = "login.microsoftonline.com";

/// The transport of one environment.
#[derive(Clone)]
pub(crate) struct SimTransport(pub(crate) Caller);

/// What a request is, by its address.
pub(crate) struct Address {
    pub(crate) kind: Kind,
    /// Mailbox, or user, or tenant of the login host.
    pub(crate) whom: String,
    /// What `Retry-After` closes.
    pub(crate) lane: String,
}

impl Address {
    fn of(request: &Request<Bytes>) -> Option<Self> {
        let uri = request.uri();
        if uri.scheme_str() != Some("https") || uri.port().is_some() {
            return None;
        }
        let parts: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
        let query = uri.query().unwrap_or_default();
        let (kind, whom) = match (uri.host()?, parts.as_slice()) {
            (LOGIN, [tenant, "oauth2", "v2.0", "token"]) => (Kind::Login, *tenant),
            (GRAPH, ["v1.0", "places", ..]) => (Kind::Places, ""),
            (GRAPH, ["v1.0", "subscriptions"]) if request.method() == http::Method::POST => {
                (Kind::Subscribe, "")
            }
            (GRAPH, ["v1.0", "subscriptions"]) => (Kind::Subscriptions, ""),
            (GRAPH, ["v1.0", "subscriptions", id]) => (Kind::Subscription, *id),
            (GRAPH, ["v1.0", "users"]) => (Kind::User, ""),
            (GRAPH, ["v1.0", "users", who]) => (Kind::User, *who),
            (GRAPH, ["v1.0", "users", who, "calendarView"]) if query.contains("skip=") => {
                (Kind::ViewNext, *who)
            }
            (GRAPH, ["v1.0", "users", who, "calendarView"]) => (Kind::View, *who),
            (GRAPH, ["v1.0", "users", who, "calendarView", _]) if query.contains("deltatoken=") => {
                (Kind::DeltaLink, *who)
            }
            (GRAPH, ["v1.0", "users", who, "calendarView", _]) if query.contains("skiptoken=") => {
                (Kind::DeltaNext, *who)
            }
            (GRAPH, ["v1.0", "users", who, "calendarView", _]) => (Kind::DeltaStart, *who),
            (GRAPH, ["v1.0", "users", who, "events"]) if *request.method() == Method::POST => {
                (Kind::Create, *who)
            }
            (GRAPH, ["v1.0", "users", who, "events"]) => (Kind::Marked, *who),
            (GRAPH, ["v1.0", "users", who, "events", _, "decline"]) => (Kind::Decline, *who),
            (GRAPH, ["v1.0", "users", who, "events", _]) => match *request.method() {
                Method::PATCH => (Kind::Change, *who),
                Method::DELETE => (Kind::Remove, *who),
                _ if query.contains("attendees") => (Kind::Meeting, *who),
                _ => (Kind::Entry, *who),
            },
            _ => return None,
        };
        let lane = match kind {
            Kind::Login => format!("login {whom}"),
            Kind::Places => "places".to_owned(),
            Kind::User => "users".to_owned(),
            kind if kind.is_of_subscriptions() => "subscriptions".to_owned(),
            _ => whom.to_lowercase().replace("%40", "@"),
        };
        Some(Self { kind, whom: whom.to_lowercase().replace("%40", "@"), lane })
    }
}

impl Transport for SimTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let caller = &self.0;
        let universe = &caller.universe;
        let Some(address) = Address::of(&request) else {
            let uri = request.uri();
            universe.wrong(format!("I12: a call to {}{}", uri.host().unwrap_or_default(), uri.path()));
            return Err(TransportError::Unreachable);
        };
        let bearer = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let lane = universe.request_sent(caller, &address, bearer.unwrap_or_default());
        let what = What { kind: address.kind, about: address.whom.clone() };
        let flight = Flight { caller, request: &request, arrived: Cell::new(false), proof: Cell::new(None) };
        let mut answer = caller.io(what, |fate| flight.deliver(fate)).await;
        flight.arrived.set(true);
        if answer.is_ok()
            && let Some(proof) = flight.proof.take()
        {
            let about = proof.ticket().to_string();
            answer = caller.io(What { kind: Kind::Prove, about }, |fate| proof.settle(fate)).await;
        }
        if let Ok(answer) = &answer {
            universe.answer_received(caller, &address, &lane, answer);
        }
        answer
    }
}

/// A request on its way. If its sender dies it may still arrive.
struct Flight<'a> {
    caller: &'a Caller,
    request: &'a Request<Bytes>,
    arrived: Cell<bool>,
    /// Graph answers when our endpoint has proved itself.
    proof: Cell<Option<Proof<'a>>>,
}

impl Flight<'_> {
    fn deliver(&self, fate: Fate) -> Result<Response<Bytes>, TransportError> {
        match fate {
            Fate::Before(failure @ (Failure::Unreachable | Failure::Other)) => {
                self.arrived.set(true);
                let gone = failure == Failure::Unreachable;
                Err(if gone { TransportError::Unreachable } else { TransportError::Timeout })
            }
            // It may yet arrive.
            Fate::Before(_) if !self.arrived.get() => {
                self.haunt();
                Err(TransportError::Timeout)
            }
            Fate::Before(_) => Err(TransportError::Timeout),
            Fate::After(failure) => {
                let _ = self.pass(None);
                Err(if failure == Failure::Cut { TransportError::Cut } else { TransportError::Timeout })
            }
            Fate::Twice => {
                let _ = self.pass(None);
                self.pass(None)
            }
            Fate::Answer(effect) => self.pass(Some(effect)),
            Fate::Strange => self.pass(None).map(strange),
            Fate::Thin => self.pass(None).map(thin),
            Fate::Normal | Fate::Stale => self.pass(None),
        }
    }

    fn pass(&self, effect: Option<roomsync_twin::faults::Effect>) -> Result<Response<Bytes>, TransportError> {
        self.arrived.set(true);
        let universe = &self.caller.universe;
        let mut twin = universe.twin.borrow_mut();
        if let Some(effect) = effect {
            twin.add_fault(Fault::once("", effect));
        }
        let answer = twin.handle(universe.now(), self.request);
        twin.clear_faults();
        drop(twin);
        if *self.request.method() != Method::GET {
            universe.calendar_written(self.request);
        }
        self.proof.set(answer.handshake.map(|handshake| Proof::begun(universe, handshake)));
        universe.story.mark(&[
            2,
            u64::from(answer.response.status().as_u16()),
            answer.response.body().len() as u64,
        ]);
        travelled(answer.delivery, answer.response)
    }

    /// The request stays on its way although nobody waits for it: up to half a minute (a gateway's queue, a retransmission).
    fn haunt(&self) {
        self.arrived.set(true);
        let universe = &self.caller.universe;
        let wait = TimeDelta::seconds(i64::try_from(universe.step.get() % 30).unwrap_or(0) + 1);
        let zombie = Zombie { lands_at: universe.now() + wait, request: self.request.clone() };
        universe.zombies.borrow_mut().push(zombie);
        universe.count("zombie: request on its way though given up");
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if !self.arrived.get() {
            self.haunt();
        }
    }
}

/// What of an answer arrives.
pub(crate) fn travelled(
    delivery: Delivery,
    answer: Response<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    match delivery {
        Delivery::Normal | Delivery::Delay(_) => Ok(answer),
        Delivery::ResetMidBody => Err(TransportError::Cut),
        Delivery::DropAfterEffect | Delivery::DropBeforeEffect => Err(TransportError::Timeout),
    }
}

/// A list without its first row (msgraph-sdk-javascript issue 906: lists miss active subscriptions).
fn thin(mut response: Response<Bytes>) -> Response<Bytes> {
    let mut body: serde_json::Value = serde_json::from_slice(response.body()).unwrap_or_default();
    if let Some(rows) = body["value"].as_array_mut().filter(|rows| !rows.is_empty()) {
        rows.remove(0);
        *response.body_mut() = Bytes::from(body.to_string());
    }
    response
}

/// An answer from a later version of Graph: values and properties that nobody knows yet.
fn strange(mut response: Response<Bytes>) -> Response<Bytes> {
    if let Ok(text) = std::str::from_utf8(response.body()) {
        let text = text
            .replace(r#""showAs":"busy""#, r#""showAs":"unknownFutureValue""#)
            .replace(r#"{"@odata.etag""#, r#"{"surprise":{"of":[1,null]},"@odata.etag""#);
        *response.body_mut() = Bytes::from(text);
    }
    response
}

/// When a `Retry-After` ends.
pub(crate) fn retry_after(answer: &Response<Bytes>, now: Instant) -> Option<Instant> {
    let status = answer.status();
    if status.as_u16() != 429 && !status.is_server_error() {
        return None;
    }
    let text = answer.headers().get("retry-after")?.to_str().ok()?;
    match text.parse::<f64>() {
        Ok(seconds) => Some(now + TimeDelta::milliseconds((seconds * 1000.0) as i64)),
        Err(_) => Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc()),
    }
}

impl Clock for SimTransport {
    fn now(&self) -> Instant {
        self.0.now()
    }
}
