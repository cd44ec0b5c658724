//! How far the writing of a booking is.

use super::claim::Claim;
use super::late::Late;
use super::meeting::{Content, Days, Meeting, Salt};
use crate::booking::{CommandFailure, EndReason, Status};
use crate::ids::{BookingId, EventId, RoomId, RoomRef, TenantId, derived};
use crate::tenant::Organizer;
use crate::time::{Instant, Span, seconds};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use uuid::Uuid;

/// Command ids that are remembered for each booking.
const RECEIPTS: usize = 64;
/// Contents that are remembered for each life of a booking. The room's copy may be as many commands behind as come in a row.
const CONTENTS: usize = RECEIPTS;
/// A writing is kept so long after its meeting: longer than a message can wait in a queue and its dead-letter queue together.
const KEPT_DAYS: i64 = 35;

/// How far the writing of a booking is. Written under its version; whoever read an older one loses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Writing {
    /// 1, 2, 3 … with every save; 0 before the first.
    pub version: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// The booking.
    pub booking: BookingId,
    /// The room whose calendar is to hold it, or held it last.
    pub room: RoomId,
    /// The room that is being left for another one.
    pub left: Option<RoomId>,
    /// How often the booking was made anew after it had ended.
    pub life: u32,
    /// Counts what was wanted.
    pub wanted: u64,
    /// What is wanted; nothing if the meeting is to be gone.
    pub desired: Option<Meeting>,
    /// Instants of it, for the row.
    pub span: Span,
    /// Why the room is left, if it is.
    pub leaving: Option<EndReason>,
    /// The wanted version that Graph has taken.
    pub applied: u64,
    /// When Graph took it, if that changed or removed a meeting.
    #[serde(default, with = "seconds::option")]
    pub applied_at: Option<Instant>,
    /// The wanted version that was read back.
    pub verified: u64,
    /// The content of the meeting when we last knew it.
    pub base: Option<Content>,
    /// Contents that we have sent or overwritten in this life; they may come back late.
    pub written: Vec<Content>,
    /// Whose calendar it is in.
    pub place: Place,
    /// The meeting in that calendar, once it is known.
    pub event: Option<KnownEvent>,
    /// The room's copy of the meeting of the life before, if it was not gone yet. What is there when all is settled, stays there: its
    /// organizer's words no longer reach the room.
    #[serde(default)]
    pub former: Option<EventId>,
    /// Meetings of earlier lives that have gone, and that their rooms may still show.
    #[serde(default)]
    pub late: Vec<Late>,
    /// Whether a create may have had an effect in this life: whoever accepted it may have sent one and died.
    pub sent: bool,
    /// When the meeting of this life was known to be made.
    #[serde(default, with = "seconds::option")]
    pub made_at: Option<Instant>,
    /// Until then a request that was not answered may still land.
    #[serde(default, with = "seconds::option")]
    pub unsure_until: Option<Instant>,
    /// What was wanted before, as long as it is what the calendar holds: to that a command that fails goes back.
    #[serde(default)]
    pub stood: Option<Box<Meeting>>,
    /// Why the last command failed, until its receipt says so with the room's answer.
    #[serde(default)]
    pub refused: Option<CommandFailure>,
    /// What the booking was before the last command, if it was there.
    pub before: Option<Before>,
    /// Whether the room has ever accepted in this life.
    pub accepted: bool,
    /// Times that this wanted version was sent.
    pub pushes: u32,
    /// Failures in a row.
    pub failures: u32,
    /// Looks at a room that does not answer, in a row.
    pub watches: u32,
    /// The next time that somebody has to look; nothing if all is settled.
    #[serde(default, with = "seconds::option")]
    pub due: Option<Instant>,
    /// When the last command was accepted.
    #[serde(with = "seconds")]
    pub since: Instant,
    /// Ids of the commands that were accepted or refused, the newest last.
    pub receipts: VecDeque<String>,
}

/// Whose calendar a meeting is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Address or id of the mailbox.
    pub mailbox: String,
    /// Whether it is the room's own.
    pub own: bool,
    /// Whether the meeting is somebody else's: then all that can be done is to give the room back.
    pub foreign: bool,
}

/// A meeting in the organizer's calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownEvent {
    /// Its id there.
    pub id: EventId,
    /// Id that all copies share.
    pub ical_uid: Option<String>,
}

