//! Settings of this function, read once at cold start.

use roomsync_runtime::QueueUrls;
use roomsync_runtime::settings::{SettingError, Settings};

/// Settings of this function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The tables.
    pub tables: roomsync_store::TableNames,
    /// The queues.
    pub queues: QueueUrls,
    /// Graph and login hosts to use instead of each tenant's cloud's.
    pub endpoints: Option<roomsync_graph::Endpoints>,
}

impl Config {
    /// Reads them from variables.
    ///
    /// # Errors
    ///
    /// Names the variable that is missing or cannot be used.
    pub fn read(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, SettingError> {
        let settings = Settings::new(vars);
        Ok(Self {
            tables: roomsync_runtime::settings::tables(&settings)?,
            queues: QueueUrls {
                poll: Some(settings.required("POLL_QUEUE_URL")?),
                source: Some(settings.required("BOOKING_COMMANDS_URL")?),
                commands_dead_letter: Some(settings.required("BOOKING_COMMANDS_DEAD_LETTER_URL")?),
                ..QueueUrls::default()
            },
            endpoints: roomsync_graph::Endpoints::given(
                settings.optional("GRAPH_URL"),
                settings.optional("LOGIN_URL"),
            )
            .map_err(|error| SettingError::unusable("GRAPH_URL or LOGIN_URL", &error))?,
        })
    }
}
