//! What becomes of a room's subscription: wanted against held.
//!
//! Level-triggered: what Graph or the clock says is a reason to compare, and only names of subscriptions are taken from it.

use crate::hint::{LifecycleEvent, LifecycleHint};
use crate::ids::RoomRef;
use crate::listening::{Listening, renew_at};
use crate::time::Instant;
use std::collections::BTreeSet;

/// What is known of a room when its subscription is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// The room.
    pub room: &'a RoomRef,
    /// Whether it should have a subscription: it and its tenant are active and may be listened to.
    pub wanted: bool,
    /// The subscription that its row names.
    pub held: Option<&'a Listening>,
    /// Whether the last try was refused.
    pub refused: bool,
}

/// What every subscription must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The key that signs.
    pub key_id: String,
    /// Fingerprint of the addresses that are called.
    pub urls: String,
}

/// What has been said about a room's subscriptions since the last look at them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// These were removed; nothing stands for the one that there is.
    pub removed: BTreeSet<Option<String>>,
    /// The one that there is should be renewed now.
    pub renew: bool,
    /// Notices were not delivered.
    pub missed: bool,
    /// Something that we do not understand was said.
    pub odd: bool,
    /// These exist at Graph.
    pub seen: BTreeSet<String>,
}

impl Told {
    /// Takes note of a hint.
    pub fn note(&mut self, hint: &LifecycleHint) {
        match hint.event {
            LifecycleEvent::RoomChanged => {}
            LifecycleEvent::ReauthorizationRequired => self.renew = true,
            LifecycleEvent::SubscriptionRemoved => {
                self.removed.insert(hint.subscription_id.clone());
            }
            LifecycleEvent::Missed => self.missed = true,
            LifecycleEvent::Stray => self.seen.extend(hint.subscription_id.clone()),
            LifecycleEvent::Unknown => self.odd = true,
        }
    }

    /// Takes up what else was said.
    pub fn merge(&mut self, other: Self) {
        self.removed.extend(other.removed);
        self.seen.extend(other.seen);
        self.renew |= other.renew;
        self.missed |= other.missed;
        self.odd |= other.odd;
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: held equals wanted.
    Nothing,
    /// Make one.
    Create,
    /// Let it live longer; if it is gone, replace it.
    Renew,
    /// Remove it and make another one. What a subscription signs with and whom it calls cannot be changed (`subscription-update` page).
    Replace,
    /// Remove it, and what is known of it.
    Forget,
}

/// Decides.
#[must_use]
pub fn decide(sight: &Sight<'_>, terms: &Terms, told: &Told, now: Instant) -> Step {
    if !sight.wanted {
        return if sight.held.is_some() || sight.refused { Step::Forget } else { Step::Nothing };
    }
    let Some(held) = sight.held else { return Step::Create };
    let is_removed = told.removed.iter().any(|id| id.as_ref().is_none_or(|id| held.has_id(id)));
    let is_ours = held.key_id == terms.key_id && held.urls == terms.urls;
    if !is_ours || is_removed || now >= held.expires_at {
        Step::Replace
    } else if told.renew || sight.refused || now >= renew_at(sight.room, held) {
        Step::Renew
    } else {
        Step::Nothing
    }
}

/// Subscriptions of the room that are not the one its row names. They are removed: whether we have signed what they prove themselves
/// with cannot be seen, and two of them would tell everything twice.
#[must_use]
pub fn strays<'t>(held: Option<&Listening>, seen: &'t BTreeSet<String>) -> Vec<&'t str> {
    let is_stray = |id: &&String| held.is_none_or(|held| !held.has_id(id));
    seen.iter().filter(is_stray).map(String::as_str).collect()
}

