//! `cargo sim`: random histories under faults, and what failed in them.

use anyhow::{Context, bail};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use roomsync_simulation::{Crowd, Outcome, Plan, STEPS, missing, run, run_all, shrink, sweep};
use std::time::Instant;

/// A fifth of the time goes into memory, most of it JSON.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lives through random histories of people, administrators and misfortunes, each decided by its seed.
#[derive(Debug, Parser)]
#[command(name = "cargo sim", version)]
struct Options {
    /// How many histories.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// First seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Steps of each history.
    #[arg(long, default_value_t = STEPS)]
    steps: u32,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Failures after which no more are begun.
    #[arg(long, default_value_t = 5)]
    enough: usize,
    /// One history only.
    #[arg(long)]
    seed: Option<u64>,
    /// Only these steps of it, such as `3,5,8-12`.
    #[arg(long, requires = "seed")]
    keep: Option<String>,
    /// Tell its story.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Every step of the scripted scenarios, with a crash before, a crash after, and done twice.
    #[arg(long)]
    sweep: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // The functions write their metrics to standard output; nobody reads them here.
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null").context("opening /dev/null")?;
    rustix::stdio::dup2_stdout(&null).context("silencing the functions' metrics")?;
    if let Some(seed) = options.seed {
        return one(&options, seed);
    }
    if options.sweep {
        return sweep_all();
    }
    let crowd = Crowd {
        seeds: (options.from..options.from + options.seeds).collect(),
        steps: options.steps,
        jobs: options.jobs,
        enough: options.enough,
    };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} histories, {per_sec}, {eta} left")?;
    let bar = ProgressBar::new(options.seeds).with_style(style);
    let begun = now();
    let outcome = run_all(&crowd, |seed, wrong| {
        bar.inc(1);
        if let Some(first) = wrong.first() {
            bar.suspend(|| say(&format!("seed {seed}: {first}")));
        }
    });
    bar.finish_and_clear();
    print(&outcome, begun.elapsed().as_secs_f64());
    for (seed, _) in outcome.failures.iter().take(2) {
        explain(&Plan::new(*seed, options.steps));
    }
    if !outcome.failures.is_empty() {
        bail!("{} of {} histories failed", outcome.failures.len(), outcome.seeds);
    }
    let never = missing(&outcome.tally);
    if options.seeds >= 1000 && !never.is_empty() {
        bail!("never happened: {}", never.join(", "));
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "how long the machine took, not what time it is in a history")]
fn now() -> Instant {
    Instant::now()
}

#[allow(clippy::print_stderr, reason = "what this program is for")]
fn say(line: &str) {
    eprintln!("{line}");
}

fn one(options: &Options, seed: u64) -> anyhow::Result<()> {
    let mut plan = Plan { tells: options.trace, listens: true, ..Plan::new(seed, options.steps) };
    if let Some(keep) = &options.keep {
        plan.steps = shrink::steps(keep).context("--keep: expected steps such as 3,5,8-12")?;
    }
    let report = run(&plan);
    report.story.iter().for_each(|line| say(line));
    if report.wrong.is_empty() {
        say(&format!("seed {seed}: nothing wrong, print {:016x}", report.print));
        return Ok(());
    }
    report.wrong.iter().for_each(|line| say(line));
    if options.keep.is_none() {
        explain(&plan);
    }
    bail!("seed {seed} failed");
}

/// The shortest story of a failure, and how to see it again.
fn explain(plan: &Plan) {
    say(&format!("\nseed {}: leaving out steps …", plan.seed));
    let short = shrink::shrink(plan);
    let report = run(&Plan { tells: true, ..short.clone() });
    report.story.iter().for_each(|line| say(line));
    let steps = shrink::text(&short.steps);
    say(&format!("replay: cargo sim --seed {} --keep {steps} --trace", plan.seed));
}

fn sweep_all() -> anyhow::Result<()> {
    let swept = sweep::run_all();
    say(&format!("{} scenarios, {} calls, {} runs", swept.scenarios, swept.calls, swept.runs));
    swept.wrong.iter().for_each(|line| say(line));
    if swept.wrong.is_empty() { Ok(()) } else { bail!("{} runs failed", swept.wrong.len()) }
}

fn print(outcome: &Outcome, seconds: f64) {
    for (name, count) in outcome.tally.iter() {
        say(&format!("{count:>10}  {name}"));
    }
    let [before, after] = outcome.tally.crash_points();
    say(&format!("crash points: {before} kinds of calls before their effect, {after} after it"));
    let rate = |count: u64| count as f64 / seconds;
    say(&format!(
        "{} histories, {} steps, {} calls in {seconds:.1} s: {:.0} histories/s, {:.0} steps/s; {} failed",
        outcome.seeds,
        outcome.steps,
        outcome.calls,
        rate(outcome.seeds),
        rate(outcome.steps),
        outcome.failures.len()
    ));
}
