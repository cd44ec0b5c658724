//! What every Lambda of roomsync needs around its use case: settings, logs, metrics, clock, queues, secrets.

pub mod batch;
pub mod clock;
#[cfg(feature = "queues")]
pub mod error;
pub mod metrics;
#[cfg(feature = "queues")]
pub mod queue;
#[cfg(feature = "queues")]
pub mod secrets;
pub mod settings;
pub mod telemetry;
pub mod tenants;

pub use clock::SystemClock;
#[cfg(feature = "queues")]
pub use queue::{QueueUrls, SqsQueue};
#[cfg(feature = "queues")]
pub use secrets::SecretsManager;
