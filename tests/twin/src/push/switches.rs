//! Everything about push that can be turned.

use rand::Rng;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};

/// How subscriptions behave and how notices travel. Times are of the twin's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PushSwitches {
    /// The endpoint has to prove itself before a subscription is made.
    pub handshake: bool,
    /// And again when one is renewed (msgraph-sdk-dotnet issue 2805).
    pub handshake_on_renew: bool,
    /// Time an endpoint has for that.
    pub handshake_ms: u64,
    /// Validation tokens hold whatever form encoding has to protect, not only letters, colons and blanks.
    pub odd_tokens: bool,
    /// Longest life of a subscription on events (page subscription).
    pub longest_minutes: i64,
    /// Shorter lives are raised to this (page subscription).
    pub shortest_minutes: i64,
    /// Subscriptions per mailbox over all apps.
    pub per_mailbox: usize,
    /// A new subscription is not found for so long (the store is eventually consistent; untested).
    pub store_lag_ms: i64,
    /// Answers leave out `lifecycleNotificationUrl`, as they do `clientState`.
    pub terse: bool,
    /// Subscriptions per page of the list.
    pub page: usize,
    /// Refuse calls over the limits of page throttling-limits, such as 25 lists in 20 seconds.
    pub enforce_quota: bool,

    /// Whether notices of changes are sent at all. Off: they are lost, the subscriptions stay valid (Q&A 5825832).
    pub delivering: bool,
    /// Time from a change to its first notice.
    pub delay_ms: i64,
    /// Every notice takes up to so much longer, by chance: they overtake each other.
    pub jitter_ms: i64,
    /// Time between the notices of one change.
    pub echo_ms: i64,
    /// `updated` notices after a `created` one (docs issue 5469).
    pub updates_after_create: u32,
    /// `updated` notices per update.
    pub updates_per_update: u32,
    /// `updated` notices after a `deleted` one.
    pub updates_after_delete: u32,
    /// Notices for one URL are gathered for so long.
    pub gather_ms: i64,
    /// Most notices in one POST.
    pub batch: usize,
    /// Chance that a notice is lost.
    pub loss: f64,
    /// Chance that a notice comes twice.
    pub duplicates: f64,
    /// The notices in a POST are shuffled.
    pub shuffle: bool,
    /// Letter case, date forms and optional fields vary as they do in the reference's samples.
    pub odd_spelling: bool,

    /// Time an endpoint has for the first try.
    pub answer_ms: u64,
    /// And for each further one.
    pub retry_answer_ms: u64,
    /// Pause before the second try; it doubles from try to try.
    pub retry_ms: i64,
    /// Tries end so long after the first.
    pub retry_hours: i64,
    /// Hosts that answer late are put into the slow or the drop state.
    pub penalties: bool,
    /// Subscriptions that lost notices in the drop state get a `missed` when it ends.
    pub tell_missed: bool,

    /// `reauthorizationRequired` comes so long before a subscription ends; 0: never.
    pub warn_minutes: i64,
    /// And so often, whatever the end; 0: never.
    pub reauthorize_every_minutes: i64,
    /// If nobody reauthorizes within so long, notices are lost from then on.
    pub grace_minutes: i64,
}

impl Default for PushSwitches {
    fn default() -> Self {
        PushSwitches {
            handshake: true,
            handshake_on_renew: false,
            handshake_ms: 10_000,
            odd_tokens: false,
            longest_minutes: 10_080,
            shortest_minutes: 45,
            per_mailbox: 1000,
            store_lag_ms: 0,
            terse: false,
            page: 100,
            enforce_quota: true,
            delivering: true,
            delay_ms: 100,
            jitter_ms: 0,
            echo_ms: 200,
            updates_after_create: 3,
            updates_per_update: 3,
            updates_after_delete: 2,
            gather_ms: 20,
            batch: 50,
            loss: 0.0,
            duplicates: 0.0,
            shuffle: false,
            odd_spelling: false,
            answer_ms: 3000,
            retry_answer_ms: 10_000,
            retry_ms: 10_000,
            retry_hours: 4,
            penalties: true,
            tell_missed: true,
            warn_minutes: 60,
            reauthorize_every_minutes: 0,
            grace_minutes: 30,
        }
    }
}

/// Throws the dice, but draws nothing where there is no choice.
pub(super) fn chance(rng: &mut SmallRng, probability: f64) -> bool {
    probability > 0.0 && (probability >= 1.0 || rng.random_bool(probability))
}
