//! What happens to a meeting request in a room mailbox (page Set-CalendarProcessing).

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};

use crate::calendar::{Content, Item, Personal, Response, Sensitivity, Shape, ShowAs};
use crate::judge::{Accepted, judge, keep_holes};
use crate::mails::{Hand, Mails};
use crate::post::{Errand, Pace, moved};
use crate::switches::{Trap, Traps};
use crate::tenant::Tenant;

/// `AutomateProcessing`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Automate {
    /// Requests are accepted or declined.
    #[default]
    AutoAccept,
    /// Requests stay tentative until somebody answers.
    AutoUpdate,
    /// Requests are not looked at.
    None,
}

/// The settings of a room's attendant; `default` is Microsoft's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RoomPolicy {
    /// How requests are treated.
    pub automate: Automate,
    /// The organizer's name (and a blank) replaces the subject.
    pub add_organizer_to_subject: bool,
    /// The subject is dropped.
    pub delete_subject: bool,
    /// The body is dropped.
    pub delete_comments: bool,
    /// The private flag is cleared.
    pub remove_private_property: bool,
    /// Cancelled meetings vanish instead of staying with `isCancelled`.
    pub remove_canceled_meetings: bool,
    /// Cancelled occurrences stay with `isCancelled` instead of vanishing.
    pub keep_canceled_occurrences: bool,
    /// Overlapping requests are accepted.
    pub allow_conflicts: bool,
    /// Requests further ahead are declined.
    pub booking_window_in_days: i64,
    /// A series that runs past the booking window is declined whole; otherwise it is cut there.
    pub enforce_scheduling_horizon: bool,
    /// Longer requests are declined; 0 is unlimited.
    pub maximum_duration_in_minutes: i64,
    /// Series are accepted at all.
    pub allow_recurring_meetings: bool,
    /// A new series with at most so many conflicting occurrences ...
    pub maximum_conflict_instances: usize,
    /// ... and at most this share of them, in percent, is accepted, the conflicting occurrences are declined.
    pub conflict_percentage_allowed: usize,
    /// Requests of organizers from other organizations are looked at; otherwise they are ignored.
    pub process_external_meeting_messages: bool,
    /// A delegate decides: accepted requests stay tentative until then.
    pub delegate_approval: bool,
    /// Time between the arrival of a request (tentative, with its real subject) and the attendant's decision.
    pub decision_ms: i64,
    /// Accepting makes a new item with a new id (ews-managed-api issue 255).
    pub accept_replaces: bool,
}

impl Default for RoomPolicy {
    fn default() -> Self {
        RoomPolicy {
            automate: Automate::AutoAccept,
            add_organizer_to_subject: true,
            delete_subject: true,
            delete_comments: true,
            remove_private_property: true,
            remove_canceled_meetings: false,
            keep_canceled_occurrences: false,
            allow_conflicts: false,
            booking_window_in_days: 180,
            enforce_scheduling_horizon: true,
            maximum_duration_in_minutes: 1440,
            allow_recurring_meetings: true,
            maximum_conflict_instances: 0,
            conflict_percentage_allowed: 0,
            process_external_meeting_messages: false,
            delegate_approval: false,
            decision_ms: 0,
            accept_replaces: false,
        }
    }
}

impl RoomPolicy {
    /// A room whose owner wants to see meetings as they are: subject, body and private flag are kept, series are cut
    /// at the horizon, cancelled meetings vanish.
    pub fn transparent() -> RoomPolicy {
        RoomPolicy {
            add_organizer_to_subject: false,
            delete_subject: false,
            delete_comments: false,
            remove_private_property: false,
            remove_canceled_meetings: true,
            enforce_scheduling_horizon: false,
            maximum_duration_in_minutes: 0,
            ..RoomPolicy::default()
        }
    }

    fn rewrite(&self, content: &Content, organizer: &str) -> Content {
        let mut content = content.clone();
        if self.add_organizer_to_subject {
            content.subject = format!("{organizer} ");
        } else if self.delete_subject {
            content.subject.clear();
        }
        if self.delete_comments {
            content.body.clear();
        }
        if self.remove_private_property {
            content.sensitivity = Sensitivity::Normal;
        }
        content
    }
}

/// Time, chance and traps for one step.
pub(crate) struct Context<'a> {
    pub(crate) now: DateTime<Utc>,
    /// When delta starts to show changes made now.
    pub(crate) seen: DateTime<Utc>,
    /// How much later that is.
    pub(crate) lag: Duration,
    /// Who acts.
    pub(crate) hand: Hand,
    /// How long what follows takes.
    pub(crate) pace: Pace,
    pub(crate) mails: &'a mut Mails,
    pub(crate) rng: &'a mut SmallRng,
    pub(crate) traps: &'a Traps,
    pub(crate) counter: &'a mut u64,
}

