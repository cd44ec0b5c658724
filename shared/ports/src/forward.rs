//! A shared adapter is an adapter.

use crate::{
    BookingStore, HintQueue, Notice, QueueError, Rejection, RoomStore, Secret, SecretError, Secrets,
    StoreError, TenantStore, WritingStore,
};
use chrono::TimeDelta;
use roomsync_domain::booking::Booking;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::hint::{LifecycleHint, PollHint, TenantHint};
use roomsync_domain::plan::{Link, Write};
use roomsync_domain::room::Room;
use roomsync_domain::room_plan::{DirectoryMemory, RoomWrite};
use roomsync_domain::tenant::Tenant;
use roomsync_domain::writing::{Claimed, Writing};
use roomsync_domain::{BookingId, Instant, RoomRef, TenantId};
use std::rc::Rc;

impl<T: TenantStore> TenantStore for Rc<T> {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        (**self).tenant(id).await
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        (**self).tenants().await
    }

    async fn put_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        (**self).put_tenant(tenant).await
    }
}

impl<T: RoomStore> RoomStore for Rc<T> {
    async fn room(&self, room: &RoomRef) -> Result<Option<Room>, StoreError> {
        (**self).room(room).await
    }

    async fn rooms(&self, tenant: &TenantId) -> Result<Vec<Room>, StoreError> {
        (**self).rooms(tenant).await
    }

    async fn put_room(&self, write: &RoomWrite) -> Result<(), StoreError> {
        (**self).put_room(write).await
    }

    async fn directory_memory(&self, tenant: &TenantId) -> Result<DirectoryMemory, StoreError> {
        (**self).directory_memory(tenant).await
    }

    async fn put_directory_memory(
        &self,
        tenant: &TenantId,
        memory: &DirectoryMemory,
    ) -> Result<(), StoreError> {
        (**self).put_directory_memory(tenant, memory).await
    }
}

impl<T: BookingStore> BookingStore for Rc<T> {
    async fn cursor(&self, room: &RoomRef) -> Result<Option<Cursor>, StoreError> {
        (**self).cursor(room).await
    }

    async fn bookings(
        &self,
        room: &RoomRef,
        from: Option<Instant>,
        to: Instant,
    ) -> Result<Vec<Booking>, StoreError> {
        (**self).bookings(room, from, to).await
    }

    async fn bookings_of(&self, room: &RoomRef, links: &[Link<'_>]) -> Result<Vec<Booking>, StoreError> {
        (**self).bookings_of(room, links).await
    }

    async fn claims(&self, room: &RoomRef) -> Result<Vec<Claimed>, StoreError> {
        (**self).claims(room).await
    }

    async fn commit(&self, room: &RoomRef, writes: &[Write], cursor: &Cursor) -> Result<(), StoreError> {
        (**self).commit(room, writes, cursor).await
    }
}

impl<T: WritingStore> WritingStore for Rc<T> {
    async fn writing(&self, tenant: &TenantId, booking: &BookingId) -> Result<Option<Writing>, StoreError> {
        (**self).writing(tenant, booking).await
    }

    async fn booking(&self, room: &RoomRef, id: &BookingId) -> Result<Option<Booking>, StoreError> {
        (**self).booking(room, id).await
    }

    async fn save(
        &self,
        before: Option<&Writing>,
        writing: &Writing,
        rows: &[Write],
    ) -> Result<(), StoreError> {
        (**self).save(before, writing, rows).await
    }

    async fn closed_until(&self, tenant: &TenantId, mailbox: &str) -> Result<Option<Instant>, StoreError> {
        (**self).closed_until(tenant, mailbox).await
    }

    async fn close(&self, tenant: &TenantId, mailbox: &str, until: Instant) -> Result<(), StoreError> {
        (**self).close(tenant, mailbox, until).await
    }

    async fn due(&self, now: Instant, most: usize) -> Result<Vec<(TenantId, BookingId)>, StoreError> {
        (**self).due(now, most).await
    }
}

impl<T: HintQueue> HintQueue for Rc<T> {
    async fn send_polls(&self, hints: &[PollHint], tick: &str) -> Result<(), QueueError> {
        (**self).send_polls(hints, tick).await
    }

    async fn send_tenants(&self, hints: &[TenantHint], tick: &str) -> Result<(), QueueError> {
        (**self).send_tenants(hints, tick).await
    }

    async fn postpone(&self, receipts: &[String], delay: TimeDelta) -> Result<(), QueueError> {
        (**self).postpone(receipts, delay).await
    }

    async fn send_notices(&self, notices: &[Notice]) -> Result<(), QueueError> {
        (**self).send_notices(notices).await
    }

    async fn send_lifecycle(&self, hints: &[LifecycleHint], tick: &str) -> Result<(), QueueError> {
        (**self).send_lifecycle(hints, tick).await
    }

    async fn reject(&self, rejections: &[Rejection]) -> Result<(), QueueError> {
        (**self).reject(rejections).await
    }
}

impl<T: Secrets> Secrets for Rc<T> {
    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        (**self).read(name).await
    }

    async fn read_previous(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        (**self).read_previous(name).await
    }
}
