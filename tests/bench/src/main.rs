#![doc = include_str!("../README.md")]

mod child;
mod cpu;
mod door;
mod first_copy;
mod flood;
mod memory;
mod poller;
mod quiet;
mod site;
mod table;
mod wired;
mod writing;

use clap::{Args, CommandFactory, Parser, Subcommand};

/// Measures roomsync against the Graph twin. Figures are ratios within one run; docs/PERFORMANCE.md explains them.
#[derive(Debug, Parser)]
#[command(name = "roomsync-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// CPU of a quiet look at a room, against a bare GET of the same bytes.
    Quiet(quiet::Options),
    /// First copy of a tenant.
    FirstCopy(first_copy::Options),
    /// Peak memory of the poller on one large room.
    Memory(memory::Options),
    /// The webhook under a flood, against a server that does nothing.
    Webhook(flood::Options),
    /// Booking commands, against a bare POST.
    Writing(writing::Options),
    /// All of them, as they come.
    All,
    /// What the others run in processes of their own.
    #[command(hide = true, subcommand)]
    Child(Child),
}

/// Processes that are started by this program, not by people.
#[derive(Debug, Subcommand)]
enum Child {
    /// The twin behind a socket, until its standard input ends.
    Twin(site::Options),
    /// The webhook or a bare server, until its standard input ends.
    Door(door::Options),
    /// The webhook without a socket.
    Notice,
    /// The poller, measured.
    Quiet(Work<quiet::Options>),
    /// The whole engine in one process.
    FirstCopy(first_copy::Options),
    /// The poller, weighed.
    Memory(Work<memory::Options>),
    /// The writer, measured.
    Writing(Work<writing::Options>),
}

/// Options of a process that polls a twin.
#[derive(Debug, Args)]
struct Work<O: Args> {
    /// The twin, as JSON.
    #[arg(long)]
    site: site::Site,
    #[command(flatten)]
    options: O,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        None => Cli::command().print_help()?,
        Some(Command::Quiet(options)) => show(&quiet::run(&options)?),
        Some(Command::FirstCopy(options)) => show(&first_copy::run(&options)?),
        Some(Command::Memory(options)) => show(&memory::run(&options)?),
        Some(Command::Webhook(options)) => flood::run(&options).await?.iter().for_each(show),
        Some(Command::Writing(options)) => show(&writing::run(&options)?),
        Some(Command::All) => {
            show(&quiet::run(&quiet::Options::default())?);
            show(&first_copy::run(&first_copy::Options::default())?);
            show(&memory::run(&memory::Options::default())?);
            flood::run(&flood::Options::default()).await?.iter().for_each(show);
            show(&writing::run(&writing::Options::default())?);
        }
        Some(Command::Child(Child::Twin(options))) => site::serve(&options).await?,
        Some(Command::Child(Child::Door(options))) => door::serve(&options).await?,
        Some(Command::Child(Child::Notice)) => child::tell(&flood::measure().await?)?,
        Some(Command::Child(Child::Quiet(work))) => {
            child::tell(&quiet::measure(&work.site, &work.options).await?)?
        }
        Some(Command::Child(Child::FirstCopy(options))) => {
            child::tell(&first_copy::measure(&options).await?)?
        }
        Some(Command::Child(Child::Memory(work))) => child::tell(&memory::measure(&work.site).await?)?,
        Some(Command::Child(Child::Writing(work))) => {
            child::tell(&writing::measure(&work.site, &work.options).await?)?
        }
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "a program's own output")]
fn show(table: &comfy_table::Table) {
    println!("{table}\n");
}
