//! An event as Graph shows it (`event` page), and the entry that is left of it.

use crate::wire::{Moment, Text, offset_instant};
use roomsync_domain::entry::{CalendarEntry, EntryKind, Person, Response, Wanted, When};
use roomsync_domain::{EventId, Span};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What is always asked for.
const ALWAYS: &str = "id,type,seriesMasterId,originalStart,originalStartTimeZone,start,end,isAllDay,isCancelled,sensitivity,showAs,\
    responseStatus,iCalUId";

/// The properties to ask for: what policy forbids is not among them.
pub(crate) fn select(wanted: Wanted) -> String {
    let mut select = ALWAYS.to_owned();
    if wanted.subject {
        select.push_str(",subject");
    }
    if wanted.organizer {
        select.push_str(",organizer");
    }
    select
}

/// No `Debug`: subject and organizer are in it, undecoded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    series_master_id: Option<Text<'a>>,
    #[serde(borrow)]
    original_start: Option<Text<'a>>,
    #[serde(borrow)]
    original_start_time_zone: Option<Text<'a>>,
    #[serde(borrow)]
    start: Option<Moment<'a>>,
    #[serde(borrow)]
    end: Option<Moment<'a>>,
    is_all_day: Option<bool>,
    is_cancelled: Option<bool>,
    #[serde(borrow)]
    sensitivity: Option<Text<'a>>,
    #[serde(borrow)]
    show_as: Option<Text<'a>>,
    #[serde(borrow)]
    response_status: Option<Status<'a>>,
    #[serde(borrow, rename = "iCalUId")]
    ical_uid: Option<Text<'a>>,
    #[serde(borrow)]
    subject: Option<&'a RawValue>,
    #[serde(borrow)]
    organizer: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    response: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: Option<Address>,
}

#[derive(Deserialize)]
struct Address {
    name: Option<String>,
    address: Option<String>,
}

impl Event<'_> {
    /// Kinds that we do not know are meetings of their own.
    pub(crate) fn kind(&self) -> EntryKind {
        match self.kind.as_ref().map(Text::as_str) {
            Some("occurrence") => EntryKind::Occurrence,
            Some("exception") => EntryKind::Exception,
            Some("seriesMaster") => EntryKind::Master,
            _ => EntryKind::Single,
        }
    }

    /// The entry, or our word for what keeps it from being one.
    pub(crate) fn entry(self, wanted: Wanted) -> Result<CalendarEntry, &'static str> {
        let kind = self.kind();
        let when = self.when()?;
        // What is not said to be normal is private, a sensitivity that we do not know too.
        let private = self.sensitivity.as_ref().is_none_or(|sensitivity| sensitivity.as_str() != "normal");
        let subject = self.subject.filter(|_| wanted.subject && !private).and_then(text);
        let organizer = self.organizer.filter(|_| wanted.organizer && !private).and_then(person);
        let id = self.id.map(Text::into_string).filter(|id| !id.is_empty()).ok_or("EventWithoutId")?;
        Ok(CalendarEntry {
            id: EventId::new(id),
            ical_uid: self.ical_uid.map(Text::into_string),
            kind,
            series: self.series_master_id.map(|id| EventId::new(id.into_string())),
            original_start: self.original_start.and_then(|text| offset_instant(text.as_str())),
            when,
            made_in: self.original_start_time_zone.map(Text::into_string),
            cancelled: self.is_cancelled.unwrap_or(false),
            response: response(self.response_status.and_then(|status| status.response)),
            tentative: self.show_as.is_some_and(|shown| shown.as_str() == "tentative"),
            private,
            subject,
            organizer,
        })
    }

    fn when(&self) -> Result<When, &'static str> {
        let start = self.start.as_ref().ok_or("EventWithoutStart")?;
        let end = self.end.as_ref().ok_or("EventWithoutEnd")?;
        if self.is_all_day.unwrap_or(false) {
            let first = start.date().ok_or("EventStartUnreadable")?;
            return Ok(When::AllDay(first, end.date().ok_or("EventEndUnreadable")?));
        }
        let start = start.instant().ok_or("EventStartUnreadable")?;
        Ok(When::Timed(Span::new(start, end.instant().ok_or("EventEndUnreadable")?)))
    }
}

fn response(response: Option<Text<'_>>) -> Response {
    match response.as_ref().map(Text::as_str) {
        Some("tentativelyAccepted" | "notResponded") => Response::Open,
        Some("declined") => Response::Declined,
        _ => Response::Settled,
    }
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn person(raw: &RawValue) -> Option<Person> {
    let recipient: Recipient = serde_json::from_str(raw.get()).ok()?;
    let Address { name, address } = recipient.email_address?;
    let known = |text: Option<String>| text.filter(|text| !text.is_empty());
    let person = Person { name: known(name), email: known(address) };
    (person.name.is_some() || person.email.is_some()).then_some(person)
}
