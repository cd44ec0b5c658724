//! Booking commands: from a command to Graph's answer, against a bare POST of the same body; and how many are carried out in a second.

use crate::site::{self, Site, Size};
use crate::wired::{Carried, Wire};
use crate::{child, cpu, table};
use anyhow::{Context, ensure};
use aws_lambda_events::event::sqs::SqsEvent;
use booking_writer::{Event, handle};
use chrono::TimeDelta;
use clap::Args;
use comfy_table::Table;
use futures::{StreamExt, TryStreamExt, stream};
use roomsync_command::{Action, BookingCommand, Moment};
use roomsync_graph::{Endpoints, GraphClient, Options as GraphOptions};
use roomsync_ports::Clock;
use roomsync_runtime::{SystemClock, telemetry};
use roomsync_testkit::{MemoryQueue, MemorySecrets, MemoryStore, Message, TestClock};
use roomsync_tests::world;
use roomsync_twin::demo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Instant;

/// Rooms, and as many people who organize.
const ROOMS: usize = 50;
/// What Lambda hands over at once, and invocations at once.
const BATCH: usize = 10;
const AT_ONCE: usize = 4;

type Client = GraphClient<Wire, Rc<MemorySecrets>, SystemClock>;
type Deps = booking_writer::Deps<Client, Rc<MemoryStore>, MemoryQueue, SystemClock>;

/// How much to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Commands that are measured one by one, each beside a bare POST.
    #[arg(long, default_value_t = 2_000)]
    single: usize,
    /// Commands that are carried out as fast as it goes.
    #[arg(long, default_value_t = 4_000)]
    many: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { single: 2_000, many: 4_000 }
    }
}

/// What was measured: seconds, at half and at 99 of 100.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// From the event to Graph's answer to the create.
    accepted: [f64; 2],
    /// The same without the time on the way to Graph and back.
    ours: [f64; 2],
    /// Until the meeting was read back and the message is done.
    done: [f64; 2],
    /// A bare POST.
    bare: [f64; 2],
    /// Accepted over the bare POST beside it.
    ratio: [f64; 2],
    /// Commands in a second.
    rate: f64,
    /// CPU of the writer for a command, when there are many.
    cpu: f64,
    /// Calls to Graph for a command, tokens aside.
    calls: f64,
}

/// Measures and shows.
pub(crate) fn run(options: &Options) -> anyhow::Result<Table> {
    let twin = site::start(&[Size { rooms: ROOMS, entries: 0 }])?;
    let site = serde_json::to_string(&twin.site)?;
    let (single, many) = (options.single.to_string(), options.many.to_string());
    let report: Report =
        child::report(child::command(["writing", "--site", &site, "--single", &single, "--many", &many])?)?;
    let mut shown = table::new(&["booking command", "half", "99 of 100"]);
    let mut row = |what: &str, [half, most]: [String; 2]| {
        shown.add_row([what.to_owned(), half, most]);
    };
    row("command to Graph's answer", report.accepted.map(table::micros));
    row("our part of it", report.ours.map(table::micros));
    row("bare POST", report.bare.map(table::micros));
    row("answer : bare POST", report.ratio.map(|ratio| format!("{ratio:.2}")));
    row("command read back and done", report.done.map(table::micros));
    row("commands in a second", [format!("{:.0}", report.rate), String::new()]);
    row("CPU of a command", [table::micros(report.cpu), String::new()]);
    row("calls to Graph", [format!("{:.3}", report.calls), String::new()]);
    Ok(shown)
}

/// The measured process.
pub(crate) async fn measure(site: &Site, options: &Options) -> anyhow::Result<Report> {
    telemetry::start();
    let desk = Desk::open(site).await?;
    // Token, tenant and connections are there in a warm environment.
    desk.carry_out(desk.batch(0, 1)?).await?;
    let before = desk.calls().await?;
    let (mut accepted, mut ours, mut done, mut bare, mut ratio) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for n in 0..options.single {
        let batch = desk.batch(2 * n + 2, 1)?;
        let begun = Instant::now();
        desk.carry_out(batch).await?;
        let end = begun.elapsed().as_secs_f64();
        let post = desk.wire.take().context("a command that sent nothing")?;
        let answered = (post.answered - begun).as_secs_f64();
        let took = (post.answered - post.sent).as_secs_f64();
        let plain = desk.bare(&post, 2 * n + 3).await?;
        accepted.push(answered);
        ours.push(answered - took);
        done.push(end);
        ratio.push(answered / plain);
        bare.push(plain);
    }
    let calls = desk.calls().await? - before;
    let first = 2 * options.single + 4;
    let batches = options.many.div_ceil(BATCH);
    let events =
        (0..batches).map(|at| desk.batch(first + at * BATCH, BATCH)).collect::<anyhow::Result<Vec<_>>>()?;
    let begun = Instant::now();
    let spent = cpu::of(async {
        stream::iter(events)
            .map(|event| desk.carry_out(event))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await
    })
    .await?;
    let many = (batches * BATCH) as f64;
    let rate = many / begun.elapsed().as_secs_f64();
    desk.all_are_made(options.single + batches * BATCH + 1)?;
    // The bare POSTs are calls of this process, too, and so is the question for the count.
    let single = options.single as f64;
    let calls = (calls as f64 - single) / single;
    let half_and_most = |series: Vec<f64>| at_half_and_99(series);
    Ok(Report {
        accepted: half_and_most(accepted),
        ours: half_and_most(ours),
        done: half_and_most(done),
        bare: half_and_most(bare),
        ratio: half_and_most(ratio),
        rate,
        cpu: spent / many,
        calls,
    })
}

