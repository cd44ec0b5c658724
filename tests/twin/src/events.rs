//! Events by id, and what an app may do to them: update, delete, cancel, answer
//! (pages event-update, event-delete, event-cancel, event-decline).

use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;
use http::Request;
use serde_json::Value;

use crate::calendar::{Item, Mailbox, Response};
use crate::outlook::Refused;
use crate::payload::{patch, patch_occurrence, read, unreadable};
use crate::post::Errand;
use crate::request::{Call, Kind};
use crate::switches::Trap;
use crate::wire::{self, Look, Refusal, Reply};
use crate::{Twin, edit};

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Refusal {
        match &refused {
            Refused::CrossesNeighbour(_) => Refusal::new(
                400,
                "ErrorOccurrenceCrossingBoundary",
                "Modified occurrence is crossing or overlapping adjacent occurrence.",
            ),
            Refused::UnknownMeeting(_) | Refused::NoOccurrence(..) => Refusal::no_item(),
            _ => Refusal::new(400, "ErrorPropertyValidationFailure", &refused.to_string()),
        }
    }
}

impl Twin {
    pub(crate) fn events(
        &mut self,
        call: &Call,
        request: &Request<Bytes>,
        tenant: &str,
        id: &Arc<str>,
    ) -> Result<Reply, Refusal> {
        if call.kind == Kind::EventCreate {
            return self.create(call, request, tenant, id);
        }
        let deleted = call.kind == Kind::EventGet && self.springs(Trap::ReadableAfterDelete, Some(id));
        let room = self.mailbox(tenant, id)?;
        let text = call.event();
        let (item, date) = room.find(text, deleted).ok_or_else(|| {
            if text.starts_with("AAMk") || text.starts_with("AAkA") {
                Refusal::no_item()
            } else {
                Refusal::new(400, "ErrorInvalidIdMalformed", "Id is malformed.")
            }
        })?;
        if call.kind == Kind::EventGet {
            return show(call, room, item, date);
        }
        let mut item = item.clone();
        let condition = request.headers().get("if-match").and_then(|value| value.to_str().ok());
        if condition.is_some() && self.springs(Trap::EtagMoves, Some(id)) {
            let seen = self.seen();
            let mailbox = self.mailbox_mut(tenant, id)?;
            mailbox.update(item.key, seen, |_| ());
            item = mailbox.items().get(&item.key).ok_or_else(Refusal::no_item)?.clone();
        }
        if condition.is_some_and(|etag| etag != "*" && etag != wire::etag(&item)) {
            return Err(Refusal::new(
                412,
                "ErrorIrresolvableConflict",
                "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.",
            ));
        }
        match call.kind {
            Kind::EventUpdate => self.update(call, request, tenant, id, &item, date),
            Kind::EventDelete => {
                self.remove(tenant, id, &item, date)?;
                Ok(Reply::empty(204))
            }
            Kind::EventCancel if !item.is_organizer => Err(Refusal::bad(
                "Your request can't be completed. You need to be an organizer to cancel a meeting.",
            )),
            Kind::EventCancel => {
                self.remove(tenant, id, &item, date)?;
                Ok(Reply::empty(202))
            }
            Kind::EventAnswer => self.answer_event(call, request, tenant, id, &item, date),
            Kind::Instances => self.view(call, tenant, id, Some(item.key)),
            _ => Err(Refusal::new(405, "MethodNotAllowed", "The method is not allowed on this resource.")),
        }
    }

    fn update(
        &mut self,
        call: &Call,
        request: &Request<Bytes>,
        tenant: &str,
        id: &Arc<str>,
        item: &Item,
        date: Option<NaiveDate>,
    ) -> Result<Reply, Refusal> {
        let sent = read(request, self.tuning.listed_zones_only)?;
        let uid = item.uid.clone();
        let change = |own: &mut Item| match date {
            Some(date) => patch_occurrence(own, date, &sent),
            None => patch(own, &sent),
        };
        self.change(tenant, id, item, change)?;
        let room = self.mailbox(tenant, id)?;
        show(call, room, room.copy_of(&uid).ok_or_else(Refusal::no_item)?, date)
    }

    /// Changes an item: of an owner's copy the attendees hear, of any other only this mailbox.
    fn change(
        &mut self,
        tenant: &str,
        id: &Arc<str>,
        item: &Item,
        change: impl FnOnce(&mut Item) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let (home, mut context) = self.split_for_app(tenant).ok_or_else(Refusal::no_item)?;
        let mut wanted = item.clone();
        change(&mut wanted)?;
        if let Some(ms) = context.pace.settling_ms {
            let touch = Errand::Touch { mailbox: id.clone(), uid: item.uid.clone() };
            home.later(touch, ms, &mut context);
        }
        if home.owners.get(&item.uid) == Some(id) {
            home.edit(&item.uid, &mut context, |own| {
                *own = wanted;
                Ok(())
            })?;
            return Ok(());
        }
        wanted.modified = context.now;
        let mailbox = home.mailboxes.get_mut(id).ok_or_else(Refusal::no_item)?;
        mailbox.update(item.key, context.seen, |own| {
            *own = Item { seq: own.seq, past: std::mem::take(&mut own.past), ..wanted }
        });
        Ok(())
    }

