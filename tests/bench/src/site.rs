//! The twin in a process of its own, with tenants of rooms of entries.

use crate::child;
use anyhow::Context;
use chrono::TimeDelta;
use clap::Args;
use roomsync_ports::Clock;
use roomsync_runtime::SystemClock;
use roomsync_twin::serve::Server;
use roomsync_twin::{Tuning, Twin, demo};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::str::FromStr;

/// What the twin holds.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// One tenant each: rooms x entries in each room.
    #[arg(long, value_name = "ROOMSxENTRIES")]
    size: Vec<Size>,
}

/// Size of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Rooms.
    pub(crate) rooms: usize,
    /// Entries in each room.
    pub(crate) entries: usize,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('x').and_then(|(rooms, entries)| {
            Some(Self { rooms: rooms.parse().ok()?, entries: entries.parse().ok()? })
        });
        numbers.ok_or_else(|| format!("{text}: expected such as 10x200"))
    }
}

/// A served twin, as the measured process is told of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Site {
    /// Both hosts.
    pub(crate) url: String,
    /// Ids of the tenants and of their rooms.
    pub(crate) tenants: Vec<(String, Vec<String>)>,
}

impl FromStr for Site {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

/// A running twin. It ends with its standard input, so also when this process is killed.
pub(crate) struct Running {
    /// Where it is.
    pub(crate) site: Site,
    process: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Starts a twin and waits until it listens.
pub(crate) fn start(sizes: &[Size]) -> anyhow::Result<Running> {
    let sizes = sizes.iter().map(|size| format!("--size={}x{}", size.rooms, size.entries));
    let mut command = child::command(std::iter::once("twin".to_owned()).chain(sizes))?;
    let mut process = command.stdin(Stdio::piped()).spawn().context("cannot start the twin")?;
    let output = process.stdout.take().context("a twin without output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let site = line.parse().with_context(|| format!("no twin but: {line}"))?;
    Ok(Running { site, process })
}

/// Serves a twin until standard input ends.
pub(crate) async fn serve(options: &Options) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let mut twin = Twin::new(1);
    // Rounds of thousands of looks at one mailbox: no limit of the service is what is measured here.
    twin.tune(Tuning { calls_per_10_minutes: u32::MAX, ..Tuning::default() });
    let mut tenants = Vec::new();
    for (at, size) in options.size.iter().enumerate() {
        let id = format!("84bd8158-6d4d-4958-8b9f-{at:012}");
        let rooms = demo::big(&mut twin, &id, size.rooms, size.entries, now + TimeDelta::hours(1));
        tenants.push((id, rooms));
    }
    let server = Server::start(twin, 0).await?;
    child::tell(&Site { url: server.url(), tenants })?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
