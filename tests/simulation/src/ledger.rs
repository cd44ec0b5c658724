//! What was asked for by commands and what people did to it: by this the writer is judged.

use crate::universe::Universe;
use bytes::Bytes;
use futures::FutureExt;
use http::Request;
use roomsync_command::BookingCommand;
use roomsync_domain::booking::{Booking, Status};
use roomsync_domain::plan::Write;
use roomsync_domain::writing::meeting::Days;
use roomsync_domain::writing::{MARKER, Writing, code};
use roomsync_domain::{BookingId, Instant, RoomId, TenantId};
use roomsync_ports::WritingStore;
use roomsync_twin::Entry;
use roomsync_twin::calendar::MailboxState;
use std::collections::{BTreeMap, BTreeSet};

/// What the writer is judged by.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Tenant of each organizer's mailbox; empty in histories without commands.
    pub(crate) people: BTreeMap<String, String>,
    /// The same by object id, by which private meetings are written.
    pub(crate) ids: BTreeMap<String, String>,
    /// A request to change something has landed although nobody waited for it any more.
    pub(crate) haunted: bool,
    /// Ids of meetings that commands have made.
    pub(crate) made: BTreeSet<String>,
    /// Requests to change something that have arrived.
    pub(crate) changes: u64,
    /// Messages that are no commands.
    pub(crate) nonsense: usize,
    pub(crate) commands: BTreeMap<String, BookingCommand>,
    /// Commands that a receipt has named.
    pub(crate) receipts: BTreeSet<String>,
    /// Those that changed nothing of what is wanted.
    pub(crate) unchanging: BTreeSet<String>,
    /// Where that was; rows expire.
    pub(crate) named: BTreeSet<(RoomId, String)>,
    pub(crate) tales: BTreeMap<(TenantId, BookingId), Tale>,
}

/// What happened to one booking.
#[derive(Default)]
pub(crate) struct Tale {
    version: u64,
    wanted: u64,
    life: u32,
    /// In this life, in their order.
    pub(crate) accepted: Vec<String>,
    /// Times that a person has changed the meeting in this life.
    pub(crate) touched: usize,
    /// A command has failed after it was accepted.
    pub(crate) failed: bool,
    /// A person has cancelled the meeting in that life, and we knew the meeting.
    pub(crate) ended_in: Option<u32>,
    /// Ids of meetings that people have cancelled.
    pub(crate) gone: BTreeSet<String>,
}

/// A meeting that bears a mark.
pub(crate) struct Made {
    pub(crate) tenant: String,
    pub(crate) booking: BookingId,
    pub(crate) uid: String,
    /// The room that the command names.
    pub(crate) room: String,
    pub(crate) start: Instant,
    pub(crate) end: Instant,
    pub(crate) series: bool,
    pub(crate) secret: bool,
}

impl Ledger {
    /// Whether that is a person of a tenant, by address or by object id.
    pub(crate) fn is_of(&self, who: &str, tenant: &str) -> bool {
        [&self.people, &self.ids].iter().any(|known| known.get(who).is_some_and(|of| of == tenant))
    }

    /// A program sends a command.
    pub(crate) fn sent(&mut self, command: &BookingCommand) {
        self.commands.insert(command.command_id.clone(), command.clone());
    }
}

impl Universe {
    /// The live meetings with marks, by mark.
    pub(crate) fn marked(&self, tenant: &str) -> BTreeMap<String, Vec<Entry>> {
        let twin = self.twin.borrow();
        let ledger = self.ledger.borrow();
        let mut found: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        let people = ledger.people.iter().filter(|(_, of)| *of == tenant).map(|(address, _)| address.clone());
        let rooms = self.rooms_of(tenant);
        // Nothing is in a calendar whose mailbox is gone.
        let there = |mailbox: &String| {
            let held = twin.tenant(tenant).and_then(|tenant| tenant.mailbox(mailbox));
            held.is_some_and(|held| held.state != MailboxState::Gone)
        };
        for mailbox in people.chain(rooms).filter(there) {
            for entry in twin.entries(tenant, &mailbox, false).unwrap_or_default() {
                if let Some(mark) = entry.extended.get(MARKER).filter(|_| !entry.cancelled) {
                    found.entry(mark.clone()).or_default().push(entry);
                }
            }
        }
        found
    }

    /// What commands have made and is there now.
    pub(crate) fn made_by_commands(&self) -> Vec<Made> {
        let mut made = Vec::new();
        for writing in self.store.writings() {
            let marked = self.marked(writing.tenant.as_str());
            let entries = marked.get(&writing.marker()).into_iter().flatten();
            made.extend(entries.map(|entry| Made {
                tenant: writing.tenant.to_string(),
                booking: writing.booking.clone(),
                uid: entry.uid.clone(),
                room: writing.room.to_string(),
                start: entry.start,
                end: entry.end,
                series: entry.series,
                secret: entry.subject.contains(crate::watch::CANARY),
            }));
        }
        made
    }

    /// A person has changed or ended a meeting of ours.
    pub(crate) fn touched(&self, made: &Made, ends: bool) {
        let Some(tenant) = TenantId::parse(&made.tenant) else { return };
        let writing =
            self.store.writing(&tenant, &made.booking).now_or_never().and_then(Result::ok).flatten();
        let mut ledger = self.ledger.borrow_mut();
        let tale = ledger.tales.entry((tenant, made.booking.clone())).or_default();
        tale.touched += 1;
        if ends {
            tale.gone.insert(made.uid.clone());
        }
        if ends && let Some(writing) = writing.filter(|writing| writing.event.is_some()) {
            tale.ended_in = Some(writing.life);
        }
    }

