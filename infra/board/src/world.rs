//! Everything the board knows, as a fold over records. The order in which records of different items come does not matter,
//! and a record may come twice: a row is taken only if its version is higher than the known one. So tables can be read while
//! their streams already run.

use crate::rows::{BookingRow, Following, RoomKey, RoomRow, Standing};
use crate::words::{self, Change};
use chrono::TimeDelta;
use chrono_tz::Tz;
use roomsync_domain::announced::Announced;
use roomsync_domain::time::Instant;
use roomsync_domain::zone;
use std::collections::{BTreeMap, VecDeque};

/// Changes that are kept for the list on the page.
const CHANGES_KEPT: usize = 60;

/// Announced changes that are kept to say how long they take.
const ANNOUNCED_KEPT: usize = 200;

/// One thing that a table or its stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A room as it is now.
    Room(RoomRow),
    /// A booking as it is now.
    Booking(BookingRow),
    /// A room's item is gone: an operator purged it.
    RoomGone(RoomKey),
    /// A booking's item is gone: its retention is over, or an operator purged it. Never a cancellation.
    BookingGone(RoomKey, String),
}

/// What the page has to draw anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the record was known.
    Nothing,
    /// One room's bar.
    Row(RoomKey),
    /// The list of rooms.
    Rooms,
}

/// Rooms, bookings, cursors and recent changes.
#[derive(Debug, Default)]
pub struct World {
    rooms: BTreeMap<RoomKey, RoomRow>,
    bookings: BTreeMap<RoomKey, BTreeMap<String, BookingRow>>,
    following: BTreeMap<RoomKey, Following>,
    changes: VecDeque<Change>,
    changes_so_far: u64,
    arrivals: VecDeque<Instant>,
    announced: VecDeque<Announced>,
}

impl World {
    /// Forgets rooms and bookings and takes what the tables hold. The list of changes stays.
    pub fn load(&mut self, records: Vec<Record>) {
        self.rooms.clear();
        self.bookings.clear();
        for record in records {
            self.take(record);
        }
    }

    /// Takes a record of a stream that came at `now`.
    pub fn apply(&mut self, record: Record, now: Instant) -> Effect {
        let known = match &record {
            Record::Booking(row) => self.booking(&row.room, &row.id).cloned(),
            _ => None,
        };
        let known_room = match &record {
            Record::Room(row) => self.rooms.get(&row.key).cloned(),
            _ => None,
        };
        let (said, subject) = match &record {
            Record::Booking(row) => {
                (words::booking(known.as_ref(), row, self.zone(&row.room)), row.room.clone())
            }
            Record::Room(row) => (words::room(known_room.as_ref(), row), row.key.clone()),
            Record::RoomGone(key) | Record::BookingGone(key, _) => (None, key.clone()),
        };
        let effect = self.take(record);
        if effect != Effect::Nothing {
            self.arrived(now);
            if let Some(what) = said {
                let room =
                    self.rooms.get(&subject).map_or_else(|| "unknown room".into(), |room| room.name.clone());
                self.changes_so_far += 1;
                self.changes.push_front(Change { at: now, room, what });
                self.changes.truncate(CHANGES_KEPT);
            }
        }
        effect
    }

    fn take(&mut self, record: Record) -> Effect {
        match record {
            Record::Room(row) => {
                if self.rooms.get(&row.key).is_some_and(|known| known.version >= row.version) {
                    return Effect::Nothing;
                }
                self.rooms.insert(row.key.clone(), row);
                Effect::Rooms
            }
            Record::Booking(row) => {
                let room = self.bookings.entry(row.room.clone()).or_default();
                if room.get(&row.id).is_some_and(|known| known.version >= row.version) {
                    return Effect::Nothing;
                }
                let key = row.room.clone();
                room.insert(row.id.clone(), row);
                Effect::Row(key)
            }
            Record::RoomGone(key) => match self.rooms.remove(&key) {
                Some(_) => Effect::Rooms,
                None => Effect::Nothing,
            },
            Record::BookingGone(key, id) => {
                match self.bookings.get_mut(&key).and_then(|room| room.remove(&id)) {
                    Some(_) => Effect::Row(key),
                    None => Effect::Nothing,
                }
            }
        }
    }

    fn arrived(&mut self, now: Instant) {
        self.arrivals.push_back(now);
        while self.arrivals.front().is_some_and(|at| now - *at > TimeDelta::minutes(1)) {
            self.arrivals.pop_front();
        }
    }

    /// Takes the cursors of rooms as they are now. Gives the rooms whose trouble changed.
    pub fn follow(&mut self, cursors: Vec<(RoomKey, Following)>) -> Vec<RoomKey> {
        let mut changed = Vec::new();
        for (key, new) in cursors {
            let old = self.following.insert(key.clone(), new.clone());
            let announced = old.as_ref().and_then(|old| old.announced);
            self.announced.extend(new.announced.filter(|_| new.announced != announced));
            if old.and_then(|old| old.trouble) != new.trouble {
                changed.push(key);
            }
        }
        self.announced.drain(..self.announced.len().saturating_sub(ANNOUNCED_KEPT));
        changed
    }

    /// Rooms that are kept in step.
    pub fn rooms(&self) -> impl Iterator<Item = &RoomRow> {
        self.rooms.values().filter(|room| room.active)
    }

    /// One room that is kept in step.
    #[must_use]
    pub fn room(&self, key: &str) -> Option<&RoomRow> {
        self.rooms.get(key).filter(|room| room.active)
    }

