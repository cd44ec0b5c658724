//! Detect: one delta round, page by page, to learn where to look.

use crate::lane::Lane;
use crate::stop::Stop;
use roomsync_domain::Span;
use roomsync_domain::cursor::DeltaLink;
use roomsync_domain::delta::Dirty;
use roomsync_ports::{Calendar, Clock, DeltaFrom, GraphError, Next};
use std::collections::BTreeMap;

/// Pages after which a round is taken for endless.
const MOST_PAGES: usize = 500;
/// Times that the same page may come before a round is taken for endless. Replays are allowed (delta-query-overview).
const MOST_REPEATS: u32 = 3;
/// Page sizes tried for a first round, in items; nothing lets Graph choose. An endless round was tied to a series that does not fit
/// a page (msgraph-sdk-dotnet#3070, #3082).
const PAGE_SIZES: [Option<u32>; 2] = [Some(500), Some(1000)];
/// Times that a first round is begun anew when Graph forgets it halfway.
const MOST_RESTARTS: usize = 2;

/// How a round ended.
#[derive(Debug)]
pub enum Round {
    /// To its end: where to look, and where the next round starts.
    Complete(Dirty, DeltaLink),
    /// Not at all: the same pages again and again.
    Endless,
}

/// Runs a round from a link.
pub async fn follow<C: Calendar, K: Clock>(lane: &Lane<'_, C, K>, link: &DeltaLink) -> Result<Round, Stop> {
    round(lane, DeltaFrom::Link(link)).await
}

/// Runs a first round over a window for the sake of its link. What it lists is read anew anyway.
pub async fn start<C: Calendar, K: Clock>(lane: &Lane<'_, C, K>, window: Span) -> Result<Round, Stop> {
    let mut restarts = 0;
    let mut sizes = PAGE_SIZES.iter();
    let mut size = sizes.next();
    while let Some(page_size) = size {
        match round(lane, DeltaFrom::Start(window, *page_size)).await {
            Ok(Round::Endless) => size = sizes.next(),
            Err(Stop::Graph(GraphError::CursorExpired(_))) if restarts < MOST_RESTARTS => restarts += 1,
            other => return other,
        }
    }
    Ok(Round::Endless)
}

async fn round<C: Calendar, K: Clock>(lane: &Lane<'_, C, K>, from: DeltaFrom<'_>) -> Result<Round, Stop> {
    let mut dirty = Dirty::default();
    let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
    lane.check_time()?;
    let mut page = lane.calendar.delta(lane.room, from).await?;
    for _ in 0..MOST_PAGES {
        for item in &page.items {
            dirty.note(item);
        }
        if let Some(fingerprint) = page.fingerprint {
            let times = seen.entry(fingerprint).or_default();
            *times += 1;
            if *times > MOST_REPEATS {
                return Ok(Round::Endless);
            }
        }
        match page.next {
            Next::Round(link) => return Ok(Round::Complete(dirty, link)),
            Next::Page(link) => {
                lane.check_time()?;
                page = lane.calendar.delta(lane.room, DeltaFrom::Link(&link)).await?;
            }
        }
    }
    Ok(Round::Endless)
}
