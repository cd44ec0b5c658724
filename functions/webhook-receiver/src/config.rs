//! Settings of this function, read once at cold start.

use roomsync_runtime::QueueUrls;
use roomsync_runtime::settings::{SettingError, Settings};

/// Settings of this function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where hints go.
    pub queues: QueueUrls,
    /// Name of the secret that signs.
    pub key_name: String,
}

impl Config {
    /// Reads them from variables.
    ///
    /// # Errors
    ///
    /// Names the variable that is missing.
    pub fn read(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, SettingError> {
        let settings = Settings::new(vars);
        Ok(Self {
            queues: QueueUrls {
                poll: Some(settings.required("POLL_QUEUE_URL")?),
                lifecycle: Some(settings.required("LIFECYCLE_QUEUE_URL")?),
                ..QueueUrls::default()
            },
            key_name: settings.required("NOTIFICATION_KEY")?,
        })
    }
}
