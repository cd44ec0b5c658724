//! The webhook under a flood of forged and genuine notices, against a server that does nothing; and what a notice costs by itself.

use crate::door::{self, Report, SECRET};
use crate::{child, cpu, table};
use anyhow::{Context, ensure};
use clap::Args;
use comfy_table::Table;
use futures::{StreamExt, TryStreamExt, stream};
use roomsync_domain::client_state::SigningKey;
use roomsync_domain::{RoomId, RoomRef, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Instant;
use webhook_receiver::handle;

const TENANT: &str = "84bd8158-6d4d-4958-8b9f-9d6445542f95";
const KIND: &str = "application/json; charset=utf-8";
/// Least requests in a second.
const RATE: f64 = 5_000.0;
/// Most seconds for 99 of 100 answers.
const P99: f64 = 0.050;
/// Most memory, in KiB.
const PEAK: u64 = 64 * 1_024;
/// Most CPU seconds for a notice.
const CPU: f64 = 5e-6;
/// Notices in a large body.
const LARGE: usize = 80;

/// Size of the flood.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Requests of each round; every fourth is genuine, each for a room of its own.
    #[arg(long, default_value_t = 40_000)]
    requests: usize,
    /// Requests on their way at once.
    #[arg(long, default_value_t = 32)]
    at_once: usize,
    /// Rounds against either server, in turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { requests: 40_000, at_once: 32, rounds: 5 }
    }
}

/// A round against one server.
struct Round {
    rate: f64,
    p50: f64,
    p99: f64,
    worst: f64,
    report: Report,
}

/// Measures and shows.
pub(crate) async fn run(options: &Options) -> anyhow::Result<[Table; 2]> {
    let (mut bare, mut receiver) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        bare.push(round(options, true).await?);
        receiver.push(round(options, false).await?);
    }
    let genuine = options.requests.div_ceil(4);
    for Round { report, .. } in &receiver {
        ensure!(report.rooms == genuine, "{} of {genuine} genuine notices arrived", report.rooms);
        ensure!(report.sent == genuine as u64, "{} hints for {genuine} genuine notices", report.sent);
    }
    let costs: Costs = child::report(child::command(["notice"])?)?;
    Ok([flood(&bare, &receiver, genuine), notice(&costs)])
}

fn flood(bare: &[Round], receiver: &[Round], genuine: usize) -> Table {
    let middle = |rounds: &[Round], of: fn(&Round) -> f64| cpu::spread(rounds.iter().map(of).collect())[1];
    let cpu_each = |round: &Round| round.report.cpu / round.report.requests as f64;
    let millis = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
    let mut shown = table::new(&["flood", "receiver", "bare server", "ratio", "aim"]);
    let mut row = |what: &str, of: fn(&Round) -> f64, text: &dyn Fn(f64) -> String, aim: String| {
        let (own, other) = (middle(receiver, of), middle(bare, of));
        shown.add_row([what.to_owned(), text(own), text(other), format!("{:.2}", own / other), aim]);
    };
    let rate = middle(receiver, |round| round.rate);
    let p99 = middle(receiver, |round| round.p99);
    let peak = receiver.iter().map(|round| round.report.peak).max().unwrap_or_default();
    let aim = |met, text: &str| table::aim(met, text);
    row(
        "requests in a second",
        |round| round.rate,
        &|rate| format!("{rate:.0}"),
        aim(rate >= RATE, ">= 5000"),
    );
    row("half of the answers", |round| round.p50, &millis, String::new());
    row("99 of 100 answers", |round| round.p99, &millis, aim(p99 <= P99, "<= 50 ms"));
    row("the last answer", |round| round.worst, &millis, String::new());
    row("CPU of a request", cpu_each, &table::micros, String::new());
    let mib = |kib: f64| format!("{:.1} MiB", kib / 1_024.0);
    row("peak memory", |round| round.report.peak as f64, &mib, aim(peak <= PEAK, "<= 64 MiB"));
    let lost = format!("0 of {genuine}");
    shown.add_row(["genuine notices lost", &lost, "", "", "0: met"]);
    shown.add_row(["hints for forged ones", "0", "", "", "0: met"]);
    shown
}

fn notice(costs: &Costs) -> Table {
    let mut shown = table::new(&["CPU of a notice", "least", "middle", "most", "aim"]);
    for (what, [least, middle, most]) in &costs.0 {
        let [least, middle, most] = [least, middle, most].map(|seconds| format!("{:.2} µs", seconds * 1e6));
        let aim = table::aim(costs.within(what), "<= 5 µs");
        shown.add_row([what.clone(), least, middle, most, aim]);
    }
    shown
}

