//! What must be true of what is written about rooms and bookings, above all of what ends.

use crate::universe::{Caller, Universe};
use crate::watch::Watch;
use futures::FutureExt;
use roomsync_domain::booking::{BookingState, EndReason, Status};
use roomsync_domain::cursor::Cursor;
use roomsync_domain::plan::{Change, Write};
use roomsync_domain::room::RoomStatus;
use roomsync_domain::room_plan::RoomWrite;
use roomsync_domain::tenant::TenantStatus;
use roomsync_domain::writing::Claimed;
use roomsync_domain::{EventId, Instant, RoomRef, time::end_of_time};
use roomsync_ports::{BookingStore, RoomStore, TenantStore};
use roomsync_twin::calendar::{Item, Window};
use std::collections::BTreeMap;

/// Endings that no look needs to be asked about.
const GUARD_AT_LEAST: usize = 25;

/// What is known of what may end.
#[derive(Default)]
pub(crate) struct EndingWatch {
    calendars: BTreeMap<String, Presence>,
    /// When rooms came back.
    returned: BTreeMap<RoomRef, Instant>,
}

/// Which entries a calendar holds, and since which step.
#[derive(Default)]
struct Presence {
    signature: u64,
    since: BTreeMap<String, u64>,
}

impl Universe {
    /// Looks at every calendar whose content may have changed.
    pub(crate) fn calendars_changed(&self) {
        let twin = self.twin.borrow();
        let mut watch = self.watch.borrow_mut();
        let Watch { homes, endings, .. } = &mut *watch;
        for (mailbox, tenant) in homes.iter() {
            let Some(held) = twin.tenant(tenant).and_then(|tenant| tenant.mailbox(mailbox)) else { continue };
            let mix = |sum: u64, item: &Item| {
                let at = item.modified.timestamp_millis().unsigned_abs();
                let lost = item.shape.series.as_ref().map_or(0, |series| series.removed.len() as u64);
                (sum ^ item.key ^ (lost << 10) ^ (item.seq << 20) ^ (at << 32))
                    .wrapping_mul(0x0000_0100_0000_01b3)
            };
            let signature = held.items().values().fold(1, mix);
            let presence = endings.calendars.entry(mailbox.clone()).or_default();
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
                self.watch.borrow().calls.shown.contains(&(caller.invocation.get(), room.tenant.to_string()));
            if !shown && !self.is_turned(room) {
                self.wrong(format!("I1: room {room} is removed by a look that saw no room at all"));
            }
        } else if write.over.is_some() && write.look {
            self.watch.borrow_mut().endings.returned.insert(room.clone(), self.now());
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
        let look =
            self.watch.borrow().calls.looks.get(&key).map(|look| (look.step, look.guarded, look.ended));
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
            let present = watch
                .endings
                .calendars
                .get(room.room.as_str())
                .and_then(|held| held.since.get(&event))
                .copied();
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
        if let Some(look) = self.watch.borrow_mut().calls.looks.get_mut(&key) {
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
        self.watch.borrow().calls.looks.get(looked).is_some_and(|look| look.claimed.iter().any(is_its))
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
            || self.watch.borrow().endings.returned.get(room).is_some_and(lately)
    }
}
