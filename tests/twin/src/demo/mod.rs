//! A fictitious company to play with: forty rooms in three buildings, weeks of meetings, a live Outlook user.

mod live;
mod rooms;

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, Utc, Weekday};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

pub use live::LiveUser;

use crate::Twin;
use crate::calendar::{Recurrence, Sensitivity, ShowAs, Span, Zone};
use crate::outlook::{Action, Meeting};
use crate::processing::RoomPolicy;
use crate::tenant::{AppSpec, RoomSpec, TenantSpec, UserSpec};

/// Directory id of the demo tenant.
pub const TENANT: &str = "84bd8158-6d4d-4958-8b9f-9d6445542f95";
/// Client id of the demo app registration.
pub const CLIENT_ID: &str = "5c8b0a3e-4a52-4f0e-9f6e-2f9a4d6c7b10";
/// Its secret; worth nothing anywhere else.
pub const SECRET: &str = "demo~secret~of~a~fictitious~tenant";
/// Mail domain of the demo tenant.
pub const DOMAIN: &str = "contoso.example";

/// A meeting the demo knows of.
#[derive(Clone, Debug)]
pub struct Known {
    uid: String,
    room: String,
    room_name: String,
    meeting: Meeting,
}

const PEOPLE: [&str; 16] = [
    "ana.lima",
    "bilal.haddad",
    "chiara.rossi",
    "daan.visser",
    "emiko.sato",
    "felix.baum",
    "grace.okoro",
    "hugo.martin",
    "ines.duarte",
    "jonas.berg",
    "keiko.mori",
    "louis.petit",
    "maya.cohen",
    "noah.wright",
    "olga.nowak",
    "priya.nair",
];

const SUBJECTS: [&str; 18] = [
    "Budget review",
    "Candidate interview",
    "Customer call",
    "Design review",
    "Onboarding",
    "Planning",
    "Retrospective",
    "Roadmap",
    "Sales forecast",
    "Security briefing",
    "Supplier meeting",
    "Workshop",
    "Press preparation",
    "Lab handover",
    "Release decision",
    "Quarterly numbers",
    "Training",
    "Town hall rehearsal",
];

const SERIES: [&str; 6] =
    ["Stand-up", "Team meeting", "One-to-one", "Architecture board", "Pipeline review", "Coffee lecture"];

/// Fills the twin with the demo tenant: rooms, lists, and meetings from two weeks ago to five weeks ahead of `now`.
pub fn tenant(twin: &mut Twin, seed: u64, now: DateTime<Utc>) -> LiveUser {
    let rooms = rooms::all();
    let lists = rooms::lists(&rooms);
    let spec = TenantSpec {
        id: TENANT.to_owned(),
        domain: Some(DOMAIN.to_owned()),
        apps: vec![AppSpec::with_secret(CLIENT_ID, SECRET)],
        rooms: rooms.clone(),
        lists,
        users: PEOPLE.iter().map(|name| person(name)).collect(),
    };
    twin.add_tenant(spec);
    let mut author = Author { rng: SmallRng::seed_from_u64(seed), now };
    let mut known = Vec::new();
    for room in &rooms {
        let mut meetings = author.series(room);
        meetings.extend(author.singles(room));
        for meeting in meetings {
            if let Ok(uid) = twin.act(now, TENANT, Action::Book { meeting: meeting.clone() }) {
                known.push(Known { uid, room: room.address.clone(), room_name: room.name.clone(), meeting });
            }
        }
    }
    author.blemishes(twin, &known);
    LiveUser::new(author, rooms, known)
}

fn person(name: &str) -> UserSpec {
    UserSpec { address: format!("{name}@{DOMAIN}"), ..UserSpec::default() }
}

/// Writes believable meetings.
struct Author {
    rng: SmallRng,
    now: DateTime<Utc>,
}

