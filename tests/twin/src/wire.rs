//! JSON shapes: events, errors, collections. Names and types follow the reference pages `event` and `errors`.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, SubsecRound, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::calendar::{Attendee, Content, IdFormat, Instance, Item, Mailbox, Person, Response, Span, Zone};
use crate::object::Object;
use crate::push::Draft;
use crate::request::{Call, Prefer};

/// An answer before it becomes HTTP.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Another answer will take its place if endpoints prove themselves.
    pub(crate) unless: Option<Box<Draft>>,
}

/// A refusal with a Graph error code.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// One more property of the error.
    pub(crate) extra: Option<Box<(&'static str, Value)>>,
    /// It is none if endpoints prove themselves.
    pub(crate) unless: Option<Box<Draft>>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Reply {
        Reply::text(status, serde_json::to_vec(body).unwrap_or_default())
    }

    /// An object that is written already.
    pub(crate) fn object(status: u16, body: Object) -> Reply {
        Reply::text(status, body.text())
    }

    fn text(status: u16, body: Vec<u8>) -> Reply {
        let headers = vec![(
            "content-type",
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8".to_owned(),
        )];
        Reply { status, headers, body, unless: None }
    }

    pub(crate) fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Vec::new(), unless: None }
    }

    pub(crate) fn with(mut self, name: &'static str, value: Option<String>) -> Reply {
        self.headers.extend(value.map(|value| (name, value)));
        self
    }
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: &str) -> Refusal {
        Refusal {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            headers: Vec::new(),
            extra: None,
            unless: None,
        }
    }

    pub(crate) fn bad(message: &str) -> Refusal {
        Refusal::new(400, "ErrorInvalidRequest", message)
    }

    pub(crate) fn no_item() -> Refusal {
        Refusal::new(404, "ErrorItemNotFound", "The specified object was not found in the store.")
    }

    pub(crate) fn reply(self, now: DateTime<Utc>, request_id: &str) -> Reply {
        let inner = json!({
            "date": now.format("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": request_id, "client-request-id": request_id
        });
        let mut body = json!({"error": {"code": self.code, "message": self.message, "innerError": inner}});
        if let Some((name, value)) = self.extra.map(|extra| *extra) {
            body["error"][name] = value;
        }
        let mut reply = Reply::json(self.status, &body);
        reply.headers.extend(self.headers);
        reply.unless = self.unless;
        reply
    }
}

/// How a client wants to see events.
pub(crate) struct Look {
    pub(crate) ids: IdFormat,
    pub(crate) zone: Zone,
    pub(crate) text_body: bool,
    pub(crate) select: Option<Vec<String>>,
}

impl Look {
    pub(crate) fn of(call: &Call) -> Result<Look, Refusal> {
        let select =
            call.option("$select").map(|list| list.split(',').map(|name| name.trim().to_owned()).collect());
        Look::whole(&call.prefer).map(|look| Look { select, ..look })
    }

    /// Every property, as delta gives them whatever is selected.
    pub(crate) fn whole(prefer: &Prefer) -> Result<Look, Refusal> {
        Ok(Look { ids: prefer.ids, zone: prefer.read_zone()?, text_body: prefer.text_body, select: None })
    }
}

/// `Edm.DateTimeOffset` with seven digits.
pub(crate) fn stamp(at: DateTime<Utc>) -> String {
    format!("{:?}.{:06}0Z", at.trunc_subsecs(0).naive_utc(), at.timestamp_subsec_micros())
}

fn local(at: NaiveDateTime) -> String {
    format!("{:?}.0000000", at.trunc_subsecs(0))
}

/// `dateTimeTimeZone`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Moment<'a> {
    date_time: String,
    time_zone: &'a str,
}

/// `recipient`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recipient<'a> {
    email_address: &'a Person,
}

/// `responseStatus`.
#[derive(Serialize)]
struct Answered {
    response: Response,
    time: String,
}

/// `attendee`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invited<'a> {
    email_address: &'a Person,
    r#type: &'a str,
    status: Answered,
}

/// `location`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    display_name: &'a str,
    location_type: &'static str,
    unique_id: &'a str,
    unique_id_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_email_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_uri: Option<&'a str>,
}

