use crate::size::{self, stored, stored_booking, stored_room};
use crate::{Call, Change, StreamRecord, Tables, Usage, lock};
use roomsync_domain::booking::Booking;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::plan::{Link, TRANSACTION_ITEMS, Write};
use roomsync_domain::room::Room;
use roomsync_domain::room_plan::{DirectoryMemory, RoomWrite};
use roomsync_domain::tenant::Tenant;
use roomsync_domain::time::seconds;
use roomsync_domain::writing::{Claim, Claimed, Writing};
use roomsync_domain::{BookingId, Instant, RoomRef, TenantId};
use roomsync_ports::{BookingStore, RoomStore, StoreError, TenantStore, WritingStore};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// The tables in memory, with DynamoDB's rules and prices.
///
/// One difference: it has no idempotency tokens. A commit that is sent twice is a lost race the second time, which is the stricter of
/// the two answers.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    tenants: BTreeMap<TenantId, Item<Tenant>>,
    tables: Tables,
    cursors: BTreeMap<RoomRef, Item<Cursor>>,
    links: BTreeMap<(RoomRef, bool, String), BookingId>,
    memories: BTreeMap<TenantId, DirectoryMemory>,
    writings: BTreeMap<(TenantId, BookingId), Item<Writing>>,
    claims: BTreeMap<(RoomRef, BookingId), Claim>,
    closed: BTreeMap<(TenantId, String), Instant>,
    stream: Vec<StreamRecord>,
    usage: Usage,
}

/// A value and the size of its item: what is read often is measured when it is written.
#[derive(Debug)]
struct Item<T> {
    value: T,
    bytes: usize,
}

/// Largest item, largest transaction and largest page (`ServiceQuotas` page).
const ITEM_BYTES: usize = 400 * 1024;
const TRANSACTION_BYTES: usize = 4 * 1024 * 1024;
const PAGE_BYTES: usize = 1024 * 1024;
const BATCH_KEYS: usize = 100;
/// A mailbox that wants no calls: two keys and two instants.
const CLOSED_BYTES: usize = 160;

impl MemoryStore {
    /// Empty tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was asked so far and what it costs.
    #[must_use]
    pub fn usage(&self) -> Usage {
        lock(&self.0).usage.clone()
    }

    /// What was asked since the last time this was called.
    pub fn take_usage(&self) -> Usage {
        std::mem::take(&mut lock(&self.0).usage)
    }

    /// What the tables hold now.
    #[must_use]
    pub fn tables(&self) -> Tables {
        lock(&self.0).tables.clone()
    }

    /// Every writing, as it is now.
    #[must_use]
    pub fn writings(&self) -> Vec<Writing> {
        lock(&self.0).writings.values().map(|item| item.value.clone()).collect()
    }

    /// Every record of both streams so far, in their order.
    #[must_use]
    pub fn stream(&self) -> Vec<StreamRecord> {
        lock(&self.0).stream.clone()
    }

    /// The records of both streams from a position on, as a reader gets them that has seen all before it.
    #[must_use]
    pub fn stream_from(&self, position: usize) -> Vec<StreamRecord> {
        lock(&self.0).stream.get(position..).unwrap_or_default().to_vec()
    }

    /// Does what DynamoDB's TTL does some time after `now`: takes the bookings away that have expired by then.
    pub fn expire(&self, now: Instant) {
        let mut held = lock(&self.0);
        let held = &mut *held;
        let (expired, kept) = std::mem::take(&mut held.tables.bookings)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, booking)| booking.expires_at <= now);
        held.tables.bookings = kept;
        let record = |old: Booking| StreamRecord::Booking(Box::new(Change { old: Some(old), new: None }));
        held.links.retain(|(room, ..), id| !expired.contains_key(&(room.clone(), id.clone())));
        held.stream.extend(expired.into_values().map(record));
    }
}

/// Refuses a version whose predecessor is not there.
fn check(what: String, stored: Option<u64>, over: Option<u64>) -> Result<(), StoreError> {
    if stored == over { Ok(()) } else { Err(StoreError::Conflict(what)) }
}

/// Refuses an item that is too large.
fn fits(what: &str, bytes: usize) -> Result<usize, StoreError> {
    if bytes <= ITEM_BYTES {
        Ok(bytes)
    } else {
        Err(StoreError::Other(format!("{what} has {bytes} bytes, an item has at most {ITEM_BYTES}")))
    }
}

impl Usage {
    /// The pages of a strongly consistent range read: one ends with the item that fills its megabyte.
    fn pages(&mut self, call: Call, items: impl Iterator<Item = usize>) {
        let mut page = 0;
        for bytes in items {
            page += bytes;
            if page >= PAGE_BYTES {
                self.call(call);
                self.read(page, true);
                page = 0;
            }
        }
        self.call(call);
        self.read(page, true);
    }

