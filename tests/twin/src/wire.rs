//! JSON shapes: events, errors, collections. Names and types follow the reference pages `event` and `errors`.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::calendar::{Attendee, Content, IdFormat, Instance, Item, Mailbox, Person, Response, Span, Zone};
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
        let headers = vec![(
            "content-type",
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8".to_owned(),
        )];
        Reply { status, headers, body: serde_json::to_vec(body).unwrap_or_default(), unless: None }
    }

    /// A page of a collection; the rows are moved into it, which `json!` would not do.
    pub(crate) fn page(mut body: Value, rows: Vec<Value>) -> Value {
        body["value"] = Value::Array(rows);
        body
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

    fn wants(&self, name: &str) -> bool {
        self.select.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name))
    }
}

/// A property value spelled as its enum says.
pub(crate) fn word(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// `Edm.DateTimeOffset` with seven digits.
pub(crate) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6f0Z").to_string()
}

fn local(at: NaiveDateTime) -> String {
    use chrono::{Datelike, Timelike};
    let (d, t) = (at.date(), at.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.0000000",
        d.year(),
        d.month(),
        d.day(),
        t.hour(),
        t.minute(),
        t.second()
    )
}

/// `dateTimeTimeZone` of a begin or an end: whole days stay at midnight whatever the zone (docs issue 1802).
fn moment(span: &Span, at: NaiveDateTime, instant: DateTime<Utc>, zone: &Zone) -> Value {
    let shown = if span.all_day { at } else { instant.with_timezone(&zone.tz()).naive_local() };
    json!({"dateTime": local(shown), "timeZone": zone.name()})
}

fn recipient(person: &Person) -> Value {
    json!({"emailAddress": {"name": person.name, "address": person.address}})
}

fn response(response: Response, at: Option<DateTime<Utc>>) -> Value {
    let time = at.map_or_else(
        || "0001-01-01T00:00:00Z".to_owned(),
        |at| at.to_rfc3339_opts(SecondsFormat::Secs, true),
    );
    json!({"response": word(response), "time": time})
}

fn attendee(attendee: &Attendee) -> Value {
    let mut value = recipient(&attendee.person);
    value["type"] = json!(attendee.kind);
    value["status"] = response(attendee.response, None);
    value
}

/// A single meeting, an occurrence or an exception, in full.
pub(crate) fn instance(mailbox: &Mailbox, instance: &Instance<'_>, look: &Look) -> Value {
    let item = instance.item;
    let kind = match (instance.date, instance.exception) {
        (None, _) => "singleInstance",
        (Some(_), None) => "occurrence",
        (Some(_), Some(_)) => "exception",
    };
    let mut event = frame(mailbox, item, instance.date, look);
    let mut put = |name: &str, value: &dyn Fn() -> Value| {
        if look.wants(name) {
            event.insert(name.to_owned(), value());
        }
    };
    put("type", &|| json!(kind));
    put("start", &|| moment(&instance.span, instance.span.start, instance.start, &look.zone));
    put("end", &|| moment(&instance.span, instance.span.end, instance.end, &look.zone));
    put("seriesMasterId", &|| {
        instance.date.map_or(Value::Null, |_| json!(mailbox.event_id(item, None, look.ids)))
    });
    if let Some(date) = instance.date {
        let original = item.shape.span.on(date).instants(mailbox.zone).0;
        put("originalStart", &|| json!(original.to_rfc3339_opts(SecondsFormat::Secs, true)));
    }
    put("recurrence", &|| Value::Null);
    put("isCancelled", &|| json!(instance.cancelled()));
    put("iCalUId", &|| json!(instance.uid()));
    properties(&mut event, item, instance.content(), &instance.span, look);
    Value::Object(event)
}

/// A series master: the first occurrence's times and the rule.
pub(crate) fn master(mailbox: &Mailbox, item: &Item, look: &Look) -> Value {
    let mut event = frame(mailbox, item, None, look);
    let span = &item.shape.span;
    let (start, end) = span.instants(mailbox.zone);
    let series = item.shape.series.as_ref();
    let mut put = |name: &str, value: &dyn Fn() -> Value| {
        if look.wants(name) {
            event.insert(name.to_owned(), value());
        }
    };
    put("type", &|| json!(if series.is_some() { "seriesMaster" } else { "singleInstance" }));
    put("start", &|| moment(span, span.start, start, &look.zone));
    put("end", &|| moment(span, span.end, end, &look.zone));
    put("seriesMasterId", &|| Value::Null);
    put("recurrence", &|| series.map_or(Value::Null, |series| recurrence(series, &span.zone)));
    put("isCancelled", &|| json!(item.cancelled));
    put("iCalUId", &|| json!(item.uid.as_ref()));
    properties(&mut event, item, &item.content, span, look);
    Value::Object(event)
}

fn recurrence(series: &crate::calendar::Series, zone: &Zone) -> Value {
    let mut value = word(&series.recurrence);
    value["range"]["recurrenceTimeZone"] = json!(zone.name());
    value
}

