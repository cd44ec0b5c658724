//! The batch loop: hints for one thing are one look, and every record is done, sent back or set aside with a reason.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use chrono::{DateTime, TimeDelta};
use futures::{FutureExt, StreamExt, stream};
use roomsync_domain::hint::{PollHint, TenantHint};
use roomsync_domain::notice::Notices;
use roomsync_domain::time::doubled;
use roomsync_domain::{Instant, RoomRef, SCHEMA_VERSION, TenantId};
use roomsync_ports::{HintQueue, Rejection};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::panic::AssertUnwindSafe;
use tracing::{error, warn};

/// What calls a function that has both a queue and a schedule.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// Its queue.
    Queue(SqsEvent),
    /// The clock.
    Schedule(EventBridgeEvent<Value>),
}

/// First pause of messages that go back, doubled with each receive, and the longest.
const BACK_OFF_SECONDS: (i64, i64) = (5, 120);

/// A message that asks for a look at something.
pub trait Hint: DeserializeOwned + Debug {
    /// What is to be looked at.
    type Subject: Ord + Display + Debug;

    /// Version of its shape.
    fn schema_version(&self) -> u32;

    /// What is to be looked at; nothing if it does not say.
    fn subject(&self) -> Option<Self::Subject>;

    /// Two hints for one thing are one look that does what both ask.
    fn merge(&mut self, other: Self);
}

impl Hint for PollHint {
    type Subject = RoomRef;

    fn schema_version(&self) -> u32 {
        self.schema_version
    }

    fn subject(&self) -> Option<RoomRef> {
        (!self.room_id.as_str().is_empty()).then(|| self.room())
    }

    fn merge(&mut self, other: Self) {
        PollHint::merge(self, other);
    }
}

impl Hint for TenantHint {
    type Subject = TenantId;

    fn schema_version(&self) -> u32 {
        self.schema_version
    }

    fn subject(&self) -> Option<TenantId> {
        Some(self.tenant_id.clone())
    }

    fn merge(&mut self, other: Self) {
        self.accept_mass_end |= other.accept_mass_end;
    }
}

/// What becomes of the messages that asked for a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They are done.
    Done,
    /// They go back because something unknown failed, for a time that grows with every try: 5 s to 2 minutes.
    Back,
    /// They go back for so long, because it is known when it is worth while to look again. Their group waits with them. A message that
    /// comes back too often ends among the dead letters like any other, so nobody may answer this for ever.
    Later {
        /// How long.
        delay: TimeDelta,
        /// Those that were sent at or before this instant are done nevertheless.
        sent_after: Option<Instant>,
    },
}

/// The messages that ask for one look, whatever they say: what the queue knows of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages(Vec<Record>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    id: String,
    receipt: Option<String>,
    receives: u32,
    sent_at: Option<Instant>,
}

impl Record {
    fn of(message: &SqsMessage) -> Self {
        let number = |name: &str| message.attributes.get(name)?.parse::<i64>().ok();
        Self {
            id: message.message_id.clone().unwrap_or_default(),
            receipt: message.receipt_handle.clone(),
            receives: number("ApproximateReceiveCount").and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
            sent_at: number("SentTimestamp").and_then(DateTime::from_timestamp_millis),
        }
    }
}

impl Messages {
    /// How often the one that came most often was received, this time included.
    #[must_use]
    pub fn receives(&self) -> u32 {
        self.0.iter().map(|record| record.receives).max().unwrap_or(1)
    }