    fn remove(
        &mut self,
        tenant: &str,
        id: &Arc<str>,
        item: &Item,
        date: Option<NaiveDate>,
    ) -> Result<(), Refusal> {
        if let Some(date) = date {
            return self.change(tenant, id, item, |own| Ok(edit::remove_occurrence(own, date, "")?));
        }
        let silently = self.springs(Trap::LostRemoval, Some(id));
        let (home, mut context) = self.split_for_app(tenant).ok_or_else(Refusal::no_item)?;
        if home.owners.get(&item.uid) == Some(id) {
            home.call_off(&item.uid, &mut context)?;
        } else if let Some(mailbox) = home.mailboxes.get_mut(id) {
            mailbox.remove(item.key, context.seen, silently);
        }
        Ok(())
    }

    fn answer_event(
        &mut self,
        call: &Call,
        request: &Request<Bytes>,
        tenant: &str,
        id: &Arc<str>,
        item: &Item,
        date: Option<NaiveDate>,
    ) -> Result<Reply, Refusal> {
        if item.is_organizer {
            return Err(Refusal::bad(
                "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer.",
            ));
        }
        let tell = read_answer(request)?;
        let verb = call.segments.last().map(|verb| verb.to_ascii_lowercase()).unwrap_or_default();
        if let (Some(date), "decline") = (date, verb.as_str()) {
            return self.decline_occurrence(tenant, id, item, date, tell);
        }
        let (home, mut context) = self.split_for_app(tenant).ok_or_else(Refusal::no_item)?;
        match verb.as_str() {
            "accept" => home.accept(id, &item.uid, Response::Accepted, tell, &mut context),
            "tentativelyaccept" => {
                home.accept(id, &item.uid, Response::TentativelyAccepted, tell, &mut context);
            }
            _ => home.decline(id, &item.uid, tell, &mut context),
        }
        Ok(Reply::empty(202))
    }

    /// One occurrence leaves the attendee's copy; the answer concerns it alone, so the series keeps its status.
    fn decline_occurrence(
        &mut self,
        tenant: &str,
        id: &Arc<str>,
        item: &Item,
        date: NaiveDate,
        tell: bool,
    ) -> Result<Reply, Refusal> {
        self.change(tenant, id, item, |own| Ok(edit::remove_occurrence(own, date, "")?))?;
        let address = self.mailbox(tenant, id)?.address.clone();
        let (home, mut context) = self.split_for_app(tenant).ok_or_else(Refusal::no_item)?;
        if tell {
            home.respond(&address, &item.uid, Response::Declined, &mut context);
        }
        Ok(Reply::empty(202))
    }
}

/// Whether an answer is to be sent; proposing a time without sending one is refused (page event-decline).
fn read_answer(request: &Request<Bytes>) -> Result<bool, Refusal> {
    if request.body().is_empty() {
        return Ok(true);
    }
    let body: serde_json::Map<String, Value> = serde_json::from_slice(request.body()).map_err(unreadable)?;
    let option = |name: &str| {
        body.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, own)| own)
            .filter(|own| !own.is_null())
    };
    let tell = option("sendResponse").and_then(Value::as_bool).unwrap_or(true);
    if !tell && option("proposedNewTime").is_some() {
        return Err(Refusal::bad(
            "Your request can't be completed. A new time cannot be proposed without sending a response.",
        ));
    }
    Ok(tell)
}

fn show(call: &Call, room: &Mailbox, item: &Item, date: Option<NaiveDate>) -> Result<Reply, Refusal> {
    let look = Look::of(call)?;
    let mut event = match date {
        Some(date) => {
            let instance = item.occurrence(date, room.zone).ok_or_else(Refusal::no_item)?;
            wire::instance(room, &instance, &look)
        }
        None => wire::master(room, item, &look),
    };
    let selects =
        |name: &str| call.option("$select").is_some_and(|list| list.split(',').any(|own| own.trim() == name));
    if date.is_none() && selects("cancelledOccurrences") {
        let series = item.shape.series.as_ref();
        let id = room.event_id(item, None, look.ids);
        let removed = series.into_iter().flat_map(|series| &series.removed);
        let ids: Vec<_> = removed.map(|date| format!("OID.{id}.{date}")).collect();
        event.put("cancelledOccurrences", &ids);
    }
    if call.option("$expand").is_some_and(|expand| expand.contains("exceptionOccurrences")) {
        let dates = item.shape.series.iter().flat_map(|series| series.exceptions.keys());
        let whole = Look { select: None, ..Look::of(call)? };
        let own = dates.filter_map(|date| item.occurrence(*date, room.zone));
        let rows: Vec<_> = own.map(|own| wire::instance(room, &own, &whole)).collect();
        event.put_rows("exceptionOccurrences", &rows);
    }
    wire::expand(&mut event, item, call);
    Ok(Reply::object(200, event).with("preference-applied", call.prefer.applied(false)))
}
