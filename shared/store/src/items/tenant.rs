use super::Item;
use super::draft::Draft;
use super::reader::Reader;
use crate::keys;
use roomsync_domain::tenant::{Tenant, TenantConfig};
use roomsync_ports::StoreError;

/// A tenant as an item of `Tenants`. The configuration is one JSON text: nobody reads it in parts.
///
/// # Errors
/// None for a checked configuration.
pub fn tenant(tenant: &Tenant) -> Result<Item, StoreError> {
    let config = serde_json::to_string(&tenant.config)
        .map_err(|error| StoreError::Other(format!("attribute config: {error}")))?;
    let draft = Draft::new(keys::tenant(&tenant.config.tenant))
        .number("version", tenant.version.into())
        .value("status", &tenant.status)?
        .text("name", &tenant.config.name)
        .text("config", config);
    Ok(draft.item())
}

/// The tenant of an item.
///
/// # Errors
/// [`StoreError::Corrupt`] with key and attribute.
pub fn read_tenant(item: &Item) -> Result<Tenant, StoreError> {
    let reader = Reader::new(item, &["tenantId"])?;
    let config: TenantConfig = serde_json::from_str(&reader.text("config")?)
        .map_err(|error| reader.wrong("config", &error.to_string()))?;
    if config.tenant.as_str() != reader.text("tenantId")? {
        return Err(reader.wrong("config", "expected the configuration of this tenant"));
    }
    Ok(Tenant {
        version: reader.number("version")?,
        status: reader.value("status", "expected active or removed")?,
        config,
    })
}
