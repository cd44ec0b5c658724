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
/// Page sizes tried for a first round, in items; nothing stands for the usual one. An endless round was tied to a series that does
/// not fit a page (msgraph-sdk-dotnet#3070, #3082).
const PAGE_SIZES: [Option<u32>; 2] = [None, Some(1000)];
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
    round(lane, DeltaFrom::Link(link, None)).await
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
    let (DeltaFrom::Start(_, size) | DeltaFrom::Link(_, size)) = from;
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
                page = lane.calendar.delta(lane.room, DeltaFrom::Link(&link, size)).await?;
            }
        }
    }
    Ok(Round::Endless)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roomsync_domain::entry::{CalendarEntry, Wanted};
    use roomsync_domain::time::seconds;
    use roomsync_domain::{EventId, Instant, RoomId};
    use roomsync_ports::{DeltaPage, ViewPage};
    use std::sync::Mutex;

    /// A calendar whose rounds go in circles below a page size, and end after two pages from there on.
    struct Circles {
        below: u32,
        asked: Mutex<Vec<(&'static str, Option<u32>)>>,
    }

    impl Calendar for Circles {
        async fn delta(&self, _: &RoomId, from: DeltaFrom<'_>) -> Result<DeltaPage, GraphError> {
            let (what, size) = match from {
                DeltaFrom::Start(_, size) => ("start", size),
                DeltaFrom::Link(_, size) => ("link", size),
            };
            self.asked.lock().unwrap().push((what, size));
            let link = DeltaLink::new("link");
            let is_over = what == "link" && size.unwrap_or(500) >= self.below;
            let next = if is_over { Next::Round(link) } else { Next::Page(link) };
            Ok(DeltaPage { items: Vec::new(), next, fingerprint: Some(1) })
        }

        async fn view(
            &self,
            _: &RoomId,
            _: Span,
            _: Wanted,
            _: Option<&DeltaLink>,
        ) -> Result<ViewPage, GraphError> {
            unreachable!("detecting reads no ranges")
        }

        async fn entry(
            &self,
            _: &RoomId,
            _: &EventId,
            _: Wanted,
        ) -> Result<Option<CalendarEntry>, GraphError> {
            unreachable!("detecting reads no entries")
        }
    }

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Instant {
            seconds::parse("2026-02-09T12:00:00Z").unwrap()
        }
    }

    /// What was asked of a calendar, and whether the round came to its end.
    fn asked(below: u32, link: Option<&DeltaLink>) -> (Vec<(&'static str, Option<u32>)>, bool) {
        let calendar = Circles { below, asked: Mutex::default() };
        let lane = Lane {
            calendar: &calendar,
            clock: &Noon,
            room: &RoomId::new("room"),
            wanted: Wanted { subject: false, organizer: false },
            deadline: seconds::parse("2026-02-09T12:01:00Z").unwrap(),
            halvings: 0,
        };
        let window = Span::new(lane.deadline, lane.deadline);
        let round = futures::executor::block_on(async {
            match link {
                Some(link) => follow(&lane, link).await,
                None => start(&lane, window).await,
            }
        });
        let is_complete = matches!(round.unwrap(), Round::Complete(..));
        (calendar.asked.into_inner().unwrap(), is_complete)
    }

    #[test]
    fn a_round_keeps_its_page_size() {
        let usual = [("start", None), ("link", None), ("link", None), ("link", None)];
        let larger = [("start", Some(1000)), ("link", Some(1000))];
        assert_eq!(asked(0, None), (usual[..2].to_vec(), true));
        assert_eq!(asked(1000, None), ([&usual[..], &larger[..]].concat(), true));
    }

    #[test]
    fn a_round_in_circles_is_left_after_the_third_repeat() {
        let (pages, is_complete) = asked(u32::MAX, Some(&DeltaLink::new("link")));
        assert_eq!((pages, is_complete), (vec![("link", None); 4], false));
    }
}
