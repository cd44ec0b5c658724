//! What a delta round says: where to look. Nothing else of it is used.

use crate::ids::EventId;
use crate::listening::Changes;
use crate::time::{Instant, Span};
use chrono::{Days, NaiveDate};
use std::collections::BTreeSet;

/// One item of a delta page, reduced to where it points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaItem {
    /// The entry.
    pub id: EventId,
    /// Where it points.
    pub change: DeltaChange,
    /// When the entry was last modified; removals and occurrences do not say. For figures only: nothing is ordered by it.
    pub modified: Option<Instant>,
}

/// Where an item of a delta page points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaChange {
    /// `@removed`: deleted, or somewhere outside the window (event-delta page; microsoft-graph-docs#6599). Points to where we
    /// have it, if we do.
    Removed,
    /// A series master: its times are the first occurrence's and say nothing, so it points everywhere.
    Master,
    /// An entry or a stub of one, now there.
    At(Span),
    /// An entry whose times could not be read: points everywhere.
    Somewhere,
}

/// The days that have to be read again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dirty {
    everything: bool,
    days: BTreeSet<NaiveDate>,
    ids: BTreeSet<EventId>,
    changes: Changes,
}

/// Days apart at which two ranges are read as one.
const MERGE_GAP_DAYS: i64 = 3;
/// More ranges than this are read as one.
const MOST_RANGES: usize = 6;
/// An entry longer than this makes everything dirty rather than many days.
const LONG_ENTRY_DAYS: i64 = 31;

impl Dirty {
    /// The whole window.
    #[must_use]
    pub fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// Takes note of an item.
    pub fn note(&mut self, item: &DeltaItem) {
        self.ids.insert(item.id.clone());
        self.changes.note(item.modified);
        match item.change {
            DeltaChange::Removed => {}
            DeltaChange::Master | DeltaChange::Somewhere => self.everything = true,
            DeltaChange::At(span) => self.note_span(span),
        }
    }

    /// Takes note of a time that has to be read.
    pub fn note_span(&mut self, span: Span) {
        if span.length().num_days() > LONG_ENTRY_DAYS {
            self.everything = true;
            return;
        }
        // A day more on both sides: an all-day entry is shown on its dates, wherever its zone puts them.
        let last = span.end.date_naive() + Days::new(1);
        let mut day = span.start.date_naive() - Days::new(1);
        while day <= last {
            self.days.insert(day);
            day = day + Days::new(1);
        }
    }

    /// Whether nothing at all was reported.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        !self.everything && self.ids.is_empty() && self.days.is_empty()
    }

    /// When the reported changes were made.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Whether the whole window has to be read.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    /// Ids that were reported; where we have them is dirty too, for an entry may have left that place.
    #[must_use]
    pub fn ids(&self) -> &BTreeSet<EventId> {
        &self.ids
    }

    /// What has to be read, inside the window: few ranges, in order, not touching each other.
    #[must_use]
    pub fn ranges(&self, window: Span) -> Vec<Span> {
        if self.everything {
            return vec![window];
        }
        let mut ranges: Vec<(NaiveDate, NaiveDate)> = Vec::new();
        for day in &self.days {
            match ranges.last_mut() {
                Some((_, last)) if (*day - *last).num_days() <= MERGE_GAP_DAYS => *last = *day,
                _ => ranges.push((*day, *day)),
            }
        }
        if ranges.len() > MOST_RANGES
            && let (Some((first, _)), Some((_, last))) = (ranges.first().copied(), ranges.last().copied())
        {
            ranges = vec![(first, last)];
        }
        ranges
            .into_iter()
            .map(|(first, last)| Span::days(first, last))
            .filter(|span| span.start < window.end && window.start < span.end)
            .map(|span| Span::new(span.start.max(window.start), span.end.min(window.end)))
            .collect()
    }

    /// Whether an instant lies in a day that was reported.
    #[must_use]
    pub fn covers(&self, span: Span) -> bool {
        self.everything || self.days.iter().any(|day| Span::days(*day, *day).overlaps(&span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::seconds;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn at(start: &str, end: &str) -> DeltaItem {
        let span = Span::new(seconds::parse(start).unwrap(), seconds::parse(end).unwrap());
        DeltaItem { id: EventId::new("e"), change: DeltaChange::At(span), modified: None }
    }

    fn window() -> Span {
        Span::days(day("2026-02-01"), day("2026-03-31"))
    }

    #[test]
    fn an_entry_makes_its_day_and_the_neighbours_dirty() {
        let mut dirty = Dirty::default();
        dirty.note(&at("2026-02-09T09:00:00Z", "2026-02-09T10:00:00Z"));
        assert_eq!(dirty.ranges(window()), vec![Span::days(day("2026-02-08"), day("2026-02-10"))]);
    }

    #[test]
    fn near_days_are_read_as_one_and_far_ones_apart() {
        let mut dirty = Dirty::default();
        dirty.note(&at("2026-02-09T09:00:00Z", "2026-02-09T10:00:00Z"));
        dirty.note(&at("2026-02-12T09:00:00Z", "2026-02-12T10:00:00Z"));
        dirty.note(&at("2026-03-12T09:00:00Z", "2026-03-12T10:00:00Z"));
        assert_eq!(
            dirty.ranges(window()),
            vec![
                Span::days(day("2026-02-08"), day("2026-02-13")),
                Span::days(day("2026-03-11"), day("2026-03-13"))
            ]
        );
    }

    #[test]
    fn masters_and_unreadable_times_make_everything_dirty() {
        for change in [DeltaChange::Master, DeltaChange::Somewhere] {
            let mut dirty = Dirty::default();
            dirty.note(&DeltaItem { id: EventId::new("m"), change, modified: None });
            assert_eq!(dirty.ranges(window()), vec![window()]);
        }
    }

    #[test]
    fn what_lies_outside_the_window_is_not_read() {
        let mut dirty = Dirty::default();
        dirty.note(&at("2027-02-09T09:00:00Z", "2027-02-09T10:00:00Z"));
        assert!(dirty.ranges(window()).is_empty());
        assert!(!dirty.is_quiet());
    }

    #[test]
    fn a_removal_points_to_where_we_have_it() {
        let mut dirty = Dirty::default();
        dirty.note(&DeltaItem { id: EventId::new("gone"), change: DeltaChange::Removed, modified: None });
        assert!(dirty.ranges(window()).is_empty());
        assert!(dirty.ids().contains(&EventId::new("gone")));
        assert!(!dirty.is_quiet());
    }
}
