#![doc = include_str!("../README.md")]

mod admin;
pub mod calendar;
pub mod control;
mod courier;
mod create;
mod delta;
pub mod demo;
mod edit;
mod entries;
mod events;
pub mod faults;
mod judge;
mod late;
mod login;
pub mod mails;
mod object;
pub mod openapi;
pub mod outlook;
mod payload;
mod places;
mod post;
pub mod processing;
pub mod push;
mod report;
mod request;
pub mod serve;
pub mod switches;
pub mod tenant;
pub mod throttle;
mod users;
mod view;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::{Request, Response};
use rand::SeedableRng;
use rand::rngs::SmallRng;

use calendar::{Mailbox, MailboxState};
use faults::{Effect, Faults};
use late::Late;
use login::Grant;
use mails::Mails;
use post::Pace;
use processing::Context;
use push::Push;
use report::Report;
use request::Call;
use switches::Traps;
use tenant::Tenant;
use throttle::Throttle;
use wire::{Refusal, Reply};

pub use entries::Entry;
pub use faults::{Delivery, Fault};
pub use mails::{Hand, Mail, MailKind};
pub use outlook::{Action, Meeting, Refused};
pub use processing::RoomPolicy;
pub use push::{Forgery, Handshake, Outcome, Post, PostKind, PushSwitches, Subscription};
pub use report::{Counters, Instance, Seen};
pub use request::Kind;
pub use switches::{Trap, Tuning};
pub use tenant::{AppSpec, ListSpec, RoomSpec, SecretSpec, TenantSpec, UserSpec, World};
pub use throttle::{Lane, Violation};

/// The stand-in for the login host and Microsoft Graph. Pure: no I/O, no clock, no randomness but its seed.
#[derive(Debug)]
pub struct Twin {
    pub(crate) base_url: String,
    pub(crate) login_url: String,
    pub(crate) rng: SmallRng,
    pub(crate) now: DateTime<Utc>,
    pub(crate) tenants: BTreeMap<Arc<str>, Tenant>,
    pub(crate) grants: BTreeMap<String, Arc<Grant>>,
    pub(crate) traps: Traps,
    pub(crate) tuning: Tuning,
    pub(crate) faults: Faults,
    pub(crate) throttle: Throttle,
    pub(crate) report: Report,
    pub(crate) mails: Mails,
    pub(crate) late: Late,
    pub(crate) push: Push,
    pub(crate) counter: u64,
    pub(crate) links: u32,
    forced: Option<Trap>,
}

/// An answer and what the transport does with it.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP answer.
    pub response: Response<Bytes>,
    /// How it travels.
    pub delivery: Delivery,
    /// If there is one, the answer stands only as long as nobody makes these calls: see [`Twin::finish`].
    pub handshake: Option<Handshake>,
}

impl Twin {
    /// An empty world. Equal seeds and equal calls give equal answers.
    pub fn new(seed: u64) -> Twin {
        Twin {
            base_url: "https://graph.microsoft.com".to_owned(),
            login_url: "https://login.microsoftonline.com".to_owned(),
            rng: SmallRng::seed_from_u64(seed),
            now: DateTime::UNIX_EPOCH,
            tenants: BTreeMap::new(),
            grants: BTreeMap::new(),
            traps: Traps::default(),
            tuning: Tuning::default(),
            faults: Faults::default(),
            throttle: Throttle::default(),
            report: Report::default(),
            mails: Mails::default(),
            late: Late::default(),
            push: Push::new(seed),
            counter: 0,
            links: 0,
            forced: None,
        }
    }

    /// Sets scheme, host and port of both hosts, without a trailing slash: links, scopes and audiences follow.
    pub fn set_base_url(&mut self, url: &str) {
        self.set_urls(url, url);
    }

    /// The same for hosts of their own.
    pub fn set_urls(&mut self, graph: &str, login: &str) {
        self.base_url = graph.trim_end_matches('/').to_owned();
        self.login_url = login.trim_end_matches('/').to_owned();
    }

