//! What the poller has to know of commands under way in a room.

use super::meeting::Days;
use crate::booking::{Booking, EndReason, Status};
use crate::ids::{BookingId, EventId};
use crate::time::Span;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A command under way in a room: by it the poller knows the command's meeting when it sees the room's copy, and leaves alone what
/// only has not arrived yet. Of a series it stays when all is settled: instances may be seen late, and are as the command says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The booking.
    pub booking: BookingId,
    /// Id that all copies share, as soon as it is known.
    pub ical_uid: Option<String>,
    /// When the meeting is to be, or the first of its series.
    pub span: Span,
    /// When it was before the command, if it was there and the room has to answer anew.
    pub before: Option<Span>,
    /// Times that we have written in this life and want no more, or have overwritten: the room's copy may still show them.
    #[serde(default)]
    pub echoes: Vec<Days>,
    /// Address of the organizer, in lower case, if it may be known.
    pub organizer: Option<String>,
    /// Whether Graph has taken the command.
    pub applied: bool,
    /// Whether it is a series.
    #[serde(default)]
    pub recurring: bool,
    /// The reason, if the room is being left.
    pub leaving: Option<EndReason>,
    /// The room's copy of the booking's meeting before this one: it is on its way out, and nobody's booking.
    #[serde(default)]
    pub former: Option<EventId>,
    /// `iCalUId`s of meetings of the booking's earlier lives that the room has not shown and may still show: nobody's bookings.
    #[serde(default)]
    pub late: Vec<String>,
    /// The series of these in the room's calendar, as far as the poller has asked for them.
    #[serde(skip)]
    pub late_series: Vec<EventId>,
    /// The series in the room's calendar, once the poller has asked for it: occurrences need not have the id that all copies share.
    #[serde(skip)]
    pub series: Option<EventId>,
}

/// A claim with its booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The claim.
    pub claim: Claim,
    /// The booking as it is now.
    pub booking: Option<Booking>,
}

/// What an entry of the room's calendar that belongs to a claimed booking means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It shows what the calendar holds: the booking follows it.
    Follow,
    /// It is what was there before the command, or what will be gone: nothing is written.
    Hold,
}

impl Claim {
    /// Whether these are ids of the command's meeting: the one that its copies share, or its series in the room's calendar.
    #[must_use]
    pub fn is_of(&self, ical_uid: Option<&str>, series: Option<&str>) -> bool {
        let same = |ours: Option<&str>, theirs: Option<&str>| ours.is_some() && ours == theirs;
        same(self.ical_uid.as_deref(), ical_uid) || same(self.series.as_ref().map(EventId::as_str), series)
    }

    /// Whether these are ids of a meeting that has gone and that the room shows late.
    #[must_use]
    pub fn is_late(&self, ical_uid: Option<&str>, series: Option<&EventId>) -> bool {
        ical_uid.is_some_and(|uid| self.late.iter().any(|late| late == uid))
            || series.is_some_and(|id| self.late_series.contains(id))
    }

    /// Whether an entry that is booked at `seen` shows the effect of the command. `status` is the stored one; `home` is the room's zone.
    #[must_use]
    pub fn verdict(&self, seen: Span, status: Status, home: Tz) -> Verdict {
        if self.leaving.is_some() {
            return Verdict::Hold;
        }
        if status != Status::Pending || seen == self.span && (self.applied || self.before != Some(seen)) {
            return Verdict::Follow;
        }
        // The room's copy follows its organizer's with a delay.
        if !self.applied || self.before == Some(seen) || self.was_at(seen, home) {
            Verdict::Hold
        } else {
            Verdict::Follow
        }
    }

    /// Whether that is a time which we have written or overwritten, and want no more.
    pub(crate) fn was_at(&self, seen: Span, home: Tz) -> bool {
        self.echoes.iter().any(|when| when.span(home) == seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::seconds;

    fn span(hour: u32) -> Span {
        let at = |hour| seconds::parse(&format!("2026-02-09T{hour:02}:00:00Z")).unwrap();
        Span::new(at(hour), at(hour + 1))
    }

    #[test]
    fn an_entry_is_followed_when_it_shows_the_command() {
        let claim = |before: Option<u32>, applied| Claim {
            booking: BookingId::new("b"),
            ical_uid: None,
            span: span(10),
            before: before.map(span),
            echoes: vec![Days::Timed(span(8))],
            organizer: None,
            applied,
            recurring: false,
            leaving: None,
            former: None,
            late: Vec::new(),
            late_series: Vec::new(),
            series: None,
        };
        use Verdict::{Follow, Hold};
        for (before, applied, seen, expected, why) in [
            (None, false, 10, Follow, "the copy is seen before the answer"),
            (None, true, 10, Follow, "the copy is seen after the answer"),
            (None, false, 12, Hold, "a person has moved it, and a command that is on its way may move it on"),
            (None, true, 12, Follow, "a person has moved it before it was first seen"),
            (None, false, 8, Hold, "what an earlier command has made, while ours is on its way"),
            (None, true, 8, Hold, "what an earlier command has made, before the room has seen ours"),
            (Some(9), true, 8, Hold, "an earlier move that arrives late"),
            (Some(9), false, 9, Hold, "a move that is not sent yet"),
            (Some(9), true, 9, Hold, "a move that the room has not seen yet"),
            (Some(9), false, 10, Follow, "a move that was answered before we knew"),
            (Some(9), true, 10, Follow, "a move that has arrived"),
            (Some(9), false, 12, Hold, "a person's move, while ours is on its way"),
            (Some(9), true, 12, Follow, "a person's move after ours"),
            (Some(10), false, 10, Hold, "other words, not sent yet"),
            (Some(10), true, 10, Follow, "other words, sent"),
        ] {
            assert_eq!(
                claim(before, applied).verdict(span(seen), Status::Pending, Tz::UTC),
                expected,
                "{why}"
            );
            let leaving = Claim { leaving: Some(EndReason::Cancelled), ..claim(before, applied) };
            assert_eq!(leaving.verdict(span(seen), Status::Pending, Tz::UTC), Hold, "{why}, but leaving");
            assert_eq!(
                claim(before, applied).verdict(span(seen), Status::Confirmed, Tz::UTC),
                Follow,
                "{why}, answered"
            );
        }
    }
}
