//! What must be true of notices at every moment.

use crate::fleet::{Function, Work};
use crate::graph_port::Address;
use crate::postman::Letter;
use crate::universe::{Caller, Universe};
use chrono::TimeDelta;
use futures::FutureExt;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::hint::{HintReason, PollHint};
use roomsync_domain::listening::Listening;
use roomsync_domain::room::RoomStatus;
use roomsync_domain::{Instant, RoomRef};
use roomsync_ports::{Notice, RoomStore};
use roomsync_testkit::Lane;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Looks of one environment at one room that notices may ask for within two seconds: one, and the trailing one.
const MOST_LOOKS: usize = 2;
/// Receives after which a message is looked at whatever the clocks say.
const TIRED: u32 = 4;
/// How wrong a clock may be, and how long a sync may take from its read to its write.
const SLACK: TimeDelta = TimeDelta::minutes(11);

/// What is known of notices.
#[derive(Default)]
pub(crate) struct PushWatch {
    /// What the invocations of the receiver are reading.
    letters: BTreeMap<u32, Rc<Letter>>,
    /// Why the invocations of the poller look at a mailbox.
    asks: BTreeMap<(u32, String), Ask>,
    /// When environments looked at a mailbox because of notices alone.
    looks: BTreeMap<(u32, String), Vec<Instant>>,
    /// What was handed on, and when.
    handed_on: Vec<(Instant, Rc<Letter>)>,
}

struct Ask {
    hint: PollHint,
    receives: u32,
    called: bool,
}

impl Universe {
    pub(crate) fn invocation_begun(&self, invocation: u32, function: Function, work: &Work) {
        if !self.post.is_on() {
            return;
        }
        let mut watch = self.watch.borrow_mut();
        match work {
            Work::Request(letter) => drop(watch.push.letters.insert(invocation, Rc::clone(letter))),
            Work::Batch(_, messages) if function == Function::Poller => {
                for message in messages {
                    let Ok(hint) = serde_json::from_str::<PollHint>(&message.body) else { continue };
                    let key = (invocation, hint.room_id.as_str().to_lowercase());
                    match watch.push.asks.get_mut(&key) {
                        Some(ask) => {
                            ask.hint.merge(hint);
                            ask.receives = ask.receives.max(message.receives);
                        }
                        None => {
                            let ask = Ask { hint, receives: message.receives, called: false };
                            watch.push.asks.insert(key, ask);
                        }
                    }
                }
            }
            Work::Batch(..) | Work::Tick(_) => {}
        }
    }

    /// An invocation is over.
    pub(crate) fn push_over(&self, invocation: u32) {
        let mut watch = self.watch.borrow_mut();
        watch.push.letters.remove(&invocation);
        let of = (invocation, String::new())..(invocation + 1, String::new());
        let keys: Vec<_> = watch.push.asks.range(of).map(|(key, _)| key.clone()).collect();
        let rested = keys
            .iter()
            .filter_map(|key| watch.push.asks.remove(key))
            .any(|ask| ask.hint.spare && !ask.called);
        drop(watch);
        if rested {
            self.count("path: room not polled because it is listened to");
        }
    }

    /// I14: a call to a mailbox.
    pub(crate) fn notice_look(&self, caller: &Caller, address: &Address) {
        let now = self.now();
        let mut watch = self.watch.borrow_mut();
        let skewed = watch.skewed;
        let key = (caller.invocation.get(), address.whom.clone());
        let Some(ask) = watch.push.asks.get_mut(&key) else { return };
        let first = !std::mem::replace(&mut ask.called, true);
        if !first || !ask.hint.is_from_notices_only() {
            return;
        }
        let tired = ask.receives >= TIRED;
        let looks = watch.push.looks.entry((caller.env, address.whom.clone())).or_default();
        looks.retain(|at| now - *at < TimeDelta::seconds(2));
        looks.push(now);
        let many = looks.len() > MOST_LOOKS;
        drop(watch);
        self.count("path: look asked for by notices");
        if many && !tired && !skewed {
            self.wrong(format!("I14: notices cost more than {MOST_LOOKS} looks within two seconds"));
        }
    }

    /// I9: a call about one subscription.
    pub(crate) fn subscription_called(&self, address: &Address, tenant: &str) {
        if !address.kind.is_of_subscriptions() || address.whom.is_empty() {
            return;
        }
        let twin = self.twin.borrow();
        let other = twin
            .subscriptions()
            .any(|own| own.id.eq_ignore_ascii_case(&address.whom) && *own.tenant != *tenant);
        drop(twin);
        if other {
            self.wrong(format!("I9: a subscription is called with a token of tenant {tenant}"));
        }
    }

