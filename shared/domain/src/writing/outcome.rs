//! What the outcome of a step makes of a writing, and how long it waits before it is given up.

use super::code;
use super::meeting::{Content, Meeting, Seen};
use super::state::{KnownEvent, Writing};
use crate::time::{Instant, Span, doubled, seconds};
use chrono::TimeDelta;

/// Times that one wanted version is sent before it is given up: no fight with somebody who changes the meeting each time.
const MOST_PUSHES: u32 = 3;
/// A request without an answer may land so long after we gave up.
pub(super) const LANDING_SECONDS: i64 = 30;
/// First pause after a failure, doubled with each, and the longest.
pub(super) const PAUSE_SECONDS: (i64, i64) = (2, 60);
/// The same where the mailbox itself is not there.
const ABSENCE_SECONDS: (i64, i64) = (30, 900);
/// How long a command waits for a credential, and for anything else.
const CREDENTIAL_MINUTES: i64 = 15;
const PATIENCE_HOURS: i64 = 24;
/// Failures in a row without which it is not given up: fewer than come together in a quarter of an hour.
const FEWEST_FAILURES: u32 = 10;

impl Writing {
    /// A create was answered with a meeting: the new one, or the one that an earlier attempt made.
    pub fn created(&mut self, seen: &Seen, now: Instant) {
        self.made_at = Some(now);
        self.event = Some(KnownEvent { id: seen.id.clone(), ical_uid: seen.ical_uid.clone() });
        self.sent = true;
        self.failures = 0;
        let content = self.content(seen);
        let goal = self.desired.as_ref().map(Meeting::content);
        // If nothing else was ever sent, this is what was sent, however Exchange spells it.
        let alone = self.written.iter().all(|sent| Some(sent) == goal.as_ref());
        if alone || goal.as_ref() == Some(&content) {
            self.applied = self.wanted;
        } else {
            self.pushes += 1;
        }
        self.base = Some(content);
    }

    /// A change was taken, or there was nothing to change: `merged` is wanted now.
    pub fn pushed(&mut self, merged: Meeting, span: Span, now: Instant) {
        let content = merged.content();
        self.note_written(&content);
        self.base = Some(content);
        self.desired = Some(merged);
        self.span = span;
        self.applied = self.wanted;
        self.applied_at = Some(now);
        self.pushes += 1;
        self.failures = 0;
    }

    /// Whether the change was sent often enough, and others changed the meeting each time. One of them may be a copy of the writer that sent
    /// the same.
    #[must_use]
    pub fn was_pushed_often(&self) -> bool {
        self.pushes >= MOST_PUSHES
    }

    /// A meeting was deleted or the room has declined.
    pub fn removed(&mut self, now: Instant) {
        self.applied = self.wanted;
        self.applied_at = Some(now);
        self.failures = 0;
    }

    /// What is wanted stands.
    pub fn verified(&mut self) {
        self.verified = self.wanted;
        self.failures = 0;
        self.stood = None;
    }

    /// A request was not answered at all and may still land.
    pub fn unanswered(&mut self, now: Instant) {
        let until = seconds::not_before(now + TimeDelta::seconds(LANDING_SECONDS));
        self.sent = true;
        self.unsure_until = Some(until);
        self.failures += 1;
        self.due = Some(until);
    }

    /// A request was refused for now; it may have had an effect all the same. Waits as long as Graph asks, or a growing pause.
    pub fn put_off(&mut self, retry_after: Option<TimeDelta>, now: Instant) {
        self.sent = true;
        self.failures += 1;
        let pause = retry_after.unwrap_or_else(|| doubled(PAUSE_SECONDS, self.failures - 1));
        self.due = Some(seconds::not_before(now + pause));
    }

    /// A mailbox is not there and may come back: it is tried ever more seldom.
    pub fn wait_for_mailbox(&mut self, now: Instant) {
        self.due = Some(seconds::not_before(now + doubled(ABSENCE_SECONDS, self.failures)));
    }

    /// How a meeting of this booking is compared.
    #[must_use]
    pub fn content(&self, seen: &Seen) -> Content {
        seen.content(&self.salt(), &self.rooms(), self.place.own)
    }

    /// Whether it has waited as long as one waits for what the code says.
    #[must_use]
    pub fn has_waited(&self, what: &'static str, now: Instant) -> bool {
        let limit = match what {
            code::CREDENTIAL_EXPIRED if !self.is_clearing() => TimeDelta::minutes(CREDENTIAL_MINUTES),
            _ => TimeDelta::hours(PATIENCE_HOURS),
        };
        now - self.since >= limit
    }

    /// Whether it is given up. That it has waited proves nothing by itself: nobody may have worked on it meanwhile.
    #[must_use]
    pub fn is_given_up(&self, what: &'static str, now: Instant) -> bool {
        self.failures >= FEWEST_FAILURES && self.has_waited(what, now)
    }
}
