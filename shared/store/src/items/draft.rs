use super::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::NaiveDate;
use roomsync_domain::time::seconds;
use roomsync_domain::{Instant, SCHEMA_VERSION};
use roomsync_ports::StoreError;
use serde::Serialize;
use std::collections::BTreeSet;

/// An item in the making: its key first, then its attributes.
pub(super) struct Draft(Item);

impl Draft {
    /// An item of this schema version.
    pub(super) fn new(key: Item) -> Self {
        Self(key).number("schemaVersion", SCHEMA_VERSION.into())
    }

    pub(super) fn text(mut self, name: &str, text: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::S(text.into()));
        self
    }

    pub(super) fn text_if<T: ToString>(self, name: &str, text: Option<&T>) -> Self {
        match text {
            Some(text) => self.text(name, text.to_string()),
            None => self,
        }
    }

    pub(super) fn number(mut self, name: &str, number: i128) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::N(number.to_string()));
        self
    }

    pub(super) fn flag(mut self, name: &str, flag: bool) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::Bool(flag));
        self
    }

    pub(super) fn instant(self, name: &str, at: Instant) -> Self {
        self.text(name, seconds::text(at))
    }

    pub(super) fn date(self, name: &str, date: NaiveDate) -> Self {
        self.text(name, date.to_string())
    }

    /// A set of texts; an empty one is absent, because DynamoDB has none.
    pub(super) fn set(mut self, name: &str, texts: &BTreeSet<String>) -> Self {
        if !texts.is_empty() {
            self.0.insert(name.to_owned(), AttributeValue::Ss(texts.iter().cloned().collect()));
        }
        self
    }

    /// Whatever serde makes of a value: a word, a list, a map.
    pub(super) fn value<T: Serialize>(mut self, name: &str, value: &T) -> Result<Self, StoreError> {
        let value = serde_dynamo::to_attribute_value(value)
            .map_err(|error| StoreError::Other(format!("attribute {name}: {error}")))?;
        self.0.insert(name.to_owned(), value);
        Ok(self)
    }

    pub(super) fn value_if<T: Serialize>(self, name: &str, value: Option<&T>) -> Result<Self, StoreError> {
        match value {
            Some(value) => self.value(name, value),
            None => Ok(self),
        }
    }

    /// Every field of a value as an attribute of its own, those without a value left out.
    pub(super) fn fields<T: Serialize>(mut self, value: &T) -> Result<Self, StoreError> {
        let fields: Item =
            serde_dynamo::to_item(value).map_err(|error| StoreError::Other(error.to_string()))?;
        self.0.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
        Ok(self)
    }

    pub(super) fn item(self) -> Item {
        self.0
    }
}
