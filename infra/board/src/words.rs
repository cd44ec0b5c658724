//! Changes and troubles in plain words.

use crate::rows::{BookingRow, Following, RoomRow, Standing};
use chrono::{DateTime, Datelike};
use chrono_tz::Tz;
use roomsync_domain::cursor::TroubleKind;
use roomsync_domain::listening::{Hearing, RefusalKind};
use roomsync_domain::time::{Instant, seconds};
use serde::Serialize;

/// One line of the list of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// When it reached the board.
    #[serde(with = "seconds")]
    pub at: Instant,
    /// Name of the room.
    pub room: String,
    /// What happened.
    pub what: String,
}

/// What a new version of a booking says; nothing if it is not newer.
#[must_use]
pub fn booking(old: Option<&BookingRow>, new: &BookingRow, zone: Tz) -> Option<String> {
    if old.is_some_and(|old| old.version >= new.version) {
        return None;
    }
    let name = title(new);
    let when = when(new, zone);
    let known = old.filter(|old| old.standing != Standing::Ended);
    Some(match (new.standing, known) {
        (Standing::Ended, _) => format!("{name}, {when}: {}", ended(new)),
        (_, Some(old)) if old.span != new.span || old.all_day != new.all_day => {
            format!("{name}: moved from {} to {when}", self::when(old, zone))
        }
        (standing, Some(old)) if old.standing != standing => format!("{name}, {when}: {}", stands(standing)),
        (_, Some(old)) if title(old) != name => format!("{name}, {when}: renamed"),
        (_, Some(_)) => format!("{name}, {when}: details changed"),
        (standing, None) => format!("{name}, {when}: new, {}", stands(standing)),
    })
}

/// What a new version of a room says; nothing if it is not newer.
#[must_use]
pub fn room(old: Option<&RoomRow>, new: &RoomRow) -> Option<String> {
    if old.is_some_and(|old| old.version >= new.version) {
        return None;
    }
    Some(match old {
        _ if !new.active => "room removed".into(),
        Some(old) if old.active && old.name != new.name => format!("room renamed, was {}", old.name),
        Some(old) if old.active => "room details changed".into(),
        _ => "room added".into(),
    })
}

/// What may be called a booking on the page.
#[must_use]
pub fn title(row: &BookingRow) -> String {
    match &row.subject {
        _ if row.is_private => "Private".into(),
        Some(subject) => subject.clone(),
        None => row.organizer.clone().unwrap_or_else(|| "Booked".into()),
    }
}

fn stands(standing: Standing) -> &'static str {
    match standing {
        Standing::Pending => "waiting for the room",
        Standing::Tentative => "tentative",
        Standing::Confirmed => "confirmed",
        Standing::Ended => "ended",
    }
}

fn ended(row: &BookingRow) -> String {
    match row.end_reason.as_deref() {
        Some("cancelled") => "cancelled by its organizer".into(),
        Some("deleted") => "taken out of the calendar".into(),
        Some("declined") => "declined by the room".into(),
        Some("moved") => "moved to another room".into(),
        Some("released") => "room given back".into(),
        Some("room_removed") => "room no longer followed".into(),
        Some("failed") => match &row.failure {
            Some(why) => format!("could not be booked ({why})"),
            None => "could not be booked".into(),
        },
        _ => "ended".into(),
    }
}

/// When a booking is, on the clock of its room: `Mon 9 Feb 09:00–10:00`.
#[must_use]
pub fn when(row: &BookingRow, zone: Tz) -> String {
    if let Some((first, end)) = row.all_day {
        let last = end.pred_opt().unwrap_or(end);
        return if last <= first {
            format!("{} all day", first.format("%a %-d %b"))
        } else {
            format!("{}–{}", first.format("%a %-d %b"), last.format("%a %-d %b"))
        };
    }
    let (start, end) = (row.span.0.with_timezone(&zone), row.span.1.with_timezone(&zone));
    format!("{} {}", start.format("%a %-d %b"), times(start, end))
}

/// `09:00–10:00`; with the day of the end if it is another one.
#[must_use]
pub fn times(start: DateTime<Tz>, end: DateTime<Tz>) -> String {
    if start.num_days_from_ce() == end.num_days_from_ce() {
        format!("{}–{}", start.format("%H:%M"), end.format("%H:%M"))
    } else {
        format!("{}–{}", start.format("%H:%M"), end.format("%a %H:%M"))
    }
}

/// What a trouble is and what ends it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Ailment {
    /// What is wrong.
    pub why: String,
    /// Who does what.
    pub remedy: &'static str,
    /// Whether it passes by itself.
    pub passes: bool,
}

