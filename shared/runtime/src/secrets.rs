//! Secrets Manager.

use crate::error::chain;
use aws_sdk_secretsmanager::Client;
use roomsync_ports::{Secret, SecretError, Secrets};

/// Secrets Manager. Nothing is remembered: a secret is read when a token is asked for, which is rare, and so a changed one is in use
/// with the next token.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
}

/// The stage of the value before the current one (Secrets Manager user guide, "What's in a secret").
const PREVIOUS: &str = "AWSPREVIOUS";

impl SecretsManager {
    /// Over a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn value(&self, name: &str, stage: Option<&str>) -> Result<Secret, SecretError> {
        let request =
            self.client.get_secret_value().secret_id(name).set_version_stage(stage.map(str::to_owned));
        let answer = request.send().await.map_err(|error| {
            if error.as_service_error().is_some_and(|service| service.is_resource_not_found_exception()) {
                SecretError::Missing(name.to_owned())
            } else {
                SecretError::Unavailable { name: name.to_owned(), why: chain(&error) }
            }
        })?;
        answer.secret_string.map(Secret::new).ok_or_else(|| SecretError::Unavailable {
            name: name.to_owned(),
            why: "it holds bytes; expected text".to_owned(),
        })
    }
}

impl Secrets for SecretsManager {
    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        self.value(name, None).await
    }

    async fn read_previous(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        match self.value(name, Some(PREVIOUS)).await {
            Ok(secret) => Ok(Some(secret)),
            Err(SecretError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
