//! What must be true in the end of what was asked for by commands, by what the ledger has recorded.

use crate::ledger::{Ledger, Made, Tale};
use crate::universe::Universe;
use futures::FutureExt;
use roomsync_command::Action;
use roomsync_domain::booking::{Booking, EndReason, Status};
use roomsync_domain::tenant::TenantStatus;
use roomsync_domain::writing::{Writing, code};
use roomsync_domain::{BookingId, RoomId, RoomRef, TenantId, time::end_of_time};
use roomsync_ports::{BookingStore, TenantStore, WritingStore};
use roomsync_testkit::Lane;
use roomsync_twin::calendar::MailboxState;
use roomsync_twin::{Entry, Hand, MailKind};
use std::collections::{BTreeMap, BTreeSet};

impl Universe {
    /// I6, I7, I8, I16 and the receipts, in the end.
    pub(crate) fn commands_settled(&self) {
        if self.ledger.borrow().people.is_empty() {
            return;
        }
        for writing in self.store.writings() {
            let tenant = self.store.tenant(&writing.tenant).now_or_never().and_then(Result::ok).flatten();
            // Nothing is done any more for a tenant that has gone, and nothing can be where the words of a private meeting came while it was.
            let is_active = tenant.is_some_and(|tenant| tenant.status == TenantStatus::Active);
            if is_active && !self.has_lost_its_words(&writing) && !self.was_left_to_do(&writing) {
                self.writing_settled(&writing);
            }
        }
        self.one_booking_per_meeting();
        self.every_command_has_a_receipt();
        self.mails();
    }

    /// Whether the message with the words of a private meeting came while its tenant was away, or was taken once more by somebody who did
    /// not know its booking yet. For a day it may be sent again.
    fn has_lost_its_words(&self, writing: &Writing) -> bool {
        let is_private = writing.desired.as_ref().is_some_and(|meeting| meeting.private);
        is_private
            && writing.applied < writing.wanted
            && writing
                .receipts
                .iter()
                .any(|command| self.is_set_aside(command, &["tenantId", "room", "bookingId"]))
    }

    /// Whether a tenant that was off-boarded came back only when the meeting was over: then nothing is made any more.
    fn was_left_to_do(&self, writing: &Writing) -> bool {
        let was_away = self.watch.borrow().turned.contains_key(writing.tenant.as_str());
        let is_open = writing.applied != writing.wanted || writing.verified != writing.wanted;
        let is_over = writing.desired.is_some() && writing.is_settled() && writing.span.end <= self.now();
        was_away && is_open && is_over
    }

    fn writing_settled(&self, writing: &Writing) {
        let id = &writing.booking;
        let row = self.store.booking(&writing.room_ref(), id).now_or_never().and_then(Result::ok).flatten();
        // What lies in a mailbox that is gone is not seen; for a day it may come back.
        let is_gone = self.is_gone(writing);
        let may_be_there = writing.desired.is_none() && writing.applied != writing.wanted;
        if is_gone && (may_be_there || writing.may_be_made()) {
            return;
        }
        // A room that is removed answers when it is back.
        let silent = row.as_ref().is_some_and(|row| {
            let is_open = matches!(row.state.status, Status::Pending | Status::Tentative);
            is_open || row.state.status == Status::Ended(EndReason::RoomRemoved)
        });
        if !writing.is_settled() && !silent && writing.left.is_none() {
            self.wrong(format!("I16: the writing of {id} is still due at {:?}", writing.due));
        }
        if writing.applied != writing.wanted || writing.verified != writing.wanted {
            let (wanted, applied, verified) = (writing.wanted, writing.applied, writing.verified);
            self.wrong(format!("I16: {id} wants {wanted}, has applied {applied} and verified {verified}"));
        }
        let marked = self.marked(writing.tenant.as_str());
        let live = marked.get(&writing.marker()).map_or(&[][..], Vec::as_slice);
        let ledger = self.ledger.borrow();
        let nothing = Tale::default();
        let tale = ledger.tales.get(&(writing.tenant.clone(), id.clone())).unwrap_or(&nothing);
        let expected = usize::from(writing.desired.is_some() && !writing.place.foreign && !is_gone);
        let ended = tale.ended_in == Some(writing.life);
        // Until when a request may land is written by one clock and read by another.
        let unknown = ledger.haunted && self.watch.borrow().skewed;
        if live.len() > 1 && !unknown {
            self.wrong(format!("I6: {id} has {} meetings", live.len()));
        } else if live.len() > expected && !unknown {
            self.wrong(format!("I16: {id} has a meeting although nothing is wanted"));
        } else if live.len() < expected && !ended && tale.touched == 0 {
            self.wrong(format!("I16: {id} has no meeting"));
        }
        if ended && !live.is_empty() && !ledger.haunted {
            self.wrong(format!("I8: {id} is there although a person has cancelled it"));
        }
        if let [entry] = live
            && tale.touched == 0
            && !tale.failed
        {
            self.intent_kept(&ledger, tale, writing, entry);
        }
        self.receipt_agrees(writing, live.first(), row.as_ref());
    }

