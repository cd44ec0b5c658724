//! Settings of this function, read once at cold start.

use roomsync_runtime::settings::{SettingError, Settings};

/// Settings of this function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The tables.
    pub tables: roomsync_store::TableNames,
    /// Where the hints come from.
    pub poll_queue_url: String,
    /// Queue for messages that cannot be understood.
    pub poll_dead_letter_url: String,
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
            poll_queue_url: settings.required("POLL_QUEUE_URL")?,
            poll_dead_letter_url: settings.required("POLL_DEAD_LETTER_URL")?,
            endpoints: roomsync_graph::Endpoints::given(
                settings.optional("GRAPH_URL"),
                settings.optional("LOGIN_URL"),
            )
            .map_err(|error| SettingError::unusable("GRAPH_URL or LOGIN_URL", &error))?,
        })
    }
}
