//! What happened, for people (if asked for) and as a number that two equal histories share.

use std::cell::{Cell, RefCell};

/// The story of one history.
pub(crate) struct Story {
    lines: Option<RefCell<Vec<String>>>,
    print: Cell<u64>,
}

impl Story {
    pub(crate) fn new(tells: bool) -> Self {
        Self { lines: tells.then(RefCell::default), print: Cell::new(0xcbf2_9ce4_8422_2325) }
    }

    /// Adds a line, if anybody listens.
    pub(crate) fn say(&self, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            lines.borrow_mut().push(line());
        }
    }

    /// Whether anybody listens.
    pub(crate) fn tells(&self) -> bool {
        self.lines.is_some()
    }

    /// Mixes numbers into the print.
    pub(crate) fn mark(&self, numbers: &[u64]) {
        let mix =
            |print: u64, number: &u64| (print ^ number).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(7);
        self.print.set(numbers.iter().fold(self.print.get(), mix));
    }

    /// Mixes text into the print.
    pub(crate) fn mark_text(&self, text: &str) {
        let mix = |print: u64, byte: u8| (print ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        self.print.set(text.bytes().fold(self.print.get(), mix));
    }

    pub(crate) fn print(&self) -> u64 {
        self.print.get()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.as_ref().map_or_else(Vec::new, |lines| lines.borrow().clone())
    }
}
