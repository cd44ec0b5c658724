//! The operator's command line.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program at the command line speaks by them")]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use roomsync::cli::Cli;
use roomsync::place::Place;
use roomsync::run::{Desk, Failure, Person};
use roomsync_ports::Clock;
use roomsync_runtime::SystemClock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(answer) => {
            // A reader such as `head` may have gone.
            let _ = writeln!(std::io::stdout(), "{answer}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<String, Failure> {
    let (store, queue, secrets) = Place::find(&cli.place)?.connect().await?;
    let desk = Desk { store, queue, secrets, person: Terminal, now: SystemClock.now(), json: cli.json };
    desk.run(cli.command).await
}

/// Speaks on the error stream, so that the answer alone goes into a pipe.
struct Terminal;

impl Person for Terminal {
    fn tell(&self, text: &str) {
        eprintln!("{text}");
    }

    fn agrees(&self, question: &str) -> Option<bool> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        eprint!("{question} [y/N] ");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).ok()?;
        Some(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
    }
}
