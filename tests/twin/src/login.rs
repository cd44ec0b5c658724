//! The login host: client credentials with a secret or a certificate assertion.
//!
//! Errors as in page reference-error-codes; 401 goes with `invalid_client`, 400 with the rest (captured bodies).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::Request;
use rand::RngCore;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::Twin;
use crate::request::Call;
use crate::tenant::{AppSpec, Tenant};
use crate::wire::{Refusal, Reply};

/// From so many tokens on, expired ones are forgotten before a new one is issued.
const MANY_TOKENS: usize = 1000;

/// What an access token stands for.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) tenant: Arc<str>,
    pub(crate) client: String,
    pub(crate) roles: Arc<BTreeSet<String>>,
    pub(crate) expires: DateTime<Utc>,
}

/// A refusal in OAuth's own shape.
struct LoginError {
    status: u16,
    error: &'static str,
    code: u32,
    text: String,
}

fn refuse<T>(status: u16, error: &'static str, code: u32, text: &str) -> Result<T, LoginError> {
    Err(LoginError { status, error, code, text: text.to_owned() })
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    exp: i64,
    #[serde(default)]
    nbf: i64,
}

impl Twin {
    pub(crate) fn token(&mut self, call: &Call, request: &Request<Bytes>, request_id: &str) -> Reply {
        match self.sign_in(call, request) {
            Ok(grant) => {
                let mut bytes = [0; 48];
                self.rng.fill_bytes(&mut bytes);
                let token = format!("EwB{}", URL_SAFE_NO_PAD.encode(bytes));
                let seconds = (grant.expires - self.now).num_seconds();
                if self.grants.len() >= MANY_TOKENS {
                    let now = self.now;
                    self.grants.retain(|_, old| old.expires > now);
                }
                self.grants.insert(token.clone(), Arc::new(grant));
                Reply::json(
                    200,
                    &json!({"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}),
                )
            }
            Err(error) => {
                let time = self.now.format("%Y-%m-%d %H:%M:%SZ");
                let text = format!(
                    "AADSTS{}: {} Trace ID: {request_id} Correlation ID: {request_id} Timestamp: {time}",
                    error.code, error.text
                );
                let body = json!({
                    "error": error.error, "error_description": text, "error_codes": [error.code],
                    "timestamp": time.to_string(), "trace_id": request_id, "correlation_id": request_id,
                    "error_uri": format!("{}/error?code={}", self.login_url, error.code),
                });
                Reply::json(error.status, &body)
            }
        }
    }

    fn sign_in(&self, call: &Call, request: &Request<Bytes>) -> Result<Grant, LoginError> {
        let named = call.segment(0).to_lowercase();
        let tenant = self.tenants.get(named.as_str()).or_else(|| {
            self.tenants.values().find(|tenant| tenant.domain.as_deref() == Some(named.as_str()))
        });
        let Some(tenant) = tenant else {
            let text = format!(
                "Tenant '{named}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
            );
            return refuse(400, "invalid_request", 90002, &text);
        };
        let mut form: BTreeMap<String, String> =
            url::form_urlencoded::parse(request.body()).into_owned().collect();
        basic(request, &mut form);
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        if field("grant_type") != "client_credentials" {
            return refuse(
                400,
                "unsupported_grant_type",
                70003,
                "The app requested an unsupported grant type.",
            );
        }
        self.check_scope(field("scope"))?;
        let app = known_app(tenant, field("client_id"))?;
        if form.contains_key("client_assertion") {
            self.check_assertion(tenant, app, &form)?;
        } else {
            check_secret(app, field("client_secret"), self.now)?;
        }
        Ok(Grant {
            tenant: tenant.id.clone(),
            client: app.client_id.to_lowercase(),
            roles: Arc::new(app.roles()),
            expires: self.now + Duration::seconds(self.tuning.token_seconds),
        })
    }

    /// The scope must be `/.default` of the Graph host that this login serves.
    fn check_scope(&self, scope: &str) -> Result<(), LoginError> {
        let Some(resource) = scope.strip_suffix("/.default") else {
            return refuse(
                400,
                "invalid_scope",
                70011,
                &format!(
                    "The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
                ),
            );
        };
        if resource.trim_end_matches('/') == self.base_url {
            return Ok(());
        }
        refuse(
            400,
            "invalid_resource",
            500_011,
            &format!("The resource principal named {resource} was not found in the tenant."),
        )
    }

    fn check_assertion(
        &self,
        tenant: &Tenant,
        app: &AppSpec,
        form: &BTreeMap<String, String>,
    ) -> Result<(), LoginError> {
        const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        if form.get("client_assertion_type").map(String::as_str) != Some(KIND) {
            return refuse(
                400,
                "invalid_request",
                900_144,
                "The request body must contain the following parameter: 'client_assertion_type'.",
            );
        }
        let jwt = form.get("client_assertion").map_or("", String::as_str);
        let bad = |text: &str| refuse(401, "invalid_client", 700_027, text);
        let Ok(header) = jsonwebtoken::decode_header(jwt) else {
            return bad(
                "The certificate with identifier used to sign the client assertion is not registered on application.",
            );
        };
        let Some(claims) = unverified(jwt) else { return bad("Client assertion is malformed.") };
        let mut audiences = vec![format!("{}/{}/oauth2/v2.0/token", self.login_url, tenant.id)];
        audiences.extend(
            tenant.domain.iter().map(|domain| format!("{}/{domain}/oauth2/v2.0/token", self.login_url)),
        );
        if !audiences.iter().any(|audience| audience.eq_ignore_ascii_case(&claims.aud)) {
            return bad("Client assertion audience claim does not match Realm issuer.");
        }
        if !claims.iss.eq_ignore_ascii_case(&app.client_id) || claims.sub != claims.iss {
            return bad("Client assertion issuer or subject is not the client id.");
        }
        let now = self.now.timestamp();
        if claims.exp <= now || claims.nbf > now + 300 {
            return bad("Client assertion is not within its valid time range.");
        }
        if app.certificates.is_empty() {
            return bad("No certificate is registered on the application.");
        }
        let signed = app.certificates.iter().any(|certificate| signed_by(jwt, &header, certificate));
        if signed {
            Ok(())
        } else {
            refuse(401, "invalid_client", 50012, "Client assertion contains an invalid signature.")
        }
    }

    /// The grant behind the bearer token of a Graph call.
    pub(crate) fn grant(&self, request: &Request<Bytes>) -> Result<Arc<Grant>, Refusal> {
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let Some(token) = header.and_then(|value| value.strip_prefix("Bearer ")) else {
            return Err(Refusal::new(401, "InvalidAuthenticationToken", "Access token is empty."));
        };
        match self.grants.get(token) {
            Some(grant) if grant.expires > self.now => Ok(grant.clone()),
            Some(_) => Err(Refusal::new(
                401,
                "InvalidAuthenticationToken",
                "Access token has expired or is not yet valid.",
            )),
            None => Err(Refusal::new(
                401,
                "InvalidAuthenticationToken",
                "Access token validation failure. Invalid audience.",
            )),
        }
    }
}

/// Credentials in the `Authorization` header count as well.
fn basic(request: &Request<Bytes>, form: &mut BTreeMap<String, String>) {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let decoded =
        header.and_then(|value| value.strip_prefix("Basic ")).and_then(|text| STANDARD.decode(text).ok());
    let Some(text) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) else { return };
    if let Some((id, secret)) = text.split_once(':') {
        let plain = |text: &str| {
            url::form_urlencoded::parse(text.as_bytes())
                .next()
                .map_or_else(String::new, |(name, _)| name.into_owned())
        };
        form.insert("client_id".to_owned(), plain(id));
        form.insert("client_secret".to_owned(), plain(secret));
    }
}

fn known_app<'a>(tenant: &'a Tenant, client_id: &str) -> Result<&'a AppSpec, LoginError> {
    match tenant.apps.get(&client_id.to_lowercase()) {
        Some(app) if app.consented => Ok(app),
        _ => refuse(
            400,
            "unauthorized_client",
            700_016,
            &format!(
                "Application with identifier '{client_id}' was not found in the directory '{}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
                tenant.id
            ),
        ),
    }
}

