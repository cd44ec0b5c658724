//! What an app sends as an event, and what it means for an item (pages user-post-events, event-update).

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{NaiveDate, NaiveDateTime};
use http::Request;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::calendar::{
    Attendee, Item, Person, Recurrence, Response, Sensitivity, Series, ShowAs, Span, Zone,
};
use crate::edit;
use crate::outlook::Refused;
use crate::wire::Refusal;

/// The properties an app may send; a property that is absent stays as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Sent {
    pub(crate) subject: Option<String>,
    pub(crate) body: Option<Body>,
    pub(crate) start: Option<Moment>,
    pub(crate) end: Option<Moment>,
    pub(crate) is_all_day: Option<bool>,
    pub(crate) sensitivity: Option<Sensitivity>,
    pub(crate) show_as: Option<ShowAs>,
    pub(crate) location: Option<Location>,
    pub(crate) attendees: Option<Vec<SentAttendee>>,
    pub(crate) recurrence: Option<Recurrence>,
    pub(crate) transaction_id: Option<String>,
    pub(crate) single_value_extended_properties: Vec<Property>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Body {
    pub(crate) content: String,
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

pub(crate) fn read(request: &Request<Bytes>) -> Result<Sent, Refusal> {
    serde_json::from_slice(request.body()).map_err(|error| {
        Refusal::new(400, "RequestBodyRead", &format!("The request body could not be read: {error}"))
    })
}

pub(crate) fn fingerprint(body: &[u8]) -> u64 {
    Sha256::digest(body).iter().take(8).fold(0, |print, byte| print << 8 | u64::from(*byte))
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
    let zone = |moment: &Moment| {
        Zone::named(&moment.time_zone).map_err(|_| {
            Refusal::new(400, "TimeZoneNotSupportedException", "A valid TimeZone value must be specified.")
        })
    };
    let local = |moment: &Moment| {
        moment.date_time.trim_end_matches('Z').parse::<NaiveDateTime>().map_err(|_| {
            Refusal::new(
                400,
                "ErrorPropertyValidationFailure",
                "At least one property failed validation. Property: dateTime",
            )
        })
    };
    let mut span = match (own, start, end) {
        (Some(own), ..) => own.clone(),
        (None, Some(start), Some(end)) => {
            Span { start: local(start)?, end: local(end)?, zone: zone(start)?, all_day: false }
        }
        _ => return Ok(None),
    };
    if let Some(start) = start {
        span.start = local(start)?;
        span.zone = zone(start)?;
    }
    if let Some(end) = end {
        let at = crate::calendar::zone::instant(zone(end)?.tz(), local(end)?);
        span.end = at.with_timezone(&span.zone.tz()).naive_local();
    }
    span.all_day = all_day.unwrap_or(span.all_day);
    let midnight = |at: NaiveDateTime| at.time() == chrono::NaiveTime::MIN;
    if span.all_day && !(midnight(span.start) && midnight(span.end) && span.end > span.start) {
        return Err(Refusal::new(
            400,
            "ErrorInvalidRequest",
            "The Event.Start and Event.End properties must be set to midnight for all-day events.",
        ));
    }
    Ok(Some(span))
}

fn patch_content(content: &mut crate::calendar::Content, sent: &Sent) {
    if let Some(subject) = &sent.subject {
        content.subject.clone_from(subject);
    }
    if let Some(body) = &sent.body {
        content.body.clone_from(&body.content);
    }
    if let Some(location) = &sent.location {
        content.location.clone_from(&location.display_name);
    }
    content.sensitivity = sent.sensitivity.unwrap_or(content.sensitivity);
    content.show_as = sent.show_as.unwrap_or(content.show_as);
}

pub(crate) fn patch(item: &mut Item, sent: &Sent) -> Result<(), Refusal> {
    patch_content(&mut item.content, sent);
    let own = item.shape.span.clone();
    if let Some(wanted) = span(sent.start.as_ref(), sent.end.as_ref(), sent.is_all_day, Some(&own))?
        && wanted != own
    {
        edit::move_item(item, wanted.start, wanted.end)?;
        item.shape.span = wanted;
    }
    if let Some(recurrence) = &sent.recurrence {
        recurrence.check().map_err(Refused::from)?;
        let removed = BTreeSet::new();
        let series = item.shape.series.get_or_insert_with(|| Series::new(recurrence.clone()));
        if series.recurrence.pattern != recurrence.pattern {
            series.removed = removed;
            series.exceptions.clear();
        }
        series.recurrence = recurrence.clone();
    }
    if let Some(attendees) = &sent.attendees {
        item.attendees = attendees.iter().map(attendee).collect();
    }
    item.extended
        .extend(sent.single_value_extended_properties.iter().map(|own| (own.id.clone(), own.value.clone())));
    Ok(())
}

pub(crate) fn patch_occurrence(item: &mut Item, date: NaiveDate, sent: &Sent) -> Result<(), Refusal> {
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
