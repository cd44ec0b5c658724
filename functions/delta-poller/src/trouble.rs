//! What a refused call leaves in the cursor.

use chrono::TimeDelta;
use roomsync_domain::cursor::{Cursor, Trouble, TroubleKind};
use roomsync_domain::time::seconds;
use roomsync_domain::{Instant, RoomRef, due};
use roomsync_ports::GraphError;

/// Failures in a row after which a room is read whole rather than by delta.
const PATIENCE_WITH_DELTA: u32 = 2;

/// Which trouble an error is.
#[must_use]
pub fn kind(error: &GraphError) -> TroubleKind {
    match error {
        GraphError::Throttled { .. } => TroubleKind::Throttled,
        GraphError::Forbidden(_) => TroubleKind::NoAccess,
        GraphError::NotFound(_) => TroubleKind::NoMailbox,
        GraphError::Unauthorized(_) | GraphError::Credential(_) => TroubleKind::Credential,
        GraphError::Contract(_) => TroubleKind::Contract,
        GraphError::CursorExpired(_)
        | GraphError::Conflict(_)
        | GraphError::TooWide(_)
        | GraphError::Transient(_) => TroubleKind::Unreachable,
    }
}

/// The cursor after a call that was refused just `now`; nothing if it already says so.
///
/// Refusals that a person has to lift are tried again with every hint, because one call is cheap and people wait; those that pass by
/// themselves are tried again after a while, throttling never before Graph allows.
#[must_use]
pub fn note(room: &RoomRef, cursor: &Cursor, error: &GraphError, now: Instant) -> Option<Cursor> {
    let kind = kind(error);
    let failures = cursor.failures.saturating_add(1);
    let wait = match error {
        GraphError::Throttled { retry_after: Some(after), .. } => TimeDelta::from_std(*after).ok(),
        _ => None,
    };
    let not_before = match kind {
        TroubleKind::NoAccess | TroubleKind::NoMailbox | TroubleKind::Credential | TroubleKind::Guarded => {
            None
        }
        TroubleKind::Throttled | TroubleKind::Unreachable | TroubleKind::Contract => {
            Some(seconds::not_before(now + wait.unwrap_or_else(|| due::back_off(room, failures))))
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
    let since =
        cursor.trouble.as_ref().filter(|trouble| trouble.kind == kind).map_or(now, |trouble| trouble.since);
    Cursor { trouble: Some(Trouble { kind, since, detail }), ..cursor }
}

/// The cursor without trouble.
#[must_use]
pub fn cleared(cursor: &Cursor) -> Cursor {
    Cursor { trouble: None, failures: 0, not_before: None, ..cursor.clone() }
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
