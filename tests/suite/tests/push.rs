//! Stories about notices and subscriptions: the webhook, the keeper, the poller and the twin's push in one process.
#![allow(missing_docs, clippy::unwrap_used, reason = "the names are the documentation; a test may fail")]

use chrono::TimeDelta;
use roomsync_domain::hint::{HintReason, PollHint};
use roomsync_domain::listening::{Listening, RefusalKind, life};
use roomsync_domain::tenant::{Location, TenantStatus};
use roomsync_ports::{BookingStore, Graph, HintQueue, NewSubscription, Subscriptions, TenantStore};
use roomsync_testkit::Lane;
use roomsync_tests::webhook::{HOST, KEY_NAME};
use roomsync_tests::{ROOM_A, ROOM_B, World};
use roomsync_twin::calendar::Change;
use roomsync_twin::push::PushSwitches;
use roomsync_twin::{Kind, Tuning};

fn looks(world: &World) -> u64 {
    world.twin.borrow().counters().by_kind.get(&Kind::DeltaLink).copied().unwrap_or_default()
}

fn subscriptions(world: &World) -> usize {
    world.twin.borrow().subscriptions().count()
}

async fn held(world: &World, address: &str) -> Option<Listening> {
    world.store.cursor(&world.room(address)).await.unwrap().and_then(|cursor| cursor.listening)
}

fn switch(world: &World, change: impl FnOnce(&mut PushSwitches)) {
    let mut twin = world.twin.borrow_mut();
    let mut switches = twin.push_switches().clone();
    change(&mut switches);
    twin.set_push(switches);
}

/// A world in which a notice has come from room A, and it is quiet again.
async fn proven() -> World {
    let mut world = World::listening().await;
    world.book("2026-02-10", 9);
    world.seconds(20).await;
    assert!(held(&world, ROOM_A).await.unwrap().can_be_trusted(world.clock_now()));
    world
}

#[tokio::test]
async fn a_change_is_there_within_seconds_for_two_looks() {
    let mut world = World::listening().await;
    assert_eq!(subscriptions(&world), 2);
    assert_eq!(held(&world, ROOM_A).await.unwrap().heard_at, None);
    world.twin.borrow_mut().reset_counters();
    world.book("2026-02-10", 9);
    world.seconds(3).await;
    assert_eq!(world.live(ROOM_A).await.len(), 1);
    world.seconds(30).await;
    assert_eq!(looks(&world), 2, "one that found it, one for the notices that came meanwhile");
    assert_eq!(world.differences().await, Vec::<String>::new());
    assert!(world.queue.messages(Lane::Polls).is_empty(), "every notice is worked off");
}

#[tokio::test]
async fn a_change_that_cannot_be_read_yet_is_looked_at_again() {
    let mut world = World::listening().await;
    world.twin.borrow_mut().tune(Tuning { lag_ms: 2_500, ..Tuning::default() });
    world.book("2026-02-10", 9);
    world.seconds(8).await;
    assert_eq!(world.live(ROOM_A).await.len(), 1);
}

#[tokio::test]
async fn a_change_that_cannot_be_read_for_a_minute_does_not_wait_for_the_long_interval() {
    let mut world = proven().await;
    world.twin.borrow_mut().tune(Tuning { lag_ms: 60_000, ..Tuning::default() });
    world.book("2026-02-11", 9);
    world.seconds(20).await;
    assert_eq!(world.live(ROOM_A).await.len(), 1, "announced, and not readable");
    world.ticks(1).await;
    assert_eq!(world.live(ROOM_A).await.len(), 2);
    world.twin.borrow_mut().tune(Tuning::default());
    world.book("2026-02-12", 9);
    world.seconds(20).await;
    let found = looks(&world);
    world.ticks(1).await;
    assert_eq!(looks(&world), found + 1, "room B alone: what was found is owed no more");
}

#[tokio::test]
async fn only_a_room_that_has_proven_to_be_heard_is_polled_less_often() {
    let mut world = proven().await;
    world.ticks(1).await;
    world.twin.borrow_mut().reset_counters();
    world.ticks(30).await;
    // Room B was never heard: 30 looks of two minutes. Room A: every ten minutes.
    assert_eq!(looks(&world), 30 + 6);
}

#[tokio::test]
async fn silence_is_noticed_and_ends_with_the_next_notice() {
    let mut world = proven().await;
    world.ticks(5).await;
    switch(&world, |push| push.delivering = false);
    world.book("2026-02-11", 9);
    world.ticks(7).await;
    assert_eq!(world.differences().await, Vec::<String>::new(), "nothing is missed");
    let silent = held(&world, ROOM_A).await.unwrap();
    assert!(silent.silent_since.is_some());
    world.twin.borrow_mut().reset_counters();
    world.ticks(10).await;
    assert_eq!(looks(&world), 20, "both rooms are polled at the short interval");
    switch(&world, |push| push.delivering = true);
    world.book("2026-02-12", 9);
    world.seconds(20).await;
    assert!(held(&world, ROOM_A).await.unwrap().can_be_trusted(world.clock_now()));
}

