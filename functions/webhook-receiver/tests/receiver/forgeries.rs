//! Items that somebody without our key could send. Each differs from a good one in one thing, and none of them gets anything queued.

use crate::support::{OTHER_TENANT, ROOM, SECRET, TENANT, World, lifecycle, notice, post, room, state};
use serde_json::{Value, json};

type Forgery = (&'static str, Value);

fn good() -> Value {
    notice(&room(TENANT, ROOM), "AAMk")
}

fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut item = good();
    item[field] = value.into();
    item
}

fn without(field: &str) -> Value {
    let mut item = good();
    item.as_object_mut().unwrap().remove(field);
    item
}

/// The four parts of a good state.
fn parts() -> [String; 4] {
    let parts: Vec<String> = state(SECRET, &room(TENANT, ROOM)).split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

fn rejoined(change: impl FnOnce(&mut [String; 4])) -> Value {
    let mut parts = parts();
    change(&mut parts);
    with("clientState", parts.join("."))
}

fn states() -> Vec<Forgery> {
    let good_state = state(SECRET, &room(TENANT, ROOM));
    let other = |tenant, id| state(SECRET, &room(tenant, id));
    let [_, _, other_room, other_signature] =
        other(TENANT, "b").split('.').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
    let foreign = "somebody-elses-0123456789abcdef0123456789";
    vec![
        ("no state", without("clientState")),
        ("null", with("clientState", Value::Null)),
        ("a number", with("clientState", 7)),
        ("a list with the state", with("clientState", json!([good_state.clone()]))),
        ("an object", with("clientState", json!({"v": 1}))),
        ("empty", with("clientState", "")),
        ("a guess", with("clientState", "secretClientValue")),
        ("dots", with("clientState", "...")),
        ("another version", rejoined(|p| p[0] = "v2".into())),
        ("version in capitals", rejoined(|p| p[0] = "V1".into())),
        ("no version", with("clientState", parts()[1..].join("."))),
        ("no key id", rejoined(|p| p[1] = String::new())),
        ("another key id", rejoined(|p| p[1] = "AAAAAAAA".into())),
        ("key id in another case", rejoined(|p| p[1] = swapped_case(&p[1]))),
        ("no room", rejoined(|p| p[2] = String::new())),
        ("another room", rejoined(|p| p[2] = other_room)),
        ("half a room", rejoined(|p| p[2].truncate(12))),
        ("a longer room", rejoined(|p| p[2].push_str("AAAA"))),
        ("room that is not Base64", rejoined(|p| p[2] = "!!!!".into())),
        ("no signature", rejoined(|p| p[3] = String::new())),
        ("another room's signature", rejoined(|p| p[3] = other_signature)),
        ("half a signature", rejoined(|p| p[3].truncate(11))),
        ("all but its last letter", rejoined(|p| _ = p[3].pop())),
        ("a longer signature", rejoined(|p| p[3].push_str("AAAA"))),
        ("a signature of nothing but zeros", rejoined(|p| p[3] = "A".repeat(22))),
        ("a signature with its first bit turned", rejoined(|p| p[3] = turned(&p[3], 0))),
        ("a signature with its middle turned", rejoined(|p| p[3] = turned(&p[3], 11))),
        ("a signature in the other alphabet", rejoined(|p| p[3] = format!("{}+/", &p[3][..20]))),
        ("a padded signature", rejoined(|p| p[3].push_str("=="))),
        ("signature first", rejoined(|p| p.rotate_right(1))),
        ("a fifth part", with("clientState", format!("{good_state}.x"))),
        ("a space before", with("clientState", format!(" {good_state}"))),
        ("a line end behind", with("clientState", format!("{good_state}\n"))),
        ("a zero behind", with("clientState", format!("{good_state}\0"))),
        ("in capitals", with("clientState", good_state.to_uppercase())),
        ("twice", with("clientState", format!("{good_state}{good_state}"))),
        ("a prefix of it", with("clientState", &good_state[..good_state.len() - 4])),
        ("long", with("clientState", format!("v1.{}", "A".repeat(100_000)))),
        ("somebody else's key", with("clientState", state(foreign, &room(TENANT, ROOM)))),
        (
            "their key under our id",
            rejoined(|p| {
                p[3] = state(foreign, &room(TENANT, ROOM)).rsplit('.').next().unwrap().to_owned();
            }),
        ),
        ("the secret's name as state", with("clientState", crate::support::KEY_NAME)),
    ]
}

fn fields() -> Vec<Forgery> {
    vec![
        ("no tenant", without("tenantId")),
        ("null as tenant", with("tenantId", Value::Null)),
        ("another tenant", with("tenantId", OTHER_TENANT)),
        ("empty tenant", with("tenantId", "")),
        ("tenant with a space", with("tenantId", format!("{TENANT} "))),
        ("tenant without hyphens", with("tenantId", TENANT.replace('-', ""))),
        ("tenant in braces", with("tenantId", format!("{{{TENANT}}}"))),
        ("a prefix of the tenant", with("tenantId", &TENANT[..35])),
        ("a number as tenant", with("tenantId", 84)),
        ("another tenant's state", with("clientState", state(SECRET, &room(OTHER_TENANT, ROOM)))),
        ("mail", with("resource", format!("Users/{ROOM}/Messages/AAMk"))),
        ("a group's events", with("resource", format!("Groups/{ROOM}/Events/AAMk"))),
        ("no mailbox", with("resource", "Users/Events/AAMk")),
        ("an empty mailbox", with("resource", "Users//Events/AAMk")),
        ("only a mailbox", with("resource", format!("Users/{ROOM}"))),
        ("an empty resource", with("resource", "")),
        ("a resource that begins so", with("resource", format!("Users/{ROOM}/EventsOfMine/AAMk"))),
        ("an address", with("resource", format!("https://graph.microsoft.com/v1.0/users/{ROOM}/events"))),
        ("a number as resource", with("resource", 7)),
        ("a list as id", with("id", json!([]))),
        ("a number as lifecycle event", with("lifecycleEvent", 7)),
        ("an item in a list", json!([good()])),
        ("an item as text", json!(good().to_string())),
    ]
}

fn swapped_case(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() })
        .collect()
}

