//! One tenant, its twin, and the functions around it.

use crate::compare;
use crate::transport::InProcess;
use crate::webhook::{self, Webhook};
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use chrono::{NaiveDateTime, TimeDelta};
use roomsync_command::BookingCommand;
use roomsync_domain::booking::Booking;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::hint::{HintReason, PollHint, TenantHint};
use roomsync_domain::room::Room;
use roomsync_domain::room_plan::DirectoryMemory;
use roomsync_domain::tenant::{
    Privacy, SecretName, Selection, Take, Tenant, TenantConfig, TenantStatus, Window,
};
use roomsync_domain::{Instant, RoomId, RoomRef, TenantId};
use roomsync_graph::{GraphClient, Options};
use roomsync_ports::{BookingStore, Clock, HintQueue, RoomStore, TenantStore};
use roomsync_testkit::{
    Lane, MemoryQueue, MemorySecrets, MemoryStore, Message, TestClock, at, config, fold_stream,
};
use roomsync_twin::calendar::{Recurrence, Span as TwinSpan, Zone};
use roomsync_twin::outlook::{Action, Meeting};
use roomsync_twin::{AppSpec, RoomPolicy, RoomSpec, TenantSpec, Twin};
use std::cell::RefCell;
use std::rc::Rc;
use subscription_keeper::keys::Keys;

/// The tenant of every world.
pub const TENANT: &str = "84bd8158-6d4d-4958-8b9f-9d6445542f95";
/// Its first room.
pub const ROOM_A: &str = "room.a@contoso.example";
/// Its second room.
pub const ROOM_B: &str = "room.b@contoso.example";

const CLIENT: &str = "5c8b0c0e-31cd-4a0b-9a52-1f3a6ad1f0de";
pub(crate) const SECRET: &str = "a~secret+that/needs=escaping";
pub(crate) const SECRET_NAME: &str = "roomsync/contoso";
/// When every world begins.
pub(crate) const FIRST_DAY: &str = "2026-02-02T08:00:00Z";

/// Graph behind the twin.
pub type Client = GraphClient<InProcess, Rc<MemorySecrets>, TestClock>;
type PollerDeps = delta_poller::Deps<Client, Rc<MemoryStore>, Rc<MemoryQueue>, TestClock>;
type WriterDeps = booking_writer::Deps<Client, Rc<MemoryStore>, Rc<MemoryQueue>, TestClock>;
type SyncDeps = resource_sync::Deps<Client, Rc<MemoryStore>, Rc<MemoryQueue>, TestClock>;
type KeeperDeps =
    subscription_keeper::Deps<Client, Rc<MemoryStore>, Rc<MemoryQueue>, Rc<MemorySecrets>, TestClock>;

/// Everything.
pub struct World {
    /// Microsoft's side.
    pub twin: Rc<RefCell<Twin>>,
    /// The tables.
    pub store: Rc<MemoryStore>,
    /// The queues.
    pub queue: Rc<MemoryQueue>,
    /// The secrets.
    pub secrets: Rc<MemorySecrets>,
    /// The time.
    pub clock: TestClock,
    /// Whether subscriptions are kept and notices delivered.
    pub listens: bool,
    environment: Environment,
}

/// One environment of each function.
struct Environment {
    poller: PollerDeps,
    sync: SyncDeps,
    keeper: KeeperDeps,
    webhook: Webhook,
    writer: WriterDeps,
}

impl World {
    /// A tenant with two rooms whose attendants accept everything as it comes, on Monday, 2 February 2026, at 08:00 UTC. Subjects and
    /// organizers are taken unless private.
    ///
    /// # Panics
    ///
    /// If the store refuses the tenant.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with subscriptions and notices, rooms known and subscribed. They are polled as often as the tenant file says.
    ///
    /// # Panics
    ///
    /// If the store refuses the tenant.
    pub async fn listening() -> Self {
        let mut world = Self::new().await;
        world.listens = true;
        world.sync_rooms().await;
        world.seconds(10).await;
        world
    }