#[tokio::test]
async fn a_poll_that_is_faster_than_a_notice_is_no_silence() {
    let mut world = proven().await;
    switch(&world, |push| push.delay_ms = 60_000);
    world.book("2026-02-11", 9);
    let doubted = looked_after(&world, 30).await;
    assert!(doubted.doubted_since.is_some() && doubted.can_be_trusted(world.clock_now()));
    world.seconds(40).await;
    let heard = looked_after(&world, 300).await;
    assert_eq!((heard.silent_since, heard.doubted_since), (None, None));
}

#[tokio::test]
async fn a_poll_that_is_faster_than_a_notice_that_never_comes_is_silence_in_the_end() {
    let mut world = proven().await;
    switch(&world, |push| push.delivering = false);
    world.book("2026-02-11", 9);
    assert_eq!(looked_after(&world, 30).await.silent_since, None);
    world.restart();
    assert_eq!(looked_after(&world, 120).await.silent_since, None);
    assert!(looked_after(&world, 60).await.silent_since.is_some());
    assert_eq!(world.differences().await, Vec::<String>::new());
}

/// What is known of room A's subscription after a look in so many seconds.
async fn looked_after(world: &World, seconds: i64) -> Listening {
    world.clock.advance(TimeDelta::seconds(seconds));
    world.twin.borrow_mut().advance(world.clock_now());
    let _ = world.look(ROOM_A).await;
    held(world, ROOM_A).await.unwrap()
}

#[tokio::test]
async fn a_thousand_notices_for_one_room_cost_two_looks() {
    let mut world = proven().await;
    world.seconds(10).await;
    switch(&world, |push| push.echo_ms = 0);
    world.twin.borrow_mut().reset_counters();
    world.twin.borrow_mut().notify(ROOM_A, Change::Updated, 400);
    for _ in 0..30 {
        world.seconds(1).await;
        // The next batch may well be another environment's.
        world.restart();
    }
    assert!(world.twin.borrow().push_counters().notices >= 1_000);
    assert!(looks(&world) <= 2, "{}", looks(&world));
    assert!(world.queue.messages(Lane::Polls).is_empty());
    assert!(world.queue.dead(Lane::Polls).is_empty());
}

#[tokio::test]
async fn a_thousand_messages_for_one_room_cost_two_looks() {
    let mut world = proven().await;
    world.seconds(10).await;
    world.twin.borrow_mut().reset_counters();
    let room = world.room(ROOM_A);
    for n in 0..1_000 {
        let hint =
            PollHint { noticed_at: Some(world.clock_now()), ..PollHint::new(&room, HintReason::Webhook) };
        world.queue.send_polls(&[hint], &n.to_string()).await.unwrap();
    }
    for _ in 0..30 {
        world.seconds(1).await;
        world.restart();
    }
    assert!(looks(&world) <= 2, "{}", looks(&world));
    assert!(world.queue.messages(Lane::Polls).is_empty());
}

#[tokio::test]
async fn subscriptions_are_renewed_at_half_their_life() {
    let world = World::listening().await;
    let first = held(&world, ROOM_A).await.unwrap();
    world.clock.advance(life() / 2 - TimeDelta::hours(1));
    world.tend().await;
    world.drain().await;
    assert!(held(&world, ROOM_A).await.unwrap().expires_at >= first.expires_at);
    world.clock.advance(TimeDelta::hours(2));
    world.tend().await;
    world.drain().await;
    let renewed = held(&world, ROOM_A).await.unwrap();
    assert_eq!(renewed.subscription_id, first.subscription_id);
    assert!(renewed.expires_at > first.expires_at + TimeDelta::days(2));
    assert_eq!(subscriptions(&world), 2);
}

