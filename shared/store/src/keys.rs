//! Keys of the four tables, and the texts by which their items sort.

use crate::items::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DurationRound, TimeDelta};
use roomsync_domain::ids::derived;
use roomsync_domain::plan::Link;
use roomsync_domain::time::seconds;
use roomsync_domain::{BookingId, Instant, RoomId, RoomRef, TenantId};

/// Local secondary index of `Bookings`: `roomKey`, `startUtc`.
pub const BY_START: &str = "byStart";

/// Sort key of a room's cursor in `SyncState`.
pub(crate) const CURSOR: &str = "cursor";

/// Sort key of what is remembered of a tenant's directory in `SyncState`.
pub(crate) const DIRECTORY: &str = "directory";

fn key(pairs: [(&str, &str); 2]) -> Item {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))).collect()
}

pub(crate) fn tenant(id: &TenantId) -> Item {
    Item::from([("tenantId".to_owned(), AttributeValue::S(id.to_string()))])
}

pub(crate) fn room(tenant: &TenantId, room: &RoomId) -> Item {
    key([("tenantId", tenant.as_str()), ("roomId", room.as_str())])
}

pub(crate) fn booking(room: &RoomRef, id: &BookingId) -> Item {
    key([("roomKey", &room.key()), ("bookingId", id.as_str())])
}

pub(crate) fn cursor(room: &RoomRef) -> Item {
    key([("pk", &room.key()), ("sk", CURSOR)])
}

/// Which booking an entry has that is not found by its derived id. Ids are case-sensitive and go in as they are.
pub(crate) fn link(room: &RoomRef, link: Link<'_>) -> Item {
    let name = match link {
        Link::Event(id) => format!("event#{id}"),
        Link::Meeting(id) => format!("meeting#{id}"),
    };
    key([("pk", &room.key()), ("sk", &name)])
}

/// How far the writing of a booking is. Not in a room's partition: a command need not name the room, and the booking may change it.
pub(crate) fn writing(tenant: &TenantId, id: &BookingId) -> Item {
    key([("pk", &format!("{tenant}/{id}")), ("sk", WRITING)])
}

/// Sort key of such an item.
pub(crate) const WRITING: &str = "writing";

/// A command under way, in the room's partition so that its poller finds all of them at once.
pub(crate) fn claim(room: &RoomRef, id: &BookingId) -> Item {
    key([("pk", &room.key()), ("sk", &format!("{CLAIM}{id}"))])
}

/// What the sort keys of claims begin with.
pub(crate) const CLAIM: &str = "claim#";

/// A writing that is not settled.
pub(crate) fn unsettled(tenant: &TenantId, id: &BookingId) -> Item {
    key([("pk", UNSETTLED), ("sk", &format!("{tenant}/{id}"))])
}

/// Partition of all writings that are not settled: few, because nearly all are settled within a minute or two.
pub(crate) const UNSETTLED: &str = "unsettled";

/// A mailbox that wants no calls for a while; its address is in no key.
pub(crate) fn closed(tenant: &TenantId, mailbox: &str) -> Item {
    let mailbox = derived(&["mailbox", tenant.as_str(), &mailbox.to_lowercase()]);
    key([("pk", tenant.as_str()), ("sk", &format!("closed#{mailbox}"))])
}

pub(crate) fn directory(tenant: &TenantId) -> Item {
    key([("pk", tenant.as_str()), ("sk", DIRECTORY)])
}

/// First and last `startUtc` inside `[from, to)`, or nothing if no whole second is. `startUtc` has whole seconds and a year of four
/// digits, so that texts sort as instants do.
pub(crate) fn starts(from: Option<Instant>, to: Instant) -> Option<(String, String)> {
    let first = from.map_or(MIN.to_owned(), |from| sortable(whole(from)));
    let last = sortable(whole(to) - TimeDelta::seconds(1));
    (first <= last).then_some((first, last))
}

const MIN: &str = "0000-01-01T00:00:00Z";
const MAX: &str = "9999-12-31T23:59:59Z";

/// The first whole second at or after an instant.
fn whole(at: Instant) -> Instant {
    at.duration_trunc(TimeDelta::seconds(1))
        .map_or(at, |second| if second < at { second + TimeDelta::seconds(1) } else { second })
}

fn sortable(at: Instant) -> String {
    match at.format("%Y").to_string().as_bytes() {
        [b'-', ..] => MIN.to_owned(),
        [b'+', ..] => MAX.to_owned(),
        _ => seconds::text(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> Option<(String, String)> {
        starts(seconds::parse(from), seconds::parse(to).unwrap())
    }

    #[test]
    fn a_range_is_half_open_in_whole_seconds() {
        let text = |first: &str, last: &str| Some((first.to_owned(), last.to_owned()));
        assert_eq!(
            range("2026-02-09T09:00:00Z", "2026-02-09T10:00:00Z"),
            text("2026-02-09T09:00:00Z", "2026-02-09T09:59:59Z")
        );
        assert_eq!(
            range("2026-02-09T09:00:00.2Z", "2026-02-09T10:00:00.2Z"),
            text("2026-02-09T09:00:01Z", "2026-02-09T10:00:00Z")
        );
        assert_eq!(range("2026-02-09T09:00:00Z", "2026-02-09T09:00:00Z"), None);
        assert_eq!(range("2026-02-09T10:00:00Z", "2026-02-09T09:00:00Z"), None);
    }

    #[test]
    fn years_beyond_four_digits_are_the_ends_of_time() {
        assert_eq!(
            starts(Some(Instant::MIN_UTC + TimeDelta::days(1)), Instant::MAX_UTC - TimeDelta::days(1)),
            Some((MIN.to_owned(), MAX.to_owned()))
        );
    }
}