impl Context<'_> {
    pub(crate) fn springs(&mut self, trap: Trap, mailbox: &Arc<str>) -> bool {
        self.traps.springs(self.rng, trap, Some(mailbox))
    }
}

impl Tenant {
    /// A meeting request reaches a room.
    pub(crate) fn request(&mut self, room: &Arc<str>, item: &Item, context: &mut Context<'_>) {
        let stranger = self.owners.get(&item.uid).and_then(|owner| self.mailboxes.get(owner));
        let stranger = stranger.is_some_and(|owner| owner.external);
        let answered = self.has_answered(room, item);
        let Some(mailbox) = self.mailboxes.get(room) else { return };
        let Some(policy) = mailbox.policy.clone() else { return };
        if stranger && !policy.process_external_meeting_messages && policy.automate == Automate::AutoAccept {
            // "Rejected" (page Set-CalendarProcessing); whether the organizer hears of it is not said: the answer counts.
            return self.decline(room, &item.uid, true, context);
        }
        let think = policy.decision_ms.max(context.pace.attendant_ms);
        match policy.automate {
            Automate::None => {}
            Automate::AutoUpdate => self.put(room, item, &item.shape, Response::NotResponded, context),
            Automate::AutoAccept if answered => {
                let mut shape = item.shape.clone();
                if let Some(copy) = mailbox.copy_of(&item.uid) {
                    keep_holes(&mut shape, &copy.shape);
                }
                self.put(room, item, &shape, Response::Accepted, context)
            }
            Automate::AutoAccept if policy.delegate_approval => {
                self.put(room, item, &item.shape, Response::TentativelyAccepted, context);
            }
            Automate::AutoAccept if think > 0 => {
                // A changed occurrence does not put the accepted series in question.
                let series = mailbox.copy_of(&item.uid).filter(|_| item.shape.series.is_some());
                if series
                    .is_none_or(|copy| copy.response != Response::Accepted || moved(&copy.shape, &item.shape))
                {
                    self.put(room, item, &item.shape, Response::NotResponded, context);
                }
                self.later(Errand::Decide { room: room.clone(), uid: item.uid.clone() }, think, context);
            }
            Automate::AutoAccept => self.decide(room, item, context),
        }
    }

    /// The attendant takes its decision.
    pub(crate) fn decide(&mut self, room: &Arc<str>, item: &Item, context: &mut Context<'_>) {
        let Some(mailbox) = self.mailboxes.get(room) else { return };
        let Some(policy) = mailbox.policy.as_ref() else { return };
        let known = mailbox.copy_of(&item.uid).filter(|copy| copy.response == Response::Accepted);
        let hand = std::mem::replace(&mut context.hand, Hand::Attendant);
        match judge(mailbox, policy, item, known.map(|copy| &copy.shape), context.now) {
            Some(Accepted { shape, declined }) => {
                let address = mailbox.address.clone();
                self.put(room, item, &shape, Response::Accepted, context);
                self.answer(room, &item.uid, Response::Accepted, context);
                for _ in 0..declined {
                    self.respond(&address, &item.uid, Response::Declined, context);
                }
            }
            None => self.decline(room, &item.uid, true, context),
        }
        context.hand = hand;
    }

    /// Removes a room's copy and, if wanted, tells the organizer.
    pub(crate) fn decline(&mut self, room: &Arc<str>, uid: &Arc<str>, tell: bool, context: &mut Context<'_>) {
        if let Some(mailbox) = self.mailboxes.get_mut(room)
            && let Some(key) = mailbox.copy_of(uid).map(|copy| copy.key)
        {
            mailbox.remove(key, context.seen, false);
        }
        if tell {
            self.answer(room, uid, Response::Declined, context);
        }
    }

    /// A delegate, or the room by hand, accepts.
    pub(crate) fn accept(
        &mut self,
        room: &Arc<str>,
        uid: &Arc<str>,
        response: Response,
        tell: bool,
        context: &mut Context<'_>,
    ) {
        let owner = self.owners.get(uid).and_then(|owner| self.mailboxes.get(owner));
        if let Some(item) = owner.and_then(|owner| owner.copy_of(uid)).cloned() {
            self.put(room, &item, &item.shape, response, context);
            if tell {
                self.answer(room, uid, response, context);
            }
        }
    }

    /// Writes the answer into the organizer's copy.
    fn answer(&mut self, room: &Arc<str>, uid: &Arc<str>, response: Response, context: &mut Context<'_>) {
        let Some(address) = self.mailboxes.get(room).map(|mailbox| mailbox.address.clone()) else { return };
        self.respond(&address, uid, response, context);
        let Some(owner) = self.owners.get(uid).and_then(|owner| self.mailboxes.get_mut(owner)) else {
            return;
        };
        let Some(key) = owner.copy_of(uid).map(|item| item.key) else { return };
        owner.update(key, context.seen, |item| {
            for attendee in item
                .attendees
                .iter_mut()
                .filter(|attendee| attendee.person.address.eq_ignore_ascii_case(&address))
            {
                attendee.response = response;
            }
        });
    }

