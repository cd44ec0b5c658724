use serde::Deserialize;

use super::{Resource, number};
use crate::TemplateError;

/// An SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Logical id.
    pub logical: String,
    /// Physical name.
    pub name: String,
    /// Where it is reached.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    /// First in, first out within a message group.
    pub fifo: bool,
    /// Deduplication and throughput are per message group.
    pub per_group: bool,
    /// How long a received message stays hidden.
    pub visibility_seconds: u32,
    /// How long a message is kept.
    pub retention_seconds: u32,
    /// Encrypted with a key of SQS or of KMS.
    pub encrypted: bool,
    /// Where messages go that could not be worked on.
    pub dead_letter: Option<DeadLetter>,
    /// The queues that may use this one as their dead-letter queue, if that is restricted.
    pub dead_letter_of: Vec<String>,
}

/// Where a queue's messages go after too many tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// ARN of the dead-letter queue.
    pub arn: String,
    /// How often a message is received before.
    pub tries: u32,
}

/// SQS's own defaults, for what the template leaves out (API reference, `CreateQueue`).
const DEFAULT_VISIBILITY_SECONDS: u32 = 30;
const DEFAULT_RETENTION_SECONDS: u32 = 345_600;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    #[serde(default)]
    fifo_queue: bool,
    fifo_throughput_limit: Option<String>,
    #[serde(default)]
    sqs_managed_sse_enabled: bool,
    kms_master_key_id: Option<String>,
    #[serde(default, deserialize_with = "number::optional")]
    visibility_timeout: Option<u32>,
    #[serde(default, deserialize_with = "number::optional")]
    message_retention_period: Option<u32>,
    redrive_policy: Option<RedrivePolicy>,
    redrive_allow_policy: Option<RedriveAllowPolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    max_receive_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedriveAllowPolicy {
    #[serde(default)]
    source_queue_arns: Vec<String>,
}

impl Queue {
    pub(super) fn of(resource: &Resource) -> Result<Self, TemplateError> {
        let properties: Properties = resource.properties()?;
        let url = resource.reference.clone();
        Ok(Self {
            logical: resource.logical.clone(),
            name: url.rsplit('/').next().unwrap_or_default().to_owned(),
            url,
            arn: resource.arn()?,
            fifo: properties.fifo_queue,
            per_group: properties.fifo_throughput_limit.as_deref() == Some("perMessageGroupId"),
            visibility_seconds: properties.visibility_timeout.unwrap_or(DEFAULT_VISIBILITY_SECONDS),
            retention_seconds: properties.message_retention_period.unwrap_or(DEFAULT_RETENTION_SECONDS),
            encrypted: properties.sqs_managed_sse_enabled || properties.kms_master_key_id.is_some(),
            dead_letter: properties.redrive_policy.map(|policy| DeadLetter {
                arn: policy.dead_letter_target_arn,
                tries: policy.max_receive_count,
            }),
            dead_letter_of: properties.redrive_allow_policy.map(|p| p.source_queue_arns).unwrap_or_default(),
        })
    }
}
