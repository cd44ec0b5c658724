//! One invocation: a batch of commands, or the clock, which looks for what is not settled.

use crate::event::{Message, lanes};
use crate::rooms::Addresses;
use crate::settle::{Progress, Work};
use crate::stop::Stop;
use crate::write_booking::{Outcome, Turn, write_booking};
use aws_lambda_events::event::sqs::SqsBatchResponse;
use chrono::TimeDelta;
use futures::{FutureExt, StreamExt, stream};
use roomsync_domain::context::Context;
use roomsync_domain::room::RoomStatus;
use roomsync_domain::tenant::TenantStatus;
use roomsync_domain::time::doubled;
use roomsync_domain::writing::Writing;
use roomsync_domain::{BookingId, Instant, TenantId};
use roomsync_ports::{
    BookingStore, Clock, Graph, HintQueue, Rejection, RoomStore, StoreError, TenantStore, WritingStore,
};
use roomsync_runtime::batch::{self, Event};
use roomsync_runtime::metrics::{Metric, Metrics};
use roomsync_runtime::tenants::TenantCache;
use std::panic::AssertUnwindSafe;
use tracing::{error, info, warn};

/// Bookings that are worked on at once.
const AT_ONCE: usize = 10;
/// Bookings that one tick looks at; the rest is due at the next.
const MOST_DUE: usize = 500;
/// Times that a command may come before the clock takes over: the queue counts, and sets aside what comes too often.
const MOST_RECEIVES: u32 = 3;
/// How often it is looked whether a tenant has come back for whom something is left to do.
const AWAY_HOURS: i64 = 1;
/// First pause after a failure that nobody understands, doubled with each, and the longest.
const BACK_OFF_SECONDS: (i64, i64) = (10, 300);

/// What lives as long as the environment.
#[derive(Debug)]
pub struct Deps<G, S, Q, K> {
    /// Graph.
    pub graph: G,
    /// The tables.
    pub store: S,
    /// The command queue, its dead letters and the poll queue.
    pub queue: Q,
    /// The clock.
    pub clock: K,
    /// Tenants, for a minute.
    pub tenants: TenantCache,
    /// Rooms by address, for a minute.
    pub addresses: Addresses,
}

impl<G, S, Q, K> Deps<G, S, Q, K> {
    /// Fresh dependencies.
    pub fn new(graph: G, store: S, queue: Q, clock: K) -> Self {
        Self { graph, store, queue, clock, tenants: TenantCache::default(), addresses: Addresses::default() }
    }
}

/// Handles an event. The answer to the clock is an empty batch answer.
///
/// # Errors
///
/// Only of the clock's look; the next tick makes up for it. A batch accounts for each of its messages.
pub async fn handle<G, S, Q, K>(
    event: Event,
    deps: &Deps<G, S, Q, K>,
    deadline: Instant,
) -> Result<SqsBatchResponse, StoreError>
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore + WritingStore,
    Q: HintQueue,
    K: Clock,
{
    match event {
        Event::Queue(event) => {
            let lanes = lanes(event);
            let back: Vec<Vec<String>> = stream::iter(lanes)
                .map(|messages| lane(messages, deps, deadline))
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            Ok(batch::answer(back.into_iter().flatten().collect()))
        }
        Event::Schedule(_) => {
            sweep(deps, deadline).await?;
            Ok(SqsBatchResponse::default())
        }
    }
}

/// The commands of one booking, in order; the first that goes back takes the later ones with it. Gives the ids of those that go back.
async fn lane<G, S, Q, K>(messages: Vec<Message>, deps: &Deps<G, S, Q, K>, deadline: Instant) -> Vec<String>
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore + WritingStore,
    Q: HintQueue,
    K: Clock,
{
    for (at, message) in messages.iter().enumerate() {
        let work = AssertUnwindSafe(one(message, &messages[at + 1..], deps, deadline)).catch_unwind().await;
        let delay = work.unwrap_or_else(|_| {
            error!(message.id = %message.id, "A command panicked; its message goes back");
            Some(back_off(message.receives))
        });
        let Some(delay) = delay else { continue };
        let back = &messages[at..];
        let receipts: Vec<String> = back.iter().filter_map(|message| message.receipt.clone()).collect();
        if let Err(error) = deps.queue.postpone(&receipts, delay).await {
            warn!(%error, "Commands could not be postponed; they come back when the queue shows them again");
        }
        return back.iter().map(|message| message.id.clone()).collect();
    }
    Vec::new()
}

fn back_off(receives: u32) -> TimeDelta {
    doubled(BACK_OFF_SECONDS, receives.saturating_sub(1))
}

