//! Onboarding tenants and taking leave of them.

use roomsync_domain::TenantId;
use roomsync_domain::hint::TenantHint;
use roomsync_domain::room::RoomStatus;
use roomsync_domain::tenant::{Tenant, TenantConfig, TenantStatus};
use roomsync_ports::{HintQueue, QueueError, RoomStore, StoreError, TenantStore};
use serde::Serialize;
use thiserror::Error;

use crate::changes::{self, Change};

/// Why a tenant was not changed, or not all the way.
#[derive(Debug, Error)]
pub enum TenantError {
    /// Somebody else was faster. Nothing was changed.
    #[error(
        "tenant {0} was changed by somebody else at the same time; nothing was stored, run the command again"
    )]
    Raced(TenantId),
    /// There is no such tenant, or it is removed already.
    #[error("there is no active tenant {0}; `roomsync tenant list` shows those there are")]
    Unknown(TenantId),
    /// The tables did not answer. Nothing was changed.
    #[error("nothing was stored: {0}")]
    Store(StoreError),
    /// The change is stored, but nobody was told.
    #[error("tenant {id} is stored, but its rooms wait for the next tick of the schedule: {why}")]
    Untold {
        /// The tenant.
        id: TenantId,
        /// What the queue said.
        why: QueueError,
    },
}

/// What applying a file does to a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// It is onboarded.
    New,
    /// It comes back after it was removed.
    Back,
    /// Its configuration changes.
    Changed,
    /// Nothing: the file says what is stored.
    Unchanged,
    /// It is taken leave of.
    Removed,
}

/// What is going to happen to a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantPlan {
    /// What will be stored; what is stored if nothing changes.
    pub tenant: Tenant,
    /// What happens.
    pub effect: Effect,
    /// What differs in the configuration.
    pub changes: Vec<Change>,
}

/// What happened to a tenant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its name for people.
    pub name: String,
    /// The version that is stored now.
    pub version: u64,
    /// What happened.
    pub effect: Effect,
    /// What differs in the configuration.
    pub changes: Vec<Change>,
}

/// Compares a tenant file with what is stored.
///
/// # Errors
/// Those of the store.
pub async fn plan_tenant(store: &impl TenantStore, config: TenantConfig) -> Result<TenantPlan, TenantError> {
    let stored = store.tenant(&config.tenant).await.map_err(TenantError::Store)?;
    let changes = changes::between(stored.as_ref().map(|tenant| &tenant.config), &config);
    let effect = match &stored {
        None => Effect::New,
        Some(tenant) if tenant.status == TenantStatus::Removed => Effect::Back,
        Some(tenant) if tenant.config != config => Effect::Changed,
        Some(_) => Effect::Unchanged,
    };
    let before = stored.map_or(0, |tenant| tenant.version);
    let version = if effect == Effect::Unchanged { before } else { before + 1 };
    Ok(TenantPlan { tenant: Tenant { version, status: TenantStatus::Active, config }, effect, changes })
}

/// What taking leave of a tenant will do, and to how many rooms.
///
/// # Errors
/// There is no such active tenant, or the store does not answer.
pub async fn plan_removal(
    store: &(impl TenantStore + RoomStore),
    id: &TenantId,
) -> Result<(TenantPlan, usize), TenantError> {
    let stored = store.tenant(id).await.map_err(TenantError::Store)?;
    let Some(tenant) = stored.filter(|tenant| tenant.status == TenantStatus::Active) else {
        return Err(TenantError::Unknown(id.clone()));
    };
    let rooms = store.rooms(id).await.map_err(TenantError::Store)?;
    let active = rooms.iter().filter(|room| room.state.status == RoomStatus::Active).count();
    let tenant = Tenant { version: tenant.version + 1, status: TenantStatus::Removed, ..tenant };
    Ok((TenantPlan { tenant, effect: Effect::Removed, changes: Vec::new() }, active))
}

/// Stores what was planned and has the tenant's rooms looked at. Without a change nothing is stored and nobody is told.
/// `tick` tells this sending from others, see [`HintQueue`].
///
/// # Errors
/// Somebody else changed the tenant since the plan was made, the store does not answer, or the queue does not.
pub async fn carry_out(
    store: &impl TenantStore,
    queue: &impl HintQueue,
    plan: TenantPlan,
    tick: &str,
) -> Result<Applied, TenantError> {
    let id = plan.tenant.config.tenant.clone();
    if plan.effect != Effect::Unchanged {
        store.put_tenant(&plan.tenant).await.map_err(|error| match error {
            StoreError::Conflict(_) => TenantError::Raced(id.clone()),
            other => TenantError::Store(other),
        })?;
        let hint = TenantHint::new(id.clone());
        queue.send_tenants(&[hint], tick).await.map_err(|why| TenantError::Untold { id: id.clone(), why })?;
    }
    Ok(Applied {
        tenant_id: id,
        name: plan.tenant.config.name,
        version: plan.tenant.version,
        effect: plan.effect,
        changes: plan.changes,
    })
}

/// Stores a tenant file as it is: [`plan_tenant`] and [`carry_out`] in one.
///
/// # Errors
/// Those of the two.
pub async fn apply_tenant(
    store: &impl TenantStore,
    queue: &impl HintQueue,
    config: TenantConfig,
    tick: &str,
) -> Result<Applied, TenantError> {
    let plan = plan_tenant(store, config).await?;
    carry_out(store, queue, plan, tick).await
}
