//! Some hundred random histories with nothing simulated between the functions and the world: the adapter's own HTTP client against the
//! served twin, the store that ships against a DynamoDB with the tables of `template.yaml`.
#![allow(missing_docs, clippy::unwrap_used, reason = "the names are the documentation; a test may fail")]

#[allow(dead_code, unused_imports, reason = "made for the store's own tests, of which it serves more")]
#[path = "../../../shared/store/tests/support/mod.rs"]
mod support;

use chrono::TimeDelta;
use rand::Rng;
use roomsync_store::DynamoStore;
use roomsync_tests::{History, Wired};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use support::with_emulator;

const SEEDS: u64 = 200;
const STEPS: usize = 6;
const THREADS: usize = 2;

async fn live(seed: u64, store: DynamoStore) -> Vec<String> {
    let mut world = Wired::new(store).await;
    let mut history = History::new(seed);
    world.twin(|twin| twin.tune(history.tuning()));
    for _ in 0..STEPS {
        let now = world.now();
        for _ in 0..2 {
            world.twin(|twin| history.act(twin, now));
        }
        match history.rng.random_range(0..10) {
            0..=4 => world.twin(|twin| history.misfortune(twin)),
            5 => world.pass(TimeDelta::hours(history.rng.random_range(1..30))),
            6 => world.restart(),
            _ => calm(&world),
        }
        world.rounds(1).await;
    }
    calm(&world);
    world.pass(TimeDelta::hours(25));
    world.rounds(6).await;
    world.wrong().await
}

fn calm(world: &Wired<DynamoStore>) {
    world.twin(|twin| {
        twin.clear_traps();
        twin.clear_faults();
    });
}

fn history(seed: u64) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(with_emulator(|config| config, async |store, _| live(seed, store).await))
}

fn number(name: &str) -> Option<u64> {
    std::env::vars().find(|(key, _)| key == name).and_then(|(_, text)| text.parse().ok())
}

#[test]
fn whatever_happens_tables_equal_calendars_in_the_end() {
    let seeds = match number("ROOMSYNC_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ROOMSYNC_SEEDS").unwrap_or(SEEDS),
    };
    let (next, failures) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        break;
                    }
                    let wrong = history(seed);
                    if !wrong.is_empty() {
                        let replay =
                            format!("ROOMSYNC_SEED={seed} cargo test -p roomsync-tests --test over_the_wire");
                        failures.lock().unwrap().push(format!("{}\n  replay: {replay}", wrong.join("\n  ")));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}
