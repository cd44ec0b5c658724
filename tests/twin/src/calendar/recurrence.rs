//! Recurrence rules of a series: which dates it falls on. Dates only; the time of day and the zone are the span's.
//!
//! Shape and meaning: pages recurrencePattern and recurrenceRange.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

/// `patternedRecurrence` as it travels on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// Which dates.
    pub pattern: Pattern,
    /// From when to when.
    pub range: Range,
}

/// `recurrencePattern`: fields that do not belong to the type are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pattern {
    /// The kind of repetition.
    #[serde(rename = "type")]
    pub kind: PatternKind,
    /// Every how many days, weeks, months or years.
    #[serde(default = "one")]
    pub interval: u32,
    /// Month of a yearly series, 1 to 12.
    #[serde(default)]
    pub month: u32,
    /// Day of an absolute pattern, 1 to 31; a shorter month takes its last day.
    #[serde(default)]
    pub day_of_month: u32,
    /// Weekdays in lower case.
    #[serde(default)]
    pub days_of_week: Vec<String>,
    /// First day of the week for weekly series; `sunday` if absent.
    #[serde(default = "sunday")]
    pub first_day_of_week: String,
    /// Which of the weekdays in the month, for relative patterns.
    #[serde(default)]
    pub index: Index,
}

/// `recurrencePatternType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum PatternKind {
    Daily,
    Weekly,
    AbsoluteMonthly,
    RelativeMonthly,
    AbsoluteYearly,
    RelativeYearly,
}

/// `weekIndex`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum Index {
    #[default]
    First,
    Second,
    Third,
    Fourth,
    Last,
}

/// `recurrenceRange`; `startDate` is the date of the first occurrence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    /// How the series ends.
    #[serde(rename = "type")]
    pub kind: RangeKind,
    /// First date.
    pub start_date: NaiveDate,
    /// Last date, inclusive, for `endDate`.
    #[serde(default = "unset")]
    pub end_date: NaiveDate,
    /// How many, for `numbered`.
    #[serde(default)]
    pub number_of_occurrences: u32,
    /// Zone of the pattern, informational here: the span carries the zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence_time_zone: Option<String>,
}

/// `recurrenceRangeType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum RangeKind {
    EndDate,
    NoEnd,
    Numbered,
}

fn one() -> u32 {
    1
}

fn sunday() -> String {
    "sunday".to_owned()
}

fn unset() -> NaiveDate {
    NaiveDate::default().with_year(1).unwrap_or_default()
}

/// Why a recurrence cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("recurrence.{field}: {problem}")]
pub struct BadRecurrence {
    /// The field at fault.
    pub field: &'static str,
    /// What is expected of it.
    pub problem: String,
}

impl Recurrence {
    /// Every `interval` weeks on the weekday of `start`, without end.
    pub fn weekly(start: NaiveDate, interval: u32) -> Recurrence {
        let pattern = Pattern {
            interval,
            days_of_week: vec![name(start.weekday()).to_owned()],
            ..Pattern::of(PatternKind::Weekly)
        };
        Recurrence { pattern, range: Range::from(start) }
    }

    /// Every `interval` days from `start`, without end.
    pub fn daily(start: NaiveDate, interval: u32) -> Recurrence {
        Recurrence {
            pattern: Pattern { interval, ..Pattern::of(PatternKind::Daily) },
            range: Range::from(start),
        }
    }

    /// The same series with `date` as its last possible day.
    pub fn until(mut self, date: NaiveDate) -> Recurrence {
        self.range =
            Range { kind: RangeKind::EndDate, end_date: date, number_of_occurrences: 0, ..self.range };
        self
    }

    /// The same series with `count` occurrences.
    pub fn times(mut self, count: u32) -> Recurrence {
        self.range.kind = RangeKind::Numbered;
        self.range.number_of_occurrences = count;
        self
    }

    /// Says what is wrong with it, if anything.
    pub fn check(&self) -> Result<(), BadRecurrence> {
        let bad = |field, problem: &str| Err(BadRecurrence { field, problem: problem.to_owned() });
        let pattern = &self.pattern;
        if pattern.interval == 0 {
            return bad("pattern.interval", "must be 1 or more");
        }
        if pattern.days_of_week.iter().any(|day| weekday(day).is_none())
            || weekday(&pattern.first_day_of_week).is_none()
        {
            return bad("pattern.daysOfWeek", "expects sunday, monday, ... saturday");
        }
        use PatternKind::{AbsoluteMonthly, AbsoluteYearly, RelativeMonthly, RelativeYearly, Weekly};
        if matches!(pattern.kind, Weekly | RelativeMonthly | RelativeYearly)
            && pattern.days_of_week.is_empty()
        {
            return bad("pattern.daysOfWeek", "is required for this type");
        }
        if matches!(pattern.kind, AbsoluteMonthly | AbsoluteYearly)
            && !(1..=31).contains(&pattern.day_of_month)
        {
            return bad("pattern.dayOfMonth", "must be 1 to 31");
        }
        if matches!(pattern.kind, AbsoluteYearly | RelativeYearly) && !(1..=12).contains(&pattern.month) {
            return bad("pattern.month", "must be 1 to 12");
        }
        if self.range.kind == RangeKind::Numbered && self.range.number_of_occurrences == 0 {
            return bad("range.numberOfOccurrences", "must be 1 or more");
        }
        Ok(())
    }

