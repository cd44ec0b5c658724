//! What people do in Outlook.

use crate::company::Company;
use crate::faults::Mix;
use crate::universe::Universe;
use crate::watch::CANARY;
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use roomsync_domain::tenant::Take;
use roomsync_twin::Trap;
use roomsync_twin::calendar::{Recurrence, Sensitivity, ShowAs, Span, Zone};
use roomsync_twin::outlook::{Action, Meeting};

const ZONES: [&str; 4] = ["UTC", "Romance Standard Time", "Eastern Standard Time", "Tokyo Standard Time"];

impl Company {
    /// Somebody does this.
    pub(crate) fn act(&self, universe: &Universe, action: Action) -> String {
        universe.story.say(|| format!("user of {}: {}", universe.name_of(self.id), told(&action)));
        let done = universe.twin.borrow_mut().act(universe.now(), self.id, action);
        universe.calendars_changed();
        done.unwrap_or_else(|refused| {
            universe.wrong(format!("the script cannot be played: {refused}"));
            String::new()
        })
    }

    /// Somebody does something. Gives its name for the tally.
    pub(crate) fn work(
        &mut self,
        universe: &Universe,
        rng: &mut SmallRng,
        mix: &Mix,
        future: u32,
    ) -> &'static str {
        let known = self.meetings.choose(rng).cloned();
        let (name, action, booked) = match known.filter(|_| rng.random_bool(0.68)) {
            Some(meeting) => self.change(universe, rng, future, meeting),
            None => {
                let (meeting, day, secret) = self.meeting(universe, rng, future);
                if rng.random_bool(0.12) {
                    let room = self.address(rng);
                    let meeting = Meeting { rooms: Vec::new(), ..meeting };
                    (
                        "user: appointment in the room's calendar",
                        Action::Appoint { room, meeting },
                        Some((day, secret)),
                    )
                } else {
                    ("user: meeting booked", Action::Book { meeting }, Some((day, secret)))
                }
            }
        };
        universe.story.say(|| format!("user of {}: {}", universe.name_of(self.id), told(&action)));
        let mut twin = universe.twin.borrow_mut();
        if let Some((trap, misfortune)) = loss(&action)
            && mix.strikes(rng, misfortune)
        {
            twin.set_trap(trap, None, 1.0);
            universe.tally.borrow_mut().count(misfortune);
            universe.story.say(|| misfortune.to_owned());
        }
        let done = twin.act(universe.now(), self.id, action);
        twin.set_trap(Trap::LostRemoval, None, 0.0);
        twin.set_trap(Trap::LostOccurrence, None, 0.0);
        drop(twin);
        match done {
            Ok(uid) => {
                if let Some((day, secret)) = booked {
                    self.meetings.push((uid, day, secret));
                }
                universe.calendars_changed();
                name
            }
            Err(refused) => {
                universe.story.say(|| format!("    refused: {refused}"));
                "user: refused"
            }
        }
    }

    /// Somebody drags what lies in a room's calendar to another folder and back. Tells whether there was anything.
    pub(crate) fn carry(&self, universe: &Universe, rng: &mut SmallRng) -> bool {
        let room = self.address(rng);
        let held = universe.twin.borrow().entries(self.id, &room, false).unwrap_or_default();
        let Some(entry) = held.choose(rng) else { return false };
        self.act(universe, Action::Carry { meeting: entry.uid.clone(), room });
        true
    }

    fn address(&self, rng: &mut SmallRng) -> String {
        self.rooms.choose(rng).map(|seat| seat.address.clone()).unwrap_or_default()
    }

    fn day(universe: &Universe, rng: &mut SmallRng, future: u32) -> NaiveDate {
        let today = universe.now().date_naive();
        // Mostly near, sometimes at the edges of the window.
        match rng.random_range(0..10) {
            0 => today - Days::new(rng.random_range(0..4)),
            1 => today + Days::new(u64::from(future) + rng.random_range(0..6)) - Days::new(3),
            2..=5 => today + Days::new(rng.random_range(0..3)),
            _ => today + Days::new(rng.random_range(0..u64::from(future) + 2)),
        }
    }

    /// A time for a meeting. One in twelve lasts for days and reaches over the beginning of the window.
    fn when(universe: &Universe, rng: &mut SmallRng, future: u32) -> (NaiveDateTime, NaiveDateTime) {
        if !rng.random_bool(1.0 / 12.0) {
            return Self::time(Self::day(universe, rng, future), rng);
        }
        let yesterday = universe.now().date_naive() - Days::new(1);
        let (start, _) = Self::time(yesterday - Days::new(rng.random_range(1..5)), rng);
        let after = TimeDelta::minutes(30 * rng.random_range(1..96));
        (start, yesterday.and_time(NaiveTime::MIN) + after)
    }

    fn time(day: NaiveDate, rng: &mut SmallRng) -> (NaiveDateTime, NaiveDateTime) {
        let start = day.and_time(NaiveTime::MIN) + TimeDelta::minutes(30 * rng.random_range(0..48));
        (start, start + TimeDelta::minutes(*[30, 60, 60, 240, 1500].choose(rng).unwrap_or(&60)))
    }

    /// A meeting, its first day, and whether its subject must never be seen.
    fn meeting(&self, universe: &Universe, rng: &mut SmallRng, future: u32) -> (Meeting, NaiveDate, bool) {
        let (start, end) = Self::when(universe, rng, future);
        let day = start.date();
        let zone = Zone::named(ZONES.choose(rng).unwrap_or(&"UTC")).unwrap_or_else(|_| Zone::utc());
        let span = if rng.random_bool(0.15) {
            let days = Days::new(rng.random_range(1..3));
            let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN);
            Span { start: midnight(day), end: midnight(day + days), zone, all_day: true }
        } else {
            Span { start, end, zone, all_day: false }
        };
        let private = rng.random_bool(0.3);
        let never =
            self.config.privacy.subject == Take::Never && self.config.privacy.organizer == Take::Never;
        let secret = (private || (never && self.never_took)) && !self.rewrites();
        let organizer = if secret { "canary.person@shared.example" } else { "ana.lima@shared.example" };
        let number = self.meetings.len();
        let subject = if secret { format!("{CANARY} {number}") } else { format!("Planning {number}") };
        let mut meeting = Meeting::new(organizer, &subject, span).at(&self.address(rng));
        meeting.body = format!("{CANARY} body");
        meeting.attendees = vec![format!("{CANARY}.guest@shared.example")];
        if private {
            meeting = meeting.private();
        }
        if rng.random_bool(0.08) {
            meeting.show_as = ShowAs::Tentative;
        }
        let long = rng.random_bool(0.06);
        let lasts_for_days = end - start > TimeDelta::minutes(1500);
        match rng.random_range(0..5) {
            _ if lasts_for_days => {}
            0 => meeting = meeting.repeats(Recurrence::weekly(day, 1).times(rng.random_range(2..8))),
            1 => {
                let times = if long { 40 } else { rng.random_range(2..9) };
                meeting = meeting.repeats(Recurrence::daily(day, 1).times(times));
            }
            _ => {}
        }
        (meeting, day, secret)
    }

    fn change(
        &mut self,
        universe: &Universe,
        rng: &mut SmallRng,
        future: u32,
        (meeting, first, secret): (String, NaiveDate, bool),
    ) -> (&'static str, Action, Option<(NaiveDate, bool)>) {
        let date = first + Days::new(rng.random_range(0..8));
        let subject =
            if secret { format!("{CANARY} again") } else { format!("Talk {}", rng.random_range(0..100)) };
        let (start, end) = Self::when(universe, rng, future);
        match rng.random_range(0..16) {
            0..=2 => ("user: meeting moved", Action::Move { meeting, start, end }, None),
            3 | 4 => {
                let (start, end) = Self::time(date, rng);
                ("user: occurrence moved", Action::MoveOccurrence { meeting, date, start, end }, None)
            }
            5 | 6 => ("user: occurrence deleted", Action::DeleteOccurrence { meeting, date }, None),
            7 => {
                ("user: occurrence renamed", Action::ChangeOccurrenceSubject { meeting, date, subject }, None)
            }
            8 | 9 => ("user: meeting cancelled", Action::Cancel { meeting }, None),
            10 => ("user: copy deleted", Action::Delete { meeting, room: Some(self.address(rng)) }, None),
            11 => {
                let (then, day, secret) = self.meeting(universe, rng, future);
                (
                    "user: this and following",
                    Action::EndSeries { meeting, date, then: Some(Box::new(then)) },
                    Some((day, secret)),
                )
            }
            12 => {
                let sensitivity =
                    if secret || rng.random_bool(0.5) { Sensitivity::Private } else { Sensitivity::Normal };
                ("user: private flag changed", Action::SetSensitivity { meeting, sensitivity }, None)
            }
            13 => {
                ("user: room changed", Action::ChangeRooms { meeting, rooms: vec![self.address(rng)] }, None)
            }
            14 => ("user: room declines", Action::Refuse { meeting, room: self.address(rng) }, None),
            _ => ("user: subject changed", Action::ChangeSubject { meeting, subject }, None),
        }
    }
}

