//! One invocation: the clock fans out, a batch of messages syncs tenants.

use crate::sync_tenant::{Outcome, sync_tenant};
use aws_lambda_events::event::sqs::SqsBatchResponse;
use chrono::TimeDelta;
use roomsync_domain::hint::TenantHint;
use roomsync_domain::tenant::{Tenant, TenantStatus};
use roomsync_domain::{Instant, TenantId};
use roomsync_ports::{Clock, Graph, HintQueue, QueueError, RoomStore, StoreError, TenantStore};
use roomsync_runtime::batch::{self, Event, Messages, Verdict};
use roomsync_runtime::metrics::{Metric, Metrics};
use thiserror::Error;
use tracing::{error, info, warn};

/// Tenants that are synced at once.
const AT_ONCE: usize = 5;

/// What lives as long as the environment.
#[derive(Debug)]
pub struct Deps<G, S, Q, K> {
    /// Graph.
    pub graph: G,
    /// The tables.
    pub store: S,
    /// The tenant queue and the poll queue.
    pub queue: Q,
    /// The clock.
    pub clock: K,
    /// Time between two ticks of the schedule.
    pub tick: TimeDelta,
}

/// Why the fan-out failed; the next tick makes up for it.
#[derive(Debug, Error)]
pub enum FanOutError {
    /// The table of tenants.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tenant queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Handles an event. The answer to the clock is an empty batch answer.
///
/// # Errors
///
/// Only of the fan-out; a batch accounts for each of its messages.
pub async fn handle<G, S, Q, K>(
    event: Event,
    deps: &Deps<G, S, Q, K>,
) -> Result<SqsBatchResponse, FanOutError>
where
    G: Graph,
    S: TenantStore + RoomStore,
    Q: HintQueue,
    K: Clock,
{
    match event {
        Event::Queue(event) => {
            let sync =
                async |tenant: &TenantId, hint: &TenantHint, _: &Messages| sync(deps, tenant, hint).await;
            Ok(batch::run(event, &deps.queue, AT_ONCE, sync).await)
        }
        Event::Schedule(event) => {
            let at = event.time.unwrap_or_else(|| deps.clock.now());
            let tenants = deps.store.tenants().await?;
            warn_of_credentials(&tenants, at);
            let hints: Vec<TenantHint> =
                tenants.into_iter().map(|tenant| TenantHint::new(tenant.config.tenant)).collect();
            deps.queue.send_tenants(&hints, &at.timestamp().to_string()).await?;
            info!(tenants = hints.len(), "Asked for a sync of every tenant");
            Ok(SqsBatchResponse::default())
        }
    }
}

/// A credential that expires unseen takes all rooms of its tenant with it.
fn warn_of_credentials(tenants: &[Tenant], now: Instant) {
    let mut metrics = Metrics::new(now);
    for Tenant { config, .. } in tenants.iter().filter(|tenant| tenant.status == TenantStatus::Active) {
        if let Some(days) = config.credential.runs_out_in(now) {
            metrics.count(Metric::ExpiringCredentials, 1);
            warn!(tenant.id = %config.tenant, days, "The credential of a tenant expires");
        }
    }
    metrics.emit();
}

/// Syncs one tenant and tells what becomes of its messages.
async fn sync<G, S, Q, K>(deps: &Deps<G, S, Q, K>, id: &TenantId, hint: &TenantHint) -> Verdict
where
    G: Graph,
    S: TenantStore + RoomStore,
    Q: HintQueue,
    K: Clock,
{
    let tenant = match deps.store.tenant(id).await {
        Ok(Some(tenant)) => tenant,
        Ok(None) => {
            warn!(tenant.id = %id, "A message names a tenant that is not configured");
            return Verdict::Done;
        }
        Err(error) => {
            warn!(tenant.id = %id, %error, "The sync of a tenant goes back to the queue");
            return Verdict::Back;
        }
    };
    let directory = deps.graph.tenant(&tenant.config);
    let now = deps.clock.now();
    match sync_tenant(&tenant, hint, &directory, &deps.store, &deps.queue, &deps.clock).await {
        Ok(outcome) => {
            report(id, &outcome, Metrics::new(now));
            verdict(&outcome, deps.tick, deps.clock.now())
        }
        Err(error) => {
            warn!(tenant.id = %id, %error, "The sync of a tenant goes back to the queue");
            Verdict::Back
        }
    }
}

/// Whoever has just been given consent, or a new secret, does not want to wait for the schedule: where it is worth while to try again, the
/// messages come back until the next tick is due.
fn verdict(outcome: &Outcome, tick: TimeDelta, now: Instant) -> Verdict {
    match outcome {
        Outcome::Waiting(until) | Outcome::Troubled(_, until) => {
            Verdict::Later { delay: (*until - now).max(TimeDelta::zero()), sent_after: Some(*until - tick) }
        }
        Outcome::Done { .. } | Outcome::Guarded(_) => Verdict::Done,
    }
}

fn report(id: &TenantId, outcome: &Outcome, mut metrics: Metrics) {
    match outcome {
        Outcome::Done { rooms, written, missing, refused } => {
            metrics.count(Metric::RoomChanges, *written);
            info!(tenant.id = %id, rooms, written, missing, "Synced the rooms of a tenant");
            for name in refused {
                warn!(tenant.id = %id, "The directory does not know {name}, which the tenant file names; `roomsync status` tells why");
            }
        }
        Outcome::Guarded(count) => {
            metrics.count(Metric::GuardStopped, 1);
            error!(
                tenant.id = %id, rooms = count,
                "The guard stopped the removal of many rooms; the next look or `roomsync resync --accept-mass-end` decides"
            );
        }
        Outcome::Waiting(until) => info!(tenant.id = %id, %until, "Graph asked to wait"),
        Outcome::Troubled(kind, _) => {
            metrics.count(Metric::Troubled, 1);
            warn!(tenant.id = %id, trouble = ?kind, "The directory of a tenant cannot be read");
        }
    }
    metrics.emit();
}
