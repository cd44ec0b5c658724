//! `.local/endpoints.json`: where everything is, while everything is there.

use std::path::PathBuf;

use anyhow::Context;
use roomsync_template::Stack;
use serde::Serialize;

use crate::Place;
use crate::aws::{KEY, REGION};

/// The contents of the file. Other programs read it: fields may be added, not changed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoints {
    aws: AwsEndpoint,
    tables: Tables,
    queues: Queues,
    webhook_url: String,
    graph_url: String,
    login_url: String,
    board_url: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AwsEndpoint {
    endpoint_url: String,
    region: &'static str,
    access_key_id: &'static str,
    secret_access_key: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tables {
    rooms: String,
    bookings: String,
    sync_state: String,
    tenants: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Queues {
    booking_commands: String,
    booking_commands_dead_letter: String,
    poll: String,
    poll_dead_letter: String,
    tenants: String,
    tenants_dead_letter: String,
    lifecycle: String,
    lifecycle_dead_letter: String,
}

impl Endpoints {
    /// Everything the stack has, with Microsoft and the webhook as the functions are told.
    ///
    /// # Errors
    /// The template lacks something that the file promises.
    pub(crate) fn of(
        stack: &Stack,
        aws_url: String,
        microsoft: (String, String),
        board_url: &str,
    ) -> anyhow::Result<Self> {
        let table = |logical: &str| {
            let table = stack.table(logical).with_context(|| format!("template.yaml has no {logical}"))?;
            anyhow::Ok(table.name.clone())
        };
        let queue = |logical: &str| {
            let queue = stack.queue(logical).with_context(|| format!("template.yaml has no {logical}"))?;
            anyhow::Ok(queue.url.clone())
        };
        let webhook_url = stack
            .function("SubscriptionKeeperFunction")
            .and_then(|keeper| keeper.environment.get("NOTIFICATION_URL").cloned())
            .context("template.yaml has no NOTIFICATION_URL for the keeper")?;
        Ok(Self {
            aws: AwsEndpoint {
                endpoint_url: aws_url,
                region: REGION,
                access_key_id: KEY,
                secret_access_key: KEY,
            },
            tables: Tables {
                rooms: table("RoomsTable")?,
                bookings: table("BookingsTable")?,
                sync_state: table("SyncStateTable")?,
                tenants: table("TenantsTable")?,
            },
            queues: Queues {
                booking_commands: queue("BookingCommandsQueue")?,
                booking_commands_dead_letter: queue("BookingCommandsDeadLetterQueue")?,
                poll: queue("PollQueue")?,
                poll_dead_letter: queue("PollDeadLetterQueue")?,
                tenants: queue("TenantQueue")?,
                tenants_dead_letter: queue("TenantDeadLetterQueue")?,
                lifecycle: queue("LifecycleQueue")?,
                lifecycle_dead_letter: queue("LifecycleDeadLetterQueue")?,
            },
            webhook_url,
            graph_url: microsoft.0,
            login_url: microsoft.1,
            board_url: Some(board_url.to_owned()),
        })
    }
}

/// The file; it is removed when this is dropped.
pub(crate) struct EndpointsFile {
    path: PathBuf,
}

impl EndpointsFile {
    /// Writes the file at once: a reader sees all of it or none.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(crate) fn write(place: &Place, endpoints: &Endpoints) -> anyhow::Result<Self> {
        let path = Self::path(place);
        let draft = path.with_extension("json.new");
        std::fs::write(&draft, serde_json::to_vec_pretty(endpoints)?)
            .and_then(|()| std::fs::rename(&draft, &path))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path })
    }

    /// Removes a file that an earlier run could not remove, because it was killed.
    pub(crate) fn remove_stale(place: &Place) {
        let _ = std::fs::remove_file(Self::path(place));
    }

    fn path(place: &Place) -> PathBuf {
        place.local.join("endpoints.json")
    }
}

impl Drop for EndpointsFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
