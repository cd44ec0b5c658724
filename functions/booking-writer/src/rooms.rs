//! Rooms by their addresses, remembered for a minute.

use chrono::TimeDelta;
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::{Instant, RoomId, RoomRef, TenantId};
use roomsync_ports::{RoomStore, StoreError};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How long a tenant's addresses are remembered; a room that is not among them is looked for anew.
const REMEMBERED_SECONDS: i64 = 60;

/// Ids of rooms by tenant and address in lower case.
#[derive(Debug, Default)]
pub struct Addresses(RefCell<BTreeMap<TenantId, (Instant, Ids)>>);

/// Ids of the rooms of one tenant by address in lower case.
type Ids = BTreeMap<String, RoomId>;

impl Addresses {
    /// The room of an address, as it is now; nothing if there is none.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn room<S: RoomStore>(
        &self,
        store: &S,
        tenant: &TenantId,
        email: &str,
        now: Instant,
    ) -> Result<Option<Room>, StoreError> {
        let email = email.to_lowercase();
        let fresh = |read: &Instant| *read <= now && now - *read < TimeDelta::seconds(REMEMBERED_SECONDS);
        let known = self
            .0
            .borrow()
            .get(tenant)
            .filter(|(read, _)| fresh(read))
            .and_then(|(_, ids)| ids.get(&email).cloned());
        let id = match known {
            Some(id) => Some(id),
            None => {
                let mut rooms = store.rooms(tenant).await?;
                // Of two with one address the one that is served counts.
                rooms.sort_by_key(|room| room.state.status == RoomStatus::Active);
                let ids: Ids =
                    rooms.into_iter().map(|room| (room.state.email.to_lowercase(), room.room.room)).collect();
                let id = ids.get(&email).cloned();
                self.0.borrow_mut().insert(tenant.clone(), (now, ids));
                id
            }
        };
        match id {
            Some(id) => store.room(&RoomRef::new(tenant.clone(), id)).await,
            None => Ok(None),
        }
    }
}
