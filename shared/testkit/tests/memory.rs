//! The store in memory keeps the word of the ports, and counts and logs what it should.

use roomsync_domain::booking::{EndReason, PrivateBy, Status};
use roomsync_domain::cursor::{Cursor, DeltaLink};
use roomsync_domain::plan::end;
use roomsync_domain::room_plan::RoomWrite;
use roomsync_ports::{BookingStore, RoomStore};
use roomsync_testkit::{
    Call, MemoryStore, StreamFault, StreamRecord, Usage, at, booking, booking_with, created, cursor,
    fold_stream, room, room_ref, suite, updated,
};

#[tokio::test]
async fn it_passes_the_suites() {
    suite::tenant_store_suite(&MemoryStore::new()).await;
    suite::room_store_suite(&MemoryStore::new()).await;
    suite::booking_store_suite(&MemoryStore::new()).await;
    suite::writing_store_suite(&MemoryStore::new()).await;
}

#[tokio::test]
async fn a_stream_of_the_suite_folds_to_the_tables() {
    let store = MemoryStore::new();
    suite::room_store_suite(&store).await;
    suite::booking_store_suite(&store).await;
    assert_eq!(fold_stream(&store.stream()), Ok(store.tables()));
    assert!(store.stream().len() > 1000);
}

#[tokio::test]
async fn a_cursor_read_costs_half_a_unit_until_it_has_four_kilobytes() {
    let store = MemoryStore::new();
    let link = |length| Some(DeltaLink::new("x".repeat(length)));
    store.commit(&room_ref("a"), &[], &Cursor { link: link(2000), ..cursor() }).await.unwrap();
    store.commit(&room_ref("b"), &[], &Cursor { link: link(4000), ..cursor() }).await.unwrap();
    store.take_usage();
    for (key, halves) in [("a", 1), ("b", 2), ("none", 1)] {
        store.cursor(&room_ref(key)).await.unwrap();
        let expected = Usage { calls: [(Call::GetItem, 1)].into(), half_read_units: halves, write_units: 0 };
        assert_eq!(store.take_usage(), expected, "{key}");
    }
}

#[tokio::test]
async fn a_commit_is_one_call_and_two_units_for_each_kilobyte() {
    let store = MemoryStore::new();
    store.commit(&room_ref("a"), &[created(&booking("one"))], &cursor()).await.unwrap();
    let usage = store.take_usage();
    assert_eq!((usage.count(Call::TransactWriteItems), usage.total_calls()), (1, 1));
    // The cursor, the booking whose texts push it over a kilobyte, and the entry in the index.
    assert_eq!(usage.write_units, 2 + 3);
    store.bookings(&room_ref("a"), None, at("2027-01-01T00:00:00Z")).await.unwrap();
    let usage = store.take_usage();
    assert_eq!((usage.count(Call::Query), usage.half_read_units), (1, 2));
}

/// The stream of a booking that is made, changed and ended.
async fn life() -> Vec<StreamRecord> {
    let store = MemoryStore::new();
    let room = room_ref("a");
    let first = booking_with("one", |state| state.subject = Some("before".to_owned()));
    store.commit(&room, &[created(&first)], &cursor()).await.expect("a commit");
    let second = updated(&first, |state| state.subject = Some("after".to_owned()));
    store
        .commit(&room, std::slice::from_ref(&second), &Cursor { version: 1, ..cursor() })
        .await
        .expect("a commit");
    let ended = end(&second.booking, EndReason::Cancelled, 90, at("2026-02-09T08:30:00Z"));
    store.commit(&room, &[ended], &Cursor { version: 2, ..cursor() }).await.expect("a commit");
    assert_eq!(fold_stream(&store.stream()), Ok(store.tables()));
    store.expire(at("2026-08-01T00:00:00Z"));
    assert_eq!(fold_stream(&store.stream()), Ok(store.tables()));
    assert!(store.tables().bookings.is_empty());
    store.stream()
}

/// What a reader finds wrong with that life after something was done to one of its records.
async fn fault(at: usize, harm: impl Fn(&mut roomsync_domain::booking::Booking)) -> String {
    let mut stream = life().await;
    let StreamRecord::Booking(change) = &mut stream[at] else { panic!("a booking") };
    harm(change.new.as_mut().expect("a new image"));
    let error = fold_stream(&stream[..=at]).expect_err("a fault");
    format!("{error:?}").split(' ').next().expect("a name").to_owned()
}

#[tokio::test]
async fn every_broken_promise_is_found() {
    let stream = life().await;
    assert!(matches!(fold_stream(&stream[1..]), Err(StreamFault::OldImage { .. })), "a record left out");
    let twice = [&stream[0], &stream[0]];
    assert!(matches!(fold_stream(twice), Err(StreamFault::OldImage { .. })), "a record twice");
    assert_eq!(fault(0, |booking| booking.version = 2).await, "Version");
    assert_eq!(fault(1, |booking| booking.version = 3).await, "Version");
    assert_eq!(fault(1, |booking| booking.state.subject = Some("before".to_owned())).await, "NoOp");
    assert_eq!(fault(1, |booking| booking.state.private_by = PrivateBy::Calendar).await, "Private");
    assert_eq!(fault(1, |booking| booking.expires_at = at("2026-02-09T09:30:00Z")).await, "Expiry");
    assert_eq!(fault(2, |booking| booking.state.subject = None).await, "Tombstone");
    assert_eq!(fault(2, |booking| booking.state.status = Status::Confirmed).await, "NoOp");
}

#[tokio::test]
async fn a_room_never_goes_away() {
    let store = MemoryStore::new();
    store.put_room(&RoomWrite { over: None, look: true, room: room("a") }).await.unwrap();
    let mut stream = store.stream();
    let StreamRecord::Room(change) = stream[0].clone() else { panic!("a room") };
    let gone = roomsync_testkit::Change { old: change.new, new: None };
    stream.push(StreamRecord::Room(Box::new(gone)));
    assert!(matches!(fold_stream(&stream), Err(StreamFault::Removed { .. })));
}
