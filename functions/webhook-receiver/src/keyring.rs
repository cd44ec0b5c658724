//! The keys that are believed, remembered for as long as the environment lives.

use chrono::TimeDelta;
use roomsync_domain::Instant;
use roomsync_domain::client_state::SigningKey;
use roomsync_ports::{SecretError, Secrets};
use std::cell::RefCell;
use std::rc::Rc;

/// How long keys are used before they are read again.
const FRESH_SECONDS: i64 = 300;
/// Time between two readings that somebody outside can cause.
const PAUSE_SECONDS: i64 = 30;
/// Time between two readings while there is no key at all.
const URGENT_SECONDS: i64 = 1;

/// The current key and the one before, by the name of their secret. No `Debug`.
pub struct Keyring {
    name: String,
    memory: RefCell<Memory>,
}

#[derive(Default)]
struct Memory {
    keys: Rc<[SigningKey]>,
    read_at: Option<Instant>,
    tried_at: Option<Instant>,
}

impl Keyring {
    /// The keys of a secret; nothing is read yet.
    #[must_use]
    pub fn new(name: String) -> Self {
        Self { name, memory: RefCell::default() }
    }

    /// Keys to begin with: remembered ones, at most five minutes old unless they cannot be read any more.
    ///
    /// # Errors
    ///
    /// There is no key at all, and it cannot be read now.
    pub async fn keys<S: Secrets>(&self, secrets: &S, now: Instant) -> Result<Rc<[SigningKey]>, SecretError> {
        let known = self.known();
        let (read_at, tried_at) = {
            let memory = self.memory.borrow();
            (memory.read_at, memory.tried_at)
        };
        if within(read_at, now, FRESH_SECONDS) {
            return Ok(known);
        }
        let pause = if known.is_empty() { URGENT_SECONDS } else { PAUSE_SECONDS };
        if within(tried_at, now, pause) {
            return if known.is_empty() {
                Err(self.unreadable("it could not be read a moment ago"))
            } else {
                Ok(known)
            };
        }
        match self.read(secrets, now).await {
            Err(error) if !known.is_empty() => {
                tracing::warn!(%error, "The notification key cannot be read; the remembered one stays in use");
                Ok(known)
            }
            result => result,
        }
    }

    /// Keys that are newer than those of [`Self::keys`], for a state that names a key which is not among them; nothing if there are
    /// none, or if somebody has asked a moment ago.
    pub async fn newer<S: Secrets>(&self, secrets: &S, now: Instant) -> Option<Rc<[SigningKey]>> {
        if within(self.memory.borrow().tried_at, now, PAUSE_SECONDS) {
            return None;
        }
        let known = self.known();
        let same =
            |keys: &Rc<[SigningKey]>| keys.iter().map(SigningKey::id).eq(known.iter().map(SigningKey::id));
        self.read(secrets, now).await.ok().filter(|keys| !same(keys))
    }

    fn known(&self) -> Rc<[SigningKey]> {
        Rc::clone(&self.memory.borrow().keys)
    }

    async fn read<S: Secrets>(&self, secrets: &S, now: Instant) -> Result<Rc<[SigningKey]>, SecretError> {
        self.memory.borrow_mut().tried_at = Some(now);
        let current = SigningKey::new(secrets.read(&self.name).await?.reveal())
            .ok_or_else(|| self.unreadable("it is too short to sign with; give it at least 32 characters"))?;
        let previous = secrets.read_previous(&self.name).await?;
        let previous = previous.and_then(|secret| SigningKey::new(secret.reveal()));
        let keys: Rc<[SigningKey]> = std::iter::once(current).chain(previous).collect();
        let mut memory = self.memory.borrow_mut();
        memory.keys = Rc::clone(&keys);
        memory.read_at = Some(now);
        Ok(keys)
    }

    fn unreadable(&self, why: &str) -> SecretError {
        SecretError::Unavailable { name: self.name.clone(), why: why.to_owned() }
    }
}

/// Whether something happened in the seconds before now. A clock that was set back does not keep anything fresh for ever.
fn within(at: Option<Instant>, now: Instant, seconds: i64) -> bool {
    at.is_some_and(|at| (now - at).abs() < TimeDelta::seconds(seconds))
}
