//! The use case: one room's subscription, held as it is wanted.
//!
//! The row is the truth about what we hold, and it errs on the safe side: a subscription is marked as unproven before it is removed and
//! is written down after it is made, so that whatever happens in between, the room is polled at the short interval. A subscription
//! that Graph has and no row names is found by its refusal of a second one, or by the hourly list, and is removed.

use crate::handler::{Deps, Webhook};
use crate::stop::Stop;
use chrono::TimeDelta;
use roomsync_domain::cursor::Cursor;
use roomsync_domain::hint::{HintReason, PollHint};
use roomsync_domain::listening::{Listening, Refusal, RefusalKind, life};
use roomsync_domain::room::RoomStatus;
use roomsync_domain::subscription_plan::{Sight, Step, Terms, Told, decide, strays};
use roomsync_domain::tenant::{Switch, TenantStatus};
use roomsync_domain::{Instant, RoomRef};
use roomsync_ports::{
    BookingStore, Clock, Creation, Graph, GraphError, HintQueue, NewSubscription, RoomStore, Secrets,
    StoreError, Subscription, Subscriptions, TenantStore,
};
use tracing::warn;

/// Writes of a row that others may overtake.
const MOST_RACES: usize = 5;
/// Tries to make a subscription in one go: the second one after one that was in the way.
const MOST_CREATIONS: usize = 2;

/// What the work on a room's subscription came to.
#[derive(Debug)]
pub enum Settled {
    /// It is as it should be.
    AsItWas,
    /// It is now; what was done.
    Changed(&'static str),
    /// It is not.
    Refused {
        /// Why.
        refusal: Refusal,
        /// How long Graph wants no calls, if it says so.
        retry_after: Option<TimeDelta>,
    },
    /// There is no such tenant.
    Unknown,
}

/// Brings one room's subscription into order.
///
/// # Errors
///
/// What the message should be tried again for. What Graph refuses is no error: it is written down.
pub async fn settle<G, S, Q, X, K>(
    room: &RoomRef,
    told: &Told,
    deps: &Deps<G, S, Q, X, K>,
    webhook: &Webhook,
    deadline: Instant,
) -> Result<Settled, Stop>
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore,
    Q: HintQueue,
    X: Secrets,
    K: Clock,
{
    let now = deps.clock.now();
    let Some(tenant) = deps.tenants.get(&deps.store, &room.tenant, now).await? else {
        return Ok(Settled::Unknown);
    };
    let row = deps.store.room(room).await?;
    let may_listen = row.is_some_and(|row| {
        row.state.status == RoomStatus::Active && row.state.settings.listener == Switch::On
    });
    let cursor = deps.store.cursor(room).await?.unwrap_or_else(Cursor::blank);
    let graph = &deps.graph.tenant(&tenant.config);
    let desk = Desk {
        room,
        deps,
        webhook,
        terms: deps.terms(webhook).await?,
        graph,
        held: cursor.listening.as_ref(),
        refusal: cursor.refusal.as_ref(),
        deadline,
    };
    let wanted = may_listen && tenant.status == TenantStatus::Active;
    let sight = Sight { room, wanted, held: desk.held, refused: desk.refusal.is_some() };
    desk.remove(strays(desk.held, &told.seen)).await?;
    let step = decide(&sight, &desk.terms, told, now);
    let settled = match desk.run(step).await {
        Err(Stop::Graph(error)) => desk.refused(step, &error).await?,
        other => other?,
    };
    let is_new = matches!(step, Step::Create | Step::Replace) && matches!(settled, Settled::Changed(_));
    if wanted && (is_new || told.missed || told.odd || !told.removed.is_empty()) {
        desk.ask_for_a_look(told.missed).await?;
    }
    Ok(settled)
}

/// One room, and what the work on its subscription needs.
struct Desk<'a, T, G, S, Q, X, K> {
    room: &'a RoomRef,
    deps: &'a Deps<G, S, Q, X, K>,
    webhook: &'a Webhook,
    terms: Terms,
    graph: &'a T,
    held: Option<&'a Listening>,
    refusal: Option<&'a Refusal>,
    deadline: Instant,
}

