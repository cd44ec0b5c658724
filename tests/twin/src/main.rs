//! `graph-twin`: the twin as a program.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use roomsync_twin::serve::{Clock, Server};
use roomsync_twin::{Twin, World, demo};

/// A stand-in for the Microsoft login host and the Graph calls of a room-calendar synchronizer, on 127.0.0.1.
#[derive(Parser)]
#[command(
    name = "graph-twin",
    version,
    after_help = "The control API under /_twin/ is described in the README of the crate."
)]
struct Options {
    /// Port to listen on; 0 takes a free one.
    #[arg(long)]
    port: Option<u16>,
    /// Seed: equal seeds give equal answers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// World file (YAML or JSON) with tenants, apps, rooms and lists to start with.
    #[arg(long, value_name = "FILE")]
    tenant_file: Vec<PathBuf>,
    /// Start with the demo tenant of forty rooms and some weeks of meetings.
    #[arg(long)]
    demo: bool,
    /// With --demo: somebody keeps working in Outlook, one action every so many seconds.
    #[arg(long, value_name = "SECONDS", requires = "demo")]
    live: Option<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    if std::env::args_os().len() == 1 {
        Options::command().print_help()?;
        return Ok(());
    }
    let options = Options::parse();
    let mut twin = Twin::new(options.seed);
    for file in &options.tenant_file {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let world: World =
            serde_saphyr::from_str(&text).with_context(|| format!("{} is no world file", file.display()))?;
        twin.add_world(world);
    }
    let mut user = options.demo.then(|| demo::tenant(&mut twin, options.seed, Clock::Real.now()));
    let port = options.port.unwrap_or(0);
    let server = Server::start(twin, port)
        .await
        .with_context(|| format!("cannot listen on 127.0.0.1:{port}; is the port in use?"))?;
    say(&format!("twin listens on {} (login and Graph; control under /_twin/)", server.url()));
    let pause = Duration::from_secs(options.live.unwrap_or(u64::MAX / 4).max(1));
    loop {
        tokio::select! {
            stop = tokio::signal::ctrl_c() => return stop.context("cannot wait for Ctrl-C"),
            () = tokio::time::sleep(pause) => {
                if let Some(user) = user.as_mut() {
                    say(&server.with(|state| user.step(&mut state.twin, state.clock.now())));
                }
            }
        }
    }
}

#[allow(clippy::print_stdout, reason = "a program's own output")]
fn say(line: &str) {
    println!("{line}");
}
