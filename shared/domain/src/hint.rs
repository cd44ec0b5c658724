//! Messages between functions. They say "look there" and carry nothing that could be applied.

use crate::SCHEMA_VERSION;
use crate::ids::{RoomId, RoomRef, TenantId};
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Only for rooms that must be polled often: a room whose subscription can be trusted needs no look now.
    #[serde(default, skip_serializing_if = "is_false")]
    pub spare: bool,
    /// When Graph's notice reached us, to the millisecond; only with reason `webhook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed_at: Option<Instant>,
    /// The subscriptions whose notices these are, and when the newest of each reached us.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub told_by: BTreeMap<String, Instant>,
}

/// For fields that are left out as long as they say nothing.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
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
            spare: false,
            noticed_at: None,
            told_by: BTreeMap::new(),
        }
    }

    /// The same, only for rooms that must be polled often.
    #[must_use]
    pub fn spare(mut self) -> Self {
        self.spare = true;
        self
    }

    /// Takes up another hint for the same room: one look does what both ask. The reason is that of the one that asks for more; the
    /// notice is the older one, but of each subscription the newest counts.
    pub fn merge(&mut self, other: Self) {
        if other.weight() > self.weight() {
            self.reason = other.reason;
        }
        self.full |= other.full;
        self.accept_mass_end |= other.accept_mass_end;
        self.spare &= other.spare;
        self.noticed_at = match (self.noticed_at, other.noticed_at) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        for (subscription, at) in other.told_by {
            let newest = self.told_by.entry(subscription).or_insert(at);
            *newest = at.max(*newest);
        }
    }

    /// Whether nobody but Graph's notices asks.
    #[must_use]
    pub fn is_from_notices_only(&self) -> bool {
        self.reason == HintReason::Webhook && !self.full
    }

    fn weight(&self) -> u8 {
        match self.reason {
            HintReason::Schedule if self.spare => 0,
            HintReason::Webhook if !self.full => 1,
            _ => 2,
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
    /// Graph's list shows this subscription for the room. Ours, not Graph's.
    Stray,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(reason: HintReason) -> PollHint {
        let tenant = TenantId::parse("84bd8158-6d4d-4958-8b9f-9d6445542f95").unwrap();
        PollHint::new(&RoomRef::new(tenant, RoomId::new("r")), reason)
    }

    fn merged(mut one: PollHint, other: PollHint) -> PollHint {
        one.merge(other);
        one
    }

    #[test]
    fn two_hints_are_one_that_does_what_both_ask() {
        let at = |second| Instant::from_timestamp(second, 0);
        let notice = |second| PollHint { noticed_at: at(second), ..hint(HintReason::Webhook) };
        let spare = hint(HintReason::Schedule).spare();
        assert_eq!(merged(notice(5), notice(3)), notice(3));
        assert_eq!(merged(notice(5), spare.clone()), notice(5));
        assert_eq!(merged(spare.clone(), notice(5)), notice(5));
        assert_eq!(merged(spare.clone(), spare.clone()), spare);
        let due = hint(HintReason::Schedule);
        assert_eq!(merged(due.clone(), spare.clone()), due);
        assert_eq!(merged(spare, due.clone()), due);
        let both = merged(notice(5), due);
        assert!(!both.is_from_notices_only());
        assert_eq!((both.reason, both.noticed_at), (HintReason::Schedule, at(5)));
        let told = |told: &[(&str, i64)]| {
            let told_by = told.iter().filter_map(|(id, second)| Some(((*id).to_owned(), at(*second)?)));
            PollHint { told_by: told_by.collect(), ..notice(3) }
        };
        assert_eq!(merged(told(&[("a", 5)]), told(&[("a", 3), ("b", 4)])), told(&[("a", 5), ("b", 4)]));
        let full = merged(notice(5), hint(HintReason::Operator).full());
        assert!(full.full && !full.is_from_notices_only());
    }

    #[test]
    fn a_hint_without_news_is_written_as_ever() {
        let text = serde_json::to_string(&hint(HintReason::Schedule)).unwrap();
        assert!(!["spare", "noticedAt", "toldBy"].iter().any(|name| text.contains(name)), "{text}");
        let spare = hint(HintReason::Schedule).spare();
        assert_eq!(serde_json::from_str::<PollHint>(&serde_json::to_string(&spare).unwrap()).unwrap(), spare);
    }
}
