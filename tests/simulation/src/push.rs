//! Notices and subscriptions in a history: their misfortunes, their schedule, and what must be true of them in the end.

use crate::calm::{calm, drain, pass};
use crate::company::Company;
use crate::faults::Mix;
use crate::fleet::{Fleet, Function, TICK_SECONDS, Work};
use crate::history::History;
use crate::postman::{HOST, Letter, Shake, shake_hands};
use crate::universe::{Kind, Stage, Universe};
use chrono::TimeDelta;
use futures::FutureExt;
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use roomsync_domain::client_state::SigningKey;
use roomsync_domain::listening::{Listening, renew_at};
use roomsync_domain::{Instant, RoomId, RoomRef, TenantId};
use roomsync_ports::BookingStore;
use roomsync_testkit::Lane;
use roomsync_twin::PushSwitches;
use roomsync_twin::calendar::Change;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use webhook_receiver::Answer;

/// Name of the secret that signs.
pub(crate) const KEY: &str = "notification-key";
/// What validation tokens begin with.
const TOKEN: &str = "Validation: Testing";
/// A token that is asked back at any time.
const ANY_TOKEN: &str = "a+b%20c%2Bd%26e";
const ANY_TOKEN_BACK: &str = "a b c+d&e";

/// Paths worth taking.
pub(crate) const PATHS: &[&str] = &[
    "path: room listened to",
    "path: delivery proven",
    "path: subscription replaced",
    "path: subscription renewed",
    "path: subscription given up",
    "path: silence noticed",
    "path: room cannot be listened to",
    "path: room not polled because it is listened to",
    "path: look asked for by notices",
    "path: notices refused and repeated",
    "path: no receiver for a handshake",
    "path: handshake nobody waits for",
    "notice: lost",
    "notice: told twice",
    "notice: withheld",
    "notice: repeated",
    "notice: host is slow",
    "notice: of two tenants in one post",
];

fn key(number: u32) -> String {
    format!("canary-signing-key-{number:04}-0123456789abcdef")
}

/// What must not be seen of keys and tokens.
pub(crate) fn state_marks(keys: u32) -> Vec<String> {
    let ids = (0..=keys).filter_map(|number| SigningKey::new(&key(number)));
    ids.map(|key| format!("v1.{}.", key.id())).chain([TOKEN.to_owned()]).collect()
}

/// What is wrong with the answer to a handshake that came at any time.
pub(crate) fn wrong_token(query: &str, answer: &Answer) -> Option<String> {
    let asked = query.ends_with(ANY_TOKEN);
    (asked && (answer.status_code != 200 || answer.body != ANY_TOKEN_BACK))
        .then(|| format!("a handshake is answered with {}", answer.status_code))
}

impl Universe {
    /// From now on rooms are listened to.
    pub(crate) fn listen(&self, switches: PushSwitches) {
        self.post.begin();
        self.secrets.put(KEY, &key(0));
        self.twin.borrow_mut().set_push(switches);
    }

    /// The key that signs is replaced.
    pub(crate) fn rotate_key(&self) {
        self.post.keys.set(self.post.keys.get() + 1);
        self.secrets.put(KEY, &key(self.post.keys.get()));
    }

    /// What became of notices, for the tally.
    pub(crate) fn count_push(&self) {
        let twin = self.twin.borrow();
        let counters = twin.push_counters();
        let counts = [
            (counters.lost, "notice: lost"),
            (counters.duplicated, "notice: told twice"),
            (counters.withheld, "notice: withheld"),
            (counters.retried, "notice: repeated"),
            (counters.delayed + counters.dropped, "notice: host is slow"),
        ];
        for (_, name) in counts.into_iter().filter(|(count, _)| *count > 0) {
            self.count(name);
        }
    }

    /// What proves a notice of a room, signed with the current key.
    fn state(&self, room: &RoomRef) -> String {
        SigningKey::new(&key(self.post.keys.get())).and_then(|key| key.sign(room)).unwrap_or_default()
    }

