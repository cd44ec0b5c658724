use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Resource, number};
use crate::TemplateError;

/// A Lambda function with what makes it run.
#[derive(Debug, Clone)]
pub struct Function {
    /// Logical id.
    pub logical: String,
    /// Physical name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// ARN of the role it runs in.
    pub role_arn: String,
    /// Longest time an invocation may take.
    pub timeout_seconds: u32,
    /// Memory it is given.
    pub memory_mb: u32,
    /// Most invocations at once, set aside for this function; none for no such number.
    pub reserved_concurrency: Option<u32>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Name of the log group it writes to, if the template names one.
    pub log_group: Option<String>,
    /// Schedules that invoke it.
    pub schedules: Vec<Schedule>,
    /// Queues that invoke it.
    pub queues: Vec<QueueSource>,
    /// Requests to the HTTP API that invoke it.
    pub routes: Vec<Route>,
}

/// An EventBridge rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Logical id within the function.
    pub logical: String,
    /// Time between two ticks.
    pub every_seconds: u32,
}

/// An event source mapping over a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSource {
    /// Logical id within the function.
    pub logical: String,
    /// ARN of the queue.
    pub queue_arn: String,
    /// Most messages in one invocation.
    pub batch_size: u32,
    /// The function says which messages failed, the others are done.
    pub partial_failures: bool,
    /// Most invocations at once; none for no limit of its own.
    pub maximum_concurrency: Option<u32>,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path, with `{parameters}`.
    pub path: String,
    /// `Ref` of its API; none for the one that SAM would make by itself.
    pub api: Option<String>,
    /// The format of the event ("Working with AWS Lambda proxy integrations for HTTP APIs", API Gateway developer guide).
    pub payload_format: String,
}

/// SAM's defaults for what the template leaves out (`AWS::Lambda::Function`, Timeout and MemorySize; SQS event, BatchSize).
const DEFAULT_TIMEOUT_SECONDS: u32 = 3;
const DEFAULT_MEMORY_MB: u32 = 128;
const DEFAULT_BATCH_SIZE: u32 = 10;
const DEFAULT_PAYLOAD_FORMAT: &str = "2.0";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    role: String,
    #[serde(default, deserialize_with = "number::optional")]
    timeout: Option<u32>,
    #[serde(default, deserialize_with = "number::optional")]
    memory_size: Option<u32>,
    #[serde(default, deserialize_with = "number::optional")]
    reserved_concurrent_executions: Option<u32>,
    #[serde(default)]
    environment: Environment,
    #[serde(default)]
    logging_config: LoggingConfig,
    #[serde(default)]
    events: BTreeMap<String, Event>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct LoggingConfig {
    log_group: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Properties")]
enum Event {
    Schedule(ScheduleProperties),
    #[serde(rename = "SQS")]
    Sqs(SqsProperties),
    HttpApi(HttpApiProperties),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScheduleProperties {
    schedule: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SqsProperties {
    queue: String,
    #[serde(default, deserialize_with = "number::optional")]
    batch_size: Option<u32>,
    #[serde(default)]
    function_response_types: Vec<String>,
    #[serde(default)]
    scaling_config: ScalingConfig,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct ScalingConfig {
    #[serde(default, deserialize_with = "number::optional")]
    maximum_concurrency: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpApiProperties {
    method: String,
    path: String,
    api_id: Option<String>,
    payload_format_version: Option<String>,
}

impl Function {
    pub(super) fn of(resource: &Resource) -> Result<Self, TemplateError> {
        let properties: Properties = resource.properties()?;
        let mut function = Self {
            logical: resource.logical.clone(),
            name: resource.reference.clone(),
            arn: resource.arn()?,
            role_arn: properties.role,
            timeout_seconds: properties.timeout.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            memory_mb: properties.memory_size.unwrap_or(DEFAULT_MEMORY_MB),
            reserved_concurrency: properties.reserved_concurrent_executions,
            environment: properties.environment.variables.into_iter().map(|(k, v)| (k, text(v))).collect(),
            log_group: properties.logging_config.log_group,
            schedules: Vec::new(),
            queues: Vec::new(),
            routes: Vec::new(),
        };
        for (logical, event) in properties.events {
            match event {
                Event::Schedule(schedule) => {
                    let every_seconds = rate_seconds(&schedule.schedule).ok_or_else(|| {
                        TemplateError::shape(
                            &resource.logical,
                            format!("`{}` is not a rate(...)", schedule.schedule),
                        )
                    })?;
                    function.schedules.push(Schedule { logical, every_seconds });
                }
                Event::Sqs(source) => function.queues.push(QueueSource {
                    logical,
                    queue_arn: source.queue,
                    batch_size: source.batch_size.unwrap_or(DEFAULT_BATCH_SIZE),
                    partial_failures: source
                        .function_response_types
                        .iter()
                        .any(|kind| kind == "ReportBatchItemFailures"),
                    maximum_concurrency: source.scaling_config.maximum_concurrency,
                }),
                Event::HttpApi(route) => function.routes.push(Route {
                    method: route.method.to_ascii_uppercase(),
                    path: route.path,
                    api: route.api_id,
                    payload_format: (route.payload_format_version)
                        .unwrap_or_else(|| DEFAULT_PAYLOAD_FORMAT.to_owned()),
                }),
            }
        }
        Ok(function)
    }

    /// The name of its binary, and of its folder: `DeltaPollerFunction` is `delta-poller`.
    #[must_use]
    pub fn binary(&self) -> String {
        let mut binary = String::new();
        for letter in self.logical.strip_suffix("Function").unwrap_or(&self.logical).chars() {
            if letter.is_ascii_uppercase() && !binary.is_empty() {
                binary.push('-');
            }
            binary.push(letter.to_ascii_lowercase());
        }
        binary
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// `rate(2 minutes)` in seconds (EventBridge user guide, "Schedule types").
fn rate_seconds(expression: &str) -> Option<u32> {
    let (count, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let unit_seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    count.parse::<u32>().ok()?.checked_mul(unit_seconds)
}

#[cfg(test)]
mod tests {
    use super::rate_seconds;

    #[test]
    fn rates_are_read_in_every_unit_and_nothing_else() {
        assert_eq!(rate_seconds("rate(2 minutes)"), Some(120));
        assert_eq!(rate_seconds("rate(1 hour)"), Some(3_600));
        assert_eq!(rate_seconds("rate(1 day)"), Some(86_400));
        assert_eq!(rate_seconds("cron(0 3 * * ? *)"), None);
        assert_eq!(rate_seconds("rate(2 weeks)"), None);
    }
}
