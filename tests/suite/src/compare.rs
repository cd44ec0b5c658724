//! The tables against the calendars.
#![allow(clippy::expect_used, reason = "a test may fail")]

use crate::TENANT;
use crate::world::tenant_id;
use chrono::TimeDelta;
use roomsync_domain::booking::{Booking, Status};
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::{Instant, Span, time::end_of_time};
use roomsync_ports::{BookingStore, RoomStore};
use roomsync_twin::Twin;
use roomsync_twin::calendar::{ShowAs, Window};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Every difference between the tables and the calendars of active rooms, inside the window.
///
/// # Panics
///
/// If the store does not answer.
pub async fn differences(twin: &RefCell<Twin>, store: &(impl RoomStore + BookingStore)) -> Vec<String> {
    let rooms = store.rooms(&tenant_id()).await.expect("the store answers");
    let mut wrong = Vec::new();
    for room in rooms.iter().filter(|room| room.state.status == RoomStatus::Active) {
        wrong.extend(of_room(twin, store, room).await);
    }
    wrong
}

async fn of_room(twin: &RefCell<Twin>, store: &impl BookingStore, room: &Room) -> Vec<String> {
    let email = &room.state.email;
    let cursor = store.cursor(&room.room).await.expect("the store answers");
    let Some(window) = cursor.and_then(|cursor| cursor.window) else {
        return vec![format!("{email}: never copied")];
    };
    let truth = truth(&twin.borrow(), room.room.room.as_str(), window);
    let rows = store.bookings(&room.room, None, end_of_time()).await.expect("the store answers");
    let held: BTreeMap<String, (Instant, Instant, Status)> = rows
        .iter()
        .filter(|row| row.is_live() && row.state.span.overlaps(&window))
        .filter_map(|row: &Booking| {
            let id = row.state.event_id.as_ref()?.to_string();
            Some((id, (row.state.span.start, row.state.span.end, row.state.status)))
        })
        .collect();
    let mut wrong = Vec::new();
    for (id, entry) in &truth {
        match held.get(id) {
            None => {
                wrong.push(format!("{email}: {id} is in the calendar at {} and not in the table", entry.0))
            }
            Some(row) if row != entry => wrong.push(format!("{email}: {id} is {row:?}, should be {entry:?}")),
            Some(_) => {}
        }
    }
    let stale = held.iter().filter(|(id, _)| !truth.contains_key(*id));
    wrong.extend(
        stale.map(|(id, row)| format!("{email}: {id} at {} is in the table and not in the calendar", row.0)),
    );
    wrong
}

/// What the table should hold of a calendar. Worked out from the twin's plain truth, not by the planner.
fn truth(twin: &Twin, room: &str, window: Span) -> BTreeMap<String, (Instant, Instant, Status)> {
    let slack = TimeDelta::days(3);
    let wide = Window { from: window.start - slack, to: window.end + slack };
    let instances = twin.truth(TENANT, room, wide).unwrap_or_default();
    let entry = |instance: roomsync_twin::Instance| {
        let (start, end) = match instance.days {
            Some((first, after)) => {
                let midnight = |day| roomsync_domain::zone::midnight(day, chrono_tz());
                (midnight(first), midnight(after))
            }
            None => (instance.start, instance.end),
        };
        let inside = Span::new(start, end).overlaps(&window);
        let status =
            if instance.show_as == ShowAs::Tentative { Status::Tentative } else { Status::Confirmed };
        (inside && !instance.cancelled).then_some((instance.id, (start, end, status)))
    };
    instances.into_iter().filter_map(entry).collect()
}

/// The zone of every room here.
fn chrono_tz() -> roomsync_domain::zone::Tz {
    roomsync_domain::zone::find("Europe/Paris").expect("a zone")
}