    /// Answers one request that arrives at `now`. Time never runs backwards inside the twin.
    pub fn handle(&mut self, now: DateTime<Utc>, request: &Request<Bytes>) -> Answer {
        self.advance(now);
        let call = Call::read(request);
        let request_id = self.request_id();
        let grant = if call.kind == Kind::Token { None } else { Some(self.grant(request)) };
        let lane = self.lane(&call, grant.as_ref().and_then(|grant| grant.as_ref().ok()));
        self.report.count(self.now, &call, request, &lane);
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let effect = self.pick_fault(&call, path, &lane);
        let later = effect.clone();
        let mut delivery = match self.tuning.latency_ms {
            0 => Delivery::Normal,
            ms => Delivery::Delay(std::time::Duration::from_millis(ms)),
        };
        let admitted = self.throttle.admit(&lane, self.now, &self.tuning);
        let mut reply = match (admitted, effect) {
            (Err(refusal), _) => refusal.reply(self.now, &request_id),
            (Ok(()), None) => self.execute(&call, request, grant, &request_id),
            (Ok(()), Some(effect)) => self.afflict(effect, &call, request, grant, &request_id, &mut delivery),
        };
        self.forced = None;
        let wait = reply.headers.iter().find(|(name, _)| *name == "retry-after");
        if let Some(until) = wait.and_then(|(_, value)| faults::promised(value, self.now)) {
            self.throttle.promise(&lane, until);
        }
        let draft = reply.unless.take();
        let handshake = draft.map(|draft| self.prove(*draft, call.kind, later, delivery, &request_id));
        if handshake.is_none() {
            self.report.answered(call.kind, reply.status);
        }
        Answer { response: finish(reply, self.now, &request_id), delivery, handshake }
    }

    /// A request came in: counts towards concurrency until `end`. Transports bracket `handle` with the two.
    pub fn begin(&mut self, request: &Request<Bytes>) -> Lane {
        let call = Call::read(request);
        let grant = self.grant(request).ok();
        let lane = self.lane(&call, grant.as_ref());
        self.throttle.begin(&lane);
        lane
    }

    /// Its answer has left.
    pub fn end(&mut self, lane: &Lane) {
        self.throttle.end(lane);
    }

