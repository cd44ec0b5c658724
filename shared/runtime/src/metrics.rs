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
    /// Looks that were not needed: the room listens, or a look had answered the notice.
    SparedPolls,
    /// Rooms whose subscription was found silent.
    Silent,
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
    /// Rooms whose subscription can be trusted.
    ListeningRooms,
    /// Rooms whose subscription has not proven yet that it delivers.
    UnprovenRooms,
    /// Rooms whose subscription does not deliver.
    SilentRooms,
    /// Rooms that cannot be subscribed, or whose renewal is refused.
    RefusedRooms,
    /// Tenants whose credential expires within a month, or has expired.
    ExpiringCredentials,
    /// Hints sent by the dispatcher.
    Hints,
    /// Booking commands that came.
    Commands,
    /// Those of them that are none, or cannot be carried out.
    RejectedCommands,
    /// Items of Graph's notices that were not believed.
    NoticesRejected,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::Polls => "Polls",
            Self::QuietPolls => "QuietPolls",
            Self::SparedPolls => "SparedPolls",
            Self::Silent => "Silent",
            Self::Changes => "Changes",
            Self::Drift => "Drift",
            Self::GuardStopped => "GuardStopped",
            Self::Troubled => "Troubled",
            Self::RoomChanges => "RoomChanges",
            Self::ListeningRooms => "ListeningRooms",
            Self::UnprovenRooms => "UnprovenRooms",
            Self::SilentRooms => "SilentRooms",
            Self::RefusedRooms => "RefusedRooms",
            Self::ExpiringCredentials => "ExpiringCredentials",
            Self::Hints => "Hints",
            Self::Commands => "Commands",
            Self::RejectedCommands => "RejectedCommands",
            Self::NoticesRejected => "NoticesRejected",
        }
    }
}

/// What is measured, in milliseconds. CloudWatch makes a histogram of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duration {
    /// From a change in a calendar until Graph's notice of it reached us: Microsoft's part.
    ChangeToNotice,
    /// From there until the change was in the table: ours.
    NoticeToTable,
}

impl Duration {
    fn name(self) -> &'static str {
        match self {
            Self::ChangeToNotice => "ChangeToNotice",
            Self::NoticeToTable => "NoticeToTable",
        }
    }
}

/// Most values of one metric in one line ("Specification: Embedded metric format").
const MOST_VALUES: usize = 100;

/// Numbers of one event.
#[derive(Debug)]
pub struct Metrics {
    at: Instant,
    counts: Vec<(Metric, usize)>,
    samples: Vec<(Duration, Vec<u64>)>,
}

impl Metrics {
    /// None yet.
    #[must_use]
    pub fn new(at: Instant) -> Self {
        Self { at, counts: Vec::new(), samples: Vec::new() }
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

    /// Adds a measurement. More than a hundred of one kind are left out.
    pub fn sample(&mut self, duration: Duration, milliseconds: u64) {
        match self.samples.iter_mut().find(|(measured, _)| *measured == duration) {
            Some((_, values)) if values.len() < MOST_VALUES => values.push(milliseconds),
            Some(_) => {}
            None => self.samples.push((duration, vec![milliseconds])),
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
        if self.counts.is_empty() && self.samples.is_empty() {
            return None;
        }
        let counts = self.counts.iter().map(|(metric, _)| (metric.name(), "Count"));
        let samples = self.samples.iter().map(|(duration, _)| (duration.name(), "Milliseconds"));
        let time = self.at.timestamp_millis();
        let mut line = format!(
            r#"{{"_aws":{{"Timestamp":{time},"CloudWatchMetrics":[{{"Namespace":"{NAMESPACE}","Dimensions":[[]],"Metrics":["#
        );
        for (at, (name, unit)) in counts.chain(samples).enumerate() {
            let comma = if at > 0 { "," } else { "" };
            line.extend([comma, r#"{"Name":""#, name, r#"","Unit":""#, unit, r#""}"#]);
        }
        line.push_str("]}]}");
        for (metric, number) in &self.counts {
            line.extend([",\"", metric.name(), "\":", &number.to_string()]);
        }
        for (duration, values) in &self.samples {
            let values: Vec<String> = values.iter().map(u64::to_string).collect();
            line.extend([",\"", duration.name(), "\":[", &values.join(","), "]"]);
        }
        line.push('}');
        Some(line)
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

    #[test]
    fn durations_are_lists_of_milliseconds() {
        let mut metrics = Metrics::new(chrono::DateTime::UNIX_EPOCH);
        metrics.count(Metric::Polls, 1);
        for value in [0, 20].into_iter().chain(0..200) {
            metrics.sample(Duration::NoticeToTable, value);
        }
        let line: Value = serde_json::from_str(&metrics.line().unwrap()).unwrap();
        let values = line["NoticeToTable"].as_array().unwrap();
        assert_eq!((values.len(), &values[0], &values[1]), (100, &json!(0), &json!(20)));
        let declared = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
        assert_eq!(declared[1], json!({"Name": "NoticeToTable", "Unit": "Milliseconds"}));
    }
}
