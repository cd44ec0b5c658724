//! The web server.

use crate::assets;
use crate::day::{self, Day};
use crate::dynamo::{Dynamo, Tables};
use crate::follow::{Notice, Shared, follow};
use crate::health::health;
use crate::source::Source;
use crate::words::Change;
use aws_config::SdkConfig;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use chrono::NaiveDate;
use futures::{Stream, StreamExt, stream};
use roomsync_ports::Clock;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time;

/// How often an open page gets the health.
const HEALTH_EVERY: Duration = Duration::from_secs(2);

/// Where the board looks and listens.
pub struct BoardConfig {
    /// Tables to show.
    pub tables: Tables,
    /// Region, credentials, endpoint.
    pub sdk: SdkConfig,
    /// Loopback address to listen on; port 0 takes any free one.
    pub bind: SocketAddr,
}

/// The board.
#[derive(Debug)]
pub struct Board;

/// A board that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    /// Where it can be seen.
    pub url: String,
    tasks: JoinSet<()>,
    stop: watch::Sender<()>,
    shared: Arc<Shared>,
}

/// What the board knows, for a program that starts it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glance {
    /// Rooms that are kept in step.
    pub rooms: usize,
    /// Of them: copied at least once.
    pub copied: usize,
    /// Of them: not copied and in trouble, so that waiting for them is of no use.
    pub stuck: usize,
    /// Bookings that stand.
    pub bookings: usize,
    /// Changes so far.
    pub changes: u64,
    /// The latest of them, oldest first.
    pub latest: Vec<Change>,
}

/// The board cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Anybody on the network would see the bookings.
    #[error(
        "the board has no login and listens on loopback addresses only, such as 127.0.0.1:4580, not on {0}"
    )]
    Exposed(SocketAddr),
    /// The port is taken, or the address is not ours.
    #[error("the board cannot listen on {at}: {why}; name another port, or 0 for any free one")]
    Taken {
        /// Where.
        at: SocketAddr,
        /// Why not.
        why: std::io::Error,
    },
}

impl Board {
    /// Starts the board over DynamoDB. Tables that are not there yet are waited for.
    ///
    /// # Errors
    /// If it cannot listen.
    pub async fn start(config: BoardConfig) -> Result<Running, StartError> {
        let source = Dynamo::new(&config.sdk, config.tables);
        Self::start_with(source, Arc::new(crate::SystemClock), config.bind).await
    }

    /// Starts the board over any source and clock.
    ///
    /// # Errors
    /// If it cannot listen.
    pub async fn start_with(
        source: impl Source,
        clock: Arc<dyn Clock + Send + Sync>,
        bind: SocketAddr,
    ) -> Result<Running, StartError> {
        if !bind.ip().is_loopback() {
            return Err(StartError::Exposed(bind));
        }
        let taken = |why| StartError::Taken { at: bind, why };
        let listener = TcpListener::bind(bind).await.map_err(taken)?;
        let url = format!("http://{}", listener.local_addr().map_err(taken)?);
        let shared = Arc::new(Shared::new(clock));
        let (stop, mut stopped) = watch::channel(());
        let server =
            axum::serve(listener, router(Served { shared: shared.clone(), stopped: stopped.clone() }))
                .with_graceful_shutdown(async move {
                    let _ = stopped.changed().await;
                });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "The board's server stopped");
            }
        });
        tasks.spawn(follow(source, shared.clone()));
        Ok(Running { url, tasks, stop, shared })
    }
}

impl Running {
    /// What the board knows, with the changes after the first `known`, as far as they are kept.
    #[must_use]
    pub fn glance(&self, known: u64) -> Glance {
        let state = self.shared.state();
        let world = &state.world;
        let mut glance = Glance { changes: world.changes_so_far(), ..Glance::default() };
        for room in world.rooms() {
            let following = world.following(&room.key);
            let copied = following.is_some_and(|following| following.last_full_at.is_some());
            glance.rooms += 1;
            glance.copied += usize::from(copied);
            glance.stuck +=
                usize::from(!copied && following.is_some_and(|following| following.trouble.is_some()));
            glance.bookings += world.bookings(&room.key).count();
        }
        let new = usize::try_from(glance.changes.saturating_sub(known)).unwrap_or(usize::MAX);
        glance.latest = world.changes().take(new).cloned().collect();
        glance.latest.reverse();
        glance
    }