/// One command; gives how long its message stays away, if it goes back. Of the `later` ones of its booking those are gone on with that were
/// accepted before: it may wait for what they have the words for.
async fn one<G, S, Q, K>(
    message: &Message,
    later: &[Message],
    deps: &Deps<G, S, Q, K>,
    deadline: Instant,
) -> Option<TimeDelta>
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore + WritingStore,
    Q: HintQueue,
    K: Clock,
{
    let begun = deps.clock.now();
    let result = write_booking(&message.body, Turn::Next, deps, deadline).await;
    let now = deps.clock.now();
    let mut metrics = Metrics::new(now);
    metrics.count(Metric::Commands, 1);
    let duration_ms = (now - begun).num_milliseconds();
    let delay = match result {
        Ok(Outcome::Done(Progress::Done)) => {
            info!(message.id = %message.id, duration_ms, "Carried out a booking command");
            None
        }
        // The clock goes on with what was accepted; but it comes by only once a minute.
        Ok(Outcome::Done(Progress::Waits { until, words })) => {
            let early = message.receives <= MOST_RECEIVES;
            let pause = if early { TimeDelta::seconds(1) } else { back_off(message.receives) };
            (early || words).then(|| (until - now).max(pause))
        }
        Ok(Outcome::NotYet(until)) => {
            for Message { id, body, .. } in later {
                if let Err(stop) = write_booking(body, Turn::Later, deps, deadline).await {
                    warn!(message.id = %id, error = %stop, "A booking command goes back to the queue");
                }
            }
            let pause = back_off(message.receives);
            Some(until.map_or(pause, |until| (until - now).max(pause)))
        }
        Ok(Outcome::Rejected(rejection)) => {
            metrics.count(Metric::RejectedCommands, 1);
            reject(message, rejection.to_string(), deps).await
        }
        Err(stop) => {
            warn!(message.id = %message.id, duration_ms, error = %stop, "A booking command goes back to the queue");
            Some(back_off(message.receives))
        }
    };
    metrics.emit();
    delay
}

/// Puts a message where people find it; if that cannot be done it goes back.
async fn reject<G, S, Q: HintQueue, K>(
    message: &Message,
    reason: String,
    deps: &Deps<G, S, Q, K>,
) -> Option<TimeDelta> {
    error!(message.id = %message.id, %reason, "A message is no booking command that can be carried out");
    let rejection = Rejection {
        message_id: message.id.clone(),
        group: message.group.clone(),
        body: message.body.clone(),
        reason,
    };
    match deps.queue.reject(&[rejection]).await {
        Ok(()) => None,
        Err(error) => {
            error!(%error, "A message could not be set aside");
            Some(back_off(message.receives))
        }
    }
}

/// Goes on with every booking that is due.
async fn sweep<G, S, Q, K>(deps: &Deps<G, S, Q, K>, deadline: Instant) -> Result<(), StoreError>
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore + WritingStore,
    Q: HintQueue,
    K: Clock,
{
    let due = deps.store.due(deps.clock.now(), MOST_DUE).await?;
    let bookings = due.len();
    let settled: Vec<bool> = stream::iter(due)
        .map(|(tenant, booking)| async move {
            let work = AssertUnwindSafe(go_on(&tenant, &booking, deps, deadline)).catch_unwind().await;
            match work {
                Ok(Ok(())) => true,
                Ok(Err(stop)) => {
                    warn!(booking.id = %booking, error = %stop, "A booking that is not settled is looked at again");
                    false
                }
                Err(_) => {
                    error!(booking.id = %booking, "A booking that is not settled panicked");
                    false
                }
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let failed = settled.iter().filter(|done| !**done).count();
    if bookings > 0 {
        info!(bookings, failed, "Went on with bookings that were not settled");
    }
    Ok(())
}

async fn go_on<G, S, Q, K>(
    tenant: &TenantId,
    id: &BookingId,
    deps: &Deps<G, S, Q, K>,
    deadline: Instant,
) -> Result<(), Stop>
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore + WritingStore,
    Q: HintQueue,
    K: Clock,
{
    let Some(writing) = deps.store.writing(tenant, id).await? else { return Ok(()) };
    let tenant = deps.tenants.get(&deps.store, tenant, deps.clock.now()).await?;
    let room = deps.store.room(&writing.room_ref()).await?;
    let (Some(tenant), Some(room)) = (tenant, room) else {
        // Who has left is not written to any more.
        let left = Writing { due: None, ..writing.clone() };
        return Ok(deps.store.save(Some(&writing), &left, &[]).await?);
    };
    let context = Context::new(&tenant.config, &room);
    let graph = deps.graph.tenant(&tenant.config);
    let work = Work {
        graph: &graph,
        store: &deps.store,
        queue: &deps.queue,
        clock: &deps.clock,
        context: &context,
        said: None,
        fresh: false,
        deadline,
    };
    let is_active = tenant.status == TenantStatus::Active;
    // A room that is removed, with its tenant or without it, is not looked at any more: a booking that was written after its last look would
    // stay for ever. Its poller ends it, and remembers that for the room's return. First, because what is settled is not due any more.
    if !is_active || room.state.status == RoomStatus::Removed {
        let row = deps.store.booking(&room.room, id).await?;
        if row.is_some_and(|row| row.is_live()) {
            work.ask_for_look(&room.room, &writing).await?;
        }
    }
    if is_active {
        work.settle(writing).await?;
        return Ok(());
    }
    // What is left to do for a tenant that has gone waits for its return: what is to be made as long as the meeting is not over, what is to go
    // as long as it is remembered, for of a series only the first meeting is known to be over.
    let now = deps.clock.now();
    let until = if writing.desired.is_some() { writing.span.end } else { writing.expires_at() };
    let later = Some(now + TimeDelta::hours(AWAY_HOURS)).filter(|_| now < until);
    let away = Writing { due: later, ..writing.clone() };
    Ok(deps.store.save(Some(&writing), &away, &[]).await?)
}
