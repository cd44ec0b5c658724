//! The planner: stored bookings and calendar rows in, versioned writes out.
//!
//! Pure and total. What it decides, for one entry or one booking at a time:
//!
//! | stored booking | calendar | then |
//! |---|---|---|
//! | none | booked, inside the window | create, version 1 |
//! | none | booked, outside the window | nothing |
//! | none | free (cancelled, declined) | nothing |
//! | live | booked, looks the same | nothing |
//! | live | booked, looks different | update |
//! | live | free | end with the calendar's reason |
//! | ended | booked, inside the window | revive: it is the same instance again |
//! | ended | free or absent | nothing |
//! | live, lies where a complete read would have shown it | absent | report as missing |
//! | pending, was shown, wherever it lies | absent from a whole read | report as missing |
//! | live, elsewhere | absent | nothing: unknown is not gone |
//!
//! Entries that claims of commands under way speak of are theirs first (`writing/pairing.rs`).
//!
//! A missing booking is not ended here: the caller finds out why it is missing and says so with [`gone`].

use crate::booking::{
    Booking, BookingState, CommandFailure, EndReason, Kind, Origin, PrivateBy, Status, expiry,
};
use crate::context::Context;
use crate::entry::CalendarEntry;
use crate::ids::{BookingId, EventId, RoomRef};
use crate::project::{Meaning, meaning};
use crate::time::{Instant, Span};
use crate::writing::pairing::{self, Guesses, Rows, claim_of, holds, made_by_command};
use crate::writing::{Claim, code};
use std::collections::{BTreeMap, BTreeSet};

/// What to write and what to look into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// New versions, in the order of their start and id.
    pub writes: Vec<Write>,
    /// Live bookings that a complete read did not show.
    pub missing: Vec<Booking>,
    /// Entries that may be the meetings of commands under way: nothing was written for them, and they have to be looked at again.
    pub unclear: usize,
}

/// A new version of one booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The version that must be stored for this one to be written; nothing for a first version.
    pub over: Option<u64>,
    /// What happens.
    pub change: Change,
    /// The new version.
    pub booking: Booking,
}

/// What leads from an entry to its booking where the id that is derived from its event does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link<'a> {
    /// Its event: the booking was chosen by a command or has changed its event.
    Event(&'a EventId),
    /// The `iCalUId` of its meeting: its room has not shown the booking when it was confirmed or ended.
    Meeting(&'a str),
}

impl Link<'_> {
    /// The id that is derived from it.
    #[must_use]
    pub fn booking_id(self, room: &RoomRef) -> Option<BookingId> {
        match self {
            Self::Event(event) => Some(room.booking_id(event)),
            Self::Meeting(_) => None,
        }
    }
}

impl Write {
    /// The link to it, if it needs one. To what is pending its claim leads; what ends has the one that it had, or another booking goes on with
    /// its entry.
    #[must_use]
    pub fn link(&self) -> Option<Link<'_>> {
        let Booking { room, id, state, .. } = &self.booking;
        match (&state.event_id, &state.ical_uid) {
            (Some(_), _) if !self.booking.is_live() => None,
            (Some(event), _) => (room.booking_id(event) != *id).then_some(Link::Event(event)),
            (None, Some(meeting)) if state.status != Status::Pending => Some(Link::Meeting(meeting)),
            (None, _) => None,
        }
    }
}

/// Most items of one transaction beside the cursor: DynamoDB takes 100.
pub const TRANSACTION_ITEMS: usize = 95;

/// Cuts writes into transactions, in order.
#[must_use]
pub fn transactions(writes: &[Write]) -> Vec<&[Write]> {
    let mut cuts = Vec::new();
    let (mut start, mut items) = (0, 0);
    for (at, write) in writes.iter().enumerate() {
        let needed = 1 + usize::from(write.link().is_some());
        if items + needed > TRANSACTION_ITEMS {
            cuts.push(&writes[start..at]);
            (start, items) = (at, 0);
        }
        items += needed;
    }
    cuts.push(&writes[start..]);
    cuts
}

/// What happens to a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// First seen.
    Created,
    /// Looks different.
    Updated,
    /// Over.
    Ended,
    /// Was over and is there again.
    Revived,
}

impl Change {
    /// Word for logs and the board.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Ended => "ended",
            Self::Revived => "revived",
        }
    }
}

