//! Our webhook, called by the twin in the same process.

use bytes::Bytes;
use roomsync_testkit::{MemoryQueue, MemorySecrets, TestClock};
use roomsync_twin::push::{Outcome, Post};
use std::rc::Rc;
use std::time::Duration;
use webhook_receiver::{Deps, Keyring, handle};

/// Where the twin finds it.
pub const HOST: &str = "https://hooks.roomsync.example";
/// Name of the secret that signs.
pub const KEY_NAME: &str = "roomsync/notification-key";

/// The receiver behind its gateway.
#[derive(Clone)]
pub struct Webhook(Rc<Deps<Rc<MemoryQueue>, Rc<MemorySecrets>, TestClock>>);

impl Webhook {
    /// A fresh environment of the receiver.
    #[must_use]
    pub fn new(queue: Rc<MemoryQueue>, secrets: Rc<MemorySecrets>, clock: TestClock) -> Self {
        Self(Rc::new(Deps { queue, secrets, clock, keyring: Keyring::new(KEY_NAME.to_owned()) }))
    }

    /// Answers a POST as API Gateway hands it over.
    ///
    /// # Panics
    ///
    /// If the post is no request.
    pub async fn call(&self, post: &Post) -> Outcome {
        let took = Duration::from_millis(20);
        let Some(rest) = post.url.strip_prefix(HOST) else { return Outcome::Unanswered { took } };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let event = serde_json::json!({
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"content-type": post.content_type},
            "requestContext": {"http": {"method": "POST"}, "requestId": post.id.to_string()},
            "body": String::from_utf8_lossy(&post.body),
            "isBase64Encoded": false,
        });
        let event = serde_json::from_value(event).expect("the shape of a request");
        let answer = handle(event, &self.0).await;
        Outcome::Answered {
            status: answer.status_code,
            content_type: "text/plain; charset=utf-8".to_owned(),
            body: Bytes::from(answer.body),
            took,
        }
    }
}
