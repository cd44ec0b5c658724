//! Having rooms read anew on an operator's word.

use roomsync_domain::hint::{HintReason, PollHint, TenantHint};
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::tenant::{Tenant, TenantStatus};
use roomsync_domain::{RoomId, TenantId};
use roomsync_ports::{HintQueue, QueueError, RoomStore, StoreError, TenantStore};
use serde::Serialize;
use thiserror::Error;

/// Why no room is read anew.
#[derive(Debug, Error)]
pub enum FindError {
    /// There is no such tenant.
    #[error("there is no tenant {0}; `roomsync tenant list` shows those there are")]
    Tenant(TenantId),
    /// There is no tenant at all.
    #[error("there is no tenant yet; `roomsync tenant apply FILE` onboards one")]
    NoTenants,
    /// Nothing has that id, address or name.
    #[error("no room has the id, address or name `{0}`; `roomsync status` shows those there are")]
    Room(String),
    /// More than one room has that name.
    #[error("`{name}` names {count} rooms; use the address or the id: {ids}")]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// So many rooms.
        count: usize,
        /// Their ids.
        ids: String,
    },
    /// The room is not kept in step.
    #[error(
        "room `{0}` was removed and is not read any more; it comes back by itself when the directory shows it again"
    )]
    Removed(String),
    /// The tables did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not answer.
    #[error("{0}; run the command again")]
    Queue(#[from] QueueError),
}

/// Every tenant, or the one that is asked for.
///
/// # Errors
/// There is none, or the store does not answer.
pub async fn tenants(store: &impl TenantStore, only: Option<&TenantId>) -> Result<Vec<Tenant>, FindError> {
    let tenants = match only {
        Some(id) => {
            store.tenant(id).await?.map(|tenant| vec![tenant]).ok_or_else(|| FindError::Tenant(id.clone()))?
        }
        None => store.tenants().await?,
    };
    if tenants.is_empty() { Err(FindError::NoTenants) } else { Ok(tenants) }
}

/// The one room with an id, address or name among the rooms of some tenants.
///
/// # Errors
/// There is none or more than one, or the store does not answer.
pub async fn room(store: &impl RoomStore, tenants: &[Tenant], name: &str) -> Result<Room, FindError> {
    let mut rooms = Vec::new();
    for tenant in tenants {
        rooms.extend(store.rooms(&tenant.config.tenant).await?);
    }
    let by_id = |room: &Room| room.room.room.as_str() == name;
    let by_address = |room: &Room| room.state.email.eq_ignore_ascii_case(name);
    let by_name = |room: &Room| room.state.display_name.eq_ignore_ascii_case(name);
    let active = |room: &Room| room.state.status == RoomStatus::Active;
    for matches in [&by_id as &dyn Fn(&Room) -> bool, &by_address, &by_name] {
        // A removed room gives way to the one that has its address now.
        for only_active in [true, false] {
            let found: Vec<&Room> =
                rooms.iter().filter(|room| matches(room) && (active(room) || !only_active)).collect();
            match found.as_slice() {
                [] => {}
                [room] => return Ok((*room).clone()),
                many => {
                    let ids: Vec<&str> = many.iter().map(|room| room.room.room.as_str()).collect();
                    let (name, count) = (name.to_owned(), many.len());
                    return Err(FindError::Ambiguous { name, count, ids: ids.join(", ") });
                }
            }
        }
    }
    Err(FindError::Room(name.to_owned()))
}

/// What will be read anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resynced {
    /// Tenants whose list of rooms is read.
    pub tenants: Vec<TenantId>,
    /// Rooms whose calendar is read.
    pub rooms: Vec<RoomId>,
}

/// Has the whole window of one room read anew.
///
/// # Errors
/// The room is removed, or the queue does not answer.
pub async fn resync_room(
    queue: &impl HintQueue,
    room: &Room,
    accept_mass_end: bool,
    tick: &str,
) -> Result<Resynced, FindError> {
    if room.state.status == RoomStatus::Removed {
        return Err(FindError::Removed(room.state.display_name.clone()));
    }
    queue.send_polls(&[hint(room, accept_mass_end)], tick).await?;
    Ok(Resynced { tenants: Vec::new(), rooms: vec![room.room.room.clone()] })
}

/// Has the list of rooms and the whole window of every active room read anew.
///
/// # Errors
/// The store or the queue does not answer.
pub async fn resync_all(
    store: &impl RoomStore,
    queue: &impl HintQueue,
    tenants: &[Tenant],
    accept_mass_end: bool,
    tick: &str,
) -> Result<Resynced, FindError> {
    let tenants: Vec<TenantId> = tenants
        .iter()
        .filter(|tenant| tenant.status == TenantStatus::Active)
        .map(|tenant| tenant.config.tenant.clone())
        .collect();
    let looks: Vec<TenantHint> =
        tenants.iter().map(|id| TenantHint { accept_mass_end, ..TenantHint::new(id.clone()) }).collect();
    let mut hints = Vec::new();
    for tenant in &tenants {
        let rooms = store.rooms(tenant).await?;
        let active = rooms.iter().filter(|room| room.state.status == RoomStatus::Active);
        hints.extend(active.map(|room| hint(room, accept_mass_end)));
    }
    queue.send_tenants(&looks, tick).await?;
    queue.send_polls(&hints, tick).await?;
    Ok(Resynced { tenants, rooms: hints.into_iter().map(|hint| hint.room_id).collect() })
}

fn hint(room: &Room, accept_mass_end: bool) -> PollHint {
    PollHint { accept_mass_end, ..PollHint::new(&room.room, HintReason::Operator).full() }
}
