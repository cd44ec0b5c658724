//! From the organizer to the rooms and back: which mails a change causes, and what happens in a room when one arrives.
//!
//! What people do in Outlook is told as done when it has reached the rooms. What an app writes travels a while
//! (`Tuning::invitation_ms`), and the attendant thinks a while (`Tuning::attendant_ms`).

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Duration, NaiveDate};

use crate::calendar::{Item, Person, Response, Shape};
use crate::mails::{Hand, Mail, MailKind};
use crate::processing::Context;
use crate::switches::{Trap, Tuning};
use crate::tenant::Tenant;

/// Something that happens in a mailbox at a later time.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    /// A new or changed meeting reaches a room.
    Invite { room: Arc<str>, uid: Arc<str> },
    /// A cancellation reaches a room.
    Recall { room: Arc<str>, uid: Arc<str> },
    /// A room's attendant decides.
    Decide { room: Arc<str>, uid: Arc<str> },
    /// The service itself touches an item: another etag.
    Touch { mailbox: Arc<str>, uid: Arc<str> },
}

/// How long things take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    pub(crate) invitation_ms: i64,
    pub(crate) attendant_ms: i64,
    pub(crate) settling_ms: Option<i64>,
}

impl Pace {
    pub(crate) fn of(tuning: &Tuning) -> Pace {
        let Tuning { invitation_ms, attendant_ms, settling_ms, .. } = *tuning;
        Pace { invitation_ms, attendant_ms, settling_ms }
    }
}

impl Tenant {
    /// Sends a new or changed meeting to its attendees, and takes it back from those no longer invited. The owner's copy
    /// has been written before.
    pub(crate) fn send(&mut self, item: &Item, before: Option<&Item>, context: &mut Context<'_>) {
        let (after, once) = (addresses(item), before.map(addresses).unwrap_or_default());
        let news = before.map(|before| self.news(before, item, context)).unwrap_or_default();
        for gone in once.difference(&after) {
            self.mail(MailKind::Cancellation, item, gone, context);
        }
        for new in after.difference(&once) {
            self.mail(MailKind::Invitation, item, new, context);
        }
        for known in after.intersection(&once) {
            for kind in &news {
                self.mail(*kind, item, known, context);
            }
        }
        let former = before.map(|before| self.rooms_of(before)).unwrap_or_default();
        let invited = self.rooms_of(item);
        for room in former.difference(&invited) {
            self.dispatch(Errand::Recall { room: room.clone(), uid: item.uid.clone() }, context);
        }
        for room in &invited {
            if !former.contains(room) || !news.is_empty() {
                self.dispatch(Errand::Invite { room: room.clone(), uid: item.uid.clone() }, context);
            }
        }
    }

    /// Sends the cancellations of a meeting that its organizer has called off.
    pub(crate) fn call_back(&mut self, item: &Item, context: &mut Context<'_>) {
        for address in addresses(item) {
            self.mail(MailKind::Cancellation, item, &address, context);
        }
        for room in self.rooms_of(item) {
            self.dispatch(Errand::Recall { room, uid: item.uid.clone() }, context);
        }
    }

    /// The invited mailboxes that have an attendant, the owner aside.
    pub(crate) fn rooms_of(&self, item: &Item) -> BTreeSet<Arc<str>> {
        let owner = self.owners.get(&item.uid);
        let addresses = item.attendees.iter().map(|attendee| attendee.person.address.as_str());
        let known = addresses.filter_map(|address| self.resolve(address)).filter(|id| Some(id) != owner);
        known.filter(|id| self.mailboxes.get(id).is_some_and(|mailbox| mailbox.policy.is_some())).collect()
    }

    /// What attendees who stay invited hear of a change. An app's change of nothing but attendees is told to those
    /// concerned alone (page event-update); in Outlook one sends the update to all.
    fn news(&self, before: &Item, after: &Item, context: &mut Context<'_>) -> Vec<MailKind> {
        let mut news = Vec::new();
        let (old, new) = (before.shape.series.as_ref(), after.shape.series.as_ref());
        if moved(&before.shape, &after.shape) || before.content != after.content {
            // One for the master and one for each changed instance (page event-update).
            news.extend(vec![MailKind::Update; 1 + new.map_or(0, |series| series.exceptions.len())]);
        } else if let (Some(old), Some(new)) = (old, new) {
            let changed = new.exceptions.iter().filter(|(date, own)| old.exceptions.get(date) != Some(own));
            news.extend(changed.map(|_| MailKind::Update));
            news.extend(new.removed.difference(&old.removed).map(|_| MailKind::Cancellation));
        }
        let always = context.hand == Hand::Person
            || self
                .owners
                .get(&after.uid)
                .is_some_and(|owner| context.springs(Trap::EveryUpdateMails, owner));
        if news.is_empty() && always {
            news.push(MailKind::Update);
        }
        news
    }

    fn mail(&self, kind: MailKind, item: &Item, to: &str, context: &mut Context<'_>) {
        let from = item.organizer.address.clone();
        self.write(kind, &item.uid, (from, to.to_owned()), None, context);
    }

