use crate::SecretError;

/// Text that must not be seen: no `Debug`, no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Secrets Manager.
pub trait Secrets {
    /// The current value of an entry, read anew.
    async fn read(&self, name: &str) -> Result<Secret, SecretError>;

    /// The value before the current one, read anew; nothing if the entry was never changed.
    async fn read_previous(&self, name: &str) -> Result<Option<Secret>, SecretError>;
}

impl<T: Secrets + ?Sized> Secrets for &T {
    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        (**self).read(name).await
    }

    async fn read_previous(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        (**self).read_previous(name).await
    }
}
