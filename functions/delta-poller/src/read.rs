//! Read: the calendar itself, complete for a range. The only source of booking data.

use crate::lane::Lane;
use crate::stop::Stop;
use chrono::TimeDelta;
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

/// A slice is not cut further than this; longer answers are followed page by page.
const SMALLEST_SLICE_HOURS: i64 = 6;
/// Most answers of one read.
const MOST_ANSWERS: usize = 2_000;

/// Reads everything that overlaps a range.
///
/// Pages of a calendar view shift while others write (`$skip`), so an answer that does not hold all is thrown away and its range
/// cut in two, until each part fits one answer.
pub async fn read<C: Calendar, K: Clock>(lane: &Lane<'_, C, K>, range: Span) -> Result<Reading, Stop> {
    let mut reading = Reading::default();
    let mut slices = vec![range.padded(all_day_slack())];
    while let Some(slice) = slices.pop() {
        if reading.answers >= MOST_ANSWERS {
            return Err(Stop::OutOfTime);
        }
        lane.check_time()?;
        reading.answers += 1;
        let divisible = slice.length() > TimeDelta::hours(SMALLEST_SLICE_HOURS);
        match lane.calendar.view(lane.room, slice, lane.wanted, None).await {
            Ok(page) if page.next.is_none() => reading.entries.extend(page.entries),
            Ok(_) | Err(GraphError::TooWide(_)) if divisible => {
                let (first, second) = slice.halves();
                slices.extend([second, first]);
            }
            Ok(page) => {
                reading.entries.extend(page.entries);
                let mut next = page.next;
                while let Some(link) = next {
                    lane.check_time()?;
                    reading.answers += 1;
                    if reading.answers >= MOST_ANSWERS {
                        return Err(Stop::OutOfTime);
                    }
                    let page = lane.calendar.view(lane.room, slice, lane.wanted, Some(&link)).await?;
                    reading.entries.extend(page.entries);
                    next = page.next;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(reading)
}
