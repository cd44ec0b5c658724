//! I10, I11: nothing that must not be seen is in any log line, table, stream record or message.

use crate::universe::Universe;
use crate::watch::CANARY;
use roomsync_testkit::Lane;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

/// How a delta token of the twin begins.
const DELTA_TOKEN: &str = "R0usmc";

/// Everything that was logged.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl io::Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Heard {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Does something and gives what was logged meanwhile, at every level.
pub(crate) fn listening<T>(act: impl FnOnce() -> T) -> (T, String) {
    let heard = Heard::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(heard.clone())
        .finish();
    let result = tracing::subscriber::with_default(subscriber, act);
    let bytes = heard.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (result, String::from_utf8_lossy(&bytes).into_owned())
}

impl Universe {
    /// Searches everything that was written, and what was logged.
    pub(crate) fn nothing_leaked(&self, log: &str) {
        let writings = serde_json::to_string(&self.store.writings()).unwrap_or_default();
        let tables = format!("{:?} {:?} {writings}", self.store.tables(), self.store.stream());
        let bodies: String = [Lane::Polls, Lane::Tenants, Lane::Lifecycle]
            .into_iter()
            .flat_map(|lane| [self.queue.messages(lane), self.queue.dead(lane)])
            .flatten()
            .map(|message| message.body)
            .collect();
        let troubles = self.troubles();
        for (place, text) in [("log", log), ("tables", &tables), ("queues", &bodies), ("troubles", &troubles)]
        {
            if text.to_lowercase().contains(CANARY) {
                self.wrong(format!("I10: a canary is in the {place}"));
            }
            if self.post.holds_state(text) {
                self.wrong(format!("I11: what proves a notice is in the {place}"));
            }
            if text.contains(DELTA_TOKEN) || self.holds_token(text) {
                self.wrong(format!("I11: a token is in the {place}"));
            }
        }
    }
}
