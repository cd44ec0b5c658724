//! Environments of the six functions and what they are working on.
//!
//! An environment handles one invocation at a time, keeps its tokens, links and tenants between two, and dies with a crash.

use crate::aws_ports::{Aws, older_hint};
use crate::graph_port::SimTransport;
use crate::postman::{Letter, webhook};
use crate::push::KEY;
use crate::universe::{Caller, Universe};
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use chrono::TimeDelta;
use roomsync_domain::Instant;
use roomsync_domain::hint::PollHint;
use roomsync_graph::{GraphClient, Options};
use roomsync_testkit::{Lane, Message};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use uuid::Uuid;

/// How long an environment has to rest until its connections are gone (load balancers forget idle ones after minutes).
const FROZEN: TimeDelta = TimeDelta::minutes(4);

type Client = GraphClient<SimTransport, Aws, Caller>;
type SyncDeps = resource_sync::Deps<Client, Aws, Aws, Caller>;
type WriterDeps = booking_writer::Deps<Client, Aws, Aws, Caller>;
type PollerDeps = delta_poller::Deps<Client, Aws, Aws, Caller>;
type KeeperDeps = subscription_keeper::Deps<Client, Aws, Aws, Aws, Caller>;
type ReceiverDeps = webhook_receiver::Deps<Aws, Aws, Caller>;

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Sync,
    Dispatcher,
    Poller,
    Writer,
    Keeper,
    Receiver,
}

impl Function {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sync => "resource-sync",
            Self::Dispatcher => "poll-dispatcher",
            Self::Poller => "delta-poller",
            Self::Writer => "booking-writer",
            Self::Keeper => "subscription-keeper",
            Self::Receiver => "webhook-receiver",
        }
    }

    /// Whether there was a version of it that knew nothing of notices.
    fn has_a_past(self) -> bool {
        matches!(self, Self::Sync | Self::Dispatcher | Self::Poller)
    }

    /// Most environments at a time.
    fn most(self) -> usize {
        match self {
            Self::Poller | Self::Receiver => 3,
            Self::Sync | Self::Dispatcher | Self::Keeper | Self::Writer => 2,
        }
    }

    /// `Timeout` in template.yaml.
    fn timeout(self) -> TimeDelta {
        TimeDelta::seconds(match self {
            Self::Sync | Self::Keeper => 300,
            Self::Dispatcher | Self::Poller | Self::Writer => 60,
            Self::Receiver => 10,
        })
    }
}

/// What an invocation is given.
#[derive(Clone)]
pub(crate) enum Work {
    /// A batch.
    Batch(Lane, Vec<Message>),
    /// A tick, at a time.
    Tick(Instant),
    /// A request from outside.
    Request(Rc<Letter>),
}

#[derive(Clone)]
enum Deps {
    Sync(Rc<SyncDeps>),
    Dispatcher(Aws),
    Poller(Rc<PollerDeps>),
    Writer(Rc<WriterDeps>),
    Keeper(Rc<KeeperDeps>),
    Receiver(Rc<ReceiverDeps>),
}

struct Env {
    function: Function,
    caller: Caller,
    deps: Deps,
    busy: bool,
    /// When its last invocation ended.
    rested: Instant,
}

struct Invocation {
    id: u32,
    env: u32,
    function: Function,
    work: Work,
    started_at: Instant,
    future: Pin<Box<dyn Future<Output = SqsBatchResponse>>>,
    awake: Arc<Awake>,
}

#[derive(Debug, Default)]
struct Awake(AtomicBool);

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// All environments and invocations.
pub(crate) struct Fleet {
    universe: Rc<Universe>,
    envs: Vec<Env>,
    running: Vec<Invocation>,
    next: u32,
    /// How wrong the clocks of new environments are.
    pub(crate) skew: TimeDelta,
    /// Whether a deployment is under way that does not end: some new environments get the version before.
    pub(crate) two_versions: bool,
    /// Whether environments that were frozen for long wake with connections that the other end has forgotten.
    pub(crate) half_open: bool,
    /// Messages that were handled, for those that come back long after.
    pub(crate) past: Vec<(Lane, Message)>,
}

