//! The use case: the rooms of one tenant.
//!
//! The directory is read completely before anything is compared; an answer that breaks off leaves everything as it is. Every room is
//! written by itself over the version that was read, so two syncs at once cost a lost race and nothing else.

use crate::sight;
use futures::{StreamExt, stream};
use roomsync_domain::cursor::{Trouble, TroubleKind};
use roomsync_domain::hint::{HintReason, LifecycleEvent, LifecycleHint, PollHint, TenantHint};
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::room_plan::{self, DirectoryMemory, RoomPlan, RoomWrite};
use roomsync_domain::tenant::{Tenant, TenantStatus};
use roomsync_domain::time::{doubled, seconds};
use roomsync_domain::{Instant, RoomId, RoomRef, TenantId};
use roomsync_ports::{Clock, Directory, GraphError, HintQueue, QueueError, RoomStore, StoreError};
use std::collections::BTreeMap;
use thiserror::Error;

/// Rooms that are written at once.
const AT_ONCE: usize = 8;
/// First pause after a failure, doubled with each, and the longest.
const PAUSE_SECONDS: (i64, i64) = (10, 60);

/// What a sync came to. While somebody has to wait, so does the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The stored rooms equal the directory.
    Done {
        /// Rooms that the selection shows.
        rooms: usize,
        /// Versions that were written.
        written: usize,
        /// Rooms that were not seen and are not removed yet.
        missing: usize,
        /// Names in the tenant file that the directory does not know.
        refused: Vec<String>,
    },
    /// The guard stopped the removal of so many rooms.
    Guarded(u32),
    /// Graph asked to wait until then.
    Waiting(Instant),
    /// Something keeps the directory, or the identity of a new room, from being read; it is worth while to try again then.
    Troubled(TroubleKind, Instant),
}

/// Why a message has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    /// The tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Brings the rooms of a tenant into step with its directory.
///
/// # Errors
///
/// A store or a queue that does not answer.
pub async fn sync_tenant<D, S, Q, K>(
    tenant: &Tenant,
    hint: &TenantHint,
    directory: &D,
    store: &S,
    queue: &Q,
    clock: &K,
) -> Result<Outcome, Failure>
where
    D: Directory,
    S: RoomStore,
    Q: HintQueue,
    K: Clock,
{
    let now = clock.now();
    let id = &tenant.config.tenant;
    let stored = store.rooms(id).await?;
    let memory = store.directory_memory(id).await?;
    let owed: Vec<PollHint> = memory.owed(&stored).map(|room| look_at(&room.room)).collect();
    // What this look remembers of the rooms that it read, because it asks for the looks that are owed.
    let known = DirectoryMemory { hinted: room_plan::hinted(&stored), ..memory.clone() };
    if tenant.status == TenantStatus::Removed {
        let active = stored.iter().filter(|room| room.state.status == RoomStatus::Active);
        let writes = active.map(|room| room_plan::removal(room, now)).collect();
        let written = apply(store, queue, writes, owed, now).await?;
        let next = DirectoryMemory { hinted: also(known.hinted, &written), ..known };
        if next.hinted != memory.hinted {
            store.put_directory_memory(id, &next).await?;
        }
        return Ok(Outcome::Done { rooms: 0, written: written.len(), missing: 0, refused: Vec::new() });
    }
    if let Some(at) = memory.not_before.filter(|at| now < *at) {
        return Ok(Outcome::Waiting(at));
    }
    let sight = match sight::look(directory, &tenant.config, &stored).await {
        Ok(sight) => sight,
        Err(error) => {
            queue.send_polls(&owed, &tick(now)).await?;
            return note(store, id, &known, &error, clock.now()).await;
        }
    };
    let RoomPlan { writes, missing, guarded } = room_plan::plan_rooms(
        &tenant.config,
        &stored,
        &sight.sightings,
        &sight.unsure,
        &memory,
        hint.accept_mass_end,
        now,
    );
    let missing_count = missing.len();
    let written = apply(store, queue, writes, owed, now).await?;
    let refused: Vec<String> = sight.refused.keys().cloned().collect();
    let next = DirectoryMemory { refused: sight.refused, hinted: also(known.hinted, &written), ..memory };
    if let Some(error) = sight.unsettled {
        // The next look comes within a minute: what this one missed for the first time, that one must not miss for the second.
        let again = next.missing.intersection(&missing).cloned().collect();
        return note(store, id, &DirectoryMemory { missing: again, ..next }, &error, clock.now()).await;
    }
    let next = DirectoryMemory {
        missing,
        guarded,
        not_before: None,
        last_success_at: Some(now),
        trouble: None,
        failures: 0,
        ..next
    };
    store.put_directory_memory(id, &next).await?;
    Ok(match guarded {
        Some(count) => Outcome::Guarded(count),
        None => {
            let (rooms, written) = (sight.sightings.len(), written.len());
            Outcome::Done { rooms, written, missing: missing_count, refused }
        }
    })
}