fn at_half_and_99(mut series: Vec<f64>) -> [f64; 2] {
    series.sort_by(f64::total_cmp);
    let at = |share: f64| {
        series.get((series.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(0.0)
    };
    [at(0.5), at(0.99)]
}

/// The writer as it ships, but for DynamoDB: real handler, Graph adapter, HTTP client, clock, log and metrics; tables in memory.
struct Desk<'a> {
    site: &'a Site,
    tenant: String,
    rooms: Vec<String>,
    deps: Deps,
    wire: Wire,
    store: Rc<MemoryStore>,
    client: reqwest::Client,
}

impl<'a> Desk<'a> {
    async fn open(site: &'a Site) -> anyhow::Result<Self> {
        let (store, secrets) = (Rc::new(MemoryStore::new()), Rc::new(MemorySecrets::new()));
        secrets.put("roomsync/contoso", demo::SECRET);
        let (tenant, rooms) = site.tenants.first().context("no tenant")?.clone();
        crate::poller::onboard(&store, &tenant, &rooms).await?;
        let wire = Wire::new()?;
        let endpoints = Some(Endpoints::parse(&site.url, &site.url)?);
        let options = GraphOptions { endpoints, ..GraphOptions::default() };
        let graph = GraphClient::new(wire.clone(), secrets, SystemClock, options);
        let queue = MemoryQueue::new(TestClock::new(SystemClock.now()));
        let deps = Deps::new(graph, Rc::clone(&store), queue, SystemClock);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let desk = Self { site, tenant, rooms, deps, wire, store, client };
        for n in 0..ROOMS {
            let user = json!({"address": organizer(n)});
            let url = format!("{}/_twin/tenants/{}/users", desk.site.url, desk.tenant);
            desk.client.put(url).body(user.to_string()).send().await?.error_for_status()?;
        }
        Ok(desk)
    }

    /// The commands from `first` on, each in a group of its own.
    fn batch(&self, first: usize, count: usize) -> anyhow::Result<SqsEvent> {
        let messages = (first..first + count).map(|n| {
            let command = self.command(n)?;
            Ok(Message {
                id: command.command_id.clone(),
                group: command.booking_id.clone(),
                body: serde_json::to_string(&command)?,
                receipt: n as u64,
                receives: 1,
                sent_at: SystemClock.now(),
            })
        });
        Ok(world::sqs(&messages.collect::<anyhow::Result<Vec<_>>>()?))
    }

    /// No two at the same time in one room.
    fn command(&self, n: usize) -> anyhow::Result<BookingCommand> {
        let [start, end] = slot(n);
        let room = self.rooms.get(n % ROOMS).context("a room")?;
        Ok(BookingCommand {
            room_id: Some(room.clone()),
            organizer_email: Some(organizer(n)),
            subject: Some(format!("Design review {n}")),
            start: Some(Moment::new(&start, "UTC")),
            end: Some(Moment::new(&end, "UTC")),
            attendees: Some(vec!["alex@other.example".to_owned()]),
            ..BookingCommand::new(Action::Create, &format!("c{n}"), &self.tenant, &format!("app-{n}"))
        })
    }

    async fn carry_out(&self, event: SqsEvent) -> anyhow::Result<()> {
        let deadline = SystemClock.now() + TimeDelta::minutes(10);
        let answer = handle(Event::Queue(event), &self.deps, deadline).await?;
        ensure!(answer.batch_item_failures.is_empty(), "a command went back to the queue");
        Ok(())
    }

    /// The POST of a command once more, for another time and with a transaction id of its own; gives its seconds.
    async fn bare(&self, post: &Carried, n: usize) -> anyhow::Result<f64> {
        let mut body: Value = serde_json::from_slice(&post.body)?;
        let [start, end] = slot(n);
        body["start"]["dateTime"] = start.into();
        body["end"]["dateTime"] = end.into();
        body["transactionId"] = format!("00000000-0000-4000-8000-{n:012}").into();
        let (body, headers) = (body.to_string(), post.headers.clone());
        let begun = Instant::now();
        let request = self.client.post(&post.url).headers(headers).body(body);
        request.send().await?.error_for_status()?.bytes().await?;
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Calls about meetings that the twin has seen.
    async fn calls(&self) -> anyhow::Result<u64> {
        let counters = self.client.get(format!("{}/_twin/counters", self.site.url)).send().await?;
        let counters: Value = counters.json().await?;
        counters["total"].as_u64().context("a twin without counters")
    }

    fn all_are_made(&self, commands: usize) -> anyhow::Result<()> {
        let writings = self.store.writings();
        let made = writings.iter().filter(|writing| writing.event.is_some() && writing.is_verified()).count();
        ensure!(made == commands, "{made} of {commands} commands were carried out");
        Ok(())
    }
}

fn organizer(n: usize) -> String {
    format!("p{}@big.example", n % ROOMS)
}

/// A half hour of its own for each round of the rooms, from tomorrow on.
fn slot(n: usize) -> [String; 2] {
    let at = |half_hours: usize| {
        let tomorrow = (SystemClock.now() + TimeDelta::days(1)).date_naive();
        let minutes = i64::try_from(half_hours).unwrap_or(0) * 30;
        let time = tomorrow.and_time(chrono::NaiveTime::MIN) + TimeDelta::minutes(minutes);
        time.format("%Y-%m-%dT%H:%M:%S").to_string()
    };
    let row = n / ROOMS;
    [at(row), at(row + 1)]
}
