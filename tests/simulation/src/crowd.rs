//! Many histories on several threads.

use crate::history::{Plan, Report, run};
use crate::tally::Tally;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// One history in so many is run twice and compared, and one in so many is listened to.
const AGAIN: u64 = 50;
/// Steps of a history.
pub const STEPS: u32 = 600;

/// Which histories.
#[derive(Debug, Clone)]
pub struct Crowd {
    /// Their seeds.
    pub seeds: Vec<u64>,
    /// Steps of each.
    pub steps: u32,
    /// Threads.
    pub jobs: usize,
    /// Failures after which no more are begun.
    pub enough: usize,
}

/// How they went.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Histories that were lived through.
    pub seeds: u64,
    /// Steps that were taken.
    pub steps: u64,
    /// Calls that were made.
    pub calls: u64,
    /// What happened how often.
    pub tally: Tally,
    /// Seeds that failed, and what was wrong.
    pub failures: Vec<(u64, Vec<String>)>,
}

/// Lives through all of them; `done` is called after each, with its seed and what was wrong.
pub fn run_all(crowd: &Crowd, done: impl Fn(u64, &[String]) + Sync) -> Outcome {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let outcome = Mutex::new(Outcome::default());
    std::thread::scope(|scope| {
        for _ in 0..crowd.jobs.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = usize::try_from(at).ok().and_then(|at| crowd.seeds.get(at)) else {
                        break;
                    };
                    let report = one(&Plan::new(*seed, crowd.steps));
                    done(*seed, &report.wrong);
                    let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                    outcome.seeds += 1;
                    outcome.steps += report.steps;
                    outcome.calls += report.calls;
                    outcome.tally.add(&report.tally);
                    if !report.wrong.is_empty() {
                        outcome.failures.push((*seed, report.wrong));
                        stop.store(outcome.failures.len() >= crowd.enough, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.failures.sort();
    outcome
}

/// One history; sometimes listened to, sometimes twice.
fn one(plan: &Plan) -> Report {
    let listens = plan.seed % AGAIN == 7;
    let mut report = run(&Plan { listens, ..plan.clone() });
    if plan.seed % AGAIN == 3 {
        let again = run(plan);
        if again.print != report.print {
            report.wrong.push("determinism: the same seed made two histories".to_owned());
        }
        report.tally.count("check: lived through twice");
    }
    report
}

/// What must happen sometimes in a large enough crowd: every misfortune, and every path worth taking.
#[must_use]
pub fn missing(tally: &Tally) -> Vec<&'static str> {
    let misfortunes = crate::faults::ALL.iter().chain(crate::faults::PUSH).map(|one| one.name);
    misfortunes
        .chain(crate::history::OWN_DICE.iter().copied())
        .chain(PATHS.iter().chain(crate::push::PATHS).chain(crate::commands::PATHS).copied())
        .filter(|name| tally.of(name) == 0)
        .collect()
}

/// Paths worth taking.
const PATHS: &[&str] = &[
    "path: first copy",
    "path: booking created",
    "path: booking updated",
    "path: booking ended",
    "path: booking ended with its room",
    "path: booking revived",
    "path: the fence refused a commit",
    "path: link lost",
    "path: 410 after the first page",
    "path: delta given up",
    "path: delta taken up again",
    "path: guard stopped a look",
    "path: guard satisfied",
    "path: drift repaired",
    "path: trouble noted",
    "path: window rolled",
    "path: meeting left the window",
    "path: room removed",
    "path: room retired",
    "path: room back, moved or re-addressed",
    "path: message goes back",
    "queue: message set aside",
    "store: stale cursor",
    "path: an older version forgot something",
    "net: no answer in time",
    "zombie: landed",
    "lambda: timeout",
    "admin: consent withdrawn",
    "admin: consent given",
    "admin: secret rotated",
    "admin: secret rotated, old one refused",
    "admin: room added",
    "admin: room removed",
    "admin: room returned",
    "admin: room renamed",
    "admin: room re-addressed",
    "admin: list changed",
    "admin: tenant off-boarded or back",
    "admin: mailbox disabled or enabled",
    "admin: scope changed",
    "admin: tokens revoked",
    "admin: place id renewed",
    "admin: room hidden or shown",
    "graph: every link forgotten",
    "graph: changes show late",
    "graph: old links die young",
    "graph: accepting makes another entry",
    "user: meeting booked",
    "user: appointment in the room's calendar",
    "user: meeting moved",
    "user: occurrence moved",
    "user: occurrence deleted",
    "user: meeting cancelled",
    "user: this and following",
    "user: private flag changed",
    "user: room changed",
    "user: room declines",
    "check: lived through twice",
    "check: listened to",
];
