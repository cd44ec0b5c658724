//! One random history: people, administrators, functions and misfortunes in an order that the seed decides.
//!
//! Step *n* throws dice of its own, made from seed and *n*. So a history is told by its seed and the list of its steps, and a list with
//! steps left out is a history too: that is how failures are made short.

use crate::commands::Desk;
use crate::company::{Company, Manner};
use crate::faults::Mix;
use crate::fleet::{Fleet, Function, Work};
use crate::listen::listening;
use crate::mischief::{CARRIED, HALF_OPEN, SEEN_AGAIN};
use crate::panics;
use crate::settle;
use crate::tally::Tally;
use crate::universe::{Failure, Fate, Kind, Stage, Universe};
use chrono::TimeDelta;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use roomsync_domain::Instant;
use roomsync_testkit::{Lane, at};
use roomsync_twin::Twin;
use std::panic::catch_unwind;
use std::rc::Rc;

/// Which history, and how closely it is watched.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything.
    pub seed: u64,
    /// Its steps, by number.
    pub steps: Vec<u32>,
    /// Whether the story is told.
    pub tells: bool,
    /// Whether logs, tables and queues are searched for what must not be there.
    pub listens: bool,
}

impl Plan {
    /// The history of a seed, with so many steps.
    #[must_use]
    pub fn new(seed: u64, steps: u32) -> Self {
        Self { seed, steps: (0..steps).collect(), tells: false, listens: false }
    }
}

/// How a history went.
#[derive(Debug, Clone)]
pub struct Report {
    /// What must never happen and did.
    pub wrong: Vec<String>,
    /// What happened how often.
    pub tally: Tally,
    /// A number that equal histories share.
    pub print: u64,
    /// The story, if it was asked for.
    pub story: Vec<String>,
    /// Calls that were made.
    pub calls: u64,
    /// Steps that were taken.
    pub steps: u64,
}

/// First days of histories: an ordinary one, before the clocks change in Europe and in America, before the year ends.
const DAYS: [&str; 5] = [
    "2026-02-02T00:00:00Z",
    "2026-03-27T00:00:00Z",
    "2026-03-06T00:00:00Z",
    "2026-10-23T00:00:00Z",
    "2026-12-30T00:00:00Z",
];

/// One history in so many lives through every round at its end.
const THOROUGH: u64 = 16;

/// Seeds from here on are those before once more, with busy programs: commands are sent in nearly all histories, twice as many, and people touch
/// twice as much of what comes of them.
const BUSY: u64 = 1_000_000_000;

/// Makes the dice of notices others than those of everything else.
const PUSH_DICE: u64 = 0x7075_7368_0000_0000;
/// And the dice of booking commands, which are sent in half of the histories, if programs are not busy.
const COMMAND_DICE: u64 = 0x626f_6f6b_0000_0e76;
/// And the dice of what Lambda does to environments and batches that rest or last too long.
const LAMBDA_DICE: u64 = 0x6c61_6d62_6461_0000;
/// And the dice of what delta never tells of entries that are moved away and back.
const CARRY_DICE: u64 = 0x6361_7272_7900_0000;

/// Misfortunes that are decided by those dice.
pub(crate) const OWN_DICE: &[&str] = &[HALF_OPEN, SEEN_AGAIN, CARRIED];

pub(crate) struct History {
    seed: u64,
    pub(crate) mix: Mix,
    pub(crate) universe: Rc<Universe>,
    pub(crate) fleet: Fleet,
    pub(crate) companies: Vec<Company>,
    future: u32,
    pub(crate) next_tick: Instant,
    pub(crate) next_sync: Instant,
    pub(crate) next_sweep: Instant,
    /// Commands are sent in this history.
    pub(crate) desk: Option<Desk>,
    pub(crate) next_keeper: Instant,
    /// Messages may be seen again while they are worked on.
    seen_again: bool,
    /// Entries are moved away and back.
    carries: bool,
    calls: u64,
}

/// Lives through a history.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    match catch_unwind(|| watched(plan)) {
        Ok(report) => report,
        // Nobody caught it: it was our own, or of a function that catches none.
        Err(_) => {
            let report = Report {
                wrong: panics::take(),
                tally: Tally::default(),
                print: 0,
                story: Vec::new(),
                calls: 0,
                steps: 0,
            };
            panics::rest();
            report
        }
    }
}

