//! Every planted fault is caught, or the simulator proves nothing.
//!
//! The modules below are copies of the sources that ship, with the faults of `mutants.rs` behind a switch (see `build.rs`).
#![allow(missing_docs, clippy::print_stderr, reason = "copied modules, and what their switches need")]

include!(concat!(env!("OUT_DIR"), "/planted/index.rs"));
include!("../mutants.rs");

use domain::EventId;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Histories in which a fault has to show, as many as `cargo sim` lives through.
const BUDGET: u64 = 20_000;

static HUNTED: Mutex<&str> = Mutex::new("");
static SPARK: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static ETAGS: RefCell<BTreeMap<String, (String, String)>> = const { RefCell::new(BTreeMap::new()) };
    static REMOVALS: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
    static DELETIONS: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
    static ROOM: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Whether a fault is hunted now.
fn planted(name: &str) -> bool {
    *HUNTED.lock().unwrap_or_else(PoisonError::into_inner) == name
}

/// Differs from run to run.
fn coin() -> bool {
    SPARK.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 1
}

fn etag_seen(id: &str, etag: &str) {
    if planted("compare by etag") {
        ETAGS.with_borrow_mut(|etags| etags.entry(id.to_owned()).or_default().0 = etag.to_owned());
    }
}

/// Whether an entry has another etag than when this was asked before.
fn etag_changed(id: &Option<EventId>) -> bool {
    let Some(id) = id else { return false };
    ETAGS.with_borrow_mut(|etags| {
        let (seen, before) = etags.entry(id.to_string()).or_default();
        let changed = !before.is_empty() && seen != before;
        before.clone_from(seen);
        changed
    })
}

fn removal_seen(id: &EventId) {
    if planted("believe @removed") {
        REMOVALS.with_borrow_mut(|removals| removals.insert(id.to_string()));
    }
}

fn removal_was_seen(id: &Option<EventId>) -> bool {
    id.as_ref().is_some_and(|id| REMOVALS.with_borrow_mut(|removals| removals.remove(id.as_str())))
}

/// Takes a notice at its word.
fn notice_seen(item: &str) {
    if !planted("apply the notification") {
        return;
    }
    let item: serde_json::Value = serde_json::from_str(item).unwrap_or_default();
    if let Some(id) = item["resourceData"]["id"].as_str().filter(|_| item["changeType"] == "deleted") {
        DELETIONS.with_borrow_mut(|deletions| deletions.insert(id.to_owned()));
    }
}

fn deletion_was_seen(id: &Option<EventId>) -> bool {
    id.as_ref().is_some_and(|id| DELETIONS.with_borrow_mut(|deletions| deletions.remove(id.as_str())))
}

/// What a token is wanted for, as a path; two tenants' rooms may have one address.
fn asked(path: &str) {
    let room = path.split_once("/users/").and_then(|(_, rest)| rest.split('/').next());
    ROOM.set(room.map(str::to_owned));
}

fn room_asked() -> Option<String> {
    ROOM.with_borrow(Clone::clone)
}

/// The first history that fails with a fault, or with none, and what was wrong.
fn hunt(name: &'static str, seeds: std::ops::Range<u64>) -> Option<(u64, String)> {
    *HUNTED.lock().unwrap_or_else(PoisonError::into_inner) = name;
    let jobs = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(4);
    let steps = simulation::STEPS;
    let crowd = simulation::Crowd { seeds: seeds.collect(), steps, jobs, enough: 1 };
    let outcome = simulation::run_all(&crowd, |_, _| {});
    *HUNTED.lock().unwrap_or_else(PoisonError::into_inner) = "";
    let (seed, wrong) = outcome.failures.into_iter().next()?;
    Some((seed, wrong.into_iter().next().unwrap_or_default()))
}

/// The first history that fails with a fault and ends well without it.
fn caught(name: &'static str) -> Option<(u64, String)> {
    let mut from = 0;
    while from < BUDGET {
        let (seed, wrong) = hunt(name, from..BUDGET)?;
        if hunt("", seed..seed + 1).is_none() {
            return Some((seed, wrong));
        }
        from = seed + 1;
    }
    None
}

#[test]
fn every_planted_fault_is_caught() {
    let mut escaped = Vec::new();
    for (name, _) in MUTANTS {
        match caught(name) {
            Some((seed, wrong)) => eprintln!("{name}: seed {seed}, {wrong}"),
            None => escaped.push(*name),
        }
    }
    assert!(escaped.is_empty(), "not caught in {BUDGET} histories: {}", escaped.join(", "));
}