    /// The same with another tenant file.
    ///
    /// # Panics
    ///
    /// If the store refuses the tenant.
    pub async fn with(change: impl FnOnce(&mut TenantConfig)) -> Self {
        let clock = TestClock::new(at(FIRST_DAY));
        let twin = new_twin();
        let twin = Rc::new(RefCell::new(twin));
        let (store, queue) = (Rc::new(MemoryStore::new()), Rc::new(MemoryQueue::new(clock.clone())));
        let secrets = Rc::new(MemorySecrets::new());
        secrets.put(SECRET_NAME, SECRET);
        secrets.put(webhook::KEY_NAME, "the-first-key-0123456789abcdefghij");
        let environment = environment(&twin, &store, &queue, &secrets, &clock);
        let world = Self { twin, store, queue, secrets, clock, listens: false, environment };
        world.add_room(ROOM_A);
        world.add_room(ROOM_B);
        let mut config = tenant_file();
        change(&mut config);
        world.apply(config).await;
        world
    }

    /// Stores the next version of the tenant file.
    ///
    /// # Panics
    ///
    /// If the store refuses it.
    pub async fn apply(&self, config: TenantConfig) {
        let before = self.store.tenant(&config.tenant).await.expect("the store answers");
        let version = before.map_or(1, |tenant| tenant.version + 1);
        let tenant = Tenant { version, status: TenantStatus::Active, config };
        self.store.put_tenant(&tenant).await.expect("the store takes the tenant");
    }

    /// Selects other rooms.
    ///
    /// # Panics
    ///
    /// If the store does not answer.
    pub async fn apply_selection(&self, select: Selection) {
        let mut config = self.config().await;
        config.rooms.select = select;
        self.apply(config).await;
    }

