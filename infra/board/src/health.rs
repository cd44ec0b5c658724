//! Health of the rooms, as the page shows it beside the day.

use crate::day::{self, WallClock};
use crate::latency::{Latency, latency};
use crate::rows::{Following, RoomRow};
use crate::words::{self, Ailment, Change};
use crate::world::World;
use chrono::{NaiveDate, TimeDelta};
use roomsync_domain::cursor::TroubleKind;
use roomsync_domain::listening::Hearing;
use roomsync_domain::time::{Instant, seconds};
use serde::Serialize;
use std::collections::BTreeMap;

/// A room whose last full read is older than this is not fresh: there is one every day, staggered.
const FULL_READ_EVERY: TimeDelta = TimeDelta::hours(26);

/// Changes on the page.
const CHANGES_SHOWN: usize = 30;

/// Health at one instant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// When.
    #[serde(with = "seconds")]
    pub now: Instant,
    /// Today where most rooms are.
    pub today: NaiveDate,
    /// Clocks of the zones in which there are rooms.
    pub clocks: BTreeMap<&'static str, WallClock>,
    /// Why the board itself does not see the tables, if it does not.
    pub blind: Option<String>,
    /// Rooms that are kept in step.
    pub rooms: usize,
    /// Of them: copied, read within a day, without trouble.
    pub fresh: usize,
    /// Of them: not copied yet, without trouble.
    pub waiting: usize,
    /// Of them: no call before some later instant.
    pub throttled: usize,
    /// Of them: with a subscription that can be trusted.
    pub listening: usize,
    /// Of them: with one that has not proven yet that it delivers.
    pub unproven: usize,
    /// Rooms in trouble, by what is wrong, most rooms first. A room that is not listened to is fresh all the same.
    pub troubles: Vec<TroubleGroup>,
    /// Last full read of the room where it is longest ago, among the copied ones.
    #[serde(with = "seconds::option")]
    pub oldest_full_read: Option<Instant>,
    /// Name of that room.
    pub oldest_room: Option<String>,
    /// What the last full reads had to repair.
    pub drift: DriftSum,
    /// How long the latest announced changes took.
    pub latency: Option<Latency>,
    /// Changes that reached the board in the last minute.
    pub changes_last_minute: usize,
    /// Recent changes, newest first.
    pub changes: Vec<Change>,
}

/// Rooms that suffer from the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TroubleGroup {
    /// What is wrong and what ends it.
    #[serde(flatten)]
    pub ailment: Ailment,
    /// Since when, for the room where it is longest ago.
    #[serde(with = "seconds")]
    pub since: Instant,
    /// Names of the rooms.
    pub rooms: Vec<String>,
}

/// Drift over all rooms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftSum {
    /// Bookings that the last full read of each room had to repair, together.
    pub repaired: u32,
    /// Rooms with any.
    pub rooms: usize,
    /// The latest such read.
    #[serde(with = "seconds::option")]
    pub last: Option<Instant>,
}

/// Health at `now`; `blind` is why the board does not see the tables.
#[must_use]
pub fn health(world: &World, now: Instant, blind: Option<String>) -> Health {
    let rooms: Vec<(&RoomRow, Option<&Following>)> =
        world.rooms().map(|room| (room, world.following(&room.key))).collect();
    let followed = || rooms.iter().filter_map(|(room, following)| Some((*room, (*following)?)));
    let oldest = followed().filter_map(|(room, it)| Some((it.last_full_at?, &room.name))).min();
    Health {
        now,
        today: day::today(world, now),
        clocks: day::clocks(world, now),
        blind,
        rooms: rooms.len(),
        fresh: followed().filter(|(_, it)| is_fresh(it, now)).count(),
        waiting: rooms.iter().filter(|(_, it)| it.is_none_or(is_waiting)).count(),
        throttled: followed().filter(|(_, it)| is_throttled(it, now)).count(),
        listening: followed().filter(|(_, it)| hearing(it, now) == Hearing::Listening).count(),
        unproven: followed().filter(|(_, it)| hearing(it, now) == Hearing::Unproven).count(),
        troubles: troubles(followed(), now),
        oldest_full_read: oldest.map(|(at, _)| at),
        oldest_room: oldest.map(|(_, name)| name.clone()),
        drift: drift(followed().map(|(_, it)| it)),
        latency: latency(world.announced()),
        changes_last_minute: world.changes_last_minute(now),
        changes: world.changes().take(CHANGES_SHOWN).cloned().collect(),
    }
}

fn is_fresh(it: &Following, now: Instant) -> bool {
    it.trouble.is_none() && it.last_full_at.is_some_and(|at| now - at < FULL_READ_EVERY)
}

fn is_waiting(it: &Following) -> bool {
    it.trouble.is_none() && it.last_full_at.is_none()
}

fn is_throttled(it: &Following, now: Instant) -> bool {
    it.not_before.is_some_and(|at| at > now)
        && it.trouble.as_ref().is_none_or(|trouble| trouble.kind == TroubleKind::Throttled)
}

fn hearing(it: &Following, now: Instant) -> Hearing {
    Hearing::of(it.listening.as_ref(), it.refusal.as_ref(), now)
}

