//! Peak memory of the poller on one large room.

use crate::poller::{self, Poller};
use crate::site::{self, Site, Size};
use crate::{child, table};
use anyhow::{Context, ensure};
use clap::Args;
use comfy_table::Table;
use serde::{Deserialize, Serialize};

/// Most memory over that of an idle environment, in MiB.
const AIM: f64 = 64.0;
/// Most KiB in a MiB.
const KIB: f64 = 1024.0;

/// The room.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Entries of the large room.
    #[arg(long, default_value_t = 5000)]
    entries: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { entries: 5000 }
    }
}

/// Resident memory in KiB.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Bookings of the large room.
    bookings: usize,
    /// Of a warm environment that has copied a small room.
    idle: u64,
    /// Of that environment after all looks; the tables in memory are a part of it.
    after: u64,
    /// What was done, and the most that it took.
    peaks: Vec<(String, u64)>,
}

/// Measures and shows.
pub(crate) fn run(options: &Options) -> anyhow::Result<Table> {
    let sizes = [Size { rooms: 1, entries: 5 }, Size { rooms: 1, entries: options.entries }];
    let twin = site::start(&sizes)?;
    let site = serde_json::to_string(&twin.site)?;
    let Report { bookings, idle, after, peaks } =
        child::report(child::command(["memory", "--site", &site])?)?;
    let mib = |kib: u64| format!("{:.1} MiB", kib as f64 / KIB);
    let title = format!("room of {bookings} entries");
    let mut shown = table::new(&[&title, "peak", "idle", "over idle", "aim", "left afterwards"]);
    for (what, peak) in peaks {
        let over = peak.saturating_sub(idle);
        shown.add_row([
            what,
            mib(peak),
            mib(idle),
            mib(over),
            table::aim(over as f64 / KIB <= AIM, &format!("<= {AIM} MiB")),
            mib(after.saturating_sub(idle)),
        ]);
    }
    Ok(shown)
}

/// The measured process.
pub(crate) async fn measure(site: &Site) -> anyhow::Result<Report> {
    let poller = Poller::new(site).await?;
    let (small, large) = (poller::rooms(site, 0)?, poller::rooms(site, 1)?);
    for _ in 0..2 {
        poller.handle(poller::batch(&small, false)).await?;
    }
    let idle = resident("VmRSS")?;
    let mut peaks = Vec::new();
    for (what, full) in [("first copy", false), ("quiet look", false), ("full read, nothing changed", true)] {
        // Makes the most so far what is held now (proc(5), clear_refs).
        std::fs::write("/proc/self/clear_refs", "5").context("cannot reset the memory's high-water mark")?;
        poller.handle(poller::batch(&large, full)).await?;
        peaks.push((what.to_owned(), resident("VmHWM")?));
    }
    let after = resident("VmRSS")?;
    let bookings = poller.store.tables().bookings.keys().filter(|(room, _)| large.contains(room)).count();
    ensure!(bookings > 0, "nothing was copied");
    Ok(Report { bookings, idle, after, peaks })
}

/// A line of `/proc/self/status`, in KiB.
pub(crate) fn resident(line: &str) -> anyhow::Result<u64> {
    let status =
        std::fs::read_to_string("/proc/self/status").context("memory is read from /proc: needs Linux")?;
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let number = found.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse().ok());
    number.with_context(|| format!("/proc/self/status without {line}"))
}