    /// A room's answer, told to the organizer.
    pub(crate) fn respond(&self, room: &str, uid: &Arc<str>, answer: Response, context: &mut Context<'_>) {
        let Some(owner) = self.owners.get(uid).and_then(|owner| self.mailboxes.get(owner)) else { return };
        let between = (room.to_owned(), owner.address.clone());
        self.write(MailKind::Response, uid, between, Some(answer), context);
    }

    fn write(
        &self,
        kind: MailKind,
        uid: &Arc<str>,
        (from, to): (String, String),
        answer: Option<Response>,
        context: &mut Context<'_>,
    ) {
        let (tenant, meeting) = (self.id.as_ref().to_owned(), uid.as_ref().to_owned());
        context.mails.post(Mail {
            at: context.now,
            tenant,
            kind,
            by: context.hand,
            meeting,
            from,
            to,
            answer,
        });
    }

    /// Lets an errand happen after as long as mail takes.
    fn dispatch(&mut self, errand: Errand, context: &mut Context<'_>) {
        match context.pace.invitation_ms {
            0 => self.run(errand, context),
            ms => self.later(errand, ms, context),
        }
    }

    /// Lets an errand happen in so many milliseconds.
    pub(crate) fn later(&mut self, errand: Errand, ms: i64, context: &mut Context<'_>) {
        *context.counter += 1;
        self.due.insert((context.now + Duration::milliseconds(ms), *context.counter), errand);
    }

    /// Runs the errands whose time has come, each at its own time.
    pub(crate) fn settle(&mut self, context: &mut Context<'_>) {
        let until = context.now;
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), errand) = entry.remove_entry();
            context.now = at;
            context.seen = at + context.lag;
            self.run(errand, context);
        }
    }

    fn run(&mut self, errand: Errand, context: &mut Context<'_>) {
        match errand {
            Errand::Invite { room, uid } => {
                if let Some(item) = self.invitation(&room, &uid) {
                    self.request(&room, &item, context);
                }
            }
            Errand::Recall { room, uid } => self.recall(&room, &uid, context),
            Errand::Decide { room, uid } => {
                if let Some(item) = self.invitation(&room, &uid)
                    && !self.has_answered(&room, &item)
                {
                    self.decide(&room, &item, context);
                }
            }
            Errand::Touch { mailbox, uid } => {
                if let Some(mailbox) = self.mailboxes.get_mut(&mailbox)
                    && let Some(key) = mailbox.copy_of(&uid).map(|item| item.key)
                {
                    mailbox.update(key, context.seen, |_| ());
                }
            }
        }
    }

    /// The meeting as its organizer has it now, if the room is still invited.
    fn invitation(&self, room: &Arc<str>, uid: &Arc<str>) -> Option<Item> {
        let owner = self.owners.get(uid).and_then(|owner| self.mailboxes.get(owner))?;
        owner.copy_of(uid).filter(|item| self.rooms_of(item).contains(room)).cloned()
    }

    /// Whether a room has accepted a meeting at just these times, and its organizer's copy knows: it forgets answers when it moves, also if it
    /// moves back at once.
    pub(crate) fn has_answered(&self, room: &str, item: &Item) -> bool {
        let copy = self.mailboxes.get(room).and_then(|mailbox| mailbox.copy_of(&item.uid));
        let is_known = item.attendees.iter().any(|attendee| {
            attendee.response == Response::Accepted
                && self.resolve(&attendee.person.address).as_deref() == Some(room)
        });
        let accepts = |copy: &Item| {
            copy.response == Response::Accepted && !copy.cancelled && same_times(&copy.shape, &item.shape)
        };
        is_known && copy.is_some_and(accepts)
    }
}

/// Whom a meeting invites, the organizer aside.
fn addresses(item: &Item) -> BTreeSet<String> {
    let lower = |person: &Person| person.address.to_lowercase();
    let organizer = lower(&item.organizer);
    item.attendees.iter().map(|own| lower(&own.person)).filter(|own| *own != organizer).collect()
}

/// Whether a meeting as a whole takes place at other times. Another zone moves a series, not a single meeting.
pub(crate) fn moved(before: &Shape, after: &Shape) -> bool {
    let rule = |shape: &Shape| {
        shape.series.as_ref().map(|series| {
            let mut recurrence = series.recurrence.clone();
            recurrence.range.recurrence_time_zone = None;
            recurrence
        })
    };
    let instants = |shape: &Shape| (shape.span.instants(chrono_tz::Tz::UTC), shape.span.all_day);
    let single = before.series.is_none() && after.series.is_none();
    let same = before.span == after.span || (single && instants(before) == instants(after));
    !same || rule(before) != rule(after)
}

/// Whether two copies agree on when the meeting takes place; occurrences missing in one of them do not count.
pub(crate) fn same_times(one: &Shape, other: &Shape) -> bool {
    let exceptions = |shape: &Shape| {
        let of = |series: &crate::calendar::Series| {
            let real = series.exceptions.iter().filter(|(_, own)| !own.cancelled);
            real.map(|(date, own)| (*date, own.span.clone())).collect::<Vec<(NaiveDate, _)>>()
        };
        shape.series.as_ref().map(of)
    };
    !moved(one, other) && exceptions(one) == exceptions(other)
}
