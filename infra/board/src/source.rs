//! Where the board gets its records from.

use crate::rows::{Following, RoomKey};
use crate::world::Record;
use std::future::Future;
use thiserror::Error;

/// Tables and their streams.
pub trait Source: Send + 'static {
    /// What the tables hold now. What changes after the call began is also given by [`Source::next`].
    fn load(&mut self) -> impl Future<Output = Result<Vec<Record>, SourceError>> + Send;

    /// What has changed since the last call. Waits a moment if nothing has, about a second at most. After an error the
    /// position is lost and [`Source::load`] has to be called again.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Record>, SourceError>> + Send;

    /// The cursors of these rooms as far as there are any.
    fn cursors(
        &mut self,
        rooms: Vec<RoomKey>,
    ) -> impl Future<Output = Result<Vec<(RoomKey, Following)>, SourceError>> + Send;
}

/// A table or stream cannot be read.
#[derive(Debug, Error)]
#[error("{what} cannot be read: {why}")]
pub struct SourceError {
    /// Which one.
    pub what: String,
    /// The whole chain of causes.
    pub why: String,
}
