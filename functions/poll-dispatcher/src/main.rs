//! The Lambda: settings, clients, loop.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use poll_dispatcher::config::Config;
use poll_dispatcher::dispatch;
use roomsync_ports::Clock;
use roomsync_runtime::metrics::{Metric, Metrics};
use roomsync_runtime::{QueueUrls, SqsQueue, SystemClock, telemetry};
use roomsync_store::DynamoStore;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let config = Config::read(std::env::vars())?;
    let sdk = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let store = DynamoStore::new(aws_sdk_dynamodb::Client::new(&sdk), config.tables.clone());
    let urls = QueueUrls { poll: Some(config.poll_queue_url.clone()), ..QueueUrls::default() };
    let queue = SqsQueue::new(aws_sdk_sqs::Client::new(&sdk), urls);
    let (store, queue, config) = (&store, &queue, &config);
    run(service_fn(|event: LambdaEvent<EventBridgeEvent<Value>>| async move {
        let at = event.payload.time.unwrap_or_else(|| SystemClock.now());
        let result = dispatch(store, queue, at, config.tick_seconds, config.poll_every_seconds).await;
        let sent = result.inspect_err(|error| tracing::error!(%error, "A tick could not be finished"))?;
        tracing::info!(
            tenants = sent.tenants,
            rooms = sent.rooms,
            hints = sent.hints,
            "Sent hints for due rooms"
        );
        let mut metrics = Metrics::new(SystemClock.now());
        metrics.count(Metric::Hints, sent.hints);
        metrics.emit();
        Ok::<(), Error>(())
    }))
    .await
}