    fn is_gone(&self, writing: &Writing) -> bool {
        let twin = self.twin.borrow();
        let held = twin.tenant(writing.tenant.as_str());
        held.and_then(|tenant| tenant.mailbox(&writing.place.mailbox))
            .is_none_or(|held| held.state == MailboxState::Gone)
    }

    /// Whether commands for a booking wait for as long as a day: because it has to be cleared away first in a mailbox that is gone, which may
    /// come back, or may have been changed there, or because the words of an earlier command may.
    pub(crate) fn waits_for_a_day(&self, booking: &str) -> bool {
        self.store.writings().iter().any(|writing| {
            let is_left = (writing.desired.is_none() || writing.may_be_made()) && !writing.is_settled();
            let waits = is_left && self.is_gone(writing) || self.has_lost_its_words(writing);
            writing.booking.as_str() == booking && waits
        })
    }

    /// I7: what nobody but commands has changed is what the last commands said.
    fn intent_kept(&self, ledger: &Ledger, tale: &Tale, writing: &Writing, entry: &Entry) {
        let commands = tale.accepted.iter().filter_map(|id| ledger.commands.get(id));
        let (mut subject, mut released) = (None, false);
        for command in commands {
            let named = command.room_id.is_some() || command.room_email.is_some();
            released = command.action == Action::Release || (released && !named);
            match command.action {
                Action::Create => subject = command.subject.clone(),
                Action::Update => subject = command.subject.clone().or(subject),
                Action::Cancel | Action::Release => {}
            }
        }
        if subject.as_ref().is_some_and(|subject| entry.subject != *subject) {
            self.wrong(format!("I7: {} has another subject than its last command", writing.booking));
        }
        let span = writing.span;
        let timed = writing.desired.as_ref().is_some_and(|meeting| !meeting.all_day);
        if timed && !entry.series && (entry.start, entry.end) != (span.start, span.end) {
            self.wrong(format!("I7: {} is at {}, wanted at {}", writing.booking, entry.start, span.start));
        }
        if released && entry.attendees.keys().any(|who| who.starts_with("room.")) {
            self.wrong(format!("I7: {} still has its room", writing.booking));
        }
    }

    /// I16: the booking's row says what the calendar says.
    fn receipt_agrees(&self, writing: &Writing, live: Option<&Entry>, row: Option<&Booking>) {
        let id = &writing.booking;
        let Some(row) = row else {
            if self.tally.borrow().of("store: expired rows go") == 0 {
                self.wrong(format!("receipts: {id} has no row"));
            }
            return;
        };
        // A create that was refused for another room, after the booking and its meeting had ended here, has its receipt there.
        // So has one at whose old address the room still shows the meeting.
        let is_deaf = self.watch.borrow().readdressed.contains(row.room.room.as_str());
        let is_over = !row.is_live() && writing.desired.is_none();
        let elsewhere = (is_over || is_deaf) && self.was_named_elsewhere(writing, &row.room.room);
        if row.state.last_command_id.as_deref() != writing.last_command() && !elsewhere {
            self.wrong(format!(
                "receipts: {id} names {:?}, its last command is {:?}",
                row.state.last_command_id,
                writing.last_command()
            ));
        }
        // A cancel of what has ended changes nothing either, and is not refused.
        let is_refused = writing.desired.is_some()
            && self.ledger.borrow().unchanging.contains(writing.last_command().unwrap_or_default());
        if row.is_live() && is_refused && row.state.failure.is_none() && !elsewhere {
            self.wrong(format!("receipts: {id} does not say why its last command was refused"));
        }
        let waits = row.state.failure.as_ref().is_some_and(|why| why.code == code::NO_ANSWER);
        let has_room = writing.desired.as_ref().is_some_and(|meeting| meeting.room.is_some());
        match row.state.status {
            Status::Pending if !waits && self.now() - writing.since > chrono::TimeDelta::hours(1) => {
                self.wrong(format!("I16: {id} is pending for ever, {:?}", row.state.failure));
            }
            // It was not told to let go of what came to it under another address: its booking is what it shows.
            Status::Confirmed | Status::Tentative
                if self.watch.borrow().readdressed.contains(row.room.room.as_str()) => {}
            // What a person cancels before its day is kept in step is seen when that day comes.
            Status::Confirmed | Status::Tentative
                if live.is_none() && !writing.place.foreign && self.is_in_step(row) =>
            {
                self.wrong(format!("I16: {id} is {:?} and has no meeting", row.state.status));
            }
            // What has passed with a removed room stays as it was last seen.
            Status::Confirmed | Status::Tentative
                if writing.desired.is_none() && (self.is_in_step(row) || row.state.span.end > self.now()) =>
            {
                self.wrong(format!("I16: {id} is {:?} although it was cancelled", row.state.status));
            }
            // A room that is removed while it takes another copy of the meeting is not looked at any more.
            Status::Ended(EndReason::Cancelled)
                if has_room && live.is_some() && !self.is_removed(&row.room) =>
            {
                self.wrong(format!("I16: {id} ended as cancelled and has a meeting"));
            }
            _ => {}
        }
    }

