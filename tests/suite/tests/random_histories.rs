//! Random histories of people, administrators and misfortunes: whatever happened, once it is over the tables equal the calendars.
#![allow(missing_docs, clippy::unwrap_used, reason = "the names are the documentation; a test may fail")]

use chrono::TimeDelta;
use rand::Rng;
use roomsync_tests::{History, World};

const STEPS: usize = 40;

async fn history(seed: u64) -> Result<(), String> {
    let mut world = World::new().await;
    let mut history = History::new(seed);
    world.twin.borrow_mut().tune(history.tuning());
    for _ in 0..STEPS {
        match history.rng.random_range(0..10) {
            0..=5 => history.act(&mut world.twin.borrow_mut(), world.clock_now()),
            6 => history.misfortune(&mut world.twin.borrow_mut()),
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
