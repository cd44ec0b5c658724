//! The poller as it ships, but for DynamoDB: real use case, Graph adapter, HTTP client, clock and log; tables in memory.

use crate::site::Site;
use anyhow::{Context, ensure};
use aws_lambda_events::event::sqs::SqsEvent;
use chrono::TimeDelta;
use roomsync_domain::hint::{HintReason, PollHint};
use roomsync_domain::room_plan::RoomWrite;
use roomsync_domain::tenant::{Privacy, Take, Tenant, TenantConfig};
use roomsync_domain::{RoomId, RoomRef, TenantId};
use roomsync_graph::{Endpoints, GraphClient, HttpTransport, Options};
use roomsync_ports::{Clock, RoomStore, TenantStore};
use roomsync_runtime::{SystemClock, telemetry};
use roomsync_testkit::{MemoryQueue, MemorySecrets, MemoryStore, TestClock};
use roomsync_tests::world;
use roomsync_twin::demo;
use std::rc::Rc;

type Client = GraphClient<HttpTransport, Rc<MemorySecrets>, SystemClock>;

/// A warm environment of the poller.
pub(crate) struct Poller {
    /// The tables.
    pub(crate) store: Rc<MemoryStore>,
    deps: delta_poller::Deps<Client, Rc<MemoryStore>, MemoryQueue, SystemClock>,
}

impl Poller {
    /// Onboards the tenants of a twin.
    pub(crate) async fn new(site: &Site) -> anyhow::Result<Self> {
        telemetry::start();
        let (store, secrets) = (Rc::new(MemoryStore::new()), Rc::new(MemorySecrets::new()));
        secrets.put("roomsync/contoso", demo::SECRET);
        for (id, rooms) in &site.tenants {
            onboard(&store, id, rooms).await?;
        }
        let options =
            Options { endpoints: Some(Endpoints::parse(&site.url, &site.url)?), ..Options::default() };
        let client = GraphClient::new(HttpTransport::new()?, secrets, SystemClock, options);
        let queue = MemoryQueue::new(TestClock::new(SystemClock.now()));
        let deps = delta_poller::Deps::new(client, Rc::clone(&store), queue, SystemClock);
        Ok(Self { store, deps })
    }

    /// One invocation.
    pub(crate) async fn handle(&self, batch: SqsEvent) -> anyhow::Result<()> {
        let deadline = SystemClock.now() + TimeDelta::minutes(10);
        let answer = delta_poller::handle(batch, &self.deps, deadline).await;
        ensure!(answer.batch_item_failures.is_empty(), "a look went back to the queue");
        Ok(())
    }
}

/// The rooms of the twin's tenant `at`.
pub(crate) fn rooms(site: &Site, at: usize) -> anyhow::Result<Vec<RoomRef>> {
    let (tenant, rooms) = site.tenants.get(at).context("no such tenant")?;
    let tenant = TenantId::parse(tenant).context("a tenant without directory id")?;
    Ok(rooms.iter().map(|room| RoomRef::new(tenant.clone(), RoomId::new(room.as_str()))).collect())
}

/// A batch of one message for each room.
pub(crate) fn batch(rooms: &[RoomRef], full: bool) -> SqsEvent {
    let hint = |room| {
        let hint = PollHint::new(room, HintReason::Schedule);
        if full { hint.full() } else { hint }
    };
    world::event(&rooms.iter().map(hint).collect::<Vec<_>>())
}

/// Makes a tenant and its rooms known.
pub(crate) async fn onboard(store: &MemoryStore, tenant: &str, rooms: &[String]) -> anyhow::Result<()> {
    let tenant = TenantId::parse(tenant).context("a tenant without directory id")?;
    let mut config = TenantConfig {
        tenant: tenant.clone(),
        // Everything that may be kept, so that nothing is cheaper than it can be.
        privacy: Privacy { subject: Take::UnlessPrivate, organizer: Take::UnlessPrivate, retention_days: 90 },
        ..roomsync_testkit::config()
    };
    demo::CLIENT_ID.clone_into(&mut config.credential.client_id);
    store.put_tenant(&Tenant { config, ..roomsync_testkit::tenant() }).await?;
    for id in rooms {
        let mut room = roomsync_testkit::room(id);
        room.room = RoomRef::new(tenant.clone(), RoomId::new(id.as_str()));
        store.put_room(&RoomWrite { over: None, look: true, room }).await?;
    }
    Ok(())
}
