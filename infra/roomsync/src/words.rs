//! Troubles, ages and other things in plain words.

use chrono::TimeDelta;
use roomsync_domain::Instant;
use roomsync_domain::cursor::{Mode, TroubleKind};
use roomsync_domain::listening::RefusalKind;

/// The word of a kind of trouble, as in the tables.
#[must_use]
pub fn name(kind: TroubleKind) -> &'static str {
    match kind {
        TroubleKind::NoAccess => "no-access",
        TroubleKind::NoMailbox => "no-mailbox",
        TroubleKind::Credential => "credential",
        TroubleKind::Throttled => "throttled",
        TroubleKind::Unreachable => "unreachable",
        TroubleKind::Contract => "contract",
        TroubleKind::Guarded => "guarded",
    }
}

/// What a kind of trouble means and who can end it.
#[must_use]
pub fn advice(kind: TroubleKind) -> &'static str {
    match kind {
        TroubleKind::NoAccess => {
            "Microsoft refuses us this mailbox. The customer's administrator: has the consent been given, and does the \
             access policy of the application include the room? Changes there may take hours."
        }
        TroubleKind::NoMailbox => {
            "Exchange Online has no such mailbox. The customer's administrator: does the room exist, with a mailbox that is \
             not on premises?"
        }
        TroubleKind::Credential => {
            "The login host refuses our credential. You: is the secret in Secrets Manager the current one, not expired, and \
             does `credential.client_id` belong to it?"
        }
        TroubleKind::Throttled => "Microsoft asks us to wait. Nothing to do: it goes on by itself.",
        TroubleKind::Unreachable => {
            "Microsoft does not answer. Nothing to do: it goes on by itself; look at Microsoft's service health if it lasts."
        }
        TroubleKind::Contract => {
            "Microsoft's answer does not have the documented shape, so nothing of it was used. Report it with the detail."
        }
        TroubleKind::Guarded => {
            "The calendar suddenly shows so few bookings that the run was stopped. The next looks will tell; if you know why, \
             `roomsync resync ROOM --accept-mass-end` accepts it now."
        }
    }
}

/// Why a room is not listened to, and who can end it. It is polled meanwhile.
#[must_use]
pub fn refusal(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::NoAccess => advice(TroubleKind::NoAccess),
        RefusalKind::NoMailbox => advice(TroubleKind::NoMailbox),
        RefusalKind::Credential => advice(TroubleKind::Credential),
        RefusalKind::NotValidated => {
            "Microsoft does not get the answer that it expects from our webhook. You, if it lasts: is the address that the \
             stack's output `WebhookUrl` names reachable from the internet, and does `webhook-receiver` run?"
        }
        RefusalKind::Taken => {
            "Another deployment with the same application listens to this room, and Microsoft allows one. You: give each \
             deployment an application of its own; a deployment that is gone is forgotten within a week."
        }
        RefusalKind::Unsignable => {
            "The room's id is too long for a signed notice. Nothing to do: the room is polled."
        }
        RefusalKind::Throttled => advice(TroubleKind::Throttled),
        RefusalKind::Unreachable => advice(TroubleKind::Unreachable),
        RefusalKind::Contract => advice(TroubleKind::Contract),
    }
}

/// The word of a mode.
#[must_use]
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::New => "new",
        Mode::Delta => "delta",
        Mode::FullRead => "full-read",
        Mode::Retired => "retired",
    }
}

/// How long ago or ahead an instant is: `3 min ago`, `in 2 h`.
#[must_use]
pub fn age(at: Instant, now: Instant) -> String {
    let length = length((now - at).abs());
    if at > now { format!("in {length}") } else { format!("{length} ago") }
}

/// How long something has been going on: `3 min`.
#[must_use]
pub fn since(at: Instant, now: Instant) -> String {
    length((now - at).max(TimeDelta::zero()))
}

fn length(time: TimeDelta) -> String {
    match (time.num_seconds(), time.num_minutes(), time.num_hours()) {
        (seconds, ..60, _) if seconds < 60 => format!("{seconds} s"),
        (_, minutes @ ..120, _) => format!("{minutes} min"),
        (_, _, hours @ ..48) => format!("{hours} h"),
        _ => format!("{} d", time.num_days()),
    }
}

/// `1 room`, `2 rooms`.
#[must_use]
pub fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roomsync_domain::time::seconds;

    #[test]
    fn ages() {
        let now = seconds::parse("2026-02-09T20:30:00Z").unwrap();
        for (seconds, text) in [
            (0, "0 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (7_199, "119 min ago"),
            (7_200, "2 h ago"),
            (172_799, "47 h ago"),
            (172_800, "2 d ago"),
            (-300, "in 5 min"),
        ] {
            assert_eq!(age(now - TimeDelta::seconds(seconds), now), text);
        }
    }
}
