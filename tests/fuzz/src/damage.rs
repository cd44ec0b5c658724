//! A few changes of a text.

/// One change: what, where, how much or which word, and a byte.
pub type Edit = (u8, u16, u16, u8);

/// Changes that are made of those that were thrown: more of them only make noise.
const MOST: usize = 4;

/// Words that mean something to the readers of JSON, links and YAML.
const WORDS: &[&str] = &[
    "null",
    "true",
    "1e999",
    "-1",
    "{}",
    "[]",
    "\"\"",
    ",",
    ":",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\u{202e}",
    "\u{e9}",
    "@",
    "\\",
    "/",
    "//",
    "..",
    "/../",
    "%2f",
    "%2e%2e",
    "%00",
    "#",
    "?",
    ":443",
    ":8443",
    "users",
    "users('",
    "')",
    "@evil.example",
    ".evil.example",
    "evil.example/",
    "http://",
    "https://",
    "v1.0/",
    "beta/",
    "me/",
    "calendarView",
    "delta()",
    "$deltatoken=",
    "\"id\":",
    "\"value\":[",
    "\"error\":{\"code\":\"x\"},",
    "\"@removed\":{},",
    "\"@odata.nextLink\":\"x\",",
    "\"clientState\":",
    "\"tenantId\":null,",
    "\"lifecycleEvent\":\"missed\",",
    "\"sensitivity\":\"private\",",
    "\"sensitivity\":\"normal\",",
    "\"type\":\"seriesMaster\",",
    "singleInstance",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999",
    "tzone://Microsoft/Utc",
    "Z",
    "+14:00",
    "\n",
    "\t",
    "- ",
    ": ",
    "&a ",
    "*a",
    "!!binary ",
    "|\n",
    ">-\n",
    "'",
    "---\n",
    "~",
    "0x10",
    ".inf",
    "<<: ",
    "all",
    "off",
    "null",
    "{lists: [a@b.example]}",
    "00000000-0000-0000-0000-000000000000",
    "b2c0de11-7a1b-4a59-9d0e-0c5c1b8f6a02",
];

/// A text with a few changes.
#[must_use]
pub fn damaged(text: impl AsRef<[u8]>, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = text.as_ref().to_vec();
    for (what, place, size, byte) in edits.iter().take(MOST) {
        let at = scaled(*place, bytes.len());
        let small = usize::from(*size % 24);
        match what % 8 {
            0 => drop(bytes.drain(at..(at + small).min(bytes.len()))),
            1 => bytes.insert(at, *byte),
            2 => bytes.iter_mut().skip(at).take(1).for_each(|old| *old ^= *byte | 1),
            3 => {
                let part: Vec<u8> = bytes.iter().skip(at).take(usize::from(*size % 200)).copied().collect();
                let to = scaled(u16::from(*byte) << 8, bytes.len());
                bytes.splice(to..to, part);
            }
            4 if byte % 4 == 0 => bytes.truncate(at),
            _ => {
                let word = WORDS[usize::from(*size) % WORDS.len()];
                bytes.splice(at..at, word.bytes());
            }
        }
    }
    bytes
}

/// A place between the beginning and the end.
fn scaled(place: u16, length: usize) -> usize {
    (usize::from(place) * (length + 1)) >> 16
}
