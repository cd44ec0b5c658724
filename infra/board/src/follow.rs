//! Follows a source and tells the open pages what to draw anew.

use crate::rows::RoomKey;
use crate::source::{Source, SourceError};
use crate::world::{Effect, Record, World};
use roomsync_domain::Instant;
use roomsync_ports::Clock;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time;

/// How often cursors are read.
const CURSORS_EVERY: Duration = Duration::from_secs(2);

/// Pause before tables that could not be read are read again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Notices an open page may be behind before it gets everything anew.
const NOTICES_KEPT: usize = 64;

/// What to draw anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Everything.
    All,
    /// The bars of these rooms.
    Rows(Arc<BTreeSet<RoomKey>>),
}

/// What the follower and the pages share.
pub(crate) struct Shared {
    state: Mutex<State>,
    notices: broadcast::Sender<Notice>,
    clock: Arc<dyn Clock + Send + Sync>,
}

/// The world, and why it may be old.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) blind: Option<String>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared(..)")
    }
}

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Clock + Send + Sync>) -> Self {
        let state = State { world: World::default(), blind: Some("The tables are being read.".into()) };
        Self { state: Mutex::new(state), notices: broadcast::channel(NOTICES_KEPT).0, clock }
    }

    /// The state. A panic elsewhere cannot leave it half written: every step of the fold is whole.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    fn tell(&self, notice: Notice) {
        // Nobody listens if no page is open.
        let _ = self.notices.send(notice);
    }

    fn load(&self, records: Vec<Record>) {
        let mut state = self.state();
        state.world.load(records);
        state.blind = None;
        drop(state);
        self.tell(Notice::All);
    }

    fn apply(&self, records: Vec<Record>) {
        let now = self.now();
        let mut state = self.state();
        let (mut rows, mut all) = (BTreeSet::new(), false);
        for record in records {
            match state.world.apply(record, now) {
                Effect::Nothing => {}
                Effect::Row(key) => {
                    rows.insert(key);
                }
                Effect::Rooms => all = true,
            }
        }
        drop(state);
        if all {
            self.tell(Notice::All);
        } else if !rows.is_empty() {
            self.tell(Notice::Rows(Arc::new(rows)));
        }
    }

    fn blind(&self, error: &SourceError) {
        let why = Some(error.to_string());
        let mut state = self.state();
        if state.blind != why {
            tracing::warn!(%error, "The board does not see the tables, trying again");
            state.blind = why;
        }
    }
}

/// Follows until the task is dropped.
pub(crate) async fn follow(mut source: impl Source, shared: Arc<Shared>) {
    loop {
        let Err(error) = follow_once(&mut source, &shared).await;
        shared.blind(&error);
        time::sleep(AGAIN_AFTER).await;
    }
}

async fn follow_once(
    source: &mut impl Source,
    shared: &Shared,
) -> Result<std::convert::Infallible, SourceError> {
    shared.load(source.load().await?);
    let mut cursors = time::interval(CURSORS_EVERY);
    cursors.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        if futures::FutureExt::now_or_never(cursors.tick()).is_some() {
            let rooms = shared.state().world.rooms().map(|room| room.key.clone()).collect();
            let found = source.cursors(rooms).await?;
            let changed: BTreeSet<RoomKey> = shared.state().world.follow(found).into_iter().collect();
            if !changed.is_empty() {
                shared.tell(Notice::Rows(Arc::new(changed)));
            }
        }
        shared.apply(source.next().await?);
    }
}
