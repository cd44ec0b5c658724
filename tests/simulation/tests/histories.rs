//! Random histories on the crates as they ship, the sweep, and seeds that once failed.
#![allow(missing_docs, reason = "the names are the documentation")]

use roomsync_simulation::{Crowd, Plan, STEPS, run, run_all, sweep};

const SEEDS: u64 = 300;

fn crowd(seeds: Vec<u64>) -> Crowd {
    Crowd { seeds, steps: STEPS, jobs: 2, enough: 3 }
}

#[test]
fn whatever_happens_the_tables_equal_the_calendars_in_the_end() {
    let outcome = run_all(&crowd((0..SEEDS).collect()), |_, _| {});
    assert!(outcome.failures.is_empty(), "see them with `cargo sim --seed N`: {:?}", outcome.failures);
    assert_eq!(outcome.seeds, SEEDS);
    let paths =
        ["path: first copy", "path: booking ended", "path: the fence refused a commit", "path: link lost"];
    for path in paths {
        assert!(outcome.tally.of(path) > 0, "{path} never happened");
    }
}

#[test]
fn seeds_that_once_failed_stay_well() {
    let seeds: Vec<u64> = include_str!("../seeds.txt")
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter_map(|seed| seed.parse().ok())
        .collect();
    assert!(!seeds.is_empty());
    let outcome = run_all(&Crowd { enough: usize::MAX, ..crowd(seeds) }, |_, _| {});
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
}

#[test]
fn one_seed_makes_one_history() {
    let story = || run(&Plan { tells: true, ..Plan::new(11, STEPS) });
    let (one, other) = (story(), story());
    assert_eq!(one.print, other.print);
    assert_eq!(one.story, other.story);
    assert!(one.story.len() > 100);
    assert_ne!(one.print, run(&Plan::new(12, STEPS)).print);
}

#[test]
fn any_call_may_be_hit_and_everything_settles() {
    let swept = sweep::run_all();
    assert!(swept.wrong.is_empty(), "{}", swept.wrong.join("\n"));
    assert_eq!(swept.scenarios, sweep::SCRIPTS.len());
    assert_eq!(swept.runs, swept.calls * 3 + swept.scenarios as u64);
    assert!(swept.calls > 400, "only {} calls", swept.calls);
}
