//! Names of time zones as Exchange and customers write them.
//!
//! Exchange names zones by their Windows names and by some IANA names (`dateTimeTimeZone`), and by
//! `tzone://Microsoft/Utc` and `tzone://Microsoft/Custom` in `originalStartTimeZone`. The Windows names come from
//! CLDR by way of ICU4X.

use crate::time::Instant;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
pub use chrono_tz::Tz;
use icu_time::zone::TimeZone;
use icu_time::zone::iana::IanaParserExtended;
use icu_time::zone::windows::WindowsParser;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The zone of a Windows or IANA name, or nothing if the name is neither.
#[must_use]
pub fn find(name: &str) -> Option<Tz> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("tzone://Microsoft/Utc") {
        return Some(Tz::UTC);
    }
    if let Ok(zone) = name.parse::<Tz>() {
        return Some(zone);
    }
    windows(name)
}

fn windows(name: &str) -> Option<Tz> {
    static ZONES: LazyLock<BTreeMap<TimeZone, Tz>> = LazyLock::new(|| {
        let names = IanaParserExtended::new();
        let zones = names.iter().filter_map(|entry| Some((entry.time_zone, entry.canonical.parse().ok()?)));
        zones.collect()
    });
    ZONES.get(&WindowsParser::new().parse(name, None)?).copied()
}

/// The IANA name for the `timeZone` attribute: `UTC` if the name says nothing to us.
#[must_use]
pub fn iana_or_utc(name: Option<&str>) -> &'static str {
    name.and_then(find).map_or("UTC", |zone| zone.name())
}

/// The instant of a wall-clock time. A time that a clock change skips is taken as the first instant after the gap, one that
/// happens twice as the first of the two.
#[must_use]
pub fn instant(local: NaiveDateTime, zone: Tz) -> Instant {
    if let Some(at) = zone.from_local_datetime(&local).earliest() {
        return at.with_timezone(&Utc);
    }
    // Inside a gap: no zone ever skipped more than a day.
    (1..=24 * 4)
        .find_map(|quarter| zone.from_local_datetime(&(local + TimeDelta::minutes(15 * quarter))).earliest())
        .map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
}

/// Midnight at the start of a day.
#[must_use]
pub fn midnight(day: NaiveDate, zone: Tz) -> Instant {
    instant(day.and_time(NaiveTime::MIN), zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_kinds() {
        let table = [
            ("W. Europe Standard Time", Some("Europe/Berlin")),
            ("Romance Standard Time", Some("Europe/Paris")),
            ("Tokyo Standard Time", Some("Asia/Tokyo")),
            ("Pacific Standard Time", Some("America/Los_Angeles")),
            ("India Standard Time", Some("Asia/Kolkata")),
            ("UTC", Some("UTC")),
            ("tzone://Microsoft/Utc", Some("UTC")),
            ("tzone://Microsoft/Custom", None),
            ("Europe/Paris", Some("Europe/Paris")),
            ("Middle-earth Standard Time", None),
            ("", None),
        ];
        for (name, expected) in table {
            let found = find(name).map(|zone| zone.name());
            match (found, expected) {
                // CLDR and the zone database may spell one zone in two ways (Asia/Calcutta).
                (Some("Asia/Calcutta"), Some("Asia/Kolkata")) => {}
                _ => assert_eq!(found, expected, "{name}"),
            }
        }
    }

    #[test]
    fn midnight_that_a_clock_change_skips() {
        // Lebanon moves its clocks at midnight: 2026-03-29 begins at 01:00 (+03:00).
        let beirut = find("Asia/Beirut").unwrap();
        let day = midnight("2026-03-29".parse().unwrap(), beirut);
        assert_eq!(day.to_rfc3339(), "2026-03-28T22:00:00+00:00");
    }
}
