//! One invocation: a batch of hints, one look per room, every record accounted for.

use crate::memory::RoomMemory;
use crate::outcome::{Outcome, Tally};
use crate::poll_room::{Tools, poll_room};
use crate::stop::Stop;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use roomsync_domain::announced::Announced;
use roomsync_domain::hint::PollHint;
use roomsync_domain::notice::Notices;
use roomsync_domain::tenant::Tenant;
use roomsync_domain::{Instant, RoomRef};
use roomsync_ports::{BookingStore, Clock, Graph, HintQueue, RoomStore, StoreError, TenantStore};
use roomsync_runtime::batch::{self, Messages, Verdict};
use roomsync_runtime::metrics::{Duration, Metric, Metrics};
use roomsync_runtime::tenants::TenantCache;
use std::cell::RefCell;
use tracing::{debug, error, info, warn};

/// Rooms that are looked at at once.
const AT_ONCE: usize = 10;

/// What lives as long as the environment.
#[derive(Debug)]
pub struct Deps<G, S, Q, K> {
    /// Graph.
    pub graph: G,
    /// The tables.
    pub store: S,
    /// Where messages go that cannot be understood.
    pub queue: Q,
    /// The clock.
    pub clock: K,
    /// Tenants, for a minute.
    pub tenants: TenantCache,
    /// What this environment remembers of rooms.
    pub memory: RoomMemory,
}

impl<G, S, Q, K> Deps<G, S, Q, K> {
    /// Fresh dependencies.
    pub fn new(graph: G, store: S, queue: Q, clock: K) -> Self {
        Self { graph, store, queue, clock, tenants: TenantCache::default(), memory: RoomMemory::default() }
    }
}

/// Handles a batch. No call is begun after `deadline`.
pub async fn handle<G, S, Q, K>(
    event: SqsEvent,
    deps: &Deps<G, S, Q, K>,
    deadline: Instant,
) -> SqsBatchResponse
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore,
    Q: HintQueue,
    K: Clock,
{
    let begun = deps.clock.now();
    let metrics = RefCell::new(Metrics::new(begun));
    let answer = batch::run(
        event,
        &deps.queue,
        AT_ONCE,
        async |room: &RoomRef, hint: &PollHint, messages: &Messages| {
            look(deps, room, hint, messages.notices(), deadline, &metrics).await
        },
    )
    .await;
    let metrics = metrics.into_inner();
    metrics.emit();
    let (rooms, quiet) = (metrics.number(Metric::Polls), metrics.number(Metric::QuietPolls));
    let duration_ms = (deps.clock.now() - begun).num_milliseconds();
    info!(rooms, quiet, duration_ms, "Looked at a batch of rooms");
    answer
}

/// Looks at one room and tells what becomes of its messages.
async fn look<G, S, Q, K>(
    deps: &Deps<G, S, Q, K>,
    room: &RoomRef,
    hint: &PollHint,
    notices: Notices,
    deadline: Instant,
    metrics: &RefCell<Metrics>,
) -> Verdict
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore,
    K: Clock,
{
    let begun = deps.clock.now();
    let result = match tenant(deps, room, begun).await {
        Ok(Some(tenant)) => {
            let calendar = deps.graph.tenant(&tenant.config);
            let tools =
                Tools { calendar: &calendar, store: &deps.store, clock: &deps.clock, memory: &deps.memory };
            poll_room(hint, notices, &tenant, &tools, deadline).await
        }
        Ok(None) => Ok(Outcome::Unknown),
        Err(error) => Err(Stop::Store(error)),
    };
    let now = deps.clock.now();
    let duration_ms = (now - begun).num_milliseconds();
    match result {
        Ok(outcome) => {
            let metrics = &mut metrics.borrow_mut();
            report(room, &outcome, duration_ms, metrics);
            measure(hint, &outcome, now, metrics);
            verdict(hint, notices, &outcome, begun)
        }
        Err(stop) => {
            warn!(room.id = %room, duration_ms, error = %stop, "The look at a room goes back to the queue");
            Verdict::Back
        }
    }
}

