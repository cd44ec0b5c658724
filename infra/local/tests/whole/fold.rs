//! A reader of a table's stream who takes the contract at its word.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use serde_json::Value;

/// Published, but no news by itself.
const BESIDE: [&str; 3] = ["version", "observedAt", "expiresAt"];
/// What a private meeting must not show.
const PRIVATE: [&str; 3] = ["subject", "organizerName", "organizerEmail"];

/// A table as its stream has told it since the beginning.
pub(crate) struct Table {
    pub(crate) items: BTreeMap<String, Value>,
    /// Records so far.
    pub(crate) records: usize,
    rules: Rules,
    name: String,
    tables: aws_sdk_dynamodb::Client,
    streams: Client,
    /// Where to go on, shard by shard.
    iterators: Vec<String>,
}

/// What the contract says of the items of a table.
struct Rules {
    keys: [&'static str; 2],
    required: BTreeSet<String>,
    visible: BTreeSet<String>,
}

impl Table {
    /// Stands at the beginning of the stream of the table that `endpoints.json` has under `name`.
    pub(crate) async fn follow(endpoints: &Value, name: &str, schema: &str, keys: [&'static str; 2]) -> Self {
        let config = config(&endpoints["aws"]);
        let tables = aws_sdk_dynamodb::Client::new(&config);
        let streams = Client::new(&config);
        let name = endpoints["tables"][name].as_str().expect("the name of a table").to_owned();
        let table = tables.describe_table().table_name(&name).send().await.expect("a table");
        let arn = table.table.and_then(|table| table.latest_stream_arn).expect("a table with a stream");
        let stream = streams.describe_stream().stream_arn(&arn).send().await.expect("a stream");
        let shards = stream.stream_description.and_then(|stream| stream.shards).expect("shards");
        let mut iterators = Vec::new();
        for shard in shards {
            let request = streams.get_shard_iterator().stream_arn(&arn).set_shard_id(shard.shard_id);
            let answer = request.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await;
            iterators.extend(answer.expect("an iterator").shard_iterator);
        }
        let rules = Rules::of(schema, keys);
        Self { items: BTreeMap::new(), records: 0, rules, name, tables, streams, iterators }
    }

    /// Folds what is new; returns how many records there were.
    pub(crate) async fn read(&mut self) -> usize {
        let before = self.records;
        for iterator in std::mem::take(&mut self.iterators) {
            let answer = self.streams.get_records().shard_iterator(iterator).send().await.expect("records");
            self.iterators.extend(answer.next_shard_iterator);
            for record in answer.records.into_iter().flatten() {
                let images = record.dynamodb.expect("a record has images");
                let plain = |image| serde_dynamo::from_item(image).expect("an item");
                self.rules.fold(&mut self.items, images.old_image.map(plain), images.new_image.map(plain));
                self.records += 1;
            }
        }
        self.records - before
    }

    /// Folds until there is nothing new at the moment.
    pub(crate) async fn catch_up(&mut self) {
        while self.read().await > 0 {}
    }

    /// Asserts that the stream, read to the end, tells of everything that is in the table.
    pub(crate) async fn holds_what_its_stream_says(&mut self) {
        let items = self.tables.scan().table_name(&self.name).consistent_read(true).into_paginator().items();
        let items = items.send().collect::<Result<Vec<_>, _>>().await.expect("a scan");
        self.catch_up().await;
        assert!(
            items.len() <= self.items.len(),
            "{} items, but {} in the stream",
            items.len(),
            self.items.len()
        );
        for item in items {
            let item: Value = serde_dynamo::from_item::<_, Value>(item).expect("an item");
            let told = &self.items[&self.rules.key(&item)];
            // Somebody may have changed it since the scan.
            assert!(
                told == &item || told["version"].as_u64() > item["version"].as_u64(),
                "{told} is not {item}"
            );
        }
    }
}

impl Rules {
    fn of(schema: &str, keys: [&'static str; 2]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/contract");
        let text = std::fs::read(folder.join(format!("{schema}.v1.schema.json"))).expect("a schema");
        let schema: Value = serde_json::from_slice(&text).expect("JSON");
        let required = schema["required"].as_array().expect("a list").iter();
        let required = required.map(|name| name.as_str().expect("a name").to_owned()).collect();
        let published = schema["properties"].as_object().expect("an object").keys().cloned();
        let visible = published.filter(|name| !BESIDE.contains(&name.as_str())).collect();
        Self { keys, required, visible }
    }

    fn key(&self, item: &Value) -> String {
        self.keys.map(|name| item[name].as_str().expect("a key").to_owned()).join(" ")
    }

    fn seen<'a>(&self, item: &'a Value) -> BTreeMap<&'a str, &'a Value> {
        let attributes = item.as_object().expect("an item").iter();
        attributes
            .map(|(name, value)| (name.as_str(), value))
            .filter(|(name, _)| self.visible.contains(*name))
            .collect()
    }