impl Author {
    fn one<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.rng.random_range(0..choices.len())]
    }

    fn person(&mut self) -> String {
        format!("{}@{DOMAIN}", self.one(&PEOPLE))
    }

    fn span(&mut self, room: &RoomSpec, date: NaiveDate, quarter: u32, minutes: i64) -> Span {
        let zone = room.zone.clone().unwrap_or_default();
        let time = NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap_or(NaiveTime::MIN);
        Span::timed(date.and_time(time), minutes, zone)
    }

    fn meeting(&mut self, room: &RoomSpec, subject: &str, span: Span) -> Meeting {
        let organizer = self.person();
        let mut meeting = Meeting::new(&organizer, subject, span).at(&room.address);
        meeting.attendees = vec![self.person(), self.person()];
        if self.rng.random_bool(0.08) {
            meeting.sensitivity = Sensitivity::Private;
        }
        meeting
    }

    /// A single meeting on a date, at a full or half hour of the working day.
    fn single(&mut self, room: &RoomSpec, date: NaiveDate) -> Meeting {
        let quarter = self.rng.random_range(16..34) * 2;
        let minutes = *self.one(&[30, 30, 60, 60, 60, 90, 120]);
        let span = self.span(room, date, quarter, minutes);
        let subject = *self.one(&SUBJECTS);
        self.meeting(room, subject, span)
    }

    fn singles(&mut self, room: &RoomSpec) -> Vec<Meeting> {
        let today = self.now.date_naive();
        let mut meetings = Vec::new();
        let days = (-14..36).map(|day| today + Duration::days(day));
        for date in days.filter(|date| works_on(*date, today)) {
            for _ in 0..self.rng.random_range(1..5) {
                meetings.push(self.single(room, date));
            }
            if self.rng.random_bool(0.015) {
                meetings.push(self.whole_day(room, date));
            }
            if self.rng.random_bool(0.04) {
                let mut maybe = self.single(room, date);
                maybe.show_as = ShowAs::Tentative;
                meetings.push(maybe);
            }
        }
        meetings
    }

    fn whole_day(&mut self, room: &RoomSpec, date: NaiveDate) -> Meeting {
        let mut span = self.span(room, date, 0, 1440);
        span.all_day = true;
        self.meeting(room, "Offsite day", span)
    }

    fn series(&mut self, room: &RoomSpec) -> Vec<Meeting> {
        let monday = self.now.date_naive().week(Weekday::Mon).first_day() - Duration::weeks(3);
        let mut meetings = Vec::new();
        for _ in 0..3 {
            let date = monday + Duration::days(self.rng.random_range(0..5));
            let quarter = self.rng.random_range(18..32) * 2;
            let span = self.span(room, date, quarter, 60);
            let subject = *self.one(&SERIES);
            let weeks = *self.one(&[1, 1, 2]);
            let meeting = self.meeting(room, subject, span);
            meetings.push(meeting.repeats(Recurrence::weekly(date, weeks)));
        }
        let span = self.span(room, monday, 36, 15);
        let daily = self.meeting(room, "Daily sync", span);
        let mut workdays = Recurrence::weekly(monday, 1).times(60);
        workdays.pattern.days_of_week =
            ["monday", "tuesday", "wednesday", "thursday", "friday"].map(str::to_owned).to_vec();
        meetings.push(daily.repeats(workdays));
        meetings
    }

    /// Moves and cancels some occurrences, cancels some meetings: no calendar is tidy.
    fn blemishes(&mut self, twin: &mut Twin, known: &[Known]) {
        for Known { uid, meeting, .. } in known {
            let Some(recurrence) = &meeting.recurrence else { continue };
            let today = self.now.date_naive();
            let dates = recurrence.dates(today, today + Duration::days(30));
            if dates.len() < 2 {
                continue;
            }
            let (first, second) = (dates[0], dates[1]);
            let later = Duration::minutes(*self.one(&[30, 60]));
            let span = meeting.span.on(first);
            if self.rng.random_bool(0.5) {
                let action = Action::MoveOccurrence {
                    meeting: uid.clone(),
                    date: first,
                    start: span.start + later,
                    end: span.end + later,
                };
                // A room may decline the change; that too is life.
                let _ = twin.act(self.now, TENANT, action);
            }
            if self.rng.random_bool(0.3) {
                let _ = twin.act(
                    self.now,
                    TENANT,
                    Action::DeleteOccurrence { meeting: uid.clone(), date: second },
                );
            }
        }
    }
}

/// Whether the company works: on weekdays, and on whatever day somebody looks at it.
fn works_on(date: NaiveDate, today: NaiveDate) -> bool {
    date == today || !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Adds a tenant of `rooms` rooms with `entries_per_room` single entries each, spread over the 120 days after `now`, for
/// benchmarks. Rooms are `room0@big.example`, `room1@...`; their ids are returned.
pub fn big(
    twin: &mut Twin,
    tenant: &str,
    rooms: usize,
    entries_per_room: usize,
    now: DateTime<Utc>,
) -> Vec<String> {
    let apps = vec![AppSpec::with_secret(CLIENT_ID, SECRET)];
    twin.add_tenant(TenantSpec { id: tenant.to_owned(), apps, ..TenantSpec::default() });
    let per_day = entries_per_room.div_ceil(120).max(1);
    let mut ids = Vec::with_capacity(rooms);
    for room in 0..rooms {
        let address = format!("room{room}@big.example");
        let spec = RoomSpec {
            address: address.clone(),
            name: format!("Room {room}"),
            policy: RoomPolicy::transparent(),
            ..RoomSpec::default()
        };
        let Some(id) = twin.put_room(tenant, spec) else { continue };
        for entry in 0..entries_per_room {
            let day = now.date_naive() + Duration::days(i64::try_from(entry / per_day).unwrap_or(0));
            let slot = 1440 / i64::try_from(per_day).unwrap_or(1440).max(1);
            let minute = i64::try_from(entry % per_day).unwrap_or(0) * slot;
            let start = day.and_time(NaiveTime::MIN) + Duration::minutes(minute);
            let span = Span::timed(start, slot.clamp(1, 30), Zone::utc());
            let meeting = Meeting::new("ana.lima@big.example", &format!("Entry {entry}"), span);
            // Appointments in the room's own calendar: no attendant to ask, so that building is quick.
            let _ = twin.act(now, tenant, Action::Appoint { room: address.clone(), meeting });
        }
        ids.push(id.as_ref().to_owned());
    }
    ids
}
