//! Tables, queues and secrets in memory behind the same door. What a reader of the streams would see is checked after every write.

use crate::universe::{Caller, Failure, Fate, Kind, What};
use chrono::TimeDelta;
use futures::FutureExt;
use roomsync_domain::booking::Booking;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::hint::{LifecycleHint, PollHint, TenantHint};
use roomsync_domain::plan::{Link, Write};
use roomsync_domain::room::Room;
use roomsync_domain::room_plan::{DirectoryMemory, RoomWrite};
use roomsync_domain::tenant::Tenant;
use roomsync_domain::writing::Claimed;
use roomsync_domain::{Instant, RoomRef, TenantId};
use roomsync_ports::{
    BookingStore, HintQueue, Notice, QueueError, Rejection, RoomStore, Secret, SecretError, Secrets,
    StoreError, TenantStore,
};
use std::collections::BTreeMap;
use std::future::Future;

/// Tables, queues and secrets of one environment.
#[derive(Clone)]
pub(crate) struct Aws(pub(crate) Caller);

/// The result of a fake, which never waits.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    future.now_or_never()
}

impl Aws {
    pub(crate) fn what(&self, kind: Kind, about: impl FnOnce() -> String) -> What {
        let about = if self.0.universe.story.tells() { about() } else { String::new() };
        What { kind, about }
    }

    pub(crate) fn room_what(&self, kind: Kind, room: &RoomRef) -> What {
        self.what(kind, || self.0.universe.name_of(room.room.as_str()))
    }

    /// A call to the tables under any fate.
    pub(crate) fn under<T, F>(&self, fate: Fate, call: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let run = || now(call()).unwrap_or_else(|| Err(StoreError::Other("a fake that waits".to_owned())));
        match fate {
            Fate::Before(failure) => Err(store_error(failure)),
            Fate::After(failure) => {
                run()?;
                Err(store_error(failure))
            }
            Fate::Twice => {
                let _ = run();
                run()
            }
            _ => run(),
        }
    }

    fn queued<F: Future<Output = Result<(), QueueError>>>(
        &self,
        fate: Fate,
        count: usize,
        call: impl Fn() -> F,
    ) -> Result<(), QueueError> {
        let run = || now(call()).unwrap_or(Ok(()));
        let refused = || QueueError { sent: count, refused: count, why: "ServiceUnavailable".to_owned() };
        match fate {
            Fate::Before(_) => Err(refused()),
            Fate::After(_) => {
                run()?;
                Err(refused())
            }
            Fate::Twice => {
                run()?;
                run()
            }
            _ => run(),
        }
    }
}

/// What a version of the code that knew nothing of notices leaves in a cursor.
fn older_cursor(cursor: &Cursor) -> Cursor {
    Cursor { looked_at: None, listening: None, refusal: None, ..cursor.clone() }
}

/// What such a version writes into a hint, and reads in one.
pub(crate) fn older_hint(hint: &PollHint) -> PollHint {
    PollHint { spare: false, noticed_at: None, told_by: BTreeMap::new(), ..hint.clone() }
}

fn store_error(failure: Failure) -> StoreError {
    match failure {
        Failure::Conflict => StoreError::Conflict("TransactionConflict".to_owned()),
        Failure::Busy => StoreError::Busy("ThrottlingException".to_owned()),
        _ => StoreError::Other("no answer".to_owned()),
    }
}

impl TenantStore for Aws {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let what = self.what(Kind::Tenant, || self.0.universe.name_of(id.as_str()));
        let store = &self.0.universe.store;
        self.0.io(what, |fate| self.under(fate, || store.tenant(id))).await
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let what = self.what(Kind::Tenants, String::new);
        let store = &self.0.universe.store;
        self.0.io(what, |fate| self.under(fate, || store.tenants())).await
    }

    async fn put_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let what = self.what(Kind::PutMemory, String::new);
        let store = &self.0.universe.store;
        self.0.io(what, |fate| self.under(fate, || store.put_tenant(tenant))).await
    }
}

impl RoomStore for Aws {
    async fn room(&self, room: &RoomRef) -> Result<Option<Room>, StoreError> {
        let store = &self.0.universe.store;
        self.0.io(self.room_what(Kind::Room, room), |fate| self.under(fate, || store.room(room))).await
    }

