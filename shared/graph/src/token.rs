//! One token per tenant, application and cloud, never per room.

use crate::client::TenantGraph;
use crate::lanes::lock;
use crate::transport::Transport;
use http::HeaderValue;
use roomsync_domain::tenant::Cloud;
use roomsync_domain::{Instant, TenantId};
use roomsync_ports::{Clock, GraphError, Secrets};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A token is replaced so long before it ends, or after half its life if that is short.
const EARLY: Duration = Duration::from_secs(5 * 60);
/// A refused credential is not shown again for so long: a hundred rooms of a tenant are one refusal, not a hundred.
const REFUSED_FOR: Duration = Duration::from_secs(30);
/// A token that is no older than this is not replaced because a room is forbidden: its roles are fresh.
const POWERLESS_FOR: Duration = Duration::from_secs(60);
/// Any other failure of the login host holds for so long, so that calls that waited for it together fail together.
const FAILED_FOR: Duration = Duration::from_secs(5);

/// The tokens of all tenants.
#[derive(Default)]
pub(crate) struct Tokens {
    slots: Mutex<BTreeMap<Key, Arc<Slot>>>,
}

/// Two tenants, two applications or two clouds never share a token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    tenant: TenantId,
    client_id: String,
    cloud: &'static str,
}

/// Locked while a token is fetched: the others wait and find it.
type Slot = tokio::sync::Mutex<State>;

#[derive(Default)]
struct State {
    token: Option<Token>,
    failure: Option<Failure>,
}

struct Failure {
    until: Instant,
    error: GraphError,
}

/// A token, ready to be sent. No `Debug`.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) bearer: HeaderValue,
    fetched_at: Instant,
    use_until: Instant,
    /// Fetched because the one before would not do.
    is_second: bool,
}

/// Why a token will not do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Graph refused it.
    Refused,
    /// It may lack a role that was granted after it was fetched (`v2-oauth2-client-creds-grant-flow`).
    Powerless,
}

impl<T: Transport, S: Secrets, C: Clock> TenantGraph<T, S, C> {
    /// The tenant's token.
    pub(crate) async fn token(&self) -> Result<Token, GraphError> {
        let slot = self.slot();
        let mut state = slot.lock().await;
        let now = self.shared.clock.now();
        if let Some(token) = state.token.as_ref().filter(|token| now < token.use_until) {
            return Ok(token.clone());
        }
        self.fetch(&mut state, false).await
    }

    /// Another token instead of one that will not do; nothing if it is too early for another.
    pub(crate) async fn token_after(&self, old: &Token, doubt: Doubt) -> Result<Option<Token>, GraphError> {
        let slot = self.slot();
        let mut state = slot.lock().await;
        let now = self.shared.clock.now();
        if let Some(token) = state.token.as_ref().filter(|token| now < token.use_until)
            && token.bearer != old.bearer
        {
            return Ok(Some(token.clone()));
        }
        let too_early = match doubt {
            Doubt::Refused => old.is_second && now < old.fetched_at + REFUSED_FOR,
            Doubt::Powerless => now < old.fetched_at + POWERLESS_FOR,
        };
        if too_early {
            return Ok(None);
        }
        if doubt == Doubt::Refused {
            state.token = None;
        }
        self.fetch(&mut state, true).await.map(Some)
    }

    async fn fetch(&self, state: &mut State, is_second: bool) -> Result<Token, GraphError> {
        let asked_at = self.shared.clock.now();
        if let Some(failure) = &state.failure
            && asked_at < failure.until
        {
            return Err(failure.at(asked_at));
        }
        state.failure = None;
        match self.log_in().await {
            Ok(issued) => {
                let early = EARLY.min(issued.life / 2);
                let token = Token {
                    bearer: issued.bearer,
                    fetched_at: asked_at,
                    use_until: asked_at + (issued.life - early),
                    is_second,
                };
                state.token = Some(token.clone());
                Ok(token)
            }
            Err(error) => {
                let hold = match &error {
                    GraphError::Credential(_) => REFUSED_FOR,
                    GraphError::Throttled { retry_after, .. } => retry_after.unwrap_or(REFUSED_FOR),
                    _ => FAILED_FOR,
                };
                state.failure = Some(Failure { until: self.shared.clock.now() + hold, error: error.clone() });
                Err(error)
            }
        }
    }

    fn slot(&self) -> Arc<Slot> {
        let connection = &self.connection;
        let cloud = match connection.cloud {
            Cloud::Global => "global",
            Cloud::GccHigh => "gcc-high",
            Cloud::Dod => "dod",
            Cloud::China => "china",
        };
        let key = Key { tenant: connection.tenant.clone(), client_id: connection.client_id.clone(), cloud };
        Arc::clone(lock(&self.shared.tokens.slots).entry(key).or_default())
    }
}

impl Failure {
    /// The error as it is at an instant: what is left of a wait.
    fn at(&self, now: Instant) -> GraphError {
        match &self.error {
            GraphError::Throttled { trace, .. } => {
                GraphError::Throttled { retry_after: (self.until - now).to_std().ok(), trace: trace.clone() }
            }
            other => other.clone(),
        }
    }
}
