//! Event source mappings: from a FIFO queue to its function and back, as Lambda does it ("Using Lambda with Amazon SQS").
//!
//! - Messages of one group are never worked on twice at a time: the queue itself holds a group back while one of its
//!   messages is out, so several batches can be under way at once and a slow room holds up no other.
//! - What the function does not report as failed is deleted. What it reports stays hidden as long as the function or the queue says,
//!   and comes back in its order.
//! - An answer that cannot be understood, or names a message that was not in the batch, fails the whole batch.
//! - Too many tries end in the dead-letter queue, by the queue's own redrive policy.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName,
};
use futures::{StreamExt, stream};
use roomsync_runtime::error::chain;
use roomsync_template::{Queue, QueueSource};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::REGION;
use crate::{Aws, InvocationError, Lambda, News, Teller};

/// How long the messages of a failed invocation stay hidden. On AWS it is the rest of the queue's visibility timeout, which is
/// minutes: too long for somebody who watches.
const RETRY_AFTER_SECONDS: i32 = 5;
/// The emulator answers at once when there is something; this is how often it is asked when there is nothing.
const LONG_POLL_SECONDS: i32 = 1;

/// Moves messages for ever, as many batches at once as the function has processes.
pub async fn pump(
    aws: &Aws,
    source: &QueueSource,
    queue: &Queue,
    lambda: &Lambda,
    teller: &Teller,
) -> Infallible {
    let batches = stream::repeat(()).then(|()| receive(aws, source, queue, teller));
    batches
        .filter(|batch| std::future::ready(!batch.is_empty()))
        .map(|batch| work(aws, queue, lambda, batch, teller))
        .buffer_unordered(lambda.processes())
        .for_each(|()| std::future::ready(()))
        .await;
    std::future::pending().await
}

async fn receive(aws: &Aws, source: &QueueSource, queue: &Queue, teller: &Teller) -> Vec<Message> {
    let request = aws
        .sqs
        .receive_message()
        .queue_url(&queue.url)
        .max_number_of_messages(i32::try_from(source.batch_size).unwrap_or(10).min(10))
        .wait_time_seconds(LONG_POLL_SECONDS)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All");
    match request.send().await {
        Ok(received) => received.messages.unwrap_or_default(),
        Err(error) => {
            teller.tell(News::Trouble(format!("cannot read {}: {}", queue.name, chain(&error))));
            tokio::time::sleep(Duration::from_secs(1)).await;
            Vec::new()
        }
    }
}

async fn work(aws: &Aws, queue: &Queue, lambda: &Lambda, batch: Vec<Message>, teller: &Teller) {
    let answer = lambda.invoke(&event(queue, &batch)).await;
    if let Err(error) = &answer {
        let name = lambda.function.binary();
        teller.tell(News::Trouble(format!("{name} failed with {} messages: {error}", batch.len())));
    }
    let settled = match failed(&batch, answer) {
        Some(failed) => {
            let done = |message: &&Message| message.message_id().is_some_and(|id| !failed.contains(id));
            delete(aws, queue, &batch.iter().filter(done).collect::<Vec<_>>()).await
        }
        None => give_back(aws, queue, &batch).await,
    };
    if let Err(error) = settled {
        teller.tell(News::Trouble(format!("cannot settle messages of {}: {error:#}", queue.name)));
    }
}

async fn delete(aws: &Aws, queue: &Queue, done: &[&Message]) -> anyhow::Result<()> {
    if done.is_empty() {
        return Ok(());
    }
    let mut request = aws.sqs.delete_message_batch().queue_url(&queue.url);
    for (index, message) in done.iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
        request = request.entries(entry.set_receipt_handle(message.receipt_handle.clone()).build()?);
    }
    request.send().await?;
    Ok(())
}

async fn give_back(aws: &Aws, queue: &Queue, failed: &[Message]) -> anyhow::Result<()> {
    let mut request = aws.sqs.change_message_visibility_batch().queue_url(&queue.url);
    for (index, message) in failed.iter().enumerate() {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(index.to_string())
            .visibility_timeout(RETRY_AFTER_SECONDS);
        request = request.entries(entry.set_receipt_handle(message.receipt_handle.clone()).build()?);
    }
    request.send().await?;
    Ok(())
}

/// The event a function gets ("FIFO queue message event", Lambda developer guide).
fn event(queue: &Queue, batch: &[Message]) -> Value {
    let records = batch.iter().map(|message| {
        let attributes: serde_json::Map<_, _> = (message.attributes.iter().flatten())
            .map(|(name, value)| (name.as_str().to_owned(), value.as_str().into()))
            .collect();
        let own: serde_json::Map<_, _> = (message.message_attributes.iter().flatten())
            .map(|(name, value)| {
                let value = json!({
                    "stringValue": value.string_value,
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": value.data_type,
                });
                (name.clone(), value)
            })
            .collect();
        json!({
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": attributes,
            "messageAttributes": own,
            "md5OfBody": message.md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": queue.arn,
            "awsRegion": REGION,
        })
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchResponse {
    #[serde(default)]
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

/// Ids of the messages that are not done; nothing if the whole batch failed ("Success and failure conditions" of partial batch
/// responses).
fn failed(batch: &[Message], answer: Result<Value, InvocationError>) -> Option<BTreeSet<String>> {
    let all: BTreeSet<&str> = batch.iter().filter_map(Message::message_id).collect();
    let response = match answer {
        Ok(Value::Null) => return Some(BTreeSet::new()),
        Ok(answer) => serde_json::from_value::<BatchResponse>(answer),
        Err(_) => return None,
    };
    let BatchResponse { batch_item_failures } = response.ok()?;
    let named: BTreeSet<String> =
        batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    named.iter().all(|id| all.contains(id.as_str())).then_some(named)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::Message;
    use serde_json::{Value, json};

    use super::failed;
    use crate::InvocationError;

    fn failures(answer: Result<Value, InvocationError>) -> Option<Vec<String>> {
        let batch = ["a", "b"].map(|id| Message::builder().message_id(id).build());
        failed(&batch, answer).map(|failed| failed.into_iter().collect())
    }

    #[test]
    fn only_what_is_reported_comes_back() {
        for nothing in [Value::Null, json!({}), json!({"batchItemFailures": []})] {
            assert_eq!(failures(Ok(nothing)), Some(vec![]));
        }
        let one = json!({"batchItemFailures": [{"itemIdentifier": "b"}]});
        assert_eq!(failures(Ok(one)), Some(vec!["b".to_owned()]));
    }

    #[test]
    fn what_cannot_be_understood_fails_the_whole_batch() {
        for answer in [
            Ok(json!("text")),
            Ok(json!({"batchItemFailures": "a"})),
            Ok(json!({"batchItemFailures": [{"itemIdentifier": null}]})),
            Ok(json!({"batchItemFailures": [{"itemIdentifier": ""}]})),
            Ok(json!({"batchItemFailures": [{"itemIdentifier": "somebody else's"}]})),
            Err(InvocationError::Crashed),
        ] {
            assert_eq!(failures(answer.clone()), None, "{answer:?}");
        }
    }
}
