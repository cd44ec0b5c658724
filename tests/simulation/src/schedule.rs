//! Time passes, and what it brings: schedules, and answers that are too late.

use crate::calm::doze;
use crate::fleet::{Function, TICK_SECONDS, Work};
use crate::history::History;
use crate::universe::{Failure, Kind, Stage};
use chrono::TimeDelta;
use rand::Rng;
use rand::rngs::SmallRng;
use roomsync_domain::Instant;

impl History {
    /// Time passes, and the schedules with it.
    pub(crate) fn pass(&mut self, rng: &mut SmallRng, busy: bool) {
        let by = match rng.random_range(0..1000) {
            _ if busy && rng.random_bool(0.95) => TimeDelta::milliseconds(rng.random_range(1..6_000)),
            0..870 => TimeDelta::seconds(rng.random_range(20..130)),
            870..970 => TimeDelta::minutes(rng.random_range(3..40)),
            970..995 => TimeDelta::hours(rng.random_range(1..14)),
            _ => TimeDelta::hours(rng.random_range(20..72)),
        };
        doze(&self.universe, &mut self.fleet, by);
        let now = self.universe.now();
        self.universe.story.mark(&[7, now.timestamp_millis().unsigned_abs()]);
        self.universe.story.say(|| format!("{}", now.format("%a %d %b %H:%M:%S")));
        self.lose_late_answers(now);
        self.fleet.enforce_timeouts();
        if now >= self.next_sync {
            self.next_sync = now + TimeDelta::minutes(15);
            self.tick(rng, Function::Sync);
        }
        if self.desk.is_some() && now >= self.next_sweep {
            self.next_sweep = now + TimeDelta::minutes(1);
            // A look that finds nothing teaches nothing: only some of them are lived through.
            if self.universe.is_anything_due() || rng.random_bool(0.1) {
                self.tick(rng, Function::Writer);
            }
        }
        if self.universe.post.is_on() && now >= self.next_keeper {
            self.next_keeper = now + TimeDelta::hours(1);
            self.tick(rng, Function::Keeper);
        }
        if now >= self.next_tick {
            self.next_tick = now + TimeDelta::seconds(TICK_SECONDS.into());
            self.tick(rng, Function::Dispatcher);
        }
    }

    pub(crate) fn tick(&mut self, rng: &mut SmallRng, function: Function) {
        if self.mix.strikes(rng, "schedule: tick skipped") {
            return self.universe.count("schedule: tick skipped");
        }
        let twice = self.mix.strikes(rng, "schedule: tick doubled");
        for _ in 0..=usize::from(twice) {
            if self.fleet.has_room_for(function) {
                self.fleet.invoke(function, Work::Tick(self.universe.now()));
            }
        }
        if twice {
            self.universe.count("schedule: tick doubled");
        }
    }

    /// Nobody waits longer than ten seconds for Graph.
    fn lose_late_answers(&mut self, now: Instant) {
        let late: Vec<u64> = {
            let ops = self.universe.ops.borrow();
            let patience = TimeDelta::from_std(roomsync_graph::TIMEOUT).unwrap_or(TimeDelta::seconds(10));
            let late = ops.iter().filter(|(_, op)| {
                (op.what.kind.is_http() || op.what.kind == Kind::Prove) && now - op.issued_at >= patience
            });
            late.map(|(id, _)| *id).collect()
        };
        for id in late {
            self.universe.count("net: no answer in time");
            self.universe.advance(id, Stage::Lose(Failure::Timeout));
        }
        self.fleet.run();
    }
}