    /// The stored tenant file.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn config(&self) -> TenantConfig {
        self.store.tenant(&tenant_id()).await.expect("the store answers").expect("the tenant").config
    }

    /// A room whose attendant changes nothing but to accept.
    pub fn add_room(&self, address: &str) {
        put_room(&mut self.twin.borrow_mut(), address);
    }

    /// The stable id of a room.
    ///
    /// # Panics
    ///
    /// If the twin has no such room.
    #[must_use]
    pub fn room(&self, address: &str) -> RoomRef {
        let twin = self.twin.borrow();
        let mailbox = twin.tenant(TENANT).and_then(|tenant| tenant.mailbox(address)).expect("the room");
        RoomRef::new(tenant_id(), RoomId::new(mailbox.id.as_ref()))
    }

    /// The twin's Graph, as another environment of ours sees it.
    #[must_use]
    pub fn graph(&self) -> Client {
        client(&self.twin, &self.queue, &self.secrets, &self.clock)
    }

    /// A fresh environment: tokens, links and tenants are forgotten, as after a deployment.
    pub fn restart(&mut self) {
        self.environment = environment(&self.twin, &self.store, &self.queue, &self.secrets, &self.clock);
    }

    /// The time.
    #[must_use]
    pub fn clock_now(&self) -> Instant {
        self.clock.now()
    }

    /// Acts as a person.
    ///
    /// # Panics
    ///
    /// If the twin refuses.
    pub fn act(&self, action: Action) -> String {
        self.twin.borrow_mut().act(self.clock.now(), TENANT, action).expect("the action is possible")
    }

    /// Books a meeting from `day` at `hour` (UTC) for an hour in room A.
    pub fn book(&self, day: &str, hour: u32) -> String {
        self.act(Action::Book { meeting: meeting(day, hour).at(ROOM_A) })
    }

    /// Runs what the schedules would run, every two minutes, so many times, and empties the queues each time.
    pub async fn rounds(&mut self, count: usize) {
        for round in 0..count {
            self.clock.advance(TimeDelta::seconds(120));
            self.twin.borrow_mut().advance(self.clock.now());
            if round % 8 == 0 {
                self.sync_rooms().await;
            }
            self.tick().await;
            self.drain().await;
        }
    }

    /// One message for the tenant.
    ///
    /// # Panics
    ///
    /// If the queue refuses it.
    pub async fn sync_rooms(&self) {
        let tick = self.clock.now().timestamp_millis().to_string();
        self.queue.send_tenants(&[TenantHint::new(tenant_id())], &tick).await.expect("the queue takes hints");
        self.drain_tenants().await;
    }

    /// One tick of the dispatcher; no room is looked at less often than every two minutes.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub async fn tick(&self) {
        poll_dispatcher::dispatch(&self.store, &self.queue, self.clock.now(), 120, 120)
            .await
            .expect("a tick");
    }

    /// One tick of the dispatcher, as often as the tenant file says.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub async fn tick_as_configured(&self) {
        poll_dispatcher::dispatch(&self.store, &self.queue, self.clock.now(), 120, 0).await.expect("a tick");
    }

    /// The keeper's hourly look.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub async fn tend(&self) {
        let mut event = EventBridgeEvent::default();
        event.time = Some(self.clock.now());
        self.keep(subscription_keeper::Event::Schedule(event)).await;
    }

    async fn keep(&self, event: subscription_keeper::Event) -> SqsBatchResponse {
        let deadline = self.clock.now() + TimeDelta::seconds(280);
        let answer = subscription_keeper::handle(event, &self.environment.keeper, deadline).await;
        answer.expect("the keeper's look")
    }

    /// Lets time pass, second by second: notices are delivered, messages come back.
    pub async fn seconds(&mut self, count: usize) {
        for _ in 0..count {
            self.clock.advance(TimeDelta::seconds(1));
            self.twin.borrow_mut().advance(self.clock.now());
            self.drain().await;
        }
    }

    /// Lets time pass, two minutes by two minutes, with ticks as often as the tenant file says.
    pub async fn ticks(&mut self, count: usize) {
        for _ in 0..count {
            self.seconds(2).await;
            self.clock.advance(TimeDelta::seconds(118));
            self.twin.borrow_mut().advance(self.clock.now());
            self.tick_as_configured().await;
            self.drain().await;
        }
    }

    /// Lets the twin make the POSTs that are due.
    async fn deliver(&self) {
        let posts = self.twin.borrow_mut().due_posts(self.clock.now());
        for post in posts {
            let outcome = self.environment.webhook.call(&post).await;
            self.twin.borrow_mut().delivered(self.clock.now(), post.id, &outcome);
        }
    }

    /// Delivers what is in the queues until nothing more can be received.
    pub async fn drain(&self) {
        self.drain_tenants().await;
        if self.listens {
            self.deliver().await;
            self.drain_lifecycle().await;
        }
        loop {
            let messages = self.queue.receive(Lane::Polls, 10);
            if messages.is_empty() {
                break;
            }
            let answer = self.poll(sqs(&messages)).await;
            self.settle(Lane::Polls, &messages, &answer);
        }
    }

    async fn drain_lifecycle(&self) {
        loop {
            let messages = self.queue.receive(Lane::Lifecycle, 10);
            if messages.is_empty() {
                break;
            }
            let answer = self.keep(subscription_keeper::Event::Queue(sqs(&messages))).await;
            self.settle(Lane::Lifecycle, &messages, &answer);
        }
    }

    async fn drain_tenants(&self) {
        loop {
            let messages = self.queue.receive(Lane::Tenants, 5);
            if messages.is_empty() {
                break;
            }
            let event = resource_sync::Event::Queue(sqs(&messages));
            let answer = resource_sync::handle(event, &self.environment.sync)
                .await
                .expect("a batch accounts for itself");
            self.settle(Lane::Tenants, &messages, &answer);
        }
    }

    /// One invocation of the poller.
    pub async fn poll(&self, event: SqsEvent) -> SqsBatchResponse {
        delta_poller::handle(event, &self.environment.poller, self.clock.now() + TimeDelta::seconds(45)).await
    }

    /// A look at a room, as if a schedule had asked for it.
    pub async fn look(&self, address: &str) -> SqsBatchResponse {
        self.poll(event(&[PollHint::new(&self.room(address), HintReason::Schedule)])).await
    }

    fn settle(&self, lane: Lane, messages: &[Message], answer: &SqsBatchResponse) {
        let failed =
            |id: &str| answer.batch_item_failures.iter().any(|failure| failure.item_identifier == id);
        for message in messages.iter().filter(|message| !failed(&message.id)) {
            self.queue.delete(lane, message.receipt);
        }
    }

    /// Sends a booking command, as a producer does.
    pub fn command(&self, command: &BookingCommand) {
        let body = serde_json::to_string(command).expect("a command is JSON");
        self.queue.send(Lane::Commands, &command.booking_id, &command.command_id, &body);
    }

    /// Delivers the commands that can be received now, until there are no more.
    pub async fn write(&self) {
        loop {
            let messages = self.queue.receive(Lane::Commands, 10);
            if messages.is_empty() {
                break;
            }
            self.write_batch(&messages).await;
        }
    }

    /// Delivers these commands as one batch.
    pub async fn write_batch(&self, messages: &[Message]) {
        let answer = self.invoke_writer(booking_writer::Event::Queue(sqs(messages))).await;
        self.settle(Lane::Commands, messages, &answer);
    }

    /// The writer's tick.
    pub async fn sweep(&self) {
        let event = serde_json::json!({"time": self.clock.now().to_rfc3339(), "detail": {}, "source": "aws.scheduler",
            "account": "1", "region": "eu-west-1", "resources": [], "detail-type": "Scheduled Event", "version": "0", "id": "1"});
        let event = serde_json::from_value(event).expect("an event of the clock");
        self.invoke_writer(booking_writer::Event::Schedule(event)).await;
    }

    async fn invoke_writer(&self, event: booking_writer::Event) -> SqsBatchResponse {
        let deadline = self.clock.now() + TimeDelta::seconds(45);
        booking_writer::handle(event, &self.environment.writer, deadline).await.expect("the store answers")
    }

    /// Lets so many seconds pass.
    pub fn pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
        self.twin.borrow_mut().advance(self.clock.now());
    }

    /// A booking of a room by its id.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn receipt(&self, address: &str, id: &str) -> Booking {
        let rows = self.rows(address).await;
        rows.into_iter().find(|row| row.id.as_str() == id).expect("a receipt")
    }

    /// The live bookings of a room, by start.
    ///
    /// # Panics
    ///
    /// If the store does not answer.
    pub async fn live(&self, address: &str) -> Vec<Booking> {
        let rows = self.rows(address).await;
        rows.into_iter().filter(Booking::is_live).collect()
    }

    /// All bookings of a room, by start.
    ///
    /// # Panics
    ///
    /// If the store does not answer.
    pub async fn rows(&self, address: &str) -> Vec<Booking> {
        let end = roomsync_domain::time::end_of_time();
        self.store.bookings(&self.room(address), None, end).await.expect("the store answers")
    }

    /// The cursor of a room.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn cursor(&self, address: &str) -> Cursor {
        self.store.cursor(&self.room(address)).await.expect("the store answers").expect("a cursor")
    }

    /// What the last look at the directory left.
    ///
    /// # Panics
    ///
    /// If the store does not answer.
    pub async fn directory(&self) -> DirectoryMemory {
        self.store.directory_memory(&tenant_id()).await.expect("the store answers")
    }

    /// The stored rooms.
    ///
    /// # Panics
    ///
    /// If the store does not answer.
    pub async fn rooms(&self) -> Vec<Room> {
        self.store.rooms(&tenant_id()).await.expect("the store answers")
    }

    /// What is wrong: every difference between the tables and the calendars inside the window, and every broken promise of the stream.
    /// Empty if all is well.
    ///
    /// # Panics
    ///
    /// If the store does not answer.
    pub async fn differences(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Err(fault) = fold_stream(&self.store.stream()) {
            wrong.push(format!("stream: {fault:?}"));
        }
        wrong.extend(compare::differences(&self.twin, &*self.store).await);
        wrong
    }
}

