//! Which entries of a room's calendar are the meetings of commands under way.
//!
//! | entry | claim | then |
//! |---|---|---|
//! | shares the claim's `iCalUId` | any | it is the command's meeting; of a series, the first |
//! | cancelled | any | nobody's: it may be a copy from before the room was given back, or its organizer's calendar says so |
//! | at the claimed time, organizer not another one | not answered yet, or a series | it is the command's meeting |
//! | at the claimed time, but more than one may be meant | not answered yet | left alone until it is known |

use super::claim::{Claim, Verdict};
use crate::booking::{Booking, BookingState, Kind, Origin};
use crate::context::Context;
use crate::entry::CalendarEntry;
use crate::ids::{BookingId, EventId};
use crate::project::{Meaning, span};
use std::collections::{BTreeMap, BTreeSet};

/// What claims say of the entries that belong to no stored booking.
#[derive(Debug, Default)]
pub(crate) struct Pairing<'a> {
    /// The claimed booking of an entry.
    pub(crate) rows: BTreeMap<&'a EventId, &'a Booking>,
    /// Entries that may or may not be claimed: nothing is written for them now.
    pub(crate) unclear: BTreeSet<&'a EventId>,
}

/// Pairs claims with the entries that are `free`: seen, and continuing no stored booking by themselves.
pub(crate) fn pair<'a>(
    claims: &[Claim],
    known: &'a [Booking],
    free: &[&'a CalendarEntry],
    taken: &BTreeSet<&BookingId>,
    context: &Context,
) -> Pairing<'a> {
    let mut pairing = Pairing::default();
    let rows: BTreeMap<&BookingId, &Booking> = known.iter().map(|row| (&row.id, row)).collect();
    let open: Vec<(&Claim, &Booking)> = claims
        .iter()
        .filter(|claim| !taken.contains(&claim.booking))
        .filter_map(|claim| Some((claim, *rows.get(&claim.booking)?)))
        .collect();
    for (claim, row) in &open {
        let same = |entry: &&&CalendarEntry| claim.ical_uid.is_some() && entry.ical_uid == claim.ical_uid;
        let mut ours: Vec<&&CalendarEntry> =
            free.iter().filter(|entry| !entry.cancelled).filter(same).collect();
        ours.sort_by_key(|entry| {
            let at = span(entry.when, context);
            (at != claim.span, at.start)
        });
        if let Some(first) = ours.first() {
            pairing.rows.insert(&first.id, row);
        }
    }
    let by_uid: BTreeSet<&BookingId> = pairing.rows.values().map(|row| &row.id).collect();
    let rest: Vec<&(&Claim, &Booking)> = open.iter().filter(|(_, row)| !by_uid.contains(&row.id)).collect();
    for entry in free.iter().filter(|entry| !entry.cancelled) {
        if pairing.rows.contains_key(&entry.id) {
            continue;
        }
        let at_its_time: Vec<_> = rest
            .iter()
            .filter(|(claim, row)| {
                !row.is_observed() && claim.leaving.is_none() && claim.span == span(entry.when, context)
            })
            .filter(|(claim, _)| may_be(claim, entry))
            .collect();
        let alone =
            free.iter().filter(|other| span(other.when, context) == span(entry.when, context)).count() == 1;
        match at_its_time.as_slice() {
            [] => {}
            [(claim, row)] if alone && is_by(claim, entry) => {
                pairing.rows.insert(&entry.id, row);
            }
            several if several.iter().any(|(claim, _)| claim.ical_uid.is_none()) => {
                pairing.unclear.insert(&entry.id);
            }
            _ => {}
        }
    }
    pairing
}

/// Whether an entry at the claimed time may be the command's: its id does not speak against it. The instances of a series may have an
/// id that is not the series'.
fn may_be(claim: &Claim, entry: &CalendarEntry) -> bool {
    let differs = claim.ical_uid.is_some() && entry.ical_uid.is_some();
    !differs || (claim.recurring && entry.series.is_some())
}

/// Whether the organizer does not speak against it.
fn is_by(claim: &Claim, entry: &CalendarEntry) -> bool {
    let organizer = entry.organizer.as_ref().and_then(|person| person.email.as_deref());
    match (&claim.organizer, organizer) {
        (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
        _ => true,
    }
}

/// What a claim says of one entry.
pub(crate) fn claim_of<'c>(claims: &'c [Claim], row: &Booking) -> Option<&'c Claim> {
    claims.iter().find(|claim| claim.booking == row.id)
}

/// Whether a new instance is one of a series that a command has made: another one of it is known to be.
pub(crate) fn made_by_command<'a>(
    known: &'a [Booking],
    claims: &[Claim],
    state: &BookingState,
) -> Option<&'a Booking> {
    if state.kind == Kind::Single {
        return None;
    }
    let same_series =
        |row: &&Booking| row.state.series_id.is_some() && row.state.series_id == state.series_id;
    let same_claim = |row: &&Booking| {
        claim_of(claims, row)
            .is_some_and(|claim| claim.ical_uid.is_some() && claim.ical_uid == state.ical_uid)
    };
    known
        .iter()
        .filter(|row| row.state.origin == Origin::Command)
        .find(|row| same_series(row) || same_claim(row))
}

/// What the entries of claims mean.
pub(crate) fn holds(claim: Option<&Claim>, row: &Booking, seen: &Meaning) -> bool {
    match (claim, seen) {
        (Some(claim), Meaning::Booked(state)) => claim.verdict(state.span, row.state.status) == Verdict::Hold,
        _ => false,
    }
}
