//! What must be true at every moment (trials, section 1). The first breach ends a history.

use crate::graph_port::{Address, retry_after};
use crate::universe::{Caller, Kind, Universe};
use bytes::Bytes;
use futures::FutureExt;
use http::Response;
use roomsync_domain::booking::{Booking, BookingState, EndReason, Status};
use roomsync_domain::cursor::Cursor;
use roomsync_domain::plan::{Change, Write};
use roomsync_domain::room::RoomStatus;
use roomsync_domain::room_plan::RoomWrite;
use roomsync_domain::tenant::TenantStatus;
use roomsync_domain::writing::Claimed;
use roomsync_domain::{EventId, Instant, RoomId, RoomRef, TenantId, time::end_of_time};
use roomsync_ports::{BookingStore, RoomStore, TenantStore};
use roomsync_testkit::{StreamRecord, Tables, fold_onto};
use roomsync_twin::calendar::{Item, Window};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};

/// Word that is in everything that must never be seen outside of a calendar.
pub(crate) const CANARY: &str = "canary";
/// Endings that no look needs to be asked about.
const GUARD_AT_LEAST: usize = 25;
/// Most calls to Graph of one look: 45 days in slices of six hours, where long meetings overlap more often than a page has entries.
const MOST_CALLS: u32 = 2500;
/// Most calls to one mailbox at a time (throttling-limits).
const AT_ONCE: usize = 4;

/// What is known of the world to judge the functions by.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) wrong: Vec<String>,
    /// What is known of notices.
    pub(crate) push: crate::push_watch::PushWatch,
    /// Tenant of each token that was handed out.
    tokens: BTreeMap<String, String>,
    /// Tenant of each mailbox.
    homes: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
    /// Until when an environment was asked not to call.
    promises: BTreeMap<(u32, String), Instant>,
    looks: BTreeMap<(u32, RoomRef), Look>,
    calendars: BTreeMap<String, Presence>,
    /// Invocations and tenants to whom the directory showed any room.
    shown: BTreeSet<(u32, String)>,
    folded: Tables,
    /// Records of the streams that were read.
    pub(crate) records: usize,
    /// Clocks are wrong in this history: promises that went through a table are not judged.
    pub(crate) skewed: bool,
    /// When tenants were off-boarded or taken back; functions remember a tenant for a minute.
    pub(crate) turned: BTreeMap<String, Instant>,
    /// Rooms that had another address, which what was sent to that does not reach any more.
    pub(crate) readdressed: BTreeSet<String>,
    /// When rooms came back.
    returned: BTreeMap<RoomRef, Instant>,
}

/// One attempt to bring a room into step.
struct Look {
    step: u64,
    not_before: Option<Instant>,
    guarded: bool,
    ended: usize,
    calls: u32,
    /// What it has read of commands under way.
    claimed: Vec<Claimed>,
}

/// Which entries a calendar holds, and since which step.
#[derive(Default)]
struct Presence {
    signature: u64,
    since: BTreeMap<String, u64>,
}

/// A list of places, or one place.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    value: Option<Vec<IgnoredAny>>,
    email_address: Option<IgnoredAny>,
}

impl Shown {
    fn any(&self) -> bool {
        self.value.as_ref().map_or(self.email_address.is_some(), |rows| !rows.is_empty())
    }
}

/// The login host's consent.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

impl Universe {
    /// Makes a mailbox known.
    pub(crate) fn adopt(&self, tenant: &str, mailbox: &str, name: &str) {
        let mut watch = self.watch.borrow_mut();
        watch.homes.insert(mailbox.to_owned(), tenant.to_owned());
        watch.names.insert(mailbox.to_owned(), name.to_owned());
    }

    /// Makes a tenant known by a name for stories.
    pub(crate) fn call_it(&self, id: &str, name: &str) {
        self.watch.borrow_mut().names.insert(id.to_owned(), name.to_owned());
    }