impl Fleet {
    pub(crate) fn new(universe: Rc<Universe>) -> Self {
        Self {
            universe,
            envs: Vec::new(),
            running: Vec::new(),
            next: 0,
            skew: TimeDelta::zero(),
            two_versions: false,
            half_open: false,
            past: Vec::new(),
        }
    }

    /// Whether another invocation of a function can begin.
    pub(crate) fn has_room_for(&self, function: Function) -> bool {
        self.running.iter().filter(|one| one.function == function).count() < function.most()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    fn environment(&mut self, function: Function) -> usize {
        if let Some(at) = self.envs.iter().position(|env| env.function == function && !env.busy) {
            return at;
        }
        self.next += 1;
        let caller = Caller {
            universe: Rc::clone(&self.universe),
            env: self.next,
            invocation: Rc::new(Cell::new(0)),
            skew: Rc::new(Cell::new(self.skew)),
            older: Rc::new(Cell::new(
                self.two_versions && self.next.is_multiple_of(3) && function.has_a_past(),
            )),
            half_open: Rc::default(),
        };
        let aws = Aws(caller.clone());
        let ids = AtomicU64::new(0);
        let env = u64::from(self.next);
        let request_ids = Arc::new(move || Uuid::from_u64_pair(env, ids.fetch_add(1, Ordering::Relaxed)));
        let options = Options { endpoints: None, request_ids };
        let client = GraphClient::new(SimTransport(caller.clone()), aws.clone(), caller.clone(), options);
        let deps = match function {
            Function::Sync => Deps::Sync(Rc::new(resource_sync::Deps {
                graph: client,
                store: aws.clone(),
                queue: aws,
                clock: caller.clone(),
                tick: TimeDelta::minutes(15),
            })),
            Function::Poller => {
                Deps::Poller(Rc::new(delta_poller::Deps::new(client, aws.clone(), aws, caller.clone())))
            }
            Function::Writer => {
                Deps::Writer(Rc::new(booking_writer::Deps::new(client, aws.clone(), aws, caller.clone())))
            }
            Function::Dispatcher => Deps::Dispatcher(aws),
            Function::Keeper => {
                let keys = subscription_keeper::keys::Keys::new(KEY.to_owned());
                let store = aws.clone();
                let (queue, secrets, clock) = (aws.clone(), aws, caller.clone());
                let webhook = Some(webhook());
                Deps::Keeper(Rc::new(subscription_keeper::Deps::new(
                    client, store, queue, secrets, clock, keys, webhook,
                )))
            }
            Function::Receiver => Deps::Receiver(Rc::new(webhook_receiver::Deps {
                queue: aws.clone(),
                secrets: aws,
                clock: caller.clone(),
                keyring: webhook_receiver::Keyring::new(KEY.to_owned()),
            })),
        };
        let rested = self.universe.now();
        self.envs.push(Env { function, caller, deps, busy: false, rested });
        self.envs.len() - 1
    }

    /// Begins an invocation. Gives its environment.
    pub(crate) fn invoke(&mut self, function: Function, work: Work) -> u32 {
        let at = self.environment(function);
        self.next += 1;
        let id = self.next;
        let env = &mut self.envs[at];
        env.busy = true;
        env.caller.invocation.set(id);
        env.caller.half_open.set(self.half_open && self.universe.now() - env.rested >= FROZEN);
        let deadline = env.caller.now() + function.timeout() - TimeDelta::seconds(12);
        let read = if env.caller.older.get() { as_read_before(&work) } else { work.clone() };
        let future = begin(env.deps.clone(), &read, deadline, env.caller.now());
        let env = env.caller.env;
        let universe = &self.universe;
        universe.invocation_begun(id, function, &work);
        universe.story.mark(&[3, u64::from(id), function as u64]);
        universe
            .story
            .say(|| format!("#{id} {} in environment {env}: {}", function.name(), told(universe, &work)));
        let started_at = universe.now();
        let awake = Arc::new(Awake(AtomicBool::new(true)));
        self.running.push(Invocation { id, env, function, work, started_at, future, awake });
        self.run();
        env
    }

    /// Lets everything run that was woken, until nothing is.
    pub(crate) fn run(&mut self) {
        while let Some(at) = self.running.iter().position(|one| one.awake.0.swap(false, Ordering::Relaxed)) {
            let one = &mut self.running[at];
            let waker = Waker::from(Arc::clone(&one.awake));
            if let Poll::Ready(answer) = one.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                let one = self.running.remove(at);
                self.finish(one, &answer);
            }
        }
    }