    /// Whether a booking lies in the days that its room's poller keeps in step.
    fn is_in_step(&self, row: &Booking) -> bool {
        let cursor = self.store.cursor(&row.room).now_or_never().and_then(Result::ok).flatten();
        cursor.and_then(|cursor| cursor.window).is_some_and(|window| row.state.span.overlaps(&window))
    }

    fn was_named_elsewhere(&self, writing: &Writing, here: &RoomId) -> bool {
        let ledger = self.ledger.borrow();
        let last = writing.last_command();
        ledger.named.iter().any(|(room, command)| room != here && Some(command.as_str()) == last)
    }

    /// The meeting of a command has one booking: the command's.
    fn one_booking_per_meeting(&self) {
        let tenants: BTreeSet<String> = self.ledger.borrow().people.values().cloned().collect();
        let uids: BTreeMap<(String, String), BookingId> = self
            .made_by_commands()
            .into_iter()
            .filter(|made| !made.series && !self.is_ghost(made))
            .map(|made| ((made.uid, made.room), made.booking))
            .collect();
        for tenant in tenants {
            let Some(id) = TenantId::parse(&tenant) else { continue };
            for room in self.rooms_of(&tenant) {
                // It was not told to let go of what came to it under another address.
                if self.watch.borrow().readdressed.contains(&room) {
                    continue;
                }
                let room = RoomRef::new(id.clone(), RoomId::new(room));
                let rows = self.store.bookings(&room, None, end_of_time()).now_or_never();
                let rows = rows.and_then(Result::ok).unwrap_or_default();
                // What lies beyond the days that are kept in step stays as it was last seen until its day comes.
                for row in rows.iter().filter(|row| row.is_live() && self.is_in_step(row)) {
                    let Some(uid) = &row.state.ical_uid else { continue };
                    // Where else it may be, because a person has invited another room or a cancellation has not arrived, it is that
                    // room's booking.
                    match uids.get(&(uid.clone(), room.room.to_string())) {
                        Some(booking) if *booking != row.id => {
                            self.wrong(format!("claim: the meeting of {booking} is the booking {}", row.id));
                        }
                        Some(_) if row.is_observed() => self.count("path: booking claimed"),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Whether it may have been made by a request that landed after a person had cancelled what an earlier one had made.
    fn is_ghost(&self, made: &Made) -> bool {
        let ledger = self.ledger.borrow();
        let tale = TenantId::parse(&made.tenant).and_then(|id| ledger.tales.get(&(id, made.booking.clone())));
        ledger.haunted && tale.is_some_and(|tale| !tale.gone.is_empty())
    }

    fn every_command_has_a_receipt(&self) {
        let ledger = self.ledger.borrow();
        let waiting = self.queue.messages(Lane::Commands);
        let waits = |id: &str| {
            let named = format!("\"{id}\"");
            waiting
                .iter()
                .any(|message| message.body.contains(&named) && self.waits_for_a_day(&message.group))
        };
        for id in ledger.commands.keys().filter(|id| !ledger.receipts.contains(*id)) {
            if !self.is_set_aside(id, &[""]) && !waits(id) {
                self.wrong(format!("receipts: nobody knows what became of {id}"));
            }
        }
    }

    /// Whether a command lies in the dead letters, for one of these fields if it was rejected.
    fn is_set_aside(&self, command: &str, fields: &[&str]) -> bool {
        let named = format!("\"{command}\"");
        let is_for = |reason: &str| fields.iter().any(|field| reason.starts_with(field));
        let rejections = self.queue.rejections().into_iter().filter(|rejection| is_for(&rejection.reason));
        let rejected = rejections.map(|rejection| rejection.body);
        let dead = self.queue.dead(Lane::Commands).into_iter().map(|message| message.body);
        rejected.chain(dead).any(|body| body.contains(&named))
    }

    /// Nobody is told of one change twice. Whoever repeats a command that somebody has sent and could not save does not know that it was sent:
    /// what a person has changed meanwhile is changed again, and that is another change.
    fn mails(&self) {
        let ledger = self.ledger.borrow();
        if ledger.haunted {
            return;
        }
        let most = |uid: &str| {
            let made = self.made_by_commands().into_iter().find(|made| made.uid == uid)?;
            let tale = ledger.tales.get(&(TenantId::parse(&made.tenant)?, made.booking))?;
            Some((tale.accepted.len(), tale.touched, tale.failed))
        };
        let mut counts: BTreeMap<(String, String, MailKind), usize> = BTreeMap::new();
        for mail in self.twin.borrow().mails().filter(|mail| mail.by == Hand::App) {
            *counts.entry((mail.meeting.clone(), mail.to.clone(), mail.kind)).or_default() += 1;
        }
        for ((uid, _, kind), count) in counts {
            let Some((accepted, touched, false)) = most(&uid) else { continue };
            let allowed = match kind {
                MailKind::Update => accepted + touched,
                MailKind::Invitation | MailKind::Cancellation => accepted,
                MailKind::Response => continue,
            };
            if count > allowed {
                self.wrong(format!(
                    "mails: {count} times {kind:?} after {accepted} commands, {touched} changes of people"
                ));
            }
        }
    }
}
