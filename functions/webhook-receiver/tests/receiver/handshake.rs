use crate::support::{World, event, post};
use proptest::prelude::*;
use roomsync_testkit::Lane;
use serde_json::Value;

fn handshake(query: &str) -> Value {
    let mut event = event("POST", "/notifications", query);
    event["headers"]["content-type"] = "text/plain; charset=utf-8".into();
    event
}

/// Percent-encodes every byte, so that nothing is left to a codec's taste.
fn encoded(token: &str) -> String {
    token.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn graphs_own_token_comes_back_decoded_once_on_both_routes() {
    let query = "c=conn42&validationToken=Validation%3a+Testing+client+application+reachability%3A+100%2525+%E2%9C%93";
    for path in ["/notifications", "/lifecycle"] {
        let mut event = handshake(query);
        event["rawPath"] = path.into();
        let answer = World::new().send(event);
        assert_eq!(answer.status_code, 200);
        assert_eq!(answer.body, "Validation: Testing client application reachability: 100%25 ✓");
    }
}

#[test]
fn it_needs_neither_key_nor_queue_nor_body() {
    let world = World::new();
    world.deps.secrets.remove(crate::support::KEY_NAME);
    world.deps.queue.refuse(&[Lane::Polls, Lane::Lifecycle]);
    assert_eq!(world.send(handshake("validationToken=abc")).body, "abc");
    assert_eq!(world.deps.secrets.reads(), 0);
    let mut with_body = post("/lifecycle", "{");
    with_body["rawQueryString"] = "validationToken=abc".into();
    assert_eq!(world.send(with_body).status_code, 200);
}

#[test]
fn html_comes_back_as_the_plain_text_that_it_is() {
    let answer = World::new().send(handshake("validationToken=%3Cscript%3Ealert(1)%3C%2Fscript%3E"));
    assert_eq!((answer.status_code, answer.body.as_str()), (200, "<script>alert(1)</script>"));
}

#[test]
fn what_no_token_of_graph_looks_like_is_refused() {
    let long = format!("validationToken={}", "a".repeat(2_049));
    for query in [
        "validationToken=a%0Ab",
        "validationToken=a%0D%0ASet-Cookie:x",
        "validationToken=%00",
        "validationToken=%7F",
        "validationToken=%C2%85",
        "validationToken=%FF%FE",
        "validationToken=a&validationToken=b",
        "validation%54oken=a&validationToken=a",
        &long,
    ] {
        assert_eq!(World::new().send(handshake(query)).status_code, 400, "{query}");
    }
    let longest = "a".repeat(2_048);
    assert_eq!(World::new().send(handshake(&format!("validationToken={longest}"))).body, longest);
}

#[test]
fn only_a_post_with_the_very_parameter_is_one() {
    let world = World::new();
    assert_eq!(world.send(event("GET", "/notifications", "validationToken=a")).status_code, 405);
    assert_eq!(world.send(event("POST", "/", "validationToken=a")).status_code, 404);
    for query in ["", "token=a", "validationtoken=a", "xvalidationToken=a", "a=validationToken"] {
        assert_eq!(world.send(handshake(query)).status_code, 415, "{query}");
    }
}

proptest! {
    #[test]
    fn every_printable_token_comes_back_as_it_was(token in "[^\\p{Cc}]{0,300}") {
        let answer = World::new().send(handshake(&format!("c=1&validationToken={}", encoded(&token))));
        prop_assert_eq!(answer.status_code, 200);
        prop_assert_eq!(answer.body, token);
    }

    #[test]
    fn no_query_breaks_it(query in ".{0,200}") {
        let answer = World::new().send(handshake(&format!("validationToken={query}")));
        prop_assert!([200, 400].contains(&answer.status_code));
    }
}