fn turned(signature: &str, at: usize) -> String {
    let letter = if signature.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{letter}{}", &signature[..at], &signature[at + 1..])
}

fn all() -> Vec<Forgery> {
    states().into_iter().chain(fields()).collect()
}

#[test]
fn the_good_one_is_good() {
    let world = World::new();
    assert_eq!(world.post(&[good()]), 202);
    assert_eq!(world.sent(), 1);
}

#[test]
fn no_forgery_gets_anything_queued_and_none_learns_why() {
    assert!(all().len() >= 40, "{}", all().len());
    for (name, item) in all() {
        let world = World::new();
        assert_eq!(world.post(std::slice::from_ref(&item)), 202, "{name}");
        assert_eq!(world.sent(), 0, "{name}");
        let mut notice_of_end = item;
        if notice_of_end.is_object() && notice_of_end["lifecycleEvent"].is_null() {
            notice_of_end["lifecycleEvent"] = "subscriptionRemoved".into();
        }
        assert_eq!(world.post(&[notice_of_end]), 202, "{name}");
        assert_eq!(world.sent(), 0, "{name}, as a lifecycle notice");
    }
}

#[test]
fn no_forgery_takes_the_good_items_with_it() {
    let world = World::new();
    let forged = all().into_iter().map(|(_, item)| item);
    let items: Vec<Value> =
        std::iter::once(good()).chain(forged).chain([lifecycle(&room(TENANT, "b"), "missed")]).collect();
    assert_eq!(world.post(&items), 202);
    assert_eq!((world.polls().len(), world.lifecycle().len()), (1, 1));
}

#[test]
fn a_field_given_twice_is_nobodys_word() {
    let world = World::new();
    let good = good().to_string();
    let body = format!(r#"{{"value":[{{"tenantId":"{OTHER_TENANT}",{}]}}"#, &good[1..]);
    assert_eq!(world.send(post("/notifications", &body)).status_code, 202);
    assert_eq!(world.sent(), 0);
}