fn watched(plan: &Plan) -> Report {
    if !plan.listens {
        return live(plan, |_| {});
    }
    let (mut history, log) = listening(|| {
        let mut kept = None;
        let report = live(plan, |universe| kept = Some(Rc::clone(universe)));
        (report, kept)
    });
    if let Some(universe) = history.1.take() {
        universe.count("check: listened to");
        universe.nothing_leaked(&log);
        history.0.wrong.clone_from(&universe.watch.borrow().wrong);
        history.0.tally = universe.tally.borrow().clone();
    }
    history.0
}

fn live(plan: &Plan, mut keep: impl FnMut(&Rc<Universe>)) -> Report {
    panics::watch();
    let mut history = History::new(plan);
    let universe = Rc::clone(&history.universe);
    for step in &plan.steps {
        universe.step.set(u64::from(*step) + 1);
        history.step(*step);
        panics::take().into_iter().for_each(|panic| universe.wrong(panic));
        if !universe.watch.borrow().wrong.is_empty() {
            break;
        }
    }
    universe.step.set(u64::from(u32::MAX));
    universe.count_push();
    if universe.watch.borrow().wrong.is_empty() {
        let thorough = plan.seed.is_multiple_of(THOROUGH);
        settle::settle(&universe, &mut history.fleet, &mut history.companies, thorough);
        panics::take().into_iter().for_each(|panic| universe.wrong(panic));
    }
    panics::rest();
    keep(&universe);
    let wrong = universe.watch.borrow().wrong.clone();
    let tally = universe.tally.borrow().clone();
    Report {
        wrong,
        tally,
        print: universe.story.print(),
        story: universe.story.lines(),
        calls: history.calls,
        steps: plan.steps.len() as u64,
    }
}

fn dice(seed: u64, step: u64) -> SmallRng {
    SmallRng::seed_from_u64(
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ step.wrapping_mul(0xd6e8_feb8_6659_fd93),
    )
}

impl History {
    fn new(plan: &Plan) -> Self {
        let (seed, busy) = (plan.seed % BUSY, plan.seed >= BUSY);
        let mut rng = dice(seed, u64::MAX);
        let mix = Mix::draw(&mut rng);
        let day = at(DAYS.choose(&mut rng).unwrap_or(&DAYS[0]));
        // Often shortly before one of the two midnights.
        let minutes = *[22 * 60 + 30, 28 * 60 + 30, rng.random_range(0..1440)].choose(&mut rng).unwrap_or(&0);
        let now = day + TimeDelta::minutes(minutes);
        let mut twin = Twin::new(seed);
        twin.advance(now);
        let future = *[7, 14, 45].choose(&mut rng).unwrap_or(&14);
        let tuning = crate::tuning::draw(&mut rng, future);
        twin.tune(tuning.clone());
        let universe = Rc::new(Universe::new(now, twin, plan.tells));
        crate::tuning::count(&tuning, &universe);
        let mut companies: Vec<Company> =
            (0..2).map(|number| Company::found(&universe, number, Manner::draw(&mut rng, future))).collect();
        for company in &mut companies {
            for _ in 0..rng.random_range(0..4) {
                company.work(&universe, &mut rng, &Mix::none(), future);
            }
        }
        let mut chance = dice(seed ^ COMMAND_DICE, u64::MAX);
        let desk = chance
            .random_bool(if busy { 0.97 } else { 0.5 })
            .then(|| Desk::open(&universe, &mut companies, &mut chance, future, busy));
        universe.calendars_changed();
        let mut fleet = Fleet::new(Rc::clone(&universe));
        let skewed = mix.strikes(&mut rng, "lambda: clock is wrong");
        if skewed {
            universe.count("lambda: clock is wrong");
            fleet.skew = TimeDelta::seconds(rng.random_range(-300..300));
        }
        if mix.strikes(&mut rng, "lambda: two versions at once") {
            universe.count("lambda: two versions at once");
            fleet.two_versions = true;
        }
        let mut lambda = dice(seed ^ LAMBDA_DICE, u64::MAX);
        fleet.half_open = lambda.random_bool(0.3);
        universe.watch.borrow_mut().skewed = skewed || mix.has("lambda: clock steps back");
        let first = now + TimeDelta::seconds(5);
        let mut history = Self {
            seed,
            mix,
            universe,
            fleet,
            companies,
            future,
            next_tick: first,
            next_sync: now,
            next_sweep: now,
            desk,
            next_keeper: first,
            seen_again: lambda.random_bool(0.3),
            carries: dice(seed ^ CARRY_DICE, u64::MAX).random_bool(0.06),
            calls: 0,
        };
        history.begin_push(dice(seed ^ PUSH_DICE, u64::MAX));
        history
    }

