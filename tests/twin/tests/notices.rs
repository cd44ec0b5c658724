//! Notices as Graph sends them: several per change, gathered, lost, doubled, late, tried again; and lifecycle notices.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use roomsync_twin::calendar::Recurrence;
use roomsync_twin::faults::Effect;
use roomsync_twin::{Action, Outcome, Post, PostKind, PushSwitches, Tuning};
use serde_json::{Value, json};
use support::push::*;
use support::*;

fn switch(world: &mut World, change: impl FnOnce(&mut PushSwitches)) {
    let mut switches = world.twin.push_switches().clone();
    change(&mut switches);
    world.twin.set_push(switches);
}

fn room_id(world: &World, room: &str) -> String {
    world.twin.tenant(TENANT).unwrap().mailbox(room).unwrap().id.as_ref().to_owned()
}

fn events(word: &str, times: usize) -> Vec<String> {
    vec![word.to_owned(); times]
}

#[test]
fn a_change_is_told_of_several_times_and_never_what_changed() {
    let mut world = subscribed();
    let uid = world.book(meeting("2026-02-10T10:00:00", 60));
    let posts = world.posted(5);
    assert_eq!(kinds(&posts), [events("created", 1), events("updated", 3)].concat());
    let (id, event) = (room_id(&world, ROOM), world.truth(ROOM)[0].id.clone());
    for post in &posts {
        assert_eq!((post.kind, post.url.as_str()), (PostKind::Changes, NOTICES));
        assert_eq!(
            (post.content_type, post.timeout),
            ("application/json; charset=utf-8", Duration::from_secs(3))
        );
    }
    let first = &items(&posts)[0];
    let resource = format!("Users/{id}/Events/{event}");
    let etag = world.view(ROOM)[0]["@odata.etag"].clone();
    let subscription = world.twin.subscriptions().next().unwrap().id.clone();
    assert_eq!(
        *first,
        json!({
            "subscriptionId": subscription, "subscriptionExpirationDateTime": "2026-02-04T08:00:00+00:00",
            "changeType": "created", "resource": resource, "tenantId": TENANT, "clientState": format!("state of {ROOM}"),
            "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "@odata.id": resource, "@odata.etag": etag, "id": event},
        })
    );
    world.act(Action::ChangeSubject { meeting: uid.clone(), subject: "Other".into() });
    assert_eq!(kinds(&world.posted(5)), events("updated", 3));
    world.act(Action::Cancel { meeting: uid });
    assert_eq!(kinds(&world.posted(5)), [events("deleted", 1), events("updated", 2)].concat());
}

#[test]
fn a_deleted_occurrence_is_an_update_of_its_master() {
    let mut world = subscribed();
    let weekly = Recurrence::weekly("2026-02-10".parse().unwrap(), 1).times(4);
    let uid = world.book(meeting("2026-02-10T10:00:00", 60).repeats(weekly));
    let master = items(&world.posted(5))[0]["resourceData"]["id"].clone();
    assert_eq!(world.truth(ROOM)[0].series_id.as_deref(), master.as_str());
    world.act(Action::DeleteOccurrence { meeting: uid, date: "2026-02-17".parse().unwrap() });
    let told = world.posted(5);
    assert_eq!(kinds(&told), events("updated", 3));
    assert!(items(&told).iter().all(|item| item["resourceData"]["id"] == master));
}

#[test]
fn only_wanted_changes_of_subscribed_mailboxes_are_told() {
    let mut world = World::new();
    let mut wanted = wish(&world, ROOM);
    wanted["changeType"] = json!("deleted");
    assert_eq!(world.call_with("POST", "/v1.0/subscriptions", wanted, echo).status, 201);
    let uid = world.book(meeting("2026-02-10T10:00:00", 60));
    world.book(meeting("2026-02-11T10:00:00", 60).at(SECOND));
    assert_eq!(world.posted(5).len(), 0);
    world.act(Action::Cancel { meeting: uid });
    assert_eq!(kinds(&world.posted(5)), ["deleted"]);
    let id = world.twin.subscriptions().next().unwrap().id.clone();
    let gone = world.call_with("DELETE", &format!("/v1.0/subscriptions/{id}"), json!(null), echo);
    assert_eq!(gone.status, 204);
    world.book(meeting("2026-02-12T10:00:00", 60));
    assert_eq!(world.posted(5).len(), 0);
}

