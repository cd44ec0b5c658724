use crate::support::{OTHER_TENANT, ROOM, TENANT, World, again, lifecycle, notice, post, room};
use chrono::TimeDelta;
use roomsync_domain::hint::{HintReason, LifecycleEvent};
use roomsync_testkit::{Lane, at};
use serde_json::{Value, json};

fn rooms(count: usize) -> Vec<Value> {
    (0..count).map(|n| notice(&room(TENANT, &format!("room-{n}")), "AAMk")).collect()
}

fn body(items: &[Value]) -> String {
    json!({ "value": items }).to_string()
}

#[test]
fn a_notice_becomes_a_hint_for_its_room() {
    let world = World::new();
    assert_eq!(world.post(&[notice(&room(TENANT, ROOM), "AAMk")]), 202);
    let [hint] = world.polls().try_into().unwrap();
    assert_eq!(hint.room(), room(TENANT, ROOM));
    assert_eq!((hint.reason, hint.full, hint.accept_mass_end), (HintReason::Webhook, false, false));
    assert_eq!(hint.noticed_at, Some(at("2026-02-09T12:00:00Z")));
    let subscription = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07".to_owned();
    assert_eq!(hint.told_by, [(subscription, at("2026-02-09T12:00:00Z"))].into());
    assert_eq!(world.deps.queue.messages(Lane::Polls)[0].group, room(TENANT, ROOM).key());
}

#[test]
fn many_notices_for_a_room_are_one_hint_and_tenants_may_be_mixed() {
    let world = World::new();
    let mut items = vec![notice(&room(TENANT, ROOM), "a"), notice(&room(OTHER_TENANT, ROOM), "a")];
    items.extend((0..50).map(|n| notice(&room(TENANT, ROOM), &format!("event-{n}"))));
    items.extend(rooms(25));
    assert_eq!(world.post(&items), 202);
    assert_eq!(world.polls().len(), 27);
    assert!(world.polls().iter().any(|hint| hint.tenant_id.as_str() == OTHER_TENANT));
}

