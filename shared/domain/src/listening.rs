//! How a room is listened to: a subscription at Graph, and whether it is known to work.
//!
//! It is kept in the room's cursor row, so that one version guards all that decides how a room is followed, and whoever looks at the
//! room knows it without another read. A room is looked at less often only while its subscription is alive, has proven that it
//! delivers, and was not found silent; in every other case it is polled at the short interval.

use crate::ids::RoomRef;
use crate::time::{Instant, seconds};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How long Graph is asked to keep a subscription: a little less than the 10,080 minutes it allows (`subscription` page).
#[must_use]
pub fn life() -> TimeDelta {
    TimeDelta::minutes(6 * 24 * 60 + 12 * 60)
}

/// How long a notice may be on its way before its absence says something. Outlook's notices come within three minutes
/// (`change-notifications-overview` page, latency).
const GRACE_SECONDS: i64 = 180;

/// A subscription of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listening {
    /// Its id at Graph.
    pub subscription_id: String,
    /// Which key has signed its `clientState`.
    pub key_id: String,
    /// Fingerprint of the addresses that it calls.
    pub urls: String,
    /// Until when Graph keeps it, as Graph said.
    #[serde(with = "seconds")]
    pub expires_at: Instant,
    /// Since when it is there.
    #[serde(with = "seconds")]
    pub since: Instant,
    /// When its end was last put off.
    #[serde(default, with = "seconds::option")]
    pub renewed_at: Option<Instant>,
    /// Last notice that is worth remembering; nothing means that it has not proven yet that it delivers.
    #[serde(default, with = "seconds::option")]
    pub heard_at: Option<Instant>,
    /// Since when it is known that a change was not announced.
    #[serde(default, with = "seconds::option")]
    pub silent_since: Option<Instant>,
    /// When the oldest change was made that a look found before any notice of it. The notice may be on its way.
    #[serde(default, with = "seconds::option")]
    pub doubted_since: Option<Instant>,
}

impl Listening {
    /// Whether the room may be looked at less often.
    #[must_use]
    pub fn can_be_trusted(&self, now: Instant) -> bool {
        now < self.expires_at && self.heard_at.is_some() && self.silent_since.is_none()
    }

    /// Whether that is its id. Ids are GUIDs; Graph's spelling of such varies (`change-notifications-delivery-webhooks` page, samples).
    #[must_use]
    pub fn has_id(&self, id: &str) -> bool {
        self.subscription_id.eq_ignore_ascii_case(id)
    }

    /// The same after one of its own notices reached us at `noticed_at`; nothing if that proves nothing new: it is from before the silence,
    /// or from before the change that is in doubt, or delivery is proven already.
    #[must_use]
    pub fn heard(&self, noticed_at: Instant) -> Option<Self> {
        // Both of these are whole seconds, rounded down.
        let proves = self.silent_since.is_none_or(|since| noticed_at >= since);
        let doubted_since = self.doubted_since.filter(|made| noticed_at < *made);
        let is_news =
            self.heard_at.is_none() || self.silent_since.is_some() || doubted_since != self.doubted_since;
        (is_news && proves).then(|| Self {
            heard_at: Some(noticed_at),
            silent_since: None,
            doubted_since,
            ..self.clone()
        })
    }

    /// The same, not to be trusted until it is heard again.
    #[must_use]
    pub fn unproven(&self) -> Self {
        Self { heard_at: None, silent_since: None, doubted_since: None, ..self.clone() }
    }

