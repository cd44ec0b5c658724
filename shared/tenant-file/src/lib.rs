//! Reads tenant files: YAML in, a [`TenantConfig`] that can be used out, or every problem with its key, line and expectation.
//!
//! Serde stops at the first error. To find them all, the file is read into a tree of its own (`tree.rs`); when the tree does not
//! fit the type, the problem is noted, the wrong part is taken out (a missing one filled in) and the rest is tried again. What
//! fits the type is then held against [`TenantConfig::problems`].

mod expect;
mod fit;
mod problem;
mod repair;
mod tree;

use std::path::Path;

use roomsync_domain::tenant::TenantConfig;

use repair::Mended;
use tree::is_within;

pub use problem::{FileProblem, FileProblems};

/// Larger files are refused unread: a tenant file with every room named stays far below.
const MAX_BYTES: usize = 1024 * 1024;

/// Reads a tenant file.
///
/// # Errors
/// The file cannot be read, or [`parse`] refuses its text; either way the error names the file.
pub fn read(path: &Path) -> Result<TenantConfig, FileProblems> {
    let named = |problems: FileProblems| problems.of(path.display().to_string());
    let text = std::fs::read_to_string(path)
        .map_err(|error| named(FileProblems::whole(format!("cannot be read: {error}"))))?;
    parse(&text).map_err(named)
}

/// Reads the text of a tenant file.
///
/// # Errors
/// Every problem that can be told apart, in the order of lines: unknown, missing and repeated keys, wrong types, impossible
/// combinations, unknown zones. A text that is no YAML has one problem.
pub fn parse(text: &str) -> Result<TenantConfig, FileProblems> {
    if text.len() > MAX_BYTES {
        return Err(FileProblems::whole(format!("expected at most {MAX_BYTES} bytes, found {}", text.len())));
    }
    let tree = tree::read(text)?;
    let Mended { tree: mended, config, mut problems } = repair::fit(&tree);
    for problem in config.iter().flat_map(TenantConfig::problems) {
        let key = mended.path_at(&problem.key).unwrap_or(problem.key);
        // What was taken out or filled in says nothing about the file.
        let doubtful =
            problems.iter().any(|known| is_within(&known.key, &key) || is_within(&key, &known.key));
        if !doubtful {
            problems.push(FileProblem { line: tree.line_of(&key), key, text: problem.expected });
        }
    }
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(FileProblems::new(problems)),
    }
}