#[test]
fn ids_are_of_the_kind_that_was_preferred() {
    let mut world = World::new();
    let asked = wish(&world, ROOM);
    let handshake = world.answer("POST", "/v1.0/subscriptions", &[], Some(asked)).handshake.unwrap();
    let outcomes: Vec<Outcome> = handshake.posts.iter().map(echo).collect();
    assert_eq!(world.twin.finish(world.now, handshake, &outcomes).response.status(), 201);
    world.book(meeting("2026-02-10T10:00:00", 60));
    let told = items(&world.posted(5))[0]["resourceData"]["id"].clone();
    let plain =
        world.call("GET", &format!("/v1.0/users/{ROOM}/events"), &[], None).body["value"][0]["id"].clone();
    assert_eq!(told, plain);
    assert_ne!(plain, world.truth(ROOM)[0].id);
}

#[test]
fn one_post_may_hold_several_items_and_tenants() {
    let mut world = subscribed();
    world.subscribe(SECOND);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", "s3cret~+/="),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    world.token = world.post_token(OTHER, &form).body["access_token"].as_str().unwrap().to_owned();
    world.subscribe(ROOM);
    let both = meeting("2026-02-10T10:00:00", 60).at(SECOND);
    world.book(both.clone());
    world.twin.act(world.now, OTHER, Action::Book { meeting: both }).unwrap();
    let posts = world.posted(5);
    assert_eq!((posts.len(), posts.iter().map(|post| post.items).collect::<Vec<_>>()), (1, vec![12]));
    let tenants: BTreeSet<String> = items(&posts).iter().map(|item| item["tenantId"].to_string()).collect();
    assert_eq!(tenants.len(), 2);
    switch(&mut world, |switches| {
        switches.batch = 5;
        switches.shuffle = true;
    });
    world.twin.notify("*", roomsync_twin::calendar::Change::Updated, 1);
    let posts = world.posted(5);
    assert_eq!(posts.iter().map(|post| post.items).collect::<Vec<_>>(), [5, 4]);
}

#[test]
fn notices_are_lost_doubled_late_and_out_of_order() {
    let told = |change: fn(&mut PushSwitches)| {
        let mut world = subscribed();
        switch(&mut world, change);
        for day in 10..20 {
            world.book(meeting(&format!("2026-02-{day}T10:00:00"), 60));
        }
        let posts = world.posted(40);
        (kinds(&posts), world.twin.push_counters().clone())
    };
    assert_eq!(told(|_| {}).0.len(), 40);
    assert_eq!(told(|switches| switches.loss = 1.0).0.len(), 0);
    let (some, counters) = told(|switches| switches.loss = 0.4);
    assert!(some.len() > 10 && some.len() < 38, "{}", some.len());
    assert_eq!((counters.notices, counters.lost + counters.delivered), (40, 40));
    assert_eq!(told(|switches| switches.duplicates = 1.0).0.len(), 80);
    assert_eq!(told(|switches| switches.delivering = false).1.withheld, 40);
    assert_eq!(told(|switches| switches.delay_ms = 100_000).0.len(), 0);
    let (jittered, _) = told(|switches| switches.jitter_ms = 30_000);
    assert_eq!(jittered.len(), 40);
    let first = jittered.iter().position(|kind| kind == "updated").unwrap();
    assert!(jittered[first..].contains(&"created".to_owned()), "{jittered:?}");
    let (updates, _) = told(|switches| switches.updates_after_create = 0);
    assert_eq!(updates, events("created", 10));
}

