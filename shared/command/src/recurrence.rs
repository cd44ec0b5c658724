use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// How a meeting repeats (`patternedRecurrence`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// On which days.
    pub pattern: Pattern,
    /// From when and for how long.
    pub range: Range,
}

/// On which days (`recurrencePattern`). What a type does not use is left out, or as Graph answers it: `month: 0`, `index: first`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pattern {
    /// Which of the patterns.
    #[serde(rename = "type")]
    pub kind: PatternType,
    /// Every so many days, weeks, months or years.
    pub interval: u32,
    /// Weekly and relative patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days_of_week: Vec<DayOfWeek>,
    /// Absolute patterns: 1 to 31.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<u32>,
    /// Yearly patterns: 1 to 12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<u32>,
    /// Relative patterns; the first if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<WeekIndex>,
    /// Weekly patterns; Sunday if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day_of_week: Option<DayOfWeek>,
}

/// Kinds of patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PatternType {
    /// Every so many days.
    Daily,
    /// On days of the week.
    Weekly,
    /// On a day of the month.
    AbsoluteMonthly,
    /// On, say, the second Tuesday.
    RelativeMonthly,
    /// On a day of a month.
    AbsoluteYearly,
    /// On, say, the second Tuesday of March.
    RelativeYearly,
}

/// Days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "they are the days of the week")]
pub enum DayOfWeek {
    Sunday,
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
}

/// Which of a month's weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum WeekIndex {
    First,
    Second,
    Third,
    Fourth,
    Last,
}

/// From when and for how long (`recurrenceRange`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    /// How it ends.
    #[serde(rename = "type")]
    pub kind: RangeType,
    /// Date of the first meeting: that of `start`.
    pub start_date: NaiveDate,
    /// Last day on which a meeting may be, with `endDate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<NaiveDate>,
    /// How many meetings, with `numbered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_of_occurrences: Option<u32>,
    /// Zone in which the pattern is meant; that of `start` if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence_time_zone: Option<String>,
}

/// How a series ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RangeType {
    /// On a day.
    EndDate,
    /// Never.
    NoEnd,
    /// After a number of meetings.
    Numbered,
}

impl Recurrence {
    /// The field that lacks something and what it lacks, by the tables of the `recurrencePattern` and `recurrenceRange` pages.
    ///
    /// # Errors
    ///
    /// The path of the field, as in `recurrence.pattern.daysOfWeek`, and what was expected.
    pub fn check(&self, start: NaiveDate) -> Result<(), (&'static str, &'static str)> {
        let Self { pattern, range } = self;
        let days = !pattern.days_of_week.is_empty();
        let day = pattern.day_of_month.is_some_and(|day| (1..=31).contains(&day));
        let month = pattern.month.is_some_and(|month| (1..=12).contains(&month));
        let (wants_days, wants_day, wants_month) = wanted(pattern.kind);
        let found = [
            (pattern.interval >= 1, "recurrence.pattern.interval", "expected 1 or more"),
            (days || !wants_days, "recurrence.pattern.daysOfWeek", "expected at least one day"),
            (day || !wants_day, "recurrence.pattern.dayOfMonth", "expected 1 to 31"),
            (month || !wants_month, "recurrence.pattern.month", "expected 1 to 12"),
            (range.start_date == start, "recurrence.range.startDate", "expected the date of `start`"),
            (
                range.kind != RangeType::EndDate || range.end_date.is_some_and(|end| end >= range.start_date),
                "recurrence.range.endDate",
                "expected a date that is not before startDate",
            ),
            (
                range.kind != RangeType::Numbered || range.number_of_occurrences.is_some_and(|n| n > 0),
                "recurrence.range.numberOfOccurrences",
                "expected 1 or more",
            ),
        ];
        match found.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, why)) => Err((field, why)),
            None => Ok(()),
        }
    }

    /// The same with only what its types use, which is all that Graph takes and what two equal recurrences have in common: answers
    /// have defaults in the other properties, and sending those is an error.
    #[must_use]
    pub fn normal(&self) -> Self {
        let Self { pattern, range } = self;
        let (days, day, month) = wanted(pattern.kind);
        let relative = matches!(pattern.kind, PatternType::RelativeMonthly | PatternType::RelativeYearly);
        let weekly = pattern.kind == PatternType::Weekly;
        let mut days_of_week = if days { pattern.days_of_week.clone() } else { Vec::new() };
        days_of_week.sort_unstable();
        days_of_week.dedup();
        Self {
            pattern: Pattern {
                kind: pattern.kind,
                interval: pattern.interval,
                days_of_week,
                day_of_month: pattern.day_of_month.filter(|_| day),
                month: pattern.month.filter(|_| month),
                index: relative.then(|| pattern.index.unwrap_or(WeekIndex::First)),
                first_day_of_week: weekly.then(|| pattern.first_day_of_week.unwrap_or(DayOfWeek::Sunday)),
            },
            range: Range {
                kind: range.kind,
                start_date: range.start_date,
                end_date: range.end_date.filter(|_| range.kind == RangeType::EndDate),
                number_of_occurrences: range
                    .number_of_occurrences
                    .filter(|_| range.kind == RangeType::Numbered),
                recurrence_time_zone: range.recurrence_time_zone.clone(),
            },
        }
    }
}