/// Compares stored bookings with calendar entries.
///
/// `known` holds the live bookings of the covered spans and every booking of an entry that was seen; more does no harm.
/// `covered` are the spans whose entries have been read completely, with the slack that all-day entries need
/// ([`crate::context::all_day_slack`]). Entries may repeat; the last one counts.
#[must_use]
pub fn plan(
    known: &[Booking],
    entries: &[CalendarEntry],
    covered: &[Span],
    window: Span,
    claims: &[Claim],
    context: &Context,
    now: Instant,
) -> Plan {
    let seen: BTreeMap<&EventId, &CalendarEntry> = entries.iter().map(|entry| (&entry.id, entry)).collect();
    let mut rows = pair(known, &seen, covered, context);
    let mut plan = Plan::default();
    let replaced = pairing::by_id(claims, known, &seen, &mut rows, context);
    let guesses = guesses(&rows, claims, known, &seen, context);
    plan.unclear = guesses.unclear.len();
    rows.extend(guesses.rows);
    let taken: BTreeSet<&BookingId> = known.iter().map(|row| &row.id).collect();
    let mut paired: BTreeSet<&BookingId> = replaced.iter().map(|row| &row.id).collect();
    let former: BTreeSet<&EventId> = claims.iter().filter_map(|claim| claim.former.as_ref()).collect();
    let left_alone = |id: &EventId| guesses.unclear.contains(id) || former.contains(id);
    let held = held(&rows, claims, &seen, context);
    for (id, entry) in seen.iter().filter(|(id, _)| !left_alone(id)) {
        let row = rows.get(id).copied();
        let meaning = meaning(entry, context);
        if let Some(row) = row {
            paired.insert(&row.id);
            if let Meaning::Free(reason) = meaning {
                let last = if entry.private { &row.turned_private() } else { row };
                plan.writes.extend(row.is_live().then(|| gone(last, claims, reason, context, now)));
                continue;
            }
        }
        let waits = match row {
            Some(row) => held.iter().any(|claim| claim.booking == row.id),
            // Of a series that the room shows as it was before its command.
            None => comes_late(claims, entry) || held.iter().any(|claim| pairing::is_in(claim, entry)),
        };
        if waits {
            continue;
        }
        plan.writes.extend(decide(
            row,
            of_command(row, meaning, known, claims, &held),
            || new_id(id, &taken, context),
            window,
            context,
            now,
        ));
    }
    // What they had been taken for goes on as the command's booking.
    let over = replaced.into_iter().filter(|row| row.is_live());
    plan.writes.extend(over.map(|row| end(row, EndReason::Deleted, context.retention_days, now)));
    for row in known {
        // The time of what is pending is what is wanted: it does not say where the room has shown it.
        let is_whole = covered.contains(&window);
        let may_be_told = row.is_observed() || row.state.status == Status::Confirmed;
        let lies_there = is_covered(row, covered) || is_whole && row.state.status == Status::Pending;
        if !paired.contains(&row.id) && row.is_live() && may_be_told && lies_there {
            plan.missing.push(row.clone());
        }
    }
    plan.writes.sort_by(|a, b| order(&a.booking).cmp(&order(&b.booking)));
    plan.missing.sort_by(|a, b| order(a).cmp(&order(b)));
    plan
}

/// The claims whose entries show what was there before their commands, or what will be gone.
fn held<'c>(
    rows: &Rows<'_>,
    claims: &'c [Claim],
    seen: &BTreeMap<&EventId, &CalendarEntry>,
    context: &Context,
) -> Vec<&'c Claim> {
    let is_held = |(id, row): (&&EventId, &&Booking)| {
        let claim = claim_of(claims, row)?;
        let meaning = meaning(seen.get(id)?, context);
        holds(claim, row, &meaning, context).then_some(claim)
    };
    rows.iter().filter_map(is_held).collect()
}

/// What claims say of what stored bookings leave over.
fn guesses<'a>(
    rows: &Rows<'a>,
    claims: &[Claim],
    known: &'a [Booking],
    seen: &BTreeMap<&'a EventId, &'a CalendarEntry>,
    context: &Context,
) -> Guesses<'a> {
    if claims.is_empty() {
        return Guesses::default();
    }
    let is_free = |entry: &&CalendarEntry| !rows.contains_key(&entry.id) && !comes_late(claims, entry);
    let free: Vec<&CalendarEntry> = seen.values().copied().filter(is_free).collect();
    let taken: BTreeSet<&BookingId> = rows.values().map(|row| &row.id).collect();
    pairing::by_time(claims, known, &free, &taken, context)
}