    fn finish(&mut self, one: Invocation, answer: &SqsBatchResponse) {
        let universe = Rc::clone(&self.universe);
        if let Some(env) = self.envs.iter_mut().find(|env| env.caller.env == one.env) {
            env.busy = false;
            env.rested = universe.now();
        }
        universe.invocation_over(one.id);
        let failures = answer.batch_item_failures.len();
        universe.story.mark(&[4, u64::from(one.id), failures as u64]);
        universe.story.say(|| format!("#{} ends, {failures} messages go back", one.id));
        let (lane, messages) = match one.work {
            Work::Batch(lane, messages) => (lane, messages),
            Work::Request(letter) => return universe.letter_answered(&letter, one.started_at),
            Work::Tick(_) => return,
        };
        if failures > 0 {
            universe.count("path: message goes back");
        }
        for message in messages {
            let back = answer.batch_item_failures.iter().any(|failure| failure.item_identifier == message.id);
            if !back {
                universe.queue.delete(lane, message.receipt);
                self.past.push((lane, message));
                if self.past.len() > 30 {
                    self.past.remove(0);
                }
            }
        }
    }

    /// Kills an invocation with its environment. Its messages come back when their time is over.
    pub(crate) fn crash(&mut self, at: usize) {
        let one = self.running.remove(at);
        self.universe.story.mark(&[5, u64::from(one.id)]);
        self.universe.story.say(|| format!("#{} {} dies", one.id, one.function.name()));
        self.envs.retain(|env| env.caller.env != one.env);
        self.universe.invocation_over(one.id);
        if let Work::Request(letter) = &one.work {
            self.universe.letter_answered(letter, one.started_at);
        }
        drop(one);
        self.run();
    }

    /// Kills what an environment is working on.
    pub(crate) fn crash_in(&mut self, env: u32) {
        if let Some(at) = self.running_in(env) {
            self.crash(at);
        }
    }

    /// The invocation that waits for a call.
    pub(crate) fn running_in(&self, env: u32) -> Option<usize> {
        self.running.iter().position(|one| one.env == env)
    }

    /// Ends what Lambda would not let run longer.
    pub(crate) fn enforce_timeouts(&mut self) {
        let now = self.universe.now();
        while let Some(at) =
            self.running.iter().position(|one| now - one.started_at >= one.function.timeout())
        {
            self.universe.count("lambda: timeout");
            self.crash(at);
        }
    }

    /// Forgets the environments that do nothing: a deployment.
    pub(crate) fn renew(&mut self) {
        self.envs.retain(|env| env.busy);
    }

    /// Sets the clock of one environment back.
    pub(crate) fn step_back(&mut self, pick: usize, by: TimeDelta) {
        let count = self.envs.len();
        if count > 0 {
            let skew = &self.envs[pick % count].caller.skew;
            skew.set(skew.get() - by);
        }
    }

    /// Ends a deployment: what still runs is of the new version.
    pub(crate) fn end_deployment(&mut self) {
        self.two_versions = false;
        self.envs.iter().for_each(|env| env.caller.older.set(false));
    }

    /// Sets all clocks right.
    pub(crate) fn right_clocks(&mut self) {
        self.skew = TimeDelta::zero();
        self.envs.iter().for_each(|env| env.caller.skew.set(TimeDelta::zero()));
    }

    /// The batches that are being worked on.
    pub(crate) fn batches(&self) -> Vec<(Function, Work)> {
        let batch = |one: &&Invocation| matches!(one.work, Work::Batch(..));
        self.running.iter().filter(batch).map(|one| (one.function, one.work.clone())).collect()
    }
}

fn told(universe: &Universe, work: &Work) -> String {
    match work {
        Work::Tick(at) => format!("tick of {}", at.format("%H:%M:%S")),
        Work::Request(letter) => letter.told(),
        Work::Batch(_, messages) => {
            let group = |message: &Message| {
                let id = message.group.rsplit(['/', '#', '|', ':']).next().unwrap_or_default();
                let command = roomsync_command::parse(&message.body)
                    .map(|command| format!("{} of ", command.command_id));
                format!(
                    "{}{} ({}. time)",
                    command.unwrap_or_default(),
                    universe.name_of(id),
                    message.receives
                )
            };
            messages.iter().map(group).collect::<Vec<_>>().join(", ")
        }
    }
}

