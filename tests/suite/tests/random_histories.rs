//! Random histories of people, administrators and misfortunes: whatever happened, once it is over the tables equal the calendars.
#![allow(missing_docs, clippy::unwrap_used, reason = "the names are the documentation; a test may fail")]

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use roomsync_tests::world::{TENANT, local, meeting};
use roomsync_tests::{ROOM_A, ROOM_B, World};
use roomsync_twin::calendar::{Recurrence, Sensitivity, Span, Zone};
use roomsync_twin::faults::{Effect, RetryForm};
use roomsync_twin::outlook::{Action, Meeting};
use roomsync_twin::{Fault, Trap, Tuning};

const STEPS: usize = 40;

struct History {
    rng: SmallRng,
    meetings: Vec<(String, NaiveDate)>,
}

impl History {
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

    fn misfortune(&mut self, world: &World) {
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
        let mut twin = world.twin.borrow_mut();
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
}

/// Some tuning that a server may have: small pages, forgetful links, lag.
fn tuning(rng: &mut SmallRng) -> Tuning {
    Tuning {
        view_page_max: *[3, 10, 1000].choose(rng).unwrap(),
        delta_page: *[2, 50].choose(rng).unwrap(),
        live_generations: *[None, Some(3)].choose(rng).unwrap(),
        lag_ms: *[0, 90_000].choose(rng).unwrap(),
        ..Tuning::default()
    }
}

async fn history(seed: u64) -> Result<(), String> {
    let mut world = World::new().await;
    let mut history = History { rng: SmallRng::seed_from_u64(seed), meetings: Vec::new() };
    world.twin.borrow_mut().tune(tuning(&mut history.rng));
    for _ in 0..STEPS {
        match history.rng.random_range(0..10) {
            0..=5 => {
                let (action, now) = (history.action(), world.clock_now());
                let day = match &action {
                    Action::Book { meeting } => Some(meeting.span.start.date()),
                    _ => None,
                };
                let done = world.twin.borrow_mut().act(now, TENANT, action);
                if let (Ok(uid), Some(day)) = (done, day) {
                    history.meetings.push((uid, day));
                }
            }
            6 => history.misfortune(&world),
            7 => world.clock.advance(TimeDelta::hours(history.rng.random_range(1..30))),
            8 => world.restart(),
            _ => {
                let mut twin = world.twin.borrow_mut();
                twin.clear_traps();
                twin.clear_faults();
            }
        }
        world.rounds(1).await;
    }
    {
        let mut twin = world.twin.borrow_mut();
        twin.clear_traps();
        twin.clear_faults();
    }
    world.clock.advance(TimeDelta::hours(25));
    world.rounds(18).await;
    let mut wrong = world.differences().await;
    let twin = world.twin.borrow();
    // The login host is asked by two functions that know nothing of each other; a mailbox is asked by one.
    let counters = twin.counters();
    let early = counters.violations.iter().filter(|violation| !violation.lane.mailbox.is_empty());
    wrong.extend(early.map(|violation| format!("called too early: {violation:?}")));
    if format!("{:?}", world.store.stream()).contains("canary") {
        wrong.push("a private word reached the stream".to_owned());
    }
    if !world.queue.dead(roomsync_testkit::Lane::Polls).is_empty() {
        wrong.push("a message died".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("seed {seed}:\n  {}", wrong.join("\n  "))) }
}

#[tokio::test]
async fn whatever_happens_tables_equal_calendars_in_the_end() {
    let seeds = std::env::vars()
        .find(|(name, _)| name == "ROOMSYNC_SEEDS")
        .and_then(|(_, text)| text.parse().ok())
        .unwrap_or(60);
    let mut failures = Vec::new();
    for seed in 0..seeds {
        failures.extend(history(seed).await.err());
    }
    assert!(failures.is_empty(), "{} of {seeds} failed:\n{}", failures.len(), failures.join("\n"));
}
