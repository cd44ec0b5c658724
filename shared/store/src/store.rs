use crate::errors;
use crate::items::Item;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use roomsync_domain::ids::derived;
use roomsync_ports::StoreError;
use std::collections::BTreeMap;

/// Names of the tables. A function whose role may not touch a table still has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableNames {
    /// `Tenants`.
    pub tenants: String,
    /// `Rooms`.
    pub rooms: String,
    /// `Bookings`.
    pub bookings: String,
    /// `SyncState`.
    pub sync_state: String,
}

/// The store ports over DynamoDB. Clones share their connections.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    pub(crate) client: Client,
    pub(crate) tables: TableNames,
}

impl DynamoStore {
    /// A store over these tables.
    #[must_use]
    pub fn new(client: Client, tables: TableNames) -> Self {
        Self { client, tables }
    }

    /// One item, as it is now if `now`, else as it was a little ago at half the price.
    pub(crate) async fn get(
        &self,
        table: &str,
        key: Item,
        now: bool,
        what: &str,
    ) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(table)
            .set_key(Some(key))
            .consistent_read(now)
            .send()
            .await
            .map_err(|error| errors::of(what, &error))?;
        Ok(answer.item)
    }

    /// Writes all of it or nothing.
    pub(crate) async fn transact(&self, puts: Vec<Write>) -> Result<(), StoreError> {
        let parts: Vec<String> = puts.iter().map(|put| put.what.clone()).collect();
        let token = token(&puts);
        let items = puts.into_iter().map(Write::into_sdk).collect::<Result<Vec<_>, _>>()?;
        self.client
            .transact_write_items()
            .client_request_token(token)
            .set_transact_items(Some(items))
            .send()
            .await
            .map_err(|error| errors::of_transaction(&parts, &error))?;
        Ok(())
    }
}

/// One item of a transaction.
pub(crate) struct Write {
    what: String,
    table: String,
    item: Item,
    must: Must,
}

/// What must be stored for an item to be written over it.
#[derive(Debug)]
enum Must {
    /// Anything or nothing.
    Whatever,
    /// No item.
    BeNew,
    /// An item of this version.
    BeVersion(u64),
    /// No item, or one whose `until` is earlier.
    BeEarlier,
    /// Anything or nothing, and then nothing: `item` is only its key.
    BeGone,
}

impl Write {
    /// A new version over the one that must be stored, 0 for none. `what` names it in errors.
    pub(crate) fn over(version: u64, table: &str, item: Item, what: String) -> Self {
        let must = if version == 0 { Must::BeNew } else { Must::BeVersion(version) };
        Self { what, table: table.to_owned(), item, must }
    }

    /// An item that replaces whatever is there.
    pub(crate) fn replace(table: &str, item: Item, what: String) -> Self {
        Self { what, table: table.to_owned(), item, must: Must::Whatever }
    }

    /// An item that replaces one whose `until` is earlier than its own.
    pub(crate) fn later(table: &str, item: Item, what: String) -> Self {
        Self { what, table: table.to_owned(), item, must: Must::BeEarlier }
    }

    /// Takes away whatever has this key.
    pub(crate) fn delete(table: &str, key: Item, what: String) -> Self {
        Self { what, table: table.to_owned(), item: key, must: Must::BeGone }
    }

    fn into_sdk(self) -> Result<TransactWriteItem, StoreError> {
        if matches!(self.must, Must::BeGone) {
            let delete = Delete::builder().table_name(self.table).set_key(Some(self.item)).build();
            let delete = delete.map_err(|error| StoreError::Other(error.to_string()))?;
            return Ok(TransactWriteItem::builder().delete(delete).build());
        }
        let until = self.item.get("until").cloned();
        let put = Put::builder().table_name(self.table).set_item(Some(self.item));
        // Every versioned item has a version, so its absence is the absence of the item.
        let put = match self.must {
            Must::Whatever | Must::BeGone => put,
            Must::BeNew => put
                .condition_expression("attribute_not_exists(#version)")
                .expression_attribute_names("#version", "version"),
            Must::BeVersion(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", AttributeValue::N(version.to_string())),
            Must::BeEarlier => put
                .condition_expression("attribute_not_exists(#until) OR #until < :until")
                .expression_attribute_names("#until", "until")
                .set_expression_attribute_values(until.map(|until| [(":until".to_owned(), until)].into())),
        };
        let put = put.build().map_err(|error| StoreError::Other(error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// The same token for the same payload, in any process.
fn token(puts: &[Write]) -> String {
    let parts: Vec<String> =
        puts.iter().map(|put| format!("{} {:?} {}", put.table, put.must, canonical(&put.item))).collect();
    let mut parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    parts.insert(0, "transaction");
    derived(&parts).to_string()
}

/// A text of an item that does not depend on the order of its maps.
fn canonical(item: &Item) -> String {
    fn text(value: &AttributeValue) -> String {
        match value {
            AttributeValue::M(map) => canonical(map),
            AttributeValue::L(list) => format!("{:?}", list.iter().map(text).collect::<Vec<_>>()),
            plain => format!("{plain:?}"),
        }
    }
    let sorted: BTreeMap<&String, String> = item.iter().map(|(name, value)| (name, text(value))).collect();
    format!("{sorted:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items;
    use roomsync_domain::cursor::DeltaLink;
    use roomsync_testkit::{cursor, room_ref};

    fn token_of(link: &str, version: u64) -> String {
        let cursor = roomsync_domain::cursor::Cursor { link: Some(DeltaLink::new(link)), ..cursor() };
        let item = items::cursor(&room_ref("a"), &cursor).unwrap();
        token(&[Write::over(version, "SyncState", item, "the cursor".into())])
    }

    #[test]
    fn a_token_stands_for_every_part_of_the_payload() {
        assert_eq!(token_of("https://a", 1), token_of("https://a", 1));
        assert_ne!(token_of("https://a", 1), token_of("https://b", 1));
        assert_ne!(token_of("https://a", 1), token_of("https://a", 2));
        assert_eq!(token_of("https://a", 1).len(), 36);
    }
}
