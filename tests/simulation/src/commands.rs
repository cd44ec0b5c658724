//! What programs send, and what people do in Outlook to the meetings that come of it.

use crate::company::Company;
use crate::faults::Mix;
use crate::universe::Universe;
use crate::watch::CANARY;
use chrono::{Days, NaiveDateTime, NaiveTime, TimeDelta};
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use roomsync_command::{Action, BookingCommand, Moment, Recurrence};
use roomsync_domain::tenant::Organizer;
use roomsync_testkit::Lane;
use roomsync_twin::outlook;
use roomsync_twin::{Tuning, UserSpec};
use serde_json::json;

/// People who organize, and the mailbox that organizes for all; each tenant has its own.
const PEOPLE: [[&str; 3]; 2] = [
    ["megan@one.example", "olu@one.example", "service@one.example"],
    ["mia@two.example", "otto@two.example", "service@two.example"],
];
/// Who has no mailbox.
const NOBODY: [&str; 2] = ["nobody@one.example", "nobody@two.example"];
/// Zones by both kinds of names.
const ZONES: [&str; 4] = ["Europe/Paris", "Eastern Standard Time", "UTC", "Asia/Tokyo"];
/// Bookings of one history.
const MOST: usize = 6;

/// What programs and people do with commands, and what may become of it.
pub(crate) const PATHS: &[&str] = &[
    "command: create",
    "command: update",
    "command: another room",
    "command: cancel",
    "command: release",
    "command: series",
    "command: all day",
    "command: private",
    "command: turns private",
    "command: turns public",
    "command: unknown organizer",
    "command: the same again",
    "command: not a command",
    "command: unknown tenant",
    "command: unknown room",
    "user: moves what a command made",
    "user: renames what a command made",
    "user: cancels what a command made",
    "user: deletes the room's copy of what a command made",
    "user: the room declines what a command made",
    "path: command accepted",
    "path: command refused",
    "path: the fence refused a writing",
    "path: booking claimed",
    "path: a new life",
    "path: writing given up",
    "path: writing settled",
];

/// A booking as its sender knows it.
struct Booked {
    company: usize,
    id: String,
    room: usize,
    organizer: &'static str,
    private: bool,
    /// What its words are never seen outside of the calendar.
    secret: bool,
    /// A command has made its words public, and may come once more.
    told: bool,
    series: bool,
}

/// The programs that send commands.
pub(crate) struct Desk {
    booked: Vec<Booked>,
    sent: Vec<(String, String, String)>,
    count: u32,
    future: u32,
    sends: u32,
    touches: u32,
}

impl Desk {
    /// Makes organizers known, and says whose calendars meetings are made in.
    pub(crate) fn open(
        universe: &Universe,
        companies: &mut [Company],
        rng: &mut SmallRng,
        future: u32,
        busy: bool,
    ) -> Self {
        Self::equip(universe, companies);
        for (number, company) in companies.iter_mut().enumerate() {
            company.config.organizer = match rng.random_range(0..8) {
                0 => Organizer::Mailbox(PEOPLE[number][2].to_owned()),
                1 => Organizer::Room,
                _ => Organizer::User,
            };
            company.publish(universe);
        }
        let tuning = universe.twin.borrow().tuning().clone();
        universe.twin.borrow_mut().tune(Tuning {
            invitation_ms: *[500, 500, 40_000].choose(rng).unwrap_or(&500),
            attendant_ms: *[1000, 1000, 90_000].choose(rng).unwrap_or(&1000),
            settling_ms: *[None, Some(4000)].choose(rng).unwrap_or(&None),
            duplicate_status: *[409, 400].choose(rng).unwrap_or(&409),
            duplicate_names_event: rng.random_bool(0.5),
            remember_deleted: rng.random_bool(0.5),
            ..tuning
        });
        // Of a thousand steps.
        let (sends, touches) = if busy { (44, 20) } else { (24, 10) };
        Self { booked: Vec::new(), sent: Vec::new(), count: 0, future, sends, touches }
    }

