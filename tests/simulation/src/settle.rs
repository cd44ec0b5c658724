//! The second phase: nothing goes wrong any more, and within four rounds the tables must equal the calendars; what delta never told is
//! found by the daily look. Most histories end as soon as that is so; some live through every round, to see that it stays so.

use crate::calm::{calm, doze, drain, pass, round, sweep};
use crate::company::Company;
use crate::fleet::{Fleet, TICK_SECONDS};
use crate::mischief::CARRIED;
use crate::oracle::{differences, rooms};
use crate::universe::Universe;
use chrono::TimeDelta;
use futures::FutureExt;
use roomsync_domain::writing::Writing;
use roomsync_ports::BookingStore;
use roomsync_testkit::Lane;

/// Rounds in which everything has to be in step.
const ROUNDS: u32 = 4;

/// Times that commands may wait for eighty minutes: their messages come ten times at most.
const MOST_WAITS: u32 = 8;

/// Ten minutes each, in which the writer looks at what is due.
const QUIET_PASSES: u32 = 8;

/// So often that may be at most.
const MOST_PASSES: u32 = 60;

/// Late notices in a row that may keep the queue from being empty.
const LATE_NOTICES: u32 = 50;

/// What the writer puts off comes due: eighty minutes with ticks and nothing else in which nothing is told any more, or until nothing is put
/// off. With ticks so far apart a room has been looked at often enough only after an hour for its receipt to say that it does not answer, and
/// what it answers then is known to the writer an hour later. Tells whether anything was.
fn patience(universe: &Universe, fleet: &mut Fleet, thorough: bool) -> bool {
    let mut quiet = 0;
    for time in 0..MOST_PASSES {
        if !thorough && universe.store.writings().iter().all(Writing::is_settled) {
            return time > 0;
        }
        let told = universe.watch.borrow().streams.records;
        pass(universe, TimeDelta::minutes(10));
        sweep(universe, fleet);
        drain(universe, fleet);
        let is_quiet = thorough || universe.watch.borrow().streams.records == told;
        quiet = if is_quiet { quiet + 1 } else { 0 };
        if quiet == QUIET_PASSES {
            break;
        }
    }
    true
}

/// I15 and I17: four rounds, or four rounds and the daily look if delta left something out. If it is `thorough`, rounds and a daily look
/// in which nothing is left to be done are lived through, too.
pub(crate) fn settle(universe: &Universe, fleet: &mut Fleet, companies: &mut [Company], thorough: bool) {
    universe.story.say(|| "--- nothing goes wrong any more ---".to_owned());
    fleet.right_clocks();
    fleet.end_deployment();
    universe.twin.borrow_mut().clear_traps();
    companies.iter_mut().for_each(|company| company.relent(universe));
    // What died holds its messages until they may be seen again; throttling is over by then.
    doze(universe, fleet, TimeDelta::seconds(400));
    fleet.enforce_timeouts();
    calm(universe, fleet);
    let lossy = {
        let tally = universe.tally.borrow();
        let untold = [
            "graph: removal never told",
            "graph: lost occurrence never told",
            // Of a first copy: pages that shift are avoided as long as a quarter of a day fits into one.
            "graph: shifting view",
            CARRIED,
        ];
        untold.into_iter().any(|name| tally.of(name) > 0)
    };
    let is_over = || !thorough && is_settled(universe, companies);
    // What delta never told waits for the daily look, however many rounds there are before.
    let rounds = if lossy && !thorough { 1 } else { ROUNDS - 1 };
    for _ in 0..rounds {
        let changes = universe.ledger.borrow().changes;
        round(universe, fleet, is_over);
        // What was changed in it has yet to reach the rooms.
        if is_over() && universe.ledger.borrow().changes == changes {
            break;
        }
    }
    wait_for_commands(universe, fleet);
    // What came due may have changed calendars only now.
    if patience(universe, fleet, thorough) || !lossy && !is_over() {
        round(universe, fleet, is_over);
        patience(universe, fleet, false);
    }
    if !lossy {
        report(universe, "after four rounds", differences(universe, companies));
        universe.commands_settled();
    }
    if thorough || lossy || universe.post.long.get() {
        pass(universe, crate::push::a_day(universe));
        round(universe, fleet, is_over);
        if !is_over() {
            round(universe, fleet, is_over);
        }
        wait_for_commands(universe, fleet);
        report(universe, "after the daily look", differences(universe, companies));
    }
    // What was put off for some seconds. Notices that come late put a message there once more.
    for _ in 0..LATE_NOTICES {
        pass(universe, TimeDelta::seconds(TICK_SECONDS.into()));
        drain(universe, fleet);
        if universe.queue.messages(Lane::Polls).is_empty() {
            break;
        }
    }
    drained(universe, companies);
    report(universe, "in the end", crate::push::unsubscribed(universe, companies));
    universe.streams_make_tables();
}

/// Lets commands wait for what is put off, but for what is put off for a day.
fn wait_for_commands(universe: &Universe, fleet: &mut Fleet) {
    for _ in 0..MOST_WAITS {
        let messages = universe.queue.messages(Lane::Commands);
        if messages.iter().all(|message| universe.waits_for_a_day(&message.group)) {
            return;
        }
        patience(universe, fleet, true);
    }
}

/// Whether tables and subscriptions are as they have to be in the end.
fn is_settled(universe: &Universe, companies: &[Company]) -> bool {
    differences(universe, companies).is_empty() && crate::push::unsubscribed(universe, companies).is_empty()
}

fn report(universe: &Universe, when: &str, faults: Vec<String>) {
    faults.into_iter().for_each(|fault| universe.wrong(format!("{fault} ({when})")));
}

fn drained(universe: &Universe, companies: &[Company]) {
    let on = universe.post.is_on();
    let lanes = [Lane::Polls, Lane::Tenants, Lane::Commands].into_iter().chain(on.then_some(Lane::Lifecycle));
    for lane in lanes {
        let messages = universe.queue.messages(lane);
        let left = messages.iter().filter(|message| !universe.waits_for_a_day(&message.group)).count();
        if left > 0 {
            universe.wrong(format!("I17: {left} messages are left in {lane:?}"));
        }
        if !universe.queue.dead(lane).is_empty() {
            universe.count("queue: message died");
        }
    }
    for company in companies {
        for room in rooms(universe, company) {
            let cursor = universe.store.cursor(&room.room).now_or_never().and_then(Result::ok).flatten();
            let far = universe.now() + TimeDelta::minutes(15);
            if cursor.is_some_and(|cursor| cursor.not_before.is_some_and(|at| at > far)) {
                universe.wrong(format!("I17: {} waits for long", room.state.email));
            }
        }
    }
}
