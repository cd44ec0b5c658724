//! The Lambda: settings, clients, loop.

use aws_lambda_events::event::sqs::SqsEvent;
use delta_poller::config::Config;
use delta_poller::{Deps, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use roomsync_graph::{GraphClient, HttpTransport, Options};
use roomsync_runtime::{QueueUrls, SecretsManager, SqsQueue, SystemClock, clock, telemetry};
use roomsync_store::DynamoStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let config = Config::read(std::env::vars())?;
    let sdk = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let options = Options { endpoints: config.endpoints, ..Options::default() };
    let secrets = SecretsManager::new(aws_sdk_secretsmanager::Client::new(&sdk));
    let urls = QueueUrls {
        source: Some(config.poll_queue_url),
        poll_dead_letter: Some(config.poll_dead_letter_url),
        ..QueueUrls::default()
    };
    let deps = &Deps::new(
        GraphClient::new(HttpTransport::new()?, secrets, SystemClock, options),
        DynamoStore::new(aws_sdk_dynamodb::Client::new(&sdk), config.tables),
        SqsQueue::new(aws_sdk_sqs::Client::new(&sdk), urls),
        SystemClock,
    );
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let deadline = clock::last_call(event.context.deadline);
        Ok::<_, Error>(handle(event.payload, deps, deadline).await)
    }))
    .await
}
