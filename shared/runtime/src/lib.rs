//! What every Lambda of roomsync needs around its use case: settings, logs, metrics, clock, queues, secrets.

pub mod batch;
pub mod clock;
#[cfg(feature = "aws")]
pub mod error;
pub mod metrics;
#[cfg(feature = "aws")]
pub mod queue;
#[cfg(feature = "aws")]
pub mod secrets;
pub mod settings;
pub mod telemetry;
pub mod tenants;

pub use clock::SystemClock;
#[cfg(feature = "aws")]
pub use queue::{QueueUrls, SqsQueue};
#[cfg(feature = "aws")]
pub use secrets::SecretsManager;