/// A booking before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Before {
    /// When it was.
    pub span: Span,
    /// Whether it was confirmed, else tentative.
    pub confirmed: bool,
    /// Whether a command has moved it since: then the room has to answer anew, also if it is moved back.
    #[serde(default)]
    pub moved: bool,
    /// When its series began, if the first day of it that the room had shown is another.
    #[serde(default)]
    pub series: Option<Span>,
}

impl Before {
    /// Its status.
    #[must_use]
    pub fn status(self) -> Status {
        if self.confirmed { Status::Confirmed } else { Status::Tentative }
    }

    /// Whether the room has decided about that time, and the booking has not been elsewhere since.
    #[must_use]
    pub fn is_about(self, span: Span) -> bool {
        (self.span == span || self.series == Some(span)) && !self.moved
    }
}

impl Place {
    /// The calendar that a tenant's policy says; nothing if it needs an organizer and none is named.
    #[must_use]
    pub fn of(policy: &Organizer, room: &RoomId, organizer: Option<&str>) -> Option<Self> {
        let (mailbox, own) = match policy {
            Organizer::User => (organizer?.to_owned(), false),
            Organizer::Mailbox(address) => (address.clone(), false),
            Organizer::Room => (room.to_string(), true),
        };
        Some(Self { mailbox, own, foreign: false })
    }
}

impl Writing {
    /// A writing of a booking of which nothing is wanted yet.
    #[must_use]
    pub fn blank(room: &RoomRef, booking: BookingId, place: Place, span: Span, now: Instant) -> Self {
        Self {
            version: 0,
            tenant: room.tenant.clone(),
            booking,
            room: room.room.clone(),
            left: None,
            life: 0,
            wanted: 0,
            desired: None,
            span,
            leaving: None,
            applied: 0,
            applied_at: None,
            verified: 0,
            base: None,
            written: Vec::new(),
            place,
            event: None,
            former: None,
            late: Vec::new(),
            sent: false,
            made_at: None,
            unsure_until: None,
            stood: None,
            refused: None,
            before: None,
            accepted: false,
            pushes: 0,
            failures: 0,
            watches: 0,
            due: None,
            since: now,
            receipts: VecDeque::new(),
        }
    }

