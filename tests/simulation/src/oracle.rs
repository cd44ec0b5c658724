//! What the tables must hold, worked out from the twin's plain truth without the planner, and every difference from it.

use crate::company::Company;
use crate::universe::Universe;
use chrono::Days;
use futures::FutureExt;
use roomsync_domain::booking::{Booking, BookingState, Origin, Status};
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::tenant::Take;
use roomsync_domain::writing::{Writing, code};
use roomsync_domain::{Instant, RoomId, RoomRef, Span, time::end_of_time, zone};
use roomsync_ports::{BookingStore, RoomStore};
use roomsync_twin::Instance;
use roomsync_twin::calendar::{Sensitivity, ShowAs, Window};
use std::collections::BTreeMap;

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

pub(crate) fn rooms(universe: &Universe, company: &Company) -> Vec<Room> {
    let rooms = universe.store.rooms(&company.config.tenant).now_or_never();
    rooms.and_then(Result::ok).unwrap_or_default()
}

/// I15: every difference between the tables and the companies' directories and calendars.
pub(crate) fn differences(universe: &Universe, companies: &[Company]) -> Vec<String> {
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
