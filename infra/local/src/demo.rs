//! The built-in Microsoft: the Graph twin with a demo tenant, and somebody who uses Outlook there.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Context;
use roomsync_domain::tenant::TenantConfig;
use roomsync_twin::demo::{self, LiveUser};
use roomsync_twin::serve::Server;
use roomsync_twin::{PushSwitches, Twin};
use tokio::time;

use crate::clock::now;
use crate::{News, Secret, Teller};

/// The demo tenant's file.
const TENANT_FILE: &str = include_str!("../demo/contoso.yaml");
/// The same world every time.
const SEED: u64 = 1;
/// Time between two things that the live user does.
const ACTS_EVERY: Duration = Duration::from_secs(4);

/// The built-in Microsoft, while it runs.
pub(crate) struct Demo {
    server: Server,
    user: LiveUser,
}

impl Demo {
    /// Starts login host and Graph.
    ///
    /// # Errors
    /// The port is taken.
    pub(crate) async fn start(port: u16) -> anyhow::Result<Self> {
        let mut twin = Twin::new(SEED);
        let user = demo::tenant(&mut twin, SEED, now());
        // Microsoft holds notices back from hosts that answer late; a machine busy with the first copy would be one of them.
        twin.set_push(PushSwitches { penalties: false, ..PushSwitches::default() });
        let server =
            Server::start(twin, port).await.with_context(|| format!("cannot listen on port {port}"))?;
        Ok(Self { server, user })
    }

    /// Uses Outlook until dropped.
    pub(crate) async fn act(mut self, teller: &Teller) -> Infallible {
        let mut beat = time::interval(ACTS_EVERY);
        beat.tick().await;
        loop {
            beat.tick().await;
            let user = &mut self.user;
            let done = self.server.with(|state| user.step(&mut state.twin, now()));
            teller.tell(News::Outlook(done));
        }
    }

    /// Serves without anybody using Outlook, until dropped.
    pub(crate) async fn idle(self) -> Infallible {
        let _server = self.server;
        std::future::pending().await
    }
}

/// The demo tenant and its secret, which opens nothing but the twin.
///
/// # Errors
/// The built-in file is wrong.
pub(crate) fn tenant() -> anyhow::Result<(TenantConfig, Secret)> {
    let config = roomsync_tenant_file::parse(TENANT_FILE)?;
    let name = config.credential.secret.as_ref().map(|secret| secret.name.clone()).unwrap_or_default();
    Ok((config, Secret { name, value: demo::SECRET.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_tenant_is_the_one_that_the_twin_knows() {
        let (config, secret) = tenant().unwrap();
        assert_eq!(config.tenant.as_str(), demo::TENANT);
        assert_eq!(config.credential.client_id, demo::CLIENT_ID);
        assert!(!secret.name.is_empty());
    }
}