    /// Whether it does nothing but remember commands that were refused.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.life == 0
    }

    /// Whether a meeting is cleared away for which nobody waits.
    #[must_use]
    pub fn is_clearing(&self) -> bool {
        self.desired.is_none() && matches!(self.leaving, Some(EndReason::Failed | EndReason::Declined))
    }

    /// Whether the change that is wanted was sent, and may have been made though no answer said so.
    #[must_use]
    pub fn may_be_made(&self) -> bool {
        let sent = |goal: &Content| self.written.contains(goal);
        self.applied < self.wanted
            && self.event.is_some()
            && self.desired.as_ref().is_some_and(|wanted| sent(&wanted.content()))
    }

    /// The room.
    #[must_use]
    pub fn room_ref(&self) -> RoomRef {
        RoomRef::new(self.tenant.clone(), self.room.clone())
    }

    /// `transactionId` of this life's create: the same for every attempt.
    #[must_use]
    pub fn transaction(&self) -> Uuid {
        let life = self.life.to_string();
        derived(&["transaction", self.tenant.as_str(), self.booking.as_str(), &life])
    }

    /// Value of the property that marks the booking's meetings, the same in all its lives. Says nothing of the booking by itself.
    #[must_use]
    pub fn marker(&self) -> String {
        derived(&["marker", self.tenant.as_str(), self.booking.as_str()]).to_string()
    }

    /// The id that all copies of the meeting share, once the meeting is known.
    #[must_use]
    pub fn ical_uid(&self) -> Option<String> {
        self.event.as_ref().and_then(|event| event.ical_uid.clone())
    }

    /// See [`Salt`].
    #[must_use]
    pub fn salt(&self) -> Salt {
        Salt::of(&self.tenant, &self.booking)
    }

    /// Addresses of the rooms that we may have invited in this life, the wanted one first.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        let wanted = self
            .desired
            .iter()
            .filter_map(|meeting| meeting.room.as_ref())
            .map(|room| room.email.to_lowercase());
        let known = self.base.iter().chain(&self.written).filter_map(|content| content.room.clone());
        let mut rooms: Vec<String> = Vec::new();
        wanted.chain(known).for_each(|room| {
            if !rooms.contains(&room) {
                rooms.push(room);
            }
        });
        rooms
    }

    /// Whether a command was accepted or refused before.
    #[must_use]
    pub fn knows(&self, command: &str) -> bool {
        self.receipts.iter().any(|known| known == command)
    }

    /// Remembers a command.
    pub fn remember(&mut self, command: &str) {
        if !self.knows(command) {
            self.receipts.push_back(command.to_owned());
        }
        while self.receipts.len() > RECEIPTS {
            self.receipts.pop_front();
        }
    }

    /// The id of the last command.
    #[must_use]
    pub fn last_command(&self) -> Option<&str> {
        self.receipts.back().map(String::as_str)
    }

    /// Wants something else from now on: whatever was sent before counts for nothing.
    pub fn want(&mut self, desired: Option<Meeting>, now: Instant) {
        // It may have been sent, by somebody who could not say so any more.
        if let Some(old) = self.desired.as_ref().map(Meeting::content) {
            self.note_written(&old);
        }
        if self.applied == self.wanted {
            self.stood = self.desired.take().map(Box::new);
        }
        self.wanted += 1;
        self.desired = desired;
        self.pushes = 0;
        self.watches = 0;
        // Where Graph has asked to wait, another command waits too.
        self.due = Some(self.due.filter(|_| self.failures > 0).map_or(now, |due| due.max(now)));
    }

    /// Remembers a content that is sent or may have been, or is overwritten.
    pub fn note_written(&mut self, content: &Content) {
        self.written.retain(|known| known != content);
        self.written.push(content.clone());
        if self.written.len() > CONTENTS {
            self.written.remove(0);
        }
    }

    /// Whether all is settled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.due.is_none()
    }

    /// Whether the calendar is as wanted, as far as we have asked.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified == self.wanted
    }

    /// When it may be forgotten.
    #[must_use]
    pub fn expires_at(&self) -> Instant {
        self.span.end.max(self.since) + TimeDelta::days(KEPT_DAYS)
    }

    /// Times of contents that were sent or overwritten in this life, other than the wanted one.
    fn echoes(&self) -> Vec<Days> {
        let wanted = self.desired.as_ref().map(Meeting::when);
        let mut echoes: Vec<Days> = Vec::new();
        for when in self.written.iter().map(|content| content.when).filter(|when| Some(*when) != wanted) {
            if !echoes.contains(&when) {
                echoes.push(when);
            }
        }
        echoes
    }

    /// Whether a series is wanted.
    fn recurs(&self) -> bool {
        self.desired.as_ref().is_some_and(|meeting| meeting.recurrence.is_some())
    }

    /// Whether it was a series when we last knew it.
    pub(super) fn recurred(&self) -> bool {
        self.base.as_ref().is_some_and(|content| content.recurrence.is_some())
    }

    /// Whether the room is to hold a series. Its booking is the first instance; what a command says holds for all, whenever they are seen.
    #[must_use]
    pub fn holds_series(&self) -> bool {
        self.recurs() && self.leaving.is_none()
    }

    /// What the pollers of its rooms have to know while it is not settled, and as long as the room is to hold a series.
    #[must_use]
    pub fn claims(&self) -> Vec<(RoomRef, Claim)> {
        if self.is_settled() && !self.holds_series() {
            return Vec::new();
        }
        let private = self.desired.as_ref().is_some_and(|meeting| meeting.private);
        let known = !private && !self.place.own && !self.place.foreign && self.place.mailbox.contains('@');
        let claim = Claim {
            booking: self.booking.clone(),
            ical_uid: self.ical_uid(),
            span: self.span,
            before: self.before.filter(|_| self.left.is_none()).map(|before| match before.series {
                Some(first) if first == self.span => first,
                _ => before.span,
            }),
            echoes: self.echoes(),
            organizer: known.then(|| self.place.mailbox.to_lowercase()),
            applied: self.applied == self.wanted,
            recurring: self.recurs() || self.desired.is_none() && self.recurred(),
            leaving: self.leaving,
            former: self.former.clone(),
            late: self.late_to(&self.room),
            late_series: Vec::new(),
            series: None,
        };
        let leaving = |room: &RoomId| Claim {
            leaving: Some(EndReason::Moved),
            late: self.late_to(room),
            ..claim.clone()
        };
        let others: BTreeSet<&RoomId> =
            self.left.iter().chain(self.late.iter().map(|late| &late.room)).collect();
        let others: Vec<_> = others
            .into_iter()
            .filter(|room| **room != self.room)
            .map(|room| (RoomRef::new(self.tenant.clone(), room.clone()), leaving(room)))
            .collect();
        [(self.room_ref(), claim)].into_iter().chain(others).collect()
    }
}