/// The hints that bring a room's subscriptions into order, from the hourly look at all rooms. `listed` are the room's subscriptions in
/// Graph's list, which is not always right: what it lacks is renewed, which tells the truth.
#[must_use]
pub fn hints(
    sight: &Sight<'_>,
    terms: &Terms,
    listed: Option<&BTreeSet<String>>,
    now: Instant,
) -> Vec<LifecycleHint> {
    let none = BTreeSet::new();
    let stray = |id: &str| LifecycleHint {
        subscription_id: Some(id.to_owned()),
        ..LifecycleHint::new(sight.room, LifecycleEvent::Stray)
    };
    let mut hints: Vec<LifecycleHint> =
        strays(sight.held, listed.unwrap_or(&none)).into_iter().map(stray).collect();
    let is_missing = |held: &Listening| listed.is_some_and(|listed| !listed.iter().any(|id| held.has_id(id)));
    if decide(sight, terms, &Told::default(), now) != Step::Nothing {
        hints.push(LifecycleHint::new(sight.room, LifecycleEvent::RoomChanged));
    } else if sight.held.is_some_and(is_missing) {
        hints.push(LifecycleHint::new(sight.room, LifecycleEvent::ReauthorizationRequired));
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{RoomId, TenantId};
    use crate::listening::life;

    fn room() -> RoomRef {
        RoomRef::new(TenantId::parse("84bd8158-6d4d-4958-8b9f-9d6445542f95").unwrap(), RoomId::new("r"))
    }

    fn now() -> Instant {
        Instant::from_timestamp(1_770_000_000, 0).unwrap()
    }

    fn terms() -> Terms {
        Terms { key_id: "key".to_owned(), urls: "urls".to_owned() }
    }

    fn held() -> Listening {
        Listening {
            subscription_id: "held".to_owned(),
            key_id: "key".to_owned(),
            urls: "urls".to_owned(),
            expires_at: now() + life(),
            since: now(),
            renewed_at: None,
            heard_at: None,
            silent_since: None,
            doubted_since: None,
        }
    }

    fn told(event: LifecycleEvent, id: Option<&str>) -> Told {
        let mut told = Told::default();
        let id = id.map(str::to_owned);
        told.note(&LifecycleHint { subscription_id: id, ..LifecycleHint::new(&room(), event) });
        told
    }

    fn step(wanted: bool, held: Option<&Listening>, refused: bool, told: &Told) -> Step {
        decide(&Sight { room: &room(), wanted, held, refused }, &terms(), told, now())
    }

    #[test]
    fn wanted_against_held() {
        let calm = Told::default();
        let good = held();
        let other = |change: fn(&mut Listening)| {
            let mut held = held();
            change(&mut held);
            held
        };
        let old_key = other(|held| held.key_id = "old".to_owned());
        let old_urls = other(|held| held.urls = "old".to_owned());
        let over = other(|held| held.expires_at = now());
        let half = other(|held| (held.since, held.expires_at) = (now() - life() / 2, now() + life() / 2));
        assert_eq!(step(true, None, false, &calm), Step::Create);
        assert_eq!(step(true, None, true, &calm), Step::Create, "refused before");
        assert_eq!(step(true, Some(&good), false, &calm), Step::Nothing);
        assert_eq!(step(true, Some(&good), true, &calm), Step::Renew, "its renewal was refused");
        assert_eq!(step(true, Some(&old_key), false, &calm), Step::Replace);
        assert_eq!(step(true, Some(&old_urls), false, &calm), Step::Replace);
        assert_eq!(step(true, Some(&over), false, &calm), Step::Replace);
        assert_eq!(step(true, Some(&half), false, &calm), Step::Renew);
        assert_eq!(step(false, Some(&good), false, &calm), Step::Forget);
        assert_eq!(step(false, None, true, &calm), Step::Forget, "the reason is gone, too");
        assert_eq!(step(false, None, false, &calm), Step::Nothing);
    }

    #[test]
    fn what_graph_says() {
        use LifecycleEvent::{
            Missed, ReauthorizationRequired, RoomChanged, Stray, SubscriptionRemoved, Unknown,
        };
        let good = held();
        let after = |event, id| step(true, Some(&good), false, &told(event, id));
        assert_eq!(after(SubscriptionRemoved, Some("held")), Step::Replace);
        assert_eq!(after(SubscriptionRemoved, Some("HELD")), Step::Replace, "ids are GUIDs, in any case");
        assert_eq!(after(SubscriptionRemoved, None), Step::Replace);
        assert_eq!(after(SubscriptionRemoved, Some("one before")), Step::Nothing);
        assert_eq!(after(ReauthorizationRequired, Some("held")), Step::Renew);
        for event in [Missed, Unknown, RoomChanged, Stray] {
            assert_eq!(after(event, Some("held")), Step::Nothing, "{event:?}");
        }
        assert!(told(Missed, None).missed && told(Unknown, None).odd);
        assert_eq!(strays(Some(&good), &told(Stray, Some("held")).seen), Vec::<&str>::new());
        assert_eq!(strays(Some(&good), &told(Stray, Some("Held")).seen), Vec::<&str>::new());
        assert_eq!(strays(Some(&good), &told(Stray, Some("other")).seen), ["other"]);
        assert_eq!(strays(None, &told(Stray, Some("other")).seen), ["other"]);
    }

    #[test]
    fn the_hourly_look_asks_only_for_what_is_to_be_done() {
        use LifecycleEvent::{ReauthorizationRequired, RoomChanged, Stray};
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<String>>();
        let good = held();
        let asked = |wanted, held: Option<&Listening>, listed: Option<&BTreeSet<String>>| {
            let room = room();
            let sight = Sight { room: &room, wanted, held, refused: false };
            hints(&sight, &terms(), listed, now()).into_iter().map(|hint| hint.event).collect::<Vec<_>>()
        };
        assert_eq!(asked(true, Some(&good), Some(&ids(&["held"]))), []);
        assert_eq!(asked(true, Some(&good), Some(&ids(&["HELD"]))), []);
        assert_eq!(asked(true, Some(&good), None), []);
        assert_eq!(asked(true, Some(&good), Some(&ids(&[]))), [ReauthorizationRequired]);
        assert_eq!(asked(true, Some(&good), Some(&ids(&["a", "held"]))), [Stray]);
        assert_eq!(asked(true, None, Some(&ids(&["a"]))), [Stray, RoomChanged]);
        assert_eq!(asked(true, None, None), [RoomChanged]);
        assert_eq!(asked(false, None, Some(&ids(&["a"]))), [Stray]);
        assert_eq!(asked(false, Some(&good), None), [RoomChanged]);
    }
}
