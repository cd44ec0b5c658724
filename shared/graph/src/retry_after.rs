use chrono::{DateTime, TimeDelta};
use http::HeaderMap;
use http::header::RETRY_AFTER;
use roomsync_domain::Instant;
use std::time::Duration;

/// Longer than this nobody is made to wait.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long `Retry-After` asks to wait from now on: seconds, seconds with decimals (an older sample of the `throttling` page has
/// `2.128`), or an HTTP date. Nothing if it is absent or says nothing.
pub(crate) fn wait(headers: &HeaderMap, now: Instant) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<f64>() {
        Ok(seconds) if seconds >= LONGEST.as_secs_f64() => LONGEST,
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(text).ok()?;
            (at.to_utc() - now).max(TimeDelta::zero()).to_std().ok()?
        }
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use roomsync_domain::time::seconds;

    #[test]
    fn every_form_of_retry_after() {
        let now = seconds::parse("2026-02-09T12:00:00Z").unwrap();
        let table = [
            (Some("10"), Some(10_000)),
            (Some(" 10 "), Some(10_000)),
            (Some("2.128"), Some(2_128)),
            (Some("0"), Some(0)),
            (Some("Mon, 09 Feb 2026 12:00:30 GMT"), Some(30_000)),
            (Some("Mon, 09 Feb 2026 11:00:00 GMT"), Some(0)),
            (Some("Wed, 09 Feb 2028 12:00:00 GMT"), Some(86_400_000)),
            (Some("999999999999"), Some(86_400_000)),
            (Some("inf"), Some(86_400_000)),
            (Some("NaN"), None),
            (Some("-3"), None),
            (Some("soon"), None),
            (Some(""), None),
            (None, None),
        ];
        for (text, expected) in table {
            let mut headers = HeaderMap::new();
            if let Some(text) = text {
                headers.insert(RETRY_AFTER, text.parse().unwrap());
            }
            assert_eq!(wait(&headers, now), expected.map(Duration::from_millis), "{text:?}");
        }
    }
}