    fn fold(&self, items: &mut BTreeMap<String, Value>, old: Option<Value>, new: Option<Value>) {
        let new = new.expect("the system never takes an item away");
        let key = self.key(&new);
        assert_eq!(items.get(&key), old.as_ref(), "{key}: the old image is not the new image of before");
        for name in &self.required {
            assert!(new.get(name).is_some(), "{key} has no {name}");
        }
        let due = old.as_ref().map_or(1, |old| old["version"].as_u64().expect("a number") + 1);
        assert_eq!(new["version"].as_u64(), Some(due), "{key}: versions go 1, 2, 3");
        if let Some(old) = &old {
            assert_ne!(self.seen(old), self.seen(&new), "{key}: version {due} shows nothing new");
        }
        assert_eq!(new["status"] == "ended", new["endReason"].is_string(), "{key}: an end has a reason");
        if new["isPrivate"] == true {
            assert!(PRIVATE.iter().all(|name| new.get(name).is_none()), "{key} shows something private");
        }
        items.insert(key, new);
    }
}

fn config(aws: &Value) -> SdkConfig {
    let text = |name: &str| aws[name].as_str().unwrap_or_else(|| panic!("aws has no {name}")).to_owned();
    let credentials = Credentials::new(text("accessKeyId"), text("secretAccessKey"), None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(text("region")))
        .endpoint_url(text("endpointUrl"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// The reader itself: it has to be able to object.
mod objects {
    use serde_json::json;

    use super::{BTreeMap, Rules, Value};

    fn item(version: u64, subject: &str) -> Value {
        json!({"roomKey": "r", "bookingId": "b", "version": version, "status": "confirmed", "subject": subject})
    }

    fn folded(images: &[(Option<Value>, Value)]) {
        let rules = Rules { required: [].into(), ..Rules::of("booking", ["roomKey", "bookingId"]) };
        let mut items = BTreeMap::new();
        for (old, new) in images {
            rules.fold(&mut items, old.clone(), Some(new.clone()));
        }
    }

    #[test]
    fn nothing_to_versions_in_order() {
        folded(&[(None, item(1, "a")), (Some(item(1, "a")), item(2, "b"))]);
    }

    #[test]
    #[should_panic(expected = "versions go 1, 2, 3")]
    fn to_a_gap() {
        folded(&[(None, item(1, "a")), (Some(item(1, "a")), item(3, "b"))]);
    }

    #[test]
    #[should_panic(expected = "shows nothing new")]
    fn to_a_write_without_news() {
        folded(&[(None, item(1, "a")), (Some(item(1, "a")), item(2, "a"))]);
    }

    #[test]
    #[should_panic(expected = "is not the new image of before")]
    fn to_a_jump() {
        folded(&[(None, item(1, "a")), (Some(item(1, "c")), item(2, "b"))]);
    }
}