fn check_secret(app: &AppSpec, given: &str, now: DateTime<Utc>) -> Result<(), LoginError> {
    let hit = app.secrets.iter().find(|secret| {
        !given.is_empty() && secret.value == given && secret.forgotten_from.is_none_or(|from| now < from)
    });
    match hit {
        None => refuse(
            401,
            "invalid_client",
            7_000_215,
            &format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{}'.",
                app.client_id
            ),
        ),
        Some(secret) if secret.expires.is_some_and(|at| at <= now) => refuse(
            401,
            "invalid_client",
            7_000_222,
            &format!("The provided client secret keys for app '{}' are expired.", app.client_id),
        ),
        Some(_) => Ok(()),
    }
}

fn unverified(jwt: &str) -> Option<Claims> {
    let payload = jwt.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// Checks thumbprint (`x5t#S256`, or none of them) and signature against a registered certificate.
fn signed_by(jwt: &str, header: &jsonwebtoken::Header, certificate: &str) -> bool {
    let Some(der) = der(certificate) else { return false };
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&der));
    if header.x5t_s256.as_ref().is_some_and(|given| given.trim_end_matches('=') != thumbprint) {
        return false;
    }
    if header.x5t_s256.is_none() && header.x5t.is_none() {
        return false;
    }
    use jsonwebtoken::Algorithm::{PS256, RS256};
    let Ok(key) = jsonwebtoken::DecodingKey::from_rsa_pem(certificate.as_bytes()) else { return false };
    let mut rules = jsonwebtoken::Validation::new(header.alg);
    rules.algorithms = vec![PS256, RS256];
    // Times and audience were checked against the twin's own clock.
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    jsonwebtoken::decode::<serde_json::Value>(jwt, &key, &rules).is_ok()
}

fn der(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(body).ok()
}
