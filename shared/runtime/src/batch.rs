//! The batch loop: hints for one thing are one look, and every record is done, sent back or set aside with a reason.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{FutureExt, StreamExt, stream};
use roomsync_domain::hint::{PollHint, TenantHint};
use roomsync_domain::{RoomRef, SCHEMA_VERSION, TenantId};
use roomsync_ports::{HintQueue, Rejection};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::panic::AssertUnwindSafe;
use tracing::error;

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
        self.full |= other.full;
        self.accept_mass_end |= other.accept_mass_end;
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

/// A batch, sorted.
#[derive(Debug)]
pub struct Batch<H: Hint> {
    /// The merged hint for each thing and the ids of its messages.
    pub looks: BTreeMap<H::Subject, (H, Vec<String>)>,
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
                let id = message.message_id.unwrap_or_default();
                match batch.looks.get_mut(&subject) {
                    Some((merged, ids)) => {
                        merged.merge(hint);
                        ids.push(id);
                    }
                    None => {
                        batch.looks.insert(subject, (hint, vec![id]));
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

/// Runs a batch: `look` tells of each thing whether its messages are done. A look that panics sends its messages back.
pub async fn run<H, Q, F>(event: SqsEvent, queue: &Q, at_once: usize, look: F) -> SqsBatchResponse
where
    H: Hint,
    Q: HintQueue,
    F: AsyncFn(&H::Subject, &H) -> bool,
{
    let Batch { looks, rejections } = sort::<H>(event);
    let mut failed = set_aside(queue, rejections).await;
    let look = &look;
    let mut looks = stream::iter(looks)
        .map(|(subject, (hint, ids))| async move {
            let done = AssertUnwindSafe(look(&subject, &hint)).catch_unwind().await;
            let done = done.unwrap_or_else(|_| {
                error!("The look at {subject} panicked; its messages go back");
                false
            });
            (done, ids)
        })
        .buffer_unordered(at_once);
    while let Some((done, ids)) = looks.next().await {
        if !done {
            failed.extend(ids);
        }
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

fn answer(failed: Vec<String>) -> SqsBatchResponse {
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
        assert_eq!(ids, &["m0", "m2"]);
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