/// What delta gives of an occurrence: nothing but ids and times (docs issue 7632).
pub(crate) fn stub(mailbox: &Mailbox, instance: &Instance<'_>, look: &Look) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.event",
        "@odata.etag": etag(instance.item),
        "id": mailbox.event_id(instance.item, instance.date, look.ids),
        "type": "occurrence",
        "seriesMasterId": mailbox.event_id(instance.item, None, look.ids),
        "start": moment(&instance.span, instance.span.start, instance.start, &look.zone),
        "end": moment(&instance.span, instance.span.end, instance.end, &look.zone),
    })
}

/// A tombstone of a delta page.
pub(crate) fn removed(id: String) -> Value {
    json!({"@odata.type": "#microsoft.graph.event", "id": id, "@removed": {"reason": "deleted"}})
}

/// `W/"` + change key + `"`.
pub(crate) fn etag(item: &Item) -> String {
    format!("W/\"{}\"", item.change_key())
}

fn frame(mailbox: &Mailbox, item: &Item, date: Option<chrono::NaiveDate>, look: &Look) -> Map<String, Value> {
    let mut event = Map::new();
    event.insert("@odata.etag".to_owned(), json!(etag(item)));
    event.insert("id".to_owned(), json!(mailbox.event_id(item, date, look.ids)));
    event
}

fn properties(event: &mut Map<String, Value>, item: &Item, content: &Content, span: &Span, look: &Look) {
    let mut put = |name: &str, value: &dyn Fn() -> Value| {
        if look.wants(name) {
            event.insert(name.to_owned(), value());
        }
    };
    put("changeKey", &|| json!(item.change_key()));
    put("subject", &|| json!(content.subject));
    put("bodyPreview", &|| json!(content.body.chars().take(255).collect::<String>()));
    put("body", &|| body(&content.body, look.text_body));
    put("originalStartTimeZone", &|| json!(span.zone.name()));
    put("originalEndTimeZone", &|| json!(span.zone.name()));
    put("isAllDay", &|| json!(span.all_day));
    put("isDraft", &|| json!(false));
    put("isOrganizer", &|| json!(item.is_organizer));
    put("sensitivity", &|| word(content.sensitivity));
    put("showAs", &|| word(content.show_as));
    put("importance", &|| word(content.importance));
    put("organizer", &|| recipient(&item.organizer));
    put("attendees", &|| item.attendees.iter().map(attendee).collect());
    put("hideAttendees", &|| json!(false));
    put("responseStatus", &|| response(item.response, item.responded));
    put("responseRequested", &|| json!(true));
    put("allowNewTimeProposals", &|| json!(true));
    put("location", &|| location(content));
    put("locations", &|| json!([]));
    put("categories", &|| json!(item.personal.categories));
    put("isOnlineMeeting", &|| json!(false));
    put("onlineMeetingProvider", &|| json!("unknown"));
    put("onlineMeeting", &|| Value::Null);
    put("onlineMeetingUrl", &|| Value::Null);
    put("isReminderOn", &|| json!(item.personal.reminder_on));
    put("reminderMinutesBeforeStart", &|| json!(item.personal.reminder_minutes));
    put("hasAttachments", &|| json!(false));
    put("webLink", &|| json!(format!("https://outlook.office365.com/owa/?itemid={}", item.key)));
    if let Some(transaction) = &item.transaction_id {
        put("transactionId", &|| json!(transaction));
    }
    if look.select.is_none() {
        // Cannot be selected, comes only with everything (page list-calendarview).
        event.insert("createdDateTime".to_owned(), json!(stamp(item.created)));
        event.insert("lastModifiedDateTime".to_owned(), json!(stamp(item.modified)));
    }
}

fn location(content: &Content) -> Value {
    let name = &content.location;
    match &content.location_address {
        None => {
            json!({"displayName": name, "locationType": "default", "uniqueId": name, "uniqueIdType": "private"})
        }
        Some(address) => json!({
            "displayName": name, "locationEmailAddress": address, "locationUri": address,
            "locationType": "conferenceRoom", "uniqueId": address, "uniqueIdType": "directory",
        }),
    }
}

/// The extended properties that `$expand=singleValueExtendedProperties(...)` asks for; all without an inner filter.
pub(crate) fn expand(event: &mut Value, item: &Item, call: &Call) {
    let Some(wanted) = call.option("$expand").and_then(|all| all.split_once("singleValueExtendedProperties"))
    else {
        return;
    };
    let ids: Vec<&str> = wanted.1.split('\'').skip(1).step_by(2).collect();
    let shown = item.extended.iter().filter(|(id, _)| ids.is_empty() || ids.contains(&id.as_str()));
    let rows: Vec<Value> = shown.map(|(id, value)| json!({"id": id, "value": value})).collect();
    if !rows.is_empty() {
        event["singleValueExtendedProperties"] = json!(rows);
    }
}

fn body(text: &str, as_text: bool) -> Value {
    if as_text {
        return json!({"contentType": "text", "content": text});
    }
    let content = if text.is_empty() { String::new() } else { format!("<html><body>{text}</body></html>") };
    json!({"contentType": "html", "content": content})
}
