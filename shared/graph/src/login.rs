//! One question to the login host: a token for the application itself (`v2-oauth2-client-creds-grant-flow`).
//!
//! `oauth2` writes the form and reads the answer. What it does not hand on, but a caller must know (status, `Retry-After`, request
//! id), is noted as the answer passes by.

use crate::client::TenantGraph;
use crate::grant::{Application, Grant, Refusal};
use crate::outcome::{header_id, word};
use crate::proof;
use crate::retry_after;
use crate::transport::{Transport, TransportError};
use crate::wire;
use bytes::Bytes;
use http::header::HeaderValue;
use http::{Response, StatusCode};
use oauth2::{
    AuthType, ClientId, ClientSecret, HttpRequest, RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use roomsync_domain::Instant;
use roomsync_ports::{Clock, GraphError, Secret, SecretError, Secrets, Trace};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Code of a refusal that is not Entra's: something before the login host answered in its place.
pub(crate) const NOT_ENTRA: &str = "LoginRefused";

/// Longest life that is believed (`access-tokens` page: up to about 28 hours).
const LONGEST_LIFE: Duration = Duration::from_secs(48 * 60 * 60);

/// A new token.
pub(crate) struct Issued {
    pub(crate) bearer: HeaderValue,
    pub(crate) life: Duration,
}

/// What is noted of an answer.
struct Seen {
    status: StatusCode,
    wait: Option<Duration>,
    request_id: Option<String>,
    is_empty: bool,
}

impl Seen {
    fn of(answer: &Response<Bytes>, now: Instant) -> Self {
        Self {
            status: answer.status(),
            wait: retry_after::wait(answer.headers(), now),
            request_id: header_id(answer.headers(), "x-ms-request-id"),
            is_empty: answer.body().is_empty(),
        }
    }
}

impl<T: Transport, S: Secrets, C: Clock> TenantGraph<T, S, C> {
    /// A token for the credential as it is stored now. If the login host refuses it, it is read once more, and tried again if it is
    /// another one by then.
    pub(crate) async fn log_in(&self) -> Result<Issued, GraphError> {
        let credential = self.credential().await?;
        match self.ask_login(&credential).await {
            Err(GraphError::Credential(trace)) => {
                let again = self.credential().await?;
                if again == credential {
                    return Err(GraphError::Credential(trace));
                }
                self.ask_login(&again).await
            }
            other => other,
        }
    }

    async fn credential(&self) -> Result<Secret, GraphError> {
        let connection = &self.connection;
        let name = connection
            .secret
            .as_deref()
            .or(connection.certificate.as_deref())
            .ok_or_else(|| refused("NoCredentialConfigured"))?;
        self.shared.secrets.read(name).await.map_err(|error| match error {
            SecretError::Missing(_) => refused("SecretMissing"),
            SecretError::Unavailable { .. } => refused("SecretUnavailable"),
        })
    }

    async fn ask_login(&self, credential: &Secret) -> Result<Issued, GraphError> {
        let shared = &self.shared;
        let connection = &self.connection;
        let url = format!("{}/{}/oauth2/v2.0/token", connection.endpoints.login(), connection.tenant);
        let address = TokenUrl::new(url.clone()).map_err(|_| refused("LoginAddressUnreadable"))?;
        let id = (shared.options.request_ids)();
        let ours = HeaderValue::from_str(&id.to_string()).map_err(|_| refused("RequestIdUnreadable"))?;
        let mut application = Application::new(ClientId::new(connection.client_id.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(address);
        let mut assertion = None;
        if connection.secret.is_some() {
            application = application.set_client_secret(ClientSecret::new(credential.reveal().to_owned()));
        } else {
            let now = shared.clock.now();
            let signed = proof::assertion(credential.reveal(), &url, &connection.client_id, now, id);
            assertion = Some(signed.map_err(refused)?);
        }
        let mut question =
            application.exchange_client_credentials().add_scope(Scope::new(connection.endpoints.scope()));
        if let Some(assertion) = assertion {
            question = question
                .add_extra_param("client_assertion_type", proof::ASSERTION_TYPE)
                .add_extra_param("client_assertion", assertion);
        }
        // Shared rather than borrowed: a future that borrows through the library's trait could not be handed to another thread.
        let seen = Arc::new(OnceLock::new());
        let answer = {
            let (shared, seen) = (Arc::clone(shared), Arc::clone(&seen));
            let carry = move |mut request: HttpRequest| {
                request.headers_mut().insert("client-request-id", ours.clone());
                let (shared, seen) = (Arc::clone(&shared), Arc::clone(&seen));
                async move {
                    let answer = shared.transport.send(request.map(Bytes::from)).await?;
                    seen.get_or_init(|| Seen::of(&answer, shared.clock.now()));
                    Ok::<_, TransportError>(answer.map(Vec::from))
                }
            };
            question.request_async(&carry).await
        };
        let result = issued(answer, seen.get(), &id.to_string());
        tracing::debug!(
            http.status = seen.get().map(|seen| seen.status.as_u16()),
            tenant.id = %connection.tenant,
            granted = result.is_ok(),
            "asked the login host for a token"
        );
        result
    }
}

fn issued(
    answer: Result<Grant, RequestTokenError<TransportError, Refusal>>,
    seen: Option<&Seen>,
    ours: &str,
) -> Result<Issued, GraphError> {
    let Some(seen) = seen else {
        return Err(match answer {
            Err(RequestTokenError::Request(error)) => GraphError::Transient(Trace {
                status: None,
                code: format!("Login{error}"),
                request_id: ours.to_owned(),
            }),
            _ => refused("LoginAddressUnreadable"),
        });
    };
    let trace = |code: String, request_id: Option<String>| Trace {
        status: Some(seen.status.as_u16()),
        code,
        request_id: seen.request_id.clone().or(request_id).unwrap_or_else(|| ours.to_owned()),
    };
    let unusable = |why: &str| GraphError::Contract(trace(format!("Login{why}"), None));
    let is_ok = seen.status == StatusCode::OK;
    let refusal = match answer {
        Ok(grant) => {
            let life = grant.expires_in().ok_or_else(|| unusable("WithoutExpiry"))?;
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", grant.access_token().secret()))
                .map_err(|_| unusable("TokenUnreadable"))?;
            bearer.set_sensitive(true);
            return Ok(Issued { bearer, life: life.min(LONGEST_LIFE) });
        }
        Err(RequestTokenError::ServerResponse(refusal)) => refusal,
        Err(RequestTokenError::Parse(error, _)) if is_ok => {
            return Err(unusable(&wire::unreadable(error.inner())));
        }
        Err(_) if is_ok => {
            return Err(unusable(if seen.is_empty { "EmptyAnswer" } else { "AnswerIsNotJson" }));
        }
        // Without Entra's error body it was not Entra that refused.
        Err(_) => Refusal::default(),
    };
    let error = refusal.error.as_deref().and_then(word);
    let code = match refusal.error_codes.first() {
        Some(number) => format!("AADSTS{number}"),
        None => error.clone().unwrap_or_else(|| NOT_ENTRA.to_owned()),
    };
    let trace = trace(code, refusal.trace_id.as_deref().and_then(word));
    let later = error.as_deref() == Some("temporarily_unavailable");
    Err(match seen.status.as_u16() {
        429 => GraphError::Throttled { retry_after: seen.wait, trace },
        503 if seen.wait.is_some() => GraphError::Throttled { retry_after: seen.wait, trace },
        408 | 500.. => GraphError::Transient(trace),
        _ if later => GraphError::Transient(trace),
        400..500 if error.is_some() => GraphError::Credential(trace),
        _ => GraphError::Contract(trace),
    })
}

fn refused(code: &str) -> GraphError {
    GraphError::Credential(Trace { status: None, code: code.to_owned(), request_id: String::new() })
}
