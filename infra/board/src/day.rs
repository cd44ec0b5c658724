//! One day as the page draws it: each room on its own wall clock, because nine o'clock in Lyon is nine o'clock at the door.

use crate::rows::{BookingRow, RoomRow, Standing};
use crate::words::{self, Ailment};
use crate::world::World;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use chrono_tz::Tz;
use roomsync_domain::time::Instant;
use serde::Serialize;
use std::collections::BTreeMap;

/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// A day of all rooms.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// Which day.
    pub date: NaiveDate,
    /// Rooms by the name of their building, rooms without one last, under an empty name.
    pub buildings: Vec<Building>,
}

/// The rooms of a building.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Building {
    /// Its name, empty for rooms without a building.
    pub name: String,
    /// Rooms by name.
    pub rooms: Vec<Row>,
}

/// A room's day.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// `{tenantId}#{roomId}`.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Floor and seats, as far as they are known.
    pub about: String,
    /// IANA name of its zone.
    pub zone: &'static str,
    /// What keeps it from being fresh.
    pub trouble: Option<Ailment>,
    /// How many bars lie above each other at most, at least 1.
    pub lanes: usize,
    /// Its bookings by start.
    pub bars: Vec<Bar>,
}

/// A booking on a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bar {
    /// Id of the booking.
    pub id: String,
    /// 0 for the topmost.
    pub lane: usize,
    /// Minutes after midnight on the room's clock, 0 if it began earlier.
    pub from: i64,
    /// The same for its end, at most 1440.
    pub to: i64,
    /// Subject, `Private`, or what else may be shown.
    pub title: String,
    /// When, in words.
    pub when: String,
    /// Where it stands.
    pub standing: Standing,
    /// Whether its subject may not be shown.
    pub is_private: bool,
    /// Whether it takes whole days.
    pub all_day: bool,
    /// What else is known, one thing a line.
    pub notes: Vec<String>,
}

/// A day of all rooms.
#[must_use]
pub fn day(world: &World, date: NaiveDate) -> Day {
    let mut buildings: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for room in world.rooms() {
        let name = room.building.clone().unwrap_or_default();
        buildings.entry(name).or_default().push(row(world, room, date));
    }
    let mut buildings: Vec<Building> = buildings
        .into_iter()
        .map(|(name, mut rooms)| {
            rooms.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key)));
            Building { name, rooms }
        })
        .collect();
    buildings.sort_by_key(|building| building.name.is_empty());
    Day { date, buildings }
}

/// A day of one room.
#[must_use]
pub fn row(world: &World, room: &RoomRow, date: NaiveDate) -> Row {
    let zone = world.zone(&room.key);
    let mut bars: Vec<Bar> =
        world.bookings(&room.key).filter_map(|booking| bar(booking, zone, date)).collect();
    bars.sort_by(|a, b| (a.from, -a.to, &a.id).cmp(&(b.from, -b.to, &b.id)));
    let lanes = stack(&mut bars);
    let seats =
        room.capacity.map(|seats| if seats == 1 { "1 seat".into() } else { format!("{seats} seats") });
    let floor = room.floor.as_ref().map(|floor| format!("floor {floor}"));
    Row {
        key: room.key.clone(),
        name: room.name.clone(),
        about: [seats, floor].into_iter().flatten().collect::<Vec<_>>().join(" · "),
        zone: zone.name(),
        trouble: world.following(&room.key).and_then(words::ailment),
        lanes,
        bars,
    }
}

fn bar(booking: &BookingRow, zone: Tz, date: NaiveDate) -> Option<Bar> {
    let midnight = date.and_time(NaiveTime::MIN);
    let minutes = |local: NaiveDateTime| (local - midnight).num_minutes();
    let (from, to) = match booking.all_day {
        Some((first, end)) => {
            (minutes(first.and_time(NaiveTime::MIN)), minutes(end.and_time(NaiveTime::MIN)))
        }
        None => (
            minutes(booking.span.0.with_timezone(&zone).naive_local()),
            minutes(booking.span.1.with_timezone(&zone).naive_local()),
        ),
    };
    // A booking without length still is one; when clocks go back, an end may read earlier than its start.
    let to = to.max(from + 1);
    if to <= 0 || from >= DAY {
        return None;
    }
    let organizer =
        booking.organizer.clone().filter(|_| !booking.is_private).map(|name| format!("Organizer: {name}"));
    let notes = [
        organizer,
        booking.in_series.then(|| "Part of a series".into()),
        booking.by_command.then(|| "Booked through roomsync".into()),
        booking.failure.clone(),
    ];
    Some(Bar {
        id: booking.id.clone(),
        lane: 0,
        from: from.max(0),
        to: to.min(DAY),
        title: words::title(booking),
        when: words::when(booking, zone),
        standing: booking.standing,
        is_private: booking.is_private,
        all_day: booking.all_day.is_some(),
        notes: notes.into_iter().flatten().collect(),
    })
}

/// Puts each bar into the first lane that is free when it begins; gives the number of lanes.
fn stack(bars: &mut [Bar]) -> usize {
    let mut ends: Vec<i64> = Vec::new();
    for bar in bars {
        bar.lane = ends.iter().position(|end| *end <= bar.from).unwrap_or(ends.len());
        match ends.get_mut(bar.lane) {
            Some(end) => *end = bar.to,
            None => ends.push(bar.to),
        }
    }
    ends.len().max(1)
}

