//! What happens to a meeting request in a room mailbox (page Set-CalendarProcessing).

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};

use crate::calendar::{Content, Item, Mailbox, Response, Sensitivity, Shape, ShowAs, Window};
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

/// A request waiting for a room's attendant.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    room: Arc<str>,
    uid: Arc<str>,
}

/// Time, chance and traps for one step.
pub(crate) struct Context<'a> {
    pub(crate) now: DateTime<Utc>,
    /// When delta starts to show changes made now.
    pub(crate) seen: DateTime<Utc>,
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
    /// Sends a new or changed meeting to its rooms, and takes it back from rooms no longer invited.
    pub(crate) fn send(&mut self, item: &Item, before: Option<&Item>, context: &mut Context<'_>) {
        let invited = self.rooms_of(item);
        for room in before.map(|before| self.rooms_of(before)).unwrap_or_default() {
            if !invited.contains(&room) {
                self.recall(&room, &item.uid, context);
            }
        }
        for room in invited {
            self.request(&room, item, context);
        }
    }

    /// The invited mailboxes that have an attendant.
    pub(crate) fn rooms_of(&self, item: &Item) -> BTreeSet<Arc<str>> {
        let addresses = item.attendees.iter().map(|attendee| attendee.person.address.as_str());
        let known = addresses.filter_map(|address| self.resolve(address));
        known.filter(|id| self.mailboxes.get(id).is_some_and(|mailbox| mailbox.policy.is_some())).collect()
    }

    fn request(&mut self, room: &Arc<str>, item: &Item, context: &mut Context<'_>) {
        let Some(mailbox) = self.mailboxes.get(room) else { return };
        let Some(policy) = mailbox.policy.clone() else { return };
        let known = mailbox.copy_of(&item.uid);
        let answered = known
            .is_some_and(|copy| copy.response == Response::Accepted && same_times(&copy.shape, &item.shape));
        match policy.automate {
            Automate::None => {}
            Automate::AutoUpdate => self.put(room, item, &item.shape, Response::NotResponded, context),
            Automate::AutoAccept if answered => {
                self.put(room, item, &item.shape, Response::Accepted, context)
            }
            Automate::AutoAccept if policy.delegate_approval => {
                self.put(room, item, &item.shape, Response::TentativelyAccepted, context);
            }
            Automate::AutoAccept if policy.decision_ms > 0 => {
                self.put(room, item, &item.shape, Response::NotResponded, context);
                *context.counter += 1;
                let at = context.now + Duration::milliseconds(policy.decision_ms);
                self.due
                    .insert((at, *context.counter), Decision { room: room.clone(), uid: item.uid.clone() });
            }
            Automate::AutoAccept => self.decide(room, item, context),
        }
    }

    /// Takes the decisions whose time has come.
    pub(crate) fn settle(&mut self, context: &mut Context<'_>) {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= context.now) {
            let Decision { room, uid } = entry.remove();
            let owner = self.owners.get(&uid).and_then(|owner| self.mailboxes.get(owner));
            let Some(item) = owner.and_then(|owner| owner.copy_of(&uid)).cloned() else { continue };
            if self.rooms_of(&item).contains(&room) {
                self.decide(&room, &item, context);
            }
        }
    }

    fn decide(&mut self, room: &Arc<str>, item: &Item, context: &mut Context<'_>) {
        let Some(mailbox) = self.mailboxes.get(room) else { return };
        let Some(policy) = mailbox.policy.as_ref() else { return };
        match judge(mailbox, policy, item, context.now) {
            Some(shape) => {
                self.put(room, item, &shape, Response::Accepted, context);
                self.answer(room, &item.uid, Response::Accepted, context);
            }
            None => self.decline(room, &item.uid, context),
        }
    }

    /// Removes a room's copy and tells the organizer.
    pub(crate) fn decline(&mut self, room: &Arc<str>, uid: &Arc<str>, context: &mut Context<'_>) {
        if let Some(mailbox) = self.mailboxes.get_mut(room)
            && let Some(key) = mailbox.copy_of(uid).map(|copy| copy.key)
        {
            mailbox.remove(key, context.seen, false);
        }
        self.answer(room, uid, Response::Declined, context);
    }

    /// A delegate, or the room by hand, accepts.
    pub(crate) fn accept(
        &mut self,
        room: &Arc<str>,
        uid: &Arc<str>,
        response: Response,
        context: &mut Context<'_>,
    ) {
        let owner = self.owners.get(uid).and_then(|owner| self.mailboxes.get(owner));
        if let Some(item) = owner.and_then(|owner| owner.copy_of(uid)).cloned() {
            self.put(room, &item, &item.shape, response, context);
            self.answer(room, uid, response, context);
        }
    }

    /// Writes the answer into the organizer's copy.
    fn answer(&mut self, room: &Arc<str>, uid: &Arc<str>, response: Response, context: &Context<'_>) {
        let Some(address) = self.mailboxes.get(room).map(|mailbox| mailbox.address.clone()) else { return };
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
        let Some(key) = mailbox.copy_of(uid).map(|copy| copy.key) else { return };
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
            *own = Item { key, created, seq: own.seq, past, hushed, ..copy };
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

fn same_times(one: &Shape, other: &Shape) -> bool {
    let times = |shape: &Shape| {
        shape.series.as_ref().map(|series| {
            let moved: Vec<_> = series
                .exceptions
                .iter()
                .filter(|(_, own)| !own.cancelled)
                .map(|(date, own)| (*date, own.span.clone()))
                .collect();
            (series.recurrence.clone(), moved)
        })
    };
    one.span == other.span && times(one) == times(other)
}

/// The shape in which a request is accepted, none if it is declined.
fn judge(mailbox: &Mailbox, policy: &RoomPolicy, item: &Item, now: DateTime<Utc>) -> Option<Shape> {
    let horizon = now + Duration::days(policy.booking_window_in_days);
    let mut shape = item.shape.clone();
    let (start, end) = shape.span.instants(mailbox.zone);
    if start > horizon {
        return None;
    }
    if policy.maximum_duration_in_minutes > 0
        && (end - start).num_minutes() > policy.maximum_duration_in_minutes
    {
        return None;
    }
    if let Some(series) = &mut shape.series
        && series.recurrence.last().is_none_or(|last| last > horizon.date_naive())
    {
        if policy.enforce_scheduling_horizon {
            return None;
        }
        series.recurrence = series.recurrence.clone().until(horizon.date_naive());
    }
    if policy.allow_conflicts {
        return Some(shape);
    }
    let ahead = Window { from: now, to: horizon + Duration::days(1) };
    let conflict = shape.instances(ahead, mailbox.zone).into_iter().any(|own| {
        mailbox.view(Window { from: own.start, to: own.end }).iter().any(|other| {
            other.item.uid != item.uid && !other.cancelled() && other.content().show_as != ShowAs::Free
        })
    });
    (!conflict).then_some(shape)
}