/// The further instances of a command's series are the command's, too, and as private as it says.
fn of_command(
    row: Option<&Booking>,
    meaning: Meaning,
    known: &[Booking],
    claims: &[Claim],
    held: &[&Claim],
) -> Meaning {
    let Meaning::Booked(state) = meaning else { return meaning };
    let is_ours = |row: &&Booking| row.state.origin == Origin::Command;
    // They may have been taken for somebody else's before the id of the series was known.
    let may_be = row.is_none_or(|row| is_ours(&row)) || pairing::is_claimed(claims, &state);
    let made = may_be.then(|| made_by_command(known, claims, held, &state)).flatten();
    let Some(before) = row.or(made) else { return Meaning::Booked(state) };
    let says = made.filter(|made| pairing::speaks(claims, held, made)).unwrap_or(before);
    let author = row.filter(is_ours).or(made).unwrap_or(before);
    let state = BookingState {
        origin: author.state.origin,
        last_command_id: author.state.last_command_id.clone(),
        ..*state
    };
    let is_hidden = state.origin == Origin::Command && says.state.private_by == PrivateBy::Command;
    let private_by = match state.private_by {
        PrivateBy::Nobody if is_hidden => PrivateBy::Command,
        // Both want it hidden: who did first is nothing that readers see.
        PrivateBy::Calendar if before.state.is_private() => before.state.private_by,
        PrivateBy::Calendar if is_hidden => PrivateBy::Command,
        other => other,
    };
    let state = BookingState { private_by, ..state };
    Meaning::Booked(Box::new(if state.is_private() { state.hidden() } else { state }))
}

/// The id of a new booking: the event's own, unless a booking that has since gone on under another event has taken it.
fn new_id(event: &EventId, taken: &BTreeSet<&BookingId>, context: &Context) -> BookingId {
    let mut id = context.room.booking_id(event);
    while taken.contains(&id) {
        id = context.room.booking_id(&EventId::new(format!("{event}#{id}")));
    }
    id
}

/// Whether an entry that belongs to no booking is of a meeting which has gone, or which leaves the room: its mail is late.
fn comes_late(claims: &[Claim], entry: &CalendarEntry) -> bool {
    claims.iter().any(|claim| {
        claim.is_late(entry.ical_uid.as_deref(), entry.series.as_ref())
            || claim.leaving.is_some() && pairing::is_in(claim, entry)
    })
}

fn order(booking: &Booking) -> (Instant, &BookingId) {
    (booking.state.span.start, &booking.id)
}

fn is_covered(row: &Booking, covered: &[Span]) -> bool {
    covered.iter().any(|span| row.state.span.overlaps(span))
}

/// Which stored booking an entry continues: the one with its event id; else, because ids can change on a move or a re-created series
/// (microsoft-graph-docs#4447), the one that is missing now and was the same instance of the same meeting; else, because a room can be
/// taken off a command's meeting and invited again, the command's booking that had ended. A booking that was confirmed before its day was
/// kept in step, or that ended before its room has ever shown it, has no event id yet and is known by its meeting alone; for one that is
/// pending its claim speaks.
fn pair<'a>(
    known: &'a [Booking],
    seen: &BTreeMap<&'a EventId, &'a CalendarEntry>,
    covered: &[Span],
    context: &Context,
) -> Rows<'a> {
    let mut rows: Rows<'a> = BTreeMap::new();
    let mut orphans: BTreeMap<(&str, Option<Instant>), Vec<&Booking>> = BTreeMap::new();
    let mut returning: BTreeMap<(&str, Option<Instant>), Vec<&Booking>> = BTreeMap::new();
    for row in known {
        let id = row.state.event_id.as_ref();
        if id.is_none() && row.state.status == Status::Pending {
            continue;
        }
        if let Some((id, _)) = id.and_then(|id| seen.get_key_value(id)) {
            // What has gone on as a command's booking has left a tombstone.
            let precedes = |held: &&Booking| precedence(held) >= precedence(row);
            if !rows.get(id).is_some_and(precedes) {
                rows.insert(id, row);
            }
        } else if let Some(uid) = &row.state.ical_uid {
            let key = (uid.as_str(), instance(&row.state));
            // The time of what is pending is what is wanted: it does not say where the entry lies. Nor does that of what was never shown.
            let may_lie_there =
                row.state.status == Status::Pending || !row.is_observed() || is_covered(row, covered);
            if row.is_live() && may_lie_there {
                orphans.entry(key).or_default().push(row);
            } else if !row.is_live() && row.state.origin == Origin::Command {
                returning.entry(key).or_default().push(row);
            }
        }
    }
    for (id, entry) in seen {
        if rows.contains_key(id) {
            continue;
        }
        let (Some(uid), Meaning::Booked(state)) = (&entry.ical_uid, meaning(entry, context)) else {
            continue;
        };
        let key = (uid.as_str(), instance(&state));
        let found = if orphans.contains_key(&key) { orphans.get_mut(&key) } else { returning.get_mut(&key) };
        if let Some(candidates) = found
            && candidates.len() == 1
            && let Some(row) = candidates.pop()
        {
            rows.insert(id, row);
        }
    }
    rows
}

