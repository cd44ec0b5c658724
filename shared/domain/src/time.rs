//! Instants, half-open spans and days.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A point in time, always UTC.
pub type Instant = DateTime<Utc>;

/// After everything, and still four digits of year, so that texts of instants sort like instants.
#[must_use]
pub fn end_of_time() -> Instant {
    NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or(NaiveDate::MAX).and_time(NaiveTime::MIN).and_utc()
}

/// Half-open interval `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First instant inside.
    #[serde(with = "seconds")]
    pub start: Instant,
    /// First instant after.
    #[serde(with = "seconds")]
    pub end: Instant,
}

impl Span {
    /// An interval; an end before the start gives an empty one at the start.
    #[must_use]
    pub fn new(start: Instant, end: Instant) -> Self {
        Self { start, end: end.max(start) }
    }

    /// Whole UTC days from `first` to `last`, both included.
    #[must_use]
    pub fn days(first: NaiveDate, last: NaiveDate) -> Self {
        let end = last.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
        Self::new(first.and_time(NaiveTime::MIN).and_utc(), end.and_time(NaiveTime::MIN).and_utc())
    }

    /// Whether an instant lies inside.
    #[must_use]
    pub fn contains(&self, at: Instant) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether the two share an instant. An empty interval counts as the instant at its start.
    #[must_use]
    pub fn overlaps(&self, other: &Span) -> bool {
        self.start < other.end && (other.start < self.end || other.contains(self.start))
    }

    /// The interval with `by` more on both sides.
    #[must_use]
    pub fn padded(&self, by: TimeDelta) -> Self {
        Self { start: self.start - by, end: self.end + by }
    }

    /// The two halves, cut at a whole second.
    #[must_use]
    pub fn halves(&self) -> (Self, Self) {
        let middle = self.start + TimeDelta::seconds(self.length().num_seconds() / 2);
        (Self::new(self.start, middle), Self::new(middle, self.end))
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> TimeDelta {
        self.end - self.start
    }
}

/// A pause of `first` seconds, doubled so many times, `longest` at most.
#[must_use]
pub fn doubled((first, longest): (i64, i64), times: u32) -> TimeDelta {
    TimeDelta::seconds((first << times.min(16)).min(longest))
}

/// Serde of instants as the contract writes them: RFC 3339, UTC with `Z`, whole seconds.
pub mod seconds {
    use super::Instant;
    use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `2026-02-09T20:30:00Z`.
    pub fn serialize<S: Serializer>(at: &Instant, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(*at))
    }

    /// Reads any RFC 3339 instant.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
        let text = String::deserialize(from)?;
        parse(&text).ok_or_else(|| {
            serde::de::Error::custom("expected an RFC 3339 instant such as 2026-02-09T20:30:00Z")
        })
    }

    /// The text of an instant.
    #[must_use]
    pub fn text(at: Instant) -> String {
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// The first whole second that is not before an instant: for what must not happen earlier, because texts drop fractions.
    #[must_use]
    pub fn not_before(at: Instant) -> Instant {
        let whole = at.trunc_subsecs(0);
        if whole < at { whole + TimeDelta::seconds(1) } else { whole }
    }

    /// The instant of a text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Instant> {
        DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
    }

    /// The same for an optional instant.
    pub mod option {
        use super::{Instant, parse, text};
        use serde::{Deserialize, Deserializer, Serializer};

        /// Writes the instant or null.
        pub fn serialize<S: Serializer>(at: &Option<Instant>, to: S) -> Result<S::Ok, S::Error> {
            match at {
                Some(at) => to.serialize_some(&text(*at)),
                None => to.serialize_none(),
            }
        }

        /// Reads an instant or null.
        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Instant>, D::Error> {
            Option::<String>::deserialize(from)?
                .map(|text| {
                    parse(&text).ok_or_else(|| serde::de::Error::custom("expected an RFC 3339 instant"))
                })
                .transpose()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: &str, end: &str) -> Span {
        Span::new(seconds::parse(start).unwrap(), seconds::parse(end).unwrap())
    }

    #[test]
    fn what_must_not_happen_earlier_is_rounded_up() {
        for (at, expected) in
            [("10:00:00Z", "10:00:00Z"), ("10:00:00.001Z", "10:00:01Z"), ("10:00:59.999999Z", "10:01:00Z")]
        {
            let at = seconds::parse(&format!("2026-02-09T{at}")).unwrap();
            assert_eq!(seconds::text(seconds::not_before(at)), format!("2026-02-09T{expected}"));
        }
    }

    #[test]
    fn intervals_touch_without_overlapping() {
        let nine = span("2026-02-09T09:00:00Z", "2026-02-09T10:00:00Z");
        let ten = span("2026-02-09T10:00:00Z", "2026-02-09T11:00:00Z");
        assert!(!nine.overlaps(&ten));
        assert!(!ten.overlaps(&nine));
        assert!(nine.overlaps(&nine));
    }

    #[test]
    fn an_entry_without_length_lies_where_it_starts() {
        let day = Span::days("2026-02-09".parse().unwrap(), "2026-02-09".parse().unwrap());
        assert!(span("2026-02-09T00:00:00Z", "2026-02-09T00:00:00Z").overlaps(&day));
        assert!(!span("2026-02-10T00:00:00Z", "2026-02-10T00:00:00Z").overlaps(&day));
    }

    #[test]
    fn halves_cover_the_whole() {
        let day = Span::days("2026-02-09".parse().unwrap(), "2026-02-09".parse().unwrap());
        let (a, b) = day.halves();
        assert_eq!((a.start, a.end, b.end), (day.start, b.start, day.end));
        assert_eq!(a.length(), b.length());
    }
}