    pub(crate) fn name_of(&self, id: &str) -> String {
        if !self.story.tells() {
            return String::new();
        }
        self.watch.borrow().names.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// I9, I13, I14: a request leaves. Gives the lane that its answer may close.
    pub(crate) fn request_sent(&self, caller: &Caller, address: &Address, bearer: &str) -> String {
        let mut watch = self.watch.borrow_mut();
        let mut wrong = Vec::new();
        let token = bearer.trim_start_matches("Bearer ");
        let tenant = match address.kind {
            Kind::Login => Some(address.whom.clone()),
            _ => watch.tokens.get(token).cloned(),
        };
        let Some(tenant) = tenant else {
            drop(watch);
            self.wrong("I9: a call with a token that nobody gave out".to_owned());
            return String::new();
        };
        let of_mailbox = !matches!(address.kind, Kind::Login | Kind::Places | Kind::User)
            && !address.kind.is_of_subscriptions();
        let of_person = self.ledger.borrow().is_of(&address.whom, &tenant);
        if of_mailbox && !of_person && watch.homes.get(&address.whom) != Some(&tenant) {
            wrong.push(format!("I9: mailbox {} is called with a token of tenant {tenant}", address.whom));
        }
        let lane = format!("{tenant}/{}", address.lane);
        let now = self.now();
        if let Some(until) = watch.promises.get(&(caller.env, lane.clone())).filter(|until| now < **until) {
            wrong.push(format!("I13: {lane} was called {} before it allowed", *until - now));
        }
        if of_mailbox {
            let room = watch.looks.iter_mut().find(|((invocation, room), _)| {
                *invocation == caller.invocation.get() && room.room.as_str() == address.whom
            });
            if let Some((_, look)) = room {
                look.calls += 1;
                if look.calls > MOST_CALLS {
                    wrong.push(format!("I14: {} calls in one look", look.calls));
                }
                if look.not_before.is_some_and(|at| caller.now() < at) {
                    wrong.push("I13: a call although the cursor says to wait".to_owned());
                }
            }
        }
        drop(watch);
        self.notice_look(caller, address);
        self.subscription_called(address, &tenant);
        let ops = self.ops.borrow();
        let same = ops.values().filter(|op| {
            op.caller.env == caller.env
                && of_mailbox
                && op.what.kind.is_http()
                && op.what.about == address.whom
        });
        if same.count() >= AT_ONCE {
            wrong.push(format!("I13: more than {AT_ONCE} calls to one mailbox at a time"));
        }
        drop(ops);
        wrong.into_iter().for_each(|what| self.wrong(what));
        lane
    }

    /// An answer is there: a token, or a wish to be left alone.
    pub(crate) fn answer_received(
        &self,
        caller: &Caller,
        address: &Address,
        lane: &str,
        answer: &Response<Bytes>,
    ) {
        let now = self.now();
        if let Some(until) = retry_after(answer, now) {
            let mut watch = self.watch.borrow_mut();
            let promise = watch.promises.entry((caller.env, lane.to_owned())).or_insert(until);
            *promise = until.max(*promise);
            // A date is read by a clock that may be wrong.
            if watch.skewed {
                watch.promises.remove(&(caller.env, lane.to_owned()));
            }
        }
        if address.kind == Kind::Places
            && answer.status().is_success()
            && serde_json::from_slice::<Shown>(answer.body()).is_ok_and(|shown| shown.any())
        {
            let tenant = lane.split('/').next().unwrap_or_default().to_owned();
            self.watch.borrow_mut().shown.insert((caller.invocation.get(), tenant));
        }
        if address.kind == Kind::Login
            && answer.status().is_success()
            && let Ok(granted) = serde_json::from_slice::<Granted>(answer.body())
        {
            self.watch.borrow_mut().tokens.insert(granted.access_token, address.whom.clone());
        }
    }

    /// A look begins, or begins anew after a lost race.
    pub(crate) fn look_begun(&self, caller: &Caller, room: &RoomRef, cursor: Option<&Cursor>) {
        let mut watch = self.watch.borrow_mut();
        let not_before = cursor.and_then(|cursor| cursor.not_before).filter(|_| !watch.skewed);
        let look = Look {
            step: self.step.get(),
            not_before,
            guarded: cursor.is_some_and(|cursor| cursor.guarded.is_some()),
            ended: 0,
            calls: 0,
            claimed: Vec::new(),
        };
        watch.looks.insert((caller.invocation.get(), room.clone()), look);
    }

    /// A look has read which commands are under way.
    pub(crate) fn claims_read(&self, caller: &Caller, room: &RoomRef, claimed: &[Claimed]) {
        let key = (caller.invocation.get(), room.clone());
        if let Some(look) = self.watch.borrow_mut().looks.get_mut(&key) {
            look.claimed = claimed.to_vec();
        }
    }

    /// Whether a look has read that the entry of a booking is the meeting of a command whose own booking waits for the room: as long as the
    /// room shows a time that commands have left, nothing is written for that one.
    fn is_claimed(&self, looked: &(u32, RoomRef), state: &BookingState) -> bool {
        let room = &looked.1;
        let entries = self.twin.borrow().entries(room.tenant.as_str(), room.room.as_str(), false);
        let id = state.series_id.as_deref().or(state.event_id.as_ref().map(EventId::as_str));
        let entry = entries.into_iter().flatten().find(|entry| Some(entry.id.as_str()) == id);
        let is_its = |held: &Claimed| {
            let waits = held.booking.as_ref().is_some_and(|own| own.state.status == Status::Pending);
            let shared = entry.as_ref().is_some_and(|entry| held.claim.ical_uid.as_ref() == Some(&entry.uid));
            waits && shared && held.claim.leaving.is_none()
        };
        self.watch.borrow().looks.get(looked).is_some_and(|look| look.claimed.iter().any(is_its))
    }

    /// An invocation is over; its looks are too.
    pub(crate) fn invocation_over(&self, invocation: u32) {
        self.push_over(invocation);
        self.watch.borrow_mut().looks.retain(|(of, _), _| *of != invocation);
    }

    /// Looks at every calendar whose content may have changed.
    pub(crate) fn calendars_changed(&self) {
        let twin = self.twin.borrow();
        let mut watch = self.watch.borrow_mut();
        let Watch { homes, calendars, .. } = &mut *watch;
        for (mailbox, tenant) in homes.iter() {
            let Some(held) = twin.tenant(tenant).and_then(|tenant| tenant.mailbox(mailbox)) else { continue };
            let mix = |sum: u64, item: &Item| {
                let at = item.modified.timestamp_millis().unsigned_abs();
                let lost = item.shape.series.as_ref().map_or(0, |series| series.removed.len() as u64);
                (sum ^ item.key ^ (lost << 10) ^ (item.seq << 20) ^ (at << 32))
                    .wrapping_mul(0x0000_0100_0000_01b3)
            };
            let signature = held.items().values().fold(1, mix);
            let presence = calendars.entry(mailbox.clone()).or_default();
            if presence.signature == signature {
                continue;
            }
            presence.signature = signature;
            let wide = Window { from: Instant::MIN_UTC, to: end_of_time() };
            let wide = Window {
                from: wide.from.max(self.now() - chrono::TimeDelta::days(40)),
                to: wide.to.min(self.now() + chrono::TimeDelta::days(200)),
            };
            let live = twin.truth(tenant, mailbox, wide).unwrap_or_default();
            let before = std::mem::take(&mut presence.since);
            let step = self.step.get();
            presence.since = live
                .into_iter()
                .filter(|instance| !instance.cancelled)
                .map(|instance| {
                    let since = before.get(&instance.id).copied().unwrap_or(step);
                    (instance.id, since)
                })
                .collect();
        }
    }

    /// I9 and the streams: a room was written.
    pub(crate) fn room_written(&self, caller: &Caller, write: &RoomWrite) {
        let room = &write.room.room;
        if self.watch.borrow().homes.get(room.room.as_str()).map(String::as_str) != Some(room.tenant.as_str())
        {
            self.wrong(format!("I9: room {room} is not of that tenant"));
        }
        if write.room.state.status == RoomStatus::Removed {
            self.count("path: room removed");
            let shown =
                self.watch.borrow().shown.contains(&(caller.invocation.get(), room.tenant.to_string()));
            if !shown && !self.is_turned(room) {
                self.wrong(format!("I1: room {room} is removed by a look that saw no room at all"));
            }
        } else if write.over.is_some() && write.look {
            self.watch.borrow_mut().returned.insert(room.clone(), self.now());
            self.count("path: room back, moved or re-addressed");
        }
        self.read_streams();
    }

    /// I1, I2, I9, I10, the guard and the streams: a commit was tried. `before` is what was stored.
    pub(crate) fn committed(
        &self,
        caller: &Caller,
        room: &RoomRef,
        writes: &[Write],
        cursor: &Cursor,
        before: Option<Cursor>,
    ) {
        let after = self.store.cursor(room).now_or_never().and_then(Result::ok).flatten();
        let version = before.as_ref().map_or(0, |cursor| cursor.version);
        if after.as_ref().map_or(0, |cursor| cursor.version) == version {
            self.count("path: the fence refused a commit");
            if self.records_new() {
                self.wrong(format!("I2: a refused commit of {room} wrote something"));
            }
            return;
        }
        if cursor.version != version {
            self.wrong(format!(
                "I2: a commit of {room} over version {version} although it had read {}",
                cursor.version
            ));
        }
        let home = self.watch.borrow().homes.get(room.room.as_str()).cloned();
        if home.as_deref() != Some(room.tenant.as_str())
            || writes.iter().any(|write| write.booking.room != *room)
        {
            self.wrong(format!("I9: a commit of {room} for another tenant or room"));
        }
        let before_listening = before.as_ref().and_then(|before| before.listening.clone());
        if let Some(before) = before {
            self.old_cursors.borrow_mut().insert(room.clone(), before.clone());
            self.paths(&before, cursor);
        }
        self.trust_earned(room, before_listening.as_ref(), cursor);
        self.endings(caller, room, writes);
        self.bookings_written(writes, cursor);
        self.read_streams();
    }

    /// I1: what ended is really gone, or was at some moment since the look began. And no look ends more than its share.
    fn endings(&self, caller: &Caller, room: &RoomRef, writes: &[Write]) {
        let ended: Vec<&Write> = writes.iter().filter(|write| write.change == Change::Ended).collect();
        if ended.is_empty() {
            return;
        }
        self.calendars_changed();
        let key = (caller.invocation.get(), room.clone());
        let look = self.watch.borrow().looks.get(&key).map(|look| (look.step, look.guarded, look.ended));
        let Some((begun, guarded, earlier)) = look else {
            return self.wrong(format!("a commit of {room} without a look"));
        };
        let mut counted = 0;
        for write in ended {
            let state = &write.booking.state;
            let Status::Ended(reason) = state.status else {
                self.wrong(format!("{} ends without a reason", write.booking.id));
                continue;
            };
            if reason == EndReason::RoomRemoved {
                self.count("path: booking ended with its room");
                if !self.is_removed(room) {
                    self.wrong(format!("I1: {} ends with its room, which is there", write.booking.id));
                }
                continue;
            }
            self.count("path: booking ended");
            counted += usize::from(state.span.end > caller.now());
            let watch = self.watch.borrow();
            let event = state.event_id.as_ref().map(ToString::to_string).unwrap_or_default();
            let present =
                watch.calendars.get(room.room.as_str()).and_then(|held| held.since.get(&event)).copied();
            drop(watch);
            // Its entry was found to be a command's meeting and goes on as that.
            let goes_on = writes
                .iter()
                .any(|other| other.booking.is_live() && other.booking.state.event_id == state.event_id);
            if present.is_some_and(|since| since <= begun) && !goes_on && !self.is_claimed(&key, state) {
                self.wrong(format!(
                    "I1: the booking of {} at {} ends as {reason:?} although the calendar holds it",
                    self.name_of(room.room.as_str()),
                    state.span.start
                ));
            }
        }
        let ended = earlier + counted;
        if let Some(look) = self.watch.borrow_mut().looks.get_mut(&key) {
            look.ended = ended;
        }
        if ended > GUARD_AT_LEAST && !guarded {
            let rows = self.store.bookings(room, None, end_of_time()).now_or_never();
            let rows = rows.and_then(Result::ok).unwrap_or_default();
            let live = rows.iter().filter(|row| row.is_live() && row.state.span.end > caller.now()).count();
            // Said again here, so that the guard itself is judged.
            if ended > GUARD_AT_LEAST.max((live + ended) / 5) {
                self.wrong(format!("guard: a look ends {ended} of {} bookings unasked", live + ended));
            }
        }
    }

    /// Whether its tenant is removed, or was or came back just now.
    fn is_turned(&self, room: &RoomRef) -> bool {
        let tenant = self.store.tenant(&room.tenant).now_or_never().and_then(Result::ok).flatten();
        let lately = |at: &Instant| self.now() - *at < chrono::TimeDelta::minutes(5);
        tenant.is_none_or(|tenant| tenant.status == TenantStatus::Removed)
            || self.watch.borrow().turned.get(room.tenant.as_str()).is_some_and(lately)
    }

    /// Whether a room or its tenant is removed in the tables.
    pub(crate) fn is_removed(&self, room: &RoomRef) -> bool {
        let row = self.store.room(room).now_or_never().and_then(Result::ok).flatten();
        let lately = |at: &Instant| self.now() - *at < chrono::TimeDelta::minutes(5);
        row.is_some_and(|row| row.state.status == RoomStatus::Removed)
            || self.is_turned(room)
            // It has come back while the look was on its way.
            || self.watch.borrow().returned.get(room).is_some_and(lately)
    }

    /// What is noted about rooms and tenants that cannot be read, as people see it.
    pub(crate) fn troubles(&self) -> String {
        let watch = self.watch.borrow();
        let mut text = String::new();
        for (mailbox, tenant) in &watch.homes {
            let Some(tenant) = TenantId::parse(tenant) else { continue };
            let room = RoomRef::new(tenant.clone(), RoomId::new(mailbox));
            let cursor = self.store.cursor(&room).now_or_never().and_then(Result::ok).flatten();
            let memory = self.store.directory_memory(&tenant).now_or_never().and_then(Result::ok);
            text += &format!(
                "{:?} {:?}",
                cursor.and_then(|cursor| cursor.trouble),
                memory.map(|memory| memory.trouble)
            );
        }
        text
    }

    /// Whether a text holds an access token.
    pub(crate) fn holds_token(&self, text: &str) -> bool {
        self.watch.borrow().tokens.keys().any(|token| text.contains(token.as_str()))
    }

    /// The rooms of a tenant that were ever there.
    pub(crate) fn rooms_of(&self, tenant: &str) -> Vec<String> {
        let watch = self.watch.borrow();
        watch.homes.iter().filter(|(_, of)| *of == tenant).map(|(room, _)| room.clone()).collect()
    }

    fn records_new(&self) -> bool {
        !self.store.stream_from(self.watch.borrow().records).is_empty()
    }

    /// I4, I5, I10: what a reader of the streams sees.
    pub(crate) fn read_streams(&self) {
        let seen = self.watch.borrow().records;
        let records = self.store.stream_from(seen);
        if records.is_empty() {
            return;
        }
        let mut watch = self.watch.borrow_mut();
        watch.records += records.len();
        let folded = fold_onto(&mut watch.folded, &records);
        drop(watch);
        if let Err(fault) = folded {
            self.wrong(format!("I4/I5: {fault}"));
        }
        for record in &records {
            if let StreamRecord::Booking(change) = record
                && let Some(new) = &change.new
            {
                self.story.mark_text(new.id.as_str());
                self.story.mark(&[new.version, new.state.span.start.timestamp().unsigned_abs()]);
                self.tell(new);
                self.confirmed_as_wanted(change.old.as_ref(), new);
                let state = &new.state;
                let texts = [&state.subject, &state.organizer_name, &state.organizer_email];
                if texts.into_iter().flatten().any(|text| text.to_lowercase().contains(CANARY)) {
                    self.wrong(format!("I10: booking {} shows what is private", new.id));
                }
            }
        }
    }

    fn tell(&self, new: &Booking) {
        self.story.say(|| {
            let state = &new.state;
            let room = self.name_of(new.room.room.as_str());
            let status = state.status;
            format!("        stream {room}: {} v{} {status:?} {}", new.id, new.version, state.span.start)
        });
    }

    /// I5 as a whole: the streams make the tables.
    pub(crate) fn streams_make_tables(&self) {
        self.read_streams();
        if self.watch.borrow().folded != self.store.tables() {
            self.wrong("I5: the streams do not make the tables".to_owned());
        }
    }
}
