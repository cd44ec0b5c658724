//! Which series in the room's calendar a command has made. The organizer's calendar knows the id of the whole (`iCalUId` of the master), and
//! occurrences may have ids of their own (`event` page; others saw them shared, microsoft-graph-docs#4447), so the series itself is asked for.

use crate::lane::Lane;
use crate::stop::Stop;
use roomsync_domain::EventId;
use roomsync_domain::booking::{Booking, Status};
use roomsync_domain::context::Context;
use roomsync_domain::entry::CalendarEntry;
use roomsync_domain::project::span;
use roomsync_domain::writing::Claim;
use roomsync_ports::{Calendar, Clock};
use std::collections::{BTreeMap, BTreeSet};

/// Series that are asked for in one look.
const MOST_QUESTIONS: usize = 10;

/// Notes in the claims of series which series of the room is theirs, if it is among these entries.
pub(crate) async fn recognise<C: Calendar, K: Clock>(
    lane: &Lane<'_, C, K>,
    claims: &mut [Claim],
    known: &[Booking],
    entries: &[CalendarEntry],
    context: &Context,
) -> Result<(), Stop> {
    let open = |claim: &&mut Claim| {
        let shared = |entry: &CalendarEntry| entry.ical_uid == claim.ical_uid;
        // What its room has shown and answered says itself of which series it is, unless the room shows it as another by now: one that it has
        // declined and takes all the same.
        let is_seen = |id: &str| {
            entries.iter().any(|entry| entry.series.as_ref().is_some_and(|series| series.as_str() == id))
        };
        let says = |row: &Booking| {
            row.state.status != Status::Pending && row.state.series_id.as_deref().is_some_and(is_seen)
        };
        let is_known = known.iter().any(|row| row.id == claim.booking && says(row));
        let is_open = claim.recurring && claim.ical_uid.is_some() && !is_known && !entries.iter().any(shared);
        is_open || !claim.late.is_empty()
    };
    let mut open: Vec<&mut Claim> = claims.iter_mut().filter(open).collect();
    if open.is_empty() {
        return Ok(());
    }
    for id in candidates(&open, known, entries, context).into_iter().take(MOST_QUESTIONS) {
        lane.check_time()?;
        let Some(master) = lane.calendar.entry(lane.room, id, lane.wanted).await? else { continue };
        for claim in &mut open {
            if claim.ical_uid == master.ical_uid {
                claim.series = Some(id.clone());
            }
            if claim.is_late(master.ical_uid.as_deref(), None) {
                claim.late_series.push(id.clone());
            }
        }
    }
    Ok(())
}

/// Series that may be a command's, the likeliest first: the one of its booking, those at its time, those that were not seen before.
fn candidates<'e>(
    open: &[&mut Claim],
    known: &[Booking],
    entries: &'e [CalendarEntry],
    context: &Context,
) -> Vec<&'e EventId> {
    let rows = || known.iter().filter(|row| open.iter().any(|claim| claim.booking == row.id));
    let before: BTreeSet<&EventId> = known.iter().filter_map(|row| row.state.event_id.as_ref()).collect();
    let mut ranks: BTreeMap<&EventId, u8> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !entry.cancelled) {
        let Some(series) = &entry.series else { continue };
        let rank = if rows().any(|row| row.state.series_id.as_deref() == Some(series.as_str())) {
            0
        } else if open.iter().any(|claim| claim.span == span(entry.when, context)) {
            1
        } else if !before.contains(&entry.id) {
            2
        } else {
            continue;
        };
        ranks.entry(series).and_modify(|known| *known = rank.min(*known)).or_insert(rank);
    }
    let mut series: Vec<(u8, &EventId)> = ranks.into_iter().map(|(series, rank)| (rank, series)).collect();
    series.sort_unstable();
    series.into_iter().map(|(_, series)| series).collect()
}
