//! The use case: one hint per due room. Which rooms are due follows from their keys and the clock, so nothing is written.
//!
//! Every room gets a hint at the short interval. Those that a room with a trusted subscription does not need are marked as spare: the
//! poller knows from the room's own row whether it has one, so nobody has to be told when that changes.

use chrono::TimeDelta;
use roomsync_domain::hint::{HintReason, PollHint};
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::tenant::{Every, Poll, Tenant};
use roomsync_domain::{Instant, Span, due};
use roomsync_ports::{HintQueue, QueueError, RoomStore, StoreError, TenantStore};
use thiserror::Error;

/// How long after its removal a room is looked at with every tick, so that its bookings end even if the hint was lost.
const FRESHLY_REMOVED_MINUTES: i64 = 15;
/// How often after that.
const REMOVED_EVERY_SECONDS: u32 = 86_400;
/// The clock that calls us is a little unpunctual; looking twice costs less than looking late.
const OVERLAP_SECONDS: i64 = 5;

/// What one tick sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dispatched {
    /// Tenants that were looked through.
    pub tenants: usize,
    /// Rooms that were looked through.
    pub rooms: usize,
    /// Hints that were sent.
    pub hints: usize,
}

/// Why a tick could not be finished. The next one makes up for it.
#[derive(Debug, Error)]
pub enum Failure {
    /// The tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Sends a hint for every room that is due in the `tick_seconds` before `at`.
///
/// # Errors
///
/// If a table cannot be read or the queue refuses hints. Every tenant is tried all the same.
pub async fn dispatch<S, Q>(
    store: &S,
    queue: &Q,
    at: Instant,
    tick_seconds: u32,
    poll_every_seconds: u32,
) -> Result<Dispatched, Failure>
where
    S: TenantStore + RoomStore,
    Q: HintQueue,
{
    let tick = Span::new(at - TimeDelta::seconds(i64::from(tick_seconds) + OVERLAP_SECONDS), at);
    let name = at.timestamp().to_string();
    let mut total = Dispatched::default();
    let mut failure = None;
    for tenant in store.tenants().await? {
        total.tenants += 1;
        let rooms = match store.rooms(&tenant.config.tenant).await {
            Ok(rooms) => rooms,
            Err(error) => {
                failure = Some(error.into());
                continue;
            }
        };
        total.rooms += rooms.len();
        let hints: Vec<PollHint> =
            rooms.iter().filter_map(|room| hint(&tenant, room, tick, poll_every_seconds)).collect();
        match queue.send_polls(&hints, &name).await {
            Ok(()) => total.hints += hints.len(),
            Err(error) => failure = Some(error.into()),
        }
    }
    failure.map_or(Ok(total), Err)
}

fn hint(tenant: &Tenant, room: &Room, tick: Span, poll_every_seconds: u32) -> Option<PollHint> {
    match room.state.status {
        RoomStatus::Active => {
            let is_due = |every: Every| {
                let bound = if poll_every_seconds == 0 { u32::MAX } else { poll_every_seconds };
                due::poll_is_due(&room.room, every.seconds.min(bound), tick)
            };
            let hint = || PollHint::new(&room.room, HintReason::Schedule);
            match tenant.config.poll {
                Poll { when_listening, .. } if is_due(when_listening) => Some(hint()),
                Poll { every, .. } if is_due(every) => Some(hint().spare()),
                Poll { .. } => None,
            }
        }
        RoomStatus::Removed => {
            let fresh = tick.end - room.observed_at < TimeDelta::minutes(FRESHLY_REMOVED_MINUTES);
            (fresh || due::poll_is_due(&room.room, REMOVED_EVERY_SECONDS, tick))
                .then(|| PollHint::new(&room.room, HintReason::Rooms).full())
        }
    }
}
