//! `cargo verify`: every check and every test by one command.
#![allow(clippy::print_stdout, reason = "a program at the command line speaks by it")]

mod dependencies;
mod output;
mod steps;
mod tools;
mod webhook;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::output::Progress;
use crate::steps::{STEPS, Step};

/// Run every check and every test; a step that fails shows all of its output, and the others still run.
#[derive(Parser)]
#[command(name = "cargo verify", bin_name = "cargo verify")]
struct Options {
    /// Run this step only (may be repeated)
    #[arg(long, value_name = "STEP", value_parser = step)]
    only: Vec<&'static Step>,

    /// Show the steps and what they check
    #[arg(long)]
    list: bool,
}

fn step(name: &str) -> Result<&'static Step, String> {
    STEPS.iter().find(|step| step.name == name).ok_or_else(|| {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        for step in STEPS {
            println!("{:10} {}", step.name, step.checks);
        }
        return ExitCode::SUCCESS;
    }
    let chosen = STEPS
        .iter()
        .filter(|step| options.only.is_empty() || options.only.iter().any(|only| only.name == step.name));
    let results: Vec<Done> = chosen.map(carry_out).collect();
    println!("\n{}", summary(&results));
    if results.iter().all(|done| done.note.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What became of a step.
struct Done {
    step: &'static Step,
    took: Duration,
    /// What is worth knowing of it, or why it failed.
    note: Result<String, String>,
}

fn carry_out(step: &'static Step) -> Done {
    // How long a step takes is told to people; nothing depends on it.
    let begun = Instant::now();
    let progress = Progress::begin(step.name, step.checks);
    let result = (step.run)(&progress);
    let took = begun.elapsed();
    progress.end(result.is_ok(), took);
    let note = result.map_err(|error| {
        println!("{error:#}");
        // The table has room for the first line.
        error.to_string().lines().next().unwrap_or_default().to_owned()
    });
    Done { step, took, note }
}

fn summary(results: &[Done]) -> String {
    let line = |done: &Done| {
        let (mark, note) = match &done.note {
            Ok(note) => ("ok", note),
            Err(why) => ("FAILED", why),
        };
        format!("{:10} {mark:7} {:>8}  {note}", done.step.name, output::seconds(done.took))
            .trim_end()
            .to_owned()
    };
    let failed = results.iter().filter(|done| done.note.is_err()).count();
    let verdict = match failed {
        0 => "Everything holds.".to_owned(),
        1 => "1 step failed.".to_owned(),
        n => format!("{n} steps failed."),
    };
    let lines: Vec<String> = results.iter().map(line).collect();
    format!("{}\n{verdict}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn steps_are_chosen_by_name() {
        Options::command().debug_assert();
        let chosen = Options::try_parse_from(["verify", "--only", "fmt", "--only", "deny"]).unwrap();
        assert_eq!(chosen.only.iter().map(|step| step.name).collect::<Vec<_>>(), ["fmt", "deny"]);
        let refusal =
            Options::try_parse_from(["verify", "--only", "fnt"]).err().map(|error| error.to_string());
        assert!(refusal.is_some_and(|text| text.contains("expected one of fmt, ")));
    }

    #[test]
    fn the_summary_counts_what_failed() {
        let done = |note: Result<&str, &str>| Done {
            step: &STEPS[0],
            took: Duration::from_millis(1_250),
            note: note.map(str::to_owned).map_err(str::to_owned),
        };
        assert_eq!(summary(&[done(Ok(""))]), "fmt        ok         1.2 s\nEverything holds.");
        let text = summary(&[done(Ok("")), done(Err("went wrong"))]);
        assert!(text.ends_with("fmt        FAILED     1.2 s  went wrong\n1 step failed."), "{text}");
    }
}
