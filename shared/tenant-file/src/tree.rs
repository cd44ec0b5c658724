//! The file as a tree in which every node knows its path and its line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::problem::{FileProblem, FileProblems};

/// A value of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// As in `locations[0].time_zone`; empty for the whole file.
    pub(crate) path: String,
    /// Line of its key, or where it starts if it has none.
    pub(crate) line: u64,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(String, Node)>),
}

/// Deeper nesting is refused: a tenant file has four levels.
const MAX_DEPTH: usize = 16;

/// Reads a text.
pub(crate) fn read(text: &str) -> Result<Node, FileProblems> {
    // `on`, `off`, `yes` and `no` stay words: what they mean is the type's business.
    let options = serde_saphyr::options! { strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
    };
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |at| at.line());
        let text = match error.without_snippet() {
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("the key `{key}` stands twice, expected it once")
            }
            serde_saphyr::Error::MultipleDocuments { .. } => "expected one YAML document, found more".into(),
            other => format!("expected YAML: {other}"),
        };
        FileProblems::new(vec![FileProblem { line, key: String::new(), text }])
    })?;
    Ok(raw.value.placed(String::new(), raw.referenced.line()))
}

/// Whether a path is `whole` or leads below it.
pub(crate) fn is_within(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl Node {
    /// The path in the file of what stands at a place now, after parts of lists may have been taken out.
    pub(crate) fn path_at(&self, place: &str) -> Option<String> {
        self.path_below("", place)
    }

    fn path_below(&self, here: &str, place: &str) -> Option<String> {
        if here == place {
            return Some(self.path.clone());
        }
        match &self.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .find_map(|(at, item)| item.path_below(&format!("{here}[{at}]"), place)),
            Value::Map(entries) => entries.iter().find_map(|(key, item)| {
                let below = if here.is_empty() { key.clone() } else { format!("{here}.{key}") };
                item.path_below(&below, place)
            }),
            _ => None,
        }
    }

    /// The line of a path; of its nearest parent that the file has if it does not have it.
    pub(crate) fn line_of(&self, path: &str) -> u64 {
        match self.child_towards(path) {
            Some(child) => child.line_of(path),
            None => self.line,
        }
    }

    fn child_towards(&self, path: &str) -> Option<&Node> {
        let leads = |child: &&Node| is_within(path, &child.path);
        match &self.value {
            Value::List(items) => items.iter().find(leads),
            Value::Map(entries) => entries.iter().map(|(_, node)| node).find(leads),
            _ => None,
        }
    }

    /// Path of one of its keys.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// A node before it knows where it stands.
enum Raw {
    Leaf(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl Raw {
    fn placed(self, path: String, line: u64) -> Node {
        let value = match self {
            Self::Leaf(value) => value,
            Self::List(items) => Value::List(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(at, item)| item.value.placed(format!("{path}[{at}]"), item.referenced.line()))
                    .collect(),
            ),
            Self::Map(entries) => {
                let place = |(key, item): (Spanned<String>, Spanned<Raw>)| {
                    let path =
                        if path.is_empty() { key.value.clone() } else { format!("{path}.{}", key.value) };
                    (key.value, item.value.placed(path, key.referenced.line()))
                };
                Value::Map(entries.into_iter().map(place).collect())
            }
        };
        Node { path, line, value }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Raw, D::Error> {
        Raw::deserialize(from)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Signed(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Unsigned(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = from.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
