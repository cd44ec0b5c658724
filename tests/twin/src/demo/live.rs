//! Somebody at work in Outlook: one believable action per call.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use rand::Rng;

use super::{Author, Known, TENANT, works_on};
use crate::Twin;
use crate::calendar::Sensitivity;
use crate::outlook::{Action, Meeting, Refused};
use crate::tenant::RoomSpec;

/// A user of the demo tenant.
pub struct LiveUser {
    author: Author,
    rooms: Vec<RoomSpec>,
    known: Vec<Known>,
}

impl LiveUser {
    pub(super) fn new(author: Author, rooms: Vec<RoomSpec>, known: Vec<Known>) -> LiveUser {
        LiveUser { author, rooms, known }
    }

    /// Does one thing and says in a short sentence what. Subjects of private meetings are not told.
    pub fn step(&mut self, twin: &mut Twin, now: DateTime<Utc>) -> String {
        self.author.now = now;
        for _ in 0..8 {
            let done = match self.author.rng.random_range(0..12) {
                0..=3 => self.book(twin),
                4 => self.whole_day(twin),
                5 | 6 => self.shift(twin),
                7 => self.rename(twin),
                8 => self.cancel(twin),
                9 => self.drop_occurrence(twin),
                10 => self.hide(twin),
                _ => self.change_room(twin),
            };
            if let Some(Ok(line)) = done {
                return line;
            }
        }
        "nothing".to_owned()
    }

    /// Today, or a working day in the next three weeks.
    fn date(&mut self) -> NaiveDate {
        let today = self.author.now.date_naive();
        let from = today + Duration::days(self.author.rng.random_range(0..21));
        from.iter_days().find(|date| works_on(*date, today)).unwrap_or(from)
    }

    fn pick(&mut self, wanted: impl Fn(&Known) -> bool) -> Option<usize> {
        let hits: Vec<usize> = (0..self.known.len()).filter(|n| wanted(&self.known[*n])).collect();
        (!hits.is_empty()).then(|| *self.author.one(&hits))
    }

    fn act(&self, twin: &mut Twin, action: Action) -> Result<String, Refused> {
        twin.act(self.author.now, TENANT, action)
    }

    fn book_as(&mut self, twin: &mut Twin, room: &RoomSpec, meeting: Meeting) -> Result<String, Refused> {
        let uid = self.act(twin, Action::Book { meeting: meeting.clone() })?;
        let line = format!(
            "{} books {} for {} on {}",
            meeting.organizer.name,
            room.name,
            title(&meeting),
            when(&meeting)
        );
        self.known.push(Known { uid, room: room.address.clone(), room_name: room.name.clone(), meeting });
        Ok(line)
    }

    fn book(&mut self, twin: &mut Twin) -> Option<Result<String, Refused>> {
        let room = self.author.one(&self.rooms.clone()).clone();
        let date = self.date();
        let meeting = self.author.single(&room, date);
        Some(self.book_as(twin, &room, meeting))
    }

    fn whole_day(&mut self, twin: &mut Twin) -> Option<Result<String, Refused>> {
        let room = self.author.one(&self.rooms.clone()).clone();
        let date = self.date();
        let meeting = self.author.whole_day(&room, date);
        Some(self.book_as(twin, &room, meeting))
    }

    fn shift(&mut self, twin: &mut Twin) -> Option<Result<String, Refused>> {
        let now = self.author.now.naive_utc();
        let n = self.pick(|known| known.meeting.recurrence.is_none() && known.meeting.span.start > now)?;
        let by = Duration::minutes(*self.author.one(&[-60, -30, 30, 60, 90]));
        let Known { uid, meeting, room_name, .. } = self.known[n].clone();
        let (start, end) = (meeting.span.start + by, meeting.span.end + by);
        if meeting.span.all_day {
            return None;
        }
        let done = self.act(twin, Action::Move { meeting: uid, start, end });
        self.known[n].meeting.span.start = start;
        self.known[n].meeting.span.end = end;
        let moved = when(&self.known[n].meeting);
        Some(done.map(|_| {
            format!("{} moves {} in {room_name} to {moved}", meeting.organizer.name, title(&meeting))
        }))
    }