/// What becomes of the messages after a look that was begun at `begun`.
fn verdict(hint: &PollHint, notices: Notices, outcome: &Outcome, begun: Instant) -> Verdict {
    let is_quiet = match outcome {
        Outcome::Postponed(delay) => return Verdict::Later { delay: *delay, sent_after: None },
        Outcome::Quiet => true,
        Outcome::Done { .. } => false,
        _ => return Verdict::Done,
    };
    if hint.noticed_at.is_none() || hint.full {
        return Verdict::Done;
    }
    notices
        .again(begun, is_quiet)
        .map_or(Verdict::Done, |(answered, delay)| Verdict::Later { delay, sent_after: Some(answered) })
}

/// How long a change that was written took from its calendar to us, and from there to the table.
fn measure(hint: &PollHint, outcome: &Outcome, now: Instant, metrics: &mut Metrics) {
    let (Some(noticed_at), Outcome::Done { tally, made_at, .. }) = (hint.noticed_at, outcome) else { return };
    if *tally == Tally::default() {
        return;
    }
    let parts = Announced::new(noticed_at, *made_at, now);
    metrics.sample(Duration::NoticeToTable, parts.to_table_ms);
    if let Some(ms) = parts.to_notice_ms {
        metrics.sample(Duration::ChangeToNotice, ms);
    }
}

async fn tenant<G, S: TenantStore, Q, K>(
    deps: &Deps<G, S, Q, K>,
    room: &RoomRef,
    now: Instant,
) -> Result<Option<Tenant>, StoreError> {
    deps.tenants.get(&deps.store, &room.tenant, now).await
}

/// One line for each room with which something is; the quiet ones, which are nearly all, are counted in the batch's line.
fn report(room: &RoomRef, outcome: &Outcome, duration_ms: i64, metrics: &mut Metrics) {
    let name = outcome.name();
    let is_look = !matches!(outcome, Outcome::Listening | Outcome::Answered | Outcome::Postponed(_));
    metrics.count(if is_look { Metric::Polls } else { Metric::SparedPolls }, 1);
    match outcome {
        Outcome::Listening | Outcome::Answered | Outcome::Postponed(_) => {
            debug!(room.id = %room, outcome = name, "Need not look at a room");
        }
        Outcome::Quiet => {
            metrics.count(Metric::QuietPolls, 1);
            debug!(room.id = %room, outcome = name, duration_ms, "Looked at a room");
        }
        Outcome::Unknown => {
            info!(room.id = %room, outcome = name, duration_ms, "A hint names a room that is not there")
        }
        Outcome::Done { tally, drift, mode, is_silent, .. } => {
            if *is_silent {
                metrics.count(Metric::Silent, 1);
                warn!(
                    room.id = %room,
                    "A change was not announced: the room's subscription is silent, and the room is polled at the short interval"
                );
            }
            let drift = drift.map(|drift| drift.repaired);
            metrics.count(Metric::Changes, tally.created + tally.updated + tally.ended + tally.revived);
            if let Some(repaired) = drift {
                metrics.count(Metric::Drift, repaired as usize);
            }
            info!(
                room.id = %room, outcome = name, duration_ms, sync.mode = ?mode, created = tally.created, updated = tally.updated,
                ended = tally.ended, revived = tally.revived, drift, "Brought a room into step"
            );
        }
        Outcome::Waiting(until) => {
            info!(room.id = %room, outcome = name, duration_ms, %until, "Graph asked to wait")
        }
        Outcome::Guarded(guarded) => {
            metrics.count(Metric::GuardStopped, 1);
            error!(
                room.id = %room, outcome = name, duration_ms, ending = guarded.ending, of = guarded.of,
                "The guard stopped a run that would end many bookings; the next look or `roomsync resync --accept-mass-end` decides"
            );
        }
        Outcome::Troubled(kind) => {
            metrics.count(Metric::Troubled, 1);
            warn!(room.id = %room, outcome = name, duration_ms, trouble = ?kind, "A room cannot be read");
        }
    }
}
