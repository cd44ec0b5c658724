//! Time zone names as Outlook writes them, and local times turned into instants.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use icu_time::zone::WindowsParser;
use icu_time::zone::iana::IanaParserExtended;
use serde::{Deserialize, Serialize};

/// A zone together with the name it was given by: Windows ("Romance Standard Time") or IANA ("Europe/Paris").
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: Arc<str>,
    tz: Tz,
}

/// A name that is neither a Windows nor an IANA zone.
#[derive(Debug, thiserror::Error)]
#[error(
    "\"{0}\" is neither a Windows nor an IANA time zone; try \"UTC\", \"Romance Standard Time\" or \"Europe/Paris\""
)]
pub struct UnknownZone(pub String);

impl Zone {
    /// UTC under that name.
    pub fn utc() -> Zone {
        Zone { name: Arc::from("UTC"), tz: Tz::UTC }
    }

    /// Reads a Windows or an IANA name.
    pub fn named(name: &str) -> Result<Zone, UnknownZone> {
        let tz = lookup(name).ok_or_else(|| UnknownZone(name.to_owned()))?;
        Ok(Zone { name: Arc::from(name), tz })
    }

    /// The name it was given by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules of the zone.
    pub fn tz(&self) -> Tz {
        self.tz
    }
}

impl Default for Zone {
    fn default() -> Self {
        Zone::utc()
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        Zone::named(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name.as_ref().to_owned()
    }
}

fn lookup(name: &str) -> Option<Tz> {
    if name.eq_ignore_ascii_case("utc") || name == "tzone://Microsoft/Utc" {
        return Some(Tz::UTC);
    }
    if let Ok(tz) = name.parse::<Tz>() {
        return Some(tz);
    }
    static IANA: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let iana = IANA.get_or_init(|| {
        IanaParserExtended::new()
            .iter()
            .map(|zone| (zone.time_zone.as_str().to_owned(), zone.canonical.to_owned()))
            .collect()
    });
    let zone = WindowsParser::new().parse(name, None)?;
    iana.get(zone.as_str())?.parse().ok()
}

/// The instant of a local time. In the hour skipped in spring the clock is read as if it had not moved yet; of the
/// hour repeated in autumn the first one counts.
pub fn instant(tz: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    match tz.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.with_timezone(&Utc),
        LocalResult::None => {
            let before = local - Duration::hours(3);
            match tz.from_local_datetime(&before) {
                LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => {
                    at.with_timezone(&Utc) + Duration::hours(3)
                }
                LocalResult::None => local.and_utc(),
            }
        }
    }
}

/// IANA names beside the Windows ones (page dateTimeTimeZone).
pub(crate) const LISTED: [&str; 100] = [
    "Etc/GMT+12",
    "Etc/GMT+11",
    "Pacific/Honolulu",
    "America/Anchorage",
    "America/Santa_Isabel",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/Chihuahua",
    "America/Denver",
    "America/Guatemala",
    "America/Chicago",
    "America/Mexico_City",
    "America/Regina",
    "America/Bogota",
    "America/New_York",
    "America/Indiana/Indianapolis",
    "America/Caracas",
    "America/Asuncion",
    "America/Halifax",
    "America/Cuiaba",
    "America/La_Paz",
    "America/Santiago",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Argentina/Buenos_Aires",
    "America/Cayenne",
    "America/Godthab",
    "America/Montevideo",
    "America/Bahia",
    "Etc/GMT+2",
    "Atlantic/Azores",
    "Atlantic/Cape_Verde",
    "Africa/Casablanca",
    "Etc/GMT",
    "Europe/London",
    "Atlantic/Reykjavik",
    "Europe/Berlin",
    "Europe/Budapest",
    "Europe/Paris",
    "Europe/Warsaw",
    "Africa/Lagos",
    "Africa/Windhoek",
    "Europe/Bucharest",
    "Asia/Beirut",
    "Africa/Cairo",
    "Asia/Damascus",
    "Africa/Johannesburg",
    "Europe/Kiev",
    "Europe/Kyiv",
    "Europe/Istanbul",
    "Asia/Jerusalem",
    "Asia/Amman",
    "Asia/Baghdad",
    "Europe/Kaliningrad",
    "Asia/Riyadh",
    "Africa/Nairobi",
    "Asia/Tehran",
    "Asia/Dubai",
    "Asia/Baku",
    "Europe/Moscow",
    "Indian/Mauritius",
    "Asia/Tbilisi",
    "Asia/Yerevan",
    "Asia/Kabul",
    "Asia/Tashkent",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Colombo",
    "Asia/Kathmandu",
    "Asia/Almaty",
    "Asia/Dhaka",
    "Asia/Yekaterinburg",
    "Asia/Yangon",
    "Asia/Bangkok",
    "Asia/Novosibirsk",
    "Asia/Shanghai",
    "Asia/Krasnoyarsk",
    "Asia/Singapore",
    "Australia/Perth",
    "Asia/Taipei",
    "Asia/Ulaanbaatar",
    "Asia/Irkutsk",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Australia/Adelaide",
    "Australia/Darwin",
    "Australia/Brisbane",
    "Australia/Sydney",
    "Pacific/Port_Moresby",
    "Australia/Hobart",
    "Asia/Yakutsk",
    "Pacific/Guadalcanal",
    "Asia/Vladivostok",
    "Pacific/Auckland",
    "Etc/GMT-12",
    "Pacific/Fiji",
    "Asia/Magadan",
    "Pacific/Tongatapu",
    "Pacific/Apia",
    "Pacific/Kiritimati",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn windows_and_iana_names_are_understood() {
        assert_eq!(Zone::named("Romance Standard Time").unwrap().tz(), Tz::Europe__Paris);
        assert_eq!(Zone::named("Tokyo Standard Time").unwrap().tz(), Tz::Asia__Tokyo);
        assert_eq!(Zone::named("America/New_York").unwrap().tz(), Tz::America__New_York);
        assert_eq!(Zone::named("utc").unwrap().tz(), Tz::UTC);
        assert!(Zone::named("Atlantis Standard Time").is_err());
    }

    #[test]
    fn a_skipped_hour_keeps_the_old_offset_and_a_repeated_one_counts_first() {
        let paris = Tz::Europe__Paris;
        assert_eq!(instant(paris, local("2026-03-29T02:30:00")).to_rfc3339(), "2026-03-29T01:30:00+00:00");
        assert_eq!(instant(paris, local("2026-10-25T02:30:00")).to_rfc3339(), "2026-10-25T00:30:00+00:00");
    }
}
