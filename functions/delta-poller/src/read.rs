//! Read: the calendar itself, complete for a range. The only source of booking data.

use crate::lane::Lane;
use crate::stop::Stop;
use chrono::TimeDelta;
use futures::future::try_join_all;
use roomsync_domain::Span;
use roomsync_domain::context::all_day_slack;
use roomsync_domain::entry::CalendarEntry;
use roomsync_ports::{Calendar, Clock, GraphError};

/// What a read found.
#[derive(Debug, Default)]
pub struct Reading {
    /// The entries, those of several slices more than once.
    pub entries: Vec<CalendarEntry>,
    /// Answers it took. With one, the entries are the calendar at one instant; with more, an entry may have moved from a slice not yet
    /// read to one already read.
    pub answers: usize,
}

/// A range up to this is never cut before it was tried.
const WIDE_DAYS: i64 = 14;
/// A slice is not cut further than this; longer answers are followed page by page.
const SMALLEST_SLICE_HOURS: i64 = 6;
/// Slices that are read at once; a mailbox bears four calls (throttling-limits).
const AT_ONCE: usize = 2;
/// Most answers of one read.
const MOST_ANSWERS: usize = 2_000;

/// Reads everything that overlaps a range.
///
/// Pages of a calendar view shift while others write (`$skip`), so an answer that does not hold all is thrown away and its range
/// cut in two, until each part fits one answer.
pub async fn read<C: Calendar, K: Clock>(lane: &Lane<'_, C, K>, range: Span) -> Result<Reading, Stop> {
    let mut reading = Reading::default();
    let mut slices = cut(range.padded(all_day_slack()), lane.halvings);
    while !slices.is_empty() {
        let next = slices.split_off(slices.len().saturating_sub(AT_ONCE));
        let parts = try_join_all(next.into_iter().rev().map(|slice| read_slice(lane, slice))).await?;
        for part in parts.into_iter().rev() {
            match part {
                Part::Whole(entries, answers) => {
                    reading.entries.extend(entries);
                    reading.answers += answers;
                }
                Part::Halves(first, second) => {
                    slices.extend([second, first]);
                    reading.answers += 1;
                }
            }
        }
        if reading.answers > MOST_ANSWERS {
            return Err(Stop::OutOfTime);
        }
    }
    Ok(reading)
}

/// The range in parts, the earliest last.
fn cut(range: Span, halvings: u32) -> Vec<Span> {
    if halvings == 0 || range.length() <= TimeDelta::days(WIDE_DAYS) {
        return vec![range];
    }
    let (first, second) = range.halves();
    [cut(second, halvings - 1), cut(first, halvings - 1)].concat()
}

enum Part {
    /// Everything of the slice, and how many answers it took.
    Whole(Vec<CalendarEntry>, usize),
    /// The slice in two.
    Halves(Span, Span),
}

async fn read_slice<C: Calendar, K: Clock>(lane: &Lane<'_, C, K>, slice: Span) -> Result<Part, Stop> {
    lane.check_time()?;
    let divisible = slice.length() > TimeDelta::hours(SMALLEST_SLICE_HOURS);
    let (mut entries, mut next) = match lane.calendar.view(lane.room, slice, lane.wanted, None).await {
        Ok(page) if page.next.is_none() => return Ok(Part::Whole(page.entries, 1)),
        Ok(_) | Err(GraphError::TooWide(_)) if divisible => {
            let (first, second) = slice.halves();
            return Ok(Part::Halves(first, second));
        }
        Ok(page) => (page.entries, page.next),
        Err(error) => return Err(error.into()),
    };
    let mut answers = 1;
    while let Some(link) = next {
        if answers > MOST_ANSWERS {
            return Err(Stop::OutOfTime);
        }
        lane.check_time()?;
        let page = lane.calendar.view(lane.room, slice, lane.wanted, Some(&link)).await?;
        entries.extend(page.entries);
        next = page.next;
        answers += 1;
    }
    Ok(Part::Whole(entries, answers))
}
