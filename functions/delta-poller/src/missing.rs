//! Missing: why a booking that we hold is not in its place, before we say that it ended.

use crate::lane::Lane;
use crate::stop::Stop;
use chrono::TimeDelta;
use futures::{StreamExt, TryStreamExt, stream};
use roomsync_domain::booking::{Booking, EndReason, Kind, Status};
use roomsync_domain::context::Context;
use roomsync_domain::entry::{CalendarEntry, EntryKind, Response};
use roomsync_domain::{EventId, project};
use roomsync_ports::{Calendar, Clock};
use std::collections::BTreeMap;

/// Entries that are asked for one by one in one look.
const MOST_QUESTIONS: usize = 100;
/// From so many missing occurrences of one series on, the series is asked instead.
const MANY_OF_A_SERIES: usize = 6;
/// Questions on their way at once; a mailbox bears four calls (throttling-limits).
const AT_ONCE: usize = 2;

/// Places at which one entry is looked for while it moves.
const MOST_PLACES: usize = 3;

/// A tentative booking that is gone after less than this was declined; later somebody has taken it out.
const MOMENT_MINUTES: i64 = 15;

/// What became of the missing.
#[derive(Debug, Default)]
pub struct Found {
    /// Entries that are elsewhere in the calendar.
    pub elsewhere: Vec<CalendarEntry>,
    /// Bookings that are over, and why.
    pub over: Vec<(Booking, EndReason)>,
    /// Bookings that could not be asked about this time: they stay as they are and the look is not complete.
    pub unasked: usize,
}

/// Finds out about each missing booking.
///
/// `snapshot` says that the calendar was read in one answer: then absence alone proves an end, and asking only tells the reason. But what is
/// pending may lie elsewhere.
pub async fn find_out<C: Calendar, K: Clock>(
    lane: &Lane<'_, C, K>,
    context: &Context,
    missing: Vec<Booking>,
    snapshot: bool,
) -> Result<Found, Stop> {
    let mut found = Found::default();
    let (series, single) = if snapshot { by_series(missing) } else { (BTreeMap::new(), missing) };
    for (master, bookings) in series {
        lane.check_time()?;
        let master = lane.calendar.entry(lane.room, &EventId::new(master), lane.wanted).await?;
        let is_private = master.as_ref().is_some_and(|entry| entry.private);
        let reason = if master.is_some_and(|entry| entry.cancelled) {
            EndReason::Cancelled
        } else {
            EndReason::Deleted
        };
        let last = |booking: Booking| if is_private { booking.turned_private() } else { booking };
        found.over.extend(bookings.into_iter().map(|booking| (last(booking), reason)));
    }
    let (asked, rest) = single.split_at(single.len().min(MOST_QUESTIONS));
    let answers: Vec<Fate> = stream::iter(asked.iter().map(|booking| ask(lane, context, booking)))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    for fate in answers {
        match fate {
            Fate::Over(booking, reason) => found.over.push((*booking, reason)),
            Fate::Elsewhere(entry) => found.elsewhere.push(*entry),
        }
    }
    let is_over = |booking: &&Booking| snapshot && booking.state.status != Status::Pending;
    let (over, unasked): (Vec<&Booking>, Vec<&Booking>) = rest.iter().partition(is_over);
    found.over.extend(over.into_iter().map(|booking| (booking.clone(), EndReason::Deleted)));
    found.unasked = unasked.len();
    Ok(found)
}

fn by_series(missing: Vec<Booking>) -> (BTreeMap<String, Vec<Booking>>, Vec<Booking>) {
    let mut series: BTreeMap<String, Vec<Booking>> = BTreeMap::new();
    let mut single = Vec::new();
    for booking in missing {
        match (&booking.state.series_id, booking.state.kind) {
            (Some(id), Kind::Occurrence) => series.entry(id.clone()).or_default().push(booking),
            _ => single.push(booking),
        }
    }
    series.retain(|_, bookings| {
        let many = bookings.len() >= MANY_OF_A_SERIES;
        if !many {
            single.append(bookings);
        }
        many
    });
    (series, single)
}

enum Fate {
    Over(Box<Booking>, EndReason),
    Elsewhere(Box<CalendarEntry>),
}

/// Asks for the entry by its id; if it answers as if it lived, the calendar at its own time decides, because a deleted entry may
/// still be read from Deleted Items and an entry that left the window is reported like a deleted one.
async fn ask<C: Calendar, K: Clock>(
    lane: &Lane<'_, C, K>,
    context: &Context,
    booking: &Booking,
) -> Result<Fate, Stop> {
    // Auto-accepting rooms show a request that they decline for a moment only (Set-CalendarProcessing).
    let was_asked_for = matches!(booking.state.status, Status::Tentative | Status::Pending)
        && lane.clock.now() - booking.observed_at < TimeDelta::minutes(MOMENT_MINUTES);
    let reason = if was_asked_for { EndReason::Declined } else { EndReason::Deleted };
    let mut last = Box::new(booking.clone());
    let Some(id) = &booking.state.event_id else { return Ok(Fate::Over(last, reason)) };
    let mut place = booking.state.span;
    for _ in 0..MOST_PLACES {
        lane.check_time()?;
        let Some(entry) = lane.calendar.entry(lane.room, id, lane.wanted).await? else { break };
        if entry.private {
            *last = last.turned_private();
        }
        if entry.cancelled {
            return Ok(Fate::Over(last, EndReason::Cancelled));
        }
        if entry.response == Response::Declined {
            return Ok(Fate::Over(last, EndReason::Declined));
        }
        if entry.kind == EntryKind::Master {
            break;
        }
        lane.check_time()?;
        let span = project::span(entry.when, context);
        let there = crate::read::read(lane, span).await?;
        if let Some(seen) = there.entries.into_iter().find(|seen| seen.id == *id) {
            return Ok(Fate::Elsewhere(Box::new(seen)));
        }
        if span == place {
            break;
        }
        // It has moved, perhaps once more between the two questions.
        place = span;
    }
    Ok(Fate::Over(last, reason))
}