    /// Gives companies people who organize.
    pub(crate) fn equip(universe: &Universe, companies: &[Company]) {
        for (number, company) in companies.iter().enumerate() {
            for address in PEOPLE[number] {
                let user = UserSpec { address: address.to_owned(), ..UserSpec::default() };
                let id = universe.twin.borrow_mut().put_user(company.id, user);
                let mut ledger = universe.ledger.borrow_mut();
                ledger.ids.extend(id.map(|id| (id.to_string(), company.id.to_owned())));
                ledger.people.insert(address.to_owned(), company.id.to_owned());
            }
            universe.ledger.borrow_mut().people.insert(NOBODY[number].to_owned(), company.id.to_owned());
        }
    }

    /// Perhaps a program sends something, or a person touches what came of it. Tells whether.
    pub(crate) fn step(
        &mut self,
        universe: &Universe,
        companies: &[Company],
        mix: &Mix,
        rng: &mut SmallRng,
    ) -> bool {
        match rng.random_range(0..1000) {
            roll if roll < self.sends => self.send(universe, companies, rng),
            roll if roll < self.sends + self.touches && mix.has("user: touches what a command made") => {
                edit(universe, companies, rng);
            }
            _ => return false,
        }
        true
    }

    fn send(&mut self, universe: &Universe, companies: &[Company], rng: &mut SmallRng) {
        let known = self.booked.len();
        let roll = rng.random_range(0..100);
        if known == 0 || (known < MOST && roll < 35) {
            return self.create(universe, companies, rng);
        }
        if (35..45).contains(&roll)
            && let Some((group, id, body)) = self.sent.choose(rng).cloned()
        {
            universe.count("command: the same again");
            // Deduplication is over, or another sender repeats it.
            let mark = format!("{id} again {}", universe.step.get());
            return universe.queue.send(Lane::Commands, &group, &mark, &body);
        }
        if (45..52).contains(&roll) {
            return self.nonsense(universe, rng);
        }
        let pick = rng.random_range(0..known);
        match roll {
            52..62 => self.plain(universe, companies, pick, Action::Cancel, "command: cancel"),
            62..66 => self.plain(universe, companies, pick, Action::Release, "command: release"),
            66..72 => self.whole(universe, companies, pick, rng),
            _ => self.update(universe, companies, pick, rng),
        }
    }

    fn command(&mut self, companies: &[Company], pick: usize, action: Action) -> BookingCommand {
        self.count += 1;
        let booked = &self.booked[pick];
        BookingCommand::new(
            action,
            &format!("command-{}", self.count),
            companies[booked.company].id,
            &booked.id,
        )
    }

    fn put(&mut self, universe: &Universe, command: &BookingCommand, name: &'static str) {
        universe.count(name);
        universe.story.say(|| {
            let when = command.start.as_ref().map(|start| start.date_time.clone());
            format!("program: {name} {} as {} {when:?}", command.booking_id, command.command_id)
        });
        let Ok(body) = serde_json::to_string(command) else { return };
        universe.queue.send(Lane::Commands, &command.booking_id, &command.command_id, &body);
        universe.ledger.borrow_mut().sent(command);
        self.sent.push((command.booking_id.clone(), command.command_id.clone(), body));
    }

    fn create(&mut self, universe: &Universe, companies: &[Company], rng: &mut SmallRng) {
        let company = rng.random_range(0..companies.len());
        let private = rng.random_bool(0.25);
        let secret = private && !companies[company].rewrites();
        let booked = Booked {
            company,
            id: format!("app-{}", self.booked.len() + 1),
            room: rng.random_range(0..companies[company].rooms.len()),
            organizer: PEOPLE[company][rng.random_range(0..2)],
            private,
            secret,
            told: false,
            series: companies[company].config.organizer != Organizer::Room && rng.random_bool(0.2),
        };
        self.booked.push(booked);
        self.whole_of(universe, companies, self.booked.len() - 1, private, rng);
    }

    fn whole(&mut self, universe: &Universe, companies: &[Company], pick: usize, rng: &mut SmallRng) {
        let private = self.booked[pick].secret;
        self.booked[pick].private = private;
        self.whole_of(universe, companies, pick, private, rng);
    }