#[test]
fn a_notice_may_come_before_delta_shows_the_change() {
    let mut world = subscribed();
    let (_, link) = world.initial(ROOM);
    world.twin.tune(Tuning { lag_ms: 30_000, ..Tuning::default() });
    world.book(meeting("2026-02-10T10:00:00", 60));
    assert_eq!(world.posted(5).len(), 1);
    assert_eq!(world.round(&link).0.len(), 0);
    world.wait(30);
    assert_eq!(world.round(&link).0.len(), 1);
}

#[test]
fn a_request_that_lands_late_is_told_of_when_it_has_landed() {
    let mut world = subscribed();
    world.twin.add_fault(roomsync_twin::Fault::once("/events", Effect::LandLater { ms: 7000 }));
    let moment = |time: &str| json!({"dateTime": format!("2026-02-10T{time}:00"), "timeZone": "UTC"});
    let event = json!({"subject": "Late", "start": moment("10:00"), "end": moment("11:00")});
    world.call("POST", &format!("/v1.0/users/{ROOM}/events"), &[], Some(event));
    assert_eq!(world.twin.next_due(), Some(world.now + chrono::Duration::seconds(7)));
    assert_eq!(
        (world.posted(6).len(), kinds(&world.posted(3)).first().map(String::as_str)),
        (0, Some("created"))
    );
}

#[test]
fn what_is_not_taken_comes_again_for_four_hours_ever_more_seldom() {
    let mut world = subscribed();
    switch(&mut world, |switches| {
        switches.updates_after_create = 0;
        switches.penalties = false;
    });
    world.book(meeting("2026-02-10T10:00:00", 60));
    let begin = world.now;
    let mut tries = Vec::new();
    while world.now < begin + chrono::Duration::hours(6) {
        let next = world.twin.next_due().unwrap();
        world.now = next.max(world.now);
        for post in world.twin.due_posts(world.now) {
            tries.push((
                (world.now - begin).num_seconds(),
                post.timeout.as_secs(),
                post.id,
                post.body.clone(),
            ));
            let late = answered(202, "", "", post.timeout.as_millis() as u64);
            let refused = answered(500, "", "", 1);
            world.twin.delivered(world.now, post.id, if tries.len() % 2 == 0 { &late } else { &refused });
        }
        if tries.len() >= 11 {
            break;
        }
    }
    let times: Vec<i64> = tries.iter().map(|(at, ..)| *at).collect();
    assert_eq!(times, [0, 10, 30, 70, 150, 310, 630, 1270, 2550, 5110, 10230]);
    assert_eq!(tries.iter().map(|(_, limit, ..)| *limit).collect::<Vec<_>>()[..3], [3, 10, 10]);
    assert!(tries.iter().all(|(_, _, id, body)| (*id, body) == (tries[0].2, &tries[0].3)));
    assert_eq!((world.twin.push_counters().given_up, world.twin.push_counters().retried), (1, 10));
    world.book(meeting("2026-02-11T10:00:00", 60));
    let posts = world.posted(3);
    assert_eq!((posts.len(), world.twin.push_counters().delivered), (1, 1));
}

#[test]
fn a_slow_host_waits_and_a_very_slow_one_loses_notices_until_ten_minutes_are_over() {
    let mut world = subscribed();
    switch(&mut world, |switches| switches.updates_after_create = 0);
    world.book(meeting("2026-02-10T10:00:00", 60));
    let late =
        |post: &Post| if post.timeout.as_secs() == 3 { answered(202, "", "", 3000) } else { accepted() };
    assert_eq!(world.posted_to(15, late).len(), 2, "the retry is fine");
    world.book(meeting("2026-02-11T10:00:00", 60));
    assert_eq!(world.posted(500).len(), 0);
    assert_eq!((kinds(&world.posted(200)), world.twin.push_counters().delayed), (events("created", 1), 1));
    world.book(meeting("2026-02-12T10:00:00", 60));
    assert_eq!(world.posted(3).len(), 1, "fine again");
    let mut world = subscribed();
    switch(&mut world, |switches| switches.updates_after_create = 0);
    world.book(meeting("2026-02-10T10:00:00", 60));
    let dead = |post: &Post| Outcome::Unanswered { took: post.timeout };
    assert_eq!(world.posted_to(15, dead).len(), 2);
    world.book(meeting("2026-02-11T10:00:00", 60));
    let posts = world.posted(620);
    assert!(!kinds(&posts[..posts.len() - 1]).contains(&"missed".to_owned()));
    assert_eq!(
        (posts.last().unwrap().kind, kinds(&posts).last().unwrap().as_str()),
        (PostKind::Lifecycle, "missed")
    );
    assert_eq!(world.twin.push_counters().dropped, 1);
    world.book(meeting("2026-02-12T10:00:00", 60));
    assert_eq!(kinds(&world.posted(3)), ["created"]);
}

