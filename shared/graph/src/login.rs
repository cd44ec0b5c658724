//! One question to the login host: a token for the application itself (`v2-oauth2-client-creds-grant-flow`).
//!
//! The form and the two fields of the answer are read here rather than by an OAuth library, because what matters is what such a library drops: the
//! status, `Retry-After`, the request id and Entra's `error_codes`.

use crate::client::TenantGraph;
use crate::outcome::{header_id, word};
use crate::proof;
use crate::retry_after;
use crate::transport::Transport;
use crate::wire::{self, Text, whole_number};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use roomsync_ports::{Clock, GraphError, Secret, SecretError, Secrets, Trace};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use url::form_urlencoded;

/// Longest life that is believed (`access-tokens` page: up to about 28 hours).
const LONGEST_LIFE: Duration = Duration::from_secs(48 * 60 * 60);

/// A new token.
pub(crate) struct Issued {
    pub(crate) bearer: HeaderValue,
    pub(crate) life: Duration,
}

/// No `Debug`: it holds the token.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    access_token: Text<'a>,
    expires_in: Value,
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
        let id = (shared.options.request_ids)();
        let proof = if connection.secret.is_some() {
            proof::secret(credential.reveal())
        } else {
            proof::certificate(credential.reveal(), &url, &connection.client_id, shared.clock.now(), id)
                .map_err(refused)?
        };
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &connection.client_id)
            .append_pair("scope", &connection.endpoints.scope())
            .append_pair("grant_type", "client_credentials")
            .extend_pairs(proof)
            .finish();
        let request = Request::builder()
            .method(Method::POST)
            .uri(&url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .header("client-request-id", id.to_string())
            .body(Bytes::from(form))
            .map_err(|_| refused("LoginAddressUnreadable"))?;
        let answer = shared.transport.send(request).await.map_err(|error| {
            GraphError::Transient(Trace {
                status: None,
                code: format!("Login{error}"),
                request_id: id.to_string(),
            })
        })?;
        let (parts, body) = answer.into_parts();
        let wait = retry_after::wait(&parts.headers, shared.clock.now());
        let result = issued(parts.status, &parts.headers, &body, wait, &id.to_string());
        tracing::debug!(
            http.status = parts.status.as_u16(),
            tenant.id = %connection.tenant,
            granted = result.is_ok(),
            "asked the login host for a token"
        );
        result
    }
}

fn issued(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    wait: Option<Duration>,
    ours: &str,
) -> Result<Issued, GraphError> {
    let trace = |code: String, request_id: Option<String>| Trace {
        status: Some(status.as_u16()),
        code,
        request_id: header_id(headers, "x-ms-request-id").or(request_id).unwrap_or_else(|| ours.to_owned()),
    };
    if status == StatusCode::OK {
        let unusable = |code: String| GraphError::Contract(trace(format!("Login{code}"), None));
        let answer: Answer<'_> = wire::read(body).map_err(unusable)?;
        let life = whole_number(&answer.expires_in)
            .and_then(|seconds| u64::try_from(seconds).ok())
            .ok_or_else(|| unusable("WithoutExpiry".to_owned()))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", answer.access_token.as_str()))
            .map_err(|_| unusable("TokenUnreadable".to_owned()))?;
        bearer.set_sensitive(true);
        return Ok(Issued { bearer, life: Duration::from_secs(life).min(LONGEST_LIFE) });
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = body["error"].as_str().and_then(word);
    let code = match body["error_codes"][0].as_u64() {
        Some(number) => format!("AADSTS{number}"),
        None => error.clone().unwrap_or_else(|| "LoginRefused".to_owned()),
    };
    let trace = trace(code, body["trace_id"].as_str().and_then(word));
    let later = error.as_deref() == Some("temporarily_unavailable");
    Err(match status.as_u16() {
        429 => GraphError::Throttled { retry_after: wait, trace },
        503 if wait.is_some() => GraphError::Throttled { retry_after: wait, trace },
        408 | 500.. => GraphError::Transient(trace),
        _ if later => GraphError::Transient(trace),
        // Without Entra's error body it was not Entra that refused.
        400..500 if error.is_some() => GraphError::Credential(trace),
        _ => GraphError::Contract(trace),
    })
}

fn refused(code: &str) -> GraphError {
    GraphError::Credential(Trace { status: None, code: code.to_owned(), request_id: String::new() })
}
