//! Sending a booking command by hand.

use roomsync_command::{BookingCommand, Rejection};
use roomsync_domain::writing::request::request;
use roomsync_ports::{CommandQueue, QueueError};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use thiserror::Error;

/// Why a command was not sent.
#[derive(Debug, Error)]
pub enum BookError {
    /// The file cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, String),
    /// It is no command.
    #[error("{0}; nothing was sent")]
    Rejected(#[from] Rejection),
    /// The queue did not take it.
    #[error("{0}; run the command again")]
    Queue(#[from] QueueError),
}

/// A command that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// Its id.
    pub command_id: String,
    /// The booking whose item is its receipt.
    pub booking_id: String,
}

/// The text of a file, or of the standard input if it is named `-`.
///
/// # Errors
/// It cannot be read.
pub fn text(file: &Path) -> Result<String, BookError> {
    let read = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| BookError::Unreadable(file.display().to_string(), error.to_string()))
}

/// Checks a command as its reader will, and sends it. `id` is its id if it has none.
///
/// # Errors
/// It is no command, or the queue does not take it.
pub async fn book(queue: &impl CommandQueue, text: &str, id: &str) -> Result<Sent, BookError> {
    let command = whole(text, id)?;
    request(command.clone())?;
    let body = serde_json::to_string(&command)
        .map_err(|error| BookError::Unreadable("the command".to_owned(), error.to_string()))?;
    queue.send_command(&command.booking_id, &command.command_id, &body).await?;
    Ok(Sent { command_id: command.command_id, booking_id: command.booking_id })
}

/// What people leave out is filled in.
fn whole(text: &str, id: &str) -> Result<BookingCommand, Rejection> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else {
        return roomsync_command::parse(text);
    };
    fields.entry("schemaVersion").or_insert_with(|| json!(roomsync_command::SCHEMA_VERSION));
    fields.entry("commandId").or_insert_with(|| json!(id));
    roomsync_command::parse(&Value::Object(fields).to_string())
}