    /// The dates from `from` to `to`, both inclusive, in order. Costs only what lies in between, except for `numbered`
    /// series, which are counted from their start.
    pub fn dates(&self, from: NaiveDate, to: NaiveDate) -> Vec<NaiveDate> {
        let range = &self.range;
        let last = if range.kind == RangeKind::EndDate { range.end_date.min(to) } else { to };
        let numbered = range.kind == RangeKind::Numbered;
        let first = if numbered { range.start_date } else { from.max(range.start_date) };
        let mut dates = Vec::new();
        let mut counted = 0;
        let mut period = self.period_of(first);
        while let Some(candidates) = self.candidates(period) {
            for date in candidates {
                if date > last {
                    return dates;
                }
                if date < first {
                    continue;
                }
                counted += 1;
                if numbered && counted > range.number_of_occurrences {
                    return dates;
                }
                if date >= from {
                    dates.push(date);
                }
            }
            period += 1;
        }
        dates
    }

    /// The last date of the series, `None` if it has no end.
    pub fn last(&self) -> Option<NaiveDate> {
        match self.range.kind {
            RangeKind::NoEnd => None,
            RangeKind::EndDate => Some(self.range.end_date),
            RangeKind::Numbered => Some(
                self.dates(self.range.start_date, NaiveDate::MAX)
                    .last()
                    .copied()
                    .unwrap_or(self.range.start_date),
            ),
        }
    }

    /// Number of the interval (day, week, month or year step) that contains `date`.
    fn period_of(&self, date: NaiveDate) -> u32 {
        let (start, step) = (self.range.start_date, self.pattern.interval.max(1));
        let passed = match self.pattern.kind {
            PatternKind::Daily => (date - start).num_days(),
            PatternKind::Weekly => (self.week_start(date) - self.week_start(start)).num_days() / 7,
            PatternKind::AbsoluteMonthly | PatternKind::RelativeMonthly => {
                i64::from(date.year() - start.year()) * 12 + i64::from(date.month())
                    - i64::from(start.month())
            }
            PatternKind::AbsoluteYearly | PatternKind::RelativeYearly => {
                i64::from(date.year() - start.year())
            }
        };
        u32::try_from(passed.max(0)).unwrap_or(u32::MAX) / step
    }

    /// The dates of one interval, in order; `None` beyond the calendar.
    fn candidates(&self, period: u32) -> Option<Vec<NaiveDate>> {
        let (start, pattern) = (self.range.start_date, &self.pattern);
        let steps = period.checked_mul(pattern.interval.max(1))?;
        let dates = match pattern.kind {
            PatternKind::Daily => vec![start.checked_add_days(Days::new(u64::from(steps)))?],
            PatternKind::Weekly => {
                let monday = self.week_start(start).checked_add_days(Days::new(u64::from(steps) * 7))?;
                let days = self.weekdays();
                (0..7)
                    .filter_map(|n| monday.checked_add_days(Days::new(n)))
                    .filter(|d| days.contains(&d.weekday()))
                    .collect()
            }
            PatternKind::AbsoluteMonthly | PatternKind::RelativeMonthly => {
                let month = start.with_day(1)?.checked_add_months(Months::new(steps))?;
                vec![self.in_month(month)?]
            }
            PatternKind::AbsoluteYearly | PatternKind::RelativeYearly => {
                let year = start.year().checked_add(i32::try_from(steps).ok()?)?;
                vec![self.in_month(NaiveDate::from_ymd_opt(year, pattern.month, 1)?)?]
            }
        };
        Some(dates)
    }

    /// The one date of a monthly or yearly pattern in the month that begins with `first`.
    fn in_month(&self, first: NaiveDate) -> Option<NaiveDate> {
        let days = u32::from(first.num_days_in_month());
        if matches!(self.pattern.kind, PatternKind::AbsoluteMonthly | PatternKind::AbsoluteYearly) {
            return first.with_day(self.pattern.day_of_month.min(days));
        }
        let wanted = self.weekdays();
        let mut hits =
            (1..=days).filter_map(|day| first.with_day(day)).filter(|date| wanted.contains(&date.weekday()));
        match self.pattern.index {
            Index::First => hits.next(),
            Index::Second => hits.nth(1),
            Index::Third => hits.nth(2),
            Index::Fourth => hits.nth(3),
            Index::Last => hits.next_back(),
        }
    }

    fn weekdays(&self) -> Vec<Weekday> {
        self.pattern.days_of_week.iter().filter_map(|day| weekday(day)).collect()
    }

    fn week_start(&self, date: NaiveDate) -> NaiveDate {
        let first = weekday(&self.pattern.first_day_of_week).unwrap_or(Weekday::Sun);
        date.week(first).first_day()
    }
}

impl Pattern {
    fn of(kind: PatternKind) -> Pattern {
        Pattern {
            kind,
            interval: 1,
            month: 0,
            day_of_month: 0,
            days_of_week: Vec::new(),
            first_day_of_week: sunday(),
            index: Index::First,
        }
    }
}

impl Range {
    fn from(start: NaiveDate) -> Range {
        Range {
            kind: RangeKind::NoEnd,
            start_date: start,
            end_date: unset(),
            number_of_occurrences: 0,
            recurrence_time_zone: None,
        }
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    name.parse().ok()
}

pub(crate) fn name(day: Weekday) -> &'static str {
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        [day.num_days_from_monday() as usize]
}
