//! What is really in the rooms' calendars, by the twin's own account.

use std::collections::BTreeSet;

use serde_json::Value;

/// The demo's Microsoft, seen by somebody who may see everything.
pub(crate) struct Twin {
    url: String,
}

/// One entry of a calendar as both sides should see it: id, begin, end.
type Entry = (String, String, String);

impl Twin {
    pub(crate) fn at(endpoints: &Value) -> Self {
        Self { url: crate::endpoint(endpoints, "graphUrl").to_owned() }
    }

    async fn get(&self, what: &str) -> Value {
        let answer = reqwest::get(format!("{}/_twin/{what}", self.url)).await.expect("the twin answers");
        serde_json::from_str(&answer.text().await.expect("a text")).expect("JSON")
    }

    /// A room's calendar of the next four weeks, with the bounds.
    async fn calendar(&self, room: &str) -> (String, String, Vec<Value>) {
        let now = self.get("clock").await["now"].as_str().expect("an instant").to_owned();
        let now: chrono::DateTime<chrono::Utc> = now.parse().expect("an instant");
        let instant = |days| (now + chrono::TimeDelta::days(days)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let (from, to) = (instant(0), instant(28));
        let entries = self.get(&format!("calendar/{room}?from={from}&to={to}")).await;
        (from, to, entries.as_array().expect("a calendar").clone())
    }

    /// Whether a room's bookings are what its calendar holds.
    pub(crate) async fn agrees(&self, room: &str, bookings: impl Iterator<Item = &Value>) -> bool {
        let (from, to, calendar) = self.calendar(room).await;
        let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let truth: BTreeSet<Entry> = (calendar.iter())
            .filter(|entry| entry["cancelled"] == false)
            .map(|entry| (text(entry, "id"), text(entry, "start"), text(entry, "end")))
            .collect();
        let copy: BTreeSet<Entry> = bookings
            .filter(|booking| booking["roomEmail"] == room && booking["status"] != "ended")
            .map(|booking| {
                (text(booking, "graphEventId"), text(booking, "startUtc"), text(booking, "endUtc"))
            })
            .filter(|(_, start, end)| *start < to && *end > from)
            .collect();
        truth == copy
    }

    /// Asserts that of private meetings only the times are kept, and that logs have no subjects at all.
    pub(crate) async fn nothing_private(&self, bookings: impl Iterator<Item = &Value>, logs: &str) {
        let mut private = 0;
        let mut rooms = BTreeSet::new();
        for booking in bookings {
            rooms.insert(booking["roomEmail"].as_str().expect("an address").to_owned());
            private += usize::from(booking["isPrivate"] == true);
        }
        assert!(private > 0, "without a private meeting nothing is proved");
        for room in rooms {
            for entry in self.calendar(&room).await.2 {
                let subject = entry["subject"].as_str().unwrap_or_default().trim();
                assert!(subject.is_empty() || !logs.contains(subject), "a log holds the subject {subject:?}");
            }
        }
    }
}
