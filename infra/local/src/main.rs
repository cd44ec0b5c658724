//! `cargo local`, see the crate's documentation.

use std::process::ExitCode;

use clap::Parser;
use roomsync_local::{Options, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place that speaks to the terminal about failure")]
fn complain(error: &anyhow::Error) {
    eprintln!("cargo local: {error:#}");
}