#[test]
fn lifecycle_notices_come_with_time_or_by_order() {
    let mut world = subscribed();
    let subscription = world.twin.subscriptions().next().unwrap().id.clone();
    for event in ["missed", "somethingNew"] {
        assert_eq!(world.twin.send_lifecycle(ROOM, event), 1);
        let posts = world.posted(1);
        assert_eq!((posts[0].url.as_str(), posts[0].kind), (LIFECYCLE, PostKind::Lifecycle));
        assert_eq!(
            items(&posts)[0],
            json!({
                "subscriptionId": subscription, "subscriptionExpirationDateTime": "2026-02-04T08:00:00+00:00",
                "tenantId": TENANT, "clientState": format!("state of {ROOM}"), "lifecycleEvent": event,
            })
        );
    }
    world.twin.send_lifecycle("*", "subscriptionRemoved");
    assert_eq!(
        (kinds(&world.posted(1)), world.twin.subscriptions().count()),
        (events("subscriptionRemoved", 1), 0)
    );
    // An hour before the end, and in silence half an hour later; a renewal brings the notices back.
    let mut world = subscribed();
    world.now = at("2026-02-04T07:00:00Z") - chrono::Duration::seconds(1);
    assert_eq!(kinds(&world.posted(2)), ["reauthorizationRequired"]);
    world.book(meeting("2026-02-10T10:00:00", 60));
    assert_eq!(kinds(&world.posted(5)).len(), 4);
    world.wait(1800);
    world.book(meeting("2026-02-11T10:00:00", 60));
    assert_eq!((world.posted(5).len(), world.twin.push_counters().withheld), (0, 1));
    world.token = world.sign_in("s3cret~+/=").body["access_token"].as_str().unwrap().to_owned();
    let own = format!("/v1.0/subscriptions/{}", world.twin.subscriptions().next().unwrap().id);
    let renewed = world.call_with("PATCH", &own, json!({"expirationDateTime": "2026-02-08T08:00:00Z"}), echo);
    assert_eq!(renewed.status, 200);
    world.book(meeting("2026-02-12T10:00:00", 60));
    assert_eq!(kinds(&world.posted(5)).len(), 4);
    // And every so often, if that is switched on.
    switch(&mut world, |switches| switches.reauthorize_every_minutes = 10);
    assert_eq!(world.call_with("POST", &format!("{own}/reauthorize"), json!(null), echo).status, 204);
    assert_eq!(kinds(&world.posted(1000)), ["reauthorizationRequired"]);
}

#[test]
fn an_app_that_may_no_longer_read_is_asked_to_reauthorize_and_then_hears_nothing() {
    let mut world = subscribed();
    world.twin.change_app(TENANT, CLIENT, |app| app.consented = false);
    assert_eq!(kinds(&world.posted(5)), ["reauthorizationRequired"]);
    world.wait(1800);
    world.book(meeting("2026-02-10T10:00:00", 60));
    assert_eq!(world.posted(60).len(), 0);
    world.twin.change_app(TENANT, CLIENT, |app| app.consented = true);
    let own = format!("/v1.0/subscriptions/{}", world.twin.subscriptions().next().unwrap().id);
    assert_eq!(world.call_with("POST", &format!("{own}/reauthorize"), json!(null), echo).status, 204);
    world.book(meeting("2026-02-11T10:00:00", 60));
    assert_eq!(world.posted(60).len(), 1);
    world.twin.remove_tenant(TENANT);
    assert_eq!((world.twin.subscriptions().count(), world.posted(5).len()), (0, 0));
}

