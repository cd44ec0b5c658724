use crate::store::Write;
use crate::{DynamoStore, errors, items, keys};
use roomsync_domain::TenantId;
use roomsync_domain::tenant::Tenant;
use roomsync_ports::{StoreError, TenantStore};

impl TenantStore for DynamoStore {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let what = format!("tenant {id}");
        let item = self.get(&self.tables.tenants, keys::tenant(id), true, &what).await?;
        item.as_ref().map(items::read_tenant).transpose()
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let scan = self.client.scan().table_name(&self.tables.tenants).consistent_read(true);
        let mut pages = scan.into_paginator().items().send();
        let mut tenants = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| errors::of("the tenants", &error))?;
            tenants.push(items::read_tenant(&item)?);
        }
        tenants.sort_by(|a, b| a.config.tenant.cmp(&b.config.tenant));
        Ok(tenants)
    }

    async fn put_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let what = format!("tenant {}", tenant.config.tenant);
        let before = tenant.version.saturating_sub(1);
        self.transact(vec![Write::over(before, &self.tables.tenants, items::tenant(tenant)?, what)]).await
    }
}