#[test]
fn a_hint_names_every_subscription_that_has_told() {
    let world = World::new();
    let told_by = [json!("one"), json!("two"), json!("one"), json!("x".repeat(129)), json!(null)];
    let items = told_by.map(|id| {
        let mut item = notice(&room(TENANT, ROOM), "AAMk");
        item["subscriptionId"] = id;
        item
    });
    assert_eq!(world.post(&items), 202);
    let [hint] = world.polls().try_into().unwrap();
    assert_eq!(hint.told_by.into_keys().collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn graphs_spellings_of_a_resource_are_all_understood() {
    for resource in [
        "Users/4d/Events/AAMk",
        "users/4d/events",
        "/Users/4d/Events/AAMk",
        "USERS/4d/EVENTS/AAMk=",
        "Users('4d')/Events('AAMk')",
        "users('4d')/events",
    ] {
        let world = World::new();
        let mut item = notice(&room(TENANT, ROOM), "AAMk");
        item["resource"] = resource.into();
        world.post(&[item]);
        assert_eq!(world.sent(), 1, "{resource}");
    }
}

#[test]
fn whatever_else_an_item_says_does_not_matter() {
    let odd = [
        ("resourceData", json!("text")),
        ("resourceData", json!(null)),
        ("resourceData", json!([{"id": 1}])),
        ("resource", json!(null)),
        ("changeType", json!("somethingNew")),
        ("changeType", json!(7)),
        ("subscriptionExpirationDateTime", json!("yesterday")),
        ("subscriptionId", json!(null)),
        ("tenantId", json!(TENANT.to_uppercase())),
        ("encryptedContent", json!({"data": "x"})),
        ("somethingNew", json!({"deep": [[[]]]})),
    ];
    for (field, value) in odd {
        let world = World::new();
        let mut item = notice(&room(TENANT, ROOM), "AAMk");
        item[field] = value.clone();
        assert_eq!(world.post(&[item]), 202);
        assert_eq!(world.sent(), 1, "{field}: {value}");
    }
    let world = World::new();
    let collection = json!({"value": rooms(1), "validationTokens": ["x"], "@odata.context": 7});
    assert_eq!(world.send(post("/notifications", &collection.to_string())).status_code, 202);
    assert_eq!(world.sent(), 1);
}

#[test]
fn a_bad_item_does_not_take_the_good_ones_with_it() {
    let world = World::new();
    let mut items = rooms(3);
    for (place, bad) in
        [json!(null), json!("x"), json!({}), json!({"clientState": 1}), json!([[]])].into_iter().enumerate()
    {
        items.insert(place, bad);
    }
    assert_eq!(world.post(&items), 202);
    assert_eq!(world.polls().len(), 3);
}

#[test]
fn lifecycle_notices_go_to_their_own_queue_whichever_route_they_take() {
    let expected = [
        ("reauthorizationRequired", LifecycleEvent::ReauthorizationRequired),
        ("subscriptionRemoved", LifecycleEvent::SubscriptionRemoved),
        ("missed", LifecycleEvent::Missed),
        ("somethingNew", LifecycleEvent::Unknown),
        ("roomChanged", LifecycleEvent::Unknown),
    ];
    for path in ["/notifications", "/lifecycle"] {
        for (word, event) in expected {
            let world = World::new();
            let items = [lifecycle(&room(TENANT, ROOM), word), notice(&room(TENANT, "b"), "AAMk")];
            assert_eq!(world.send(post(path, &body(&items))).status_code, 202);
            let [hint] = world.lifecycle().try_into().unwrap();
            assert_eq!((hint.room(), hint.event), (room(TENANT, ROOM), event), "{word}");
            assert_eq!(hint.subscription_id.as_deref(), Some("7f105c7d-2dc5-4530-97cd-4e7ae6534c07"));
            let [poll] = world.polls().try_into().unwrap();
            assert_eq!(poll.room(), room(TENANT, "b"));
        }
    }
}

#[test]
fn an_endless_subscription_id_is_not_handed_on() {
    let world = World::new();
    let mut item = lifecycle(&room(TENANT, ROOM), "missed");
    item["subscriptionId"] = "x".repeat(129).into();
    world.post(&[item]);
    assert_eq!(world.lifecycle()[0].subscription_id, None);
}

#[test]
fn only_a_refused_queue_makes_graph_repeat_the_request() {
    for lane in [Lane::Polls, Lane::Lifecycle] {
        let world = World::new();
        world.deps.queue.refuse(&[lane]);
        let items = [lifecycle(&room(TENANT, ROOM), "missed"), notice(&room(TENANT, ROOM), "AAMk")];
        assert_eq!(world.post(&items), 503, "{lane:?}");
        assert_eq!(world.sent(), 1, "what the other queue takes is not held back");
        let forged = json!({"clientState": "v1.a.b.c", "tenantId": TENANT});
        assert_eq!(world.post(&[forged]), 202, "nothing to send, nothing refused");
    }
}

#[test]
fn the_same_words_at_another_time_are_another_hint_though_the_first_is_worked_off() {
    let world = World::new();
    let request = post("/notifications", &body(&[notice(&room(TENANT, ROOM), "AAMk-master")]));
    for id in ["one", "two", "three"] {
        assert_eq!(world.send(again(request.clone(), id)).status_code, 202);
        let [message] = world.deps.queue.receive(Lane::Polls, 10).try_into().unwrap();
        world.deps.queue.delete(Lane::Polls, message.receipt);
        world.deps.clock.advance(TimeDelta::milliseconds(700));
    }
}

#[test]
fn a_second_lifecycle_notice_of_the_same_kind_is_another_hint() {
    let world = World::new();
    let request = post("/lifecycle", &body(&[lifecycle(&room(TENANT, ROOM), "missed")]));
    for count in 1..4 {
        world.send(request.clone());
        assert_eq!(world.lifecycle().len(), count);
        world.deps.clock.advance(TimeDelta::milliseconds(1));
    }
}

#[test]
fn notifications_with_ids_of_their_own_are_told_apart_by_them() {
    let world = World::new();
    let with_id = |id: &str| {
        let mut item = notice(&room(TENANT, ROOM), "AAMk");
        item["id"] = id.into();
        item
    };
    let replay = |items: &[Value], id: &str| {
        world.send(again(post("/notifications", &body(items)), id));
        world.polls().len()
    };
    assert_eq!(replay(&[with_id("a"), with_id("b")], "one"), 1);
    assert_eq!(replay(&[with_id("b"), with_id("a"), with_id("a")], "two"), 1, "the same in another order");
    assert_eq!(replay(&[with_id("c")], "three"), 2);
    assert_eq!(replay(&[with_id("a"), with_id("c")], "four"), 3);
    assert_eq!(replay(&[with_id("a"), notice(&room(TENANT, ROOM), "AAMk")], "five"), 4);
    assert_eq!(replay(&[with_id("a"), notice(&room(TENANT, ROOM), "AAMk")], "six"), 5);
}

#[test]
fn the_same_request_ten_thousand_times_writes_nothing_but_hints_for_its_room() {
    let world = World::new();
    let request = post("/notifications", &body(&[notice(&room(TENANT, ROOM), "AAMk")]));
    for n in 0..1_000 {
        world.send(again(request.clone(), &n.to_string()));
    }
    assert!(world.polls().iter().all(|hint| hint.room() == room(TENANT, ROOM)));
    assert_eq!(world.deps.secrets.reads(), 1);
}