    /// The calls of a read by keys.
    fn batch(&mut self, items: impl ExactSizeIterator<Item = usize>) {
        for _ in 0..items.len().div_ceil(BATCH_KEYS) {
            self.call(Call::BatchGetItem);
        }
        items.for_each(|bytes| self.read(bytes, true));
    }

    fn get(&mut self, bytes: Option<usize>, consistent: bool) {
        self.call(Call::GetItem);
        self.read(bytes.unwrap_or(0), consistent);
    }
}

impl TenantStore for MemoryStore {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let mut held = lock(&self.0);
        let (tenant, bytes) = unzip(held.tenants.get(id));
        held.usage.get(bytes, true);
        Ok(tenant)
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let mut held = lock(&self.0);
        let Held { tenants, usage, .. } = &mut *held;
        usage.pages(Call::Scan, tenants.values().map(|item| item.bytes));
        Ok(tenants.values().map(|item| item.value.clone()).collect())
    }

    async fn put_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let mut held = lock(&self.0);
        held.usage.call(Call::TransactWriteItems);
        let id = &tenant.config.tenant;
        let what = format!("tenant {id}");
        let before = tenant.version.checked_sub(1).filter(|version| *version > 0);
        let bytes = fits(&what, size::tenant_size(tenant))?;
        check(what, held.tenants.get(id).map(|stored| stored.value.version), before)?;
        held.usage.write(bytes, 0);
        held.tenants.insert(id.clone(), Item { value: stored_tenant(tenant), bytes });
        Ok(())
    }
}

fn unzip<T: Clone>(item: Option<&Item<T>>) -> (Option<T>, Option<usize>) {
    item.map(|item| (item.value.clone(), item.bytes)).unzip()
}

fn stored_tenant(tenant: &Tenant) -> Tenant {
    Tenant { config: stored(&tenant.config).0, ..tenant.clone() }
}

impl RoomStore for MemoryStore {
    async fn room(&self, room: &RoomRef) -> Result<Option<Room>, StoreError> {
        let mut held = lock(&self.0);
        let room = held.tables.rooms.get(room).cloned();
        held.usage.get(room.as_ref().map(size::room_size), true);
        Ok(room)
    }

    async fn rooms(&self, tenant: &TenantId) -> Result<Vec<Room>, StoreError> {
        let mut held = lock(&self.0);
        let rooms: Vec<Room> =
            held.tables.rooms.values().filter(|room| room.room.tenant == *tenant).cloned().collect();
        held.usage.pages(Call::Query, rooms.iter().map(size::room_size));
        Ok(rooms)
    }

    async fn put_room(&self, write: &RoomWrite) -> Result<(), StoreError> {
        let mut held = lock(&self.0);
        held.usage.call(Call::TransactWriteItems);
        let new = stored_room(&write.room);
        let what = format!("room {}", new.room);
        let bytes = fits(&what, size::room_size(&new))?;
        check(what, held.tables.rooms.get(&new.room).map(|stored| stored.version), write.over)?;
        held.usage.write(bytes, 0);
        let old = held.tables.rooms.insert(new.room.clone(), new.clone());
        held.stream.push(StreamRecord::Room(Box::new(Change { old, new: Some(new) })));
        Ok(())
    }

    async fn directory_memory(&self, tenant: &TenantId) -> Result<DirectoryMemory, StoreError> {
        let mut held = lock(&self.0);
        let memory = held.memories.get(tenant).cloned();
        held.usage.get(memory.as_ref().map(size::directory_size), true);
        Ok(memory.unwrap_or_default())
    }

    async fn put_directory_memory(
        &self,
        tenant: &TenantId,
        memory: &DirectoryMemory,
    ) -> Result<(), StoreError> {
        let mut held = lock(&self.0);
        held.usage.call(Call::TransactWriteItems);
        let what = format!("the directory memory of {tenant}");
        let bytes = fits(&what, size::directory_size(memory))?;
        let before = Some(memory.version).filter(|version| *version > 0);
        check(what, held.memories.get(tenant).map(|stored| stored.version), before)?;
        held.usage.write(bytes, 0);
        let next = DirectoryMemory { version: memory.version + 1, ..stored(memory).0 };
        held.memories.insert(tenant.clone(), next);
        Ok(())
    }
}

impl BookingStore for MemoryStore {
    async fn cursor(&self, room: &RoomRef) -> Result<Option<Cursor>, StoreError> {
        let mut held = lock(&self.0);
        let (cursor, bytes) = unzip(held.cursors.get(room));
        held.usage.get(bytes, false);
        Ok(cursor)
    }

