//! EventBridge: ticks at a rate, the first one at once.

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::aws::{ACCOUNT, REGION};
use crate::clock::now;
use crate::{Lambda, News, Teller};

/// Ticks for ever. Each event carries its nominal time, exactly one interval after the one before, so that a function
/// which looks at the interval before its tick leaves no second out, however long an invocation takes.
pub async fn tick(lambda: &Lambda, rule: &str, every_seconds: u32, teller: &Teller) -> Infallible {
    let every = TimeDelta::seconds(every_seconds.into());
    let mut nominal = now();
    loop {
        if let Err(error) = lambda.invoke(&event(rule, nominal)).await {
            teller.tell(News::Trouble(format!("{} failed at its tick: {error}", lambda.function.binary())));
        }
        nominal = next(nominal, every, now());
        tokio::time::sleep((nominal - now()).to_std().unwrap_or(Duration::ZERO)).await;
    }
}

/// How many ticks are made up for after the machine was asleep or busy.
const MOST_MADE_UP: i32 = 5;

fn next(nominal: DateTime<Utc>, every: TimeDelta, now: DateTime<Utc>) -> DateTime<Utc> {
    if now - nominal > every * MOST_MADE_UP { now } else { nominal + every }
}

/// The event of a scheduled rule ("Events reference", EventBridge user guide).
fn event(rule: &str, time: DateTime<Utc>) -> Value {
    json!({
        "version": "0",
        "id": uuid::Uuid::new_v4(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time.to_rfc3339_opts(SecondsFormat::Secs, true),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}")],
        "detail": {},
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::{event, next};

    #[test]
    fn ticks_tile_time_unless_too_many_were_missed() {
        let start = DateTime::<Utc>::UNIX_EPOCH;
        let every = TimeDelta::seconds(10);
        let after = |seconds| next(start, every, start + TimeDelta::seconds(seconds)) - start;
        assert_eq!(after(0), every);
        assert_eq!(after(9), every);
        assert_eq!(after(45), every);
        assert_eq!(after(3600), TimeDelta::seconds(3600));
    }

    #[test]
    fn an_event_carries_its_time_in_whole_seconds() {
        let event = event("tick", DateTime::from_timestamp(1_770_000_000, 999_000_000).unwrap());
        assert_eq!(event["time"], "2026-02-02T02:40:00Z");
        assert_eq!(event["detail-type"], "Scheduled Event");
    }
}
