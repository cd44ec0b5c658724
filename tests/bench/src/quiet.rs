//! CPU of a quiet look against a bare GET of the same bytes.

use crate::poller::{self, Poller};
use crate::site::{self, Site, Size};
use crate::{child, cpu, table};
use anyhow::{Context, ensure};
use aws_lambda_events::event::sqs::SqsEvent;
use clap::Args;
use comfy_table::Table;
use futures::future::try_join_all;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use roomsync_domain::RoomRef;
use roomsync_graph::{TIMEOUT, USER_AGENT};
use roomsync_ports::BookingStore;
use roomsync_testkit::Usage;
use roomsync_twin::demo;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most CPU of a quiet look, in bare GETs.
const AIM: f64 = 2.0;
/// What Lambda hands over at once.
const BATCHES: [usize; 2] = [1, 10];

/// How long to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Rounds, each of looks and of GETs.
    #[arg(long, default_value_t = 201)]
    rounds: usize,
    /// Looks and GETs in a round: few, so that whatever else the machine does slows both alike.
    #[arg(long, default_value_t = 100)]
    looks: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 201, looks: 100 }
    }
}

/// What was measured, one for each size of a batch.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    batch: usize,
    /// CPU seconds of a look; least, middle, most.
    look: [f64; 3],
    /// CPU seconds of a GET.
    get: [f64; 3],
    /// Look over GET of the same round.
    ratio: [f64; 3],
    /// Graph requests, half read units and write units of a look.
    costs: [f64; 3],
}

/// Measures and shows.
pub(crate) fn run(options: &Options) -> anyhow::Result<Table> {
    let most = BATCHES.into_iter().max().unwrap_or(1);
    let twin = site::start(&[Size { rooms: most, entries: 20 }])?;
    let site = serde_json::to_string(&twin.site)?;
    let args = [
        "quiet",
        "--site",
        &site,
        "--rounds",
        &options.rounds.to_string(),
        "--looks",
        &options.looks.to_string(),
    ];
    let reports: Vec<Report> = child::report(child::command(args)?)?;
    let mut shown = table::new(&[
        "quiet look",
        "CPU of a GET",
        "CPU of a look",
        "look : GET (range)",
        "aim",
        "requests",
        "read units",
        "write units",
    ]);
    for Report { batch, look, get, ratio: [least, middle, most], costs: [requests, half_reads, writes] } in
        reports
    {
        shown.add_row([
            format!("batch of {batch}"),
            table::micros(get[1]),
            table::micros(look[1]),
            format!("{middle:.2} ({least:.2} to {most:.2})"),
            table::aim(middle <= AIM, &format!("<= {AIM}")),
            format!("{requests:.3}"),
            format!("{:.3}", half_reads / 2.0),
            format!("{writes:.3}"),
        ]);
    }
    Ok(shown)
}

/// The measured process.
pub(crate) async fn measure(site: &Site, options: &Options) -> anyhow::Result<Vec<Report>> {
    let poller = Poller::new(site).await?;
    let rooms = poller::rooms(site, 0)?;
    // The first copy, and a look that finds nothing new.
    for _ in 0..2 {
        poller.handle(poller::batch(&rooms, false)).await?;
    }
    let bare = Bare::new(site, &poller, &rooms).await?;
    let mut reports = Vec::new();
    for batch in BATCHES {
        let rooms = rooms.get(..batch).context("too few rooms")?;
        reports.push(round(&poller, &bare, rooms, options).await?);
    }
    Ok(reports)
}

async fn round(poller: &Poller, bare: &Bare, rooms: &[RoomRef], options: &Options) -> anyhow::Result<Report> {
    let times = options.looks.div_ceil(rooms.len());
    let looks = (times * rooms.len()) as f64;
    let (mut look, mut get, mut ratio) = (Vec::new(), Vec::new(), Vec::new());
    let mut usage = Usage::default();
    let mut requests = 0;
    for _ in 0..options.rounds {
        // What Lambda's runtime has already read: not a part of the look.
        let batches: Vec<SqsEvent> = (0..times).map(|_| poller::batch(rooms, false)).collect();
        poller.store.take_usage();
        let before = bare.requests().await?;
        let looking = cpu::of(async {
            for batch in batches {
                poller.handle(batch).await?;
            }
            Ok(())
        })
        .await?;
        requests += bare.requests().await? - before;
        let round = poller.store.take_usage();
        usage.half_read_units += round.half_read_units;
        usage.write_units += round.write_units;
        let getting = cpu::of(async {
            for _ in 0..times {
                bare.get_all(rooms.len()).await?;
            }
            Ok(())
        })
        .await?;
        look.push(looking / looks);
        get.push(getting / looks);
        ratio.push(looking / getting);
    }
    ensure!(usage.write_units == 0, "a look that was to be quiet wrote");
    let all = looks * options.rounds as f64;
    Ok(Report {
        batch: rooms.len(),
        look: cpu::spread(look),
        get: cpu::spread(get),
        ratio: cpu::spread(ratio),
        costs: [requests as f64 / all, usage.half_read_units as f64 / all, usage.write_units as f64 / all],
    })
}

/// The least that anybody could do: the same client, the same requests, the answers thrown away.
struct Bare {
    client: reqwest::Client,
    headers: HeaderMap,
    links: Vec<String>,
    site: String,
}

impl Bare {
    async fn new(site: &Site, poller: &Poller, rooms: &[RoomRef]) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let mut links = Vec::new();
        for room in rooms {
            let cursor = poller.store.cursor(room).await?.context("a room that was never copied")?;
            links.push(cursor.link.context("a room without a link")?.as_str().to_owned());
        }
        let token = token(&client, site).await?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert("client-request-id", HeaderValue::from_static("6a8a4d0c-58a5-4e0e-9c6a-2b9f6f1f5d0e"));
        headers.insert(
            "prefer",
            HeaderValue::from_static(
                "outlook.timezone=\"UTC\", IdType=\"ImmutableId\", outlook.body-content-type=\"text\", odata.maxpagesize=1000",
            ),
        );
        Ok(Self { client, headers, links, site: site.url.clone() })
    }

    /// One GET for each of the first rooms, all at once.
    async fn get_all(&self, rooms: usize) -> anyhow::Result<()> {
        try_join_all(self.links.iter().take(rooms).map(|link| self.get(link))).await?;
        Ok(())
    }

    async fn get(&self, link: &str) -> anyhow::Result<()> {
        let answer = self.client.get(link).headers(self.headers.clone()).send().await?.error_for_status()?;
        answer.bytes().await?;
        Ok(())
    }

    /// Requests that the twin has seen.
    async fn requests(&self) -> anyhow::Result<u64> {
        let counters = self.client.get(format!("{}/_twin/counters", self.site)).send().await?;
        let counters: Value = counters.json().await?;
        counters["total"].as_u64().context("a twin without counters")
    }
}

async fn token(client: &reqwest::Client, site: &Site) -> anyhow::Result<String> {
    let (tenant, _) = site.tenants.first().context("no tenant")?;
    let (url, scope) = (format!("{}/{tenant}/oauth2/v2.0/token", site.url), format!("{}/.default", site.url));
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={scope}",
        demo::CLIENT_ID,
        demo::SECRET
    );
    let request = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer: Value = request.send().await?.error_for_status()?.json().await?;
    Ok(answer["access_token"].as_str().context("an answer without token")?.to_owned())
}
