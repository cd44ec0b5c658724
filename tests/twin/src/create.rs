//! `POST /users/{id}/events` and what its `transactionId` promises (page user-post-events; fact sheet 5.1).

use std::sync::Arc;

use bytes::Bytes;
use chrono::Duration;
use http::Request;
use serde_json::json;

use crate::Twin;
use crate::calendar::{Item, Mailbox, Person, Response, Transaction};
use crate::outlook::{self, Meeting};
use crate::payload::{self, Sent, attendee, fingerprint, location, read, span};
use crate::post::Errand;
use crate::request::Call;
use crate::switches::Trap;
use crate::wire::{self, Look, Refusal, Reply};

impl Twin {
    pub(crate) fn create(
        &mut self,
        call: &Call,
        request: &Request<Bytes>,
        tenant: &str,
        id: &Arc<str>,
    ) -> Result<Reply, Refusal> {
        let sent = read(request, self.tuning.listed_zones_only)?;
        let look = Look::of(call)?;
        let print = fingerprint(request.body());
        let room = self.mailbox(tenant, id)?;
        if let Some(item) = self.known(room, &sent, print, &look)? {
            return Ok(Reply::object(201, wire::master(room, item, &look)));
        }
        let meeting = meeting(room, &sent)?;
        let conflict = self.springs(Trap::ConflictAfterCreate, Some(id));
        let (home, mut context) = self.split_for_app(tenant).ok_or_else(Refusal::no_item)?;
        let attendees = sent.attendees.iter().flatten().flatten().map(attendee).collect();
        let mut item = outlook::new_item(meeting, attendees, Response::Organizer, &mut context)?;
        dress(&mut item, &sent);
        let (key, uid) = home.put_own(id, item, &mut context);
        if let Some(ms) = context.pace.settling_ms {
            home.later(Errand::Touch { mailbox: id.clone(), uid }, ms, &mut context);
        }
        let at = context.now;
        let mailbox = home.mailboxes.get_mut(id).ok_or_else(Refusal::no_item)?;
        if let Some(transaction) = &sent.transaction_id {
            mailbox.remember(transaction, Transaction { key, print, at });
        }
        if conflict {
            let message = "The item was saved by another request at the same time.";
            return Err(Refusal::new(409, "ConcurrentItemSave", message));
        }
        let item = mailbox.items().get(&key).ok_or_else(Refusal::no_item)?;
        Ok(Reply::object(201, wire::master(mailbox, item, &look))
            .with("preference-applied", call.prefer.applied(false)))
    }

    /// The event that an earlier call with the same `transactionId` and the same content made. With other content the
    /// call is refused; what becomes of ids of deleted events is a switch.
    fn known<'a>(
        &self,
        room: &'a Mailbox,
        sent: &Sent,
        print: u64,
        look: &Look,
    ) -> Result<Option<&'a Item>, Refusal> {
        let found = sent.transaction_id.as_ref().and_then(|id| room.by_transaction(id));
        let Some((transaction, item)) = found else { return Ok(None) };
        let life = self.tuning.transaction_seconds.map(Duration::seconds);
        if life.is_some_and(|life| transaction.at + life <= self.now) {
            return Ok(None);
        }
        let former = match item {
            Some(item) if transaction.print == print => return Ok(Some(item)),
            Some(item) => item,
            None if !self.tuning.remember_deleted => return Ok(None),
            None => match room.deleted().get(&transaction.key) {
                Some(item) => item,
                None => return Ok(None),
            },
        };
        // Wording and extra property as clients report them (corso issue 2490).
        let message = "Your request can't be completed. The TransactionId specified in the request has already been used to create a different event.";
        let mut refusal = Refusal::new(self.tuning.duplicate_status, "ErrorDuplicateTransactionId", message);
        if self.tuning.duplicate_names_event {
            refusal.extra =
                Some(Box::new(("@event.existingEventId", json!(room.event_id(former, None, look.ids)))));
        }
        Err(refusal)
    }
}

fn meeting(room: &Mailbox, sent: &Sent) -> Result<Meeting, Refusal> {
    let span = span(sent.start.as_ref(), sent.end.as_ref(), sent.is_all_day, None)?;
    let span = span.ok_or_else(|| payload::invalid("Start"))?;
    let recurrence = sent.recurrence.clone().flatten();
    payload::same_start(recurrence.as_ref(), &span)?;
    Ok(Meeting {
        organizer: Person { name: room.name.clone(), address: room.address.clone() },
        subject: sent.subject.clone().flatten().unwrap_or_default(),
        body: sent.body.clone().flatten().map(|body| body.text()).unwrap_or_default(),
        span,
        recurrence,
        sensitivity: sent.sensitivity.unwrap_or_default(),
        show_as: sent.show_as.unwrap_or_default(),
        rooms: Vec::new(),
        attendees: Vec::new(),
        external: false,
    })
}

/// The rest of what an app may send, which people in the twin's Outlook do not.
fn dress(item: &mut Item, sent: &Sent) {
    item.transaction_id.clone_from(&sent.transaction_id);
    item.content.importance = sent.importance.unwrap_or_default();
    location(&mut item.content, sent);
    payload::personal(item, sent);
}
