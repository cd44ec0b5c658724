//! Runs programs, keeps what they print, and shows that something is going on.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What a person sees of a step while it runs: its last line of output on a terminal, else a line at its begin and end.
pub(crate) struct Progress {
    name: &'static str,
    bar: ProgressBar,
}

impl Progress {
    /// Says that a step begins.
    pub(crate) fn begin(name: &'static str, checks: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            println!("{name}: {checks} …");
            return Self { name, bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()) };
        }
        let style = ProgressStyle::with_template("{prefix:10} {spinner} {elapsed} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar =
            ProgressBar::new_spinner().with_style(style).with_prefix(name).with_message(checks.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { name, bar }
    }

    /// Says how a step ended.
    pub(crate) fn end(&self, well: bool, took: Duration) {
        self.bar.finish_and_clear();
        println!("{}: {} after {}", self.name, if well { "ok" } else { "FAILED" }, seconds(took));
    }

    /// Runs a program to its end. Gives what it printed.
    ///
    /// # Errors
    /// It cannot be started, or it fails: then the error holds the command line and everything that was printed.
    pub(crate) fn run(&self, command: &mut Command) -> anyhow::Result<String> {
        let line = command_line(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{line}` cannot be started"))?;
        let (lines, printed) = mpsc::channel();
        forward(child.stdout.take(), lines.clone());
        forward(child.stderr.take(), lines);
        let mut output = String::new();
        for text in printed {
            if !text.trim().is_empty() {
                self.bar.set_message(text.trim().to_owned());
            }
            let _ = writeln!(output, "{text}");
        }
        let status = child.wait().with_context(|| format!("`{line}` was lost"))?;
        if !status.success() {
            bail!("`{line}` failed, {status}\n{output}");
        }
        Ok(output)
    }
}

/// Sends each line of a stream, in a thread that ends with the stream.
fn forward(stream: Option<impl Read + Send + 'static>, lines: mpsc::Sender<String>) {
    let Some(stream) = stream else { return };
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
}

fn command_line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `1.2 s`, `3 min 5 s`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        s => format!("{} min {} s", s / 60, s % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> anyhow::Result<String> {
        Progress::begin("test", script).run(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn what_a_program_prints_is_kept() {
        assert_eq!(run("echo one; echo two").unwrap(), "one\ntwo\n");
        assert_eq!(run("echo error 1>&2").unwrap(), "error\n");
    }

    #[test]
    fn a_program_that_fails_shows_all_it_printed() {
        let error = run("echo one; echo two 1>&2; exit 3").unwrap_err().to_string();
        for part in ["sh -c", "failed", "3", "one\n", "two\n"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(Progress::begin("test", "").run(&mut Command::new("no-such-program")).is_err());
    }
}