/// The clock on the wall of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WallClock {
    /// Its day.
    pub date: NaiveDate,
    /// Minutes after midnight.
    pub minutes: u32,
}

/// The clocks of all zones in which there are rooms.
#[must_use]
pub fn clocks(world: &World, now: Instant) -> BTreeMap<&'static str, WallClock> {
    world.rooms().map(|room| world.zone(&room.key)).map(|zone| (zone.name(), clock(zone, now))).collect()
}

fn clock(zone: Tz, now: Instant) -> WallClock {
    let local = now.with_timezone(&zone);
    WallClock { date: local.date_naive(), minutes: local.hour() * 60 + local.minute() }
}

/// Today where most rooms are.
#[must_use]
pub fn today(world: &World, now: Instant) -> NaiveDate {
    let mut days: BTreeMap<NaiveDate, usize> = BTreeMap::new();
    for room in world.rooms() {
        *days.entry(clock(world.zone(&room.key), now).date).or_default() += 1;
    }
    days.into_iter().max_by_key(|(_, rooms)| *rooms).map_or_else(|| now.date_naive(), |(date, _)| date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{at, booking, room};
    use crate::world::Record;

    fn on(date: &str, rooms: Vec<RoomRow>, bookings: Vec<BookingRow>) -> Day {
        let mut world = World::default();
        world.load(
            rooms.into_iter().map(Record::Room).chain(bookings.into_iter().map(Record::Booking)).collect(),
        );
        day(&world, date.parse().unwrap())
    }

    fn tokyo() -> RoomRow {
        RoomRow { zone: Some("Tokyo Standard Time".into()), ..room("r", 1) }
    }

    fn spans(day: &Day) -> Vec<(i64, i64, usize)> {
        day.buildings[0].rooms[0].bars.iter().map(|bar| (bar.from, bar.to, bar.lane)).collect()
    }

    #[test]
    fn a_room_lives_on_its_own_clock() {
        let late = booking("r", "b", 1, "14:30", "15:30");
        assert_eq!(spans(&on("2026-02-09", vec![tokyo()], vec![late.clone()])), [(1410, 1440, 0)]);
        assert_eq!(spans(&on("2026-02-10", vec![tokyo()], vec![late.clone()])), [(0, 30, 0)]);
        assert_eq!(spans(&on("2026-02-11", vec![tokyo()], vec![late])), []);
    }

    #[test]
    fn whole_days_are_days_of_the_calendar() {
        let mut fair = booking("r", "b", 1, "00:00", "00:00");
        fair.all_day = Some(("2026-02-09".parse().unwrap(), "2026-02-11".parse().unwrap()));
        for (date, expected) in [
            ("2026-02-08", vec![]),
            ("2026-02-09", vec![(0, 1440, 0)]),
            ("2026-02-10", vec![(0, 1440, 0)]),
            ("2026-02-11", vec![]),
        ] {
            assert_eq!(spans(&on(date, vec![tokyo()], vec![fair.clone()])), expected, "{date}");
        }
    }

    #[test]
    fn bookings_that_overlap_lie_above_each_other() {
        let bookings = vec![
            booking("r", "a", 1, "09:00", "11:00"),
            booking("r", "b", 1, "10:00", "12:00"),
            booking("r", "c", 1, "11:00", "12:00"),
            booking("r", "d", 1, "12:00", "12:00"),
        ];
        let day = on("2026-02-09", vec![room("r", 1)], bookings);
        assert_eq!(spans(&day), [(540, 660, 0), (600, 720, 1), (660, 720, 0), (720, 721, 0)]);
        assert_eq!(day.buildings[0].rooms[0].lanes, 2);
    }

    #[test]
    fn ended_bookings_and_removed_rooms_vanish() {
        let ended = BookingRow { standing: Standing::Ended, ..booking("r", "b", 2, "09:00", "10:00") };
        assert_eq!(spans(&on("2026-02-09", vec![room("r", 1)], vec![ended])), []);
        let gone = RoomRow { active: false, ..room("r", 1) };
        assert_eq!(on("2026-02-09", vec![gone], vec![]).buildings, []);
    }

    #[test]
    fn rooms_without_a_building_come_last() {
        let lyon = RoomRow { building: Some("Lyon".into()), ..room("b", 1) };
        let day = on("2026-02-09", vec![room("a", 1), lyon], vec![]);
        assert_eq!(day.buildings.iter().map(|b| b.name.as_str()).collect::<Vec<_>>(), ["Lyon", ""]);
    }

    #[test]
    fn today_is_where_most_rooms_are() {
        let mut world = World::default();
        let evening = at("2026-02-09T18:00:00Z");
        assert_eq!(today(&world, evening).to_string(), "2026-02-09");
        let more = [RoomRow { key: "t#x".into(), ..tokyo() }, tokyo(), room("u", 1)];
        world.load(more.into_iter().map(Record::Room).collect());
        assert_eq!(today(&world, evening).to_string(), "2026-02-10");
        assert_eq!(clocks(&world, evening)["Asia/Tokyo"].minutes, 180);
    }
}
