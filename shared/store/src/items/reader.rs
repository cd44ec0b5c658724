use super::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::NaiveDate;
use roomsync_domain::time::seconds;
use roomsync_domain::{Instant, SCHEMA_VERSION};
use roomsync_ports::StoreError;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// An item that is being read; every error names its key and the attribute.
pub(super) struct Reader<'a> {
    item: &'a Item,
    key: String,
}

impl<'a> Reader<'a> {
    /// An item whose key attributes have these names; it must be of our schema version.
    pub(super) fn new(item: &'a Item, keys: &[&str]) -> Result<Self, StoreError> {
        let key: Vec<&str> = keys
            .iter()
            .map(|name| item.get(*name).and_then(|key| key.as_s().ok()).map_or("?", String::as_str))
            .collect();
        let reader = Self { item, key: key.join(" / ") };
        match reader.number::<u32>("schemaVersion")? {
            SCHEMA_VERSION => Ok(reader),
            _ => Err(reader.wrong("schemaVersion", &format!("expected {SCHEMA_VERSION}"))),
        }
    }

    /// The error of an attribute.
    pub(super) fn wrong(&self, name: &str, why: &str) -> StoreError {
        StoreError::Corrupt { key: self.key.clone(), why: format!("{name}: {why}") }
    }

    /// What `find` makes of an attribute; absent stays absent.
    fn find<T>(
        &self,
        name: &str,
        expected: &str,
        find: impl FnOnce(&'a AttributeValue) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        self.item.get(name).map(|value| find(value).ok_or_else(|| self.wrong(name, expected))).transpose()
    }

    fn required<T>(&self, name: &str, found: Option<T>) -> Result<T, StoreError> {
        found.ok_or_else(|| self.wrong(name, "missing"))
    }

    pub(super) fn text_if(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.find(name, "expected a string", |value| value.as_s().ok().cloned())
    }

    pub(super) fn text(&self, name: &str) -> Result<String, StoreError> {
        self.required(name, self.text_if(name)?)
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError> {
        let found = self.find(name, "expected a whole number", |value| value.as_n().ok()?.parse().ok())?;
        self.required(name, found)
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, StoreError> {
        let found = self.find(name, "expected true or false", |value| value.as_bool().ok().copied())?;
        self.required(name, found)
    }

    pub(super) fn instant_if(&self, name: &str) -> Result<Option<Instant>, StoreError> {
        self.find(name, "expected an RFC 3339 instant", |value| seconds::parse(value.as_s().ok()?))
    }

    pub(super) fn instant(&self, name: &str) -> Result<Instant, StoreError> {
        self.required(name, self.instant_if(name)?)
    }

    pub(super) fn epoch(&self, name: &str) -> Result<Instant, StoreError> {
        Instant::from_timestamp(self.number(name)?, 0)
            .ok_or_else(|| self.wrong(name, "expected seconds since 1970"))
    }

    pub(super) fn date(&self, name: &str) -> Result<NaiveDate, StoreError> {
        let found = self.find(name, "expected a date", |value| value.as_s().ok()?.parse().ok())?;
        self.required(name, found)
    }

    pub(super) fn set(&self, name: &str) -> Result<BTreeSet<String>, StoreError> {
        let found = self.find(name, "expected a set of strings", |value| {
            Some(value.as_ss().ok()?.iter().cloned().collect())
        })?;
        Ok(found.unwrap_or_default())
    }

    /// What serde makes of an attribute.
    pub(super) fn value_if<T: DeserializeOwned>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, StoreError> {
        self.find(name, expected, |value| serde_dynamo::from_attribute_value(value.clone()).ok())
    }

    pub(super) fn value<T: DeserializeOwned>(&self, name: &str, expected: &str) -> Result<T, StoreError> {
        self.required(name, self.value_if(name, expected)?)
    }

    /// The value whose fields are the attributes of the item.
    pub(super) fn fields<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        let whole = AttributeValue::M(self.item.clone());
        let from = serde_dynamo::Deserializer::from_attribute_value(whole.into());
        serde_path_to_error::deserialize(from)
            .map_err(|error| self.wrong(&error.path().to_string(), &error.inner().to_string()))
    }
}