    /// The same after a look that no notice had asked for and that found these changes: they may show that notices do not come.
    ///
    /// `heard` is the last notice for the room that anybody remembers, `last_look` the begin of the look before this one. A change that
    /// was made while the subscription was there, and after which nothing was heard, is a doubt at first, and evidence once notices do not
    /// take as long. Changes without a date (removals) are evidence at once if there are no others.
    #[must_use]
    pub fn after(
        &self,
        changes: &Changes,
        heard: Option<Instant>,
        last_look: Option<Instant>,
        now: Instant,
    ) -> Self {
        if now >= self.expires_at || self.silent_since.is_some() {
            return self.clone();
        }
        let heard = heard.max(self.heard_at);
        let grace = TimeDelta::seconds(GRACE_SECONDS);
        let made = changes.dated.iter().copied().filter(|made| *made > self.since + TimeDelta::seconds(1));
        let unannounced = |made: &Instant| heard.is_none_or(|heard| heard < *made);
        let doubted_since = self.doubted_since.into_iter().chain(made).filter(unannounced).min();
        let is_late = doubted_since.is_some_and(|made| now - made >= grace);
        let is_removal = changes.undated
            && changes.dated.is_empty()
            && last_look.is_some_and(|last| last > self.since)
            && heard.is_none_or(|heard| now - heard >= grace);
        if is_late || is_removal {
            Self { silent_since: Some(now), doubted_since: None, ..self.clone() }
        } else {
            Self { doubted_since, ..self.clone() }
        }
    }
}

/// When the changes were made that a delta round reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Times of last modification.
    pub dated: BTreeSet<Instant>,
    /// Whether there are some that say no time.
    pub undated: bool,
}

impl Changes {
    /// Takes note of one.
    pub fn note(&mut self, made: Option<Instant>) {
        match made {
            Some(made) => {
                self.dated.insert(made);
            }
            None => self.undated = true,
        }
    }

    /// The newest that says its time.
    #[must_use]
    pub fn newest(&self) -> Option<Instant> {
        self.dated.last().copied()
    }
}

/// Why a room cannot be subscribed. It is polled meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Stable word, see [`RefusalKind`].
    pub kind: RefusalKind,
    /// Since when.
    #[serde(with = "seconds")]
    pub since: Instant,
    /// Graph's error code and request id, for support.
    pub detail: String,
}

/// Why a room cannot be subscribed, by who can end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// 403: not consented, out of scope, or the mailbox has as many subscriptions as it may. The customer's administrator.
    NoAccess,
    /// 404: no such mailbox, or none that can be subscribed. The customer's administrator.
    NoMailbox,
    /// The login host refuses our credential. The operator.
    Credential,
    /// Graph did not get the answer that it expects from our webhook. The operator, if it lasts.
    NotValidated,
    /// Another deployment with the same application listens to this room. The operator.
    Taken,
    /// The room's id does not fit into a signature. Nobody.
    Unsignable,
    /// Graph asks to wait. Nobody.
    Throttled,
    /// Time-outs, 5xx, cut connections. Nobody.
    Unreachable,
    /// Answers that break Graph's own shape. Us.
    Contract,
}

impl RefusalKind {
    /// Whether another try in a moment may go better; otherwise the hourly one will do.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::NotValidated | Self::Throttled | Self::Unreachable)
    }
}

impl Refusal {
    /// A refusal, keeping the beginning of an earlier one of its kind.
    #[must_use]
    pub fn new(kind: RefusalKind, detail: String, before: Option<&Self>, now: Instant) -> Self {
        let since = before.filter(|before| before.kind == kind).map_or(now, |before| before.since);
        Self { kind, since, detail }
    }
}

/// How a room is listened to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hearing {
    /// Its subscription can be trusted.
    Listening,
    /// It has one that has not proven yet that it delivers.
    Unproven,
    /// It has one that does not deliver.
    Silent,
    /// It should have one and has none, or one that may be paused.
    Refused,
    /// It has none, and needs none or was not looked at yet.
    Off,
}

impl Hearing {
    /// Of what a room's row says.
    #[must_use]
    pub fn of(listening: Option<&Listening>, refusal: Option<&Refusal>, now: Instant) -> Self {
        match listening.filter(|listening| now < listening.expires_at) {
            Some(listening) if listening.silent_since.is_some() => Self::Silent,
            Some(listening) if listening.heard_at.is_some() => Self::Listening,
            _ if refusal.is_some() => Self::Refused,
            Some(_) => Self::Unproven,
            None => Self::Off,
        }
    }

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Unproven => "unproven",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Off => "off",
        }
    }
}