/// What delta may leave out of an action.
fn loss(action: &Action) -> Option<(Trap, &'static str)> {
    match action {
        Action::Cancel { .. } | Action::Delete { .. } | Action::ChangeRooms { .. } => {
            Some((Trap::LostRemoval, "graph: removal never told"))
        }
        Action::DeleteOccurrence { .. } => Some((Trap::LostOccurrence, "graph: lost occurrence never told")),
        _ => None,
    }
}

/// An action in words, without what people wrote.
fn told(action: &Action) -> String {
    let span = |meeting: &Meeting| {
        let repeats = if meeting.recurrence.is_some() { " and repeats" } else { "" };
        format!("{:?} from {} to {}{repeats}", meeting.rooms, meeting.span.start, meeting.span.end)
    };
    match action {
        Action::Book { meeting } => format!("books {}", span(meeting)),
        Action::Appoint { room, meeting } => format!("writes into {room}: {}", span(meeting)),
        Action::Move { start, end, .. } => format!("moves a meeting to {start} - {end}"),
        Action::MoveOccurrence { date, start, .. } => format!("moves the occurrence of {date} to {start}"),
        Action::DeleteOccurrence { date, .. } => format!("deletes the occurrence of {date}"),
        Action::Cancel { .. } => "cancels a meeting".to_owned(),
        Action::Delete { room, .. } => format!("deletes the copy of {room:?}"),
        Action::Carry { room, .. } => format!("drags the copy of {room} to another folder and back"),
        Action::EndSeries { date, .. } => format!("ends a series before {date} and begins another"),
        Action::ChangeRooms { rooms, .. } => format!("moves a meeting to {rooms:?}"),
        Action::SetSensitivity { sensitivity, .. } => format!("makes a meeting {sensitivity:?}"),
        Action::Refuse { room, .. } => format!("{room} declines"),
        _ => "changes a subject".to_owned(),
    }
}
