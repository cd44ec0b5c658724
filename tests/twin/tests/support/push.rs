//! Endpoints in memory, for a twin that is driven in process.

use std::time::Duration;

use bytes::Bytes;
use roomsync_twin::{Outcome, Post, PostKind};
use serde_json::{Value, json};

use super::{Got, ROOM, World, got};

pub const NOTICES: &str = "https://hooks.example.com/notifications?c=1";
pub const LIFECYCLE: &str = "https://hooks.example.com/lifecycle";

/// What an endpoint answers to a handshake.
pub fn echo(post: &Post) -> Outcome {
    let url = url::Url::parse(&post.url).unwrap();
    let token = url.query_pairs().find(|(name, _)| name == "validationToken").unwrap().1.into_owned();
    answered(200, "text/plain; charset=utf-8", &token, 5)
}

pub fn answered(status: u16, kind: &str, body: &str, ms: u64) -> Outcome {
    Outcome::Answered {
        status,
        content_type: kind.to_owned(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        took: Duration::from_millis(ms),
    }
}

pub fn accepted() -> Outcome {
    answered(202, "", "", 5)
}

/// A body that asks for everything about a room for two days.
pub fn wish(world: &World, room: &str) -> Value {
    json!({
        "changeType": "created,updated,deleted", "notificationUrl": NOTICES, "lifecycleNotificationUrl": LIFECYCLE,
        "resource": format!("users/{room}/events"), "clientState": format!("state of {room}"),
        "expirationDateTime": (world.now + chrono::Duration::days(2)).to_rfc3339(),
    })
}

impl World {
    /// A call whose handshake is answered by `endpoint`.
    pub fn call_with(
        &mut self,
        method: &str,
        url: &str,
        body: Value,
        endpoint: impl Fn(&Post) -> Outcome,
    ) -> Got {
        let answer = self.answer(method, url, &[("prefer", "IdType=\"ImmutableId\"")], Some(body));
        let Some(handshake) = answer.handshake else { return got(answer) };
        let outcomes: Vec<Outcome> = handshake.posts.iter().map(endpoint).collect();
        got(self.twin.finish(self.now, handshake, &outcomes))
    }

    /// Subscribes to a room with an honest endpoint; the answer's body.
    pub fn subscribe(&mut self, room: &str) -> Value {
        let got = self.call_with("POST", "/v1.0/subscriptions", wish(self, room), echo);
        assert_eq!(got.status, 201, "{}", got.body);
        got.body
    }

    /// Takes what is posted for so many seconds, second by second; every post is accepted.
    pub fn posted(&mut self, seconds: i64) -> Vec<Post> {
        self.posted_to(seconds, |_| accepted())
    }

    pub fn posted_to(&mut self, seconds: i64, endpoint: impl Fn(&Post) -> Outcome) -> Vec<Post> {
        let mut all = Vec::new();
        for _ in 0..seconds {
            self.wait(1);
            for post in self.twin.due_posts(self.now) {
                self.twin.delivered(self.now, post.id, &endpoint(&post));
                all.push(post);
            }
        }
        all
    }
}

/// The notices of posts, in the order of their coming.
pub fn items(posts: &[Post]) -> Vec<Value> {
    let bodies = posts.iter().filter(|post| post.kind != PostKind::Handshake);
    let values = bodies.map(|post| serde_json::from_slice::<Value>(&post.body).unwrap());
    values.flat_map(|body| body["value"].as_array().unwrap().clone()).collect()
}

/// Their change types, in the order of their coming.
pub fn kinds(posts: &[Post]) -> Vec<String> {
    let word = |item: &Value| item.get("changeType").or(item.get("lifecycleEvent")).cloned();
    items(posts).iter().filter_map(word).map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The room's own subscription for tests that need just one.
pub fn subscribed() -> World {
    let mut world = World::new();
    world.subscribe(ROOM);
    world
}
