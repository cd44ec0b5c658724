//! First copy of a tenant: directory, dispatcher, poller and twin in one process, on one core.

use crate::{child, table};
use anyhow::ensure;
use clap::Args;
use comfy_table::Table;
use cpu_time::ProcessTime;
use indicatif::{ProgressBar, ProgressStyle};
use roomsync_testkit::{Call, Lane, Usage};
use roomsync_tests::World;
use roomsync_tests::world::{local, sqs};
use roomsync_twin::calendar::{Span, Zone};
use roomsync_twin::{Action, Meeting};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Most seconds.
const AIM: f64 = 60.0;
/// Entries of a room on one day.
const PER_DAY: usize = 4;

/// Size of the tenant.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Rooms, at least two.
    #[arg(long, default_value_t = 1000)]
    rooms: usize,
    /// Entries in each room, at most 236: four a day within the window.
    #[arg(long, default_value_t = 200)]
    entries: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { rooms: 1000, entries: 200 }
    }
}

/// What was measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    rooms: usize,
    bookings: usize,
    /// Elapsed and CPU seconds.
    seconds: f64,
    cpu: f64,
    requests: u64,
    transactions: u64,
    write_units: u64,
}

/// Measures and shows.
pub(crate) fn run(options: &Options) -> anyhow::Result<Table> {
    let args =
        ["first-copy", "--rooms", &options.rooms.to_string(), "--entries", &options.entries.to_string()];
    let Report { rooms, bookings, seconds, cpu, requests, transactions, write_units } =
        child::report(child::command(args)?)?;
    let mut shown = table::new(&["first copy", "", "per room"]);
    let mut row = |what: &str, all: String, each: String| {
        shown.add_row([what.to_owned(), all, each]);
    };
    let each = |number: f64| format!("{:.2}", number / rooms as f64);
    row("rooms", rooms.to_string(), String::new());
    row("entries", bookings.to_string(), each(bookings as f64));
    row("time", format!("{seconds:.1} s"), table::micros(seconds / rooms as f64));
    row("aim", table::aim(seconds <= AIM, &format!("<= {AIM} s")), String::new());
    row("CPU, the twin's too", format!("{cpu:.1} s"), table::micros(cpu / rooms as f64));
    row("rooms in a second", format!("{:.0}", rooms as f64 / seconds), String::new());
    row("entries in a second", format!("{:.0}", bookings as f64 / seconds), String::new());
    row("Graph requests", requests.to_string(), each(requests as f64));
    row("transactions", transactions.to_string(), each(transactions as f64));
    row("write units", write_units.to_string(), each(write_units as f64));
    Ok(shown)
}

/// The measured process.
pub(crate) async fn measure(options: &Options) -> anyhow::Result<Report> {
    let world = World::new().await;
    fill(&world, options);
    world.twin.borrow_mut().reset_counters();
    let _ = world.store.take_usage();
    let (begun, cpu_begun) = (Instant::now(), ProcessTime::now());
    world.sync_rooms().await;
    let rooms = world.queue.messages(Lane::Polls).len();
    let bar = bar("copying", rooms);
    loop {
        let messages = world.queue.receive(Lane::Polls, 10);
        if messages.is_empty() {
            break;
        }
        let answer = world.poll(sqs(&messages)).await;
        ensure!(answer.batch_item_failures.is_empty(), "a look went back to the queue");
        messages.iter().for_each(|message| world.queue.delete(Lane::Polls, message.receipt));
        bar.inc(messages.len() as u64);
    }
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_begun.elapsed().as_secs_f64());
    bar.finish_and_clear();
    let usage: Usage = world.store.take_usage();
    let bookings = world.store.tables().bookings.len();
    ensure!(bookings == options.rooms * options.entries, "copied {bookings} entries");
    let wrong = world.differences().await;
    ensure!(wrong.is_empty(), "tables and calendars differ: {}", wrong.join("\n"));
    let requests = world.twin.borrow().counters().total;
    Ok(Report {
        rooms,
        bookings,
        seconds,
        cpu,
        requests,
        transactions: usage.count(Call::TransactWriteItems),
        write_units: usage.write_units,
    })
}

/// Writes the meetings into the rooms' own calendars: no attendant is asked, so that building is quick.
fn fill(world: &World, options: &Options) {
    let mut addresses = vec![roomsync_tests::ROOM_A.to_owned(), roomsync_tests::ROOM_B.to_owned()];
    addresses.extend((2..options.rooms).map(|at| format!("room{at}@contoso.example")));
    let bar = bar("building calendars", addresses.len());
    for (at, address) in addresses.iter().enumerate() {
        if at > 1 {
            world.add_room(address);
        }
        for entry in 0..options.entries {
            let day = chrono::TimeDelta::days(i64::try_from(entry / PER_DAY).unwrap_or(0));
            let start = local("2026-02-02", 9 + u32::try_from(2 * (entry % PER_DAY)).unwrap_or(0)) + day;
            let meeting =
                Meeting::new(address, &format!("Meeting {entry}"), Span::timed(start, 60, Zone::utc()));
            world.act(Action::Appoint { room: address.clone(), meeting });
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
}

/// Progress on standard error, with the remaining time; nothing if that is no terminal.
fn bar(what: &'static str, length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} rooms, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length as u64).with_style(style).with_message(what)
}
