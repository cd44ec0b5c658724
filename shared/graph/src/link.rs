//! Links are followed only to where they may lead.
//!
//! A link comes from an answer, or from the table where an earlier answer was kept; either could have been tampered with, and the
//! token goes wherever the link says. So before a token is fetched, a link must begin with the very text of the connection's Graph
//! origin and base path, and its path must be the one that was asked. Nothing is normalised and no URL parser is trusted: what is
//! not spelled as expected is refused.
//!
//! A mailbox may be spelled as we asked for it, by its Entra object id, or as Exchange spells it in `@odata.id`, object id and tenant
//! id joined by `@` (`event` page, samples), in any case, as a segment or as a key in brackets. An address is refused, for an address alone does
//! not tell whose mailbox it is.

use crate::cloud::{Endpoints, VERSION};
use http::Uri;
use percent_encoding::percent_decode_str;
use roomsync_domain::{RoomId, TenantId};

/// Where a link may lead.
#[derive(Clone, Copy)]
pub(crate) enum Goal<'a> {
    /// The calendar view of a room.
    View(&'a RoomId),
    /// A delta round over it.
    Delta(&'a RoomId),
    /// A list of places.
    Places,
    /// The list of subscriptions.
    Subscriptions,
}

/// The URI of a link, byte for byte, or our word for what is wrong with it.
pub(crate) fn check(
    link: &str,
    endpoints: &Endpoints,
    tenant: &TenantId,
    goal: Goal<'_>,
) -> Result<Uri, &'static str> {
    if !link.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#') {
        return Err("LinkUnreadable");
    }
    let rest = after_origin(link, endpoints.origin()).ok_or("LinkToAnotherHost")?;
    let path = rest.split_once('?').map_or(rest, |(path, _)| path);
    let path = path.strip_prefix(endpoints.base_path()).ok_or("LinkToAnotherPath")?;
    let path = path.strip_prefix('/').ok_or("LinkToAnotherHost")?;
    // Decoded once, segment by segment: an encoded slash or dot stays inside its segment and matches nothing.
    let segments: Vec<_> = path.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy()).collect();
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let [version, segments @ ..] = segments.as_slice() else { return Err("LinkToAnotherPath") };
    if *version != VERSION {
        return Err("LinkToAnotherPath");
    }
    match goal {
        Goal::View(room) => match within_mailbox(segments, room, tenant)? {
            [view] if view.eq_ignore_ascii_case("calendarView") => {}
            _ => return Err("LinkToAnotherPath"),
        },
        Goal::Delta(room) => match within_mailbox(segments, room, tenant)? {
            [view, function] if view.eq_ignore_ascii_case("calendarView") && is_delta(function) => {}
            _ => return Err("LinkToAnotherPath"),
        },
        Goal::Subscriptions => match segments {
            [list] if list.eq_ignore_ascii_case("subscriptions") => {}
            _ => return Err("LinkToAnotherPath"),
        },
        Goal::Places => match segments {
            [places, _, ..] if *places == "places" => {
                if segments.iter().any(|part| part.is_empty() || part.starts_with('.') || part.contains('/'))
                {
                    return Err("LinkToAnotherPath");
                }
            }
            _ => return Err("LinkToAnotherPath"),
        },
    }
    link.parse().map_err(|_| "LinkUnreadable")
}

/// What follows the origin; its default port may be written.
fn after_origin<'a>(link: &'a str, expected: &str) -> Option<&'a str> {
    let (origin, rest) = link.split_at_checked(expected.len())?;
    if !origin.eq_ignore_ascii_case(expected) {
        return None;
    }
    let default = if expected.starts_with("https:") { ":443" } else { ":80" };
    Some(rest.strip_prefix(default).unwrap_or(rest))
}

/// The segments after the room's mailbox.
fn within_mailbox<'a>(
    segments: &'a [&'a str],
    room: &RoomId,
    tenant: &TenantId,
) -> Result<&'a [&'a str], &'static str> {
    let (mailbox, rest) = match segments {
        [users, mailbox, rest @ ..] if users.eq_ignore_ascii_case("users") => (*mailbox, rest),
        [users, rest @ ..] => (key_of(users).ok_or("LinkToAnotherPath")?, rest),
        [] => return Err("LinkToAnotherPath"),
    };
    let id = match mailbox.split_once('@') {
        Some((id, home)) if home.eq_ignore_ascii_case(tenant.as_str()) => id,
        _ => mailbox,
    };
    if id.eq_ignore_ascii_case(room.as_str()) { Ok(rest) } else { Err("LinkToAnotherMailbox") }
}

/// The key of `users('key')`.
fn key_of(segment: &str) -> Option<&str> {
    let (users, key) = segment.split_once("('")?;
    key.strip_suffix("')").filter(|_| users.eq_ignore_ascii_case("users"))
}

fn is_delta(function: &str) -> bool {
    let name = function.strip_suffix("()").unwrap_or(function);
    name.eq_ignore_ascii_case("delta") || name.eq_ignore_ascii_case("microsoft.graph.delta")
}