/// Whether a pattern needs days of the week, a day of the month, a month.
fn wanted(kind: PatternType) -> (bool, bool, bool) {
    match kind {
        PatternType::Daily => (false, false, false),
        PatternType::Weekly | PatternType::RelativeMonthly => (true, false, false),
        PatternType::AbsoluteMonthly => (false, true, false),
        PatternType::AbsoluteYearly => (false, true, true),
        PatternType::RelativeYearly => (true, false, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: serde_json::Value) -> Recurrence {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_graph_answers_is_the_same_as_what_was_sent() {
        let sent = read(json!({
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["thursday", "monday"]},
            "range": {"type": "numbered", "startDate": "2026-02-09", "numberOfOccurrences": 4}}));
        let answered = read(json!({
            "pattern": {"type": "weekly", "interval": 1, "month": 0, "dayOfMonth": 0, "daysOfWeek": ["monday", "thursday"],
                "firstDayOfWeek": "sunday", "index": "first"},
            "range": {"type": "numbered", "startDate": "2026-02-09", "endDate": "0001-01-01", "numberOfOccurrences": 4}}));
        assert_eq!(sent.normal(), answered.normal());
    }

    #[test]
    fn every_pattern_says_what_it_lacks() {
        let range = json!({"type": "noEnd", "startDate": "2026-02-09"});
        let start = "2026-02-09".parse().unwrap();
        for (pattern, lacks) in [
            (json!({"type": "daily", "interval": 1}), None),
            (json!({"type": "daily", "interval": 0}), Some("recurrence.pattern.interval")),
            (json!({"type": "weekly", "interval": 1}), Some("recurrence.pattern.daysOfWeek")),
            (json!({"type": "absoluteMonthly", "interval": 1}), Some("recurrence.pattern.dayOfMonth")),
            (
                json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 32}),
                Some("recurrence.pattern.dayOfMonth"),
            ),
            (json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}), None),
            (json!({"type": "relativeMonthly", "interval": 1}), Some("recurrence.pattern.daysOfWeek")),
            (
                json!({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 1}),
                Some("recurrence.pattern.month"),
            ),
            (
                json!({"type": "relativeYearly", "interval": 1, "daysOfWeek": ["monday"], "month": 13}),
                Some("recurrence.pattern.month"),
            ),
        ] {
            let found = read(json!({"pattern": pattern, "range": range})).check(start);
            assert_eq!(found.err().map(|(field, _)| field), lacks, "{pattern}");
        }
        for (range, lacks) in [
            (json!({"type": "noEnd", "startDate": "2026-02-10"}), "recurrence.range.startDate"),
            (
                json!({"type": "endDate", "startDate": "2026-02-09", "endDate": "2026-02-08"}),
                "recurrence.range.endDate",
            ),
            (json!({"type": "endDate", "startDate": "2026-02-09"}), "recurrence.range.endDate"),
            (json!({"type": "numbered", "startDate": "2026-02-09"}), "recurrence.range.numberOfOccurrences"),
        ] {
            let found = read(json!({"pattern": {"type": "daily", "interval": 1}, "range": range}));
            assert_eq!(found.check(start).err().map(|(field, _)| field), Some(lacks), "{range}");
        }
    }
}
