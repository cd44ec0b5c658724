//! What must be true of calls to Graph, and of the looks that make them.

use crate::graph_port::{Address, retry_after};
use crate::universe::{Caller, Kind, Universe};
use bytes::Bytes;
use http::Response;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::writing::Claimed;
use roomsync_domain::{Instant, RoomRef};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};

/// Most calls to Graph of one look: 45 days in slices of six hours, where long meetings overlap more often than a page has entries.
const MOST_CALLS: u32 = 2500;
/// Most calls to one mailbox at a time (throttling-limits).
const AT_ONCE: usize = 4;

/// What is known of calls.
#[derive(Default)]
pub(crate) struct CallWatch {
    /// Tenant of each token that was handed out.
    tokens: BTreeMap<String, String>,
    /// Until when an environment was asked not to call.
    promises: BTreeMap<(u32, String), Instant>,
    pub(crate) looks: BTreeMap<(u32, RoomRef), Look>,
    /// Invocations and tenants to whom the directory showed any room.
    pub(crate) shown: BTreeSet<(u32, String)>,
}

/// One attempt to bring a room into step.
pub(crate) struct Look {
    pub(crate) step: u64,
    not_before: Option<Instant>,
    pub(crate) guarded: bool,
    pub(crate) ended: usize,
    calls: u32,
    /// What it has read of commands under way.
    pub(crate) claimed: Vec<Claimed>,
}

/// A list of places, or one place.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    value: Option<Vec<IgnoredAny>>,
    email_address: Option<IgnoredAny>,
}

impl Shown {
    fn any(&self) -> bool {
        self.value.as_ref().map_or(self.email_address.is_some(), |rows| !rows.is_empty())
    }
}

/// The login host's consent.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

impl Universe {
    /// I9, I13, I14: a request leaves. Gives the lane that its answer may close.
    pub(crate) fn request_sent(&self, caller: &Caller, address: &Address, bearer: &str) -> String {
        let mut watch = self.watch.borrow_mut();
        let mut wrong = Vec::new();
        let token = bearer.trim_start_matches("Bearer ");
        let tenant = match address.kind {
            Kind::Login => Some(address.whom.clone()),
            _ => watch.calls.tokens.get(token).cloned(),
        };
        let Some(tenant) = tenant else {
            drop(watch);
            self.wrong("I9: a call with a token that nobody gave out".to_owned());
            return String::new();
        };
        let of_mailbox = !matches!(address.kind, Kind::Login | Kind::Places | Kind::User)
            && !address.kind.is_of_subscriptions();
        let of_person = self.ledger.borrow().is_of(&address.whom, &tenant);
        if of_mailbox && !of_person && watch.homes.get(&address.whom) != Some(&tenant) {
            wrong.push(format!("I9: mailbox {} is called with a token of tenant {tenant}", address.whom));
        }
        let lane = format!("{tenant}/{}", address.lane);
        let now = self.now();
        if let Some(until) =
            watch.calls.promises.get(&(caller.env, lane.clone())).filter(|until| now < **until)
        {
            wrong.push(format!("I13: {lane} was called {} before it allowed", *until - now));
        }
        if of_mailbox {
            let room = watch.calls.looks.iter_mut().find(|((invocation, room), _)| {
                *invocation == caller.invocation.get() && room.room.as_str() == address.whom
            });
            if let Some((_, look)) = room {
                look.calls += 1;
                if look.calls > MOST_CALLS {
                    wrong.push(format!("I14: {} calls in one look", look.calls));
                }
                if look.not_before.is_some_and(|at| caller.now() < at) {
                    wrong.push("I13: a call although the cursor says to wait".to_owned());
                }
            }
        }
        drop(watch);
        self.notice_look(caller, address);
        self.subscription_called(address, &tenant);
        let ops = self.ops.borrow();
        let same = ops.values().filter(|op| {
            op.caller.env == caller.env
                && of_mailbox
                && op.what.kind.is_http()
                && op.what.about == address.whom
        });
        if same.count() >= AT_ONCE {
            wrong.push(format!("I13: more than {AT_ONCE} calls to one mailbox at a time"));
        }
        drop(ops);
        wrong.into_iter().for_each(|what| self.wrong(what));
        lane
    }

    /// An answer is there: a token, or a wish to be left alone.
    pub(crate) fn answer_received(
        &self,
        caller: &Caller,
        address: &Address,
        lane: &str,
        answer: &Response<Bytes>,
    ) {
        let now = self.now();
        if let Some(until) = retry_after(answer, now) {
            let mut watch = self.watch.borrow_mut();
            let promise = watch.calls.promises.entry((caller.env, lane.to_owned())).or_insert(until);
            *promise = until.max(*promise);
            // A date is read by a clock that may be wrong.
            if watch.skewed {
                watch.calls.promises.remove(&(caller.env, lane.to_owned()));
            }
        }
        if address.kind == Kind::Places
            && answer.status().is_success()
            && serde_json::from_slice::<Shown>(answer.body()).is_ok_and(|shown| shown.any())
        {
            let tenant = lane.split('/').next().unwrap_or_default().to_owned();
            self.watch.borrow_mut().calls.shown.insert((caller.invocation.get(), tenant));
        }
        if address.kind == Kind::Login
            && answer.status().is_success()
            && let Ok(granted) = serde_json::from_slice::<Granted>(answer.body())
        {
            self.watch.borrow_mut().calls.tokens.insert(granted.access_token, address.whom.clone());
        }
    }

    /// A look begins, or begins anew after a lost race.
    pub(crate) fn look_begun(&self, caller: &Caller, room: &RoomRef, cursor: Option<&Cursor>) {
        let mut watch = self.watch.borrow_mut();
        let not_before = cursor.and_then(|cursor| cursor.not_before).filter(|_| !watch.skewed);
        let look = Look {
            step: self.step.get(),
            not_before,
            guarded: cursor.is_some_and(|cursor| cursor.guarded.is_some()),
            ended: 0,
            calls: 0,
            claimed: Vec::new(),
        };
        watch.calls.looks.insert((caller.invocation.get(), room.clone()), look);
    }

    /// A look has read which commands are under way.
    pub(crate) fn claims_read(&self, caller: &Caller, room: &RoomRef, claimed: &[Claimed]) {
        let key = (caller.invocation.get(), room.clone());
        if let Some(look) = self.watch.borrow_mut().calls.looks.get_mut(&key) {
            look.claimed = claimed.to_vec();
        }
    }

    /// An invocation is over; its looks are too.
    pub(crate) fn invocation_over(&self, invocation: u32) {
        self.push_over(invocation);
        self.watch.borrow_mut().calls.looks.retain(|(of, _), _| *of != invocation);
    }

    /// Whether a text holds an access token.
    pub(crate) fn holds_token(&self, text: &str) -> bool {
        self.watch.borrow().calls.tokens.keys().any(|token| text.contains(token.as_str()))
    }
}