    async fn bookings(
        &self,
        room: &RoomRef,
        from: Option<Instant>,
        to: Instant,
    ) -> Result<Vec<Booking>, StoreError> {
        let mut held = lock(&self.0);
        if from.is_some_and(|from| from >= to) {
            return Ok(Vec::new());
        }
        let wanted = |booking: &&Booking| {
            let start = booking.state.span.start;
            from.is_none_or(|from| from <= start) && start < to
        };
        let rest = held.tables.bookings.range((room.clone(), BookingId::new(""))..);
        let all = rest.take_while(|((of, _), _)| of == room).map(|(_, booking)| booking);
        let mut bookings: Vec<Booking> = all.filter(wanted).cloned().collect();
        bookings.sort_by_key(|booking| booking.state.span.start);
        held.usage.pages(Call::Query, bookings.iter().map(size::booking_size));
        Ok(bookings)
    }

    async fn bookings_of(&self, room: &RoomRef, links: &[Link<'_>]) -> Result<Vec<Booking>, StoreError> {
        let mut held = lock(&self.0);
        let links: BTreeSet<&Link<'_>> = links.iter().collect();
        let mut ids: BTreeSet<BookingId> = links.iter().filter_map(|link| link.booking_id(room)).collect();
        ids.extend(links.iter().filter_map(|link| held.links.get(&link_key(room, **link)).cloned()));
        let found: Vec<Option<Booking>> =
            ids.iter().map(|id| held.tables.bookings.get(&(room.clone(), id.clone())).cloned()).collect();
        held.usage.batch(links.iter().map(|_| 0));
        held.usage.batch(found.iter().map(|booking| booking.as_ref().map_or(0, size::booking_size)));
        Ok(found.into_iter().flatten().collect())
    }

    async fn claims(&self, room: &RoomRef) -> Result<Vec<Claimed>, StoreError> {
        let mut held = lock(&self.0);
        held.usage.call(Call::Query);
        let mine = held.claims.iter().filter(|((of, _), _)| of == room);
        let claimed: Vec<Claimed> = mine
            .map(|(key, claim)| Claimed {
                claim: claim.clone(),
                booking: held.tables.bookings.get(key).cloned(),
            })
            .collect();
        let bytes = claimed.iter().map(|claimed| size::json_size(&claimed.claim)).sum();
        held.usage.read(bytes, true);
        if !claimed.is_empty() {
            // They are read again, to see that none has come while their bookings were read.
            held.usage.call(Call::Query);
            held.usage.read(bytes, true);
        }
        held.usage
            .batch(claimed.iter().map(|claimed| claimed.booking.as_ref().map_or(0, size::booking_size)));
        Ok(claimed)
    }

    async fn commit(&self, room: &RoomRef, writes: &[Write], cursor: &Cursor) -> Result<(), StoreError> {
        let mut held = lock(&self.0);
        held.usage.call(Call::TransactWriteItems);
        let next = Cursor { version: cursor.version + 1, ..stored(cursor).0 };
        let cursor_bytes = held.check_commit(room, writes, cursor, &next)?;
        held.usage.write(cursor_bytes, 0);
        held.cursors.insert(room.clone(), Item { value: next, bytes: cursor_bytes });
        for write in writes {
            held.apply(write);
        }
        Ok(())
    }
}

impl WritingStore for MemoryStore {
    async fn writing(&self, tenant: &TenantId, booking: &BookingId) -> Result<Option<Writing>, StoreError> {
        let mut held = lock(&self.0);
        let held = &mut *held;
        let item = held.writings.get(&(tenant.clone(), booking.clone()));
        held.usage.get(item.map(|item| item.bytes), true);
        Ok(item.map(|item| item.value.clone()))
    }

    async fn booking(&self, room: &RoomRef, id: &BookingId) -> Result<Option<Booking>, StoreError> {
        let mut held = lock(&self.0);
        let booking = held.tables.bookings.get(&(room.clone(), id.clone())).cloned();
        held.usage.get(booking.as_ref().map(size::booking_size), true);
        Ok(booking)
    }

    async fn save(
        &self,
        before: Option<&Writing>,
        writing: &Writing,
        rows: &[Write],
    ) -> Result<(), StoreError> {
        let mut held = lock(&self.0);
        held.usage.call(Call::TransactWriteItems);
        let (value, text) = stored(writing);
        let mut item = Item { value, bytes: size::row_size(text) };
        let what = format!("the writing of booking {}", writing.booking);
        fits(&what, item.bytes)?;
        let key = (writing.tenant.clone(), writing.booking.clone());
        let over = Some(writing.version).filter(|version| *version > 0);
        check(what, held.writings.get(&key).map(|stored| stored.value.version), over)?;
        for row in rows {
            let booking = &row.booking;
            let stored = held.tables.bookings.get(&(booking.room.clone(), booking.id.clone()));
            check(format!("booking {}", booking.id), stored.map(|stored| stored.version), row.over)?;
        }
        held.usage.write(item.bytes, 0);
        let gone = before.into_iter().flat_map(Writing::claims);
        gone.for_each(|(room, claim)| drop(held.claims.remove(&(room, claim.booking))));
        for (room, claim) in writing.claims() {
            held.usage.write(size::json_size(&claim), 0);
            held.claims.insert((room, claim.booking.clone()), claim);
        }
        item.value.version += 1;
        held.writings.insert(key, item);
        rows.iter().for_each(|row| held.apply(row));
        Ok(())
    }