    /// Ends the open pages' streams and everything else.
    pub async fn stop(mut self) {
        let _ = self.stop.send(());
        self.tasks.shutdown().await;
    }
}

#[derive(Clone)]
struct Served {
    shared: Arc<Shared>,
    stopped: watch::Receiver<()>,
}

fn router(served: Served) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/api/day", get(one_day))
        .route("/api/health", get(one_health))
        .route("/events", get(events))
        .layer(middleware::from_fn(guard))
        .with_state(served)
}

/// Refuses requests for another host, so that no foreign page reaches the board through a name that points to loopback.
async fn guard(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        return (StatusCode::MISDIRECTED_REQUEST, "The board answers to 127.0.0.1 and localhost only.")
            .into_response();
    }
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::from_str(&assets::policy()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

async fn page() -> Html<String> {
    Html(assets::page())
}

#[derive(Deserialize)]
struct When {
    /// `YYYY-MM-DD`; today if absent.
    date: Option<NaiveDate>,
}

async fn one_day(State(served): State<Served>, Query(when): Query<When>) -> Json<Day> {
    let now = served.shared.now();
    let state = served.shared.state();
    Json(day::day(&state.world, when.date.unwrap_or_else(|| day::today(&state.world, now))))
}

async fn one_health(State(served): State<Served>) -> Json<crate::health::Health> {
    let now = served.shared.now();
    let state = served.shared.state();
    Json(health(&state.world, now, state.blind.clone()))
}

async fn events(
    State(served): State<Served>,
    Query(when): Query<When>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut stopped = served.stopped.clone();
    let stop = async move {
        let _ = stopped.changed().await;
    };
    let viewer = Viewer::new(&served.shared, when.date);
    let batches = stream::unfold(viewer, |mut viewer| async {
        let events = viewer.next().await?;
        Some((stream::iter(events.into_iter().map(Ok)), viewer))
    });
    Sse::new(batches.flatten().take_until(Box::pin(stop))).keep_alive(KeepAlive::default())
}

/// An open page.
struct Viewer {
    shared: Arc<Shared>,
    date: Option<NaiveDate>,
    notices: broadcast::Receiver<Notice>,
    health: time::Interval,
    greeted: bool,
}

impl Viewer {
    fn new(shared: &Arc<Shared>, date: Option<NaiveDate>) -> Self {
        let mut health = time::interval(HEALTH_EVERY);
        health.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        Self { shared: shared.clone(), date, notices: shared.notices(), health, greeted: false }
    }

    /// What it has to draw next: everything at first, then what changes; nothing once the board stops.
    async fn next(&mut self) -> Option<Vec<Event>> {
        if !self.greeted {
            self.greeted = true;
            return Some(self.everything());
        }
        tokio::select! {
            notice = self.notices.recv() => match notice {
                Ok(Notice::Rows(keys)) => Some(self.rows(keys.iter())),
                Ok(Notice::All) | Err(broadcast::error::RecvError::Lagged(_)) => Some(self.everything()),
                Err(broadcast::error::RecvError::Closed) => None,
            },
            _ = self.health.tick() => Some(vec![self.health()]),
        }
    }

    fn date(&self) -> NaiveDate {
        self.date.unwrap_or_else(|| day::today(&self.shared.state().world, self.shared.now()))
    }

    fn everything(&self) -> Vec<Event> {
        let date = self.date();
        let day = day::day(&self.shared.state().world, date);
        vec![event("day", &day), self.health()]
    }

    fn rows<'a>(&self, keys: impl Iterator<Item = &'a String>) -> Vec<Event> {
        let date = self.date();
        let state = self.shared.state();
        let rows = keys.filter_map(|key| Some(day::row(&state.world, state.world.room(key)?, date)));
        let mut events: Vec<Event> = rows.map(|row| event("row", &row)).collect();
        drop(state);
        events.push(self.health());
        events
    }

    fn health(&self) -> Event {
        let now = self.shared.now();
        let state = self.shared.state();
        event("health", &health(&state.world, now, state.blind.clone()))
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".into());
    Event::default().event(name).data(data)
}
