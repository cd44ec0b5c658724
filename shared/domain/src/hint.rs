//! Messages between functions. They say "look there" and carry nothing that could be applied.

use crate::SCHEMA_VERSION;
use crate::ids::{RoomId, RoomRef, TenantId};
use crate::time::Instant;
use serde::{Deserialize, Serialize};

/// "Look at this room": body of a message in the poll queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PollHint {
    /// Always 1 here; another number is another shape.
    pub schema_version: u32,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The room.
    pub room_id: RoomId,
    /// Who asks.
    pub reason: HintReason,
    /// Read the whole window even if nothing seems to have changed.
    #[serde(default)]
    pub full: bool,
    /// An operator has said that many bookings may end at once.
    #[serde(default)]
    pub accept_mass_end: bool,
    /// When Graph's notice reached us, to the millisecond; only with reason `webhook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed_at: Option<Instant>,
}

/// Who asks for a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HintReason {
    /// The clock.
    Schedule,
    /// The room appeared, changed or disappeared in the directory.
    Rooms,
    /// A person with the command line.
    Operator,
    /// A booking command whose effect the room has not shown.
    Command,
    /// A notification from Graph.
    Webhook,
    /// A lifecycle notice from Graph.
    Lifecycle,
}

impl PollHint {
    /// A hint for a room.
    #[must_use]
    pub fn new(room: &RoomRef, reason: HintReason) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            tenant_id: room.tenant.clone(),
            room_id: room.room.clone(),
            reason,
            full: false,
            accept_mass_end: false,
            noticed_at: None,
        }
    }

    /// The same, for the whole window.
    #[must_use]
    pub fn full(mut self) -> Self {
        self.full = true;
        self
    }

    /// The room it names.
    #[must_use]
    pub fn room(&self) -> RoomRef {
        RoomRef::new(self.tenant_id.clone(), self.room_id.clone())
    }
}

/// "Look at the rooms of this tenant": body of a message in the tenant queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantHint {
    /// Always 1 here.
    pub schema_version: u32,
    /// The tenant.
    pub tenant_id: TenantId,
    /// An operator has said that many rooms may end at once.
    #[serde(default)]
    pub accept_mass_end: bool,
}

impl TenantHint {
    /// A hint for a tenant.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self { schema_version: SCHEMA_VERSION, tenant_id: tenant, accept_mass_end: false }
    }
}

/// "Look at the subscription of this room": body of a message in the lifecycle queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleHint {
    /// Always 1 here.
    pub schema_version: u32,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The room.
    pub room_id: RoomId,
    /// What happened.
    pub event: LifecycleEvent,
    /// The subscription that Graph speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
}

/// What happened to a subscription (`change-notifications-lifecycle-events` page), or that one may be wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LifecycleEvent {
    /// The room appeared, changed or disappeared in the directory. Ours, not Graph's.
    RoomChanged,
    /// Its token or its time runs out, or permissions were taken away.
    ReauthorizationRequired,
    /// Graph removed it.
    SubscriptionRemoved,
    /// Notifications were not delivered.
    Missed,
    /// A word that we do not know (yet).
    #[serde(other)]
    Unknown,
}

impl LifecycleHint {
    /// A hint for a room's subscription.
    #[must_use]
    pub fn new(room: &RoomRef, event: LifecycleEvent) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            tenant_id: room.tenant.clone(),
            room_id: room.room.clone(),
            event,
            subscription_id: None,
        }
    }

    /// The room it names.
    #[must_use]
    pub fn room(&self) -> RoomRef {
        RoomRef::new(self.tenant_id.clone(), self.room_id.clone())
    }
}
