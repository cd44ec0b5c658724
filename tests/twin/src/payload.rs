//! What an app sends as an event, and what it means for an item (pages user-post-events, event-update).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{NaiveDate, NaiveDateTime};
use http::Request;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::calendar::zone;
use crate::calendar::{
    Attendee, Content, Importance, Item, Person, Recurrence, Response, Sensitivity, Series, ShowAs, Span,
    Zone,
};
use crate::edit;
use crate::outlook::Refused;
use crate::wire::Refusal;

/// The properties an app may send; a property that is absent stays as it is, null clears it (page event-update).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Sent {
    #[serde(deserialize_with = "given")]
    pub(crate) subject: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(crate) body: Option<Option<Body>>,
    pub(crate) start: Option<Moment>,
    pub(crate) end: Option<Moment>,
    pub(crate) is_all_day: Option<bool>,
    pub(crate) sensitivity: Option<Sensitivity>,
    pub(crate) show_as: Option<ShowAs>,
    pub(crate) importance: Option<Importance>,
    pub(crate) is_reminder_on: Option<bool>,
    pub(crate) reminder_minutes_before_start: Option<i64>,
    #[serde(deserialize_with = "given")]
    pub(crate) categories: Option<Option<Vec<String>>>,
    #[serde(deserialize_with = "given")]
    pub(crate) location: Option<Option<Location>>,
    #[serde(deserialize_with = "given")]
    pub(crate) attendees: Option<Option<Vec<SentAttendee>>>,
    #[serde(deserialize_with = "given")]
    pub(crate) recurrence: Option<Option<Recurrence>>,
    pub(crate) transaction_id: Option<String>,
    pub(crate) single_value_extended_properties: Vec<Property>,
}

/// Properties of an event the twin does not look at, but does not take for errors either (page event).
const IGNORED: [&str; 36] = [
    "id",
    "changeKey",
    "iCalUId",
    "type",
    "seriesMasterId",
    "originalStart",
    "bodyPreview",
    "organizer",
    "originalStartTimeZone",
    "originalEndTimeZone",
    "isCancelled",
    "isDraft",
    "isOrganizer",
    "hideAttendees",
    "responseStatus",
    "responseRequested",
    "allowNewTimeProposals",
    "locations",
    "onlineMeeting",
    "onlineMeetingProvider",
    "onlineMeetingUrl",
    "isOnlineMeeting",
    "createdDateTime",
    "lastModifiedDateTime",
    "hasAttachments",
    "webLink",
    "attachments",
    "calendar",
    "instances",
    "extensions",
    "uid",
    "occurrenceId",
    "multiValueExtendedProperties",
    "cancelledOccurrences",
    "exceptionOccurrences",
    "originalEnd",
];

/// Properties the twin understands.
const KNOWN: [&str; 16] = [
    "subject",
    "body",
    "start",
    "end",
    "isAllDay",
    "sensitivity",
    "showAs",
    "importance",
    "isReminderOn",
    "reminderMinutesBeforeStart",
    "categories",
    "location",
    "attendees",
    "recurrence",
    "transactionId",
    "singleValueExtendedProperties",
];

fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Body {
    pub(crate) content: String,
    pub(crate) content_type: Option<String>,
}