/// `itemBody`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    content_type: &'static str,
    content: std::borrow::Cow<'a, str>,
}

/// A begin or an end: whole days stay at midnight whatever the zone (docs issue 1802).
fn moment<'a>(span: &Span, at: NaiveDateTime, instant: DateTime<Utc>, zone: &'a Zone) -> Moment<'a> {
    let shown = if span.all_day { at } else { instant.with_timezone(&zone.tz()).naive_local() };
    Moment { date_time: local(shown), time_zone: zone.name() }
}

fn answered(response: Response, at: Option<DateTime<Utc>>) -> Answered {
    let time = at.map_or_else(
        || "0001-01-01T00:00:00Z".to_owned(),
        |at| at.to_rfc3339_opts(SecondsFormat::Secs, true),
    );
    Answered { response, time }
}

fn invited(attendee: &Attendee) -> Invited<'_> {
    let status = answered(attendee.response, None);
    Invited { email_address: &attendee.person, r#type: attendee.kind, status }
}

/// An event as a client wants to see it.
struct Event<'a> {
    object: Object,
    look: &'a Look,
}

impl Event<'_> {
    /// Begins with what is there whatever is selected.
    fn new<'a>(mailbox: &Mailbox, item: &Item, date: Option<chrono::NaiveDate>, look: &'a Look) -> Event<'a> {
        let mut object = Object::new();
        object.put("@odata.etag", &etag(item));
        object.put("id", &mailbox.event_id(item, date, look.ids));
        Event { object, look }
    }

    fn put<T: Serialize>(&mut self, name: &str, value: impl FnOnce() -> T) {
        if self.look.select.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name)) {
            self.object.put(name, &value());
        }
    }

    fn properties(&mut self, item: &Item, content: &Content, span: &Span) {
        self.put("changeKey", || item.change_key());
        self.put("subject", || &content.subject);
        self.put("bodyPreview", || content.body.chars().take(255).collect::<String>());
        let as_text = self.look.text_body;
        self.put("body", || body(&content.body, as_text));
        self.put("originalStartTimeZone", || span.zone.name());
        self.put("originalEndTimeZone", || span.zone.name());
        self.put("isAllDay", || span.all_day);
        self.put("isDraft", || false);
        self.put("isOrganizer", || item.is_organizer);
        self.put("sensitivity", || content.sensitivity);
        self.put("showAs", || content.show_as);
        self.put("importance", || content.importance);
        self.put("organizer", || Recipient { email_address: &item.organizer });
        self.put("attendees", || item.attendees.iter().map(invited).collect::<Vec<_>>());
        self.put("hideAttendees", || false);
        self.put("responseStatus", || answered(item.response, item.responded));
        self.put("responseRequested", || true);
        self.put("allowNewTimeProposals", || true);
        self.put("location", || location(content));
        self.put("locations", || [(); 0]);
        self.put("categories", || &item.personal.categories);
        self.put("isOnlineMeeting", || false);
        self.put("onlineMeetingProvider", || "unknown");
        self.put("onlineMeeting", || ());
        self.put("onlineMeetingUrl", || ());
        self.put("isReminderOn", || item.personal.reminder_on);
        self.put("reminderMinutesBeforeStart", || item.personal.reminder_minutes);
        self.put("hasAttachments", || false);
        self.put("webLink", || format!("https://outlook.office365.com/owa/?itemid={}", item.key));
        if let Some(transaction) = &item.transaction_id {
            self.put("transactionId", || transaction);
        }
        if self.look.select.is_none() {
            // Cannot be selected, comes only with everything (page list-calendarview).
            self.object.put("createdDateTime", &stamp(item.created));
            self.object.put("lastModifiedDateTime", &stamp(item.modified));
        }
    }
}