fn client(
    twin: &Rc<RefCell<Twin>>,
    queue: &Rc<MemoryQueue>,
    secrets: &Rc<MemorySecrets>,
    clock: &TestClock,
) -> Client {
    let webhook = Webhook::new(Rc::clone(queue), Rc::clone(secrets), clock.clone());
    let transport = InProcess::new(Rc::clone(twin), clock.clone(), webhook);
    GraphClient::new(transport, Rc::clone(secrets), clock.clone(), Options::default())
}

fn environment(
    twin: &Rc<RefCell<Twin>>,
    store: &Rc<MemoryStore>,
    queue: &Rc<MemoryQueue>,
    secrets: &Rc<MemorySecrets>,
    clock: &TestClock,
) -> Environment {
    let webhook = Webhook::new(Rc::clone(queue), Rc::clone(secrets), clock.clone());
    let client = || client(twin, queue, secrets, clock);
    let poller = delta_poller::Deps::new(client(), Rc::clone(store), Rc::clone(queue), clock.clone());
    let sync = resource_sync::Deps {
        graph: client(),
        store: Rc::clone(store),
        queue: Rc::clone(queue),
        clock: clock.clone(),
        tick: TimeDelta::minutes(15),
    };
    let writer = booking_writer::Deps::new(client(), Rc::clone(store), Rc::clone(queue), clock.clone());
    let addresses = subscription_keeper::Webhook {
        notification_url: format!("{}/notifications", webhook::HOST),
        lifecycle_url: format!("{}/lifecycle", webhook::HOST),
    };
    let keeper = subscription_keeper::Deps::new(
        client(),
        Rc::clone(store),
        Rc::clone(queue),
        Rc::clone(secrets),
        clock.clone(),
        Keys::new(webhook::KEY_NAME.to_owned()),
        Some(addresses),
    );
    Environment { poller, sync, keeper, webhook, writer }
}