impl Body {
    /// Its text; of HTML the tags are dropped.
    pub(crate) fn text(&self) -> String {
        if !self.content_type.as_ref().is_some_and(|kind| kind.eq_ignore_ascii_case("html")) {
            return self.content.clone();
        }
        let mut inside = false;
        let mut keep = |letter: &char| {
            let tag = inside || *letter == '<';
            inside = tag && *letter != '>';
            !tag
        };
        self.content.chars().filter(|letter| keep(letter)).collect()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Moment {
    pub(crate) date_time: String,
    pub(crate) time_zone: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Location {
    pub(crate) display_name: String,
    pub(crate) location_email_address: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SentAttendee {
    #[serde(rename = "type", default)]
    pub(crate) kind: Option<String>,
    pub(crate) email_address: Address,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Address {
    #[serde(default)]
    pub(crate) name: Option<String>,
    pub(crate) address: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Property {
    pub(crate) id: String,
    pub(crate) value: String,
}

pub(crate) fn unreadable(error: serde_json::Error) -> Refusal {
    Refusal::new(400, "RequestBodyRead", &format!("The request body could not be read: {error}"))
}

/// 400 for a property whose value does not do.
pub(crate) fn invalid(name: &str) -> Refusal {
    let message = format!("At least one property failed validation. Property: {name}");
    Refusal::new(400, "ErrorPropertyValidationFailure", &message)
}

/// Reads what an app sent. `listed` refuses zones that page dateTimeTimeZone does not list.
pub(crate) fn read(request: &Request<Bytes>, listed: bool) -> Result<Sent, Refusal> {
    let body: serde_json::Map<String, Value> = serde_json::from_slice(request.body()).map_err(unreadable)?;
    let strange =
        body.keys().find(|name| !name.contains('@') && !KNOWN.iter().chain(&IGNORED).any(|own| own == name));
    if let Some(name) = strange {
        let message = format!(
            "The property '{name}' does not exist on type 'microsoft.graph.event'. Make sure to only use property names that are defined by the type."
        );
        return Err(Refusal::new(400, "RequestBodyRead", &message));
    }
    let sent: Sent = serde_json::from_value(Value::Object(body)).map_err(unreadable)?;
    let zones = [&sent.start, &sent.end].into_iter().flatten();
    for Moment { time_zone, .. } in zones {
        if listed && time_zone.contains('/') && !zone::LISTED.contains(&time_zone.as_str()) {
            return Err(unknown_zone());
        }
    }
    Ok(sent)
}

fn unknown_zone() -> Refusal {
    Refusal::new(400, "TimeZoneNotSupportedException", "A valid TimeZone value must be specified.")
}

/// A print of what was sent, whatever the order of the properties.
pub(crate) fn fingerprint(body: &[u8]) -> u64 {
    let mut digest = Sha256::new();
    absorb(&mut digest, &serde_json::from_slice(body).unwrap_or_default());
    digest.finalize().iter().take(8).fold(0, |print, byte| print << 8 | u64::from(*byte))
}

fn absorb(digest: &mut Sha256, value: &Value) {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            digest.update("{");
            for (name, value) in sorted {
                digest.update(format!("{name:?}:"));
                absorb(digest, value);
            }
            digest.update("}");
        }
        Value::Array(items) => {
            digest.update("[");
            for item in items {
                absorb(digest, item);
                digest.update(",");
            }
            digest.update("]");
        }
        plain => digest.update(plain.to_string()),
    }
}

pub(crate) fn attendee(sent: &SentAttendee) -> Attendee {
    let kind = match sent.kind.as_deref() {
        Some("resource") => "resource",
        Some("optional") => "optional",
        _ => "required",
    };
    let address = sent.email_address.address.clone();
    let name = sent.email_address.name.clone().unwrap_or_else(|| address.clone());
    Attendee { person: Person { name, address }, kind, response: Response::None }
}

/// The span that start, end and isAllDay describe together with what is there already.
pub(crate) fn span(
    start: Option<&Moment>,
    end: Option<&Moment>,
    all_day: Option<bool>,
    own: Option<&Span>,
) -> Result<Option<Span>, Refusal> {
    let named = |moment: &Moment| Zone::named(&moment.time_zone).map_err(|_| unknown_zone());
    let local = |moment: &Moment| {
        let text = moment.date_time.trim_end_matches('Z');
        text.parse::<NaiveDateTime>().map_err(|_| invalid("dateTime"))
    };
    let mut span = match (own, start, end) {
        (Some(own), ..) => own.clone(),
        (None, Some(start), Some(end)) => {
            Span { start: local(start)?, end: local(end)?, zone: named(start)?, all_day: false }
        }
        _ => return Ok(None),
    };
    if let Some(start) = start {
        span.start = local(start)?;
        span.zone = named(start)?;
    }
    if let Some(end) = end {
        let at = zone::instant(named(end)?.tz(), local(end)?);
        span.end = at.with_timezone(&span.zone.tz()).naive_local();
    }
    span.all_day = all_day.unwrap_or(span.all_day);
    if span.all_day && !span.is_of_days() {
        return Err(Refusal::new(
            400,
            "ErrorInvalidRequest",
            "The Event.Start and Event.End properties must be set to midnight for all-day events.",
        ));
    }
    Ok(Some(span))
}

fn patch_content(content: &mut Content, sent: &Sent) {
    if let Some(subject) = &sent.subject {
        content.subject = subject.clone().unwrap_or_default();
    }
    if let Some(body) = &sent.body {
        content.body = body.as_ref().map(Body::text).unwrap_or_default();
    }
    location(content, sent);
    content.sensitivity = sent.sensitivity.unwrap_or(content.sensitivity);
    content.show_as = sent.show_as.unwrap_or(content.show_as);
    content.importance = sent.importance.unwrap_or(content.importance);
}

pub(crate) fn location(content: &mut Content, sent: &Sent) {
    if let Some(location) = &sent.location {
        let location = location.clone().unwrap_or_default();
        content.location = location.display_name;
        content.location_address = location.location_email_address;
    }
}

/// Reminder, categories and extended properties: of this mailbox alone.
pub(crate) fn personal(item: &mut Item, sent: &Sent) {
    let own = &mut item.personal;
    own.reminder_on = sent.is_reminder_on.unwrap_or(own.reminder_on);
    own.reminder_minutes = sent.reminder_minutes_before_start.unwrap_or(own.reminder_minutes);
    if let Some(categories) = &sent.categories {
        own.categories = categories.clone().unwrap_or_default();
    }
    let properties = sent.single_value_extended_properties.iter();
    item.extended.extend(properties.map(|own| (own.id.clone(), own.value.clone())));
}

/// `range.startDate` must be the date of `start` (page recurrenceRange).
pub(crate) fn same_start(recurrence: Option<&Recurrence>, span: &Span) -> Result<(), Refusal> {
    let differs = recurrence.is_some_and(|recurrence| recurrence.range.start_date != span.start.date());
    if differs { Err(invalid("Recurrence.Range.StartDate")) } else { Ok(()) }
}

pub(crate) fn patch(item: &mut Item, sent: &Sent) -> Result<(), Refusal> {
    patch_content(&mut item.content, sent);
    personal(item, sent);
    let own = item.shape.span.clone();
    let wanted = span(sent.start.as_ref(), sent.end.as_ref(), sent.is_all_day, Some(&own))?
        .unwrap_or_else(|| own.clone());
    same_start(sent.recurrence.as_ref().and_then(Option::as_ref), &wanted)?;
    if wanted != own {
        edit::move_item(item, wanted.start, wanted.end)?;
        item.shape.span = wanted;
    }
    match &sent.recurrence {
        None => {}
        Some(None) => item.shape.series = None,
        Some(Some(recurrence)) => repeat(item, recurrence)?,
    }
    if let Some(attendees) = &sent.attendees {
        let list = attendees.iter().flatten();
        let before = std::mem::take(&mut item.attendees);
        item.attendees = list.map(attendee).map(|own| answered(own, &before)).collect();
    }
    Ok(())
}

fn repeat(item: &mut Item, recurrence: &Recurrence) -> Result<(), Refusal> {
    recurrence.check().map_err(Refused::from)?;
    let series = item.shape.series.get_or_insert_with(|| Series::new(recurrence.clone()));
    if series.recurrence.pattern != recurrence.pattern {
        series.removed = BTreeSet::new();
        series.exceptions.clear();
    }
    series.recurrence = recurrence.clone();
    Ok(())
}

/// Whoever was invited before keeps the answer given.
fn answered(own: Attendee, before: &[Attendee]) -> Attendee {
    let same = |other: &&Attendee| other.person.address.eq_ignore_ascii_case(&own.person.address);
    let response = before.iter().find(same).map_or(own.response, |known| known.response);
    Attendee { response, ..own }
}

pub(crate) fn patch_occurrence(item: &mut Item, date: NaiveDate, sent: &Sent) -> Result<(), Refusal> {
    if sent.attendees.is_some() || sent.recurrence.is_some() {
        let message =
            "The twin keeps neither attendees nor a recurrence per occurrence; write to the series.";
        return Err(Refusal::new(501, "NotImplemented", message));
    }
    let usual = item.shape.span.on(date);
    let own = item
        .shape
        .series
        .as_ref()
        .and_then(|series| series.exceptions.get(&date))
        .map_or(usual, |own| own.span.clone());
    let wanted = span(sent.start.as_ref(), sent.end.as_ref(), sent.is_all_day, Some(&own))?.unwrap_or(own);
    edit::except(item, date, "", |exception| {
        patch_content(&mut exception.content, sent);
        exception.span = wanted;
    })?;
    Ok(())
}
