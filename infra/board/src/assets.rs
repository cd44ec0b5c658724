//! The page: one document without external resources, put together once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../page/board.css");
const SCRIPT: &str = include_str!("../page/board.js");

/// The document.
pub(crate) fn page() -> String {
    include_str!("../page/board.html").replace("{{style}}", STYLE).replace("{{script}}", SCRIPT)
}

/// The policy under which it runs: its own style and script, its own server, nothing else.
pub(crate) fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_complete_and_alone() {
        let page = page();
        assert!(page.contains(STYLE) && page.contains(SCRIPT) && !page.contains("{{"));
        for foreign in [
            "http://",
            "https://",
            "//cdn",
            "@import",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
        ] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }
}
