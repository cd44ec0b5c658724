//! JSON objects that are written as they are put together: a page of events costs no tree of values.

use serde::Serialize;

/// The text of an object, without its last brace.
#[derive(Clone, Debug)]
pub(crate) struct Object(Vec<u8>);

impl Object {
    pub(crate) fn new() -> Object {
        Object(b"{".to_vec())
    }

    /// Adds a property, which must not be there yet.
    pub(crate) fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        let began = self.0.len();
        // Only a map with keys that are no text cannot be written; nothing of Graph is one.
        if serde_json::to_writer(&mut self.0, value).is_err() {
            self.0.truncate(began);
            self.0.extend(b"null");
        }
    }

    /// Adds a list of objects.
    pub(crate) fn put_rows<'a>(&mut self, name: &str, rows: impl IntoIterator<Item = &'a Object>) {
        self.name(name);
        self.0.push(b'[');
        for (number, row) in rows.into_iter().enumerate() {
            if number > 0 {
                self.0.push(b',');
            }
            self.0.extend(&row.0);
            self.0.push(b'}');
        }
        self.0.push(b']');
    }

    /// The whole text.
    pub(crate) fn text(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend(name.as_bytes());
        self.0.extend(b"\":");
    }
}
