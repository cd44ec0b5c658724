use crate::store::Write;
use crate::{DynamoStore, errors, items, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use roomsync_domain::booking::Booking;
use roomsync_domain::time::seconds;
use roomsync_domain::writing::{Claim, Writing};
use roomsync_domain::{BookingId, Instant, RoomRef, TenantId, plan};
use roomsync_ports::{StoreError, WritingStore};
use std::collections::BTreeSet;

impl WritingStore for DynamoStore {
    async fn writing(&self, tenant: &TenantId, booking: &BookingId) -> Result<Option<Writing>, StoreError> {
        let what = format!("the writing of booking {booking}");
        let item = self.get(&self.tables.sync_state, keys::writing(tenant, booking), true, &what).await?;
        item.as_ref().map(items::read_writing).transpose()
    }

    async fn booking(&self, room: &RoomRef, id: &BookingId) -> Result<Option<Booking>, StoreError> {
        let what = format!("booking {id} of {room}");
        let item = self.get(&self.tables.bookings, keys::booking(room, id), true, &what).await?;
        item.as_ref().map(items::read_booking).transpose()
    }

    async fn save(
        &self,
        before: Option<&Writing>,
        writing: &Writing,
        rows: &[plan::Write],
    ) -> Result<(), StoreError> {
        let mut puts = self.writing_puts(before, writing)?;
        for row in rows {
            puts.extend(self.booking_puts(row)?);
        }
        self.transact(puts).await
    }

    async fn closed_until(&self, tenant: &TenantId, mailbox: &str) -> Result<Option<Instant>, StoreError> {
        let what = "a mailbox that wants no calls";
        let item = self.get(&self.tables.sync_state, keys::closed(tenant, mailbox), true, what).await?;
        item.as_ref().map(items::read_closed).transpose()
    }

    async fn close(&self, tenant: &TenantId, mailbox: &str, until: Instant) -> Result<(), StoreError> {
        let item = items::closed(tenant, mailbox, until);
        let what = "a mailbox that wants no calls".to_owned();
        match self.transact(vec![Write::later(&self.tables.sync_state, item, what)]).await {
            // It is noted for longer already.
            Err(StoreError::Conflict(_)) => Ok(()),
            other => other,
        }
    }

    async fn due(&self, now: Instant, most: usize) -> Result<Vec<(TenantId, BookingId)>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.sync_state)
            .key_condition_expression("pk = :unsettled")
            .filter_expression("due <= :now")
            .expression_attribute_values(":unsettled", AttributeValue::S(keys::UNSETTLED.to_owned()))
            .expression_attribute_values(":now", AttributeValue::S(seconds::text(now)));
        let mut pages = query.into_paginator().items().send();
        let mut due = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| errors::of("the writings that are due", &error))?;
            due.push(items::read_unsettled(&item)?);
        }
        due.sort_by(|a, b| a.2.cmp(&b.2).then_with(|| a.1.cmp(&b.1)));
        due.truncate(most);
        Ok(due.into_iter().map(|(tenant, booking, _)| (tenant, booking)).collect())
    }
}

impl DynamoStore {
    /// The commands under way in a room.
    pub(crate) async fn claims_of(&self, room: &RoomRef) -> Result<Vec<Claim>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.sync_state)
            .key_condition_expression("pk = :room AND begins_with(sk, :claim)")
            .expression_attribute_values(":room", AttributeValue::S(room.key()))
            .expression_attribute_values(":claim", AttributeValue::S(keys::CLAIM.to_owned()))
            .consistent_read(true);
        let mut pages = query.into_paginator().items().send();
        let mut claims = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| errors::of(&format!("the claims in {room}"), &error))?;
            claims.push(items::read_claim(&item)?);
        }
        Ok(claims)
    }

    /// A writing, its mark while it is not settled, and its claims; those of before are taken back.
    fn writing_puts(&self, before: Option<&Writing>, writing: &Writing) -> Result<Vec<Write>, StoreError> {
        let table = &self.tables.sync_state;
        let what = format!("the writing of booking {}", writing.booking);
        let next = Writing { version: writing.version + 1, ..writing.clone() };
        let mut puts = vec![Write::over(writing.version, table, items::writing(&next)?, what)];
        let what = format!("the mark of booking {}", writing.booking);
        match writing.due {
            Some(due) => puts.push(Write::replace(table, items::unsettled(writing, due), what)),
            None => puts.push(Write::delete(table, keys::unsettled(&writing.tenant, &writing.booking), what)),
        }
        let claims = writing.claims();
        let kept: BTreeSet<&RoomRef> = claims.iter().map(|(room, _)| room).collect();
        for (room, _) in before.into_iter().flat_map(Writing::claims).filter(|(room, _)| !kept.contains(room))
        {
            let what = format!("the claim of booking {} in {room}", writing.booking);
            puts.push(Write::delete(table, keys::claim(&room, &writing.booking), what));
        }
        for (room, claim) in &claims {
            let what = format!("the claim of booking {} in {room}", writing.booking);
            puts.push(Write::replace(table, items::claim(room, claim, writing.expires_at())?, what));
        }
        Ok(puts)
    }
}