    /// The organizer called the meeting off, or invites another room instead.
    pub(crate) fn recall(&mut self, room: &Arc<str>, uid: &Arc<str>, context: &mut Context<'_>) {
        let silently = context.springs(Trap::LostRemoval, room);
        let Some(mailbox) = self.mailboxes.get_mut(room) else { return };
        let keep = mailbox.policy.as_ref().is_some_and(|policy| !policy.remove_canceled_meetings);
        let Some(copy) = mailbox.copy_of(uid).filter(|copy| !copy.is_organizer) else { return };
        let key = copy.key;
        if !keep {
            return mailbox.remove(key, context.seen, silently);
        }
        let now = context.now;
        mailbox.update(key, context.seen, |copy| {
            copy.cancelled = true;
            copy.modified = now;
            copy.content.subject = format!("Canceled: {}", copy.content.subject);
            copy.content.show_as = ShowAs::Free;
        });
    }

    /// Puts or renews a room's copy of a meeting.
    fn put(
        &mut self,
        room: &Arc<str>,
        item: &Item,
        shape: &Shape,
        response: Response,
        context: &mut Context<'_>,
    ) {
        let lost = context.springs(Trap::LostOccurrence, room);
        let Some(mailbox) = self.mailboxes.get_mut(room) else { return };
        let policy = mailbox.policy.clone().unwrap_or_else(RoomPolicy::transparent);
        let mut copy = copy_for(&policy, item, shape, response, context.now);
        let Some(known) = mailbox.copy_of(&item.uid) else {
            mailbox.insert(copy, context.seen);
            return;
        };
        let (key, created) = (known.key, known.created);
        if response == Response::Accepted && known.response != Response::Accepted && policy.accept_replaces {
            mailbox.remove(key, context.seen, false);
            mailbox.insert(copy, context.seen);
            return;
        }
        if let (Some(new), Some(old)) = (&mut copy.shape.series, &known.shape.series) {
            new.generation = old.generation;
        }
        let hushed = if lost { newly_removed(&known.shape, &copy.shape) } else { BTreeSet::new() };
        let renew = |own: &mut Item| {
            own.hushed.extend(&hushed);
            let (past, hushed) = (std::mem::take(&mut own.past), std::mem::take(&mut own.hushed));
            let (extended, personal) = (std::mem::take(&mut own.extended), own.personal.clone());
            *own = Item { key, created, seq: own.seq, past, hushed, extended, personal, ..copy };
        };
        if hushed.is_empty() {
            mailbox.update(key, context.seen, renew)
        } else {
            mailbox.update_silently(key, renew)
        }
    }
}

fn newly_removed(old: &Shape, new: &Shape) -> BTreeSet<NaiveDate> {
    match (&old.series, &new.series) {
        (Some(old), Some(new)) => new.removed.difference(&old.removed).copied().collect(),
        _ => BTreeSet::new(),
    }
}

fn copy_for(policy: &RoomPolicy, item: &Item, shape: &Shape, response: Response, now: DateTime<Utc>) -> Item {
    // The rewriting settings act when the request is processed; until then the real subject shows (docs issue 11649).
    let processed = policy.automate == Automate::AutoAccept && response != Response::NotResponded;
    let show_as = |own: ShowAs| if response == Response::Accepted { own } else { ShowAs::Tentative };
    let rewrite = |content: &Content| {
        let content = if processed { policy.rewrite(content, &item.organizer.name) } else { content.clone() };
        Content { show_as: show_as(content.show_as), ..content }
    };
    let mut shape = shape.clone();
    if let Some(series) = &mut shape.series {
        series.generation = 0;
        for exception in series.exceptions.values_mut() {
            exception.content = rewrite(&exception.content);
        }
        if policy.keep_canceled_occurrences {
            for date in std::mem::take(&mut series.removed) {
                let span = shape.span.on(date);
                let content = rewrite(&item.content);
                let content = Content {
                    subject: format!("Canceled: {}", content.subject),
                    show_as: ShowAs::Free,
                    ..content
                };
                series.exceptions.insert(date, crate::calendar::Exception { span, content, cancelled: true });
            }
        }
    }
    Item {
        key: 0,
        shape,
        content: rewrite(&item.content),
        personal: Personal::default(),
        is_organizer: false,
        cancelled: false,
        response,
        responded: (response != Response::NotResponded).then_some(now),
        created: now,
        modified: now,
        transaction_id: None,
        extended: std::collections::BTreeMap::new(),
        seq: 0,
        past: Vec::new(),
        hushed: BTreeSet::new(),
        ..item.clone()
    }
}
