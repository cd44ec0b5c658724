use crate::items::Item;
use crate::store::Write;
use crate::{BY_START, DynamoStore, errors, items, keys};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use roomsync_domain::booking::Booking;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::plan::{self, Link, TRANSACTION_ITEMS};
use roomsync_domain::writing::{Claim, Claimed};
use roomsync_domain::{BookingId, Instant, RoomRef};
use roomsync_ports::{BookingStore, StoreError};
use std::collections::BTreeSet;

/// Most keys of one `BatchGetItem` (its page in the API reference).
const BATCH_KEYS: usize = 100;
/// How often the commands under way are read until two readings are alike.
const CLAIM_READS: usize = 3;

impl BookingStore for DynamoStore {
    async fn cursor(&self, room: &RoomRef) -> Result<Option<Cursor>, StoreError> {
        let what = format!("the cursor of {room}");
        let item = self.get(&self.tables.sync_state, keys::cursor(room), false, &what).await?;
        item.as_ref().map(items::read_cursor).transpose()
    }

    async fn bookings(
        &self,
        room: &RoomRef,
        from: Option<Instant>,
        to: Instant,
    ) -> Result<Vec<Booking>, StoreError> {
        let Some((first, last)) = keys::starts(from, to) else { return Ok(Vec::new()) };
        let query = self
            .client
            .query()
            .table_name(&self.tables.bookings)
            .index_name(BY_START)
            .key_condition_expression("roomKey = :room AND startUtc BETWEEN :first AND :last")
            .expression_attribute_values(":room", AttributeValue::S(room.key()))
            .expression_attribute_values(":first", AttributeValue::S(first))
            .expression_attribute_values(":last", AttributeValue::S(last))
            .consistent_read(true);
        let mut pages = query.into_paginator().items().send();
        let mut bookings = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| errors::of(&format!("the bookings of {room}"), &error))?;
            bookings.push(items::read_booking(&item)?);
        }
        Ok(bookings)
    }

    async fn bookings_of(&self, room: &RoomRef, links: &[Link<'_>]) -> Result<Vec<Booking>, StoreError> {
        let links: BTreeSet<&Link<'_>> = links.iter().collect();
        let derived: BTreeSet<BookingId> = links.iter().filter_map(|link| link.booking_id(room)).collect();
        let links = links.into_iter().map(|link| keys::link(room, *link)).collect();
        let links = self.batch(&self.tables.sync_state, links).await?;
        let linked: BTreeSet<BookingId> = links.iter().map(items::read_link).collect::<Result<_, _>>()?;
        let ids = derived.union(&linked).map(|id| keys::booking(room, id)).collect();
        self.batch(&self.tables.bookings, ids).await?.iter().map(items::read_booking).collect()
    }

    async fn claims(&self, room: &RoomRef) -> Result<Vec<Claimed>, StoreError> {
        let mut claims = self.claims_of(room).await?;
        for _ in 0..CLAIM_READS {
            if claims.is_empty() {
                return Ok(Vec::new());
            }
            let keys = claims.iter().map(|claim| keys::booking(room, &claim.booking)).collect();
            let bookings = self.batch(&self.tables.bookings, keys).await?;
            // Two calls see two moments: only if nothing was claimed between them no booking is newer than its claim.
            let then = std::mem::replace(&mut claims, self.claims_of(room).await?);
            if then == claims {
                let bookings: Vec<Booking> =
                    bookings.iter().map(items::read_booking).collect::<Result<_, _>>()?;
                let of = |claim: &Claim| bookings.iter().find(|booking| booking.id == claim.booking).cloned();
                return Ok(claims.into_iter().map(|claim| Claimed { booking: of(&claim), claim }).collect());
            }
        }
        Err(StoreError::Conflict(format!("the commands under way in {room}")))
    }

    async fn commit(
        &self,
        room: &RoomRef,
        writes: &[plan::Write],
        cursor: &Cursor,
    ) -> Result<(), StoreError> {
        let links = writes.iter().filter(|write| write.link().is_some()).count();
        if writes.len() + links > TRANSACTION_ITEMS {
            return Err(StoreError::Other(format!(
                "a commit of {} items for {room}: expected at most {TRANSACTION_ITEMS} beside the cursor",
                writes.len() + links
            )));
        }
        let next = Cursor { version: cursor.version + 1, ..cursor.clone() };
        let mut puts = vec![Write::over(
            cursor.version,
            &self.tables.sync_state,
            items::cursor(room, &next)?,
            format!("the cursor of {room}"),
        )];
        for write in writes {
            puts.extend(self.booking_puts(write)?);
        }
        self.transact(puts).await
    }
}

impl DynamoStore {
    /// A version of a booking over the one before, and the link to it if it needs one.
    pub(crate) fn booking_puts(&self, write: &plan::Write) -> Result<Vec<Write>, StoreError> {
        let booking = &write.booking;
        let what = format!("booking {} of {}", booking.id, booking.room);
        let item = items::booking(booking)?;
        let mut puts = vec![Write::over(write.over.unwrap_or(0), &self.tables.bookings, item, what)];
        if let Some(link) = write.link() {
            let what = format!("the link to booking {} of {}", booking.id, booking.room);
            puts.push(Write::replace(&self.tables.sync_state, items::link(link, booking), what));
        }
        Ok(puts)
    }

    /// The items of these keys that are there, as they are now. What DynamoDB leaves over is asked for again as long as each answer
    /// brings something; then the table is busy.
    async fn batch(&self, table: &str, mut keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        while !keys.is_empty() {
            let asked = keys.split_off(keys.len().saturating_sub(BATCH_KEYS));
            let sent = asked.len();
            let wanted = KeysAndAttributes::builder().set_keys(Some(asked)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| StoreError::Other(error.to_string()))?;
            let answer = self.client.batch_get_item().request_items(table, wanted).send().await;
            let answer = answer.map_err(|error| errors::of(table, &error))?;
            found.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            let left: Vec<Item> =
                answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, left)| left.keys).collect();
            if left.len() == sent {
                return Err(StoreError::Busy(format!("{table} answered none of {sent} keys")));
            }
            keys.extend(left);
        }
        Ok(found)
    }
}
