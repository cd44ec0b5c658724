//! The queues between functions, on SQS FIFO.

use crate::error::chain;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, MessageAttributeValue, SendMessageBatchRequestEntry,
};
use chrono::TimeDelta;
use futures::{StreamExt, stream};
use roomsync_domain::hint::{LifecycleHint, PollHint, TenantHint};
use roomsync_domain::ids::derived;
use roomsync_ports::{CommandQueue, HintQueue, Notice, QueueError, Rejection};

/// Addresses of the queues that a function may use; those it has no business with are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueUrls {
    /// Hints for rooms.
    pub poll: Option<String>,
    /// Messages of the poll queue that cannot be understood.
    pub poll_dead_letter: Option<String>,
    /// Hints for tenants.
    pub tenant: Option<String>,
    /// Messages of the tenant queue that cannot be understood.
    pub tenant_dead_letter: Option<String>,
    /// Booking commands, for those who send some.
    pub commands: Option<String>,
    /// Booking commands that cannot be carried out.
    pub commands_dead_letter: Option<String>,
    /// Where the function's own messages come from, if it may postpone them.
    pub source: Option<String>,
    /// Hints for subscriptions.
    pub lifecycle: Option<String>,
    /// Messages of the lifecycle queue that cannot be understood.
    pub lifecycle_dead_letter: Option<String>,
}

/// SQS.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    urls: QueueUrls,
}

/// Messages of one `SendMessageBatch`.
const BATCH: usize = 10;
/// Batches on their way at once.
const AT_ONCE: usize = 8;
/// Longest time that a message may be hidden, in seconds: SQS allows twelve hours from its receipt on.
const LONGEST_DELAY: i64 = 11 * 3600;
/// Longest deduplication id and group id, in characters.
const LONGEST_ID: usize = 128;

struct Outgoing {
    group: String,
    deduplication: String,
    body: String,
    rejection: Option<String>,
}

impl SqsQueue {
    /// Over a client.
    #[must_use]
    pub fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    async fn send(
        &self,
        url: Option<&String>,
        messages: Vec<Outgoing>,
        batch: usize,
    ) -> Result<(), QueueError> {
        let sent = messages.len();
        let Some(url) = url else {
            let why = "this function was given no address for the queue".to_owned();
            return Err(QueueError { sent, refused: sent, why });
        };
        let batches: Vec<Vec<SendMessageBatchRequestEntry>> = messages.chunks(batch).map(entries).collect();
        let answers: Vec<(usize, Option<String>)> =
            stream::iter(batches.into_iter().map(|batch| self.send_batch(url, batch)))
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
        let refused = answers.iter().map(|(refused, _)| refused).sum();
        match answers.into_iter().find_map(|(_, why)| why) {
            Some(why) => Err(QueueError { sent, refused, why }),
            None => Ok(()),
        }
    }

    /// Sends one batch; what the queue refuses part of is not tried again here, because every hint comes again by the clock.
    async fn send_batch(
        &self,
        url: &str,
        batch: Vec<SendMessageBatchRequestEntry>,
    ) -> (usize, Option<String>) {
        let count = batch.len();
        match self.client.send_message_batch().queue_url(url).set_entries(Some(batch)).send().await {
            Ok(answer) => {
                let why = answer
                    .failed
                    .first()
                    .map(|entry| entry.message.clone().unwrap_or_else(|| entry.code.clone()));
                (answer.failed.len(), why)
            }
            Err(error) => (count, Some(chain(&error))),
        }
    }
}

/// The requests to hide messages, as many at once as SQS takes.
fn hidings(receipts: &[String], delay: TimeDelta) -> Vec<Vec<ChangeMessageVisibilityBatchRequestEntry>> {
    let seconds = delay.num_milliseconds().max(0).saturating_add(999) / 1000;
    let seconds = i32::try_from(seconds.min(LONGEST_DELAY)).unwrap_or_default();
    let entry = |(at, receipt): (usize, &String)| {
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(at.to_string())
            .receipt_handle(receipt)
            .visibility_timeout(seconds)
            .build()
            .ok()
    };
    receipts.chunks(BATCH).map(|batch| batch.iter().enumerate().filter_map(entry).collect()).collect()
}

fn entries(messages: &[Outgoing]) -> Vec<SendMessageBatchRequestEntry> {
    let entry = |(at, message): (usize, &Outgoing)| {
        let reason = message.rejection.as_ref().and_then(|reason| {
            MessageAttributeValue::builder().data_type("String").string_value(reason).build().ok()
        });
        let mut builder = SendMessageBatchRequestEntry::builder()
            .id(at.to_string())
            .message_body(&message.body)
            .message_group_id(shortened(&message.group))
            .message_deduplication_id(&message.deduplication);
        if let Some(reason) = reason {
            builder = builder.message_attributes("rejection", reason);
        }
        builder.build().ok()
    };
    messages.iter().enumerate().filter_map(entry).collect()
}

/// Ids in SQS have at most 128 characters; a longer one gives way to a digest.
fn shortened(id: &str) -> String {
    if id.is_empty() {
        "none".to_owned()
    } else if id.len() <= LONGEST_ID && id.is_ascii() {
        id.to_owned()
    } else {
        derived(&["id", id]).to_string()
    }
}

