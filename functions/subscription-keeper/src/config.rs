//! Settings of this function, read once at cold start.

use crate::handler::Webhook;
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
    /// Name of the secret that signs.
    pub key_name: String,
    /// Where Graph sends notices; nothing means that no room is listened to.
    pub webhook: Option<Webhook>,
    /// Graph and login hosts to use instead of each tenant's cloud's.
    pub endpoints: Option<Endpoints>,
}

impl Config {
    /// Reads them from variables.
    ///
    /// # Errors
    ///
    /// Names the variable that is missing or cannot be used.
    pub fn read(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, SettingError> {
        let settings = Settings::new(vars);
        let lifecycle_queue = settings.required("LIFECYCLE_QUEUE_URL")?;
        let webhook = match settings.optional("NOTIFICATION_URL") {
            Some(notification_url) => Some(Webhook {
                notification_url: notification_url.to_owned(),
                lifecycle_url: settings.required("LIFECYCLE_URL")?,
            }),
            None => None,
        };
        Ok(Self {
            tables: settings::tables(&settings)?,
            queues: QueueUrls {
                poll: Some(settings.required("POLL_QUEUE_URL")?),
                lifecycle: Some(lifecycle_queue.clone()),
                lifecycle_dead_letter: Some(settings.required("LIFECYCLE_DEAD_LETTER_URL")?),
                source: Some(lifecycle_queue),
                ..QueueUrls::default()
            },
            key_name: settings.required("NOTIFICATION_KEY")?,
            webhook,
            endpoints: Endpoints::given(settings.optional("GRAPH_URL"), settings.optional("LOGIN_URL"))
                .map_err(|error| SettingError::unusable("GRAPH_URL or LOGIN_URL", &error))?,
        })
    }
}