impl<T, G, S, Q, X, K> Desk<'_, T, G, S, Q, X, K>
where
    T: Subscriptions,
    S: BookingStore,
    Q: HintQueue,
    X: Secrets,
    K: Clock,
{
    fn now(&self) -> Instant {
        self.deps.clock.now()
    }

    /// Stops the work when its time is over.
    fn check_time(&self) -> Result<(), Stop> {
        if self.now() < self.deadline { Ok(()) } else { Err(Stop::OutOfTime) }
    }

    async fn run(&self, step: Step) -> Result<Settled, Stop> {
        match (step, self.held) {
            (Step::Nothing, _) => Ok(Settled::AsItWas),
            (Step::Renew, Some(held)) => self.renew(held).await,
            (Step::Replace, Some(held)) => self.replace(held).await,
            (Step::Create | Step::Renew | Step::Replace, _) => self.create().await,
            (Step::Forget, held) => {
                if let Some(held) = held {
                    self.write(self.refusal, unproven).await?;
                    self.delete(&held.subscription_id).await?;
                }
                self.write(None, |_| None).await?;
                Ok(Settled::Changed("Stopped listening to a room"))
            }
        }
    }

    async fn renew(&self, held: &Listening) -> Result<Settled, Stop> {
        self.check_time()?;
        let now = self.now();
        let renewed = self.graph.renew_subscription(&held.subscription_id, now + life()).await?;
        let Some(expires_at) = renewed else { return self.replace(held).await };
        let renewed_at = Some(now);
        self.write(None, |held| held.map(|held| Listening { expires_at, renewed_at, ..held })).await?;
        Ok(Settled::Changed("Renewed a room's subscription"))
    }

    async fn replace(&self, held: &Listening) -> Result<Settled, Stop> {
        self.write(self.refusal, unproven).await?;
        match self.delete(&held.subscription_id).await {
            // If it is still there, Graph says so when another one is to be made.
            Err(Stop::Graph(error)) if !kind(&error).passes() => {
                warn!(room.id = %self.room, %error, "A subscription that is to be replaced cannot be removed");
            }
            other => other?,
        }
        self.create().await
    }

    async fn create(&self) -> Result<Settled, Stop> {
        let key = self.deps.keys.current(&self.deps.secrets, self.now()).await?;
        let Some(client_state) = key.sign(self.room) else {
            return self.refuse(RefusalKind::Unsignable, "its id is too long to be signed".to_owned()).await;
        };
        for _ in 0..MOST_CREATIONS {
            self.check_time()?;
            let new = NewSubscription {
                room: &self.room.room,
                notification_url: &self.webhook.notification_url,
                lifecycle_url: &self.webhook.lifecycle_url,
                client_state: &client_state,
                expires_at: self.now() + life(),
            };
            match self.graph.create_subscription(&new).await? {
                Creation::Created { id, expires_at } => {
                    let listening = Listening {
                        subscription_id: id,
                        key_id: key.id().to_owned(),
                        urls: self.terms.urls.clone(),
                        expires_at,
                        since: self.now(),
                        renewed_at: None,
                        heard_at: None,
                        silent_since: None,
                        doubted_since: None,
                    };
                    self.write(None, |_| Some(listening.clone())).await?;
                    return Ok(Settled::Changed("Listens to a room"));
                }
                Creation::NotValidated(trace) => {
                    return self.refuse(RefusalKind::NotValidated, trace.to_string()).await;
                }
                Creation::Exists(id) => {
                    let Some(there) = self.in_the_way(id).await? else { continue };
                    if !self.webhook.may_be_called_by(&there) {
                        let detail = format!("subscription {} calls another address", there.id);
                        return self.refuse(RefusalKind::Taken, detail).await;
                    }
                    self.delete(&there.id).await?;
                }
            }
        }
        self.refuse(RefusalKind::Unreachable, "another subscription is still in the way".to_owned()).await
    }

    /// The subscription that the application has for the room already. Graph names it mostly; otherwise it is in the list.
    async fn in_the_way(&self, id: Option<String>) -> Result<Option<Subscription>, Stop> {
        self.check_time()?;
        match id {
            Some(id) => Ok(self.graph.subscription(&id).await?),
            None => {
                let listed = self.graph.subscriptions().await?;
                let there = listed.into_iter().filter(|found| is_of(found, self.room));
                Ok(there.min_by_key(|found| !self.webhook.may_be_called_by(found)))
            }
        }
    }

    async fn delete(&self, id: &str) -> Result<(), Stop> {
        self.check_time()?;
        Ok(self.graph.delete_subscription(id).await?)
    }

    /// Removes subscriptions that no row names. Those that cannot be removed now are found again within the hour.
    async fn remove(&self, strays: Vec<&str>) -> Result<(), Stop> {
        for id in strays {
            match self.delete(id).await {
                Err(Stop::Graph(error)) => {
                    warn!(room.id = %self.room, %error, "A subscription too many cannot be removed now");
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// What a refused call leaves in the row. A subscription whose renewal is refused for good may be paused at any time
    /// (`change-notifications-lifecycle-events` page), so it is not trusted any more; one that was to be removed is forgotten if nobody
    /// may remove it.
    async fn refused(&self, step: Step, error: &GraphError) -> Result<Settled, Stop> {
        let (kind, retry_after) = (kind(error), error.retry_after());
        if step == Step::Forget && !kind.passes() {
            self.write(None, |_| None).await?;
            return Ok(Settled::Changed("Forgot a room's subscription, which nobody may remove any more"));
        }
        let refusal = Refusal::new(kind, error.to_string(), self.refusal, self.now());
        let is_known = self.refusal.is_some_and(|known| known.kind == kind)
            && self.held.is_none_or(|held| held.heard_at.is_none());
        if !(is_known || step == Step::Renew && kind.passes()) {
            self.write(Some(&refusal), unproven).await?;
        }
        Ok(Settled::Refused { refusal, retry_after })
    }

    /// The room has no subscription.
    async fn refuse(&self, kind: RefusalKind, detail: String) -> Result<Settled, Stop> {
        let refusal = Refusal::new(kind, detail, self.refusal, self.now());
        let is_known = self.held.is_none() && self.refusal.is_some_and(|known| known.kind == kind);
        if !is_known {
            self.write(Some(&refusal), |_| None).await?;
        }
        Ok(Settled::Refused { refusal, retry_after: None })
    }

    /// Changes what the room's row says of its subscription, whatever else it says by now, unless somebody else has put another
    /// subscription there.
    async fn write(
        &self,
        refusal: Option<&Refusal>,
        change: impl Fn(Option<Listening>) -> Option<Listening>,
    ) -> Result<(), Stop> {
        for _ in 0..MOST_RACES {
            let cursor = self.deps.store.cursor(self.room).await?.unwrap_or_else(Cursor::blank);
            let id = |listening: Option<&Listening>| listening.map(|held| held.subscription_id.clone());
            if id(cursor.listening.as_ref()) != id(self.held) {
                return Err(Stop::LostRace);
            }
            let listening = change(cursor.listening.clone());
            let next = Cursor { listening, refusal: refusal.cloned(), ..cursor };
            match self.deps.store.commit(self.room, &[], &next).await {
                Err(StoreError::Conflict(_)) => {}
                other => return Ok(other?),
            }
        }
        Err(Stop::LostRace)
    }

    /// What changed before the subscription was there, or while it did not deliver, is found by a look.
    async fn ask_for_a_look(&self, is_full: bool) -> Result<(), Stop> {
        let hint = PollHint::new(self.room, HintReason::Lifecycle);
        let hint = if is_full { hint.full() } else { hint };
        let tick = self.now().timestamp_millis().to_string();
        Ok(self.deps.queue.send_polls(&[hint], &tick).await?)
    }
}

/// Before it is removed, or when nobody knows whether it still delivers.
fn unproven(held: Option<Listening>) -> Option<Listening> {
    held.map(|held| held.unproven())
}

/// Whether a subscription is one to this room's calendar.
pub(crate) fn is_of(found: &Subscription, room: &RoomRef) -> bool {
    room_of(found).is_some_and(|id| id.eq_ignore_ascii_case(room.room.as_str()))
}

/// The room that a subscription is for, as it is written there.
pub(crate) fn room_of(found: &Subscription) -> Option<&str> {
    let resource = found.resource.as_deref()?.trim_start_matches('/');
    let mut parts = resource.split('/');
    match (parts.next()?, parts.next()?, parts.next()?, parts.next()) {
        (users, room, events, None)
            if users.eq_ignore_ascii_case("users") && events.eq_ignore_ascii_case("events") =>
        {
            Some(room)
        }
        _ => None,
    }
}

/// Which refusal an error is.
fn kind(error: &GraphError) -> RefusalKind {
    match error {
        GraphError::Throttled { .. } => RefusalKind::Throttled,
        GraphError::Forbidden(_) => RefusalKind::NoAccess,
        GraphError::NotFound(_) => RefusalKind::NoMailbox,
        GraphError::Unauthorized(_) | GraphError::Credential(_) => RefusalKind::Credential,
        GraphError::Contract(_) => RefusalKind::Contract,
        GraphError::CursorExpired(_)
        | GraphError::Conflict(_)
        | GraphError::TooWide(_)
        | GraphError::Transient(_) => RefusalKind::Unreachable,
    }
}