impl RefusalKind {
    /// The word, as in the tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoAccess => "no-access",
            Self::NoMailbox => "no-mailbox",
            Self::Credential => "credential",
            Self::NotValidated => "not-validated",
            Self::Taken => "taken",
            Self::Unsignable => "unsignable",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::Contract => "contract",
        }
    }
}

/// When a subscription is to be renewed: at half the life that Graph has given it, each room a little earlier, so that rooms that were
/// subscribed together are not renewed together for ever.
#[must_use]
pub fn renew_at(room: &RoomRef, held: &Listening) -> Instant {
    let given = held.expires_at - held.renewed_at.unwrap_or(held.since);
    let half = given.clamp(TimeDelta::zero(), life()) / 2;
    let jitter = crate::due::share(room, "renew", half.num_seconds() / 4);
    held.expires_at - half - TimeDelta::seconds(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{RoomId, TenantId, derived};

    fn at(second: i64) -> Instant {
        Instant::from_timestamp(1_770_000_000 + second, 0).unwrap()
    }

    fn listening(heard: Option<i64>, silent: Option<i64>) -> Listening {
        Listening {
            subscription_id: "s".to_owned(),
            key_id: "k".to_owned(),
            urls: "u".to_owned(),
            expires_at: at(100_000),
            since: at(0),
            renewed_at: None,
            heard_at: heard.map(at),
            silent_since: silent.map(at),
            doubted_since: None,
        }
    }

    #[test]
    fn only_a_live_and_proven_subscription_is_trusted() {
        assert!(listening(Some(5), None).can_be_trusted(at(99_999)));
        assert!(!listening(Some(5), None).can_be_trusted(at(100_000)));
        assert!(!listening(None, None).can_be_trusted(at(1)));
        assert!(!listening(Some(5), Some(6)).can_be_trusted(at(7)));
    }

    #[test]
    fn a_notice_proves_once_and_ends_a_silence() {
        assert_eq!(listening(None, None).heard(at(9)), Some(listening(Some(9), None)));
        assert_eq!(listening(Some(5), Some(600)).heard(at(700)), Some(listening(Some(700), None)));
        assert_eq!(listening(Some(5), None).heard(at(9)), None, "known already");
        assert_eq!(listening(Some(5), Some(600)).heard(at(500)), None, "from before the silence");
    }

    #[test]
    fn silence_needs_evidence() {
        let cases = [
            // (changes made at, undated, heard, last look, now, silent)
            (&[500][..], false, None, Some(400), 1000, true),
            (&[500], false, Some(499), Some(400), 1000, true),
            (&[500], false, Some(501), Some(400), 1000, false), // it was announced
            (&[900], false, None, Some(400), 1000, false),      // its notice may be on its way
            (&[900, 500], false, None, Some(400), 1000, true),
            (&[-5], false, None, Some(400), 1000, false), // before the subscription
            (&[], true, None, Some(400), 1000, true),
            (&[], true, Some(900), Some(400), 1000, false), // heard a moment ago
            (&[], true, None, None, 1000, false),           // who knows when
            (&[900], true, None, Some(400), 1000, false),   // stubs beside a fresh master
            (&[], false, None, Some(400), 1000, false),
        ];
        for (made, undated, heard, last, now, silent) in cases {
            let changes = Changes { dated: made.iter().copied().map(at).collect(), undated };
            let found = listening(None, None).after(&changes, heard.map(at), last.map(at), at(now));
            assert_eq!(found.silent_since, silent.then(|| at(now)), "{made:?} {undated} {heard:?} {last:?}");
        }
        let changes = Changes { dated: BTreeSet::from([at(500)]), undated: false };
        let known = listening(None, Some(3));
        assert_eq!(known.after(&changes, None, None, at(1000)), known, "known already");
        let over = listening(None, None);
        assert_eq!(over.after(&changes, None, None, at(200_000)), over, "it is over");
    }

    #[test]
    fn a_change_that_is_found_before_its_notice_is_a_doubt_until_notices_do_not_take_as_long() {
        let found = Changes { dated: BTreeSet::from([at(510), at(500)]), undated: false };
        let doubted = listening(Some(5), None).after(&found, None, Some(at(490)), at(515));
        assert_eq!((doubted.doubted_since, doubted.silent_since), (Some(at(500)), None));
        assert!(doubted.can_be_trusted(at(515)));
        let later =
            |heard: Option<i64>, now| doubted.after(&Changes::default(), heard.map(at), None, at(now));
        assert_eq!(later(None, 679), doubted);
        assert_eq!(later(None, 680).silent_since, Some(at(680)));
        assert_eq!(later(Some(501), 680), listening(Some(5), None), "it was heard of by this environment");
        assert_eq!(doubted.heard(at(499)), None, "of something before");
        assert_eq!(doubted.heard(at(520)), Some(listening(Some(520), None)));
        assert_eq!(doubted.unproven(), listening(None, None));
    }

    #[test]
    fn one_word_for_how_a_room_listens() {
        let refusal = Refusal::new(RefusalKind::Taken, String::new(), None, at(5));
        let word = |listening: Option<&Listening>, refusal| Hearing::of(listening, refusal, at(10)).name();
        assert_eq!(word(None, None), "off");
        assert_eq!(word(None, Some(&refusal)), "refused");
        assert_eq!(word(Some(&listening(None, None)), None), "unproven");
        assert_eq!(word(Some(&listening(None, None)), Some(&refusal)), "refused");
        assert_eq!(word(Some(&listening(Some(1), None)), Some(&refusal)), "listening");
        assert_eq!(word(Some(&listening(Some(1), Some(2))), None), "silent");
        let over = Listening { expires_at: at(10), ..listening(Some(1), None) };
        assert_eq!(word(Some(&over), None), "off");
        assert_eq!(
            serde_json::to_value(RefusalKind::NotValidated).unwrap(),
            RefusalKind::NotValidated.name()
        );
    }

    #[test]
    fn renewals_are_spread_around_half_of_the_life_that_was_given() {
        let tenant = TenantId::parse("84bd8158-6d4d-4958-8b9f-9d6445542f95").unwrap();
        let renewals = |held: &Listening| {
            let id = |n: u8| RoomId::new(derived(&["room", &n.to_string()]).to_string());
            let room = |n| RoomRef::new(tenant.clone(), id(n));
            (0..100).map(|n| held.expires_at - renew_at(&room(n), held)).collect::<BTreeSet<TimeDelta>>()
        };
        let hour = Listening { expires_at: at(3600), ..listening(None, None) };
        let whole = Listening { expires_at: at(0) + life(), ..listening(None, None) };
        let renewed = Listening { expires_at: at(0) + life() * 3, ..listening(None, None) };
        let renewed_for_an_hour =
            Listening { renewed_at: Some(at(90_000)), expires_at: at(93_600), ..renewed.clone() };
        for (held, life) in [
            (hour, TimeDelta::hours(1)),
            (whole, life()),
            // Its row is from before renewals were written down.
            (renewed, life()),
            (renewed_for_an_hour, TimeDelta::hours(1)),
        ] {
            let left = renewals(&held);
            assert!(left.len() > 50, "{held:?}");
            assert!(left.iter().all(|left| *left >= life / 2 && *left < life * 5 / 8), "{held:?}");
        }
        let over = Listening { expires_at: at(-5), ..listening(None, None) };
        assert_eq!(renewals(&over), BTreeSet::from([TimeDelta::zero()]));
    }
}