    /// When the newest was sent; nothing if one of them does not say.
    #[must_use]
    pub fn newest(&self) -> Option<Instant> {
        self.0.iter().map(|record| record.sent_at).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The same as far as it decides what notices are worth.
    #[must_use]
    pub fn notices(&self) -> Notices {
        Notices { sent_at: self.newest(), receives: self.receives(), count: self.0.len() }
    }

    /// The ids of those that go back, their receipts, and for how long; nothing if all are done.
    fn going_back(self, verdict: Verdict) -> Option<(Vec<String>, Vec<String>, TimeDelta)> {
        let receives = self.receives();
        let (delay, bound) = match verdict {
            Verdict::Done => return None,
            Verdict::Back => (back_off(receives), None),
            Verdict::Later { delay, sent_after } => (delay, sent_after),
        };
        let is_done =
            |record: &Record| bound.is_some_and(|bound| record.sent_at.is_some_and(|at| at <= bound));
        let back: Vec<Record> = self.0.into_iter().filter(|record| !is_done(record)).collect();
        let receipts = back.iter().filter_map(|record| record.receipt.clone()).collect();
        Some((back.into_iter().map(|record| record.id).collect(), receipts, delay))
    }
}

/// How long messages stay away that were received so often.
fn back_off(receives: u32) -> TimeDelta {
    doubled(BACK_OFF_SECONDS, receives.saturating_sub(1))
}

/// A batch, sorted.
#[derive(Debug)]
pub struct Batch<H: Hint> {
    /// The merged hint for each thing and its messages.
    pub looks: BTreeMap<H::Subject, (H, Messages)>,
    /// Messages that cannot be understood.
    pub rejections: Vec<Rejection>,
}

/// Sorts a batch.
#[must_use]
pub fn sort<H: Hint>(event: SqsEvent) -> Batch<H> {
    let mut batch: Batch<H> = Batch { looks: BTreeMap::new(), rejections: Vec::new() };
    for message in event.records {
        match read::<H>(&message) {
            Ok((subject, hint)) => {
                let record = Record::of(&message);
                match batch.looks.get_mut(&subject) {
                    Some((merged, messages)) => {
                        merged.merge(hint);
                        messages.0.push(record);
                    }
                    None => {
                        batch.looks.insert(subject, (hint, Messages(vec![record])));
                    }
                }
            }
            Err(reason) => batch.rejections.push(Rejection {
                group: message.attributes.get("MessageGroupId").cloned().unwrap_or_default(),
                message_id: message.message_id.unwrap_or_default(),
                body: message.body.unwrap_or_default(),
                reason,
            }),
        }
    }
    batch
}

fn read<H: Hint>(message: &SqsMessage) -> Result<(H::Subject, H), String> {
    let body = message.body.as_deref().unwrap_or_default();
    let hint: H = serde_json::from_str(body).map_err(|error| format!("the body is no hint: {error}"))?;
    let version = hint.schema_version();
    if version != SCHEMA_VERSION {
        return Err(format!("schemaVersion: expected {SCHEMA_VERSION}, found {version}"));
    }
    let subject = hint.subject().ok_or("roomId: expected the id of a room, found nothing")?;
    Ok((subject, hint))
}

/// Runs a batch: `look` tells of each thing what becomes of its messages. A look that panics sends its messages back. Messages that go
/// back are hidden for as long as is said; if that fails, for as long as the queue hides what it hands out.
pub async fn run<H, Q, F>(event: SqsEvent, queue: &Q, at_once: usize, look: F) -> SqsBatchResponse
where
    H: Hint,
    Q: HintQueue,
    F: AsyncFn(&H::Subject, &H, &Messages) -> Verdict,
{
    let Batch { looks, rejections } = sort::<H>(event);
    let mut failed = set_aside(queue, rejections).await;
    let look = &look;
    let mut looks = stream::iter(looks)
        .map(|(subject, (hint, messages))| async move {
            let verdict = AssertUnwindSafe(look(&subject, &hint, &messages)).catch_unwind().await;
            let verdict = verdict.unwrap_or_else(|_| {
                error!("The look at {subject} panicked; its messages go back");
                Verdict::Back
            });
            let (ids, receipts, delay) = messages.going_back(verdict)?;
            if let Err(error) = queue.postpone(&receipts, delay).await {
                warn!(%error, "Messages about {subject} could not be postponed; they come back when the queue shows them again");
            }
            Some(ids)
        })
        .buffer_unordered(at_once);
    while let Some(ids) = looks.next().await {
        failed.extend(ids.into_iter().flatten());
    }
    answer(failed)
}

/// Puts messages that cannot be understood where people find them; those that could not be put there go back.
async fn set_aside<Q: HintQueue>(queue: &Q, rejections: Vec<Rejection>) -> Vec<String> {
    if rejections.is_empty() {
        return Vec::new();
    }
    for rejection in &rejections {
        error!(message.id = %rejection.message_id, reason = %rejection.reason, "A message cannot be understood");
    }
    match queue.reject(&rejections).await {
        Ok(()) => Vec::new(),
        Err(error) => {
            error!(%error, "Messages that cannot be understood could not be set aside");
            rejections.into_iter().map(|rejection| rejection.message_id).collect()
        }
    }
}

/// The answer that names the messages that go back.
#[must_use]
pub fn answer(failed: Vec<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "84bd8158-6d4d-4958-8b9f-9d6445542f95";

    fn event(bodies: &[String]) -> SqsEvent {
        let record = |(at, body): (usize, &String)| {
            serde_json::json!({"messageId": format!("m{at}"), "body": body, "attributes": {"MessageGroupId": "g"},
                "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "eu-west-1"})
        };
        let records: Vec<_> = bodies.iter().enumerate().map(record).collect();
        serde_json::from_value(serde_json::json!({"Records": records})).unwrap()
    }

    fn hint(room: &str, full: bool) -> String {
        format!(
            r#"{{"schemaVersion":1,"tenantId":"{TENANT}","roomId":"{room}","reason":"schedule","full":{full}}}"#
        )
    }

    #[test]
    fn hints_for_one_room_are_one_look() {
        let batch: Batch<PollHint> = sort(event(&[hint("a", false), hint("b", false), hint("a", true)]));
        assert_eq!(batch.looks.len(), 2);
        let (merged, ids) = batch.looks.values().next().unwrap();
        assert!(merged.full);
        assert_eq!(ids.0.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["m0", "m2"]);
    }

    #[test]
    fn what_goes_back_stays_away_the_longer_the_more_often_it_came() {
        let record = |id: &str, receives, sent_at| Record {
            id: id.to_owned(),
            receipt: Some(format!("receipt of {id}")),
            receives,
            sent_at: DateTime::from_timestamp(sent_at, 0),
        };
        let messages = Messages(vec![record("a", 3, 100), record("b", 1, 110)]);
        let going = |verdict| messages.clone().going_back(verdict);
        assert_eq!(messages.receives(), 3);
        assert_eq!(messages.newest(), DateTime::from_timestamp(110, 0));
        assert_eq!(going(Verdict::Done), None);
        let (ids, receipts, delay) = going(Verdict::Back).unwrap();
        assert_eq!((ids.len(), delay), (2, TimeDelta::seconds(20)));
        assert_eq!(receipts, ["receipt of a", "receipt of b"]);
        let delay = TimeDelta::seconds(2);
        let (ids, _, later) =
            going(Verdict::Later { delay, sent_after: DateTime::from_timestamp(100, 0) }).unwrap();
        assert_eq!((ids, later), (vec!["b".to_owned()], delay));
        assert_eq!(going(Verdict::Later { delay, sent_after: None }).unwrap().0.len(), 2);
        assert_eq!(back_off(1), TimeDelta::seconds(5));
        assert_eq!(back_off(u32::MAX), TimeDelta::seconds(120));
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        let bodies = [
            "{".to_owned(),
            hint("", false),
            hint("a", false).replace(r#""schemaVersion":1"#, r#""schemaVersion":2"#),
            hint("a", false).replace(TENANT, "contoso"),
            hint("a", false).replace("schedule", "gossip"),
        ];
        let batch: Batch<PollHint> = sort(event(&bodies));
        assert!(batch.looks.is_empty());
        let reasons: Vec<&str> = batch.rejections.iter().map(|rejection| rejection.reason.as_str()).collect();
        for (reason, part) in
            reasons.iter().zip(["the body is no hint", "roomId", "schemaVersion", "GUID", "gossip"])
        {
            assert!(reason.contains(part), "{reason} names {part}");
        }
        assert_eq!(batch.rejections[0].group, "g");
    }
}