    /// Any subscription there is, by its room.
    fn some_room(&self, rng: &mut SmallRng) -> Option<(RoomRef, String)> {
        let twin = self.twin.borrow();
        let all: Vec<_> = twin.subscriptions().collect();
        let own = all.choose(rng)?;
        let room = RoomRef::new(TenantId::parse(&own.tenant)?, RoomId::new(own.mailbox.as_ref()));
        Some((room, own.id.clone()))
    }
}

/// How Graph delivers in one history.
fn switches(rng: &mut SmallRng) -> PushSwitches {
    let usual = PushSwitches::default();
    let mut often = |chance: f64| rng.random_bool(chance);
    let (lossy, doubling, late, gathering, small) =
        (often(0.5), often(0.5), often(0.3), often(0.5), often(0.3));
    PushSwitches {
        handshake_on_renew: often(0.3),
        odd_tokens: often(0.5),
        store_lag_ms: if often(0.2) { 20_000 } else { 0 },
        terse: often(0.3),
        page: if often(0.3) { 1 } else { 100 },
        shuffle: often(0.5),
        odd_spelling: often(0.5),
        tell_missed: often(0.7),
        reauthorize_every_minutes: if often(0.3) { 300 } else { 0 },
        loss: if lossy { rng.random_range(0.0..1.0) } else { 0.0 },
        duplicates: if doubling { rng.random_range(0.0..0.5) } else { 0.0 },
        jitter_ms: if late { rng.random_range(1_000..4 * 3_600_000) } else { 0 },
        gather_ms: if gathering { rng.random_range(20..60_000) } else { 20 },
        batch: if small { 1 } else { 50 },
        ..usual
    }
}

/// Notices of one room, as Graph writes them.
fn notice(room: &RoomRef, state: Value, subscription: &str) -> Value {
    let resource = format!("Users/{}/Events/AAMk-none", room.room);
    json!({
        "subscriptionId": subscription, "subscriptionExpirationDateTime": "2027-01-01T00:00:00+00:00",
        "changeType": "updated", "resource": resource,
        "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "@odata.id": resource, "id": "AAMk-none"},
        "clientState": state, "tenantId": room.tenant.as_str(),
    })
}

impl History {
    /// Makes a history one with notices, or not.
    pub(crate) fn begin_push(&mut self, mut rng: SmallRng) {
        if rng.random_bool(0.5) {
            return;
        }
        self.mix = std::mem::replace(&mut self.mix, Mix::none()).with_push(&mut rng);
        self.universe.post.long.set(rng.random_bool(0.2));
        self.universe.listen(switches(&mut rng));
    }

    /// A step that is about notices, if this is one.
    pub(crate) fn push_step(&mut self, mut rng: SmallRng) -> bool {
        match rng.random_range(0..100) {
            0..2 => self.push_mischief(&mut rng),
            2..16 => return self.hand_over(&mut rng),
            16..20 => return self.keep(&mut rng),
            _ => return false,
        }
        true
    }

    /// One request to the receiver begins.
    fn hand_over(&mut self, rng: &mut SmallRng) -> bool {
        for letter in self.universe.collect() {
            self.take_along(rng, letter);
        }
        if let Some(ticket) = self.universe.post.orphan() {
            self.universe.count("path: handshake nobody waits for");
            shake_hands(&self.universe, &mut self.fleet, ticket, Shake::Well);
            let _ = self.universe.proven(ticket);
            return true;
        }
        if !self.fleet.has_room_for(Function::Receiver) {
            return false;
        }
        let Some(letter) = self.universe.post.due(self.universe.now(), rng.random_range(0..100)) else {
            return false;
        };
        self.fleet.invoke(Function::Receiver, Work::Request(letter));
        true
    }

