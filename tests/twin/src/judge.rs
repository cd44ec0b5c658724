//! Whether a room's attendant accepts a request (page Set-CalendarProcessing).

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, NaiveDate, Utc};

use crate::calendar::{Item, Mailbox, Shape, ShowAs, Window};
use crate::post::moved;
use crate::processing::RoomPolicy;

/// An accepted request.
pub(crate) struct Accepted {
    /// What the room keeps of it.
    pub(crate) shape: Shape,
    /// How many single occurrences it declined.
    pub(crate) declined: usize,
}

/// The shape in which a request is accepted, none if it is declined as a whole. `known` is what the room has accepted of
/// this meeting before.
pub(crate) fn judge(
    mailbox: &Mailbox,
    policy: &RoomPolicy,
    item: &Item,
    known: Option<&Shape>,
    now: DateTime<Utc>,
) -> Option<Accepted> {
    let horizon = now + Duration::days(policy.booking_window_in_days);
    let mut shape = item.shape.clone();
    // An update of single occurrences is a request for these alone.
    let again = known.filter(|known| shape.series.is_some() && !moved(known, &shape));
    match again {
        Some(known) => keep_holes(&mut shape, known),
        None => admit(mailbox, policy, &mut shape, horizon)?,
    }
    if policy.allow_conflicts {
        return Some(Accepted { shape, declined: 0 });
    }
    let ahead = Window { from: now, to: horizon + Duration::days(1) };
    let mut clashes: BTreeSet<Option<NaiveDate>> = BTreeSet::new();
    let occasions = shape.instances(ahead, mailbox.zone);
    for own in &occasions {
        let taken = mailbox.view(Window { from: own.start, to: own.end }).iter().any(|other| {
            other.item.uid != item.uid && !other.cancelled() && other.content().show_as != ShowAs::Free
        });
        if taken && again.is_none_or(|known| changed(known, &shape, own.date)) {
            clashes.insert(own.date);
        }
    }
    if clashes.is_empty() {
        return Some(Accepted { shape, declined: 0 });
    }
    let series = shape.series.as_mut()?;
    let percent = clashes.len() * 100 / occasions.len().max(1);
    let tolerable = clashes.len() <= policy.maximum_conflict_instances
        && percent <= policy.conflict_percentage_allowed
        && clashes.len() < occasions.len();
    if again.is_none() && !tolerable {
        return None;
    }
    for date in clashes.iter().flatten() {
        series.exceptions.remove(date);
        series.removed.insert(*date);
    }
    Some(Accepted { shape, declined: clashes.len() })
}

/// The rules that concern a request as a whole; cuts a series at the horizon if the room is set so.
fn admit(mailbox: &Mailbox, policy: &RoomPolicy, shape: &mut Shape, horizon: DateTime<Utc>) -> Option<()> {
    let (start, end) = shape.span.instants(mailbox.zone);
    let longest = policy.maximum_duration_in_minutes;
    if start > horizon || (longest > 0 && (end - start).num_minutes() > longest) {
        return None;
    }
    let Some(series) = &mut shape.series else { return Some(()) };
    if !policy.allow_recurring_meetings {
        return None;
    }
    if series.recurrence.last().is_none_or(|last| last > horizon.date_naive()) {
        if policy.enforce_scheduling_horizon {
            return None;
        }
        series.recurrence = series.recurrence.clone().until(horizon.date_naive());
    }
    Some(())
}

/// Occurrences that the room declined stay declined, unless they are changed now.
pub(crate) fn keep_holes(shape: &mut Shape, known: &Shape) {
    let (Some(new), Some(old)) = (&mut shape.series, &known.series) else { return };
    let untouched = old.removed.iter().filter(|date| !new.exceptions.contains_key(date));
    new.removed.extend(untouched.copied().collect::<Vec<_>>());
}

fn changed(known: &Shape, shape: &Shape, date: Option<NaiveDate>) -> bool {
    let exception = |shape: &Shape| {
        let all = shape.series.as_ref().map(|series| &series.exceptions);
        date.and_then(|date| all.and_then(|all| all.get(&date)).map(|own| own.span.clone()))
    };
    exception(known) != exception(shape)
}
