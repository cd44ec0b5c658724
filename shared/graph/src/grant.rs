//! What is read of the login host's answers, as types for `oauth2`.

use crate::wire::whole_number;
use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType};
use oauth2::{
    AccessToken, Client, ErrorResponse, RefreshToken, Scope, StandardRevocableToken, TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// An application that asks for a token in its own name. It neither looks into tokens nor revokes any.
pub(crate) type Application = Client<
    Refusal,
    Grant,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// A token and its life, which is a number or text that is one. The token is hidden from `Debug`.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Grant {
    access_token: AccessToken,
    expires_in: Value,
}

impl TokenResponse for Grant {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    /// Not read: this flow has no other (`v2-oauth2-client-creds-grant-flow`).
    fn token_type(&self) -> &BasicTokenType {
        &BasicTokenType::Bearer
    }

    fn expires_in(&self) -> Option<Duration> {
        whole_number(&self.expires_in)?.try_into().ok().map(Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        None
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

/// Entra's error body, without its description, which names people and applications.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Refusal {
    pub(crate) error: Option<String>,
    /// The numbers after `AADSTS` (`reference-error-codes` page).
    #[serde(default)]
    pub(crate) error_codes: Vec<u64>,
    pub(crate) trace_id: Option<String>,
}

impl ErrorResponse for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error.as_deref().unwrap_or("no error code"))
    }
}