    /// Bookings of a room that stand.
    pub fn bookings(&self, key: &str) -> impl Iterator<Item = &BookingRow> {
        self.bookings
            .get(key)
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|booking| booking.standing != Standing::Ended)
    }

    /// What the cursor says of a room, if there is one.
    #[must_use]
    pub fn following(&self, key: &str) -> Option<&Following> {
        self.following.get(key)
    }

    /// Zone in which a room's days begin; UTC if nothing says it.
    #[must_use]
    pub fn zone(&self, key: &str) -> Tz {
        self.rooms.get(key).and_then(|room| room.zone.as_deref()).and_then(zone::find).unwrap_or(Tz::UTC)
    }

    /// Recent changes, newest first.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter()
    }

    /// The latest changes that notices announced, as far as the cursors showed them.
    pub fn announced(&self) -> impl Iterator<Item = &Announced> {
        self.announced.iter()
    }

    /// How many changes there have been, the forgotten ones too.
    #[must_use]
    pub fn changes_so_far(&self) -> u64 {
        self.changes_so_far
    }

    /// Changes that came in the minute before `now`.
    #[must_use]
    pub fn changes_last_minute(&self, now: Instant) -> usize {
        self.arrivals.iter().filter(|at| now - **at <= TimeDelta::minutes(1)).count()
    }

    fn booking(&self, room: &str, id: &str) -> Option<&BookingRow> {
        self.bookings.get(room)?.get(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{at, booking, following, room};
    use proptest::prelude::*;
    use proptest::sample::Index;

    #[test]
    fn a_known_version_changes_nothing() {
        let mut world = World::default();
        let now = at("2026-02-09T08:00:00Z");
        assert_eq!(world.apply(Record::Room(room("r", 1)), now), Effect::Rooms);
        let row = booking("r", "b", 2, "09:00", "10:00");
        assert_eq!(world.apply(Record::Booking(row.clone()), now), Effect::Row("t#r".into()));
        assert_eq!(world.apply(Record::Booking(row.clone()), now), Effect::Nothing);
        assert_eq!(world.apply(Record::Booking(BookingRow { version: 1, ..row }), now), Effect::Nothing);
        assert_eq!(world.changes().count(), 2);
    }

    #[test]
    fn an_ended_booking_leaves_the_row_and_says_why() {
        let mut world = World::default();
        let now = at("2026-02-09T08:00:00Z");
        world.load(vec![Record::Room(room("r", 1)), Record::Booking(booking("r", "b", 1, "09:00", "10:00"))]);
        assert_eq!(world.changes().count(), 0, "what was there before is no change");
        let ended = BookingRow {
            version: 2,
            standing: Standing::Ended,
            end_reason: Some("cancelled".into()),
            ..booking("r", "b", 2, "09:00", "10:00")
        };
        world.apply(Record::Booking(ended), now);
        assert_eq!(world.bookings("t#r").count(), 0);
        let said = world.changes().next().unwrap();
        assert!(said.what.contains("cancelled by its organizer"), "{}", said.what);
    }

    #[test]
    fn housekeeping_is_no_cancellation() {
        let mut world = World::default();
        world.load(vec![Record::Room(room("r", 1)), Record::Booking(booking("r", "b", 1, "09:00", "10:00"))]);
        let gone = Record::BookingGone("t#r".into(), "b".into());
        assert_eq!(world.apply(gone, at("2026-02-09T08:00:00Z")), Effect::Row("t#r".into()));
        assert_eq!(world.changes().count(), 0);
    }

    #[test]
    fn an_announced_change_counts_once_however_often_its_cursor_is_read() {
        let announced =
            |ms| Announced { noticed_at: at("2026-02-09T08:00:00Z"), to_notice_ms: None, to_table_ms: ms };
        let seen = |ms| vec![("t#r".into(), Following { announced: Some(announced(ms)), ..following(None) })];
        let mut world = World::default();
        world.follow(vec![("t#r".into(), following(None))]);
        for ms in [1, 1, 2, 2] {
            world.follow(seen(ms));
        }
        assert_eq!(world.announced().collect::<Vec<_>>(), [&announced(1), &announced(2)]);
        for ms in 0..1_000 {
            world.follow(seen(ms));
        }
        assert_eq!(world.announced().count(), ANNOUNCED_KEPT);
    }

    #[test]
    fn the_count_of_the_last_minute_moves_on() {
        let mut world = World::default();
        world.apply(Record::Room(room("a", 1)), at("2026-02-09T08:00:00Z"));
        world.apply(Record::Room(room("b", 1)), at("2026-02-09T08:00:50Z"));
        assert_eq!(world.changes_last_minute(at("2026-02-09T08:01:00Z")), 2);
        assert_eq!(world.changes_last_minute(at("2026-02-09T08:01:01Z")), 1);
        assert_eq!(world.changes_last_minute(at("2026-02-09T08:02:00Z")), 0);
    }

    proptest! {
        /// Tables that are read while the streams run: any doubling and any order gives the newest versions.
        #[test]
        fn order_and_doubling_do_not_matter(picks in prop::collection::vec((any::<Index>(), any::<Index>()), 0..60)) {
            let all: Vec<Record> = (1..=5)
                .flat_map(|version| ["a", "b", "c"].map(|id| Record::Booking(booking("r", id, version, "09:00", "10:00"))))
                .collect();
            let mut shuffled = all.clone();
            for (from, to) in &picks {
                let (from, to) = (from.index(shuffled.len()), to.index(shuffled.len()));
                shuffled.swap(from, to);
                shuffled.push(shuffled[to].clone());
            }
            let mut world = World::default();
            for record in shuffled {
                world.apply(record, at("2026-02-09T08:00:00Z"));
            }
            let versions: Vec<u64> = world.bookings("t#r").map(|row| row.version).collect();
            prop_assert_eq!(versions, vec![5, 5, 5]);
        }
    }
}