fn look_at(room: &RoomRef) -> PollHint {
    PollHint::new(room, HintReason::Rooms).full()
}

/// Sets the hints of this look apart from those of others.
fn tick(now: Instant) -> String {
    now.timestamp_millis().to_string()
}

fn also(hinted: BTreeMap<RoomId, u64>, written: &[Room]) -> BTreeMap<RoomId, u64> {
    hinted.into_iter().chain(room_plan::hinted(written)).collect()
}

/// Writes rooms, then asks for a look at those whose bookings it concerns, and for the looks that are owed. Gives the rooms that were
/// written. What is lost between the two is owed by the next sync: nobody remembers that a look at that version was asked for. Versions
/// tell this, not clocks, because another sync may have read the room before it was written and come to its end after it.
async fn apply<S: RoomStore, Q: HintQueue>(
    store: &S,
    queue: &Q,
    writes: Vec<RoomWrite>,
    owed: Vec<PollHint>,
    now: Instant,
) -> Result<Vec<Room>, Failure> {
    let results: Vec<(&RoomWrite, Result<(), StoreError>)> = stream::iter(&writes)
        .map(|write| async move { (write, store.put_room(write).await) })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let (mut hints, mut written, mut failure) = (owed, Vec::new(), None);
    for (write, result) in results {
        match result {
            Ok(()) => written.push(write.room.clone()),
            // Another sync of this tenant was first; it has seen what we have seen, or the next one does. Or it was this one, and a
            // repetition on the way was refused, so the look is asked for all the same.
            Err(StoreError::Conflict(_)) => {}
            Err(error) => {
                failure = Some(error);
                continue;
            }
        }
        if write.look {
            hints.push(look_at(&write.room.room));
        }
    }
    queue.send_polls(&hints, &tick(now)).await?;
    // A room is listened to, or not any more, within a minute. What is lost here is made up for by the keeper's hourly look.
    let changed: Vec<LifecycleHint> = (written.iter().map(|room: &Room| &room.room))
        .map(|room| LifecycleHint::new(room, LifecycleEvent::RoomChanged))
        .collect();
    queue.send_lifecycle(&changed, &tick(now)).await?;
    failure.map_or(Ok(written), |error| Err(error.into()))
}

/// Remembers that a look failed, or that something was left open, and tells when the next is worth while. What was missing stays missing:
/// a failed look is no look.
async fn note<S: RoomStore>(
    store: &S,
    tenant: &TenantId,
    memory: &DirectoryMemory,
    error: &GraphError,
    now: Instant,
) -> Result<Outcome, Failure> {
    let kind = match error.trouble() {
        // The directory is no mailbox.
        TroubleKind::NoMailbox => TroubleKind::Contract,
        kind => kind,
    };
    let pause = error.retry_after().unwrap_or_else(|| doubled(PAUSE_SECONDS, memory.failures));
    let next_at = seconds::not_before(now + pause);
    // What a person has to lift may be lifted at any time, and whoever asks anew then does not wait.
    let passes = matches!(kind, TroubleKind::Throttled | TroubleKind::Unreachable | TroubleKind::Contract);
    let next = DirectoryMemory {
        not_before: passes.then_some(next_at),
        trouble: Some(Trouble::new(kind, error.to_string(), memory.trouble.as_ref(), now)),
        failures: memory.failures.saturating_add(1),
        ..memory.clone()
    };
    store.put_directory_memory(tenant, &next).await?;
    Ok(Outcome::Troubled(kind, next_at))
}
