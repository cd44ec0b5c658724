//! The text of an error.

use std::error::Error;

/// The messages of an error and of what caused it. The SDK's own `DisplayErrorContext` also quotes the whole answer, which may hold a
/// secret or somebody's calendar.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