    fn whole_of(
        &mut self,
        universe: &Universe,
        companies: &[Company],
        pick: usize,
        private: bool,
        rng: &mut SmallRng,
    ) {
        let mut command = self.command(companies, pick, Action::Create);
        let booked = &self.booked[pick];
        let seat = &companies[booked.company].rooms[booked.room];
        let (start, end, all_day) = times(universe, rng, self.future);
        let zone = ZONES.choose(rng).unwrap_or(&"UTC");
        let word = if booked.secret { CANARY } else { "Review" };
        command.subject = Some(format!("{word} {}", self.count));
        command.organizer_email = Some(booked.organizer.to_owned());
        if rng.random_bool(0.5) {
            command.room_id = Some(seat.id.clone());
        } else {
            command.room_email = Some(seat.address.clone());
        }
        command.start = Some(moment(start, zone));
        command.end = Some(moment(end, zone));
        command.is_all_day = all_day.then_some(true);
        command.is_private = private.then_some(true);
        if rng.random_bool(0.3) {
            command.attendees = Some(vec![format!("{word}.guest@shared.example").to_lowercase()]);
        }
        let mut name = "command: create";
        if all_day {
            name = "command: all day";
        }
        if private {
            name = "command: private";
        }
        if booked.series && (end - start) < TimeDelta::days(1) {
            name = "command: series";
            command.recurrence = series(start, rng);
        }
        if rng.random_bool(0.04) {
            name = "command: unknown organizer";
            command.organizer_email = Some(NOBODY[booked.company].to_owned());
        }
        universe.count("command: create");
        self.put(universe, &command, name);
    }

    fn plain(
        &mut self,
        universe: &Universe,
        companies: &[Company],
        pick: usize,
        action: Action,
        name: &'static str,
    ) {
        let mut command = self.command(companies, pick, action);
        let booked = &self.booked[pick];
        command.room_id = Some(companies[booked.company].rooms[booked.room].id.clone());
        self.put(universe, &command, name);
    }

    fn update(&mut self, universe: &Universe, companies: &[Company], pick: usize, rng: &mut SmallRng) {
        let mut command = self.command(companies, pick, Action::Update);
        let booked = &mut self.booked[pick];
        // Without a draw: the seeds that are kept go on telling their stories. Where the room keeps the flag, a copy that still bears it when
        // the command says otherwise, or has failed, leaves the booking private for good.
        let company = &companies[booked.company];
        let may_turn = company.rewrites() && company.config.organizer != Organizer::Room;
        let turns = self.count.is_multiple_of(3) && !booked.secret && may_turn;
        if turns {
            booked.private = !booked.private;
            booked.told |= !booked.private;
            booked.secret = booked.private && self.count.is_multiple_of(2) && !booked.told;
            command.is_private = Some(booked.private);
        }
        if booked.secret {
            // The command that was to turn it private may have been refused.
            command.is_private = Some(true);
        }
        let word = if booked.secret { CANARY } else { "Changed" };
        let mut name = "command: update";
        match rng.random_range(0..8) {
            0..3 if !booked.series => {
                let (start, end, all_day) = times(universe, rng, self.future);
                let zone = ZONES.choose(rng).unwrap_or(&"UTC");
                command.start = Some(moment(start, zone));
                command.end = Some(moment(end, zone));
                command.is_all_day = Some(all_day);
            }
            3 => command.attendees = Some(vec![format!("{word}.more@shared.example").to_lowercase()]),
            4 => {
                let rooms = companies[booked.company].rooms.len();
                booked.room = rng.random_range(0..rooms);
                command.room_id = Some(companies[booked.company].rooms[booked.room].id.clone());
                name = "command: another room";
            }
            _ => command.subject = Some(format!("{word} {}", self.count)),
        }
        if turns {
            name = if booked.private { "command: turns private" } else { "command: turns public" };
        }
        self.put(universe, &command, name);
    }

