//! A made-up company: rooms in three buildings, a working day of bookings, one room of each trouble.
#![allow(dead_code, unreachable_pub, reason = "a module of several programs, none of which uses all of it")]

use chrono::TimeDelta;
use roomsync_board::rows::{BookingRow, Following, RoomKey, RoomRow, Standing};
use roomsync_board::source::{Source, SourceError};
use roomsync_board::world::Record;
use roomsync_domain::announced::Announced;
use roomsync_domain::cursor::{Drift, Mode, Trouble, TroubleKind};
use roomsync_domain::listening::{Listening, Refusal, RefusalKind};
use roomsync_domain::time::{Instant, seconds};
use roomsync_ports::Clock;
use std::time::Duration;
use tokio::sync::mpsc;

/// Noon in Lyon on the day of the demo, 9 February 2026.
pub const NOON: &str = "2026-02-09T11:00:00Z";

const BUILDINGS: [(&str, &str, [&str; 7]); 3] = [
    (
        "Lyon",
        "Europe/Paris",
        ["Bellecour", "Confluence", "Fourvière", "Gerland", "Perrache", "Saône", "Vaise"],
    ),
    ("München", "Europe/Berlin", ["Au", "Giesing", "Haidhausen", "Isar", "Lehel", "Schwabing", "Sendling"]),
    ("Tokyo", "Asia/Tokyo", ["Asakusa", "Ebisu", "Meguro", "Shibuya", "Shinjuku", "Ueno", "Yanaka"]),
];

const SUBJECTS: [&str; 12] = [
    "Design review",
    "Stand-up",
    "Quarterly planning",
    "Interview",
    "Customer call",
    "Retro",
    "One to one",
    "Supplier visit",
    "Budget",
    "Onboarding",
    "Architecture round",
    "Sales weekly",
];

/// The key of a room, by building and room.
pub fn key(building: usize, room: usize) -> RoomKey {
    format!("84bd8158-6d4d-4958-8b9f-9d6445542f95#room-{building}-{room}")
}

/// An instant of the demo's day in UTC, minutes after midnight.
pub fn minute(minutes: i64) -> Instant {
    seconds::parse("2026-02-09T00:00:00Z").expect("an instant") + TimeDelta::minutes(minutes)
}

/// A confirmed booking.
pub fn booking(room: RoomKey, id: &str, from: i64, to: i64, subject: &str) -> BookingRow {
    BookingRow {
        room,
        id: id.into(),
        version: 1,
        standing: Standing::Confirmed,
        end_reason: None,
        span: (minute(from), minute(to)),
        all_day: None,
        in_series: false,
        is_private: false,
        subject: Some(subject.into()),
        organizer: Some("Megan Bowen".into()),
        by_command: false,
        failure: None,
    }
}

/// All rooms and their bookings.
pub fn records() -> Vec<Record> {
    let mut records = Vec::new();
    for (b, (building, zone, rooms)) in BUILDINGS.iter().enumerate() {
        let offset = [60, 60, 540][b];
        for (r, name) in rooms.iter().enumerate() {
            records.push(Record::Room(RoomRow {
                key: key(b, r),
                version: 1,
                active: true,
                name: (*name).into(),
                building: Some((*building).into()),
                floor: Some(format!("{}", 1 + r / 3)),
                capacity: Some([4, 6, 8, 12, 20][(b + r) % 5]),
                zone: Some((*zone).into()),
            }));
            records.extend(a_day(b, r, offset).into_iter().map(Record::Booking));
        }
    }
    records
}