fn body(hint: &impl serde::Serialize) -> Result<String, QueueError> {
    serde_json::to_string(hint).map_err(|error| QueueError { sent: 1, refused: 1, why: error.to_string() })
}

impl CommandQueue for SqsQueue {
    async fn send_command(&self, booking: &str, command: &str, body: &str) -> Result<(), QueueError> {
        let message = Outgoing {
            group: booking.to_owned(),
            deduplication: shortened(command),
            body: body.to_owned(),
            rejection: None,
        };
        self.send(self.urls.commands.as_ref(), vec![message], 1).await
    }
}

impl HintQueue for SqsQueue {
    async fn send_polls(&self, hints: &[PollHint], tick: &str) -> Result<(), QueueError> {
        let message = |hint: &PollHint| {
            let group = hint.room().key();
            let body = body(hint)?;
            let deduplication = derived(&["poll", &group, tick, &body]).to_string();
            Ok(Outgoing { group, deduplication, body, rejection: None })
        };
        let messages = hints.iter().map(message).collect::<Result<_, QueueError>>()?;
        self.send(self.urls.poll.as_ref(), messages, BATCH).await
    }

    async fn send_tenants(&self, hints: &[TenantHint], tick: &str) -> Result<(), QueueError> {
        let message = |hint: &TenantHint| {
            let group = hint.tenant_id.to_string();
            let body = body(hint)?;
            let deduplication = derived(&["tenant", &group, tick, &body]).to_string();
            Ok(Outgoing { group, deduplication, body, rejection: None })
        };
        let messages = hints.iter().map(message).collect::<Result<_, QueueError>>()?;
        self.send(self.urls.tenant.as_ref(), messages, BATCH).await
    }

    async fn postpone(&self, receipts: &[String], delay: TimeDelta) -> Result<(), QueueError> {
        let error = |refused, why| QueueError { sent: receipts.len(), refused, why };
        let Some(url) = &self.urls.source else {
            let why = "this function was given no address of its own queue".to_owned();
            return Err(error(receipts.len(), why));
        };
        for batch in hidings(receipts, delay) {
            let count = batch.len();
            let request =
                self.client.change_message_visibility_batch().queue_url(url).set_entries(Some(batch));
            let answer = request.send().await.map_err(|failure| error(count, chain(&failure)))?;
            if let Some(entry) = answer.failed.first() {
                let why = entry.message.clone().unwrap_or_else(|| entry.code.clone());
                return Err(error(answer.failed.len(), why));
            }
        }
        Ok(())
    }

    async fn send_notices(&self, notices: &[Notice]) -> Result<(), QueueError> {
        let message = |Notice { hint, mark }: &Notice| {
            let group = hint.room().key();
            let deduplication = derived(&["notice", &group, mark]).to_string();
            Ok(Outgoing { group, deduplication, body: body(hint)?, rejection: None })
        };
        let messages = notices.iter().map(message).collect::<Result<_, QueueError>>()?;
        self.send(self.urls.poll.as_ref(), messages, BATCH).await
    }

    async fn send_lifecycle(&self, hints: &[LifecycleHint], tick: &str) -> Result<(), QueueError> {
        let message = |hint: &LifecycleHint| {
            let group = hint.room().key();
            let body = body(hint)?;
            let deduplication = derived(&["lifecycle", &group, tick, &body]).to_string();
            Ok(Outgoing { group, deduplication, body, rejection: None })
        };
        let messages = hints.iter().map(message).collect::<Result<_, QueueError>>()?;
        self.send(self.urls.lifecycle.as_ref(), messages, BATCH).await
    }

    async fn reject(&self, rejections: &[Rejection]) -> Result<(), QueueError> {
        let urls = &self.urls;
        let mut dead_letters = [
            &urls.poll_dead_letter,
            &urls.tenant_dead_letter,
            &urls.lifecycle_dead_letter,
            &urls.commands_dead_letter,
        ]
        .into_iter();
        let url = dead_letters.find_map(Option::as_ref);
        let message = |rejection: &Rejection| Outgoing {
            group: rejection.group.clone(),
            deduplication: derived(&["rejection", &rejection.message_id, &rejection.body]).to_string(),
            // A message without a body cannot be sent.
            body: if rejection.body.is_empty() { "(empty)".to_owned() } else { rejection.body.clone() },
            rejection: Some(rejection.reason.clone()),
        };
        // One by one: they may be as long as a message can be.
        self.send(url, rejections.iter().map(message).collect(), 1).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hiding_is_in_whole_seconds_upwards_and_bounded() {
        let receipts: Vec<String> = (0..11).map(|n| format!("r{n}")).collect();
        let seconds = |delay| hidings(&receipts, delay)[1][0].visibility_timeout.unwrap();
        assert_eq!(hidings(&receipts, TimeDelta::zero()).iter().map(Vec::len).collect::<Vec<_>>(), [10, 1]);
        assert_eq!(seconds(TimeDelta::milliseconds(1001)), 2);
        assert_eq!(seconds(TimeDelta::milliseconds(2000)), 2);
        assert_eq!(seconds(TimeDelta::days(-1)), 0);
        assert_eq!(seconds(TimeDelta::MAX), 11 * 3600);
    }
}
