use anyhow::Context;
use roomsync_template::Stack;
use uuid::Uuid;

use crate::{Aws, Secret};

/// The secrets of the template, each with a random value, but for those that are given.
pub(crate) fn generated(stack: &Stack, given: &[Secret]) -> Vec<Secret> {
    let missing = stack.secrets.iter().filter(|secret| given.iter().all(|given| given.name != secret.name));
    missing
        .filter_map(|secret| {
            let length = secret.generated_characters? as usize;
            let mut value = String::new();
            while value.len() < length {
                value.push_str(&Uuid::new_v4().simple().to_string());
            }
            value.truncate(length);
            Some(Secret { name: secret.name.clone(), value })
        })
        .collect()
}

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