/// Of two bookings that have had an entry, the one that it continues.
fn precedence(row: &Booking) -> (bool, bool) {
    (row.is_live(), row.state.origin == Origin::Command)
}

/// What tells the instances of one meeting apart: where the series put them; a single meeting has but one.
fn instance(state: &BookingState) -> Option<Instant> {
    match state.kind {
        Kind::Single => None,
        Kind::Occurrence | Kind::Exception => state.original_start,
    }
}

fn decide(
    row: Option<&Booking>,
    meaning: Meaning,
    new_id: impl FnOnce() -> BookingId,
    window: Span,
    context: &Context,
    now: Instant,
) -> Option<Write> {
    match (row, meaning) {
        (None, Meaning::Booked(state)) if state.span.overlaps(&window) => {
            Some(write(new_id(), None, Change::Created, *state, context, now))
        }
        (Some(row), Meaning::Booked(state)) => {
            let state = BookingState { failure: still_failed(row), ..*state };
            let change = match (row.is_live(), state == row.state) {
                (true, true) => return None,
                (true, false) => Change::Updated,
                (false, _) if state.span.overlaps(&window) => Change::Revived,
                (false, _) => return None,
            };
            Some(write(row.id.clone(), Some(row.version), change, state, context, now))
        }
        _ => None,
    }
}

/// Why a command failed stays until the next one. What a booking waited for, or ended for, is over once its room shows it.
fn still_failed(row: &Booking) -> Option<CommandFailure> {
    let stands = row.is_live() && row.state.status != Status::Pending;
    row.state.failure.clone().filter(|why| stands || !code::is_of_room(&why.code))
}

fn write(
    id: BookingId,
    over: Option<u64>,
    change: Change,
    state: BookingState,
    context: &Context,
    now: Instant,
) -> Write {
    let expires_at = expiry(&state, now, context.retention_days);
    let version = over.unwrap_or(0) + 1;
    let booking = Booking { room: context.room.clone(), id, version, state, observed_at: now, expires_at };
    Write { over, change, booking }
}

/// The calendar does not show a live booking any more, for that reason unless a command knows better: a room that is being left by one lets
/// go of the meeting, and a room that was being left and is to have it again lets go of its old copy before it takes the new one, as does one
/// that has shown a meeting which an attempt had made that could not say so.
#[must_use]
pub fn gone(row: &Booking, claims: &[Claim], reason: EndReason, context: &Context, now: Instant) -> Write {
    match claim_of(claims, row) {
        Some(Claim { leaving: Some(reason), .. }) => end(row, *reason, context.retention_days, now),
        Some(claim)
            if row.state.status == Status::Pending
                && (claim.before.is_none() || pairing::is_another(claim, &row.state)) =>
        {
            let state = BookingState { event_id: None, ..row.state.clone() };
            write(row.id.clone(), Some(row.version), Change::Updated, state, context, now)
        }
        _ => end(row, reason, context.retention_days, now),
    }
}

/// Ends a booking: the tombstone keeps the last known state.
#[must_use]
pub fn end(row: &Booking, reason: EndReason, retention_days: u32, now: Instant) -> Write {
    let state = BookingState { status: Status::Ended(reason), ..row.state.clone() };
    let expires_at = expiry(&state, now, retention_days);
    Write {
        over: Some(row.version),
        change: Change::Ended,
        booking: Booking { version: row.version + 1, state, observed_at: now, expires_at, ..row.clone() },
    }
}
