//! What every Lambda of roomsync needs around its use case: settings, logs, metrics, clock, queues, secrets.

pub mod batch;
pub mod clock;
pub mod error;
pub mod metrics;
pub mod queue;
pub mod secrets;
pub mod settings;
pub mod telemetry;
pub mod tenants;

pub use clock::SystemClock;
pub use queue::{QueueUrls, SqsQueue};
pub use secrets::SecretsManager;
