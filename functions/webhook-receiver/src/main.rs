//! The Lambda: settings, clients, loop.

use aws_config::timeout::TimeoutConfig;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use roomsync_runtime::{SecretsManager, SqsQueue, SystemClock, telemetry};
use std::time::Duration;
use webhook_receiver::config::Config;
use webhook_receiver::{Deps, Event, Keyring, handle};

/// Graph takes an answer for late after three seconds (`change-notifications-delivery-webhooks` page).
const LONGEST_CALL: Duration = Duration::from_millis(2_500);
const LONGEST_ATTEMPT: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let config = Config::read(std::env::vars())?;
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(LONGEST_ATTEMPT)
        .operation_timeout(LONGEST_CALL)
        .build();
    let sdk =
        aws_config::defaults(aws_config::BehaviorVersion::latest()).timeout_config(timeouts).load().await;
    let deps = &Deps {
        queue: SqsQueue::new(aws_sdk_sqs::Client::new(&sdk), config.queues),
        secrets: SecretsManager::new(aws_sdk_secretsmanager::Client::new(&sdk)),
        clock: SystemClock,
        keyring: Keyring::new(config.key_name),
    };
    // Boxed, or the compiler gives up on the size of all these futures in one.
    run(service_fn(|event: LambdaEvent<Event>| async move {
        Ok::<_, Error>(Box::pin(handle(event.payload, deps)).await)
    }))
    .await
}
