//! Settings of this function, read once at cold start.

use chrono::TimeDelta;
use roomsync_graph::Endpoints;
use roomsync_runtime::QueueUrls;
use roomsync_runtime::settings::{self, SettingError, Settings};
use roomsync_store::TableNames;

/// Settings of this function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The tables.
    pub tables: TableNames,
    /// The queues.
    pub queues: QueueUrls,
    /// Graph and login hosts to use instead of each tenant's cloud's.
    pub endpoints: Option<Endpoints>,
    /// Time between two ticks of the schedule.
    pub tick: TimeDelta,
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
            tables: settings::tables(&settings)?,
            queues: QueueUrls {
                poll: Some(settings.required("POLL_QUEUE_URL")?),
                tenant: Some(settings.required("TENANT_QUEUE_URL")?),
                tenant_dead_letter: Some(settings.required("TENANT_DEAD_LETTER_URL")?),
                source: Some(settings.required("TENANT_QUEUE_URL")?),
                lifecycle: Some(settings.required("LIFECYCLE_QUEUE_URL")?),
                ..QueueUrls::default()
            },
            endpoints: Endpoints::given(settings.optional("GRAPH_URL"), settings.optional("LOGIN_URL"))
                .map_err(|error| SettingError::unusable("GRAPH_URL or LOGIN_URL", &error))?,
            tick: TimeDelta::seconds(settings.number("TICK_SECONDS", 900)?.into()),
        })
    }
}
