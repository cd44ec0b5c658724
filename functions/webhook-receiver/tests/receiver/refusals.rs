use crate::support::{ROOM, TENANT, World, event, notice, post, room};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

fn body(items: usize) -> String {
    json!({ "value": vec![notice(&room(TENANT, ROOM), "AAMk"); items] }).to_string()
}

fn with_header(name: &str, value: Option<&str>) -> Value {
    let mut event = post("/notifications", &body(1));
    match value {
        Some(value) => event["headers"][name] = value.into(),
        None => _ = event["headers"].as_object_mut().unwrap().remove(name),
    }
    event
}

/// Sends and sees that nothing was done for it: no key read, nothing queued.
fn refused(event: Value) -> u16 {
    let world = World::new();
    let status = world.send(event).status_code;
    assert_eq!((world.deps.secrets.reads(), world.sent()), (0, 0));
    status
}

#[test]
fn other_methods_and_paths_are_named_as_such() {
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post"] {
        let mut event = post("/notifications", &body(1));
        event["requestContext"]["http"]["method"] = method.into();
        assert_eq!(refused(event), 405, "{method}");
    }
    for path in
        ["/", "", "/notifications/", "/Notifications", "//notifications", "/lifecycle/x", "/%6Eotifications"]
    {
        assert_eq!(refused(post(path, &body(1))), 404, "{path}");
    }
    let answer = World::new().send(event("GET", "/lifecycle", ""));
    assert_eq!(serde_json::to_value(&answer.headers).unwrap()["allow"], "POST");
}

#[test]
fn only_plain_json_in_utf_8_is_read() {
    for kind in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/json-seq"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=utf-16"),
        Some("multipart/form-data; boundary=application/json"),
    ] {
        assert_eq!(refused(with_header("content-type", kind)), 415, "{kind:?}");
    }
    for coding in ["gzip", "br", "deflate", "identity, gzip"] {
        assert_eq!(refused(with_header("content-encoding", Some(coding))), 415, "{coding}");
    }
    for kind in [
        "application/json",
        "Application/JSON; Charset=\"UTF-8\"",
        "application/json; odata.metadata=minimal",
    ] {
        assert_eq!(World::new().send(with_header("content-type", Some(kind))).status_code, 202, "{kind}");
    }
}

#[test]
fn a_ladder_of_sizes() {
    let padded = |bytes: usize| {
        let body = body(1);
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    assert_eq!(World::new().send(post("/notifications", &padded(256 * 1_024))).status_code, 202);
    for bytes in [256 * 1_024 + 1, 300_000, 1_000_000, 10_000_000] {
        assert_eq!(refused(post("/notifications", &padded(bytes))), 413, "{bytes}");
        let mut encoded = post("/notifications", &STANDARD.encode(padded(bytes)));
        encoded["isBase64Encoded"] = true.into();
        assert_eq!(refused(encoded), 413, "{bytes} in Base64");
    }
}

#[test]
fn a_body_in_base64_is_decoded() {
    let world = World::new();
    let mut event = post("/notifications", &STANDARD.encode(body(1)));
    event["isBase64Encoded"] = true.into();
    assert_eq!(world.send(event.clone()).status_code, 202);
    assert_eq!(world.sent(), 1);
    event["body"] = "no Base64!".into();
    assert_eq!(refused(event), 400);
}

#[test]
fn too_many_items_and_too_deep_ones_are_refused_before_they_are_built() {
    let many = |count: usize| format!(r#"{{"value":[{}]}}"#, vec!["0"; count].join(","));
    assert_eq!(World::new().send(post("/lifecycle", &many(1_000))).status_code, 202);
    assert_eq!(refused(post("/lifecycle", &many(1_001))), 413);
    assert_eq!(refused(post("/lifecycle", &many(100_000))), 413);
    let deep = |levels: usize| format!(r#"{{"value":[{}{}]}}"#, "[".repeat(levels), "]".repeat(levels));
    assert_eq!(World::new().send(post("/lifecycle", &deep(30))).status_code, 202);
    assert_eq!(refused(post("/lifecycle", &deep(31))), 400);
    assert_eq!(refused(post("/lifecycle", &deep(100_000))), 400);
    assert_eq!(refused(post("/lifecycle", &"[".repeat(200_000))), 400);
    let quoted = format!(r#"{{"value":[],"text":"\"{}"}}"#, "[".repeat(1_000));
    assert_eq!(World::new().send(post("/lifecycle", &quoted)).status_code, 202);
}

#[test]
fn what_is_no_list_of_notices_is_refused() {
    for body in [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "{",
        "0",
        "\"value\"",
        r#"{"value":null}"#,
        r#"{"value":{}}"#,
        r#"{"value":"x"}"#,
        r#"{"Value":[]}"#,
        r#"{"value":[]}x"#,
        r#"{"value":[],"value":[]}"#,
        r#"{"value":[}"#,
        r#"{"value":[1,]}"#,
        "\u{feff}{\"value\":[]}",
        "<xml/>",
        "{\"value\":[\"\\ud800\"",
    ] {
        assert_eq!(refused(post("/notifications", body)), 400, "{body}");
    }
    let mut none = post("/notifications", "");
    none.as_object_mut().unwrap().remove("body");
    assert_eq!(refused(none), 400);
    assert_eq!(World::new().send(post("/notifications", r#"{"value":[]}"#)).status_code, 202);
}