    fn take_along(&self, rng: &mut SmallRng, mut letter: Letter) {
        let universe = &self.universe;
        let tenants = crate::company::TENANTS.iter().filter(|tenant| letter.body.contains(**tenant)).count();
        if tenants > 1 {
            universe.count("notice: of two tenants in one post");
        }
        if self.mix.strikes(rng, "notice: late") {
            universe.count("notice: late");
            letter.due += TimeDelta::minutes(rng.random_range(2..240));
        }
        if self.mix.strikes(rng, "notice: doubled") {
            universe.count("notice: doubled");
            letter.fresh = false;
            let copies = if rng.random_bool(0.1) { rng.random_range(2..50) } else { rng.random_range(1..4) };
            for _ in 0..copies {
                let later = TimeDelta::seconds(rng.random_range(0..600));
                universe.post.carry(letter.again(letter.due + later));
            }
        }
        universe.post.carry(letter);
    }

    /// A batch of the lifecycle queue is delivered.
    fn keep(&mut self, rng: &mut SmallRng) -> bool {
        if !self.fleet.has_room_for(Function::Keeper) {
            return false;
        }
        let messages = self.universe.queue.receive(Lane::Lifecycle, rng.random_range(1..5));
        if messages.is_empty() {
            return false;
        }
        self.fleet.invoke(Function::Keeper, Work::Batch(Lane::Lifecycle, messages));
        true
    }

    /// How the handshake goes that a call waits for.
    pub(crate) fn shake_hands(&mut self, rng: &mut SmallRng, op: u64) {
        let Some(ticket) = ticket(&self.universe, op) else { return };
        let mut how = Shake::Well;
        for (name, way) in
            [("handshake: unanswered", Shake::Unanswered), ("handshake: answered wrongly", Shake::Wrongly)]
        {
            if self.mix.strikes(rng, name) {
                self.universe.count(name);
                how = way;
            }
        }
        shake_hands(&self.universe, &mut self.fleet, ticket, how);
    }

    fn push_mischief(&mut self, rng: &mut SmallRng) {
        let first = crate::faults::PUSH.iter().position(|one| one.name == "notice: forged").unwrap_or(0);
        let Some(one) = crate::faults::PUSH[first..].choose(rng) else { return };
        let name = one.name;
        if !self.mix.has(name) {
            return;
        }
        let universe = &self.universe;
        let now = universe.now();
        let Some((room, id)) = universe.some_room(rng) else { return };
        let path = |lifecycle: bool| if lifecycle { "/lifecycle" } else { "/notifications" };
        match name {
            "notice: forged" => universe.post.carry(forged(universe, rng, &room, &id)),
            "notice: comes again hours later" => {
                let Some(past) = universe.post.past(rng.random_range(0..100)) else { return };
                universe.post.carry(past.again(now + TimeDelta::minutes(rng.random_range(0..600))));
            }
            "notice: of a change nobody made" => {
                let change = if rng.random_bool(0.5) { Change::Deleted } else { Change::Updated };
                universe.twin.borrow_mut().notify(&id, change, 1);
            }
            "notice: flood" => {
                let item = notice(&room, json!(universe.state(&room)), &id);
                for _ in 0..rng.random_range(5..40) {
                    universe.post.carry(Letter::new(
                        "/notifications",
                        json!({"value": [item]}).to_string(),
                        now,
                    ));
                }
            }
            "notice: unknown subscription" => {
                let mut item =
                    notice(&room, json!(universe.state(&room)), "00000000-0000-0000-0000-000000000000");
                let lifecycle = rng.random_bool(0.5);
                if lifecycle {
                    item["lifecycleEvent"] = json!("subscriptionRemoved");
                }
                universe.post.carry(Letter::new(path(lifecycle), json!({"value": [item]}).to_string(), now));
            }
            "notice: delivery stopped" => {
                let mut twin = universe.twin.borrow_mut();
                let delivering = !twin.push_switches().delivering;
                let switches = PushSwitches { delivering, ..twin.push_switches().clone() };
                twin.set_push(switches);
            }
            "lifecycle: unknown word" => _ = universe.twin.borrow_mut().send_lifecycle(&id, "surprise"),
            "subscription: vanished" => _ = universe.twin.borrow_mut().remove_subscriptions(&id),
            "subscription: over early" => _ = universe.twin.borrow_mut().expire_subscriptions(&id),
            "subscription: muted" => {
                _ = universe.twin.borrow_mut().mute_subscriptions(&id, rng.random_bool(0.7));
            }
            "handshake: at any time" => {
                for _ in 0..2 {
                    let letter = Letter::new(path(rng.random_bool(0.5)), String::new(), now);
                    let query = format!("validationToken={ANY_TOKEN}");
                    universe.post.carry(Letter {
                        query,
                        content_type: "text/plain; charset=utf-8",
                        ..letter
                    });
                }
            }
            "key: rotated" => universe.rotate_key(),
            _ => {
                let word = name.trim_start_matches("lifecycle: ");
                universe.twin.borrow_mut().send_lifecycle(&id, word);
            }
        }
        universe.count(name);
        universe.story.say(|| format!("{name} ({})", universe.name_of(room.room.as_str())));
    }
}

