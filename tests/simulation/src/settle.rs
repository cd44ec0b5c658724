//! The second phase: nothing goes wrong any more, and within four rounds the tables must equal the calendars; what delta never told is
//! found by the daily look. Most histories end as soon as that is so; some live through every round, to see that it stays so.

use crate::company::Company;
use crate::fleet::{Fleet, Function, TICK_SECONDS, Work};
use crate::history::CARRIED;
use crate::universe::{Fate, Harm, Kind, Stage, Universe};
use chrono::{Days, TimeDelta};
use futures::FutureExt;
use roomsync_domain::booking::{Booking, BookingState, Origin, Status};
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::tenant::Take;
use roomsync_domain::writing::{Writing, code};
use roomsync_domain::{Instant, RoomId, RoomRef, Span, time::end_of_time, zone};
use roomsync_ports::{BookingStore, RoomStore};
use roomsync_testkit::{Lane, Message};
use roomsync_twin::Instance;
use roomsync_twin::calendar::{Sensitivity, ShowAs, Window};
use std::collections::BTreeMap;

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

/// What people see of an entry: the oracle's projection, made without the planner's.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    start: Instant,
    end: Instant,
    tentative: bool,
    private: bool,
    all_day: Option<(chrono::NaiveDate, chrono::NaiveDate)>,
    kind: &'static str,
    uid: Option<String>,
    subject: Option<String>,
    organizer: Option<String>,
    room: String,
}

impl Seen {
    /// What people may see of it if it is private.
    fn hide(&mut self) {
        self.private = true;
        (self.subject, self.organizer) = (None, None);
    }
}

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
fn sweep(universe: &Universe, fleet: &mut Fleet) {
    if !universe.ledger.borrow().people.is_empty() {
        fleet.invoke(Function::Writer, Work::Tick(universe.now()));
        calm(universe, fleet);
    }
}

