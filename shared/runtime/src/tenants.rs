//! Tenants, remembered for a minute, so that a quiet look reads nothing but the cursor.

use chrono::TimeDelta;
use roomsync_domain::tenant::Tenant;
use roomsync_domain::{Instant, TenantId};
use roomsync_ports::{StoreError, TenantStore};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How long a tenant is remembered. A changed file is in use after that time.
const REMEMBERED_SECONDS: i64 = 60;

/// Tenants by id, with the time at which they were read.
#[derive(Debug, Default)]
pub struct TenantCache(RefCell<BTreeMap<TenantId, (Instant, Tenant)>>);

impl TenantCache {
    /// A tenant, at most a minute old. That there is none is not remembered.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn get<S: TenantStore>(
        &self,
        store: &S,
        id: &TenantId,
        now: Instant,
    ) -> Result<Option<Tenant>, StoreError> {
        let fresh = |read: &Instant| *read <= now && now - *read < TimeDelta::seconds(REMEMBERED_SECONDS);
        if let Some((_, tenant)) = self.0.borrow().get(id).filter(|(read, _)| fresh(read)) {
            return Ok(Some(tenant.clone()));
        }
        let tenant = store.tenant(id).await?;
        match &tenant {
            Some(tenant) => {
                self.0.borrow_mut().insert(id.clone(), (now, tenant.clone()));
            }
            None => {
                self.0.borrow_mut().remove(id);
            }
        }
        Ok(tenant)
    }
}
