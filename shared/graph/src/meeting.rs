//! A meeting in its organizer's calendar as Graph writes and shows it (`event`, `user-post-events`, `event-update` pages).

use crate::wire::{Moment, Text};
use roomsync_command::Recurrence;
use roomsync_domain::entry::When;
use roomsync_domain::writing::meeting::{RoomAddress, RoomAnswer};
use roomsync_domain::writing::merge::{Draft, Invited, Patch};
use roomsync_domain::writing::{MARKER, Seen, Wall, Words};
use roomsync_domain::{EventId, Span};
use roomsync_ports::Mark;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What is asked for.
pub(crate) const SELECT: &str =
    "id,iCalUId,subject,start,end,isAllDay,isCancelled,sensitivity,attendees,organizer,recurrence";

/// No `Debug`: subject and attendees are in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meeting<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "@odata.etag")]
    etag: Option<Text<'a>>,
    #[serde(borrow, rename = "iCalUId")]
    ical_uid: Option<Text<'a>>,
    subject: Option<String>,
    #[serde(borrow)]
    start: Option<Moment<'a>>,
    #[serde(borrow)]
    end: Option<Moment<'a>>,
    is_all_day: Option<bool>,
    is_cancelled: Option<bool>,
    #[serde(borrow)]
    sensitivity: Option<Text<'a>>,
    #[serde(default)]
    attendees: Option<Vec<Attendee>>,
    organizer: Option<Recipient>,
    /// Kept loose: a shape that we do not know must not make the meeting unreadable.
    recurrence: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attendee {
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<Status>,
    email_address: Option<Address>,
}

#[derive(Deserialize)]
struct Status {
    response: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: Option<Address>,
}

#[derive(Deserialize)]
struct Address {
    address: Option<String>,
}

impl Meeting<'_> {
    /// The meeting, or our word for what keeps it from being one.
    pub(crate) fn seen(self, mailbox: &str) -> Result<Seen, &'static str> {
        let when = self.when()?;
        let id = self.id.map(Text::into_string).filter(|id| !id.is_empty()).ok_or("EventWithoutId")?;
        let organizer = self.organizer.and_then(|organizer| organizer.email_address?.address);
        let is_organizer = |address: &str| {
            address.eq_ignore_ascii_case(mailbox)
                || organizer.as_deref().is_some_and(|organizer| organizer.eq_ignore_ascii_case(address))
        };
        let (mut people, mut answers) = (Vec::new(), Vec::new());
        for attendee in self.attendees.into_iter().flatten() {
            let Some(address) = attendee.email_address.and_then(|email| email.address) else { continue };
            answers.push((address.clone(), answer(attendee.status.as_ref())));
            let resource = attendee.kind.as_deref() == Some("resource");
            if !resource && !is_organizer(&address) {
                people.push(address);
            }
        }
        Ok(Seen {
            id: EventId::new(id),
            ical_uid: self.ical_uid.map(Text::into_string),
            etag: self.etag.map(Text::into_string),
            cancelled: self.is_cancelled.unwrap_or(false),
            when,
            private: self.sensitivity.is_some_and(|sensitivity| sensitivity.as_str() != "normal"),
            words: Words { subject: self.subject, attendees: Some(people) },
            answers,
            recurrence: self.recurrence.and_then(|value| serde_json::from_value::<Recurrence>(value).ok()),
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

fn answer(status: Option<&Status>) -> RoomAnswer {
    match status.and_then(|status| status.response.as_deref()) {
        Some("accepted" | "organizer") => RoomAnswer::Accepted,
        Some("tentativelyAccepted") => RoomAnswer::Tentative,
        Some("declined") => RoomAnswer::Declined,
        _ => RoomAnswer::None,
    }
}

/// The body of a create.
pub(crate) fn create(draft: &Draft, mark: &Mark) -> Value {
    let mut body = json!({
        "subject": draft.words.subject.clone().unwrap_or_default(),
        "body": {"contentType": "text", "content": ""},
        "start": moment(&draft.start),
        "end": moment(&draft.end),
        "isAllDay": draft.all_day,
        "sensitivity": sensitivity(draft.private),
        "showAs": "busy",
        "attendees": attendees(draft.words.attendees.as_deref().unwrap_or_default(), draft.invite.as_ref()),
        "transactionId": mark.transaction.hyphenated().to_string(),
        "singleValueExtendedProperties": [{"id": MARKER, "value": mark.marker}],
    });
    if let Some(room) = &draft.location {
        body["location"] = location(room);
    }
    if let Some(recurrence) = &draft.recurrence {
        body["recurrence"] = json!(recurrence);
    }
    body
}

/// The body of an update: only what changes.
pub(crate) fn update(patch: &Patch) -> Value {
    let mut body = Map::new();
    if let Some((start, end, all_day)) = &patch.when {
        body.insert("start".to_owned(), moment(start));
        body.insert("end".to_owned(), moment(end));
        body.insert("isAllDay".to_owned(), json!(all_day));
    }
    if let Some(private) = patch.private {
        body.insert("sensitivity".to_owned(), json!(sensitivity(private)));
    }
    if let Some(subject) = &patch.subject {
        body.insert("subject".to_owned(), json!(subject));
    }
    if let Some(Invited { people, room }) = &patch.invited {
        body.insert("attendees".to_owned(), attendees(people, room.as_ref()));
        if patch.moves_room {
            let place = room.as_ref().map_or_else(|| json!({"displayName": ""}), location);
            body.insert("location".to_owned(), place);
        }
    }
    if let Some(recurrence) = &patch.recurrence {
        body.insert("recurrence".to_owned(), json!(recurrence));
    }
    Value::Object(body)
}

fn moment(wall: &Wall) -> Value {
    json!({"dateTime": wall.local.format("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": wall.zone})
}

fn sensitivity(private: bool) -> &'static str {
    if private { "private" } else { "normal" }
}

fn attendees(people: &[String], room: Option<&RoomAddress>) -> Value {
    let mut all: Vec<Value> = people
        .iter()
        .map(|address| json!({"type": "required", "emailAddress": {"address": address}}))
        .collect();
    all.extend(
        room.map(
            |room| json!({"type": "resource", "emailAddress": {"address": room.email, "name": room.name}}),
        ),
    );
    Value::Array(all)
}

fn location(room: &RoomAddress) -> Value {
    json!({"displayName": room.name, "locationEmailAddress": room.email})
}
