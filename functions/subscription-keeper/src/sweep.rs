//! The hourly look through all rooms: what is to be done is asked for by hints, one per room, so that there is one way to do it.

use crate::handler::{Deps, Webhook};
use crate::settle::room_of;
use futures::{StreamExt, TryStreamExt, stream};
use roomsync_domain::cursor::Cursor;
use roomsync_domain::hint::LifecycleHint;
use roomsync_domain::listening::{Listening, life};
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::subscription_plan::{Sight, Terms, hints};
use roomsync_domain::tenant::{Switch, Tenant, TenantStatus};
use roomsync_domain::{Instant, RoomId, RoomRef};
use roomsync_ports::{
    BookingStore, Clock, Graph, HintQueue, QueueError, RoomStore, SecretError, Secrets, StoreError,
    Subscription, Subscriptions, TenantStore,
};
use roomsync_runtime::metrics::{Metric, Metrics};
use std::collections::{BTreeMap, BTreeSet};
use tracing::{info, warn};

/// Rows that are read at once.
const ROWS_AT_ONCE: usize = 16;

/// Why the look could not be finished. The next one makes up for it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lifecycle queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] SecretError),
}

/// How the rooms are listened to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    listening: usize,
    unproven: usize,
    silent: usize,
    refused: usize,
    hints: usize,
}

/// Looks through the rooms of every tenant.
///
/// # Errors
///
/// A table, a queue or the key. Every tenant is tried all the same.
pub async fn sweep<G, S, Q, X, K>(
    deps: &Deps<G, S, Q, X, K>,
    webhook: &Webhook,
    at: Instant,
) -> Result<(), Failure>
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore,
    Q: HintQueue,
    X: Secrets,
    K: Clock,
{
    let terms = deps.terms(webhook).await?;
    let mut count = Count::default();
    let mut failure = None;
    for tenant in deps.store.tenants().await? {
        if let Err(error) = look_through(deps, webhook, &terms, &tenant, at, &mut count).await {
            warn!(tenant.id = %tenant.config.tenant, %error, "The subscriptions of a tenant could not be looked through");
            failure = Some(error);
        }
    }
    let Count { listening, unproven, silent, refused, hints } = count;
    info!(listening, unproven, silent, refused, hints, "Looked through the subscriptions of all rooms");
    let mut metrics = Metrics::new(at);
    metrics.count(Metric::ListeningRooms, listening);
    metrics.count(Metric::UnprovenRooms, unproven);
    metrics.count(Metric::SilentRooms, silent);
    metrics.count(Metric::RefusedRooms, refused);
    metrics.emit();
    failure.map_or(Ok(()), Err)
}

async fn look_through<G, S, Q, X, K>(
    deps: &Deps<G, S, Q, X, K>,
    webhook: &Webhook,
    terms: &Terms,
    tenant: &Tenant,
    at: Instant,
    count: &mut Count,
) -> Result<(), Failure>
where
    G: Graph,
    S: RoomStore + BookingStore,
    Q: HintQueue,
    K: Clock,
{
    let id = &tenant.config.tenant;
    let rooms = deps.store.rooms(id).await?;
    let rows: Vec<(&Room, Cursor)> = stream::iter(&rooms)
        .map(|room| async move {
            let cursor = deps.store.cursor(&room.room).await?;
            Ok::<_, StoreError>((room, cursor.unwrap_or_else(Cursor::blank)))
        })
        .buffered(ROWS_AT_ONCE)
        .try_collect()
        .await?;
    let is_wanted = |room: &Room| {
        tenant.status == TenantStatus::Active
            && room.state.status == RoomStatus::Active
            && room.state.settings.listener == Switch::On
    };
    let now = deps.clock.now();
    // One that nobody has written down, because its maker died or its answer was lost, ends by itself after that time.
    let is_news = |room: &Room| now - room.observed_at < life();
    let is_concerned = |(room, cursor): &(&Room, Cursor)| {
        is_wanted(room) || is_news(room) || cursor.listening.is_some() || cursor.refusal.is_some()
    };
    if !rows.iter().any(is_concerned) {
        return Ok(());
    }
    let listed = match deps.graph.tenant(&tenant.config).subscriptions().await {
        Ok(found) => {
            let held: Vec<&Listening> = rows.iter().filter_map(|(_, row)| row.listening.as_ref()).collect();
            let is_held = |found: &Subscription| held.iter().any(|held| held.has_id(&found.id));
            let mut listed: BTreeMap<RoomId, BTreeSet<String>> = BTreeMap::new();
            for found in found.iter().filter(|found| webhook.is_called_by(found) || is_held(found)) {
                if let Some(room) = room_of(found) {
                    listed.entry(spelled(room, &rooms)).or_default().insert(found.id.clone());
                }
            }
            Some(listed)
        }
        Err(error) => {
            warn!(tenant.id = %id, %error, "The list of subscriptions cannot be read; the rows have to do");
            None
        }
    };
    let none = BTreeSet::new();
    let mut asked: Vec<LifecycleHint> = Vec::new();
    for (room, cursor) in &rows {
        let held = cursor.listening.as_ref();
        let sight =
            Sight { room: &room.room, wanted: is_wanted(room), held, refused: cursor.refusal.is_some() };
        let listed = listed.as_ref().map(|listed| listed.get(&room.room.room).unwrap_or(&none));
        asked.extend(hints(&sight, terms, listed, now));
        match held {
            Some(held) if held.can_be_trusted(now) => count.listening += 1,
            Some(held) if held.silent_since.is_some() => count.silent += 1,
            Some(_) => count.unproven += 1,
            None => {}
        }
        count.refused += usize::from(cursor.refusal.is_some());
    }
    let known: BTreeSet<&RoomId> = rooms.iter().map(|room| &room.room.room).collect();
    for (room, ids) in listed.iter().flatten().filter(|(room, _)| !known.contains(room)) {
        // Of a room that is in no table any more: nobody wants it.
        let room = RoomRef::new(id.clone(), room.clone());
        let sight = Sight { room: &room, wanted: false, held: None, refused: false };
        asked.extend(hints(&sight, terms, Some(ids), now));
    }
    count.hints += asked.len();
    deps.queue.send_lifecycle(&asked, &at.timestamp().to_string()).await?;
    Ok(())
}

/// A room's id as the table spells it; Graph may spell it in another case.
fn spelled(room: &str, rooms: &[Room]) -> RoomId {
    let found = rooms.iter().find(|known| known.room.room.as_str().eq_ignore_ascii_case(room));
    found.map_or_else(|| RoomId::new(room), |known| known.room.room.clone())
}
