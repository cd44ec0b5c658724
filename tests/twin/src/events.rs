//! Events by id, and what an app may do to them: create, update, delete, cancel, answer
//! (pages user-post-events, event-update, event-delete, event-cancel, event-decline).

use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;
use http::Request;
use serde_json::json;

use crate::calendar::{Item, Mailbox, Person, Response};
use crate::outlook::{self, Meeting, Refused};
use crate::payload::{attendee, fingerprint, patch, patch_occurrence, read, span};
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
        let item = item.clone();
        let condition = request.headers().get("if-match").and_then(|value| value.to_str().ok());
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
            Kind::EventAnswer => self.answer_event(call, tenant, id, &item),
            Kind::Instances => self.view(call, tenant, id, Some(item.key)),
            _ => Err(Refusal::new(405, "MethodNotAllowed", "The method is not allowed on this resource.")),
        }
    }

    fn create(
        &mut self,
        call: &Call,
        request: &Request<Bytes>,
        tenant: &str,
        id: &Arc<str>,
    ) -> Result<Reply, Refusal> {
        let sent = read(request)?;
        let look = Look::of(call)?;
        let print = fingerprint(request.body());
        let room = self.mailbox(tenant, id)?;
        let known = sent.transaction_id.as_ref().and_then(|transaction| room.by_transaction(transaction));
        if let Some((item, before)) = known {
            if before == print {
                return Ok(Reply::json(201, &wire::master(room, item, &look)));
            }
            return Err(Refusal::new(
                409,
                "ErrorDuplicateTransactionId",
                "Your request can't be completed. The transaction id was already used to create a different event.",
            ));
        }
        let missing = |name: &str| {
            Refusal::new(
                400,
                "ErrorPropertyValidationFailure",
                &format!("At least one property failed validation. Property: {name}"),
            )
        };
        let span = span(sent.start.as_ref(), sent.end.as_ref(), sent.is_all_day, None)?
            .ok_or_else(|| missing("Start"))?;
        let organizer = Person { name: room.name.clone(), address: room.address.clone() };
        let meeting = Meeting {
            organizer,
            subject: sent.subject.clone().unwrap_or_default(),
            body: sent.body.clone().unwrap_or_default().content,
            span,
            recurrence: sent.recurrence.clone(),
            sensitivity: sent.sensitivity.unwrap_or_default(),
            show_as: sent.show_as.unwrap_or_default(),
            rooms: Vec::new(),
            attendees: Vec::new(),
        };
        let conflict = self.springs(Trap::ConflictAfterCreate, Some(id));
        let (home, mut context) = self.split(tenant).ok_or_else(Refusal::no_item)?;
        let attendees = sent.attendees.iter().flatten().map(attendee).collect();
        let mut item = outlook::new_item(meeting, attendees, Response::Organizer, &mut context)?;
        item.transaction_id.clone_from(&sent.transaction_id);
        item.extended = sent
            .single_value_extended_properties
            .iter()
            .map(|own| (own.id.clone(), own.value.clone()))
            .collect();
        if let Some(location) = sent.location {
            item.content.location = location.display_name;
        }
        let (key, _) = home.put_own(id, item, &mut context);
        let mailbox = home.mailboxes.get_mut(id).ok_or_else(Refusal::no_item)?;
        if let Some(transaction) = &sent.transaction_id {
            mailbox.remember(transaction, key, print);
        }
        if conflict {
            return Err(Refusal::new(
                409,
                "ConcurrentItemSave",
                "The item was saved by another request at the same time.",
            ));
        }
        let item = mailbox.items().get(&key).ok_or_else(Refusal::no_item)?;
        Ok(Reply::json(201, &wire::master(mailbox, item, &look))
            .with("preference-applied", call.prefer.applied(false)))
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
        let sent = read(request)?;
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
        let (home, mut context) = self.split(tenant).ok_or_else(Refusal::no_item)?;
        let mut wanted = item.clone();
        change(&mut wanted)?;
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
        let (home, mut context) = self.split(tenant).ok_or_else(Refusal::no_item)?;
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
        tenant: &str,
        id: &Arc<str>,
        item: &Item,
    ) -> Result<Reply, Refusal> {
        if item.is_organizer {
            return Err(Refusal::bad(
                "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer.",
            ));
        }
        let verb = call.segments.last().map(|verb| verb.to_ascii_lowercase()).unwrap_or_default();
        let (home, mut context) = self.split(tenant).ok_or_else(Refusal::no_item)?;
        match verb.as_str() {
            "accept" => home.accept(id, &item.uid, Response::Accepted, &mut context),
            "tentativelyaccept" => home.accept(id, &item.uid, Response::TentativelyAccepted, &mut context),
            _ => home.decline(id, &item.uid, &mut context),
        }
        Ok(Reply::empty(202))
    }
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
        event["cancelledOccurrences"] = series
            .into_iter()
            .flat_map(|series| &series.removed)
            .map(|date| json!(format!("OID.{id}.{date}")))
            .collect();
    }
    if call.option("$expand").is_some_and(|expand| expand.contains("exceptionOccurrences")) {
        let dates = item.shape.series.iter().flat_map(|series| series.exceptions.keys());
        let whole = Look { select: None, ..Look::of(call)? };
        event["exceptionOccurrences"] = dates
            .filter_map(|date| item.occurrence(*date, room.zone))
            .map(|own| wire::instance(room, &own, &whole))
            .collect();
    }
    if call.option("$expand").is_some_and(|expand| expand.contains("singleValueExtendedProperties")) {
        event["singleValueExtendedProperties"] =
            item.extended.iter().map(|(id, value)| json!({"id": id, "value": value})).collect();
    }
    Ok(Reply::json(200, &event).with("preference-applied", call.prefer.applied(false)))
}