/// What the writer puts off comes due: eighty minutes with ticks and nothing else in which nothing is told any more, or until nothing is put
/// off. With ticks so far apart a room has been looked at often enough only after an hour for its receipt to say that it does not answer, and
/// what it answers then is known to the writer an hour later. Tells whether anything was.
fn patience(universe: &Universe, fleet: &mut Fleet, thorough: bool) -> bool {
    let mut quiet = 0;
    for time in 0..MOST_PASSES {
        if !thorough && universe.store.writings().iter().all(Writing::is_settled) {
            return time > 0;
        }
        let told = universe.watch.borrow().records;
        pass(universe, TimeDelta::minutes(10));
        sweep(universe, fleet);
        drain(universe, fleet);
        let is_quiet = thorough || universe.watch.borrow().records == told;
        quiet = if is_quiet { quiet + 1 } else { 0 };
        if quiet == QUIET_PASSES {
            break;
        }
    }
    true
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

fn rooms(universe: &Universe, company: &Company) -> Vec<Room> {
    let rooms = universe.store.rooms(&company.config.tenant).now_or_never();
    rooms.and_then(Result::ok).unwrap_or_default()
}

/// I15: every difference between the tables and the companies' directories and calendars.
fn differences(universe: &Universe, companies: &[Company]) -> Vec<String> {
    let mut all = Vec::new();
    for company in companies {
        let stored = rooms(universe, company);
        let selected = company.selected();
        for seat in &selected {
            let room = RoomRef::new(company.config.tenant.clone(), RoomId::new(&seat.id));
            match stored.iter().find(|row| row.room == room) {
                Some(row)
                    if row.state.status == RoomStatus::Active
                        && row.state.display_name == seat.name
                        && row.state.email == seat.address =>
                {
                    compare_room(universe, company, row, &mut all);
                }
                found => all.push(format!(
                    "I15: room {} at {} is {:?}",
                    seat.name,
                    seat.address,
                    found.map(|row| (&row.state.status, &row.state.display_name, &row.state.email))
                )),
            }
        }
        for row in stored.iter().filter(|row| !selected.iter().any(|seat| seat.id == row.room.room.as_str()))
        {
            let name = &row.state.display_name;
            if row.state.status == RoomStatus::Active {
                all.push(format!("I15: room {name} is active"));
            }
            let ahead = |booking: &&Booking| booking.is_live() && booking.state.span.end > universe.now();
            let left = bookings(universe, &row.room).iter().filter(ahead).count();
            if left > 0 {
                all.push(format!("I15: removed room {name} has {left} bookings"));
            }
        }
    }
    all
}

fn bookings(universe: &Universe, room: &RoomRef) -> Vec<Booking> {
    let rows = universe.store.bookings(room, None, end_of_time()).now_or_never();
    rows.and_then(Result::ok).unwrap_or_default()
}

fn compare_room(universe: &Universe, company: &Company, room: &Room, all: &mut Vec<String>) {
    let name = &room.state.display_name;
    let cursor = universe.store.cursor(&room.room).now_or_never().and_then(Result::ok).flatten();
    let Some(window) = cursor.and_then(|cursor| cursor.window) else {
        return all.push(format!("I15: room {name} was never copied"));
    };
    let mut truth = truth(universe, company, room, window);
    let deaf = universe.watch.borrow().readdressed.contains(room.room.room.as_str());
    let mut held: BTreeMap<String, Seen> = BTreeMap::new();
    let (rows, writings) = (bookings(universe, &room.room), universe.store.writings());
    for row in &rows {
        let Some(id) = row.state.event_id.as_ref().map(ToString::to_string) else { continue };
        // The receipt says that the room does not answer or has yet to let go, and a room that has another address hears of neither.
        let silent = row.state.failure.as_ref().is_some_and(|why| why.code == code::NO_ANSWER);
        if deaf && (silent || row.state.status == Status::Pending) {
            truth.remove(&id);
            continue;
        }
        if deaf && row.state.origin == Origin::Command {
            // What a command has renamed since keeps its old name there.
            truth.entry(id.clone()).and_modify(|entry| entry.subject.clone_from(&row.state.subject));
        }
        if row.is_live() && is_private(row, &rows, &writings) {
            // It stays so although the room clears the flag of its copy.
            truth.entry(id.clone()).and_modify(Seen::hide);
        }
        let inside = row.state.span.overlaps(&window);
        // What has passed with a removed room stays ended for ever.
        if row.is_live() && inside && held.insert(id.clone(), seen(&row.state)).is_some() {
            all.push(format!("I15: {name} holds {id} twice"));
        }
    }
    if deaf {
        // What a command has made under the old address is left alone as long as its booking is under way, and nobody hears that it goes.
        let ledger = universe.ledger.borrow();
        let recurs = |writing: &Writing| {
            let wanted = writing.desired.as_ref().is_some_and(|meeting| meeting.recurrence.is_some());
            let known = writing.base.as_ref().is_some_and(|content| content.recurrence.is_some());
            writing.room_ref() == room.room && (wanted || known)
        };
        // Occurrences need not have the id of their series.
        let series = universe.store.writings().iter().any(|writing| !writing.is_settled() && recurs(writing));
        let is_ours = |entry: &Seen| {
            entry.uid.as_ref().is_some_and(|uid| ledger.made.contains(uid))
                || series && entry.kind != "single"
        };
        truth.retain(|id, entry| held.contains_key(id) || !is_ours(entry));
    }
    for (id, entry) in &truth {
        match held.get(id) {
            None => all.push(format!("I15: {name} lacks the entry at {}", entry.start)),
            Some(row) if row != entry => {
                all.push(format!("I15: {name} holds {row:?}, should hold {entry:?}"));
            }
            Some(_) => {}
        }
    }
    for (_, row) in held.iter().filter(|(id, _)| !truth.contains_key(*id)) {
        all.push(format!("I15: {name} holds a booking at {} that is gone", row.start));
    }
}

/// Whether a command has made it private: it, or the first instance of its series.
fn is_private(row: &Booking, rows: &[Booking], writings: &[Writing]) -> bool {
    let same_series =
        |other: &&Booking| row.state.series_id.is_some() && other.state.series_id == row.state.series_id;
    let wanted = |row: &Booking| {
        let writing =
            writings.iter().find(|writing| writing.room_ref() == row.room && writing.booking == row.id)?;
        // Where the room has been given back, it shows what it was not told to let go of.
        writing.desired.as_ref().filter(|_| writing.leaving.is_none()).map(|meeting| meeting.private)
    };
    let said = wanted(row).or_else(|| rows.iter().filter(same_series).find_map(wanted));
    row.state.origin == Origin::Command
        && said.unwrap_or(row.state.private_by == roomsync_domain::booking::PrivateBy::Command)
}

fn seen(state: &BookingState) -> Seen {
    Seen {
        start: state.span.start,
        end: state.span.end,
        tentative: state.status == Status::Tentative,
        private: state.is_private(),
        all_day: state.all_day,
        kind: match state.kind {
            roomsync_domain::booking::Kind::Single => "single",
            roomsync_domain::booking::Kind::Occurrence => "occurrence",
            roomsync_domain::booking::Kind::Exception => "exception",
        },
        uid: state.ical_uid.clone(),
        subject: state.subject.clone(),
        organizer: state.organizer_email.clone(),
        room: state.room_email.clone(),
    }
}

/// What the table should hold of a calendar, from the twin's plain truth.
fn truth(universe: &Universe, company: &Company, room: &Room, window: Span) -> BTreeMap<String, Seen> {
    let slack = Days::new(3);
    let wide = Window { from: window.start - slack, to: window.end + slack };
    let instances =
        universe.twin.borrow().truth(company.id, room.room.room.as_str(), wide).unwrap_or_default();
    let home = zone::find(&room.state.settings.time_zone).unwrap_or(zone::Tz::UTC);
    let entry = |instance: Instance| {
        let (start, end) = match instance.days {
            Some((first, after)) => (zone::midnight(first, home), zone::midnight(after, home)),
            None => (instance.start, instance.end),
        };
        let private = instance.sensitivity != Sensitivity::Normal;
        let may = |take: Take| take == Take::UnlessPrivate && !private;
        let seen = Seen {
            start,
            end,
            tentative: instance.show_as == ShowAs::Tentative,
            private,
            all_day: instance.days,
            kind: instance.kind,
            uid: Some(instance.uid),
            subject: Some(instance.subject)
                .filter(|text| may(company.config.privacy.subject) && !text.trim().is_empty()),
            organizer: Some(instance.organizer).filter(|_| may(company.config.privacy.organizer)),
            room: room.state.email.clone(),
        };
        (!instance.cancelled && Span::new(start, end).overlaps(&window)).then_some((instance.id, seen))
    };
    instances.into_iter().filter_map(entry).collect()
}
