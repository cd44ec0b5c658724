//! What a refused call leaves in the cursor.

use roomsync_domain::cursor::{Cursor, Trouble, TroubleKind};
use roomsync_domain::time::seconds;
use roomsync_domain::{Instant, RoomRef, due};
use roomsync_ports::GraphError;

/// Failures in a row after which a room is read whole rather than by delta.
const PATIENCE_WITH_DELTA: u32 = 2;
/// Eight parts at most: 23 days of half a year.
const MOST_HALVINGS: u32 = 3;

/// The cursor after a call that was refused just `now`; nothing if it already says so.
///
/// Refusals that a person has to lift are tried again with every hint, because one call is cheap and people wait; those that pass by
/// themselves are tried again after a while, throttling never before Graph allows.
#[must_use]
pub fn note(room: &RoomRef, cursor: &Cursor, error: &GraphError, now: Instant) -> Option<Cursor> {
    let kind = error.trouble();
    let failures = cursor.failures.saturating_add(1);
    let not_before = match kind {
        TroubleKind::NoAccess | TroubleKind::NoMailbox | TroubleKind::Credential | TroubleKind::Guarded => {
            None
        }
        TroubleKind::Throttled | TroubleKind::Unreachable | TroubleKind::Contract => {
            let pause = error.retry_after().unwrap_or_else(|| due::back_off(room, failures));
            Some(seconds::not_before(now + pause))
        }
    };
    let known = cursor.trouble.as_ref().is_some_and(|trouble| trouble.kind == kind);
    if known && not_before.is_none() && cursor.not_before.is_none() {
        return None;
    }
    let failures = if not_before.is_some() { failures } else { cursor.failures };
    let next = Cursor { not_before, failures, ..cursor.clone() };
    Some(set(next, kind, error.to_string(), now))
}

/// Sets trouble, keeping its beginning if it is the same.
#[must_use]
pub fn set(cursor: Cursor, kind: TroubleKind, detail: String, now: Instant) -> Cursor {
    let trouble = Some(Trouble::new(kind, detail, cursor.trouble.as_ref(), now));
    Cursor { trouble, ..cursor }
}

/// The cursor without trouble.
#[must_use]
pub fn cleared(cursor: &Cursor) -> Cursor {
    Cursor { trouble: None, failures: 0, not_before: None, ..cursor.clone() }
}

/// Whether this look does without delta, though that has not rested: after repeated failures every other one. A call that is refused with a
/// pause closes the mailbox for the reading that would go well.
#[must_use]
pub fn is_without_delta(cursor: &Cursor) -> bool {
    let is_unreachable = cursor.trouble.as_ref().is_some_and(|known| known.kind == TroubleKind::Unreachable);
    is_unreachable && cursor.failures > PATIENCE_WITH_DELTA && cursor.failures % 2 == 1
}

/// How often a wide range is cut in two before it is read: Graph may answer 503 or 504 for a window that is too wide, again and again.
#[must_use]
pub fn halvings(failures: u32) -> u32 {
    (failures / 2).min(MOST_HALVINGS)
}

/// Whether the room should be read whole although delta failed: it failed before, and not for a reason that would stop reading too.
#[must_use]
pub fn delta_is_hopeless(error: &GraphError, failures: u32) -> bool {
    let delta_only = matches!(
        error,
        GraphError::CursorExpired(_)
            | GraphError::Contract(_)
            | GraphError::TooWide(_)
            | GraphError::Transient(_)
    );
    delta_only && failures >= PATIENCE_WITH_DELTA
}

#[cfg(test)]
mod tests {
    use super::*;
    use roomsync_domain::{RoomId, TenantId};
    use roomsync_ports::Trace;
    use std::time::Duration;

    #[test]
    fn a_throttled_room_is_never_asked_early_by_a_fraction_of_a_second() {
        let tenant = TenantId::parse("84bd8158-6d4d-4958-8b9f-9d6445542f95").unwrap();
        let room = RoomRef::new(tenant, RoomId::new("room"));
        let trace = Trace { status: Some(429), code: "TooManyRequests".into(), request_id: "r".into() };
        let throttled = GraphError::Throttled { retry_after: Some(Duration::from_millis(2_128)), trace };
        let now = seconds::parse("2026-02-09T12:00:00.900Z").unwrap();
        let next = note(&room, &Cursor::blank(), &throttled, now).unwrap();
        assert_eq!(next.not_before, seconds::parse("2026-02-09T12:00:04Z"));
    }
}