fn troubles<'a>(
    rooms: impl Iterator<Item = (&'a RoomRow, &'a Following)>,
    now: Instant,
) -> Vec<TroubleGroup> {
    let mut groups: BTreeMap<Ailment, TroubleGroup> = BTreeMap::new();
    for (room, following) in rooms {
        let trouble = words::ailment(following).zip(following.trouble.as_ref().map(|trouble| trouble.since));
        for (ailment, since) in trouble.into_iter().chain(words::deafness(following, hearing(following, now)))
        {
            let group = groups.entry(ailment.clone()).or_insert_with(|| TroubleGroup {
                ailment,
                since,
                rooms: Vec::new(),
            });
            group.since = group.since.min(since);
            group.rooms.push(room.name.clone());
        }
    }
    let mut groups: Vec<TroubleGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.rooms.len()));
    groups
}

fn drift<'a>(rooms: impl Iterator<Item = &'a Following>) -> DriftSum {
    let found = rooms.filter_map(|it| it.drift).filter(|drift| drift.repaired > 0);
    found.fold(DriftSum::default(), |sum, drift| DriftSum {
        repaired: sum.repaired + drift.repaired,
        rooms: sum.rooms + 1,
        last: sum.last.max(Some(drift.at)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{at, following, room};
    use crate::world::Record;
    use roomsync_domain::cursor::{Drift, Trouble};
    use roomsync_domain::listening::{Listening, Refusal, RefusalKind};

    #[test]
    fn every_room_is_counted_where_it_belongs() {
        let now = at("2026-02-09T12:00:00Z");
        let trouble = |since| Trouble {
            kind: TroubleKind::NoAccess,
            since: at(since),
            detail: "ErrorAccessDenied".into(),
        };
        let mut world = World::default();
        world.load(["a", "b", "c", "d", "e", "f"].map(|id| Record::Room(room(id, 1))).into());
        let fresh = following(Some("2026-02-09T03:00:00Z"));
        world.follow(vec![
            ("t#a".into(), Following { drift: Some(Drift { repaired: 3, at: now }), ..fresh.clone() }),
            ("t#b".into(), Following { not_before: Some(at("2026-02-09T12:00:01Z")), ..fresh.clone() }),
            ("t#c".into(), Following { trouble: Some(trouble("2026-02-09T10:00:00Z")), ..fresh.clone() }),
            ("t#d".into(), Following { trouble: Some(trouble("2026-02-09T09:00:00Z")), ..following(None) }),
            ("t#e".into(), following(Some("2026-02-08T09:00:00Z"))),
            ("t#nobody".into(), fresh),
        ]);
        let health = health(&world, now, None);
        assert_eq!((health.rooms, health.fresh, health.waiting, health.throttled), (6, 2, 1, 1));
        assert_eq!(health.oldest_room.as_deref(), Some("Room e"));
        assert_eq!((health.drift.repaired, health.drift.rooms), (3, 1));
        assert_eq!(health.troubles.len(), 1);
        assert_eq!(health.troubles[0].rooms, ["Room c", "Room d"]);
        assert_eq!(health.troubles[0].since, at("2026-02-09T09:00:00Z"));
    }

    #[test]
    fn a_room_that_is_not_listened_to_is_fresh_and_says_why() {
        let now = at("2026-02-09T12:00:00Z");
        let listening = Listening {
            subscription_id: "s".into(),
            key_id: "k".into(),
            urls: "u".into(),
            expires_at: at("2026-02-15T12:00:00Z"),
            since: at("2026-02-09T08:00:00Z"),
            renewed_at: None,
            heard_at: Some(at("2026-02-09T09:00:00Z")),
            silent_since: None,
            doubted_since: None,
        };
        let unproven = Listening { heard_at: None, ..listening.clone() };
        let silent = Listening { silent_since: Some(at("2026-02-09T11:00:00Z")), ..listening.clone() };
        let refusal = Refusal::new(RefusalKind::NotValidated, "400".into(), None, at("2026-02-09T10:00:00Z"));
        let mut world = World::default();
        world.load(["a", "b", "c", "d"].map(|id| Record::Room(room(id, 1))).into());
        let fresh = following(Some("2026-02-09T03:00:00Z"));
        world.follow(vec![
            ("t#d".into(), Following { listening: Some(unproven), ..fresh.clone() }),
            ("t#a".into(), Following { listening: Some(listening), ..fresh.clone() }),
            ("t#b".into(), Following { listening: Some(silent), ..fresh.clone() }),
            ("t#c".into(), Following { refusal: Some(refusal), ..fresh }),
        ]);
        let health = health(&world, now, None);
        assert_eq!((health.fresh, health.listening, health.unproven), (4, 1, 1));
        let shown: Vec<_> =
            health.troubles.iter().map(|group| (group.rooms[0].as_str(), group.since)).collect();
        assert_eq!(shown, [("Room c", at("2026-02-09T10:00:00Z")), ("Room b", at("2026-02-09T11:00:00Z"))]);
        assert!(health.troubles.iter().all(|group| group.ailment.remedy.contains("polled")));
    }

    #[test]
    fn nothing_known_is_no_health() {
        let health = health(&World::default(), at("2026-02-09T12:00:00Z"), Some("no table".into()));
        assert_eq!((health.rooms, health.fresh, health.blind.as_deref()), (0, 0, Some("no table")));
    }
}
