//! One request: answer the handshake; or believe, hand on, and say that it was taken.

use crate::door::{Refusal, Wanted, wanted};
use crate::event::{Answer, Event};
use crate::keyring::Keyring;
use crate::notices::{Arrival, Heard, heard, items};
use chrono::SubsecRound;
use roomsync_ports::{Clock, HintQueue, Secrets};
use roomsync_runtime::metrics::{Metric, Metrics};
use tracing::{debug, error, info, warn};

/// What lives as long as the environment.
pub struct Deps<Q, S, K> {
    /// Where hints go.
    pub queue: Q,
    /// Where the key is.
    pub secrets: S,
    /// The clock.
    pub clock: K,
    /// Remembered keys.
    pub keyring: Keyring,
}

/// Answers a request.
pub async fn handle<Q, S, K>(event: Event, deps: &Deps<Q, S, K>) -> Answer
where
    Q: HintQueue,
    S: Secrets,
    K: Clock,
{
    let request = event.request_context.request_id.clone();
    match wanted(event) {
        Ok(Wanted::Handshake(token)) => {
            info!("Answered a handshake");
            Answer::new(200, token)
        }
        Ok(Wanted::Notices(body)) => match take(&body, &request, deps).await {
            Ok(answer) => answer,
            Err(refusal) => refused(refusal),
        },
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> Answer {
    debug!(reason = %refusal, "Refused a request");
    Answer::status(refusal.status())
}

async fn take<Q, S, K>(body: &str, request: &str, deps: &Deps<Q, S, K>) -> Result<Answer, Refusal>
where
    Q: HintQueue,
    S: Secrets,
    K: Clock,
{
    let items = items(body)?;
    // Messages tell the time to the millisecond.
    let arrival = Arrival { at: deps.clock.now().trunc_subsecs(3), request };
    let keys = match deps.keyring.keys(&deps.secrets, arrival.at).await {
        Ok(keys) => keys,
        Err(error) => {
            error!(%error, "Notices cannot be verified; Graph repeats them");
            return Ok(Answer::status(503));
        }
    };
    let mut found = heard(&items, &keys, arrival);
    if found.unknown_key
        && let Some(keys) = deps.keyring.newer(&deps.secrets, arrival.at).await
    {
        found = heard(&items, &keys, arrival);
    }
    Ok(hand_on(&found, arrival, deps).await)
}

async fn hand_on<Q: HintQueue, S, K>(found: &Heard, arrival: Arrival<'_>, deps: &Deps<Q, S, K>) -> Answer {
    let rejected: usize = found.dropped.values().sum();
    if rejected > 0 {
        let reasons: Vec<String> =
            found.dropped.iter().map(|(doubt, count)| format!("{doubt}: {count}")).collect();
        warn!(rejected, reasons = reasons.join(", "), "Dropped items that are not believed");
    }
    // Those that are believed are counted by the queue: a line for each request would be half of what a notice costs.
    let mut metrics = Metrics::new(arrival.at);
    metrics.count(Metric::NoticesRejected, rejected);
    metrics.emit();
    let mut sent = Ok(());
    if !found.notices.is_empty() {
        sent = deps.queue.send_notices(&found.notices).await;
    }
    if !found.lifecycle.is_empty() {
        sent = sent.and(deps.queue.send_lifecycle(&found.lifecycle, &arrival.mark()).await);
    }
    match sent {
        Ok(()) => {
            debug!(rooms = found.notices.len(), subscriptions = found.lifecycle.len(), "Took notices");
            Answer::status(202)
        }
        Err(error) => {
            error!(%error, "Notices cannot be handed on; Graph repeats them");
            Answer::status(503)
        }
    }
}