    /// The latest time it has been told.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub(crate) fn execute(
        &mut self,
        call: &Call,
        request: &Request<Bytes>,
        grant: Option<Result<Arc<Grant>, Refusal>>,
        request_id: &str,
    ) -> Reply {
        let outcome = match grant {
            None => return self.token(call, request, request_id),
            Some(Ok(grant)) => self.graph(call, request, &grant),
            Some(Err(refusal)) => Err(refusal),
        };
        outcome.unwrap_or_else(|refusal| refusal.reply(self.now, request_id))
    }

    fn graph(&mut self, call: &Call, request: &Request<Bytes>, grant: &Arc<Grant>) -> Result<Reply, Refusal> {
        match call.kind {
            Kind::Rooms | Kind::RoomLists | Kind::RoomsOfList | Kind::Place => self.places(call, grant),
            Kind::User | Kind::Users => self.users(call, grant),
            kind if kind.of_subscriptions() => self.subscription_call(call, request, grant),
            Kind::Token | Kind::Unknown => {
                let path = call.segments.join("/");
                Err(Refusal::new(400, "BadRequest", &format!("Resource not found for the segment '{path}'.")))
            }
            _ => {
                let id = self.enter(call, grant)?;
                let tenant = grant.tenant.as_ref();
                match call.kind {
                    Kind::MailboxSettings => Ok(self.mailbox_settings(self.mailbox(tenant, &id)?)),
                    Kind::View => self.view(call, tenant, &id, None),
                    Kind::DeltaStart | Kind::DeltaNext | Kind::DeltaLink => self.delta(call, tenant, &id),
                    Kind::EventList => self.list_events(call, self.mailbox(tenant, &id)?),
                    _ => self.events(call, request, tenant, &id),
                }
            }
        }
    }

    /// The mailbox a call addresses, if it exists and the app may open it.
    fn enter(&self, call: &Call, grant: &Grant) -> Result<Arc<str>, Refusal> {
        let who = call.user.as_deref().unwrap_or("");
        let unknown =
            || Refusal::new(404, "ErrorInvalidUser", &format!("The requested user '{who}' is invalid."));
        let tenant = self.tenants.get(&grant.tenant).ok_or_else(unknown)?;
        let reads = matches!(call.kind, Kind::View | Kind::EventGet | Kind::EventList | Kind::Instances)
            || call.kind >= Kind::DeltaStart && call.kind <= Kind::DeltaLink;
        let allowed = match call.kind {
            Kind::MailboxSettings => grant.roles.contains("MailboxSettings.Read"),
            _ => {
                grant.roles.contains("Calendars.ReadWrite")
                    || (reads && grant.roles.contains("Calendars.Read"))
            }
        };
        let denied =
            || Refusal::new(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.");
        if !allowed {
            return Err(denied());
        }
        let mailbox = tenant.resolve(who).and_then(|id| tenant.mailboxes.get(&id)).ok_or_else(unknown)?;
        if tenant.apps.get(&grant.client).is_none_or(|app| app.leaves_out(mailbox)) {
            return Err(denied());
        }
        match mailbox.state {
            MailboxState::Active => Ok(mailbox.id.clone()),
            MailboxState::Gone => Err(unknown()),
            MailboxState::NotEnabled => Err(Refusal::new(
                404,
                "MailboxNotEnabledForRESTAPI",
                "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
            )),
        }
    }

    fn afflict(
        &mut self,
        effect: Effect,
        call: &Call,
        request: &Request<Bytes>,
        grant: Option<Result<Arc<Grant>, Refusal>>,
        request_id: &str,
        delivery: &mut Delivery,
    ) -> Reply {
        let now = self.now;
        match effect {
            Effect::Status { status, code, retry_after, form, executed } => {
                let done = executed.then(|| self.execute(call, request, grant, request_id));
                let wait = retry_after.map(|seconds| faults::retry_after(seconds, form, now));
                let reply = faults::refusal(status, code, wait).reply(now, request_id);
                return Reply { unless: done.and_then(|done| done.unless), ..reply };
            }
            Effect::Unauthorized => return faults::refusal(401, None, None).reply(now, request_id),
            Effect::Html { status } => return faults::html(status),
            Effect::DropBeforeEffect => {
                *delivery = Delivery::DropBeforeEffect;
                return Reply::empty(504);
            }
            Effect::LandLater { ms } => {
                *delivery = Delivery::DropBeforeEffect;
                self.postpone(request, ms);
                return Reply::empty(504);
            }
            Effect::Spring { trap } => self.forced = Some(trap),
            Effect::Reset => *delivery = Delivery::ResetMidBody,
            Effect::DropAfterEffect => *delivery = Delivery::DropAfterEffect,
            Effect::Delay { ms } => *delivery = Delivery::Delay(std::time::Duration::from_millis(ms)),
            Effect::TruncatedJson | Effect::EmptyBody => {}
        }
        let reply = self.execute(call, request, grant, request_id);
        spoil(Some(&effect), reply, now, request_id)
    }

    fn pick_fault(&mut self, call: &Call, path: &str, lane: &Lane) -> Option<Effect> {
        if self.faults.rules().is_empty() {
            return None;
        }
        let whom = self.push.mailbox_of(call).or_else(|| {
            let who = call.user.as_deref().filter(|_| call.kind.of_subscriptions())?;
            self.tenants.get(&lane.tenant)?.resolve(who)
        });
        let whom = whom.unwrap_or_else(|| lane.mailbox.clone());
        let mailbox = self.tenants.get(&lane.tenant).and_then(|tenant| tenant.mailboxes.get(&whom));
        let names = [whom.as_ref(), mailbox.map_or("", |mailbox| mailbox.address.as_str())];
        self.faults.pick(&mut self.rng, call, path, &lane.tenant, &names)
    }

    fn lane(&self, call: &Call, grant: Option<&Arc<Grant>>) -> Lane {
        let empty = || Arc::from("");
        let Some(grant) = grant else {
            let tenant =
                if call.kind == Kind::Token { Arc::from(call.segment(0).to_lowercase()) } else { empty() };
            return Lane { tenant, mailbox: empty() };
        };
        let mailbox = call.user.as_deref().filter(|_| call.kind.of_calendar()).map(|who| {
            let known = self.tenants.get(&grant.tenant).and_then(|tenant| tenant.resolve(who));
            known.unwrap_or_else(|| Arc::from(who))
        });
        // Their limits are of their own: waiting for one closes nothing else.
        let mailbox = mailbox.or_else(|| match call.kind {
            Kind::SubscriptionList => Some(Arc::from("subscriptions/list")),
            kind => kind.of_subscriptions().then(|| Arc::from("subscriptions")),
        });
        Lane { tenant: grant.tenant.clone(), mailbox: mailbox.unwrap_or_else(empty) }
    }

    pub(crate) fn mailbox(&self, tenant: &str, id: &str) -> Result<&Mailbox, Refusal> {
        let mailbox = self.tenants.get(tenant).and_then(|tenant| tenant.mailboxes.get(id));
        mailbox.ok_or_else(Refusal::no_item)
    }

    pub(crate) fn mailbox_mut(&mut self, tenant: &str, id: &str) -> Result<&mut Mailbox, Refusal> {
        let mailbox = self.tenants.get_mut(tenant).and_then(|tenant| tenant.mailboxes.get_mut(id));
        mailbox.ok_or_else(Refusal::no_item)
    }

    /// When delta starts to show a change made now.
    pub(crate) fn seen(&self) -> DateTime<Utc> {
        self.now + Duration::milliseconds(self.tuning.lag_ms)
    }

    /// One tenant, and what steps in it need besides.
    pub(crate) fn split(&mut self, tenant: &str) -> Option<(&mut Tenant, Context<'_>)> {
        let (seen, lag) = (self.seen(), self.seen() - self.now);
        let Twin { tenants, rng, traps, counter, now, mails, .. } = self;
        let (hand, pace) = (Hand::Person, Pace::default());
        let context = Context { now: *now, seen, lag, hand, pace, rng, traps, counter, mails };
        tenants.get_mut(tenant.to_lowercase().as_str()).map(|tenant| (tenant, context))
    }

    /// The same for what an app does: mail takes its time.
    pub(crate) fn split_for_app(&mut self, tenant: &str) -> Option<(&mut Tenant, Context<'_>)> {
        let pace = Pace::of(&self.tuning);
        self.split(tenant).map(|(tenant, context)| (tenant, Context { hand: Hand::App, pace, ..context }))
    }

    pub(crate) fn springs(&mut self, trap: Trap, mailbox: Option<&Arc<str>>) -> bool {
        self.forced == Some(trap) || self.traps.springs(&mut self.rng, trap, mailbox)
    }

    fn request_id(&mut self) -> String {
        self.counter += 1;
        uuid::Uuid::from_u64_pair(0x7477_696e_0000_4000, self.counter | 0x8000_0000_0000_0000).to_string()
    }
}

/// What a fault makes of an answer.
fn spoil(effect: Option<&Effect>, mut reply: Reply, now: DateTime<Utc>, request_id: &str) -> Reply {
    match effect {
        Some(Effect::TruncatedJson) => reply.body.truncate(reply.body.len() / 2),
        Some(Effect::EmptyBody) => reply.body.clear(),
        Some(Effect::Status { status, code, retry_after, form, .. }) => {
            let wait = retry_after.map(|seconds| faults::retry_after(seconds, *form, now));
            return faults::refusal(*status, code.clone(), wait).reply(now, request_id);
        }
        _ => {}
    }
    reply
}

fn finish(reply: Reply, now: DateTime<Utc>, request_id: &str) -> Response<Bytes> {
    let mut builder = Response::builder()
        .status(reply.status)
        .header("request-id", request_id)
        .header("client-request-id", request_id)
        .header("date", httpdate::fmt_http_date(now.into()));
    for (name, value) in &reply.headers {
        builder = builder.header(*name, value);
    }
    builder.body(Bytes::from(reply.body)).unwrap_or_else(|_| Response::new(Bytes::new()))
}