/// The same messages as an older version of the code reads them.
fn as_read_before(work: &Work) -> Work {
    let Work::Batch(lane, messages) = work else { return work.clone() };
    let older = |message: &Message| {
        let hint = serde_json::from_str::<PollHint>(&message.body);
        let body = hint.and_then(|hint| serde_json::to_string(&older_hint(&hint)));
        Message { body: body.unwrap_or_else(|_| message.body.clone()), ..message.clone() }
    };
    Work::Batch(*lane, messages.iter().map(older).collect())
}

/// The handler that ships, as a future of its own.
fn begin(
    deps: Deps,
    work: &Work,
    deadline: Instant,
    now: Instant,
) -> Pin<Box<dyn Future<Output = SqsBatchResponse>>> {
    match (deps, work.clone()) {
        (Deps::Poller(deps), Work::Batch(_, messages)) => {
            Box::pin(async move { delta_poller::handle(event(&messages), &deps, deadline).await })
        }
        (Deps::Writer(deps), Work::Batch(_, messages)) => Box::pin(async move {
            let event = booking_writer::Event::Queue(event(&messages));
            booking_writer::handle(event, &deps, deadline).await.unwrap_or_default()
        }),
        (Deps::Writer(deps), Work::Tick(_)) => Box::pin(async move {
            let event = booking_writer::Event::Schedule(EventBridgeEvent::default());
            // A look that fails is made up for by the next one.
            booking_writer::handle(event, &deps, deadline).await.unwrap_or_default()
        }),
        (Deps::Sync(deps), Work::Batch(_, messages)) => Box::pin(async move {
            let event = resource_sync::Event::Queue(event(&messages));
            resource_sync::handle(event, &deps).await.unwrap_or_default()
        }),
        (Deps::Sync(deps), Work::Tick(at)) => Box::pin(async move {
            let mut event = EventBridgeEvent::default();
            event.time = Some(at);
            resource_sync::handle(resource_sync::Event::Schedule(event), &deps).await.unwrap_or_default()
        }),
        (Deps::Keeper(deps), Work::Batch(_, messages)) => Box::pin(async move {
            let event = subscription_keeper::Event::Queue(event(&messages));
            subscription_keeper::handle(event, &deps, deadline).await.unwrap_or_default()
        }),
        (Deps::Keeper(deps), Work::Tick(at)) => Box::pin(async move {
            let mut event = EventBridgeEvent::default();
            event.time = Some(at);
            let event = subscription_keeper::Event::Schedule(event);
            subscription_keeper::handle(event, &deps, deadline).await.unwrap_or_default()
        }),
        (Deps::Receiver(deps), Work::Request(letter)) => Box::pin(async move {
            let answer = webhook_receiver::handle(letter.event(), &deps).await;
            letter.answer(answer);
            SqsBatchResponse::default()
        }),
        (Deps::Dispatcher(aws), Work::Tick(_)) => Box::pin(async move {
            // A tick that fails is made up for by the next one.
            let bound = if aws.0.universe.post.is_on() { 0 } else { TICK_SECONDS };
            let _ = poll_dispatcher::dispatch(&aws, &aws, now, TICK_SECONDS, bound).await;
            SqsBatchResponse::default()
        }),
        _ => Box::pin(async { SqsBatchResponse::default() }),
    }
}

/// Time between two ticks of the dispatcher.
pub(crate) const TICK_SECONDS: u32 = 120;

/// A batch as Lambda hands it over.
fn event(messages: &[Message]) -> SqsEvent {
    let record = |message: &Message| {
        let mut record = SqsMessage::default();
        record.message_id = Some(message.id.clone());
        record.receipt_handle = Some(message.receipt.to_string());
        record.body = Some(message.body.clone());
        let attributes = [
            ("MessageGroupId", message.group.clone()),
            ("ApproximateReceiveCount", message.receives.to_string()),
            ("SentTimestamp", message.sent_at.timestamp_millis().to_string()),
        ];
        record.attributes = attributes.map(|(name, value)| (name.to_owned(), value)).into();
        record
    };
    let mut event = SqsEvent::default();
    event.records = messages.iter().map(record).collect();
    event
}