    async fn closed_until(&self, tenant: &TenantId, mailbox: &str) -> Result<Option<Instant>, StoreError> {
        let mut held = lock(&self.0);
        let until = held.closed.get(&(tenant.clone(), mailbox.to_lowercase())).copied();
        held.usage.get(until.map(|_| CLOSED_BYTES), true);
        Ok(until)
    }

    async fn close(&self, tenant: &TenantId, mailbox: &str, until: Instant) -> Result<(), StoreError> {
        let mut held = lock(&self.0);
        held.usage.call(Call::TransactWriteItems);
        held.usage.write(CLOSED_BYTES, 0);
        let until = seconds::not_before(until);
        let noted = held.closed.entry((tenant.clone(), mailbox.to_lowercase())).or_insert(until);
        *noted = until.max(*noted);
        Ok(())
    }

    async fn due(&self, now: Instant, most: usize) -> Result<Vec<(TenantId, BookingId)>, StoreError> {
        let mut held = lock(&self.0);
        held.usage.call(Call::Query);
        let waits = |writing: &&Writing| writing.due.is_some_and(|due| due <= now);
        let mut due: Vec<&Writing> = held.writings.values().map(|item| &item.value).filter(waits).collect();
        due.sort_by_key(|writing| (writing.due, writing.booking.clone()));
        Ok(due
            .into_iter()
            .take(most)
            .map(|writing| (writing.tenant.clone(), writing.booking.clone()))
            .collect())
    }
}

/// Key of a link: event and meeting ids are kept apart.
fn link_key(room: &RoomRef, link: Link<'_>) -> (RoomRef, bool, String) {
    match link {
        Link::Event(id) => (room.clone(), false, id.to_string()),
        Link::Meeting(id) => (room.clone(), true, id.to_owned()),
    }
}

impl Held {
    /// Everything that DynamoDB refuses a whole transaction for. Gives the size of the cursor.
    fn check_commit(
        &self,
        room: &RoomRef,
        writes: &[Write],
        cursor: &Cursor,
        next: &Cursor,
    ) -> Result<usize, StoreError> {
        let links: Vec<_> =
            writes.iter().filter_map(|write| Some((&write.booking.room, write.link()?))).collect();
        let items = writes.len() + links.len();
        if items > TRANSACTION_ITEMS {
            return Err(StoreError::Other(format!(
                "a commit of {items} items for {room}: expected at most {TRANSACTION_ITEMS} beside the cursor"
            )));
        }
        let keys: BTreeSet<_> = writes.iter().map(|write| (&write.booking.room, &write.booking.id)).collect();
        if keys.len() < writes.len() || links.iter().collect::<BTreeSet<_>>().len() < links.len() {
            return Err(StoreError::Other(format!("a commit for {room} writes one item twice")));
        }
        let what = format!("the cursor of {room}");
        let cursor_bytes = fits(&what, size::cursor_size(&room.key(), next))?;
        let mut all = cursor_bytes;
        for write in writes {
            all += fits(&format!("booking {}", write.booking.id), size::booking_size(&write.booking))?;
        }
        if all > TRANSACTION_BYTES {
            return Err(StoreError::Other(format!("a commit of {all} bytes for {room}")));
        }
        let before = Some(cursor.version).filter(|version| *version > 0);
        check(what, self.cursors.get(room).map(|stored| stored.value.version), before)?;
        for write in writes {
            let booking = &write.booking;
            let stored = self.tables.bookings.get(&(booking.room.clone(), booking.id.clone()));
            let what = format!("booking {} of {room}", booking.id);
            check(what, stored.map(|stored| stored.version), write.over)?;
        }
        Ok(cursor_bytes)
    }

    fn apply(&mut self, write: &Write) {
        let new = stored_booking(&write.booking);
        if let Some(link) = write.link() {
            self.usage.write(0, 0);
            self.links.insert(link_key(&new.room, link), new.id.clone());
        }
        let old = self.tables.bookings.insert((new.room.clone(), new.id.clone()), new.clone());
        let moved = old.as_ref().is_some_and(|old| old.state.span.start != new.state.span.start);
        self.usage.write(size::booking_size(&new), if moved { 2 } else { 1 });
        self.stream.push(StreamRecord::Booking(Box::new(Change { old, new: Some(new) })));
    }
}