/// The trouble of a room in plain words.
#[must_use]
pub fn ailment(following: &Following) -> Option<Ailment> {
    let trouble = following.trouble.as_ref()?;
    let (why, remedy) = match trouble.kind {
        TroubleKind::NoAccess => (
            "Microsoft refuses access to the calendar",
            "The customer's administrator gives the app access to the room; that may take an hour to spread.",
        ),
        TroubleKind::NoMailbox => (
            "No mailbox in Exchange Online",
            "The customer's administrator gives the room a mailbox, or takes it out of the selection.",
        ),
        TroubleKind::Credential => {
            ("Microsoft refuses our login", "The operator renews the secret or certificate of the tenant.")
        }
        TroubleKind::Throttled => ("Microsoft asks us to wait", "Goes on by itself."),
        TroubleKind::Unreachable => ("Microsoft Graph does not answer", "Tried again by itself."),
        TroubleKind::Contract => (
            "An answer of Microsoft Graph is unusable",
            "Report it with the request id that `roomsync status` shows.",
        ),
        TroubleKind::Guarded => {
            let why = following.guarded.map_or_else(
                || "Too many bookings would end at once".into(),
                |guarded| format!("{} of {} bookings would end at once", guarded.ending, guarded.of),
            );
            let remedy = "The next look decides, or the operator: `roomsync resync ROOM --accept-mass-end`.";
            return Some(Ailment { why, remedy, passes: false });
        }
    };
    let passes = matches!(trouble.kind, TroubleKind::Throttled | TroubleKind::Unreachable);
    Some(Ailment { why: why.into(), remedy, passes })
}

/// Why a room that should be listened to is not, since when. It is polled at the short interval, so nothing is missed.
#[must_use]
pub fn deafness(following: &Following, hearing: Hearing) -> Option<(Ailment, Instant)> {
    let (why, remedy, since) = match hearing {
        Hearing::Silent => (
            "Microsoft sends no notices",
            "Nothing is missed: polled more often until the next notice.",
            following.listening.as_ref()?.silent_since?,
        ),
        Hearing::Refused => {
            let refusal = following.refusal.as_ref()?;
            let why = match refusal.kind {
                RefusalKind::NotValidated => "Microsoft does not reach our webhook",
                RefusalKind::Taken => "Another deployment listens to the room",
                _ => "Microsoft grants no subscription",
            };
            (why, "Nothing is missed: polled more often; `roomsync status` tells more.", refusal.since)
        }
        Hearing::Listening | Hearing::Unproven | Hearing::Off => return None,
    };
    Some((Ailment { why: why.into(), remedy, passes: true }, since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{booking as row, room as a_room};

    #[test]
    fn every_kind_of_change_has_words() {
        let paris = Tz::Europe__Paris;
        let old = row("r", "b", 1, "09:00", "10:00");
        let next = |change: fn(&mut BookingRow)| {
            let mut new = BookingRow { version: 2, ..old.clone() };
            change(&mut new);
            booking(Some(&old), &new, paris).unwrap()
        };
        assert_eq!(
            booking(None, &old, paris).unwrap(),
            "Design review, Mon 9 Feb 10:00–11:00: new, confirmed"
        );
        assert_eq!(booking(Some(&old), &old, paris), None);
        type Edit = fn(&mut BookingRow);
        let table: [(Edit, &str); 7] = [
            (
                |b| b.span.1 += chrono::TimeDelta::hours(15),
                "moved from Mon 9 Feb 10:00–11:00 to Mon 9 Feb 10:00–Tue 02:00",
            ),
            (|b| b.standing = Standing::Tentative, "tentative"),
            (|b| b.subject = Some("Retro".into()), "Retro, Mon 9 Feb 10:00–11:00: renamed"),
            (|b| b.organizer = Some("Megan".into()), "details changed"),
            (|b| (b.is_private, b.subject) = (true, None), "Private, Mon 9 Feb 10:00–11:00: renamed"),
            (
                |b| (b.standing, b.end_reason) = (Standing::Ended, Some("declined".into())),
                "declined by the room",
            ),
            (|b| (b.standing, b.end_reason) = (Standing::Ended, Some("of_tomorrow".into())), ": ended"),
        ];
        for (change, expected) in table {
            let said = next(change);
            assert!(said.ends_with(expected), "{said} / {expected}");
        }
    }

    #[test]
    fn whole_days_name_their_last_day() {
        let mut day = row("r", "b", 1, "00:00", "23:00");
        day.all_day = Some(("2026-02-09".parse().unwrap(), "2026-02-10".parse().unwrap()));
        assert_eq!(when(&day, Tz::UTC), "Mon 9 Feb all day");
        day.all_day = Some(("2026-02-09".parse().unwrap(), "2026-02-11".parse().unwrap()));
        assert_eq!(when(&day, Tz::UTC), "Mon 9 Feb–Tue 10 Feb");
    }

    #[test]
    fn rooms_come_change_and_go() {
        let (one, two) = (a_room("r", 1), a_room("r", 2));
        assert_eq!(room(None, &one).as_deref(), Some("room added"));
        assert_eq!(room(Some(&one), &two).as_deref(), Some("room details changed"));
        let gone = RoomRow { active: false, ..two };
        assert_eq!(room(Some(&one), &gone).as_deref(), Some("room removed"));
        assert_eq!(room(Some(&gone), &a_room("r", 3)).as_deref(), Some("room added"));
    }
}