    fn rename(&mut self, twin: &mut Twin) -> Option<Result<String, Refused>> {
        let n = self.pick(|known| known.meeting.sensitivity == Sensitivity::Normal)?;
        let subject =
            format!("{} (updated)", super::SUBJECTS[self.author.rng.random_range(0..super::SUBJECTS.len())]);
        let Known { uid, meeting, .. } = self.known[n].clone();
        let done = self.act(twin, Action::ChangeSubject { meeting: uid, subject: subject.clone() });
        self.known[n].meeting.subject.clone_from(&subject);
        Some(done.map(|_| format!("{} renames {} to \"{subject}\"", meeting.organizer.name, title(&meeting))))
    }

    fn cancel(&mut self, twin: &mut Twin) -> Option<Result<String, Refused>> {
        let now = self.author.now.naive_utc();
        let n = self.pick(|known| known.meeting.recurrence.is_none() && known.meeting.span.start > now)?;
        let Known { uid, meeting, room_name, .. } = self.known.swap_remove(n);
        let done = self.act(twin, Action::Cancel { meeting: uid });
        Some(done.map(|_| {
            format!(
                "{} cancels {} in {room_name} on {}",
                meeting.organizer.name,
                title(&meeting),
                when(&meeting)
            )
        }))
    }

    fn drop_occurrence(&mut self, twin: &mut Twin) -> Option<Result<String, Refused>> {
        let n = self.pick(|known| known.meeting.recurrence.is_some())?;
        let Known { uid, meeting, room_name, .. } = self.known[n].clone();
        let today = self.author.now.date_naive();
        let dates = meeting.recurrence.as_ref()?.dates(today + Duration::days(1), today + Duration::days(40));
        if dates.is_empty() {
            return None;
        }
        let date = *self.author.one(&dates);
        let done = self.act(twin, Action::DeleteOccurrence { meeting: uid, date });
        Some(done.map(|_| {
            format!("{} drops {} of {date} in {room_name}", meeting.organizer.name, title(&meeting))
        }))
    }

    fn hide(&mut self, twin: &mut Twin) -> Option<Result<String, Refused>> {
        let n = self.pick(|known| known.meeting.sensitivity == Sensitivity::Normal)?;
        let Known { uid, meeting, room_name, .. } = self.known[n].clone();
        self.known[n].meeting.sensitivity = Sensitivity::Private;
        let done = self.act(twin, Action::SetSensitivity { meeting: uid, sensitivity: Sensitivity::Private });
        Some(done.map(|_| format!("{} makes a meeting in {room_name} private", meeting.organizer.name)))
    }

    fn change_room(&mut self, twin: &mut Twin) -> Option<Result<String, Refused>> {
        let n = self.pick(|known| known.meeting.recurrence.is_none())?;
        let building = self.known[n].room.split('-').next().unwrap_or("").to_owned();
        let near: Vec<RoomSpec> =
            self.rooms.iter().filter(|room| room.address.starts_with(&building)).cloned().collect();
        let room = self.author.one(&near).clone();
        if room.address == self.known[n].room {
            return None;
        }
        let Known { uid, meeting, room_name, .. } = self.known[n].clone();
        let done = self.act(twin, Action::ChangeRooms { meeting: uid, rooms: vec![room.address.clone()] });
        self.known[n].room.clone_from(&room.address);
        self.known[n].room_name.clone_from(&room.name);
        Some(done.map(|_| {
            format!("{} moves {} from {room_name} to {}", meeting.organizer.name, title(&meeting), room.name)
        }))
    }
}

impl std::fmt::Debug for LiveUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LiveUser({} meetings)", self.known.len())
    }
}

fn title(meeting: &Meeting) -> String {
    if meeting.sensitivity == Sensitivity::Normal {
        format!("\"{}\"", meeting.subject)
    } else {
        "a private meeting".to_owned()
    }
}

fn when(meeting: &Meeting) -> String {
    let format = if meeting.span.all_day { "%a %-d %b" } else { "%a %-d %b %H:%M" };
    meeting.span.start.format(format).to_string()
}
