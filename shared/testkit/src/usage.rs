use std::collections::BTreeMap;

/// Kinds of calls to DynamoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// One item.
    GetItem,
    /// Up to 100 items by their keys.
    BatchGetItem,
    /// One page of a range.
    Query,
    /// One page of a table.
    Scan,
    /// Up to 100 items, all or nothing.
    TransactWriteItems,
}

/// What was asked of the tables, and what DynamoDB charges for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls by kind; refused ones too.
    pub calls: BTreeMap<Call, u64>,
    /// Halves of read request units: a strongly consistent read costs two for each 4 KB that are begun, another read one.
    pub half_read_units: u64,
    /// Write request units: two for each KB that is begun of an item in a transaction, and what the index `byStart` costs.
    pub write_units: u64,
}

impl Usage {
    /// All calls.
    #[must_use]
    pub fn total_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Calls of one kind.
    #[must_use]
    pub fn count(&self, call: Call) -> u64 {
        self.calls.get(&call).copied().unwrap_or(0)
    }

    pub(crate) fn call(&mut self, call: Call) {
        *self.calls.entry(call).or_default() += 1;
    }

    /// A read of so many bytes. What is not there is charged like the smallest item.
    pub(crate) fn read(&mut self, bytes: usize, consistent: bool) {
        let units = bytes.div_ceil(4096).max(1) as u64;
        self.half_read_units += units * if consistent { 2 } else { 1 };
    }

    /// The write of an item in a transaction, and of so many index entries for it, which are charged outside of the transaction.
    pub(crate) fn write(&mut self, bytes: usize, index_entries: u64) {
        let units = bytes.div_ceil(1024).max(1) as u64;
        self.write_units += units * (2 + index_entries);
    }
}
