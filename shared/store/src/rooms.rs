use crate::store::Write;
use crate::{DynamoStore, errors, items, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use roomsync_domain::room::Room;
use roomsync_domain::room_plan::{DirectoryMemory, RoomWrite};
use roomsync_domain::{RoomRef, TenantId};
use roomsync_ports::{RoomStore, StoreError};

impl RoomStore for DynamoStore {
    async fn room(&self, room: &RoomRef) -> Result<Option<Room>, StoreError> {
        let key = keys::room(&room.tenant, &room.room);
        let item = self.get(&self.tables.rooms, key, true, &format!("room {room}")).await?;
        item.as_ref().map(items::read_room).transpose()
    }

    async fn rooms(&self, tenant: &TenantId) -> Result<Vec<Room>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.rooms)
            .key_condition_expression("tenantId = :tenant")
            .expression_attribute_values(":tenant", AttributeValue::S(tenant.to_string()))
            .consistent_read(true);
        let mut pages = query.into_paginator().items().send();
        let mut rooms = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| errors::of(&format!("the rooms of {tenant}"), &error))?;
            rooms.push(items::read_room(&item)?);
        }
        Ok(rooms)
    }

    async fn put_room(&self, write: &RoomWrite) -> Result<(), StoreError> {
        let what = format!("room {}", write.room.room);
        let item = items::room(&write.room)?;
        self.transact(vec![Write::over(write.over.unwrap_or(0), &self.tables.rooms, item, what)]).await
    }

    async fn directory_memory(&self, tenant: &TenantId) -> Result<DirectoryMemory, StoreError> {
        let what = format!("the directory memory of {tenant}");
        let item = self.get(&self.tables.sync_state, keys::directory(tenant), true, &what).await?;
        item.as_ref().map_or_else(|| Ok(DirectoryMemory::default()), items::read_directory_memory)
    }

    async fn put_directory_memory(
        &self,
        tenant: &TenantId,
        memory: &DirectoryMemory,
    ) -> Result<(), StoreError> {
        let what = format!("the directory memory of {tenant}");
        let next = DirectoryMemory { version: memory.version + 1, ..memory.clone() };
        let item = items::directory_memory(tenant, &next)?;
        self.transact(vec![Write::over(memory.version, &self.tables.sync_state, item, what)]).await
    }
}