/// Microsoft's side: the tenant and its application.
pub(crate) fn new_twin() -> Twin {
    let mut twin = Twin::new(1);
    twin.advance(at(FIRST_DAY));
    twin.add_tenant(TenantSpec {
        id: TENANT.to_owned(),
        apps: vec![AppSpec::with_secret(CLIENT, SECRET)],
        ..TenantSpec::default()
    });
    twin
}

/// A room whose attendant changes nothing but to accept.
pub(crate) fn put_room(twin: &mut Twin, address: &str) {
    let policy = RoomPolicy { remove_canceled_meetings: false, ..RoomPolicy::transparent() };
    let spec =
        RoomSpec { address: address.to_owned(), name: address.to_owned(), policy, ..RoomSpec::default() };
    twin.put_room(TENANT, spec);
}

/// Our side: a tenant file that takes subjects and organizers unless private.
pub(crate) fn tenant_file() -> TenantConfig {
    let privacy =
        Privacy { subject: Take::UnlessPrivate, organizer: Take::UnlessPrivate, retention_days: 90 };
    let mut file = TenantConfig { privacy, window: Window { past_days: 1, future_days: 60 }, ..config() };
    file.credential.client_id = CLIENT.to_owned();
    file.credential.secret = Some(SecretName { name: SECRET_NAME.to_owned(), expires: None });
    file
}

/// The tenant's id.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn tenant_id() -> TenantId {
    TenantId::parse(TENANT).expect("a GUID")
}

/// An hour's meeting that starts on `day` at `hour` UTC.
///
/// # Panics
///
/// If that is no time.
#[must_use]
pub fn meeting(day: &str, hour: u32) -> Meeting {
    Meeting::new(
        "ana.lima@contoso.example",
        "Design review",
        TwinSpan::timed(local(day, hour), 60, Zone::utc()),
    )
}

/// A weekly series of so many such meetings.
///
/// # Panics
///
/// If that is no time.
#[must_use]
pub fn weekly(day: &str, hour: u32, times: u32) -> Meeting {
    meeting(day, hour).repeats(Recurrence::weekly(local(day, hour).date(), 1).times(times))
}

/// A wall-clock time.
///
/// # Panics
///
/// If that is no time.
#[must_use]
pub fn local(day: &str, hour: u32) -> NaiveDateTime {
    let day: chrono::NaiveDate = day.parse().expect("a day");
    day.and_hms_opt(hour, 0, 0).expect("a time")
}

/// A batch of hints, one message each.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn event(hints: &[PollHint]) -> SqsEvent {
    let message = |(at, hint): (usize, &PollHint)| Message {
        id: format!("m{at}"),
        group: hint.room().key(),
        body: serde_json::to_string(hint).expect("a hint is JSON"),
        receipt: at as u64,
        receives: 1,
        sent_at: hint.noticed_at.unwrap_or_else(|| roomsync_testkit::at("2026-02-02T08:00:00Z")),
    };
    sqs(&hints.iter().enumerate().map(message).collect::<Vec<_>>())
}

/// A batch as Lambda hands it over.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn sqs(messages: &[Message]) -> SqsEvent {
    let record = |message: &Message| {
        serde_json::json!({
            "messageId": message.id,
            "receiptHandle": message.receipt.to_string(),
            "body": message.body,
            "attributes": {
                "MessageGroupId": message.group,
                "ApproximateReceiveCount": message.receives.to_string(),
                "SentTimestamp": message.sent_at.timestamp_millis().to_string(),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "awsRegion": "eu-west-1",
        })
    };
    let records: Vec<_> = messages.iter().map(record).collect();
    serde_json::from_value(serde_json::json!({ "Records": records })).expect("the shape of an SQS event")
}
