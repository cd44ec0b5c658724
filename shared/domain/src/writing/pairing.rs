//! Which entries of a room's calendar are the meetings of commands under way.
//!
//! | entry | claim | then |
//! |---|---|---|
//! | shares the claim's `iCalUId`, or the series that does | any | it is the command's meeting, whatever it was taken for; of a series, the first |
//! | cancelled | any | nobody's: it may be a copy from before the room was given back, or its organizer's calendar says so |
//! | at the claimed time, or one that we had written before, by its organizer | not answered yet | it is the command's meeting |
//! | of a series, at such a time | not answered yet | left alone until it is known, and by its organizer the whole series |
//! | at such a time, but another may be meant | not answered yet | left alone until it is known |
//!
//! A meeting that was guessed may be one that an attempt has made which could not say so, and that a person has cancelled since; the next
//! attempt makes another. Of single meetings their ids tell. Occurrences need not have the id that the organizer's calendar knows, so of
//! series nothing is guessed.

use super::claim::{Claim, Verdict};
use crate::booking::{Booking, BookingState, Kind, Origin, PrivateBy, Status};
use crate::context::Context;
use crate::entry::CalendarEntry;
use crate::ids::{BookingId, EventId};
use crate::project::{Meaning, span};
use std::collections::{BTreeMap, BTreeSet};

/// Entries and the stored bookings that they continue.
pub(crate) type Rows<'a> = BTreeMap<&'a EventId, &'a Booking>;

/// Gives entries to the claims whose id they share, whatever they were taken for before that was known. Gives the bookings that had them.
/// What is being left is not taken over any more.
pub(crate) fn by_id<'a>(
    claims: &[Claim],
    known: &'a [Booking],
    seen: &BTreeMap<&'a EventId, &'a CalendarEntry>,
    rows: &mut Rows<'a>,
    context: &Context,
) -> Vec<&'a Booking> {
    let mut replaced = Vec::new();
    for claim in claims.iter().filter(|claim| claim.ical_uid.is_some()) {
        let Some(row) = known.iter().find(|row| row.id == claim.booking) else { continue };
        // A single meeting has one entry in the room, though not always the same.
        let entry = rows.iter().find(|(_, other)| other.id == row.id).map(|(id, _)| seen[*id]);
        let is_ours =
            entry.map_or_else(|| claim.recurring && is_of(claim, &row.state), |entry| is_in(claim, entry));
        let is_known = row.is_observed() && is_ours;
        // A series may move by days: then its first day is another one of its entries.
        let may_move = claim.recurring && claim.leaving.is_none() && row.state.status == Status::Pending;
        if is_known && !may_move {
            continue;
        }
        let ours = seen.values().filter(|entry| is_in(claim, entry) && !entry.cancelled);
        // The further days of its series are the command's already: what has ended does not come back for them.
        let may_have = |other: &Booking| {
            claim.leaving.is_none() && (row.is_live() || other.state.origin != Origin::Command)
        };
        let free = ours.filter(|entry| rows.get(&entry.id).is_none_or(|other| may_have(other)));
        let first = free.min_by_key(|entry| {
            let at = span(entry.when, context);
            (at != claim.span, at.start)
        });
        if let Some(first) = first.filter(|first| !is_known || span(first.when, context) == claim.span) {
            rows.retain(|_, other| other.id != row.id);
            replaced.extend(rows.insert(&first.id, row));
        }
    }
    replaced
}

/// What claims say of the entries that share nobody's id and belong to no stored booking.
#[derive(Debug, Default)]
pub(crate) struct Guesses<'a> {
    /// The claimed booking of an entry.
    pub(crate) rows: Rows<'a>,
    /// Entries that may or may not be claimed: nothing is written for them now.
    pub(crate) unclear: BTreeSet<&'a EventId>,
}

