//! The Lambda: settings, clients, loop.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use resource_sync::config::Config;
use resource_sync::{Deps, Event, handle};
use roomsync_graph::{GraphClient, HttpTransport, Options};
use roomsync_runtime::{SecretsManager, SqsQueue, SystemClock, telemetry};
use roomsync_store::DynamoStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let config = Config::read(std::env::vars())?;
    let sdk = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let options = Options { endpoints: config.endpoints, ..Options::default() };
    let secrets = SecretsManager::new(aws_sdk_secretsmanager::Client::new(&sdk));
    let deps = &Deps {
        graph: GraphClient::new(HttpTransport::new()?, secrets, SystemClock, options),
        store: DynamoStore::new(aws_sdk_dynamodb::Client::new(&sdk), config.tables),
        queue: SqsQueue::new(aws_sdk_sqs::Client::new(&sdk), config.queues),
        clock: SystemClock,
        tick: config.tick,
    };
    run(service_fn(
        |event: LambdaEvent<Event>| async move { Ok::<_, Error>(handle(event.payload, deps).await?) },
    ))
    .await
}
