//! What the fuzz targets in `tests/` share: real texts that get damaged, and a Graph that answers with them.
//!
//! Noise alone is refused by the first byte, so every target starts from what Graph or an operator really writes and changes it in a few
//! places: bytes go, come, turn or move, and words that mean something to a parser are put in.

mod damage;
mod graph;

pub use damage::{Edit, damaged};
pub use graph::{Answer, Site, is_home, login_is_home};

/// The room whose mailbox is asked.
pub const ROOM: &str = "3f0c1d52-7a1b-4a59-9d0e-0c5c1b8f6a01";
/// Its tenant.
pub const TENANT: &str = "84bd8158-6d4d-4958-8b9f-9d6445542f95";

/// Whether a text quotes what stands in the bodies: all canaries have two words, and no code of an error has a blank.
#[must_use]
pub fn quotes(text: &str) -> bool {
    let text = text.to_lowercase();
    ["canary subject", "canary body", "canary message", "canary organizer", "canary description"]
        .iter()
        .any(|canary| text.contains(canary))
}
