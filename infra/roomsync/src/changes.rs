//! What differs between two tenant files, key by key.

use std::collections::{BTreeMap, BTreeSet};

use roomsync_domain::tenant::TenantConfig;
use serde::Serialize;
use serde_json::Value;

/// One key whose value differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Path of the key, as in `locations[0].writes`.
    pub key: String,
    /// The value before; nothing if the key had none.
    pub old: Option<Value>,
    /// The value now; nothing if the key has none any more.
    pub new: Option<Value>,
}

/// Every key that differs, in the order of their names. A list of plain values counts as one value, an empty one as none.
#[must_use]
pub fn between(old: Option<&TenantConfig>, new: &TenantConfig) -> Vec<Change> {
    let before = old.map(leaves).unwrap_or_default();
    let after = leaves(new);
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .map(|key| Change { key: key.clone(), old: before.get(key).cloned(), new: after.get(key).cloned() })
        .filter(|change| change.old != change.new)
        .collect()
}

fn leaves(config: &TenantConfig) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    // A configuration came out of a file and goes into the store as JSON: it has such a form.
    collect(serde_json::to_value(config).unwrap_or_default(), String::new(), &mut found);
    found
}

fn collect(value: Value, path: String, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                collect(value, path, found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (at, item) in items.into_iter().enumerate() {
                collect(item, format!("{path}[{at}]"), found);
            }
        }
        plain => {
            found.insert(path, plain);
        }
    }
}
