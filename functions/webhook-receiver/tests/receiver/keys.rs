use crate::support::{KEY_NAME, ROOM, TENANT, World, notice, room, state};
use chrono::TimeDelta;
use serde_json::Value;

const NEXT: &str = "next-0123456789abcdef0123456789abcdef";
const AFTER_NEXT: &str = "after-next-0123456789abcdef0123456789";

fn signed(secret: &str, room_id: &str) -> Value {
    let mut item = notice(&room(TENANT, room_id), "AAMk");
    item["clientState"] = state(secret, &room(TENANT, room_id)).into();
    item
}

#[test]
fn the_key_is_read_at_the_first_notice_and_again_after_five_minutes() {
    let world = World::new();
    for (seconds, reads) in [(0, 1), (1, 1), (298, 1), (1, 2), (299, 2), (1, 3)] {
        world.deps.clock.advance(TimeDelta::seconds(seconds));
        world.post(&[notice(&room(TENANT, ROOM), "AAMk")]);
        assert_eq!(world.deps.secrets.reads(), reads);
    }
}

#[test]
fn a_rotated_key_is_in_use_at_once_and_the_one_before_stays_valid() {
    let world = World::new();
    world.post(&[notice(&room(TENANT, "a"), "AAMk")]);
    world.deps.clock.advance(TimeDelta::seconds(31));
    world.deps.secrets.put(KEY_NAME, NEXT);
    world.post(&[signed(NEXT, "b"), notice(&room(TENANT, "c"), "AAMk")]);
    assert_eq!(world.polls().len(), 3);
    assert_eq!(world.deps.secrets.reads(), 2);
    world.deps.clock.advance(TimeDelta::seconds(301));
    world.deps.secrets.put(KEY_NAME, AFTER_NEXT);
    world.post(&[signed(NEXT, "d"), signed(AFTER_NEXT, "e"), notice(&room(TENANT, "f"), "AAMk")]);
    assert_eq!(world.polls().len(), 5, "the first key is none any more");
}

#[test]
fn forged_key_ids_do_not_make_us_read_the_key_each_time() {
    let world = World::new();
    for n in 0..100 {
        world.post(&[signed(&format!("forged-{n:03}-0123456789abcdef0123456789abcdef"), ROOM)]);
        world.deps.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(world.sent(), 0);
    assert!(world.deps.secrets.reads() <= 4, "{}", world.deps.secrets.reads());
}

#[test]
fn a_key_that_cannot_be_read_any_more_stays_in_use() {
    let world = World::new();
    world.post(&[notice(&room(TENANT, "a"), "AAMk")]);
    world.deps.secrets.remove(KEY_NAME);
    for minute in 0..10 {
        world.deps.clock.advance(TimeDelta::minutes(1));
        assert_eq!(world.post(&[notice(&room(TENANT, &minute.to_string()), "AAMk")]), 202);
    }
    assert_eq!(world.polls().len(), 11);
}

#[test]
fn without_any_key_graph_is_asked_to_repeat() {
    let world = World::new();
    world.deps.secrets.remove(KEY_NAME);
    for _ in 0..50 {
        assert_eq!(world.post(&[notice(&room(TENANT, ROOM), "AAMk")]), 503);
    }
    assert_eq!(world.deps.secrets.reads(), 1, "a flood does not become one of our own");
    world.deps.secrets.put(KEY_NAME, "short");
    world.deps.clock.advance(TimeDelta::seconds(2));
    assert_eq!(world.post(&[notice(&room(TENANT, ROOM), "AAMk")]), 503);
    world.deps.secrets.put(KEY_NAME, crate::support::SECRET);
    world.deps.clock.advance(TimeDelta::seconds(2));
    assert_eq!(world.post(&[notice(&room(TENANT, ROOM), "AAMk")]), 202);
    assert_eq!(world.polls().len(), 1);
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_an_old_key() {
    let world = World::new();
    world.post(&[notice(&room(TENANT, ROOM), "AAMk")]);
    world.deps.clock.advance(TimeDelta::hours(-1));
    world.post(&[notice(&room(TENANT, ROOM), "AAMk")]);
    assert_eq!(world.deps.secrets.reads(), 2);
}
