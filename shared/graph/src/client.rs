use crate::cloud::Endpoints;
use crate::lanes::Lanes;
use crate::token::Tokens;
use crate::transport::Transport;
use roomsync_domain::TenantId;
use roomsync_domain::tenant::{Cloud, TenantConfig};
use roomsync_ports::{Clock, Graph, Secrets};
use std::sync::Arc;
use uuid::Uuid;

/// Where `client-request-id` and the ids of assertions come from.
pub type RequestIds = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// What may be different from Microsoft's own.
#[derive(Clone)]
pub struct Options {
    /// Hosts instead of the clouds' own, for every tenant.
    pub endpoints: Option<Endpoints>,
    /// Random ids, unless a simulation needs the same ones every time.
    pub request_ids: RequestIds,
}

impl Default for Options {
    fn default() -> Self {
        Self { endpoints: None, request_ids: Arc::new(Uuid::new_v4) }
    }
}

/// Microsoft Graph for all tenants of a process. Clones share connections, tokens and limits.
pub struct GraphClient<T, S, C> {
    shared: Arc<Shared<T, S, C>>,
}

pub(crate) struct Shared<T, S, C> {
    pub(crate) transport: T,
    pub(crate) secrets: S,
    pub(crate) clock: C,
    pub(crate) options: Options,
    pub(crate) tokens: Tokens,
    pub(crate) lanes: Lanes,
}

impl<T, S, C> Clone for GraphClient<T, S, C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T, S, C> GraphClient<T, S, C> {
    /// A client that has called nobody yet.
    pub fn new(transport: T, secrets: S, clock: C, options: Options) -> Self {
        let (tokens, lanes) = (Tokens::default(), Lanes::default());
        Self { shared: Arc::new(Shared { transport, secrets, clock, options, tokens, lanes }) }
    }
}

impl<T: Transport, S: Secrets, C: Clock> Graph for GraphClient<T, S, C> {
    type Tenant = TenantGraph<T, S, C>;

    fn tenant(&self, config: &TenantConfig) -> Self::Tenant {
        let endpoints = self.shared.options.endpoints.clone();
        let connection = Connection {
            tenant: config.tenant.clone(),
            cloud: config.cloud,
            endpoints: endpoints.unwrap_or_else(|| Endpoints::of(config.cloud)),
            client_id: config.credential.client_id.clone(),
            secret: config.credential.secret.as_ref().map(|secret| secret.name.clone()),
            certificate: config.credential.certificate.as_ref().map(|secret| secret.name.clone()),
        };
        TenantGraph { shared: Arc::clone(&self.shared), connection: Arc::new(connection) }
    }
}

/// Microsoft Graph as one tenant sees it. Cheap to clone.
pub struct TenantGraph<T, S, C> {
    pub(crate) shared: Arc<Shared<T, S, C>>,
    pub(crate) connection: Arc<Connection>,
}

impl<T, S, C> Clone for TenantGraph<T, S, C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), connection: Arc::clone(&self.connection) }
    }
}

/// As whom and where a tenant is asked.
pub(crate) struct Connection {
    pub(crate) tenant: TenantId,
    pub(crate) cloud: Cloud,
    pub(crate) endpoints: Endpoints,
    pub(crate) client_id: String,
    pub(crate) secret: Option<String>,
    pub(crate) certificate: Option<String>,
}
