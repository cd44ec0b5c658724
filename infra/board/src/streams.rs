//! Following the stream of one table.
//!
//! A stream is a tree of shards. The open ones are read from their end when following starts; when one is closed, its
//! children are read from their beginning, so nothing between is lost. Whatever else goes wrong (an iterator that expired
//! after its 15 minutes, records that were trimmed after their 24 hours, a table made anew) ends the following with an
//! error: then the tables are read again.

use crate::dynamo::failed;
use crate::source::SourceError;
use crate::world::Record;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::{OperationType, Record as StreamRecord, Shard, ShardIteratorType};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The stream of one table.
#[derive(Debug)]
pub(crate) struct TableStream {
    tables: aws_sdk_dynamodb::Client,
    streams: Client,
    table: String,
    read: fn(&Value) -> Option<Record>,
    arn: String,
    known: BTreeSet<String>,
    iterators: BTreeMap<String, String>,
}

impl TableStream {
    pub(crate) fn new(
        tables: aws_sdk_dynamodb::Client,
        streams: Client,
        table: String,
        read: fn(&Value) -> Option<Record>,
    ) -> Self {
        let (arn, known, iterators) = (String::new(), BTreeSet::new(), BTreeMap::new());
        Self { tables, streams, table, read, arn, known, iterators }
    }

    /// Forgets the position and stands at the end of every open shard.
    pub(crate) async fn open(&mut self) -> Result<(), SourceError> {
        let answer = self.tables.describe_table().table_name(&self.table).send().await;
        let table = answer.map_err(|error| failed(&self.table, &error))?.table;
        self.arn = table.and_then(|table| table.latest_stream_arn).ok_or_else(|| SourceError {
            what: self.table.clone(),
            why: "the table has no stream; create it from template.yaml".into(),
        })?;
        self.known.clear();
        self.iterators.clear();
        for shard in self.shards().await? {
            let is_open =
                shard.sequence_number_range.is_none_or(|range| range.ending_sequence_number.is_none());
            let Some(id) = shard.shard_id else { continue };
            if is_open {
                self.enter(&id, ShardIteratorType::Latest).await?;
            }
            self.known.insert(id);
        }
        Ok(())
    }

    /// One read of every open shard.
    pub(crate) async fn read(&mut self) -> Result<Vec<Record>, SourceError> {
        let mut records = Vec::new();
        let mut closed = self.iterators.is_empty();
        for (shard, iterator) in std::mem::take(&mut self.iterators) {
            let answer = self.streams.get_records().shard_iterator(iterator).send().await;
            let answer = answer.map_err(|error| failed(&format!("stream of {}", self.table), &error))?;
            records.extend(
                answer.records.unwrap_or_default().into_iter().filter_map(|record| self.record(record)),
            );
            match answer.next_shard_iterator {
                Some(next) => {
                    self.iterators.insert(shard, next);
                }
                None => closed = true,
            }
        }
        if closed {
            self.enter_new().await?;
        }
        Ok(records)
    }

    async fn enter_new(&mut self) -> Result<(), SourceError> {
        for shard in self.shards().await? {
            let Some(id) = shard.shard_id else { continue };
            if self.known.insert(id.clone()) {
                self.enter(&id, ShardIteratorType::TrimHorizon).await?;
            }
        }
        Ok(())
    }

    async fn enter(&mut self, shard: &str, from: ShardIteratorType) -> Result<(), SourceError> {
        let request = self.streams.get_shard_iterator().stream_arn(&self.arn).shard_id(shard);
        let answer = request.shard_iterator_type(from).send().await;
        let answer = answer.map_err(|error| failed(&format!("stream of {}", self.table), &error))?;
        self.iterators.extend(answer.shard_iterator.map(|iterator| (shard.to_owned(), iterator)));
        Ok(())
    }

    async fn shards(&self) -> Result<Vec<Shard>, SourceError> {
        let mut shards = Vec::new();
        let mut after = None;
        loop {
            let request =
                self.streams.describe_stream().stream_arn(&self.arn).set_exclusive_start_shard_id(after);
            let answer = request.send().await;
            let answer = answer.map_err(|error| failed(&format!("stream of {}", self.table), &error))?;
            let Some(stream) = answer.stream_description else { return Ok(shards) };
            shards.extend(stream.shards.unwrap_or_default());
            after = stream.last_evaluated_shard_id;
            if after.is_none() {
                return Ok(shards);
            }
        }
    }

    fn record(&self, record: StreamRecord) -> Option<Record> {
        let is_gone = record.event_name == Some(OperationType::Remove);
        let images = record.dynamodb?;
        let image = if is_gone { images.old_image } else { images.new_image };
        let image: Value = serde_dynamo::from_item(image?).ok()?;
        match (self.read)(&image)? {
            Record::Room(row) if is_gone => Some(Record::RoomGone(row.key)),
            Record::Booking(row) if is_gone => Some(Record::BookingGone(row.room, row.id)),
            record => Some(record),
        }
    }
}
