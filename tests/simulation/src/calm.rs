//! Lets everything go on in order and without dice: calls, deliveries, rounds, time.

use crate::fleet::{Fleet, Function, TICK_SECONDS, Work};
use crate::universe::{Fate, Harm, Kind, Stage, Universe};
use chrono::TimeDelta;
use roomsync_testkit::{Lane, Message};

/// Lets everything that is under way end without harm.
pub(crate) fn calm(universe: &Universe, fleet: &mut Fleet) {
    let mut calls = 0;
    loop {
        fleet.run();
        let next = universe.ops.borrow().iter().next().map(|(id, op)| (*id, op.stage.clone(), op.caller.env));
        let Some((id, stage, env)) = next else { break };
        if !matches!(stage, Stage::Issued) {
            universe.advance(id, Stage::Return);
            continue;
        }
        crate::push::shake_hands_for(universe, fleet, id);
        universe.calls.set(universe.calls.get() + 1);
        universe.story.say(|| universe.told(id));
        let harm =
            universe.harm.get().filter(|(call, _)| *call == universe.calls.get()).map(|(_, harm)| harm);
        match harm {
            None => universe.advance(id, Stage::Execute(Fate::Normal)),
            Some(Harm::Twice) => universe.advance(id, Stage::Execute(Fate::Twice)),
            Some(Harm::CrashBefore) => fleet.crash_in(env),
            Some(Harm::CrashAfter) => {
                universe.advance(id, Stage::Execute(Fate::Normal));
                fleet.run();
                fleet.crash_in(env);
            }
        }
        calls += 1;
        if calls > 20_000 {
            universe.wrong("I14: an invocation does not end".to_owned());
            return;
        }
    }
    fleet.run();
    if !fleet.is_idle() {
        universe.wrong("an invocation waits for nothing".to_owned());
    }
}

/// Lets one environment go on, while all others wait, until it is about to make such a call.
pub(crate) fn calm_until(universe: &Universe, fleet: &mut Fleet, env: u32, last: Kind) {
    loop {
        fleet.run();
        let ops = universe.ops.borrow();
        let mut own = ops.iter().filter(|(_, op)| op.caller.env == env);
        let next = own.next().map(|(id, op)| (*id, op.what.kind, matches!(op.stage, Stage::Issued)));
        drop(ops);
        match next {
            None => return universe.wrong(format!("nobody makes the call: {}", last.name())),
            Some((_, kind, true)) if kind == last => return,
            Some((id, _, true)) => universe.advance(id, Stage::Execute(Fate::Normal)),
            Some((id, _, false)) => universe.advance(id, Stage::Return),
        }
    }
}

/// Delivers what is in the queues until nothing more can be received.
pub(crate) fn drain(universe: &Universe, fleet: &mut Fleet) {
    for _ in 0..200 {
        let mut any = false;
        while crate::push::deliver_calmly(universe, fleet) {
            any = true;
        }
        for (lane, function, most) in [
            (Lane::Tenants, Function::Sync, 5),
            (Lane::Lifecycle, Function::Keeper, 10),
            (Lane::Commands, Function::Writer, 10),
            (Lane::Polls, Function::Poller, 10),
        ] {
            if lane == Lane::Lifecycle && !universe.post.is_on() {
                continue;
            }
            let messages: Vec<Message> = universe.queue.receive(lane, most);
            if !messages.is_empty() {
                any = true;
                fleet.invoke(function, Work::Batch(lane, messages));
                calm(universe, fleet);
            }
        }
        if !any {
            return;
        }
    }
    universe.wrong("I17: the queues never run dry".to_owned());
}

/// A scheduled round: a quarter of an hour with a sync and a look at every room, or less if it is over before.
pub(crate) fn round(universe: &Universe, fleet: &mut Fleet, is_over: impl Fn() -> bool) {
    if universe.post.is_on() {
        return crate::push::round(universe, fleet, is_over);
    }
    pass(universe, TimeDelta::seconds(900 - i64::from(TICK_SECONDS)));
    fleet.invoke(Function::Sync, Work::Tick(universe.now()));
    calm(universe, fleet);
    drain(universe, fleet);
    pass(universe, TimeDelta::seconds(TICK_SECONDS.into()));
    sweep(universe, fleet);
    fleet.invoke(Function::Dispatcher, Work::Tick(universe.now()));
    calm(universe, fleet);
    drain(universe, fleet);
}

/// The writer's tick, in histories with commands.
pub(crate) fn sweep(universe: &Universe, fleet: &mut Fleet) {
    if !universe.ledger.borrow().people.is_empty() {
        fleet.invoke(Function::Writer, Work::Tick(universe.now()));
        calm(universe, fleet);
    }
}

/// Lets time pass, however long. In histories with commands what hangs dies when Lambda ends it: its last request has landed long before
/// its message is seen again.
pub(crate) fn doze(universe: &Universe, fleet: &mut Fleet, by: TimeDelta) {
    let with_commands = !universe.ledger.borrow().people.is_empty();
    let first = if with_commands { by.min(TimeDelta::seconds(61)) } else { by };
    pass(universe, first);
    if first < by {
        fleet.enforce_timeouts();
        pass(universe, by - first);
    }
}

/// Lets time pass for everybody.
pub(crate) fn pass(universe: &Universe, by: TimeDelta) {
    universe.time.advance(by);
    universe.twin.borrow_mut().advance(universe.now());
    let now = universe.now();
    let (due, later): (Vec<_>, Vec<_>) =
        universe.zombies.borrow_mut().drain(..).partition(|zombie| zombie.lands_at <= now);
    *universe.zombies.borrow_mut() = later;
    for zombie in due {
        universe.count("zombie: landed");
        universe.ledger.borrow_mut().haunted |= *zombie.request.method() != http::Method::GET;
        let answer = universe.twin.borrow_mut().handle(now, &zombie.request);
        drop(answer.handshake.map(|handshake| crate::postman::Proof::begun(universe, handshake)));
    }
    universe.calendars_changed();
}
