//! The tables `Rooms`, `Bookings` and `SyncState` and the streams of the first two.

use crate::rows::{BookingRow, Following, RoomKey, RoomRow};
use crate::source::{Source, SourceError};
use crate::streams::TableStream;
use crate::world::Record;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde_json::Value;
use std::time::Duration;

/// Keys that `BatchGetItem` takes at most.
const BATCH: usize = 100;

/// Pause before each look at the streams, which allow five reads a second and shard (`GetRecords` page).
const PAUSE: Duration = Duration::from_millis(250);

/// Names of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// `Rooms`.
    pub rooms: String,
    /// `Bookings`.
    pub bookings: String,
    /// `SyncState`.
    pub sync_state: String,
}

/// DynamoDB as a [`Source`].
#[derive(Debug)]
pub struct Dynamo {
    client: Client,
    tables: Tables,
    rooms: TableStream,
    bookings: TableStream,
}

impl Dynamo {
    /// Makes the clients; calls nothing.
    #[must_use]
    pub fn new(sdk: &SdkConfig, tables: Tables) -> Self {
        let (client, streams) = (Client::new(sdk), aws_sdk_dynamodbstreams::Client::new(sdk));
        Self {
            rooms: TableStream::new(client.clone(), streams.clone(), tables.rooms.clone(), room_record),
            bookings: TableStream::new(client.clone(), streams, tables.bookings.clone(), booking_record),
            client,
            tables,
        }
    }

    async fn scan(
        &self,
        table: &str,
        read: fn(&Value) -> Option<Record>,
    ) -> Result<Vec<Record>, SourceError> {
        let mut pages = self.client.scan().table_name(table).into_paginator().items().send();
        let mut records = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| failed(table, &error))?;
            let item: Value = serde_dynamo::from_item(item)
                .map_err(|error| SourceError { what: table.into(), why: error.to_string() })?;
            records.extend(read(&item));
        }
        Ok(records)
    }

    async fn cursor_batch(&self, rooms: &[RoomKey]) -> Result<Vec<(RoomKey, Following)>, SourceError> {
        let table = &self.tables.sync_state;
        let wrong = |why: String| SourceError { what: table.clone(), why };
        let names: String = (0..Following::ATTRIBUTES.len()).map(|number| format!(", #{number}")).collect();
        let mut keys = KeysAndAttributes::builder().projection_expression(format!("pk{names}"));
        for (number, name) in Following::ATTRIBUTES.iter().enumerate() {
            keys = keys.expression_attribute_names(format!("#{number}"), *name);
        }
        for room in rooms {
            keys = keys.keys(
                [
                    ("pk".into(), AttributeValue::S(room.clone())),
                    ("sk".into(), AttributeValue::S("cursor".into())),
                ]
                .into(),
            );
        }
        let keys = keys.build().map_err(|error| wrong(error.to_string()))?;
        // What is left unprocessed is asked for again by the next look, a few seconds later.
        let answer = self.client.batch_get_item().request_items(table, keys).send().await;
        let answer = answer.map_err(|error| failed(table, &error))?;
        let items = answer.responses.unwrap_or_default().remove(table).unwrap_or_default();
        let mut found = Vec::new();
        for item in items {
            let item: Value = serde_dynamo::from_item(item).map_err(|error| wrong(error.to_string()))?;
            let Some(room) = item.get("pk").and_then(Value::as_str).map(str::to_owned) else { continue };
            match serde_json::from_value(item) {
                Ok(following) => found.push((room, following)),
                Err(error) => tracing::warn!(room.key = %room, %error, "The cursor of a room cannot be read"),
            }
        }
        Ok(found)
    }
}

impl Source for Dynamo {
    async fn load(&mut self) -> Result<Vec<Record>, SourceError> {
        self.rooms.open().await?;
        self.bookings.open().await?;
        let mut records = self.scan(&self.tables.rooms, room_record).await?;
        records.append(&mut self.scan(&self.tables.bookings, booking_record).await?);
        Ok(records)
    }

    async fn next(&mut self) -> Result<Vec<Record>, SourceError> {
        tokio::time::sleep(PAUSE).await;
        let mut records = self.rooms.read().await?;
        records.append(&mut self.bookings.read().await?);
        Ok(records)
    }

    async fn cursors(&mut self, rooms: Vec<RoomKey>) -> Result<Vec<(RoomKey, Following)>, SourceError> {
        let mut found = Vec::new();
        for batch in rooms.chunks(BATCH) {
            found.append(&mut self.cursor_batch(batch).await?);
        }
        Ok(found)
    }
}

fn room_record(item: &Value) -> Option<Record> {
    RoomRow::read(item).map(Record::Room)
}

fn booking_record(item: &Value) -> Option<Record> {
    BookingRow::read(item).map(Record::Booking)
}

/// The whole chain of causes, because the SDK itself says only "service error". Not its debug text: that quotes answers.
pub(crate) fn failed(what: &str, error: &(dyn std::error::Error + 'static)) -> SourceError {
    let mut causes: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(error), |error| error.source()) {
        let cause = cause.to_string();
        if !causes.last().is_some_and(|last| last.contains(&cause)) {
            causes.push(cause);
        }
    }
    SourceError { what: what.into(), why: causes.join(": ") }
}
