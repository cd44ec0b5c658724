//! What CloudFormation would do: the tables and queues of the template, in the emulator.

use anyhow::Context;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, LocalSecondaryIndex, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::try_join_all;
use roomsync_template::{Names, Queue, Stack, Table};
use serde_json::json;

use crate::aws::{ACCOUNT, REGION};
use crate::{Aws, Options, Ports};

/// The names and parameters of the local stack.
#[must_use]
pub fn names(options: &Options) -> Names {
    let (graph, login) = options.microsoft();
    let names = plain_names(options.ports()).parameter("GraphUrl", &graph).parameter("LoginUrl", &login);
    match options.looks_every() {
        Some(seconds) => names.parameter("PollEverySeconds", &seconds.to_string()),
        None => names,
    }
}

pub(crate) fn plain_names(ports: Ports) -> Names {
    Names::new("roomsync", REGION, ACCOUNT, &ports.aws_url()).api_endpoint(&ports.webhook_url())
}

/// Creates every table and queue of the template.
///
/// # Errors
/// The emulator refuses one; the message names it.
pub async fn create(aws: &Aws, stack: &Stack) -> anyhow::Result<()> {
    try_join_all(stack.tables.iter().map(|table| create_table(aws, table))).await?;
    // A queue can only name a dead-letter queue that is already there.
    let (dead, working): (Vec<_>, Vec<_>) =
        stack.queues.iter().partition(|queue| queue.dead_letter.is_none());
    for queues in [dead, working] {
        try_join_all(queues.into_iter().map(|queue| create_queue(aws, queue))).await?;
    }
    Ok(())
}

async fn create_table(aws: &Aws, table: &Table) -> anyhow::Result<()> {
    let problem = || format!("cannot create table {}", table.name);
    let mut request = aws
        .dynamodb
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&table.partition_key, table.sort_key.as_deref())?));
    for (name, kind) in &table.key_types {
        let kind = ScalarAttributeType::from(kind.as_str());
        request = request.attribute_definitions(
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()?,
        );
    }
    for index in &table.local_indexes {
        let projection = ProjectionType::from(index.projection.as_str());
        request = request.local_secondary_indexes(
            LocalSecondaryIndex::builder()
                .index_name(&index.name)
                .set_key_schema(Some(key_schema(&index.partition_key, index.sort_key.as_deref())?))
                .projection(Projection::builder().projection_type(projection).build())
                .build()?,
        );
    }
    if let Some(view) = &table.stream {
        let view = StreamViewType::from(view.as_str());
        request = request.stream_specification(
            StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build()?,
        );
    }
    request.send().await.with_context(problem)?;
    if let Some(attribute) = &table.ttl {
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build()?;
        let request = aws.dynamodb.update_time_to_live().table_name(&table.name);
        request.time_to_live_specification(expiry).send().await.with_context(problem)?;
    }
    Ok(())
}

fn key_schema(partition: &str, sort: Option<&str>) -> anyhow::Result<Vec<KeySchemaElement>> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let mut schema = vec![element(partition, KeyType::Hash)?];
    if let Some(sort) = sort {
        schema.push(element(sort, KeyType::Range)?);
    }
    Ok(schema)
}

async fn create_queue(aws: &Aws, queue: &Queue) -> anyhow::Result<()> {
    use QueueAttributeName::{
        DeduplicationScope, FifoQueue, FifoThroughputLimit, MessageRetentionPeriod, RedrivePolicy,
        VisibilityTimeout,
    };
    let mut request = aws
        .sqs
        .create_queue()
        .queue_name(&queue.name)
        .attributes(VisibilityTimeout, queue.visibility_seconds.to_string())
        .attributes(MessageRetentionPeriod, queue.retention_seconds.to_string());
    if queue.fifo {
        request = request.attributes(FifoQueue, "true");
    }
    if queue.per_group {
        request = request
            .attributes(DeduplicationScope, "messageGroup")
            .attributes(FifoThroughputLimit, "perMessageGroupId");
    }
    if let Some(dead_letter) = &queue.dead_letter {
        let policy = json!({"deadLetterTargetArn": dead_letter.arn, "maxReceiveCount": dead_letter.tries});
        request = request.attributes(RedrivePolicy, policy.to_string());
    }
    request.send().await.with_context(|| format!("cannot create queue {}", queue.name))?;
    Ok(())
}