/// Pairs claims that have no entry yet with the entries that are `free`: seen, and continuing no stored booking.
pub(crate) fn by_time<'a>(
    claims: &[Claim],
    known: &'a [Booking],
    free: &[&'a CalendarEntry],
    taken: &BTreeSet<&BookingId>,
    context: &Context,
) -> Guesses<'a> {
    let mut guesses = Guesses::default();
    let bookings: BTreeMap<&BookingId, &Booking> = known.iter().map(|row| (&row.id, row)).collect();
    let open: Vec<(&Claim, &Booking)> = claims
        .iter()
        .filter(|claim| claim.leaving.is_none() && !taken.contains(&claim.booking))
        .filter_map(|claim| Some((claim, *bookings.get(&claim.booking)?)))
        .filter(|(_, row)| !row.is_observed())
        .collect();
    let mut series: BTreeSet<&EventId> = BTreeSet::new();
    let there = || free.iter().copied().filter(|entry| !entry.cancelled);
    for entry in there() {
        let at = span(entry.when, context);
        let is_its_time = |claim: &Claim| claim.span == at || claim.was_at(at, context.zone);
        let at_its_time: Vec<_> =
            open.iter().filter(|(claim, _)| is_its_time(claim) && may_be(claim, entry)).collect();
        let alone = free.iter().filter(|other| span(other.when, context) == at).count() == 1;
        match at_its_time.as_slice() {
            [] => {}
            [(claim, row)] if alone && is_by(claim, entry) && !claim.recurring => {
                guesses.rows.insert(&entry.id, row);
            }
            several if several.iter().any(|(claim, _)| claim.ical_uid.is_none()) => {
                guesses.unclear.insert(&entry.id);
                let is_its = several.iter().any(|(claim, _)| is_by(claim, entry));
                series.extend(entry.series.as_ref().filter(|_| is_its));
            }
            _ => {}
        }
    }
    let of_them = |entry: &&CalendarEntry| entry.series.as_ref().is_some_and(|id| series.contains(id));
    guesses.unclear.extend(there().filter(of_them).map(|entry| &entry.id));
    guesses
}

/// Whether an entry at the claimed time may be the command's: neither its id nor its kind speaks against it.
fn may_be(claim: &Claim, entry: &CalendarEntry) -> bool {
    let differs = claim.ical_uid.is_some() && entry.ical_uid.is_some();
    claim.recurring == entry.series.is_some() && !differs
}

/// Whether an entry is of the claim's meeting.
pub(crate) fn is_in(claim: &Claim, entry: &CalendarEntry) -> bool {
    claim.is_of(entry.ical_uid.as_deref(), entry.series.as_ref().map(EventId::as_str))
}

fn is_of(claim: &Claim, state: &BookingState) -> bool {
    claim.is_of(state.ical_uid.as_deref(), state.series_id.as_deref())
}

/// Whether it is of a meeting of which a claim speaks.
pub(crate) fn is_claimed(claims: &[Claim], state: &BookingState) -> bool {
    claims.iter().any(|claim| is_of(claim, state))
}

/// Whether it is known to be the organizer's.
fn is_by(claim: &Claim, entry: &CalendarEntry) -> bool {
    let organizer = entry.organizer.as_ref().and_then(|person| person.email.as_deref());
    claim.organizer.as_deref().zip(organizer).is_some_and(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs))
}

/// What a claim says of one entry.
pub(crate) fn claim_of<'c>(claims: &'c [Claim], row: &Booking) -> Option<&'c Claim> {
    claims.iter().find(|claim| claim.booking == row.id)
}

/// The booking that tells that an instance is one of a series which a command has made: before all the one of which a command under way
/// speaks, because others may be as an earlier command wanted them.
pub(crate) fn made_by_command<'a>(
    known: &'a [Booking],
    claims: &[Claim],
    held: &[&Claim],
    state: &BookingState,
) -> Option<&'a Booking> {
    if state.kind == Kind::Single {
        return None;
    }
    let same_series =
        |row: &&Booking| row.state.series_id.is_some() && row.state.series_id == state.series_id;
    let same_claim = |row: &&Booking| claim_of(claims, row).is_some_and(|claim| is_of(claim, state));
    known
        .iter()
        .filter(|row| row.state.origin == Origin::Command)
        .filter(|row| same_series(row) || same_claim(row))
        .max_by_key(|row| (speaks(claims, held, row), row.is_live() && claim_of(claims, row).is_none()))
}

/// Whether a command under way says how private the meeting of this booking is: what it hides is hidden at once, what it shows may be
/// shown only once it has been applied and the room does not show what was there before. `held` are the claims of which it does.
pub(crate) fn speaks(claims: &[Claim], held: &[&Claim], row: &Booking) -> bool {
    claim_of(claims, row).is_some_and(|claim| {
        row.state.private_by == PrivateBy::Command || claim.applied && !held.contains(&claim)
    })
}

/// Whether it is a meeting of an earlier life, or one that an attempt has made which could not say so.
pub(crate) fn is_another(claim: &Claim, state: &BookingState) -> bool {
    !claim.recurring && claim.ical_uid.is_some() && state.ical_uid.is_some() && !is_of(claim, state)
}

/// Whether the entry of a claim shows what was there before, or what will be gone.
pub(crate) fn holds(claim: &Claim, row: &Booking, seen: &Meaning, context: &Context) -> bool {
    let Meaning::Booked(state) = seen else { return false };
    let waits = row.state.status == Status::Pending;
    (is_another(claim, state) && waits)
        || claim.verdict(state.span, row.state.status, context.zone) == Verdict::Hold
}
