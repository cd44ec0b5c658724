//! Processes of their own: what is measured shares neither CPU time nor memory with the twin or with the one who asks.
//!
//! The poller's logs and metrics go to standard output, as in Lambda, and are read by the parent; the report is the last line.

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// This program with other arguments.
pub(crate) fn command<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program's own file")?);
    command.arg("child").args(args.into_iter().map(Into::into)).stdout(Stdio::piped());
    Ok(command)
}

/// Runs it to its end and reads its report.
pub(crate) fn report<R: DeserializeOwned>(mut command: Command) -> anyhow::Result<R> {
    let mut child = command.stdin(Stdio::null()).spawn().context("cannot start a process")?;
    let output = child.stdout.take().context("a process without output")?;
    let mut last = String::new();
    for line in BufReader::new(output).lines() {
        last = line.context("the output of a process")?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the measured process ended with {status}");
    }
    serde_json::from_str(&last).with_context(|| format!("no report but: {last}"))
}

/// Prints a report as the last line.
#[allow(clippy::print_stdout, reason = "a program's own output")]
pub(crate) fn tell<R: Serialize>(report: &R) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(report)?);
    Ok(())
}
