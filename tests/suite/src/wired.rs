//! The same tenant over sockets: the twin behind HTTP, the adapter's own HTTP client, and a store that is given, such as the tables of
//! `template.yaml` in an emulator. Queues, secrets and clock are in memory.
#![allow(clippy::expect_used, reason = "a test may fail")]

use crate::world::{FIRST_DAY, SECRET, SECRET_NAME, new_twin, put_room, sqs, tenant_file, tenant_id};
use crate::{ROOM_A, ROOM_B, compare};
use aws_lambda_events::event::sqs::SqsBatchResponse;
use chrono::TimeDelta;
use roomsync_domain::Instant;
use roomsync_domain::hint::TenantHint;
use roomsync_domain::tenant::{Tenant, TenantStatus};
use roomsync_graph::{Endpoints, GraphClient, HttpTransport, Options};
use roomsync_ports::{BookingStore, Clock, HintQueue, RoomStore, TenantStore};
use roomsync_testkit::{Lane, MemoryQueue, MemorySecrets, Message, TestClock, at};
use roomsync_twin::Twin;
use roomsync_twin::serve::{self, Server};
use std::cell::RefCell;
use std::rc::Rc;

type Client = GraphClient<HttpTransport, Rc<MemorySecrets>, TestClock>;
type PollerDeps<S> = delta_poller::Deps<Client, Rc<S>, Rc<MemoryQueue>, TestClock>;
type SyncDeps<S> = resource_sync::Deps<Client, Rc<S>, Rc<MemoryQueue>, TestClock>;

/// Everything.
pub struct Wired<S> {
    server: Server,
    store: Rc<S>,
    queue: Rc<MemoryQueue>,
    secrets: Rc<MemorySecrets>,
    clock: TestClock,
    poller: PollerDeps<S>,
    sync: SyncDeps<S>,
}

impl<S: TenantStore + RoomStore + BookingStore> Wired<S> {
    /// The tenant with its two rooms, on the first day of every world.
    ///
    /// # Panics
    ///
    /// If a socket or the store fails.
    pub async fn new(store: S) -> Self {
        let clock = TestClock::new(at(FIRST_DAY));
        let mut twin = new_twin();
        put_room(&mut twin, ROOM_A);
        put_room(&mut twin, ROOM_B);
        let server = Server::start_at(serve::Clock::Manual(clock.now()), twin, 0).await.expect("a free port");
        let (store, queue) = (Rc::new(store), Rc::new(MemoryQueue::new(clock.clone())));
        let secrets = Rc::new(MemorySecrets::new());
        secrets.put(SECRET_NAME, SECRET);
        let tenant = Tenant { version: 1, status: TenantStatus::Active, config: tenant_file() };
        store.put_tenant(&tenant).await.expect("the store takes the tenant");
        let (poller, sync) = environment(&server, &store, &queue, &secrets, &clock);
        let world = Self { server, store, queue, secrets, clock, poller, sync };
        world.pass(TimeDelta::zero());
        world
    }

    /// A fresh environment: connections, tokens, links and tenants are forgotten, as after a deployment.
    pub fn restart(&mut self) {
        (self.poller, self.sync) =
            environment(&self.server, &self.store, &self.queue, &self.secrets, &self.clock);
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Does something at Microsoft's side, between two requests.
    pub fn twin<T>(&self, act: impl FnOnce(&mut Twin) -> T) -> T {
        self.server.with(|state| act(&mut state.twin))
    }

    /// Lets time pass on both sides.
    pub fn pass(&self, by: TimeDelta) {
        self.clock.advance(by);
        let now = self.now();
        self.server.with(|state| {
            state.clock = serve::Clock::Manual(now);
            state.twin.advance(now);
        });
    }

    /// Runs what the schedules would run, every two minutes, so many times, and empties the queues each time.
    ///
    /// # Panics
    ///
    /// If a schedule fails.
    pub async fn rounds(&mut self, count: usize) {
        for round in 0..count {
            self.pass(TimeDelta::seconds(120));
            if round % 8 == 0 {
                let tick = self.now().timestamp_millis().to_string();
                self.queue
                    .send_tenants(&[TenantHint::new(tenant_id())], &tick)
                    .await
                    .expect("the queue takes hints");
            }
            poll_dispatcher::dispatch(&self.store, &self.queue, self.now(), 120, 120).await.expect("a tick");
            self.drain().await;
        }
    }

    async fn drain(&self) {
        loop {
            let tenants = self.queue.receive(Lane::Tenants, 5);
            let polls = self.queue.receive(Lane::Polls, 10);
            if tenants.is_empty() && polls.is_empty() {
                return;
            }
            if !tenants.is_empty() {
                let event = resource_sync::Event::Queue(sqs(&tenants));
                let answer =
                    resource_sync::handle(event, &self.sync).await.expect("a batch accounts for itself");
                self.settle(Lane::Tenants, &tenants, &answer);
            }
            if !polls.is_empty() {
                let deadline = self.now() + TimeDelta::seconds(45);
                let answer = delta_poller::handle(sqs(&polls), &self.poller, deadline).await;
                self.settle(Lane::Polls, &polls, &answer);
            }
        }
    }

    fn settle(&self, lane: Lane, messages: &[Message], answer: &SqsBatchResponse) {
        let failed =
            |id: &str| answer.batch_item_failures.iter().any(|failure| failure.item_identifier == id);
        for message in messages.iter().filter(|message| !failed(&message.id)) {
            self.queue.delete(lane, message.receipt);
        }
    }

    /// What is wrong: differences between tables and calendars, early calls, dead messages. Empty if all is well.
    ///
    /// # Panics
    ///
    /// If the store does not answer.
    pub async fn wrong(&self) -> Vec<String> {
        let calendars = RefCell::new(self.twin(|twin| std::mem::replace(twin, Twin::new(0))));
        let mut wrong = compare::differences(&calendars, &*self.store).await;
        // The login host is asked by two functions that know nothing of each other; a mailbox is asked by one.
        let counters = calendars.borrow().counters();
        let early = counters.violations.iter().filter(|violation| !violation.lane.mailbox.is_empty());
        wrong.extend(early.map(|violation| format!("called too early: {violation:?}")));
        if !self.queue.dead(Lane::Polls).is_empty() {
            wrong.push("a message died".to_owned());
        }
        self.twin(|twin| *twin = calendars.into_inner());
        wrong
    }
}

impl<S> std::fmt::Debug for Wired<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wired").field("server", &self.server.url()).finish_non_exhaustive()
    }
}

fn environment<S: TenantStore + RoomStore + BookingStore>(
    server: &Server,
    store: &Rc<S>,
    queue: &Rc<MemoryQueue>,
    secrets: &Rc<MemorySecrets>,
    clock: &TestClock,
) -> (PollerDeps<S>, SyncDeps<S>) {
    let client = || {
        let endpoints = Endpoints::parse(&server.url(), &server.url()).expect("an address");
        let options = Options { endpoints: Some(endpoints), ..Options::default() };
        let transport = HttpTransport::new().expect("an HTTP client");
        GraphClient::new(transport, Rc::clone(secrets), clock.clone(), options)
    };
    let poller = delta_poller::Deps::new(client(), Rc::clone(store), Rc::clone(queue), clock.clone());
    let sync = resource_sync::Deps {
        graph: client(),
        store: Rc::clone(store),
        queue: Rc::clone(queue),
        clock: clock.clone(),
        tick: TimeDelta::minutes(15),
    };
    (poller, sync)
}