/// A single meeting, an occurrence or an exception, in full.
pub(crate) fn instance(mailbox: &Mailbox, instance: &Instance<'_>, look: &Look) -> Object {
    let item = instance.item;
    let kind = match (instance.date, instance.exception) {
        (None, _) => "singleInstance",
        (Some(_), None) => "occurrence",
        (Some(_), Some(_)) => "exception",
    };
    let mut event = Event::new(mailbox, item, instance.date, look);
    event.put("type", || kind);
    event.put("start", || moment(&instance.span, instance.span.start, instance.start, &look.zone));
    event.put("end", || moment(&instance.span, instance.span.end, instance.end, &look.zone));
    event.put("seriesMasterId", || instance.date.map(|_| mailbox.event_id(item, None, look.ids)));
    if let Some(date) = instance.date {
        let original = item.shape.span.on(date).instants(mailbox.zone).0;
        event.put("originalStart", || original.to_rfc3339_opts(SecondsFormat::Secs, true));
    }
    event.put("recurrence", || ());
    event.put("isCancelled", || instance.cancelled());
    event.put("iCalUId", || instance.uid());
    event.properties(item, instance.content(), &instance.span);
    event.object
}

/// A series master: the first occurrence's times and the rule.
pub(crate) fn master(mailbox: &Mailbox, item: &Item, look: &Look) -> Object {
    let mut event = Event::new(mailbox, item, None, look);
    let span = &item.shape.span;
    let (start, end) = span.instants(mailbox.zone);
    let series = item.shape.series.as_ref();
    event.put("type", || if series.is_some() { "seriesMaster" } else { "singleInstance" });
    event.put("start", || moment(span, span.start, start, &look.zone));
    event.put("end", || moment(span, span.end, end, &look.zone));
    event.put("seriesMasterId", || ());
    event.put("recurrence", || series.map(|series| recurrence(series, &span.zone)));
    event.put("isCancelled", || item.cancelled);
    event.put("iCalUId", || item.uid.as_ref());
    event.properties(item, &item.content, span);
    event.object
}

fn recurrence(series: &crate::calendar::Series, zone: &Zone) -> Value {
    let mut value = json!(series.recurrence);
    value["range"]["recurrenceTimeZone"] = json!(zone.name());
    value
}

/// What delta gives of an occurrence: nothing but ids and times (docs issue 7632).
pub(crate) fn stub(mailbox: &Mailbox, instance: &Instance<'_>, look: &Look) -> Object {
    let mut stub = Event::new(mailbox, instance.item, instance.date, look).object;
    stub.put("type", "occurrence");
    stub.put("seriesMasterId", &mailbox.event_id(instance.item, None, look.ids));
    stub.put("start", &moment(&instance.span, instance.span.start, instance.start, &look.zone));
    stub.put("end", &moment(&instance.span, instance.span.end, instance.end, &look.zone));
    stub
}

/// A tombstone of a delta page.
pub(crate) fn removed(id: &str) -> Object {
    let mut tombstone = Object::new();
    tombstone.put("id", id);
    tombstone.put("@removed", &json!({"reason": "deleted"}));
    tombstone
}

/// `W/"` + change key + `"`.
pub(crate) fn etag(item: &Item) -> String {
    format!("W/\"{}\"", item.change_key())
}

fn location(content: &Content) -> Place<'_> {
    let name = &content.location;
    let address = content.location_address.as_deref();
    Place {
        display_name: name,
        location_type: if address.is_some() { "conferenceRoom" } else { "default" },
        unique_id: address.unwrap_or(name),
        unique_id_type: if address.is_some() { "directory" } else { "private" },
        location_email_address: address,
        location_uri: address,
    }
}

/// The extended properties that `$expand=singleValueExtendedProperties(...)` asks for; all without an inner filter.
pub(crate) fn expand(event: &mut Object, item: &Item, call: &Call) {
    let Some(wanted) = call.option("$expand").and_then(|all| all.split_once("singleValueExtendedProperties"))
    else {
        return;
    };
    let ids: Vec<&str> = wanted.1.split('\'').skip(1).step_by(2).collect();
    let shown = item.extended.iter().filter(|(id, _)| ids.is_empty() || ids.contains(&id.as_str()));
    let rows: Vec<Value> = shown.map(|(id, value)| json!({"id": id, "value": value})).collect();
    if !rows.is_empty() {
        event.put("singleValueExtendedProperties", &rows);
    }
}

fn body(text: &str, as_text: bool) -> Body<'_> {
    if as_text {
        return Body { content_type: "text", content: text.into() };
    }
    let content = if text.is_empty() { String::new() } else { format!("<html><body>{text}</body></html>") };
    Body { content_type: "html", content: content.into() }
}