    async fn rooms(&self, tenant: &TenantId) -> Result<Vec<Room>, StoreError> {
        let what = self.what(Kind::Rooms, || self.0.universe.name_of(tenant.as_str()));
        let store = &self.0.universe.store;
        self.0.io(what, |fate| self.under(fate, || store.rooms(tenant))).await
    }

    async fn put_room(&self, write: &RoomWrite) -> Result<(), StoreError> {
        let universe = &self.0.universe;
        let what = self.room_what(Kind::PutRoom, &write.room.room);
        let effect = |fate| {
            let result = self.under(fate, || universe.store.put_room(write));
            universe.room_written(&self.0, write);
            result
        };
        self.0.io(what, effect).await
    }

    async fn directory_memory(&self, tenant: &TenantId) -> Result<DirectoryMemory, StoreError> {
        let what = self.what(Kind::Memory, || self.0.universe.name_of(tenant.as_str()));
        let store = &self.0.universe.store;
        self.0.io(what, |fate| self.under(fate, || store.directory_memory(tenant))).await
    }

    async fn put_directory_memory(
        &self,
        tenant: &TenantId,
        memory: &DirectoryMemory,
    ) -> Result<(), StoreError> {
        let what = self.what(Kind::PutMemory, || self.0.universe.name_of(tenant.as_str()));
        let store = &self.0.universe.store;
        let older = self.0.older.get();
        let older = older.then(|| DirectoryMemory { hinted: BTreeMap::new(), ..memory.clone() });
        let memory = older.as_ref().unwrap_or(memory);
        self.0.io(what, |fate| self.under(fate, || store.put_directory_memory(tenant, memory))).await
    }
}

impl BookingStore for Aws {
    async fn cursor(&self, room: &RoomRef) -> Result<Option<Cursor>, StoreError> {
        let universe = &self.0.universe;
        let effect = |fate| {
            let stale = matches!(fate, Fate::Stale);
            let mut found = self.under(fate, || universe.store.cursor(room))?;
            if let Some(old) = universe.old_cursors.borrow().get(room).filter(|_| stale) {
                found = Some(old.clone());
                universe.count("store: stale cursor");
            }
            universe.look_begun(&self.0, room, found.as_ref());
            Ok(found)
        };
        self.0.io(self.room_what(Kind::Cursor, room), effect).await
    }

    async fn bookings(
        &self,
        room: &RoomRef,
        from: Option<Instant>,
        to: Instant,
    ) -> Result<Vec<Booking>, StoreError> {
        let store = &self.0.universe.store;
        let what = self.room_what(Kind::Bookings, room);
        self.0.io(what, |fate| self.under(fate, || store.bookings(room, from, to))).await
    }

    async fn bookings_of(&self, room: &RoomRef, links: &[Link<'_>]) -> Result<Vec<Booking>, StoreError> {
        let store = &self.0.universe.store;
        let what = self.room_what(Kind::BookingsOf, room);
        self.0.io(what, |fate| self.under(fate, || store.bookings_of(room, links))).await
    }

    async fn claims(&self, room: &RoomRef) -> Result<Vec<Claimed>, StoreError> {
        let universe = &self.0.universe;
        let effect = |fate| {
            let found = self.under(fate, || universe.store.claims(room))?;
            universe.claims_read(&self.0, room, &found);
            Ok(found)
        };
        self.0.io(self.room_what(Kind::BookingsOf, room), effect).await
    }

    async fn commit(&self, room: &RoomRef, writes: &[Write], cursor: &Cursor) -> Result<(), StoreError> {
        let universe = &self.0.universe;
        let forgetful = self.0.older.get().then(|| older_cursor(cursor));
        if forgetful.as_ref().is_some_and(|forgetful| forgetful != cursor) {
            universe.count("path: an older version forgot something");
        }
        let cursor = forgetful.as_ref().unwrap_or(cursor);
        let about = || {
            let link = if cursor.link.is_some() { "a link" } else { "no link" };
            let name = universe.name_of(room.room.as_str());
            let told: String = writes
                .iter()
                .map(|write| {
                    format!(", {} {} v{}", write.change.name(), write.booking.id, write.booking.version)
                })
                .collect();
            format!("{name}: {} writes, over version {}, {link}{told}", writes.len(), cursor.version)
        };
        let what = self.what(Kind::Commit, about);
        let effect = |fate: Fate| {
            let before = now(universe.store.cursor(room)).and_then(Result::ok).flatten();
            let quiet = matches!(fate, Fate::Before(_));
            let result = self.under(fate, || universe.store.commit(room, writes, cursor));
            if !quiet {
                universe.committed(&self.0, room, writes, cursor, before);
            }
            result
        };
        self.0.io(what, effect).await
    }
}

impl HintQueue for Aws {
    async fn send_polls(&self, hints: &[PollHint], tick: &str) -> Result<(), QueueError> {
        if hints.is_empty() {
            return Ok(());
        }
        let older: Option<Vec<_>> = self.0.older.get().then(|| hints.iter().map(older_hint).collect());
        let hints = older.as_deref().unwrap_or(hints);
        let queue = &self.0.universe.queue;
        let what = self.what(Kind::SendPolls, || format!("{} hints", hints.len()));
        let effect = |fate| {
            self.0.universe.polls_asked(hints);
            self.queued(fate, hints.len(), || queue.send_polls(hints, tick))
        };
        self.0.io(what, effect).await
    }