#[tokio::test]
async fn what_graph_says_of_subscriptions_is_followed() {
    let mut world = proven().await;
    let first = held(&world, ROOM_A).await.unwrap();
    world.twin.borrow_mut().send_lifecycle(ROOM_A, "subscriptionRemoved");
    world.seconds(5).await;
    let second = held(&world, ROOM_A).await.unwrap();
    assert_ne!(second.subscription_id, first.subscription_id);
    assert_eq!(second.heard_at, None, "a new one has to prove itself");
    assert_eq!(subscriptions(&world), 2);

    let full = world.cursor(ROOM_A).await.last_full_at;
    world.twin.borrow_mut().send_lifecycle(ROOM_A, "missed");
    world.seconds(5).await;
    assert!(world.cursor(ROOM_A).await.last_full_at > full);

    world.clock.advance(TimeDelta::days(1));
    world.twin.borrow_mut().send_lifecycle(ROOM_A, "reauthorizationRequired");
    world.seconds(5).await;
    assert!(held(&world, ROOM_A).await.unwrap().expires_at > second.expires_at);

    world.twin.borrow_mut().send_lifecycle(ROOM_A, "somethingNew");
    world.seconds(5).await;
    assert_eq!(subscriptions(&world), 2);
    assert!(world.queue.messages(Lane::Lifecycle).is_empty());
}

#[tokio::test]
async fn a_subscription_that_vanished_is_found_by_the_hourly_look() {
    let mut world = proven().await;
    world.twin.borrow_mut().remove_subscriptions(ROOM_A);
    world.tend().await;
    world.seconds(3).await;
    assert_eq!(subscriptions(&world), 2);
    assert_eq!(held(&world, ROOM_A).await.unwrap().heard_at, None);
}

#[tokio::test]
async fn a_new_key_means_new_subscriptions_and_the_old_ones_are_believed_meanwhile() {
    let mut world = proven().await;
    let old = held(&world, ROOM_A).await.unwrap();
    world.secrets.put(KEY_NAME, "the-second-key-0123456789abcdefghi");
    world.restart();
    world.book("2026-02-11", 9);
    world.seconds(10).await;
    assert_eq!(world.live(ROOM_A).await.len(), 2, "signed with the key before");
    world.tend().await;
    world.seconds(5).await;
    let new = held(&world, ROOM_A).await.unwrap();
    assert_ne!((new.subscription_id, new.key_id), (old.subscription_id, old.key_id));
    assert_eq!(subscriptions(&world), 2);
    world.secrets.put(KEY_NAME, "the-third-key-0123456789abcdefghij");
    world.book("2026-02-12", 9);
    world.seconds(10).await;
    assert_eq!(world.live(ROOM_A).await.len(), 3);
}

async fn subscribe_behind_our_back(world: &World, url: &str) {
    let config = world.config().await;
    let room = world.room(ROOM_A).room;
    let new = NewSubscription {
        room: &room,
        notification_url: url,
        lifecycle_url: url,
        client_state: "somebody else's",
        expires_at: world.clock_now() + TimeDelta::days(2),
    };
    world.graph().tenant(&config).create_subscription(&new).await.unwrap();
}

#[tokio::test]
async fn a_subscription_that_no_row_names_is_replaced_if_it_is_ours() {
    let mut world = World::new().await;
    world.listens = true;
    subscribe_behind_our_back(&world, &format!("{HOST}/notifications")).await;
    world.sync_rooms().await;
    world.seconds(5).await;
    assert_eq!(subscriptions(&world), 2);
    world.book("2026-02-10", 9);
    world.seconds(10).await;
    assert!(
        held(&world, ROOM_A).await.unwrap().can_be_trusted(world.clock_now()),
        "its notices are believed"
    );
}

#[tokio::test]
async fn a_subscription_of_another_deployment_is_left_alone() {
    let mut world = World::new().await;
    world.listens = true;
    // The same application, another path: what its row says is another deployment's business.
    subscribe_behind_our_back(&world, &format!("{HOST}/lifecycle")).await;
    world.sync_rooms().await;
    world.seconds(5).await;
    let cursor = world.cursor(ROOM_A).await;
    assert_eq!(cursor.listening, None);
    assert_eq!(cursor.refusal.map(|refusal| refusal.kind), Some(RefusalKind::Taken));
    assert_eq!(subscriptions(&world), 2);
    assert!(held(&world, ROOM_B).await.is_some());
}

#[tokio::test]
async fn a_webhook_that_does_not_answer_is_a_reason_and_is_tried_again() {
    let mut world = World::new().await;
    world.listens = true;
    switch(&world, |push| push.handshake_ms = 1);
    world.sync_rooms().await;
    world.seconds(5).await;
    let refusal = world.cursor(ROOM_A).await.refusal.unwrap();
    assert_eq!(refusal.kind, RefusalKind::NotValidated);
    assert!(refusal.detail.contains("ValidationError"), "{}", refusal.detail);
    switch(&world, |push| push.handshake_ms = 10_000);
    world.seconds(20).await;
    let cursor = world.cursor(ROOM_A).await;
    assert!(cursor.listening.is_some() && cursor.refusal.is_none());
}

