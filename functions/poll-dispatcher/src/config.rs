//! Settings of this function, read once at cold start.

use roomsync_runtime::settings::{self, SettingError, Settings};
use roomsync_store::TableNames;

/// Settings of this function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The tables.
    pub tables: TableNames,
    /// Where hints go.
    pub poll_queue_url: String,
    /// Time between two invocations, in seconds.
    pub tick_seconds: u32,
    /// No room is looked at less often, whatever its tenant says; 0 leaves it to the tenant.
    pub poll_every_seconds: u32,
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
            poll_queue_url: settings.required("POLL_QUEUE_URL")?,
            tick_seconds: settings.number("TICK_SECONDS", 120)?.max(1),
            poll_every_seconds: settings.number("POLL_EVERY_SECONDS", 0)?,
        })
    }
}
