use crate::StoreError;
use roomsync_domain::booking::Booking;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::plan::{Link, Write};
use roomsync_domain::room::Room;
use roomsync_domain::room_plan::{DirectoryMemory, RoomWrite};
use roomsync_domain::tenant::Tenant;
use roomsync_domain::writing::{Claimed, Writing};
use roomsync_domain::{BookingId, Instant, RoomRef, TenantId};

/// The table `Tenants`.
pub trait TenantStore {
    /// One tenant.
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError>;

    /// Every tenant, in the order of their ids.
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;

    /// Writes a version of a tenant; its predecessor must be stored, or nothing for version 1.
    async fn put_tenant(&self, tenant: &Tenant) -> Result<(), StoreError>;
}

/// The table `Rooms`, and what is remembered between two looks at a directory.
pub trait RoomStore {
    /// One room.
    async fn room(&self, room: &RoomRef) -> Result<Option<Room>, StoreError>;

    /// The rooms of a tenant, the removed ones too, in the order of their ids.
    async fn rooms(&self, tenant: &TenantId) -> Result<Vec<Room>, StoreError>;

    /// Writes one version of a room over the one it names.
    async fn put_room(&self, write: &RoomWrite) -> Result<(), StoreError>;

    /// What the last look at a tenant's directory left.
    async fn directory_memory(&self, tenant: &TenantId) -> Result<DirectoryMemory, StoreError>;

    /// Replaces it; `memory.version` is the one that was read, the stored one is one higher.
    async fn put_directory_memory(
        &self,
        tenant: &TenantId,
        memory: &DirectoryMemory,
    ) -> Result<(), StoreError>;
}

/// The table `Bookings` and the cursors.
pub trait BookingStore {
    /// The cursor of a room. May be a little old: a commit on it fails then.
    async fn cursor(&self, room: &RoomRef) -> Result<Option<Cursor>, StoreError>;

    /// The bookings of a room that start in `[from, to)`, as they are now, in the order of their start; from the beginning of time if
    /// `from` is nothing.
    async fn bookings(
        &self,
        room: &RoomRef,
        from: Option<Instant>,
        to: Instant,
    ) -> Result<Vec<Booking>, StoreError>;

    /// The bookings that these entries have or had, as they are now, in any order.
    async fn bookings_of(&self, room: &RoomRef, links: &[Link<'_>]) -> Result<Vec<Booking>, StoreError>;

    /// The commands under way in a room with their bookings, as they are now, in any order. No booking is newer than its claim.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if commands kept coming while they were read.
    async fn claims(&self, room: &RoomRef) -> Result<Vec<Claimed>, StoreError>;

    /// Writes new versions of bookings and the cursor in one transaction, or nothing of it. `cursor.version` is the one that was read
    /// (0 if there was none) and must still be stored; the stored one is one higher. At most
    /// [`roomsync_domain::plan::TRANSACTION_ITEMS`] items.
    async fn commit(&self, room: &RoomRef, writes: &[Write], cursor: &Cursor) -> Result<(), StoreError>;
}

/// What is remembered of booking commands.
pub trait WritingStore {
    /// How far the writing of a booking is, as it is now.
    async fn writing(&self, tenant: &TenantId, booking: &BookingId) -> Result<Option<Writing>, StoreError>;

    /// One booking by its id, as it is now.
    async fn booking(&self, room: &RoomRef, id: &BookingId) -> Result<Option<Booking>, StoreError>;

    /// Writes, in one transaction or not at all: a writing over the version that it has (the stored one is one higher), what it claims
    /// of its rooms, and new versions of bookings. `before` is the writing that was read, whose claims are taken back.
    async fn save(
        &self,
        before: Option<&Writing>,
        writing: &Writing,
        rows: &[Write],
    ) -> Result<(), StoreError>;

    /// Until when Graph wants no calls to a mailbox, as far as anybody has noted; perhaps over. As it is now.
    async fn closed_until(&self, tenant: &TenantId, mailbox: &str) -> Result<Option<Instant>, StoreError>;

    /// Notes it for everybody who writes there. An earlier instant than the one that is noted changes nothing.
    async fn close(&self, tenant: &TenantId, mailbox: &str, until: Instant) -> Result<(), StoreError>;

    /// Bookings whose writing is due, at most `most` and the longest waiting first. May be a little old.
    async fn due(&self, now: Instant, most: usize) -> Result<Vec<(TenantId, BookingId)>, StoreError>;
}
