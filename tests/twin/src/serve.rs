//! The twin behind a socket: login host, Graph and control API on one loopback port; and its POSTs to webhooks.
//!
//! Plain hyper rather than a framework, because faults need the connection itself: an answer that breaks off in the
//! middle, or never comes.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use tokio::sync::Notify;

use crate::courier::{Courier, call_all};
use crate::{Answer, Delivery, Twin, control};

/// Where a served twin takes the time from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    Real,
    /// Stands still until it is set.
    Manual(DateTime<Utc>),
}

impl Clock {
    /// The time now.
    pub fn now(self) -> DateTime<Utc> {
        match self {
            Clock::Real => real_time(),
            Clock::Manual(at) => at,
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place where a served twin meets the real clock")]
fn real_time() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// A twin with its clock, as shared by all connections.
#[derive(Debug)]
pub struct State {
    /// The twin.
    pub twin: Twin,
    /// Its time.
    pub clock: Clock,
}

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Shared,
    accepting: JoinHandle<()>,
    posting: JoinHandle<()>,
}

/// What connections and courier have in common.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    state: Arc<Mutex<State>>,
    /// Rings when there may be something to post.
    pub(crate) bell: Arc<Notify>,
    pub(crate) client: reqwest::Client,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Listens on 127.0.0.1; port 0 takes a free one. The twin's links point to this address from then on.
    pub async fn start(twin: Twin, port: u16) -> io::Result<Server> {
        Self::start_at(Clock::Real, twin, port).await
    }

    /// The same with a clock of one's own, before it has looked at another.
    ///
    /// # Errors
    ///
    /// If the port is taken.
    pub async fn start_at(clock: Clock, mut twin: Twin, port: u16) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        twin.set_base_url(&format!("http://{address}"));
        let client = crate::courier::client().map_err(io::Error::other)?;
        let state = Arc::new(Mutex::new(State { twin, clock }));
        let shared = Shared { state, bell: Arc::new(Notify::new()), client };
        let accepting = background(accept(listener, shared.clone()));
        let posting = background(Courier::new(shared.clone()).run());
        Ok(Server { address, shared, accepting, posting })
    }

    /// `http://127.0.0.1:port`, for the login host and for Graph.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does something with twin and clock between two requests.
    pub fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        let done = action(&mut self.shared.lock());
        self.shared.bell.notify_one();
        done
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
        self.posting.abort();
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a server has one task per connection; they end with the runtime"
)]
fn background(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

async fn accept(listener: TcpListener, shared: Shared) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(stream, shared.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, shared: Shared) {
    // An answer is one small write; without this the client waits for a delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, shared.clone()));
    // A broken connection is the client's or a fault's doing, nothing to report.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

async fn answer(request: Request<Incoming>, shared: Shared) -> Result<Response<Body>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request::from_parts(head, body);
    if request.uri().path().starts_with("/_twin/") {
        let (status, body) = control::handle(&mut shared.lock(), &request);
        shared.bell.notify_one();
        let response = Response::builder().status(status).header("content-type", "application/json");
        return response.body(whole(Bytes::from(body.to_string()))).map_err(io::Error::other);
    }
    let (lane, mut answer) = {
        let State { twin, clock } = &mut *shared.lock();
        (twin.begin(&request), twin.handle(clock.now(), &request))
    };
    if let Some(handshake) = answer.handshake.take() {
        let outcomes = call_all(&shared.client, &handshake.posts).await;
        let State { twin, clock } = &mut *shared.lock();
        answer = twin.finish(clock.now(), handshake, &outcomes);
    }
    shared.bell.notify_one();
    let Answer { response, delivery, .. } = answer;
    if let Delivery::Delay(time) = delivery {
        tokio::time::sleep(time).await;
    }
    shared.lock().twin.end(&lane);
    deliver(response, delivery)
}

fn deliver(response: Response<Bytes>, delivery: Delivery) -> Result<Response<Body>, io::Error> {
    match delivery {
        Delivery::Normal | Delivery::Delay(_) => Ok(response.map(whole)),
        Delivery::ResetMidBody => Ok(response.map(broken)),
        Delivery::DropBeforeEffect | Delivery::DropAfterEffect => {
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        }
    }
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Half of the body, then nothing. The pause lets the first half leave the machine before the connection goes.
fn broken(bytes: Bytes) -> Body {
    let half = bytes.slice(..bytes.len() / 2);
    let reset = futures::stream::once(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    StreamBody::new(futures::stream::iter([Ok(Frame::data(half))]).chain(reset)).boxed_unsync()
}

/// Status of a control answer that went well.
pub(crate) const FINE: StatusCode = StatusCode::OK;