async fn round(options: &Options, bare: bool) -> anyhow::Result<Round> {
    let server = door::start(bare)?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let key = SigningKey::new(SECRET).context("a key")?;
    let bodies = (0..options.requests).map(|n| body(&key, n)).collect::<anyhow::Result<Vec<_>>>()?;
    let begun = Instant::now();
    let mut latencies: Vec<f64> = stream::iter(bodies)
        .map(|body| async {
            let begun = Instant::now();
            let request = client.post(&server.url).header("content-type", KIND).body(body);
            let status = request.send().await?.status();
            ensure!(matches!(status.as_u16(), 202 | 400), "answered {status}");
            Ok(begun.elapsed().as_secs_f64())
        })
        .buffer_unordered(options.at_once)
        .try_collect()
        .await?;
    let rate = options.requests as f64 / begun.elapsed().as_secs_f64();
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    Ok(Round { rate, p50: at(0.5), p99: at(0.99), worst: at(1.0), report: server.end()? })
}

fn room(n: usize) -> anyhow::Result<RoomRef> {
    let tenant = TenantId::parse(TENANT).context("a tenant")?;
    Ok(RoomRef::new(tenant, RoomId::new(format!("f47ac10b-58cc-4372-a567-{n:012x}"))))
}

fn item(key: &SigningKey, n: usize) -> anyhow::Result<Value> {
    let room = room(n)?;
    let event = "AAMkAGI2TG93AAA=".repeat(8);
    Ok(json!({
        "subscriptionId": "7f105c7d-2dc5-4530-97cd-4e7ae6534c07",
        "subscriptionExpirationDateTime": "2026-02-15T10:00:00.1234567+00:00",
        "changeType": "updated",
        "resource": format!("Users/{}/Events/{event}", room.room),
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Event",
            "@odata.id": format!("Users/{}/Events/{event}", room.room),
            "@odata.etag": "W/\"DwAAABYAAAC\"",
            "id": event,
        },
        "clientState": key.sign(&room).context("a signable room")?,
        "tenantId": room.tenant.as_str(),
    }))
}

/// The body of a request: one in four is genuine, the others are forged in several ways.
fn body(key: &SigningKey, n: usize) -> anyhow::Result<String> {
    let mut item = item(key, n)?;
    let foreign = SigningKey::new(&SECRET.replace('0', "9")).context("a key")?;
    match n % 16 {
        0 | 4 | 8 | 12 => {}
        1 | 5 => item["clientState"] = foreign.sign(&room(n)?).context("a signable room")?.into(),
        2 | 6 => item["clientState"] = "secretClientValue".into(),
        3 | 7 => item["tenantId"] = "11111111-2222-4333-8444-555555555555".into(),
        9 => item["junk"] = "x".repeat(60_000).into(),
        10 => return Ok("[".repeat(1_000)),
        11 => return Ok("{\"value\":[".to_owned()),
        _ => {
            let signed = key.sign(&room(n + 1)?).context("a signable room")?;
            let own = key.sign(&room(n)?).context("a signable room")?;
            let (claim, _) = signed.rsplit_once('.').context("a signature")?;
            let (_, signature) = own.rsplit_once('.').context("a signature")?;
            item["clientState"] = format!("{claim}.{signature}").into();
        }
    }
    if n % 16 == 9 {
        item["clientState"] = Value::Null;
    }
    Ok(json!({ "value": [item] }).to_string())
}

/// CPU seconds of a notice, by kind of request: least, middle and most of many rounds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Costs(Vec<(String, [f64; 3])>);

impl Costs {
    fn within(&self, kind: &str) -> bool {
        self.0.iter().any(|(found, [_, middle, _])| found == kind && *middle <= CPU)
    }
}

/// The measured process: events as text in, answers out, no socket.
pub(crate) async fn measure() -> anyhow::Result<Costs> {
    roomsync_runtime::telemetry::start();
    let deps = door::receiver();
    let key = SigningKey::new(SECRET).context("a key")?;
    let request = |items: &[Value], id| door::event(KIND, &json!({ "value": items }).to_string(), id);
    let mut forged = item(&key, 0)?;
    forged["tenantId"] = "11111111-2222-4333-8444-555555555555".into();
    let many = (0..LARGE).map(|n| item(&key, n)).collect::<anyhow::Result<Vec<_>>>()?;
    let kinds = [
        ("one in a request".to_owned(), request(&[item(&key, 0)?], 1), 1, 1),
        (format!("one of {LARGE} in a request"), request(&many, 2), LARGE, LARGE as u64),
        ("a forged one by itself".to_owned(), request(&[forged], 3), 1, 0),
    ];
    let mut costs = Vec::new();
    for (kind, text, notices, hints) in kinds {
        let times = 2_000 / notices;
        let mut series = Vec::new();
        for _ in 0..21 {
            let before = deps.queue.sent();
            let spent = cpu::of(async {
                for _ in 0..times {
                    handle(serde_json::from_str(&text)?, &deps).await;
                }
                Ok(())
            })
            .await?;
            ensure!(deps.queue.sent() - before == hints * times as u64, "{kind}: wrong hints");
            series.push(spent / (times * notices) as f64);
        }
        costs.push((kind, cpu::spread(series)));
    }
    Ok(Costs(costs))
}
