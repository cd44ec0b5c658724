//! Random days of people and misfortunes, decided by a seed.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::world::{TENANT, local, meeting};
use crate::{ROOM_A, ROOM_B};
use chrono::{Days, NaiveDate, NaiveTime};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use roomsync_domain::Instant;
use roomsync_twin::calendar::{Recurrence, Sensitivity, Span, Zone};
use roomsync_twin::faults::{Effect, RetryForm};
use roomsync_twin::outlook::{Action, Meeting};
use roomsync_twin::{Fault, Trap, Tuning, Twin};

/// What happens in one history.
#[derive(Debug)]
pub struct History {
    /// Decides everything.
    pub rng: SmallRng,
    meetings: Vec<(String, NaiveDate)>,
}

impl History {
    /// The history of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: SmallRng::seed_from_u64(seed), meetings: Vec::new() }
    }

    /// Somebody does something in Outlook.
    pub fn act(&mut self, twin: &mut Twin, now: Instant) {
        let action = self.action();
        let day = match &action {
            Action::Book { meeting } => Some(meeting.span.start.date()),
            _ => None,
        };
        if let (Ok(uid), Some(day)) = (twin.act(now, TENANT, action), day) {
            self.meetings.push((uid, day));
        }
    }

    fn room(&mut self) -> &'static str {
        [ROOM_A, ROOM_B].choose(&mut self.rng).unwrap()
    }

    fn day(&mut self) -> NaiveDate {
        let first: NaiveDate = "2026-01-30".parse().unwrap();
        first + Days::new(self.rng.random_range(0..80))
    }

    fn meeting(&mut self) -> (Meeting, NaiveDate) {
        let day = self.day();
        let hour = self.rng.random_range(0..23);
        let mut meeting = meeting(&day.to_string(), hour).at(self.room());
        meeting.subject = "canary".to_owned();
        if self.rng.random_bool(0.25) {
            let (start, end) = (day.and_time(NaiveTime::MIN), (day + Days::new(1)).and_time(NaiveTime::MIN));
            meeting.span =
                Span { start, end, zone: Zone::named("Romance Standard Time").unwrap(), all_day: true };
        }
        if self.rng.random_bool(0.3) {
            meeting = meeting.private();
        } else {
            meeting.subject = "Planning".to_owned();
        }
        match self.rng.random_range(0..4) {
            0 => meeting = meeting.repeats(Recurrence::weekly(day, 1).times(self.rng.random_range(2..20))),
            1 => meeting = meeting.repeats(Recurrence::daily(day, 1).times(self.rng.random_range(2..30))),
            _ => {}
        }
        (meeting, day)
    }

    fn action(&mut self) -> Action {
        let known = self.meetings.choose(&mut self.rng).cloned();
        let Some((uid, day)) = known.filter(|_| self.rng.random_bool(0.65)) else {
            let (meeting, _) = self.meeting();
            return Action::Book { meeting };
        };
        let to = self.day();
        let (start, end) = (local(&to.to_string(), 9), local(&to.to_string(), 11));
        let date = day + Days::new(7 * self.rng.random_range(0..3));
        match self.rng.random_range(0..9) {
            0 | 1 => Action::Move { meeting: uid, start, end },
            2 => Action::MoveOccurrence {
                meeting: uid,
                date,
                start: local(&date.to_string(), 20),
                end: local(&date.to_string(), 21),
            },
            3 => Action::DeleteOccurrence { meeting: uid, date },
            4 => Action::Cancel { meeting: uid },
            5 => Action::Delete { meeting: uid, room: self.rng.random_bool(0.5).then(|| ROOM_A.to_owned()) },
            6 => Action::EndSeries { meeting: uid, date, then: Some(Box::new(self.meeting().0)) },
            7 => Action::SetSensitivity { meeting: uid, sensitivity: Sensitivity::Private },
            _ => Action::ChangeRooms { meeting: uid, rooms: vec![self.room().to_owned()] },
        }
    }

    /// Something begins to go wrong at Microsoft's side.
    pub fn misfortune(&mut self, twin: &mut Twin) {
        let traps = [
            Trap::ShiftingView,
            Trap::EmptyPage,
            Trap::RepeatedEntry,
            Trap::ContradictoryEntry,
            Trap::ReplayedChanges,
            Trap::EndlessPages,
            Trap::BigPages,
            Trap::MasterMissing,
            Trap::LostRemoval,
            Trap::LostOccurrence,
            Trap::EtagChurn,
            Trap::StateGone,
            Trap::StateGoneWithLocation,
            Trap::BadToken,
            Trap::LinkOfOtherMailbox,
            Trap::LinkOfOtherHost,
            Trap::ReadableAfterDelete,
            Trap::CapacityAsString,
            Trap::NoPlaces,
            Trap::SomePlaces,
        ];
        if self.rng.random_bool(0.6) {
            let trap = *traps.choose(&mut self.rng).unwrap();
            twin.set_trap(trap, None, self.rng.random_range(0.1..0.9));
            return;
        }
        let status = |status, retry_after, form| Effect::Status {
            status,
            code: None,
            retry_after,
            form,
            executed: false,
        };
        let effect = match self.rng.random_range(0..11) {
            0 => status(429, Some(self.rng.random_range(1.0..400.0)), RetryForm::Seconds),
            1 => status(429, None, RetryForm::Seconds),
            2 => status(503, Some(30.0), RetryForm::HttpDate),
            3 => status(504, None, RetryForm::Seconds),
            4 => status(403, None, RetryForm::Seconds),
            5 => status(404, None, RetryForm::Seconds),
            6 => Effect::Html { status: 200 },
            7 => Effect::TruncatedJson,
            8 => Effect::Reset,
            9 => Effect::Unauthorized,
            _ => Effect::DropBeforeEffect,
        };
        let mut fault = Fault::once("", effect);
        fault.times = Some(self.rng.random_range(1..6));
        fault.skip = self.rng.random_range(0..4);
        twin.add_fault(fault);
    }

    /// Some tuning that a server may have: small pages, forgetful links, lag.
    pub fn tuning(&mut self) -> Tuning {
        let rng = &mut self.rng;
        Tuning {
            view_page_max: *[3, 10, 1000].choose(rng).unwrap(),
            delta_page: *[2, 50].choose(rng).unwrap(),
            live_generations: *[None, Some(3)].choose(rng).unwrap(),
            lag_ms: *[0, 90_000].choose(rng).unwrap(),
            ..Tuning::default()
        }
    }
}
