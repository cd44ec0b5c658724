//! The Lambda: settings, clients, loop.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use roomsync_graph::{GraphClient, HttpTransport, Options};
use roomsync_runtime::{SecretsManager, SqsQueue, SystemClock, clock, telemetry};
use roomsync_store::DynamoStore;
use subscription_keeper::config::Config;
use subscription_keeper::keys::Keys;
use subscription_keeper::{Deps, Event, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let config = Config::read(std::env::vars())?;
    if config.webhook.is_none() {
        tracing::info!("NOTIFICATION_URL is empty: no room is listened to, all are polled");
    }
    let sdk = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let options = Options { endpoints: config.endpoints, ..Options::default() };
    let secrets = SecretsManager::new(aws_sdk_secretsmanager::Client::new(&sdk));
    let deps = &Deps::new(
        GraphClient::new(HttpTransport::new()?, secrets.clone(), SystemClock, options),
        DynamoStore::new(aws_sdk_dynamodb::Client::new(&sdk), config.tables),
        SqsQueue::new(aws_sdk_sqs::Client::new(&sdk), config.queues),
        secrets,
        SystemClock,
        Keys::new(config.key_name),
        config.webhook,
    );
    run(service_fn(|event: LambdaEvent<Event>| async move {
        let deadline = clock::last_call(event.context.deadline);
        Ok::<_, Error>(Box::pin(handle(event.payload, deps, deadline)).await?)
    }))
    .await
}