    /// I6: after a change of a calendar no mark is there twice. A request that lands late may do that for a while.
    pub(crate) fn calendar_written(&self, request: &Request<Bytes>) {
        self.ledger.borrow_mut().changes += 1;
        if self.ledger.borrow().haunted || !request.uri().path().contains("/events") {
            return;
        }
        let tenants: BTreeSet<String> = self.ledger.borrow().people.values().cloned().collect();
        for tenant in tenants {
            for entries in self.marked(&tenant).values().filter(|entries| entries.len() > 1) {
                self.wrong(format!("I6: {} meetings bear one mark", entries.len()));
            }
        }
    }

    /// A writing was saved, or its save was refused.
    pub(crate) fn writing_saved(&self, writing: &Writing, rows: &[Write], refused: bool) {
        if refused {
            self.count("path: the fence refused a writing");
        }
        let mut ledger = self.ledger.borrow_mut();
        ledger.made.extend(writing.ical_uid());
        let key = (writing.tenant.clone(), writing.booking.clone());
        let stored = self.store.writing(&key.0, &key.1).now_or_never().and_then(Result::ok).flatten();
        let is_newer =
            |stored: &Writing| ledger.tales.get(&key).is_none_or(|tale| stored.version > tale.version);
        if let Some(stored) = stored.filter(is_newer) {
            self.noted(&mut ledger, key, &stored);
        }
        for row in rows {
            // A save that was refused may be our own success all the same. Times are not stored as finely as a clock tells them.
            let stored = self.store.booking(&row.booking.room, &row.booking.id).now_or_never();
            let told = |booking: &Booking| {
                let state = &booking.state;
                (booking.version, state.status, state.last_command_id.clone(), state.failure.clone())
            };
            let is_this = |stored: &Booking| told(stored) == told(&row.booking);
            if !stored.and_then(Result::ok).flatten().as_ref().is_some_and(is_this) {
                continue;
            }
            let state = &row.booking.state;
            if let Some(command) = &state.last_command_id {
                ledger.receipts.insert(command.clone());
                ledger.named.insert((row.booking.room.room.clone(), command.clone()));
            }
            let fails = state.failure.as_ref().is_some_and(|why| !is_a_wait(&why.code));
            if fails {
                let key = (row.booking.room.tenant.clone(), row.booking.id.clone());
                ledger.tales.entry(key).or_default().failed = true;
                self.count("path: writing given up");
            }
        }
        drop(ledger);
        self.read_streams();
    }

    /// I7, at every moment: a command's receipt is confirmed for the time that the command wants, not for one that it was to leave. The
    /// room's copy follows its organizer's with a delay, so what the room shows may be our own echo.
    pub(crate) fn confirmed_as_wanted(&self, old: Option<&Booking>, new: &Booking) {
        let is_answer = old.is_some_and(|old| old.state.status == Status::Pending);
        if !is_answer || new.state.status != Status::Confirmed {
            return;
        }
        let writing = self.store.writing(&new.room.tenant, &new.id).now_or_never();
        let Some(writing) = writing.and_then(Result::ok).flatten() else { return };
        let ledger = self.ledger.borrow();
        let tale = ledger.tales.get(&(writing.tenant.clone(), writing.booking.clone()));
        let Some(meeting) = writing.desired.as_ref().filter(|meeting| meeting.recurrence.is_none()) else {
            return;
        };
        let state = &new.state;
        // The room's zone may have changed, and with it the instants of whole days.
        let shown =
            state.all_day.map_or(Days::Timed(state.span), |(first, after)| Days::AllDay(first, after));
        let is_its_own = writing.room_ref() == new.room
            && writing.last_command() == new.state.last_command_id.as_deref()
            && tale.is_some_and(|tale| tale.touched == 0 && !tale.failed);
        if is_its_own && meeting.when() != shown {
            self.wrong(format!("I7: {} is confirmed for {shown:?}, wanted for {:?}", new.id, meeting.when()));
        }
    }

    fn noted(&self, ledger: &mut Ledger, key: (TenantId, BookingId), stored: &Writing) {
        let tale = ledger.tales.entry(key).or_default();
        if stored.life > tale.life {
            if tale.life > 0 {
                self.count("path: a new life");
            }
            let failed = tale.failed && tale.life == 0;
            *tale =
                Tale { life: stored.life, failed, gone: std::mem::take(&mut tale.gone), ..Tale::default() };
        }
        for receipt in &stored.receipts {
            if ledger.receipts.insert(receipt.clone()) {
                if stored.wanted > tale.wanted {
                    self.count("path: command accepted");
                    tale.accepted.push(receipt.clone());
                } else {
                    self.count("path: command refused");
                    ledger.unchanging.insert(receipt.clone());
                }
            }
        }
        if stored.is_settled() {
            self.count("path: writing settled");
        }
        (tale.version, tale.wanted) = (stored.version, stored.wanted);
    }
}

fn is_a_wait(why: &str) -> bool {
    [code::THROTTLED, code::UNREACHABLE, code::NO_ANSWER].contains(&why)
}