    async fn send_tenants(&self, hints: &[TenantHint], tick: &str) -> Result<(), QueueError> {
        if hints.is_empty() {
            return Ok(());
        }
        let queue = &self.0.universe.queue;
        let what = self.what(Kind::SendTenants, || format!("{} hints", hints.len()));
        self.0.io(what, |fate| self.queued(fate, hints.len(), || queue.send_tenants(hints, tick))).await
    }

    async fn postpone(&self, receipts: &[String], delay: TimeDelta) -> Result<(), QueueError> {
        let queue = &self.0.universe.queue;
        let what = self.what(Kind::Postpone, || format!("{} messages for {delay}", receipts.len()));
        self.0.io(what, |fate| self.queued(fate, receipts.len(), || queue.postpone(receipts, delay))).await
    }

    async fn send_notices(&self, notices: &[Notice]) -> Result<(), QueueError> {
        let queue = &self.0.universe.queue;
        let what = self.what(Kind::SendNotices, || format!("{} hints", notices.len()));
        let effect = |fate: Fate| {
            let (before, sent) = (self.0.universe.waiting(notices), !matches!(fate, Fate::Before(_)));
            let result = self.queued(fate, notices.len(), || queue.send_notices(notices));
            if sent {
                self.0.universe.notices_sent(&self.0, notices, before);
            }
            result
        };
        self.0.io(what, effect).await
    }

    async fn send_lifecycle(&self, hints: &[LifecycleHint], tick: &str) -> Result<(), QueueError> {
        if hints.is_empty() {
            return Ok(());
        }
        let queue = &self.0.universe.queue;
        let what = self.what(Kind::SendLifecycle, || format!("{} hints", hints.len()));
        self.0.universe.lifecycle_sent(&self.0);
        self.0.io(what, |fate| self.queued(fate, hints.len(), || queue.send_lifecycle(hints, tick))).await
    }

    async fn reject(&self, rejections: &[Rejection]) -> Result<(), QueueError> {
        let queue = &self.0.universe.queue;
        let what = self.what(Kind::Reject, || format!("{} messages", rejections.len()));
        self.0.universe.count("queue: message set aside");
        self.0.io(what, |fate| self.queued(fate, rejections.len(), || queue.reject(rejections))).await
    }
}

impl Secrets for Aws {
    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        let secrets = &self.0.universe.secrets;
        let what = self.what(Kind::Secret, String::new);
        let effect = |fate| match fate {
            Fate::Before(Failure::Missing) => Err(SecretError::Missing(name.to_owned())),
            Fate::Before(_) | Fate::After(_) => {
                Err(SecretError::Unavailable { name: name.to_owned(), why: "AccessDenied".to_owned() })
            }
            _ => now(secrets.read(name)).unwrap_or_else(|| Err(SecretError::Missing(name.to_owned()))),
        };
        self.0.io(what, effect).await
    }

    async fn read_previous(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        let secrets = &self.0.universe.secrets;
        let effect = |fate| match fate {
            Fate::Before(_) | Fate::After(_) => {
                Err(SecretError::Unavailable { name: name.to_owned(), why: "AccessDenied".to_owned() })
            }
            _ => now(secrets.read_previous(name)).unwrap_or(Ok(None)),
        };
        self.0.io(self.what(Kind::Secret, String::new), effect).await
    }
}