#[test]
fn subscriptions_vanish_end_and_fall_silent_by_order() {
    let mut world = subscribed();
    world.subscribe(SECOND);
    assert_eq!(world.twin.mute_subscriptions(ROOM, true), 1);
    world.book(meeting("2026-02-10T10:00:00", 60));
    assert_eq!(world.posted(5).len(), 0);
    world.twin.mute_subscriptions(ROOM, false);
    world.book(meeting("2026-02-11T10:00:00", 60));
    assert_eq!(kinds(&world.posted(5)).len(), 4);
    assert_eq!((world.twin.remove_subscriptions(ROOM), world.twin.remove_subscriptions(ROOM)), (1, 0));
    assert_eq!((world.twin.expire_subscriptions("*"), world.twin.subscriptions().count()), (1, 0));
    assert_eq!(world.posted(5).len(), 0, "nobody is told");
}

#[test]
fn forgeries_look_like_the_real_thing_but_for_what_was_ordered() {
    let mut world = subscribed();
    let forge = |world: &mut World, order: Value| {
        let made = world.twin.forge(&serde_json::from_value(order).unwrap());
        let posts = world.posted(1);
        assert_eq!((made, posts.iter().all(|post| post.kind == PostKind::Forged)), (posts.len(), true));
        posts
    };
    let posts = forge(
        &mut world,
        json!({"which": ROOM, "fields": {"clientState": "guess", "tenantId": OTHER, "changeType": null}, "times": 3}),
    );
    assert_eq!((posts.len(), posts[0].url.as_str()), (3, NOTICES));
    let item = &items(&posts)[0];
    assert_eq!(
        (&item["clientState"], &item["tenantId"], item.get("changeType")),
        (&json!("guess"), &json!(OTHER), None)
    );
    assert!(item["resource"].as_str().unwrap().starts_with("Users/"));
    let posts = forge(&mut world, json!({"which": "*", "lifecycleEvent": "missed"}));
    assert_eq!((posts[0].url.as_str(), kinds(&posts)), (LIFECYCLE, events("missed", 1)));
    let posts = forge(&mut world, json!({"url": "http://127.0.0.1:1/x", "body": {"value": "no list"}}));
    assert_eq!(&posts[0].body[..], br#"{"value":"no list"}"#);
    assert_eq!(world.twin.forge(&serde_json::from_value(json!({"which": "nobody"})).unwrap()), 0);
}

#[test]
fn equal_seeds_make_equal_posts_and_odd_spellings_stay_readable() {
    let run = || {
        let mut world = World::new();
        switch(&mut world, |switches| {
            switches.odd_spelling = true;
            switches.odd_tokens = true;
            (switches.loss, switches.duplicates, switches.jitter_ms, switches.shuffle) =
                (0.2, 0.2, 9000, true);
        });
        world.subscribe(ROOM);
        (10..20).for_each(|day| drop(world.book(meeting(&format!("2026-02-{day}T10:00:00"), 60))));
        world.twin.send_lifecycle("*", "missed");
        world.posted(30)
    };
    let (one, other) = (run(), run());
    let plain =
        |posts: &[Post]| posts.iter().map(|post| (post.url.clone(), post.body.clone())).collect::<Vec<_>>();
    assert_eq!(plain(&one), plain(&other));
    let all = items(&one);
    let spelled: BTreeSet<&str> =
        all.iter().filter_map(|item| item["resource"].as_str()).map(|own| &own[..6]).collect();
    assert_eq!(spelled.into_iter().collect::<Vec<_>>(), ["Users/", "users/"]);
    for item in &all {
        let end = item["subscriptionExpirationDateTime"].as_str().unwrap();
        assert_eq!(at(end), at("2026-02-04T08:00:00Z"), "{end}");
    }
}
