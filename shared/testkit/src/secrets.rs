use crate::lock;
use roomsync_ports::{Secret, SecretError, Secrets};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Secrets Manager in memory.
#[derive(Default)]
pub struct MemorySecrets {
    entries: Mutex<BTreeMap<String, Entry>>,
    reads: Mutex<u32>,
}

struct Entry {
    current: Secret,
    previous: Option<Secret>,
}

impl MemorySecrets {
    /// No entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an entry or gives it a new value; the old one is then the previous one.
    pub fn put(&self, name: &str, value: &str) {
        let mut entries = lock(&self.entries);
        let previous = entries.remove(name).map(|entry| entry.current);
        entries.insert(name.to_owned(), Entry { current: Secret::new(value), previous });
    }

    /// Takes an entry away.
    pub fn remove(&self, name: &str) {
        lock(&self.entries).remove(name);
    }

    /// How often entries were asked for, current values only.
    #[must_use]
    pub fn reads(&self) -> u32 {
        *lock(&self.reads)
    }
}

impl Secrets for MemorySecrets {
    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        *lock(&self.reads) += 1;
        let entries = lock(&self.entries);
        entries
            .get(name)
            .map(|entry| entry.current.clone())
            .ok_or_else(|| SecretError::Missing(name.to_owned()))
    }

    async fn read_previous(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        Ok(lock(&self.entries).get(name).and_then(|entry| entry.previous.clone()))
    }
}
