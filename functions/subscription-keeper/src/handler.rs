//! One invocation: the clock looks through all rooms, a batch of messages settles some.

use crate::keys::Keys;
use crate::notices::Notices;
use crate::settle::{Settled, settle};
use crate::sweep::{self, Failure};
use aws_lambda_events::event::sqs::SqsBatchResponse;
use roomsync_domain::ids::derived;
use roomsync_domain::subscription_plan::Terms;
use roomsync_domain::time::doubled;
use roomsync_domain::{Instant, RoomRef};
use roomsync_ports::{
    BookingStore, Clock, Graph, HintQueue, RoomStore, SecretError, Secrets, Subscription, TenantStore,
};
use roomsync_runtime::batch::{self, Event, Messages, Verdict};
use roomsync_runtime::tenants::TenantCache;
use tracing::{info, warn};

/// Rooms that are worked on at once. Every new subscription makes Graph call the webhook twice, which takes 50 requests a second, from
/// each of five environments.
const AT_ONCE: usize = 4;
/// Tries of a message after which the hourly look takes over.
const MOST_TRIES: u32 = 8;
/// First pause before another try, doubled with each, and the longest.
const PAUSE_SECONDS: (i64, i64) = (15, 240);

/// What lives as long as the environment.
pub struct Deps<G, S, Q, X, K> {
    /// Graph.
    pub graph: G,
    /// The tables.
    pub store: S,
    /// The lifecycle queue and the poll queue.
    pub queue: Q,
    /// Where the key is.
    pub secrets: X,
    /// The clock.
    pub clock: K,
    /// Tenants, for a minute.
    pub tenants: TenantCache,
    /// The key that signs.
    pub keys: Keys,
    /// Where Graph sends notices; nothing means that no room is listened to.
    pub webhook: Option<Webhook>,
}

/// Where Graph sends notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Of changes.
    pub notification_url: String,
    /// Of the subscriptions' own lives.
    pub lifecycle_url: String,
}

impl Webhook {
    /// Tells addresses apart.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        derived(&["webhook", &self.notification_url, &self.lifecycle_url]).to_string()
    }

    /// Whether a subscription calls us, as far as it says whom it calls.
    pub(crate) fn is_called_by(&self, found: &Subscription) -> bool {
        found.notification_url.as_deref().is_some_and(|url| url.eq_ignore_ascii_case(&self.notification_url))
    }

    /// Whether a subscription that is in the way of ours calls us. One that does not say whom it calls has most likely been made by us,
    /// and its answer was lost.
    pub(crate) fn may_be_called_by(&self, found: &Subscription) -> bool {
        found.notification_url.is_none() || self.is_called_by(found)
    }
}

impl<G, S, Q, X, K> Deps<G, S, Q, X, K> {
    /// Fresh dependencies.
    pub fn new(
        graph: G,
        store: S,
        queue: Q,
        secrets: X,
        clock: K,
        keys: Keys,
        webhook: Option<Webhook>,
    ) -> Self {
        Self { graph, store, queue, secrets, clock, tenants: TenantCache::default(), keys, webhook }
    }
}

impl<G, S, Q, X: Secrets, K: Clock> Deps<G, S, Q, X, K> {
    /// What every subscription must be like.
    ///
    /// # Errors
    ///
    /// The key cannot be read.
    pub(crate) async fn terms(&self, webhook: &Webhook) -> Result<Terms, SecretError> {
        let key = self.keys.current(&self.secrets, self.clock.now()).await?;
        Ok(Terms { key_id: key.id().to_owned(), urls: webhook.fingerprint() })
    }
}

/// Handles an event. The answer to the clock is an empty batch answer. No call to Graph is begun after `deadline`.
///
/// # Errors
///
/// Only of the look through all rooms; a batch accounts for each of its messages.
pub async fn handle<G, S, Q, X, K>(
    event: Event,
    deps: &Deps<G, S, Q, X, K>,
    deadline: Instant,
) -> Result<SqsBatchResponse, Failure>
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore,
    Q: HintQueue,
    X: Secrets,
    K: Clock,
{
    match (event, &deps.webhook) {
        (Event::Queue(event), Some(webhook)) => {
            let settle = async |room: &RoomRef, notices: &Notices, messages: &Messages| {
                let result = settle(room, &notices.told, deps, webhook, deadline).await;
                report(room, &result);
                verdict(result, messages.receives())
            };
            Ok(batch::run(event, &deps.queue, AT_ONCE, settle).await)
        }
        (Event::Schedule(event), Some(webhook)) => {
            let at = event.time.unwrap_or_else(|| deps.clock.now());
            sweep::sweep(deps, webhook, at).await?;
            Ok(SqsBatchResponse::default())
        }
        (_, None) => Ok(SqsBatchResponse::default()),
    }
}

fn report(room: &RoomRef, result: &Result<Settled, crate::stop::Stop>) {
    match result {
        Ok(Settled::AsItWas | Settled::Unknown) => {}
        Ok(Settled::Changed(what)) => info!(room.id = %room, "{what}"),
        Ok(Settled::Refused { refusal, .. }) => {
            warn!(room.id = %room, refusal = ?refusal.kind, detail = refusal.detail, "A room cannot be subscribed; it is polled");
        }
        Err(stop) => {
            warn!(room.id = %room, error = %stop, "The work on a room's subscription goes back to the queue")
        }
    }
}

fn verdict(result: Result<Settled, crate::stop::Stop>, receives: u32) -> Verdict {
    match result {
        Ok(Settled::Refused { refusal, retry_after }) if refusal.kind.passes() && receives < MOST_TRIES => {
            let pause = doubled(PAUSE_SECONDS, receives.saturating_sub(1));
            Verdict::Later { delay: retry_after.unwrap_or(pause), sent_after: None }
        }
        Ok(_) => Verdict::Done,
        Err(_) => Verdict::Back,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_calls_us_is_ours() {
        let webhook = Webhook {
            notification_url: "https://hooks.example/notifications?c=1".to_owned(),
            lifecycle_url: "https://hooks.example/lifecycle".to_owned(),
        };
        for (url, is_called_by, may_be_called_by) in [
            (Some("https://hooks.example/notifications?c=1"), true, true),
            (Some("https://Hooks.Example/notifications?c=1"), true, true),
            (Some("https://hooks.example/notifications"), false, false),
            (Some("https://hooks.example/lifecycle"), false, false),
            (Some("https://elsewhere.example/notifications?c=1"), false, false),
            (None, false, true),
        ] {
            let found =
                Subscription { id: "s".to_owned(), resource: None, notification_url: url.map(str::to_owned) };
            assert_eq!(webhook.is_called_by(&found), is_called_by, "{url:?}");
            assert_eq!(webhook.may_be_called_by(&found), may_be_called_by, "{url:?}");
        }
    }
}
