//! Metrics in CloudWatch's embedded format: one JSON line per invocation, no call.

use roomsync_domain::Instant;

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
    /// Booking commands that came.
    Commands,
    /// Those of them that are none, or cannot be carried out.
    RejectedCommands,
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
            Self::Commands => "Commands",
            Self::RejectedCommands => "RejectedCommands",
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

    /// The line, or nothing if nothing was counted. Put together by hand: names and numbers need no escaping, and every quiet batch
    /// pays for it.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        if self.counts.is_empty() {
            return None;
        }
        let list =
            |text: fn(&(Metric, usize)) -> String| self.counts.iter().map(text).collect::<Vec<_>>().join(",");
        let names = list(|(metric, _)| format!(r#"{{"Name":"{}","Unit":"Count"}}"#, metric.name()));
        let numbers = list(|(metric, number)| format!(r#""{}":{number}"#, metric.name()));
        let time = self.at.timestamp_millis();
        Some(format!(
            r#"{{"_aws":{{"Timestamp":{time},"CloudWatchMetrics":[{{"Namespace":"{NAMESPACE}","Dimensions":[[]],"Metrics":[{names}]}}]}},{numbers}}}"#
        ))
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
    use serde_json::{Value, json};

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