fn a_day(b: usize, r: usize, offset: i64) -> Vec<BookingRow> {
    let mut at = 8 * 60 + 30 * ((b * 3 + r * 5) % 4) as i64;
    let mut bookings = Vec::new();
    let mut n = b * 11 + r * 7;
    while at < 17 * 60 + 30 {
        let length = [30, 60, 90, 30, 120, 45][n % 6];
        let mut row =
            booking(key(b, r), &format!("b{n}"), at - offset, at - offset + length, SUBJECTS[n % 12]);
        row.in_series = n.is_multiple_of(3);
        match n % 13 {
            3 => row.standing = Standing::Tentative,
            5 | 11 => (row.is_private, row.subject, row.organizer) = (true, None, None),
            8 => (row.standing, row.by_command) = (Standing::Pending, true),
            _ => {}
        }
        bookings.push(row);
        at += length + [0, 30, 60, 90, 15][n % 5];
        n += 1;
    }
    if r == 3 && b == 0 {
        bookings.push(booking(key(b, r), "clash", 10 * 60 - offset, 11 * 60 - offset, "Two in one room"));
    }
    if r == 5 {
        let mut fair = booking(key(b, r), "fair", 0, 1440, "Closed for painting");
        fair.all_day = Some(("2026-02-09".parse().expect("a day"), "2026-02-11".parse().expect("a day")));
        bookings.retain(|_| false);
        bookings.push(fair);
    }
    bookings
}

/// Cursors: most rooms fresh, some in trouble.
pub fn cursors(rooms: Vec<RoomKey>) -> Vec<(RoomKey, Following)> {
    let ill =
        |kind, hours: i64| Some(Trouble { kind, since: minute(11 * 60 - 60 * hours), detail: "demo".into() });
    rooms
        .into_iter()
        .enumerate()
        .filter(|(n, _)| *n != 20)
        .map(|(n, key)| {
            let trouble = match n {
                4 => ill(TroubleKind::NoAccess, 30),
                9 => ill(TroubleKind::NoMailbox, 5),
                12 => ill(TroubleKind::Throttled, 0),
                _ => None,
            };
            let following = Following {
                mode: Mode::Delta,
                last_full_at: Some(minute(60 * (n as i64 % 9) - 240)),
                not_before: (n == 12).then(|| minute(11 * 60 + 2)),
                trouble,
                guarded: None,
                drift: (n == 2 || n == 7).then(|| Drift { repaired: 2, at: minute(4 * 60) }),
                listening: (n != 15).then(|| listening(n)),
                refusal: (n == 15)
                    .then(|| Refusal::new(RefusalKind::NotValidated, "demo".into(), None, minute(600))),
                announced: (n % 4 != 3).then(|| announced(n as u64)),
            };
            (key, following)
        })
        .collect()
}

/// A subscription that delivers; that of one room does not.
fn listening(n: usize) -> Listening {
    Listening {
        subscription_id: format!("subscription-{n}"),
        key_id: "key".into(),
        urls: "urls".into(),
        expires_at: minute(6 * 24 * 60),
        since: minute(-600),
        renewed_at: None,
        heard_at: Some(minute(-300)),
        silent_since: (n == 17).then(|| minute(10 * 60)),
        doubted_since: None,
    }
}

/// Most changes come quickly, some do not.
fn announced(n: u64) -> Announced {
    let to_notice_ms = Some(300 + 170 * (n * 7 % 11) + if n % 6 == 2 { 9_000 * n } else { 0 });
    Announced { noticed_at: minute(9 * 60 + n as i64), to_notice_ms, to_table_ms: 90 + 60 * (n * 5 % 13) }
}

/// A clock that stands still.
pub struct Still(pub Instant);

impl Clock for Still {
    fn now(&self) -> Instant {
        self.0
    }
}

/// The demo's tables, with a stream of what is sent to it.
pub struct Script {
    stream: mpsc::UnboundedReceiver<Record>,
    records: Vec<Record>,
}

impl Script {
    /// Tables with these records; the sender is their stream.
    pub fn new(records: Vec<Record>) -> (Self, mpsc::UnboundedSender<Record>) {
        let (sender, stream) = mpsc::unbounded_channel();
        (Self { stream, records }, sender)
    }
}

impl Source for Script {
    async fn load(&mut self) -> Result<Vec<Record>, SourceError> {
        Ok(self.records.clone())
    }

    async fn next(&mut self) -> Result<Vec<Record>, SourceError> {
        match tokio::time::timeout(Duration::from_millis(500), self.stream.recv()).await {
            Ok(Some(record)) => Ok(vec![record]),
            Ok(None) => std::future::pending().await,
            Err(_) => Ok(Vec::new()),
        }
    }

    async fn cursors(&mut self, rooms: Vec<RoomKey>) -> Result<Vec<(RoomKey, Following)>, SourceError> {
        Ok(cursors(rooms))
    }
}
