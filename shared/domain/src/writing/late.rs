//! What rooms may still show of meetings that have gone, and how long that is waited for.

use super::outcome::LANDING_SECONDS;
use super::state::Writing;
use crate::booking::Booking;
use crate::ids::RoomId;
use crate::time::{Instant, seconds};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Somebody else may be at work on the same booking: a minute, the longest that an invocation takes, and as long as a request may land
/// after that.
pub(super) const AFTERMATH_SECONDS: i64 = 60 + LANDING_SECONDS;
/// A room that has never shown a meeting may show it so long after the meeting has gone, because its mail is on its way.
const LATE_COPY_MINUTES: i64 = 15;

/// A meeting that has gone before its room has ever shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Late {
    /// The room.
    pub room: RoomId,
    /// Id that all copies share.
    pub ical_uid: String,
    /// Until then the room may show it.
    #[serde(with = "seconds")]
    pub until: Instant,
}

impl Writing {
    /// The room is free. If nothing is wanted any more, somebody else who has read the booking before its meeting was known to be made may
    /// make it all the same: then the mark is looked for once more, when no request can be on its way any more. And a room that has not shown
    /// it may still do so: for a while that is left alone.
    pub fn rest(&mut self, is_observed: bool, now: Instant) {
        if self.place.foreign {
            return;
        }
        let ahead = |at: Instant| Some(seconds::not_before(at)).filter(|at| now < *at);
        let unsure = ahead(self.made_at.unwrap_or(self.since) + TimeDelta::seconds(AFTERMATH_SECONDS))
            .filter(|_| self.desired.is_none());
        if unsure.is_some() {
            self.unsure_until = unsure;
            self.verified = self.wanted.saturating_sub(1);
        }
        let late = || ahead(self.late_until()).filter(|_| !is_observed && self.made_at.is_some());
        self.due = unsure.or_else(late);
    }

    /// Meetings of this life and of earlier ones that have gone, and that their rooms may still show. `row` is the booking as it ended.
    #[must_use]
    pub fn late_copies(&self, row: Option<&Booking>) -> Vec<Late> {
        let unseen = row.is_none_or(|row| !row.is_observed());
        self.late.iter().cloned().chain(self.late_in(&self.room).filter(|_| unseen)).collect()
    }

    /// The room that was left shows the meeting no more. What the booking was there says nothing about the room where it is to be now.
    pub fn left_behind(&mut self, row: Option<&Booking>) {
        let Some(left) = self.left.take() else { return };
        self.before = None;
        self.late.extend(self.late_in(&left).filter(|_| row.is_some_and(|row| !row.is_observed())));
    }

    fn late_in(&self, room: &RoomId) -> Option<Late> {
        Some(Late { room: room.clone(), ical_uid: self.ical_uid()?, until: self.late_until() })
    }

    fn late_until(&self) -> Instant {
        seconds::not_before(self.applied_at.unwrap_or(self.since) + TimeDelta::minutes(LATE_COPY_MINUTES))
    }

    /// All is settled but what rooms may still show late, or of the life before.
    pub fn wait_for_late(&mut self, now: Instant) {
        self.forget_late(now);
        let former = self.former.as_ref().map(|_| self.late_until());
        self.due = self.due.max(self.late.iter().map(|late| late.until).chain(former).max());
    }

    /// What rooms still show after that time they keep.
    pub(super) fn forget_late(&mut self, now: Instant) {
        self.late.retain(|late| now < late.until);
        let until = self.late_until();
        self.former.take_if(|_| now >= until);
    }

    /// What may still come to a room. The meeting of this life may have come back to it.
    pub(super) fn late_to(&self, room: &RoomId) -> Vec<String> {
        let is_back = |late: &&Late| *room == self.room && Some(&late.ical_uid) == self.ical_uid().as_ref();
        let there = self.late.iter().filter(|late| late.room == *room);
        there.filter(|late| !is_back(late)).map(|late| late.ical_uid.clone()).collect()
    }
}