/// A request of somebody who knows everything but the key.
fn forged(universe: &Universe, rng: &mut SmallRng, room: &RoomRef, id: &str) -> Letter {
    let state = universe.state(room);
    let at = state.len() - 3;
    let bent = if state[at..].starts_with('A') { "B" } else { "A" };
    let other = RoomRef::new(room.tenant.clone(), RoomId::new("f47ac10b-58cc-4372-a567-0e02b2c3d479"));
    let (signed, _) = state.rsplit_once('.').unwrap_or_default();
    let borrowed = universe.state(&other);
    let (_, signature) = borrowed.rsplit_once('.').unwrap_or_default();
    let stranger = SigningKey::new("somebody else's key, long enough to be one");
    let mut item = notice(room, json!(state), id);
    match rng.random_range(0..10) {
        0 | 1 => item["clientState"] = json!(format!("{}{bent}{}", &state[..at], &state[at + 1..])),
        2 => item["clientState"] = json!(&state[..state.len() - 6]),
        3 => item["clientState"] = json!(format!("{state}AAAA")),
        4 => item["clientState"] = json!(format!("{signed}.{signature}")),
        5 => item["clientState"] = json!(stranger.and_then(|key| key.sign(room))),
        6 => item["clientState"] = Value::Null,
        7 => {
            let others = crate::company::TENANTS.iter().find(|tenant| **tenant != room.tenant.as_str());
            item["tenantId"] = json!(others);
        }
        8 => item["resource"] = json!(format!("Users/{}/Messages/AAMk", room.room)),
        _ => item["clientState"] = json!("v1...canary"),
    }
    let lifecycle = rng.random_bool(0.3);
    if lifecycle {
        item["lifecycleEvent"] = json!("subscriptionRemoved");
    }
    let body = match rng.random_range(0..12) {
        0 => "{\"value\":[{]}".to_owned(),
        1 => "[".repeat(100),
        _ => json!({"value": [item]}).to_string(),
    };
    let path = if lifecycle { "/lifecycle" } else { "/notifications" };
    Letter { forged: true, ..Letter::new(path, body, universe.now()) }
}

/// The handshake that a call waits for.
fn ticket(universe: &Universe, op: u64) -> Option<u64> {
    let ops = universe.ops.borrow();
    let op = ops.get(&op).filter(|op| op.what.kind == Kind::Prove && matches!(op.stage, Stage::Issued))?;
    op.what.about.parse().ok()
}

/// Hands shaken well, if a call waits for that.
pub(crate) fn shake_hands_for(universe: &Universe, fleet: &mut Fleet, op: u64) {
    if let Some(ticket) = ticket(universe, op) {
        shake_hands(universe, fleet, ticket, Shake::Well);
    }
}

