//! What lies in a calendar: single meetings and series, each with its own copy in every mailbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::recurrence::Recurrence;
use super::zone::{self, Zone};

/// A local interval with its zone. An all-day interval is a pair of dates (midnights, end exclusive).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Local begin.
    pub start: NaiveDateTime,
    /// Local end, exclusive.
    pub end: NaiveDateTime,
    /// Zone of both.
    pub zone: Zone,
    /// Whole days.
    #[serde(default)]
    pub all_day: bool,
}

impl Span {
    /// A timed span in a zone.
    pub fn timed(start: NaiveDateTime, minutes: i64, zone: Zone) -> Span {
        Span { start, end: start + Duration::minutes(minutes), zone, all_day: false }
    }

    /// The instants it covers. Whole days are those of the calendar's own zone (docs issue 16798: membership goes by
    /// the true instant, whatever midnight is displayed).
    pub fn instants(&self, calendar: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        let tz = if self.all_day { calendar } else { self.zone.tz() };
        let start = zone::instant(tz, self.start);
        // A begin that the clocks skip lies later than they show it, maybe after the end.
        (start, zone::instant(tz, self.end).max(start))
    }

    /// Whether it may be one of whole days: these go from midnight to midnight (page event, `isAllDay`).
    pub fn is_of_days(&self) -> bool {
        let midnight = |at: NaiveDateTime| at.time() == chrono::NaiveTime::MIN;
        midnight(self.start) && midnight(self.end) && self.end > self.start
    }

    /// The same span at another time. Whole days that are dragged to other hours are none any more.
    pub fn moved(&self, start: NaiveDateTime, end: NaiveDateTime) -> Span {
        let moved = Span { start, end, ..self.clone() };
        Span { all_day: moved.all_day && moved.is_of_days(), ..moved }
    }

    /// The same span on another first date.
    pub fn on(&self, date: NaiveDate) -> Span {
        let start = date.and_time(self.start.time());
        Span { start, end: start + (self.end - self.start), ..self.clone() }
    }
}

/// `sensitivity`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum Sensitivity {
    #[default]
    Normal,
    Personal,
    Private,
    Confidential,
}

/// `showAs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum ShowAs {
    Unknown,
    Free,
    Tentative,
    #[default]
    Busy,
    Oof,
    WorkingElsewhere,
}

/// `importance`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum Importance {
    Low,
    #[default]
    Normal,
    High,
}

/// `responseStatus.response`: of the mailbox itself, or of one attendee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum Response {
    #[default]
    None,
    Organizer,
    TentativelyAccepted,
    Accepted,
    Declined,
    NotResponded,
}

/// A name with an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Display name.
    pub name: String,
    /// SMTP address.
    pub address: String,
}

/// One line of the attendee list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendee {
    /// Who.
    pub person: Person,
    /// `required`, `optional` or `resource`.
    pub kind: &'static str,
    /// The answer as this mailbox knows it.
    pub response: Response,
}

/// What people read in a meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Content {
    pub subject: String,
    pub body: String,
    pub location: String,
    /// `location.locationEmailAddress`, if the client sent one.
    pub location_address: Option<String>,
    pub sensitivity: Sensitivity,
    pub show_as: ShowAs,
    pub importance: Importance,
}

/// What a mailbox keeps of an item for itself: attendees neither get it nor hear of its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Personal {
    pub reminder_on: bool,
    pub reminder_minutes: i64,
    pub categories: Vec<String>,
}

impl Default for Personal {
    fn default() -> Self {
        Personal { reminder_on: false, reminder_minutes: 15, categories: Vec::new() }
    }
}

/// One occurrence that differs from its series.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Exception {
    pub span: Span,
    pub content: Content,
    pub cancelled: bool,
}

/// The repeating part of a series, its holes and exceptions. Both are keyed by the original date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Which dates.
    pub recurrence: Recurrence,
    /// Part of every occurrence id: a new pattern gives new ids.
    pub generation: u16,
    /// Deleted occurrences.
    pub removed: BTreeSet<NaiveDate>,
    /// Changed occurrences.
    pub exceptions: BTreeMap<NaiveDate, Exception>,
}

impl Series {
    /// A fresh series without exceptions.
    pub fn new(recurrence: Recurrence) -> Series {
        Series { recurrence, generation: 0, removed: BTreeSet::new(), exceptions: BTreeMap::new() }
    }
}

/// When something happens: all that decides which instances exist.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Shape {
    pub span: Span,
    pub series: Option<Series>,
}

/// One item of one mailbox: a single meeting or a whole series.
#[derive(Clone, Debug)]
pub struct Item {
    /// Number within the mailbox, never reused.
    pub key: u64,
    /// `iCalUId`, the same in every mailbox.
    pub uid: Arc<str>,
    /// When.
    pub shape: Shape,
    /// What.
    pub content: Content,
    /// Reminder and categories of this mailbox.
    pub personal: Personal,
    /// By whom.
    pub organizer: Person,
    /// Whether this mailbox organizes it.
    pub is_organizer: bool,
    /// With whom.
    pub attendees: Vec<Attendee>,
    /// Called off by the organizer.
    pub cancelled: bool,
    /// This mailbox's own answer.
    pub response: Response,
    /// When it answered.
    pub responded: Option<DateTime<Utc>>,
    /// Made.
    pub created: DateTime<Utc>,
    /// Last written, by anyone.
    pub modified: DateTime<Utc>,
    /// `transactionId` of the create call.
    pub transaction_id: Option<String>,
    /// `singleValueExtendedProperties`, by id.
    pub extended: BTreeMap<String, String>,
    /// Number of the last change in the mailbox; the etag is made of it.
    pub seq: u64,
    /// Earlier shapes, each with the change that replaced it: what an old delta link still believes in.
    pub(crate) past: Vec<(u64, Shape)>,
    /// Occurrences whose removal delta will never mention (docs issue 4501).
    pub(crate) hushed: BTreeSet<NaiveDate>,
}

