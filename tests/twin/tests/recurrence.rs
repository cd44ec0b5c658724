//! Our dates against those of the rrule crate, for every kind of pattern.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use chrono::{Datelike, NaiveDate};
use roomsync_twin::calendar::Recurrence;
use rrule::{RRuleSet, Tz};
use serde_json::{Value, json};

fn recurrence(pattern: Value, range: Value) -> Recurrence {
    serde_json::from_value(json!({"pattern": pattern, "range": range})).unwrap()
}

fn by_rrule(start: &str, rule: &str, from: NaiveDate, to: NaiveDate) -> Vec<NaiveDate> {
    let text = format!("DTSTART:{}T000000Z\nRRULE:{rule}", start.replace('-', ""));
    let set: RRuleSet = text.parse().unwrap();
    let instant = |date: NaiveDate| date.and_hms_opt(0, 0, 0).unwrap().and_local_timezone(Tz::UTC).unwrap();
    let found = set.after(instant(from)).before(instant(to)).all(2000).dates;
    found.into_iter().map(|at| at.date_naive()).filter(|date| *date >= from && *date <= to).collect()
}

#[test]
fn dates_agree_with_rrule() {
    let start = "2026-01-05";
    let cases = [
        (json!({"type": "daily", "interval": 1}), "FREQ=DAILY"),
        (json!({"type": "daily", "interval": 3}), "FREQ=DAILY;INTERVAL=3"),
        (
            json!({"type": "weekly", "interval": 1, "daysOfWeek": ["monday", "thursday"]}),
            "FREQ=WEEKLY;BYDAY=MO,TH;WKST=SU",
        ),
        (
            json!({"type": "weekly", "interval": 2, "daysOfWeek": ["sunday", "monday"], "firstDayOfWeek": "sunday"}),
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU",
        ),
        (
            json!({"type": "weekly", "interval": 2, "daysOfWeek": ["sunday", "monday"], "firstDayOfWeek": "monday"}),
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=MO",
        ),
        (
            json!({"type": "absoluteMonthly", "interval": 2, "dayOfMonth": 15}),
            "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=15",
        ),
        (
            json!({"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "second"}),
            "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2",
        ),
        (
            json!({"type": "relativeMonthly", "interval": 3, "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"], "index": "last"}),
            "FREQ=MONTHLY;INTERVAL=3;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        ),
        (
            json!({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 4, "month": 7}),
            "FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=4",
        ),
        (
            json!({"type": "relativeYearly", "interval": 1, "daysOfWeek": ["thursday"], "index": "fourth", "month": 11}),
            "FREQ=YEARLY;BYMONTH=11;BYDAY=TH;BYSETPOS=4",
        ),
    ];
    let ranges = [
        (json!({"type": "noEnd", "startDate": start}), ""),
        (json!({"type": "numbered", "startDate": start, "numberOfOccurrences": 7}), ";COUNT=7"),
        (json!({"type": "endDate", "startDate": start, "endDate": "2026-09-30"}), ";UNTIL=20260930T000000Z"),
    ];
    for (pattern, rule) in &cases {
        for (range, limit) in &ranges {
            let ours = recurrence(pattern.clone(), range.clone());
            for (from, to) in
                [("2025-12-01", "2028-12-31"), ("2026-05-20", "2026-06-10"), ("2027-03-01", "2027-12-31")]
            {
                let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
                let theirs = by_rrule(start, &format!("{rule}{limit}"), from, to);
                assert_eq!(ours.dates(from, to), theirs, "{rule}{limit} from {from}");
            }
        }
    }
}

#[test]
fn a_short_month_takes_its_last_day() {
    let ours = recurrence(
        json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}),
        json!({"type": "noEnd", "startDate": "2026-01-31"}),
    );
    let days: Vec<u32> = ours
        .dates("2026-01-01".parse().unwrap(), "2026-04-30".parse().unwrap())
        .iter()
        .map(Datelike::day)
        .collect();
    assert_eq!(days, [31, 28, 31, 30]);
}

#[test]
fn impossible_patterns_are_refused_by_field() {
    let range = json!({"type": "noEnd", "startDate": "2026-01-05"});
    for (pattern, field) in [
        (json!({"type": "daily", "interval": 0}), "pattern.interval"),
        (json!({"type": "weekly"}), "pattern.daysOfWeek"),
        (json!({"type": "weekly", "daysOfWeek": ["someday"]}), "pattern.daysOfWeek"),
        (json!({"type": "absoluteMonthly", "dayOfMonth": 0}), "pattern.dayOfMonth"),
        (json!({"type": "absoluteYearly", "dayOfMonth": 1, "month": 13}), "pattern.month"),
    ] {
        assert_eq!(recurrence(pattern, range.clone()).check().unwrap_err().field, field);
    }
}