#[tokio::test]
async fn who_may_not_listen_any_more_does_not() {
    let mut world = proven().await;
    let mut config = world.config().await;
    config.locations = vec![location(ROOM_A)];
    world.apply(config).await;
    world.clock.advance(TimeDelta::seconds(61));
    world.sync_rooms().await;
    world.seconds(5).await;
    assert_eq!(held(&world, ROOM_A).await, None);
    assert_eq!(subscriptions(&world), 1);

    let mut tenant = world.store.tenant(&roomsync_tests::world::tenant_id()).await.unwrap().unwrap();
    tenant.version += 1;
    tenant.status = TenantStatus::Removed;
    world.store.put_tenant(&tenant).await.unwrap();
    world.clock.advance(TimeDelta::seconds(61));
    world.sync_rooms().await;
    world.seconds(5).await;
    assert_eq!(subscriptions(&world), 0);
    assert_eq!(held(&world, ROOM_B).await, None);
}

fn location(address: &str) -> Location {
    serde_json::from_value(serde_json::json!({"match": {"room": address}, "listener": "off"})).unwrap()
}

/// Thirty days with removals told and untold, failing handshakes and rotated keys. At every tick each room has its subscription at Graph
/// or is looked at, unless Graph took the subscription away within the hour and told nobody; and whenever nothing is wrong, every room
/// has exactly one.
#[tokio::test]
async fn for_thirty_days_every_room_is_subscribed_or_polled_often() {
    let mut world = proven().await;
    let (mut rested, mut woken) = (0, 0);
    for hour in 0..30 * 24_u32 {
        let mut untold: &[&str] = &[];
        match hour % 97 {
            7 => drop(world.twin.borrow_mut().send_lifecycle(ROOM_A, "subscriptionRemoved")),
            19 if world.twin.borrow_mut().remove_subscriptions("*") > 0 => untold = &[ROOM_A, ROOM_B],
            31 => switch(&world, |push| push.handshake_ms = 1),
            33 => drop(world.twin.borrow_mut().send_lifecycle(ROOM_B, "subscriptionRemoved")),
            36 => switch(&world, |push| push.handshake_ms = 10_000),
            50 if world.twin.borrow_mut().expire_subscriptions(ROOM_A) > 0 => untold = &[ROOM_A],
            60 => drop(world.twin.borrow_mut().send_lifecycle(ROOM_A, "reauthorizationRequired")),
            70 => world.secrets.put(KEY_NAME, &format!("key-of-hour-{hour}-0123456789abcdefghij")),
            80 => drop(world.twin.borrow_mut().send_lifecycle("*", "missed")),
            _ if hour % 5 == 0 => {
                world.book(&format!("2026-02-{:02}", 10 + hour % 15), hour % 20);
            }
            _ => {}
        }
        for tick in 0..30 {
            world.seconds(3).await;
            if tick == 29 {
                world.tend().await;
                untold = &[];
                world.seconds(3).await;
            }
            let at_rest = at_rest(&world, untold).await;
            world.clock.advance(TimeDelta::seconds(if tick == 29 { 114 } else { 117 }));
            world.twin.borrow_mut().advance(world.clock_now());
            let before = rounds(&world);
            world.tick_as_configured().await;
            world.drain().await;
            let looked = rounds(&world) - before;
            assert!(looked >= 2 - at_rest, "hour {hour}: {looked} looks while {at_rest} of 2 rooms rest");
            (rested, woken) = (rested + at_rest, woken + 2 - at_rest);
        }
        let troubled = (31..38).contains(&(hour % 97));
        assert!(
            troubled || subscriptions(&world) == 2,
            "hour {hour}: {} subscriptions",
            subscriptions(&world)
        );
    }
    assert!(rested > 10_000 && woken > 1_000, "{rested} at rest, {woken} polled often: both have to be seen");
    world.seconds(30).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    assert!(world.queue.dead(Lane::Lifecycle).is_empty() && world.queue.dead(Lane::Polls).is_empty());
}

/// Looks, those among them that read a room whole.
fn rounds(world: &World) -> u64 {
    let begun = world.twin.borrow().counters().by_kind.get(&Kind::DeltaStart).copied();
    looks(world) + begun.unwrap_or_default()
}

/// How many rooms are left alone until a notice comes. Each of them has the subscription that its row names.
async fn at_rest(world: &World, untold: &[&str]) -> u64 {
    let mut count = 0;
    for address in [ROOM_A, ROOM_B] {
        let cursor = world.cursor(address).await;
        if !cursor.may_rest(world.clock_now()) {
            continue;
        }
        count += 1;
        let id = cursor.listening.unwrap().subscription_id;
        let there = world.twin.borrow().subscriptions().any(|own| own.id == id);
        let knew = !untold.contains(&address);
        assert!(there || !knew, "{address} rests at {} although its subscription is gone", world.clock_now());
    }
    count
}
