//! The key that signs.

use chrono::TimeDelta;
use roomsync_domain::Instant;
use roomsync_domain::client_state::SigningKey;
use roomsync_ports::{SecretError, Secrets};
use std::cell::RefCell;

/// How long the key is used before it is read again. What was signed with the one before stays valid meanwhile, and is signed anew by
/// the next look at the room.
const FRESH_SECONDS: i64 = 300;

/// The current key by the name of its secret, remembered for a while. No `Debug`.
pub struct Keys {
    name: String,
    known: RefCell<Option<(Instant, SigningKey)>>,
}

impl Keys {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(name: String) -> Self {
        Self { name, known: RefCell::default() }
    }

    /// The current key.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is too short to sign with.
    pub async fn current<S: Secrets>(&self, secrets: &S, now: Instant) -> Result<SigningKey, SecretError> {
        let is_fresh = |read: Instant| read <= now && now - read < TimeDelta::seconds(FRESH_SECONDS);
        if let Some((_, key)) = self.known.borrow().as_ref().filter(|(read, _)| is_fresh(*read)) {
            return Ok(key.clone());
        }
        let secret = secrets.read(&self.name).await?;
        let key = SigningKey::new(secret.reveal()).ok_or_else(|| SecretError::Unavailable {
            name: self.name.clone(),
            why: "it is too short to sign with; expected 32 characters or more".to_owned(),
        })?;
        *self.known.borrow_mut() = Some((now, key.clone()));
        Ok(key)
    }
}
