use crate::lock;
use roomsync_ports::{Secret, SecretError, Secrets};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Secrets Manager in memory.
#[derive(Default)]
pub struct MemorySecrets {
    entries: Mutex<BTreeMap<String, Secret>>,
    reads: Mutex<u32>,
}

impl MemorySecrets {
    /// No entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an entry or gives it a new value.
    pub fn put(&self, name: &str, value: &str) {
        lock(&self.entries).insert(name.to_owned(), Secret::new(value));
    }

    /// How often entries were asked for.
    #[must_use]
    pub fn reads(&self) -> u32 {
        *lock(&self.reads)
    }
}

impl Secrets for MemorySecrets {
    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        *lock(&self.reads) += 1;
        lock(&self.entries).get(name).cloned().ok_or_else(|| SecretError::Missing(name.to_owned()))
    }
}
