use super::lost;
use crate::{config, tenant};
use roomsync_domain::TenantId;
use roomsync_domain::tenant::{Tenant, TenantConfig, TenantStatus};
use roomsync_ports::TenantStore;

/// The suite of [`TenantStore`].
///
/// # Panics
/// When the store does not keep its word.
pub async fn tenant_store_suite(store: &impl TenantStore) {
    let first = tenant();
    assert_eq!(store.tenant(&first.config.tenant).await.expect("empty"), None);
    assert_eq!(store.tenants().await.expect("empty"), []);

    lost(store.put_tenant(&Tenant { version: 2, ..tenant() }).await, "a second version without a first");
    store.put_tenant(&first).await.expect("version 1");
    let other = TenantConfig { name: "Somebody else".to_owned(), ..config() };
    lost(store.put_tenant(&Tenant { config: other.clone(), ..tenant() }).await, "version 1 again");
    assert_eq!(store.tenant(&first.config.tenant).await.expect("version 1"), Some(first.clone()));

    let second = Tenant { version: 2, status: TenantStatus::Removed, config: other };
    store.put_tenant(&second).await.expect("version 2");
    lost(store.put_tenant(&Tenant { version: 2, ..first.clone() }).await, "version 2 by somebody else");
    lost(store.put_tenant(&Tenant { version: 4, ..first }).await, "a version left out");

    let id = TenantId::parse("10000000-0000-4000-8000-000000000000").expect("a directory id");
    let earlier = Tenant { config: TenantConfig { tenant: id, ..config() }, ..tenant() };
    store.put_tenant(&earlier).await.expect("another tenant");
    assert_eq!(store.tenants().await.expect("two"), [earlier, second], "in the order of their ids");
}
