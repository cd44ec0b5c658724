//! Finds every misfit of a tree by mending one after the other.

use roomsync_domain::tenant::TenantConfig;
use serde::Deserialize;

use crate::expect::{expectation, filler};
use crate::fit::{Misfit, Why};
use crate::problem::FileProblem;
use crate::tree::{Node, Value, is_within};

/// Further problems of one file are not worth the time: whoever meets so many has the wrong file.
const MAX_PROBLEMS: usize = 100;

/// What a tree says, as far as it fits, and where it does not.
pub(crate) struct Mended {
    /// The tree without what was wrong, with what had to be filled in. Every node kept its path.
    pub(crate) tree: Node,
    /// What it says; if nothing, there is at least one problem.
    pub(crate) config: Option<TenantConfig>,
    /// Where the file does not fit.
    pub(crate) problems: Vec<FileProblem>,
}

/// Mends a tree until it fits.
pub(crate) fn fit(tree: &Node) -> Mended {
    let mut mended = tree.clone();
    let mut problems = Vec::new();
    while problems.len() < MAX_PROBLEMS {
        let misfit = match TenantConfig::deserialize(&mended) {
            Ok(config) => return Mended { tree: mended, config: Some(config), problems },
            Err(misfit) => misfit,
        };
        let path = misfit.path.clone().unwrap_or_default();
        problems.extend(problem(tree, &path, &misfit, &problems));
        let again = match misfit.why {
            Why::Missing(key) => fill(&mut mended, &path, key) || remove(&mut mended, &path),
            _ => remove(&mut mended, &path),
        };
        if !again {
            break;
        }
    }
    Mended { tree: mended, config: None, problems }
}

/// The problem that a misfit shows, if the part is in the file and not known yet.
fn problem(tree: &Node, path: &str, misfit: &Misfit, known: &[FileProblem]) -> Option<FileProblem> {
    let key = match misfit.why {
        Why::Missing(key) if path.is_empty() => key.to_owned(),
        Why::Missing(key) => format!("{path}.{key}"),
        _ => path.to_owned(),
    };
    // A wrong value of a required key is taken out and then missed, there or above: that was our doing.
    if known.iter().any(|problem| is_within(&problem.key, &key)) {
        return None;
    }
    let found = find(tree, path).map_or_else(String::new, |node| shown(&node.value));
    let text = match &misfit.why {
        Why::Unknown(expected) => format!("is no key here, expected {}", one_of(expected)),
        Why::Missing(_) => match expectation(&key) {
            Some(expected) => format!("is missing, expected {expected}"),
            None => "is missing".to_owned(),
        },
        Why::NoneOf(words) => {
            let expected = expectation(&key).map_or_else(|| one_of(words), str::to_owned);
            format!("expected {expected}, found {found}")
        }
        Why::Wrong(expected) => {
            let expected = expectation(&key).unwrap_or_else(|| expected.trim_start_matches("expected "));
            format!("expected {expected}, found {found}")
        }
    };
    Some(FileProblem { line: tree.line_of(&key), key, text })
}

fn one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "none".to_owned(),
        [word] => word.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A value as a sentence can show it.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Signed(value) => format!("the number {value}"),
        Value::Unsigned(value) => format!("the number {value}"),
        Value::Float(value) => format!("the number {value}"),
        Value::Text(text) if text.chars().count() > LONGEST => {
            format!("`{}…`", text.chars().take(LONGEST).collect::<String>())
        }
        Value::Text(text) => format!("`{text}`"),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map of keys".to_owned(),
    }
}

fn find<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    if node.path == path {
        return Some(node);
    }
    match &node.value {
        Value::List(items) => items.iter().find_map(|item| find(item, path)),
        Value::Map(entries) => entries.iter().find_map(|(_, item)| find(item, path)),
        _ => None,
    }
}

/// Puts what stands for a missing key into the map at a path; false if there is nothing that could.
fn fill(node: &mut Node, path: &str, key: &str) -> bool {
    if node.path != path {
        return match &mut node.value {
            Value::List(items) => items.iter_mut().any(|item| fill(item, path, key)),
            Value::Map(entries) => entries.iter_mut().any(|(_, item)| fill(item, path, key)),
            _ => false,
        };
    }
    let filled = node.path_of(key);
    let (Some(value), Value::Map(entries)) = (filler(&filled), &mut node.value) else { return false };
    entries.push((key.to_owned(), Node { path: filled, line: node.line, value }));
    true
}

/// Takes the node at a path out of its parent; false if there is no such node or it is the whole file.
fn remove(node: &mut Node, path: &str) -> bool {
    match &mut node.value {
        Value::List(items) => match items.iter().position(|item| item.path == path) {
            Some(at) => {
                items.remove(at);
                true
            }
            None => items.iter_mut().any(|item| remove(item, path)),
        },
        Value::Map(entries) => match entries.iter().position(|(_, item)| item.path == path) {
            Some(at) => {
                entries.remove(at);
                true
            }
            None => entries.iter_mut().any(|(_, item)| remove(item, path)),
        },
        _ => false,
    }
}
