//! Tenants are onboarded by the code of `roomsync tenant apply`.

use std::path::PathBuf;

use anyhow::Context;
use roomsync::apply_tenant;
use roomsync_domain::tenant::TenantConfig;
use roomsync_runtime::{QueueUrls, SqsQueue};
use roomsync_store::{DynamoStore, TableNames};
use roomsync_template::Stack;

use crate::{Aws, News, Secret, Teller};

/// Reads tenant files, before anything is started.
///
/// # Errors
/// A file is refused, with all its problems.
pub(crate) fn read(
    files: &[PathBuf],
    secrets: &[Secret],
    teller: &Teller,
) -> anyhow::Result<Vec<TenantConfig>> {
    let mut configs = Vec::new();
    for file in files {
        let config = roomsync_tenant_file::read(file)?;
        let credential = &config.credential;
        for needed in credential.secret.iter().chain(&credential.certificate) {
            if !secrets.iter().any(|secret| secret.name == needed.name) {
                teller.tell(News::Trouble(format!(
                    "{0} names the secret {1}, which is not there yet; give it with --secret {1}=VALUE",
                    file.display(),
                    needed.name
                )));
            }
        }
        configs.push(config);
    }
    Ok(configs)
}

/// Stores tenants and has their rooms looked at.
///
/// # Errors
/// The emulator refuses one.
pub(crate) async fn apply(aws: &Aws, stack: &Stack, configs: Vec<TenantConfig>) -> anyhow::Result<()> {
    let table = |logical: &str| {
        let table = stack.table(logical).with_context(|| format!("template.yaml has no {logical}"))?;
        anyhow::Ok(table.name.clone())
    };
    let queue = |logical: &str| {
        let queue = stack.queue(logical).with_context(|| format!("template.yaml has no {logical}"))?;
        anyhow::Ok(Some(queue.url.clone()))
    };
    let tables = TableNames {
        rooms: table("RoomsTable")?,
        bookings: table("BookingsTable")?,
        sync_state: table("SyncStateTable")?,
        tenants: table("TenantsTable")?,
    };
    let queues =
        QueueUrls { poll: queue("PollQueue")?, tenant: queue("TenantQueue")?, ..QueueUrls::default() };
    let store = DynamoStore::new(aws.dynamodb.clone(), tables);
    let queue = SqsQueue::new(aws.sqs.clone(), queues);
    for config in configs {
        apply_tenant(&store, &queue, config, "cargo local").await?;
    }
    Ok(())
}
