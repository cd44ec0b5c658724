//! What a look costs: a quiet one is one Graph request, one read of at most half a unit, and no write.
#![allow(missing_docs, clippy::unwrap_used, reason = "the names are the documentation; a test may fail")]

use roomsync_domain::hint::{HintReason, PollHint};
use roomsync_ports::Clock;
use roomsync_testkit::{Call, Message};
use roomsync_tests::world::{event, sqs};
use roomsync_tests::{ROOM_A, ROOM_B, World};
use roomsync_twin::Kind;

/// A world of ten rooms, copied, and warm: token and tenant are known.
async fn settled(rooms: usize) -> (World, Vec<String>) {
    let mut world = World::new().await;
    let mut addresses = vec![ROOM_A.to_owned(), ROOM_B.to_owned()];
    addresses.extend((2..rooms).map(|n| format!("room.{n}@contoso.example")));
    for address in &addresses[2..] {
        world.add_room(address);
    }
    world.book("2026-02-10", 9);
    world.rounds(3).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    (world, addresses)
}

#[tokio::test]
async fn a_quiet_batch_of_ten_rooms_costs_ten_requests_ten_half_units_and_no_write() {
    let (world, addresses) = settled(10).await;
    let hints: Vec<PollHint> =
        addresses.iter().map(|address| PollHint::new(&world.room(address), HintReason::Schedule)).collect();
    let _ = world.store.take_usage();
    world.twin.borrow_mut().reset_counters();
    let records = world.store.stream().len();
    let answer = world.poll(event(&hints)).await;
    assert!(answer.batch_item_failures.is_empty());
    let (usage, counters) = (world.store.take_usage(), world.twin.borrow().counters());
    assert_eq!((counters.total, counters.by_kind.get(&Kind::DeltaLink)), (10, Some(&10)), "{counters:?}");
    assert_eq!((usage.total_calls(), usage.count(Call::GetItem)), (10, 10), "{usage:?}");
    assert_eq!(usage.half_read_units, 10);
    assert_eq!(usage.write_units, 0);
    assert_eq!(world.store.stream().len(), records);
}

#[tokio::test]
async fn a_flood_of_hints_for_one_room_in_a_batch_is_one_look() {
    let (world, _) = settled(2).await;
    world.pass(10);
    let noticed_at = Some(world.clock.now());
    let hints: Vec<PollHint> = (0..10)
        .map(|_| PollHint { noticed_at, ..PollHint::new(&world.room(ROOM_A), HintReason::Webhook) })
        .collect();
    world.twin.borrow_mut().reset_counters();
    let _ = world.poll(event(&hints)).await;
    assert_eq!(world.twin.borrow().counters().total, 1);
}

#[tokio::test]
async fn a_message_that_cannot_be_understood_is_set_aside_and_the_rest_is_done() {
    let (world, _) = settled(2).await;
    world.book("2026-02-11", 9);
    let message = |id: &str, body: &str| Message {
        id: id.to_owned(),
        group: "g".to_owned(),
        body: body.to_owned(),
        receipt: 0,
        receives: 1,
        sent_at: roomsync_testkit::at("2026-02-02T08:00:00Z"),
    };
    let good = serde_json::to_string(&PollHint::new(&world.room(ROOM_A), HintReason::Schedule)).unwrap();
    let answer = world.poll(sqs(&[message("bad", "{\"schemaVersion\":1}"), message("good", &good)])).await;
    assert!(answer.batch_item_failures.is_empty());
    let rejections = world.queue.rejections();
    assert_eq!((rejections.len(), rejections[0].message_id.as_str()), (1, "bad"));
    assert!(rejections[0].reason.contains("tenantId"), "{}", rejections[0].reason);
    assert_eq!(world.live(ROOM_A).await.len(), 2);
}

#[tokio::test]
async fn a_change_costs_one_delta_one_read_and_one_transaction() {
    let (world, _) = settled(2).await;
    world.book("2026-02-12", 9);
    let _ = world.store.take_usage();
    world.twin.borrow_mut().reset_counters();
    let _ = world.look(ROOM_A).await;
    let (usage, counters) = (world.store.take_usage(), world.twin.borrow().counters());
    assert_eq!(counters.total, 2, "{counters:?}");
    assert_eq!(usage.count(Call::TransactWriteItems), 1);
    assert_eq!(world.differences().await, Vec::<String>::new());
}