    /// Every room gets a hint at the short interval. What it means for a room that is listened to, the poller knows.
    pub(crate) fn polls_asked(&self, hints: &[PollHint]) {
        if !self.post.is_on() || !hints.iter().any(|hint| hint.spare) {
            return;
        }
        let Some(first) = hints.first() else { return };
        let rooms =
            self.store.rooms(&first.tenant_id).now_or_never().and_then(Result::ok).unwrap_or_default();
        let settled = |at: Instant| self.now() - at > SLACK;
        for row in
            rooms.iter().filter(|row| row.state.status == RoomStatus::Active && settled(row.observed_at))
        {
            let asked = |hint: &&PollHint| hint.reason == HintReason::Schedule && hint.room() == row.room;
            if !hints.iter().any(|hint| asked(&hint)) {
                self.wrong(format!("the tick asks for no look at {}", row.state.display_name));
            }
        }
    }

    /// How many messages wait for the rooms of notices.
    pub(crate) fn waiting(&self, notices: &[Notice]) -> Vec<usize> {
        let messages = self.queue.messages(Lane::Polls);
        let count = |notice: &Notice| {
            let group = notice.hint.room().key();
            messages.iter().filter(|message| message.group == group).count()
        };
        notices.iter().map(count).collect()
    }

    /// Notices were handed on: none of them is forged, and none that is new is taken for an old one.
    pub(crate) fn notices_sent(&self, caller: &Caller, notices: &[Notice], before: Vec<usize>) {
        let letter = self.watch.borrow().push.letters.get(&caller.invocation.get()).cloned();
        let Some(letter) = letter else { return self.wrong("notices from nowhere".to_owned()) };
        if letter.forged {
            self.wrong("a forged notice is handed on".to_owned());
        }
        for ((notice, before), after) in notices.iter().zip(before).zip(self.waiting(notices)) {
            let room = notice.hint.room();
            if letter.fresh && after <= before {
                self.wrong(format!("a new notice of {} is swallowed", self.name_of(room.room.as_str())));
            }
        }
        self.watch.borrow_mut().push.handed_on.push((self.now(), letter));
    }

    /// The lifecycle queue gets something.
    pub(crate) fn lifecycle_sent(&self, caller: &Caller) {
        let letter = self.watch.borrow().push.letters.get(&caller.invocation.get()).cloned();
        if letter.is_some_and(|letter| letter.forged) {
            self.wrong("a forged lifecycle notice is handed on".to_owned());
        }
    }

    /// A subscription is trusted only after one of its own notices was handed on, and after a silence only after another one.
    pub(crate) fn trust_earned(&self, room: &RoomRef, before: Option<&Listening>, next: &Cursor) {
        if next.refusal.is_some() {
            self.count("path: room cannot be listened to");
        }
        let Some(now) = &next.listening else {
            if before.is_some() {
                self.count("path: subscription given up");
            }
            return;
        };
        let same = before.filter(|before| before.subscription_id == now.subscription_id);
        match (before, same) {
            (None, _) => self.count("path: room listened to"),
            (_, None) => self.count("path: subscription replaced"),
            (_, Some(same)) if same.expires_at < now.expires_at => self.count("path: subscription renewed"),
            (_, Some(same)) if same.silent_since.is_none() && now.silent_since.is_some() => {
                self.count("path: silence noticed");
            }
            _ => {}
        }
        let is_trusted = |held: &Listening| held.heard_at.is_some() && held.silent_since.is_none();
        if !is_trusted(now) || same.is_some_and(is_trusted) {
            return;
        }
        self.count("path: delivery proven");
        let watch = self.watch.borrow();
        let slack = if watch.skewed { SLACK } else { TimeDelta::seconds(1) };
        let silent_since = same.and_then(|same| same.silent_since);
        let earned = watch.push.handed_on.iter().any(|(at, letter)| {
            letter.body.contains(&now.subscription_id)
                && silent_since.is_none_or(|since| *at >= since - slack)
        });
        drop(watch);
        if !earned {
            self.wrong(format!(
                "I18: the subscription of {} is trusted although it has told nothing",
                self.name_of(room.room.as_str())
            ));
        }
    }
}
