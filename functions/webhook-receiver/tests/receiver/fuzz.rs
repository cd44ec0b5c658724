//! Bodies that nobody thought of. Whatever comes, the answer is one of a few, and only what is signed gets queued.

use crate::support::{ROOM, TENANT, World, lifecycle, notice, post, room};
use proptest::prelude::*;
use serde_json::{Value, json};

const ANSWERS: [u16; 4] = [202, 400, 413, 415];

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "v1\\.[A-Za-z0-9_-]{8}\\.[A-Za-z0-9_-]{44}\\.[A-Za-z0-9_-]{22}".prop_map(Value::from),
        Just(Value::from(TENANT)),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let name = prop_oneof![
            Just("value".to_owned()),
            Just("clientState".to_owned()),
            Just("tenantId".to_owned()),
            Just("resource".to_owned()),
            Just("lifecycleEvent".to_owned()),
            ".{0,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

/// A good body with some of its bytes replaced, left out or repeated.
fn bent() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, any::<u8>()), 1..6);
    changes.prop_map(|changes| {
        let items = [notice(&room(TENANT, ROOM), "AAMk"), lifecycle(&room(TENANT, ROOM), "missed")];
        let mut body = json!({ "value": items }).to_string().into_bytes();
        for (at, how, byte) in changes {
            let at = at.index(body.len());
            match how {
                0 => body[at] = byte,
                1 => _ = body.remove(at),
                _ => body.insert(at, byte),
            }
        }
        body
    })
}

proptest! {
    #[test]
    fn any_text_is_answered_and_queues_nothing(body in ".{0,300}") {
        let world = World::new();
        prop_assert!(ANSWERS.contains(&world.send(post("/notifications", &body)).status_code));
        prop_assert_eq!(world.sent(), 0);
    }

    #[test]
    fn any_json_is_answered_and_queues_nothing(items in prop::collection::vec(json_value(), 0..5), outer in json_value()) {
        let world = World::new();
        prop_assert_eq!(world.post(&items), 202);
        prop_assert!(ANSWERS.contains(&world.send(post("/lifecycle", &outer.to_string())).status_code));
        prop_assert_eq!(world.sent(), 0);
    }

    #[test]
    fn a_bent_body_never_speaks_for_another_room(body in bent()) {
        let world = World::new();
        let text = String::from_utf8_lossy(&body);
        prop_assert!(ANSWERS.contains(&world.send(post("/notifications", &text)).status_code));
        prop_assert!(world.polls().iter().all(|hint| hint.room() == room(TENANT, ROOM)));
        prop_assert!(world.lifecycle().iter().all(|hint| hint.room() == room(TENANT, ROOM)));
        use base64::Engine;
        let mut raw = post("/notifications", &base64::engine::general_purpose::STANDARD.encode(&body));
        raw["isBase64Encoded"] = true.into();
        prop_assert!(ANSWERS.contains(&world.send(raw).status_code));
    }
}
