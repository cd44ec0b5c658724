//! Event ids: long, case-sensitive, base64 with `-` and `_`, tied to their mailbox. Immutable ids stay for life;
//! ordinary ids name the folder too, so that they die when an item goes to Deleted Items (page outlook-immutable-id).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use chrono::{Datelike, NaiveDate};
use sha2::{Digest, Sha256};

/// Which kind of id a request asks for with `Prefer: IdType=...`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IdFormat {
    #[default]
    Ordinary,
    Immutable,
}

/// Where an item lies, as far as ordinary ids tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Folder {
    Calendar,
    DeletedItems,
}

/// What an id says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId {
    /// The item.
    pub key: u64,
    /// The occurrence: generation of the series and original date.
    pub occurrence: Option<(u16, NaiveDate)>,
    /// The kind of id it was.
    pub format: IdFormat,
    /// The folder an ordinary id was made for.
    pub folder: Folder,
}

/// Sixteen bytes that stand for a mailbox inside ids and tokens.
pub type Print = [u8; 16];

/// The print of a mailbox.
pub fn print_of(tenant: &str, mailbox: &str) -> Print {
    let digest = Sha256::digest(format!("{tenant}/{mailbox}"));
    let mut print = [0; 16];
    print.copy_from_slice(&digest[..16]);
    print
}

const IMMUTABLE: &str = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A";
const ORDINARY: &str = "AAMkAGI1ZTk5YjA5LWZjNzgtNDZlMS1hMDk";

/// Writes an id.
pub fn encode(print: &Print, id: EventId) -> String {
    let mut bytes = [0u8; 30];
    bytes[..16].copy_from_slice(print);
    bytes[16..24].copy_from_slice(&id.key.to_be_bytes());
    if let Some((generation, date)) = id.occurrence {
        bytes[24..26].copy_from_slice(&generation.to_be_bytes());
        bytes[26..30].copy_from_slice(&date.num_days_from_ce().to_be_bytes());
    }
    if id.format == IdFormat::Ordinary && id.folder == Folder::DeletedItems {
        bytes[26] |= 0x80;
    }
    let prefix = if id.format == IdFormat::Immutable { IMMUTABLE } else { ORDINARY };
    let mut text = String::with_capacity(prefix.len() + 40);
    text.push_str(prefix);
    URL_SAFE.encode_string(bytes, &mut text);
    text
}

/// Reads an id of this mailbox; none for anything else, ids of other mailboxes included.
pub fn decode(print: &Print, text: &str) -> Option<EventId> {
    let (format, rest) = match (text.strip_prefix(IMMUTABLE), text.strip_prefix(ORDINARY)) {
        (Some(rest), _) => (IdFormat::Immutable, rest),
        (_, Some(rest)) => (IdFormat::Ordinary, rest),
        _ => return None,
    };
    let mut bytes: [u8; 30] = URL_SAFE.decode(rest).ok()?.try_into().ok()?;
    let folder = if bytes[26] & 0x80 != 0 { Folder::DeletedItems } else { Folder::Calendar };
    bytes[26] &= 0x7f;
    let key = u64::from_be_bytes(bytes[16..24].try_into().ok()?);
    let generation = u16::from_be_bytes(bytes[24..26].try_into().ok()?);
    let days = i32::from_be_bytes(bytes[26..30].try_into().ok()?);
    let occurrence =
        if days == 0 { None } else { Some((generation, NaiveDate::from_num_days_from_ce_opt(days)?)) };
    (bytes[..16] == print[..]).then_some(EventId { key, occurrence, format, folder })
}

/// `changeKey` of an item at a change.
pub fn change_key(key: u64, seq: u64) -> String {
    let mut bytes = [0u8; 15];
    bytes[..7].copy_from_slice(&key.to_be_bytes()[1..]);
    bytes[7..].copy_from_slice(&seq.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    URL_SAFE.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_only_in_its_own_mailbox() {
        let (mine, other) = (print_of("t", "a"), print_of("t", "b"));
        for format in [IdFormat::Immutable, IdFormat::Ordinary] {
            for occurrence in [None, Some((3, NaiveDate::from_ymd_opt(2026, 2, 9).unwrap()))] {
                for folder in [Folder::Calendar, Folder::DeletedItems] {
                    let folder = if format == IdFormat::Immutable { Folder::Calendar } else { folder };
                    let id = EventId { key: 42, occurrence, format, folder };
                    let text = encode(&mine, id);
                    assert_eq!(decode(&mine, &text), Some(id));
                    assert_eq!(decode(&other, &text), None);
                }
            }
        }
        assert_eq!(decode(&mine, "AAMkrubbish"), None);
    }
}
