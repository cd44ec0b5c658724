use super::lost;
use crate::{at, booking_with, created, room_ref, span, tenant_id, updated};
use chrono::TimeDelta;
use roomsync_domain::booking::{Booking, Status};
use roomsync_domain::writing::Claimed;
use roomsync_domain::writing::state::{Place, Writing};
use roomsync_domain::{BookingId, RoomRef};
use roomsync_ports::{BookingStore, WritingStore};

fn writing(room: &RoomRef, id: &str) -> Writing {
    let place = Place { mailbox: "megan@contoso.example".to_owned(), own: false, foreign: false };
    let span = span("2026-02-09T09:00:00Z", "2026-02-09T10:00:00Z");
    let now = at("2026-02-09T08:00:00Z");
    let mut writing = Writing::blank(room, BookingId::new(id), place, span, now);
    writing.want(None, now);
    writing.remember("command");
    writing
}

fn receipt(room: &RoomRef, id: &str) -> Booking {
    let booking = booking_with(id, |state| {
        state.status = Status::Pending;
        state.event_id = None;
        state.ical_uid = None;
    });
    Booking { room: room.clone(), id: BookingId::new(id), ..booking }
}

/// What a save leaves behind: the writing, the claim, the receipt, all or nothing.
pub(super) async fn a_save_is_whole(store: &(impl BookingStore + WritingStore)) {
    let room = room_ref("writing");
    let (first, row) = (writing(&room, "one"), receipt(&room, "one"));
    assert_eq!(store.writing(&tenant_id(), &first.booking).await.expect("no writing"), None);
    assert_eq!(store.claims(&room).await.expect("no claims"), []);
    assert_eq!(store.booking(&room, &row.id).await.expect("no booking"), None);
    store.save(None, &first, &[created(&row)]).await.expect("the first save");
    let stored = Writing { version: 1, ..first.clone() };
    assert_eq!(store.writing(&tenant_id(), &first.booking).await.expect("a writing"), Some(stored.clone()));
    assert_eq!(store.booking(&room, &row.id).await.expect("a booking"), Some(row.clone()));
    let claimed = |claim| Claimed { claim, booking: Some(row.clone()) };
    let claims: Vec<_> = first.claims().into_iter().map(|(_, claim)| claimed(claim)).collect();
    assert_eq!(store.claims(&room).await.expect("a claim"), claims);
    assert_eq!(store.claims(&room_ref("another")).await.expect("no claims there"), []);

    let other = receipt(&room, "other");
    lost(store.save(None, &first, &[created(&other)]).await, "a first save over another");
    assert_eq!(store.booking(&room, &other.id).await.expect("no booking"), None, "nothing of a lost race");
    let stale =
        updated(&Booking { version: 7, ..row.clone() }, |state| state.subject = Some("late".to_owned()));
    let settled = Writing { due: None, ..stored.clone() };
    lost(store.save(Some(&stored), &settled, &[stale]).await, "a receipt that has moved on");
    assert_eq!(store.writing(&tenant_id(), &first.booking).await.expect("a writing"), Some(stored.clone()));

    store.save(Some(&stored), &settled, &[]).await.expect("settled");
    assert_eq!(store.claims(&room).await.expect("no claim"), [], "what is settled claims nothing");
}

/// A booking that moves claims both rooms.
pub(super) async fn a_move_claims_two_rooms(store: &(impl BookingStore + WritingStore)) {
    let (from, to) = (room_ref("from"), room_ref("to"));
    let first = writing(&from, "moving");
    store.save(None, &first, &[]).await.expect("the first save");
    let first = Writing { version: 1, ..first };
    let moving = Writing { room: to.room.clone(), left: Some(from.room.clone()), ..first.clone() };
    store.save(Some(&first), &moving, &[]).await.expect("the move");
    let moving = Writing { version: 2, ..moving };
    assert_eq!(store.claims(&from).await.expect("a claim").len(), 1);
    assert_eq!(store.claims(&to).await.expect("a claim").len(), 1);
    let moved = Writing { left: None, ..moving.clone() };
    store.save(Some(&moving), &moved, &[]).await.expect("moved");
    assert_eq!(store.claims(&from).await.expect("no claim"), []);
    assert_eq!(store.claims(&to).await.expect("a claim").len(), 1);
}

/// What is due is found, the longest waiting first.
pub(super) async fn what_is_due_is_found(store: &(impl BookingStore + WritingStore)) {
    let room = room_ref("due");
    let long_ago = at("2020-01-01T00:00:00Z");
    for (id, hours) in [("late", 3), ("early", 1), ("middle", 2)] {
        let mut writing = writing(&room, id);
        writing.due = Some(long_ago + TimeDelta::hours(hours));
        store.save(None, &writing, &[]).await.expect("a save");
    }
    let due = |hours, most| async move {
        let due = store.due(long_ago + TimeDelta::hours(hours), most).await.expect("what is due");
        due.into_iter().map(|(_, id)| id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(due(0, 10).await, Vec::<String>::new());
    assert_eq!(due(2, 10).await, ["early", "middle"]);
    assert_eq!(due(5, 2).await, ["early", "middle"]);
    let early = store.writing(&tenant_id(), &BookingId::new("early")).await.expect("it").expect("a writing");
    let settled = Writing { due: None, ..early.clone() };
    store.save(Some(&early), &settled, &[]).await.expect("settled");
    assert_eq!(due(5, 10).await, ["middle", "late"]);
}

/// What is noted of a mailbox holds for it alone, however it is spelled, and is never shortened.
pub(super) async fn a_mailbox_is_closed_for_the_longest_time(store: &impl WritingStore) {
    let tenant = tenant_id();
    let until = at("2026-02-09T10:00:00Z");
    assert_eq!(store.closed_until(&tenant, "a@example.org").await.expect("nothing"), None);
    store.close(&tenant, "a@example.org", until).await.expect("noted");
    store.close(&tenant, "A@example.org", until - TimeDelta::seconds(5)).await.expect("an earlier one");
    assert_eq!(store.closed_until(&tenant, "a@Example.org").await.expect("it"), Some(until));
    store.close(&tenant, "a@example.org", until + TimeDelta::milliseconds(1)).await.expect("a later one");
    let later = Some(until + TimeDelta::seconds(1));
    assert_eq!(store.closed_until(&tenant, "a@example.org").await.expect("it"), later);
    assert_eq!(store.closed_until(&tenant, "b@example.org").await.expect("nothing"), None);
}
