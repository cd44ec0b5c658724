//! Metrics in CloudWatch's embedded format: one JSON line per invocation, no call.

use roomsync_domain::Instant;
use serde_json::{Map, Value, json};

/// Namespace of every metric.
pub const NAMESPACE: &str = "roomsync";

/// What is counted. Alarms in template.yaml refer to these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Looks at rooms.
    Polls,
    /// Those of them that found nothing new.
    QuietPolls,
    /// Written versions of bookings.
    Changes,
    /// Bookings that a daily read had to repair although nothing had announced them.
    Drift,
    /// Runs that the guard stopped.
    GuardStopped,
    /// Looks that something kept from reading.
    Troubled,
    /// Written versions of rooms.
    RoomChanges,
    /// Hints sent by the dispatcher.
    Hints,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::Polls => "Polls",
            Self::QuietPolls => "QuietPolls",
            Self::Changes => "Changes",
            Self::Drift => "Drift",
            Self::GuardStopped => "GuardStopped",
            Self::Troubled => "Troubled",
            Self::RoomChanges => "RoomChanges",
            Self::Hints => "Hints",
        }
    }
}

/// Numbers of one event.
#[derive(Debug)]
pub struct Metrics {
    at: Instant,
    counts: Vec<(Metric, usize)>,
}

impl Metrics {
    /// None yet.
    #[must_use]
    pub fn new(at: Instant) -> Self {
        Self { at, counts: Vec::new() }
    }

    /// Adds a number; zero is left out.
    pub fn count(&mut self, metric: Metric, number: usize) {
        if number == 0 {
            return;
        }
        match self.counts.iter_mut().find(|(counted, _)| *counted == metric) {
            Some((_, sum)) => *sum += number,
            None => self.counts.push((metric, number)),
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn number(&self, metric: Metric) -> usize {
        self.counts.iter().find(|(counted, _)| *counted == metric).map_or(0, |(_, number)| *number)
    }

    /// The line, or nothing if nothing was counted.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        if self.counts.is_empty() {
            return None;
        }
        let names: Vec<Value> =
            self.counts.iter().map(|(metric, _)| json!({"Name": metric.name(), "Unit": "Count"})).collect();
        let mut line = Map::new();
        line.insert(
            "_aws".into(),
            json!({
                "Timestamp": self.at.timestamp_millis(),
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": names}],
            }),
        );
        for (metric, number) in &self.counts {
            line.insert(metric.name().into(), json!(number));
        }
        Some(Value::Object(line).to_string())
    }

    /// Prints the line.
    #[allow(clippy::print_stdout, reason = "CloudWatch reads metrics from standard output")]
    pub fn emit(&self) {
        if let Some(line) = self.line() {
            println!("{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_declares_what_it_counts() {
        let mut metrics = Metrics::new(chrono::DateTime::UNIX_EPOCH);
        assert_eq!(metrics.line(), None);
        metrics.count(Metric::Polls, 2);
        metrics.count(Metric::Polls, 1);
        metrics.count(Metric::Drift, 0);
        let line: Value = serde_json::from_str(&metrics.line().unwrap()).unwrap();
        assert_eq!(line["Polls"], 3);
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"],
            json!([{"Name": "Polls", "Unit": "Count"}])
        );
        assert_eq!(line.get("Drift"), None);
    }
}