    /// What is no command, or one for nobody.
    fn nonsense(&mut self, universe: &Universe, rng: &mut SmallRng) {
        self.count += 1;
        let id = format!("nonsense-{}", self.count);
        let (name, body) = match rng.random_range(0..3) {
            0 => ("command: not a command", json!({"schemaVersion": 1, "action": "create"})),
            1 => (
                "command: unknown tenant",
                json!({"schemaVersion": 1, "commandId": id, "action": "cancel", "bookingId": "app-1",
                    "tenantId": "00000000-0000-0000-0000-000000000001"}),
            ),
            _ => (
                "command: unknown room",
                json!({"schemaVersion": 1, "commandId": id, "action": "create", "bookingId": "lost",
                    "tenantId": crate::company::TENANTS[0], "roomEmail": "nowhere@shared.example",
                    "start": {"dateTime": "2026-02-09T10:00:00", "timeZone": "UTC"},
                    "end": {"dateTime": "2026-02-09T11:00:00", "timeZone": "UTC"}}),
            ),
        };
        universe.count(name);
        universe.ledger.borrow_mut().nonsense += 1;
        universe.queue.send(Lane::Commands, "app-1", &id, &body.to_string());
    }
}

fn moment(at: NaiveDateTime, zone: &str) -> Moment {
    Moment::new(&at.format("%Y-%m-%dT%H:%M:%S").to_string(), zone)
}

/// From, to, and whether whole days are meant.
fn times(universe: &Universe, rng: &mut SmallRng, future: u32) -> (NaiveDateTime, NaiveDateTime, bool) {
    let today = universe.now().date_naive();
    // Sometimes beyond the window, never over.
    let ahead = *[2, 3, 4, 5, u64::from(future) - 2, u64::from(future) + 3].choose(rng).unwrap_or(&2);
    let day = today + Days::new(ahead);
    if rng.random_bool(0.12) {
        let midnight = |day: chrono::NaiveDate| day.and_time(NaiveTime::MIN);
        return (midnight(day), midnight(day + Days::new(rng.random_range(1..3))), true);
    }
    // No time that clocks skip or repeat.
    let start = day.and_time(NaiveTime::MIN) + TimeDelta::minutes(30 * rng.random_range(12..36));
    (start, start + TimeDelta::minutes(*[30, 60, 120].choose(rng).unwrap_or(&60)), false)
}

fn series(start: NaiveDateTime, rng: &mut SmallRng) -> Option<Recurrence> {
    let range = json!({"type": "numbered", "startDate": start.date().to_string(),
        "numberOfOccurrences": rng.random_range(2..6)});
    serde_json::from_value(json!({"pattern": {"type": "daily", "interval": 1}, "range": range})).ok()
}

/// A person changes a meeting that a command has made, at its organizer or in the room.
fn edit(universe: &Universe, companies: &[Company], rng: &mut SmallRng) {
    let made: Vec<_> = universe.made_by_commands();
    let Some(made) = made.choose(rng) else { return };
    let Some(company) = companies.iter().find(|company| company.id == made.tenant) else { return };
    let room = company.rooms.choose(rng).map(|seat| seat.address.clone()).unwrap_or_default();
    let meeting = made.uid.clone();
    let (name, action, ends) = match rng.random_range(0..10) {
        0..3 if !made.series => {
            let start = if rng.random_bool(0.3) {
                times(universe, rng, company.config.window.future_days).0
            } else {
                made.start.naive_utc() + TimeDelta::hours(rng.random_range(1..5))
            };
            let end = start + (made.end - made.start);
            ("user: moves what a command made", outlook::Action::Move { meeting, start, end }, false)
        }
        0..5 => {
            let subject = if made.secret { format!("{CANARY} by hand") } else { "By hand".to_owned() };
            ("user: renames what a command made", outlook::Action::ChangeSubject { meeting, subject }, false)
        }
        5..8 => ("user: cancels what a command made", outlook::Action::Cancel { meeting }, true),
        8 => (
            "user: deletes the room's copy of what a command made",
            outlook::Action::Delete { meeting, room: Some(room) },
            false,
        ),
        _ => {
            ("user: the room declines what a command made", outlook::Action::Refuse { meeting, room }, false)
        }
    };
    let done = universe.twin.borrow_mut().act(universe.now(), company.id, action);
    if done.is_ok() {
        universe.count(name);
        universe.count("user: touches what a command made");
        universe.story.say(|| format!("{name}: {}", made.booking));
        universe.touched(made, ends);
        universe.calendars_changed();
    }
}
