//! What goes wrong beside the calls of functions, and what operators ask for.

use crate::fleet::Work;
use crate::history::History;
use chrono::TimeDelta;
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use roomsync_domain::hint::{HintReason, PollHint};
use roomsync_domain::{RoomId, RoomRef};
use roomsync_ports::HintQueue;
use roomsync_testkit::Lane;

/// What environments meet that rest, and batches that last too long.
pub(crate) const HALF_OPEN: &str = "lambda: half-open connection";
pub(crate) const SEEN_AGAIN: &str = "queue: seen again while it is worked on";
/// An entry is moved away and back.
pub(crate) const CARRIED: &str = "graph: return never told";

impl History {
    /// What goes wrong beside the calls.
    pub(crate) fn mischief(&mut self, rng: &mut SmallRng) {
        // Each has its own chance per history; here they only get their turn.
        let kinds = [
            "lambda: new environment",
            "lambda: clock steps back",
            "queue: delivered twice",
            "queue: old message comes back",
            "queue: nonsense",
            "store: expired rows go",
            "graph: endless pages",
            "operator",
        ];
        let kind = *kinds.choose(rng).unwrap_or(&"operator");
        if kind != "operator" && !self.mix.has(kind) {
            return;
        }
        match kind {
            "lambda: new environment" => self.fleet.renew(),
            "lambda: clock steps back" => {
                let (pick, by) = (rng.random_range(0..8), TimeDelta::seconds(rng.random_range(1..120)));
                self.fleet.step_back(pick, by);
            }
            "queue: delivered twice" => match self.fleet.batches().choose(rng) {
                Some((function, work)) if self.fleet.has_room_for(*function) => {
                    self.fleet.invoke(*function, work.clone());
                }
                _ => return,
            },
            "queue: old message comes back" => match self.fleet.past.choose(rng).cloned() {
                Some((lane, message)) => {
                    let id = format!("redriven {}", self.universe.step.get());
                    self.universe.queue.send(lane, &message.group, &id, &message.body);
                }
                None => return,
            },
            "queue: nonsense" => {
                let body = *["{", "{\"schemaVersion\":1}", "", "[]"].choose(rng).unwrap_or(&"");
                let id = format!("nonsense {}", self.universe.step.get());
                self.universe.queue.send(Lane::Polls, "nobody", &id, body);
            }
            "store: expired rows go" => {
                self.universe.store.expire(self.universe.now());
                self.universe.read_streams();
            }
            "graph: endless pages" => {
                let mut twin = self.universe.twin.borrow_mut();
                let chance = if rng.random_bool(0.5) { 1.0 } else { 0.0 };
                twin.set_trap(roomsync_twin::Trap::EndlessPages, None, chance);
            }
            _ => self.operate(rng),
        }
        self.universe.count(kind);
        self.universe.story.say(|| kind.to_owned());
    }

    /// An operator asks for a look at a room, whole or not, with or without permission to end much.
    fn operate(&self, rng: &mut SmallRng) {
        let Some(company) = self.companies.choose(rng) else { return };
        let Some(seat) = company.rooms.choose(rng) else { return };
        let room = RoomRef::new(company.config.tenant.clone(), RoomId::new(&seat.id));
        let mut hint = PollHint::new(&room, HintReason::Operator);
        hint.full = rng.random_bool(0.5);
        let tick = format!("operator {}", self.universe.step.get());
        let _ = futures::FutureExt::now_or_never(self.universe.queue.send_polls(&[hint], &tick));
    }

    /// The visibility of a batch ends before the function does: somebody else may be given its messages.
    pub(crate) fn show_again(&mut self, mut rng: SmallRng) -> bool {
        if !rng.random_bool(0.01) {
            return false;
        }
        let batches = self.fleet.batches();
        let Some((_, Work::Batch(lane, messages))) = batches.choose(&mut rng) else { return false };
        for message in messages {
            self.universe.queue.hide(*lane, message.receipt, TimeDelta::zero());
        }
        self.universe.count(SEEN_AGAIN);
        self.universe.story.say(|| SEEN_AGAIN.to_owned());
        true
    }

    /// Somebody moves an entry of a room's calendar away and back.
    pub(crate) fn carry(&self, mut rng: SmallRng) -> bool {
        if !rng.random_bool(0.02) {
            return false;
        }
        let company = self.companies.choose(&mut rng);
        let is_carried = company.is_some_and(|company| company.carry(&self.universe, &mut rng));
        if is_carried {
            self.universe.count(CARRIED);
        }
        is_carried
    }
}
