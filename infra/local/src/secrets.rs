use anyhow::Context;

use crate::{Aws, Secret};

/// Puts secrets into the emulated Secrets Manager.
///
/// # Errors
/// The emulator refuses one; the message has its name, never its value.
pub(crate) async fn put(aws: &Aws, secrets: &[Secret]) -> anyhow::Result<()> {
    for secret in secrets {
        let request = aws.secrets.create_secret().name(&secret.name).secret_string(&secret.value);
        request.send().await.with_context(|| format!("cannot put the secret {}", secret.name))?;
    }
    Ok(())
}