/// Hands over one letter, or ends one handshake; nothing goes wrong.
pub(crate) fn deliver_calmly(universe: &Universe, fleet: &mut Fleet) -> bool {
    if !universe.post.is_on() {
        return false;
    }
    universe.collect().into_iter().for_each(|letter| universe.post.carry(letter));
    if let Some(ticket) = universe.post.orphan() {
        shake_hands(universe, fleet, ticket, Shake::Well);
        let _ = universe.proven(ticket);
        return true;
    }
    let Some(letter) = universe.post.due(universe.now(), 0) else { return false };
    fleet.invoke(Function::Receiver, Work::Request(letter));
    calm(universe, fleet);
    true
}

/// A quarter of an hour with a sync, a look at all subscriptions, and every tick of the dispatcher until it is over: each room that listens
/// has one of its own.
pub(crate) fn round(universe: &Universe, fleet: &mut Fleet, is_over: impl Fn() -> bool) {
    pass(universe, TimeDelta::seconds(60));
    universe.post.looked_at.set(Some(universe.now()));
    for function in [Function::Sync, Function::Keeper, Function::Dispatcher] {
        fleet.invoke(function, Work::Tick(universe.now()));
        calm(universe, fleet);
    }
    drain(universe, fleet);
    for _ in 0..840 / TICK_SECONDS {
        if is_over() {
            break;
        }
        pass(universe, TimeDelta::seconds(TICK_SECONDS.into()));
        fleet.invoke(Function::Dispatcher, Work::Tick(universe.now()));
        calm(universe, fleet);
        drain(universe, fleet);
    }
}

/// Time until the daily look has come; sometimes until subscriptions are to be renewed, too.
pub(crate) fn a_day(universe: &Universe) -> TimeDelta {
    TimeDelta::hours(if universe.post.long.get() { 100 } else { 25 })
}

/// What is not as I18 wants it: each room that is wanted has one live subscription, its row knows it, and nobody else has any.
pub(crate) fn unsubscribed(universe: &Universe, companies: &[Company]) -> Vec<String> {
    let mut all = Vec::new();
    if !universe.post.is_on() {
        return all;
    }
    // What has become due since then waits for the next look.
    let looked_at = universe.post.looked_at.get().unwrap_or_default();
    let mut live: BTreeMap<(String, String), Vec<(String, Instant)>> = BTreeMap::new();
    for own in universe.twin.borrow().subscriptions().filter(|own| own.notification_url.starts_with(HOST)) {
        let place = (own.tenant.to_string(), own.mailbox.to_string());
        live.entry(place).or_default().push((own.id.clone(), own.expires));
    }
    for company in companies {
        for seat in company.selected() {
            let room = RoomRef::new(company.config.tenant.clone(), RoomId::new(&seat.id));
            let held = live.remove(&(company.id.to_owned(), seat.id.clone())).unwrap_or_default();
            let cursor = universe.store.cursor(&room).now_or_never().and_then(Result::ok).flatten();
            let row = cursor.as_ref().and_then(|cursor| cursor.listening.as_ref());
            match (held.as_slice(), row) {
                ([(id, expires)], Some(row)) if *id == row.subscription_id => {
                    if looked_at >= renew_at(&room, &Listening { expires_at: *expires, ..row.clone() }) {
                        all.push(format!("I18: the subscription of {} was not renewed", seat.name));
                    }
                }
                (held, row) => all.push(format!(
                    "I18: {} has {} subscriptions, its row knows {}; refused: {:?}",
                    seat.name,
                    held.len(),
                    if row.is_some() { "another" } else { "none" },
                    cursor.as_ref().and_then(|cursor| cursor.refusal.as_ref())
                )),
            }
        }
    }
    for (tenant, mailbox) in live.keys() {
        all.push(format!("I18: tenant {tenant} has a subscription of {mailbox}, which nobody wants"));
    }
    all
}