/// One entry as calendarView shows it.
#[derive(Clone, Debug)]
pub struct Instance<'a> {
    /// The single meeting or series it belongs to.
    pub item: &'a Item,
    /// Original date, for occurrences and exceptions.
    pub date: Option<NaiveDate>,
    /// Set if it differs from its series.
    pub exception: Option<&'a Exception>,
    /// Its own time.
    pub span: Span,
    /// True begin.
    pub start: DateTime<Utc>,
    /// True end.
    pub end: DateTime<Utc>,
}

impl Instance<'_> {
    /// Its `iCalUId`. That of an occurrence is its own (page event), or the one of its series (seen in docs issue 4447): half of the meetings
    /// have it one way. The eight digits after the prefix are for the date (MS-OXOCAL, PidLidGlobalObjectId).
    pub fn uid(&self) -> String {
        let uid = self.item.uid.as_ref();
        let (Some(date), Some((prefix, rest))) = (self.date, uid.split_at_checked(32)) else {
            return uid.to_owned();
        };
        let has_its_own = uid.bytes().last().is_some_and(|digit| digit % 2 == 1);
        match rest.get(8..).filter(|_| has_its_own) {
            Some(rest) => format!("{prefix}{:04X}{:02X}{:02X}{rest}", date.year(), date.month(), date.day()),
            None => uid.to_owned(),
        }
    }

    /// Content, of the exception if it is one.
    pub fn content(&self) -> &Content {
        self.exception.map_or(&self.item.content, |exception| &exception.content)
    }

    /// Called off, alone or with its series.
    pub fn cancelled(&self) -> bool {
        self.item.cancelled || self.exception.is_some_and(|exception| exception.cancelled)
    }
}

/// A half-open range of instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Window {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

impl Window {
    /// Whether an interval overlaps it; an interval without length counts where it begins.
    pub fn touches(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        start < self.to && (end > self.from || (start == end && start >= self.from))
    }
}

/// When an instance takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// Original date; none for a single meeting.
    pub date: Option<NaiveDate>,
    /// Its own local time.
    pub span: Span,
    /// True begin.
    pub start: DateTime<Utc>,
    /// True end.
    pub end: DateTime<Utc>,
}

impl Shape {
    /// The instances inside a window, in no particular order.
    pub fn instances(&self, window: Window, calendar: Tz) -> Vec<Occasion> {
        let mut found = Vec::new();
        let mut offer = |date, span: Span| {
            let (start, end) = span.instants(calendar);
            if window.touches(start, end) {
                found.push(Occasion { date, span, start, end });
            }
        };
        let Some(series) = &self.series else {
            offer(None, self.span.clone());
            return found;
        };
        let pad = Duration::days(2) + (self.span.end - self.span.start);
        let (from, to) = ((window.from - pad).date_naive(), (window.to + Duration::days(2)).date_naive());
        for date in series.recurrence.dates(from, to) {
            if !series.removed.contains(&date) && !series.exceptions.contains_key(&date) {
                offer(Some(date), self.span.on(date));
            }
        }
        for (date, exception) in &series.exceptions {
            if !series.removed.contains(date) {
                offer(Some(*date), exception.span.clone());
            }
        }
        found
    }

    /// Whether `date` is an original date of the series, exception or not, and not deleted.
    pub fn has(&self, date: NaiveDate) -> bool {
        self.series.as_ref().is_some_and(|series| {
            !series.removed.contains(&date)
                && (series.exceptions.contains_key(&date)
                    || series.recurrence.dates(date, date).contains(&date))
        })
    }
}

impl Item {
    /// The instances inside a window, in no particular order.
    pub fn instances(&self, window: Window, calendar: Tz) -> Vec<Instance<'_>> {
        let exceptions = self.shape.series.as_ref().map(|series| &series.exceptions);
        let instance = |Occasion { date, span, start, end }| {
            let exception = date.and_then(|date| exceptions.and_then(|all| all.get(&date)));
            Instance { item: self, date, exception, span, start, end }
        };
        self.shape.instances(window, calendar).into_iter().map(instance).collect()
    }

    /// One occurrence or exception by its original date.
    pub fn occurrence(&self, date: NaiveDate, calendar: Tz) -> Option<Instance<'_>> {
        if !self.shape.has(date) {
            return None;
        }
        let exception = self.shape.series.as_ref().and_then(|series| series.exceptions.get(&date));
        let span = exception.map_or_else(|| self.shape.span.on(date), |exception| exception.span.clone());
        let (start, end) = span.instants(calendar);
        Some(Instance { item: self, date: Some(date), exception, span, start, end })
    }

    /// `changeKey`; the etag is `W/"` + it + `"`.
    pub fn change_key(&self) -> String {
        super::ids::change_key(self.key, self.seq)
    }
}