    fn step(&mut self, number: u32) {
        let mut rng = dice(self.seed, number.into());
        let busy = !self.universe.ops.borrow().is_empty();
        if self.seen_again && self.show_again(dice(self.seed ^ LAMBDA_DICE, number.into())) {
            return;
        }
        if self.carries && self.carry(dice(self.seed ^ CARRY_DICE, number.into())) {
            return;
        }
        if let Some(desk) = &mut self.desk
            && desk.step(
                &self.universe,
                &self.companies,
                &self.mix,
                &mut dice(self.seed ^ COMMAND_DICE, number.into()),
            )
        {
            return;
        }
        if self.universe.post.is_on() && self.push_step(dice(self.seed ^ PUSH_DICE, number.into())) {
            return;
        }
        match rng.random_range(0..1000) {
            0..45 => {
                let company = rng.random_range(0..self.companies.len());
                let name = self.companies[company].work(&self.universe, &mut rng, &self.mix, self.future);
                self.universe.count(name);
            }
            45..55 => {
                let company = rng.random_range(0..self.companies.len());
                let name = self.companies[company].administer(&self.universe, &mut rng);
                self.universe.count(name);
                self.universe.calendars_changed();
            }
            55..90 => self.mischief(&mut rng),
            90..170 => self.pass(&mut rng, busy),
            170..300 => drop(self.receive(&mut rng)),
            _ if busy => self.progress(&mut rng),
            _ => {
                if !self.receive(&mut rng) {
                    self.pass(&mut rng, false);
                }
            }
        }
    }

    /// One call comes a step further, or two.
    pub(crate) fn progress(&mut self, rng: &mut SmallRng) {
        let ops = self.universe.ops.borrow();
        let pick = rng.random_range(0..ops.len());
        let Some((id, op)) = ops.iter().nth(pick) else { return };
        let (id, env, what) = (*id, op.caller.env, op.what.clone());
        let (stage, fate) = match op.stage {
            // Nothing arrives, and nobody says so.
            Stage::Issued if op.what.kind.is_http() && op.caller.half_open.take() => {
                (Stage::Execute(Fate::Before(Failure::Other)), Some(HALF_OPEN))
            }
            Stage::Issued => {
                let (fate, name) = self.mix.fate(rng, op);
                (Stage::Execute(fate), name)
            }
            _ => (Stage::Return, None),
        };
        drop(ops);
        let execute = matches!(stage, Stage::Execute(_));
        let crash =
            if execute { "lambda: crash before the effect" } else { "lambda: crash after the effect" };
        if self.mix.strikes(rng, crash)
            && let Some(at) = self.fleet.running_in(env)
        {
            self.universe.count(crash);
            self.universe.tally.borrow_mut().crashed(what.kind.name(), !execute);
            self.universe
                .story
                .say(|| format!("{crash}: {} {}", what.kind.name(), self.universe.name_of(&what.about)));
            return self.fleet.crash(at);
        }
        if execute {
            self.calls += 1;
            if let Some(name) = fate {
                self.universe.count(name);
                if what.kind == Kind::DeltaNext && name.contains("410") {
                    self.universe.count("path: 410 after the first page");
                }
            }
            self.universe.story.say(|| {
                let about = self.universe.name_of(&what.about);
                format!(
                    "    env {env}: {} {about}{}",
                    what.kind.name(),
                    fate.map(|name| format!(" -> {name}")).unwrap_or_default()
                )
            });
        }
        self.universe.story.mark(&[6, id, u64::from(execute)]);
        if execute && what.kind == Kind::Prove {
            self.shake_hands(rng, id);
        }
        self.universe.advance(id, stage);
        self.fleet.run();
        if execute && rng.random_bool(0.65) {
            let there =
                self.universe.ops.borrow().get(&id).is_some_and(|op| matches!(op.stage, Stage::Executed));
            if there {
                self.universe.advance(id, Stage::Return);
                self.fleet.run();
            }
        }
    }

    /// A batch is delivered, if there is one and somebody to take it.
    fn receive(&mut self, rng: &mut SmallRng) -> bool {
        let mut lanes = [
            (Lane::Polls, Function::Poller),
            (Lane::Tenants, Function::Sync),
            (Lane::Commands, Function::Writer),
        ];
        if !rng.random_bool(0.7) {
            lanes.swap(0, 1);
        }
        if rng.random_bool(0.4) {
            lanes.rotate_right(1);
        }
        for (lane, function) in lanes {
            if !self.fleet.has_room_for(function) {
                continue;
            }
            let messages = self.universe.queue.receive(lane, rng.random_range(1..5));
            if !messages.is_empty() {
                self.fleet.invoke(function, Work::Batch(lane, messages));
                return true;
            }
        }
        false
    }
}
