//! The endpoint validation handshake (page change-notifications-delivery-webhooks): while a client waits for the answer to
//! its `POST /subscriptions`, the service asks the endpoints to echo a token.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::StatusCode;
use rand::RngCore;
use url::Url;

use super::{Outcome, Post, PostKind, Push, Subscription};
use crate::faults::Effect;
use crate::request::Kind;
use crate::wire::Refusal;
use crate::{Answer, Delivery, Twin};

/// What a client wants and gets once its endpoints have proved themselves.
#[derive(Debug)]
pub(crate) enum Draft {
    /// A new subscription.
    Create(Box<Subscription>),
    /// One that goes on, and perhaps elsewhere.
    Change {
        /// Its id.
        id: String,
        /// The new end.
        expires: Option<DateTime<Utc>>,
        /// The new URL.
        url: Option<String>,
        /// What has to prove itself.
        proves: String,
    },
}

/// An answer that waits for its endpoints: make these calls, then [`Twin::finish`]. Dropped, nothing has happened.
#[derive(Debug)]
#[must_use]
pub struct Handshake {
    /// The calls; the order does not matter.
    pub posts: Vec<Post>,
    token: String,
    draft: Draft,
    kind: Kind,
    effect: Option<Effect>,
    delivery: Delivery,
    request_id: String,
}

/// What the refusal says until an endpoint has answered.
pub(super) fn timed_out() -> Refusal {
    Refusal::new(400, "ValidationError", "Subscription validation request timed out.")
}

impl Twin {
    /// Begins the handshake for a draft.
    pub(crate) fn prove(
        &mut self,
        draft: Draft,
        kind: Kind,
        effect: Option<Effect>,
        delivery: Delivery,
        request_id: &str,
    ) -> Handshake {
        let token = self.push.token();
        let urls: Vec<String> = match &draft {
            Draft::Create(own) => {
                std::iter::once(&own.notification_url).chain(&own.lifecycle_url).cloned().collect()
            }
            Draft::Change { proves, .. } => vec![proves.clone()],
        };
        let posts = urls.iter().map(|url| self.push.handshake_post(url, &token)).collect();
        Handshake { posts, token, draft, kind, effect, delivery, request_id: request_id.to_owned() }
    }

    /// Ends a handshake: `outcomes` are those of its posts, in their order. The answer is the one to deliver.
    pub fn finish(&mut self, now: DateTime<Utc>, handshake: Handshake, outcomes: &[Outcome]) -> Answer {
        self.advance(now);
        let Handshake { posts, token, draft, kind, effect, delivery, request_id } = handshake;
        for (post, outcome) in posts.iter().zip(outcomes) {
            self.push.log(self.now, post, 1, outcome);
        }
        let proof = match outcomes.len() == posts.len() {
            true => outcomes
                .iter()
                .try_for_each(|outcome| judge(outcome, &token, self.push.switches.handshake_ms)),
            false => Err(timed_out()),
        };
        let outcome = proof.and_then(|()| self.settle(draft));
        let reply = outcome.unwrap_or_else(|refusal| refusal.reply(self.now, &request_id));
        let reply = crate::spoil(effect.as_ref(), reply, self.now, &request_id);
        self.report.answered(kind, reply.status);
        Answer { response: crate::finish(reply, self.now, &request_id), delivery, handshake: None }
    }
}

impl Push {
    /// Opaque to the endpoint, which has to give it back as it is.
    fn token(&mut self) -> String {
        let id = self.guid();
        let mut token =
            format!("Validation: Testing client application reachability for subscription Request-Id: {id}");
        if self.switches.odd_tokens {
            let odd = ["%2B", "+", "&x=1", "%", "=", "~", "é", ",", "%25"];
            for _ in 0..4 {
                token.push_str(odd[self.rng.next_u32() as usize % odd.len()]);
            }
        }
        token
    }

    fn handshake_post(&mut self, url: &str, token: &str) -> Post {
        let url = match Url::parse(url) {
            Ok(mut url) => {
                url.query_pairs_mut().append_pair("validationToken", token);
                url.into()
            }
            Err(_) => url.to_owned(),
        };
        Post {
            id: self.number(),
            kind: PostKind::Handshake,
            url,
            content_type: "text/plain; charset=utf-8",
            body: Bytes::new(),
            items: 0,
            timeout: Duration::from_millis(self.switches.handshake_ms),
        }
    }
}

/// 200, plain text, the very token, in time.
fn judge(outcome: &Outcome, token: &str, limit_ms: u64) -> Result<(), Refusal> {
    let Outcome::Answered { status, content_type, body, took } = outcome else { return Err(timed_out()) };
    if *took >= Duration::from_millis(limit_ms) {
        return Err(timed_out());
    }
    if *status != 200 {
        let name = StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
        let name = name.map_or_else(|| status.to_string(), |name| name.replace([' ', '-'], ""));
        return Err(Refusal::new(
            400,
            "ValidationError",
            &format!(
                "Subscription validation request failed. HTTP status code is '{name}'. Notification endpoint must respond with 200 OK to validation request."
            ),
        ));
    }
    let plain =
        content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/plain"));
    if plain && body.as_ref() == token.as_bytes() {
        return Ok(());
    }
    Err(Refusal::new(
        400,
        "ValidationError",
        "Subscription validation request failed. Response must exactly match validationToken query parameter.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_very_token_in_plain_text_is_a_proof() {
        let answer = |status, kind: &str, body: &str, ms| Outcome::Answered {
            status,
            content_type: kind.to_owned(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            took: Duration::from_millis(ms),
        };
        let cases = [
            (answer(200, "text/plain", "a+b", 10), None),
            (answer(200, "Text/Plain; charset=utf-8", "a+b", 9_999), None),
            (answer(200, "text/plain", "a+b", 10_000), Some("timed out")),
            (Outcome::Unanswered { took: Duration::ZERO }, Some("timed out")),
            (answer(202, "text/plain", "a+b", 10), Some("HTTP status code is 'Accepted'")),
            (answer(403, "text/plain", "a+b", 10), Some("HTTP status code is 'Forbidden'")),
            (answer(500, "text/plain", "a+b", 10), Some("'InternalServerError'")),
            (answer(200, "application/json", "a+b", 10), Some("exactly match")),
            (answer(200, "text/html", "a+b", 10), Some("exactly match")),
            (answer(200, "text/plain", "a b", 10), Some("exactly match")),
            (answer(200, "text/plain", "\"a+b\"", 10), Some("exactly match")),
            (answer(200, "text/plain", "a+b\n", 10), Some("exactly match")),
            (answer(200, "text/plain", "", 10), Some("exactly match")),
        ];
        for (outcome, wanted) in cases {
            let said = judge(&outcome, "a+b", 10_000).err().map(|refusal| refusal.message);
            assert_eq!(said.is_some(), wanted.is_some(), "{outcome:?}");
            assert!(said.unwrap_or_default().contains(wanted.unwrap_or_default()), "{outcome:?}");
        }
    }
}
