//! How fast a host answers, and what the service does about it (page change-notifications-delivery-webhooks).

use std::collections::VecDeque;
use std::time::Duration as Time;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

const WINDOW: Duration = Duration::minutes(10);
const LATE: Time = Time::from_secs(3);
const DEAD: Time = Time::from_secs(10);

/// How a host is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HostState {
    /// Notices are sent as they come.
    #[default]
    Fine,
    /// More than a tenth of its answers took over 3 s: new notices wait for ten minutes.
    Slow,
    /// More than 15 % took over 10 s: new notices are lost for ten minutes.
    Dropping,
}

/// The answers of one host within ten minutes.
#[derive(Debug, Default)]
pub(super) struct Health {
    answers: VecDeque<(DateTime<Utc>, Time)>,
    state: HostState,
    until: Option<DateTime<Utc>>,
}

impl Health {
    /// The state at `now`. When a penalty is over, the next answers alone decide again.
    pub(super) fn at(&mut self, now: DateTime<Utc>) -> HostState {
        if self.until.is_some_and(|until| until <= now) {
            *self = Health::default();
        }
        self.state
    }

    /// When the present penalty ends.
    pub(super) fn until(&self) -> Option<DateTime<Utc>> {
        self.until
    }

    /// Remembers how long an answer took, or how long one waited for it in vain.
    pub(super) fn answered(&mut self, now: DateTime<Utc>, took: Time) {
        let before = self.at(now);
        self.answers.push_back((now, took));
        while self.answers.front().is_some_and(|(at, _)| *at + WINDOW <= now) {
            self.answers.pop_front();
        }
        let share = |limit: Time| {
            let over = self.answers.iter().filter(|(_, took)| *took >= limit).count();
            over as f64 / self.answers.len() as f64
        };
        let state = if share(DEAD) > 0.15 {
            HostState::Dropping
        } else if share(LATE) > 0.10 {
            HostState::Slow
        } else {
            return;
        };
        if state != before && before != HostState::Dropping {
            self.state = state;
            self.until = Some(now + WINDOW);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_answers_make_a_host_slow_and_very_late_ones_make_notices_drop() {
        let start = DateTime::UNIX_EPOCH;
        let at = |seconds: i64| start + Duration::seconds(seconds);
        let cases = [
            (vec![1, 1, 1, 1, 1, 1, 1, 1, 1, 4], HostState::Fine),
            (vec![1, 1, 1, 1, 1, 1, 1, 1, 4, 4], HostState::Slow),
            (vec![1, 1, 1, 1, 1, 1, 1, 1, 1, 10], HostState::Fine),
            (vec![1, 1, 1, 1, 1, 10, 10], HostState::Dropping),
        ];
        for (answers, wanted) in cases {
            let mut health = Health::default();
            for (n, seconds) in answers.iter().enumerate() {
                health.answered(at(n as i64), Time::from_secs(*seconds));
            }
            assert_eq!(health.at(at(20)), wanted, "{answers:?}");
            assert_eq!(health.at(at(700)), HostState::Fine, "{answers:?}");
        }
        let mut health = Health::default();
        health.answered(at(0), Time::from_secs(4));
        (1..100).for_each(|n| health.answered(at(n), Time::from_millis(20)));
        assert_eq!((health.at(at(599)), health.at(at(600))), (HostState::Slow, HostState::Fine));
    }
}
