use crate::support::*;
use roomsync_domain::EventId;
use roomsync_domain::cursor::DeltaLink;
use roomsync_graph::TransportError;
use roomsync_ports::{Calendar, DeltaFrom, Directory, GraphError, Trace};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ask {
    Delta,
    View,
    Entry,
    Places,
}

/// The name of the outcome, and its trace.
fn named(error: &GraphError) -> (&'static str, &Trace) {
    match error {
        GraphError::Throttled { trace, .. } => ("Throttled", trace),
        GraphError::CursorExpired(trace) => ("CursorExpired", trace),
        GraphError::NotFound(trace) => ("NotFound", trace),
        GraphError::Forbidden(trace) => ("Forbidden", trace),
        GraphError::Unauthorized(trace) => ("Unauthorized", trace),
        GraphError::Credential(trace) => ("Credential", trace),
        GraphError::Conflict(trace) => ("Conflict", trace),
        GraphError::TooWide(trace) => ("TooWide", trace),
        GraphError::Transient(trace) => ("Transient", trace),
        GraphError::Contract(trace) => ("Contract", trace),
    }
}

async fn ask(what: Ask, replies: impl IntoIterator<Item = Reply>) -> Result<(), GraphError> {
    let world = World::default();
    for reply in replies {
        world.network.answers(reply);
    }
    let graph = world.tenant();
    match what {
        Ask::Delta => {
            let link =
                format!("https://graph.microsoft.com/v1.0/users/{ROOM}/calendarView/delta?$deltatoken=x");
            graph.delta(&room(), DeltaFrom::Link(&DeltaLink::new(link), None)).await.map(drop)
        }
        Ask::View => graph.view(&room(), week(), BOTH, None).await.map(drop),
        Ask::Entry => graph.entry(&room(), &EventId::new("e"), BOTH).await.map(drop),
        Ask::Places => graph.rooms().await.map(drop),
    }
}

#[tokio::test]
async fn statuses_and_codes() {
    use Ask::{Delta, Entry, Places, View};
    let table = [
        (400, "ErrorInvalidRequest", View, "Contract"),
        (400, "BadRequest", Delta, "Contract"),
        (400, "ErrorTimeIntervalTooBig", View, "TooWide"),
        (400, "ErrorInvalidIdMalformed", Entry, "Contract"),
        (400, "InvalidDeltaToken", Delta, "CursorExpired"),
        (400, "InvalidDeltaToken", View, "Contract"),
        (400, "syncStateInvalid", Delta, "CursorExpired"),
        (400, "MailboxNotEnabledForRESTAPI", Delta, "NotFound"),
        (403, "SyncStateNotFound", Delta, "CursorExpired"),
        (403, "ErrorAccessDenied", Delta, "Forbidden"),
        (403, "Authorization_RequestDenied", Places, "Forbidden"),
        (403, "MailboxNotHostedInExchangeOnline", View, "NotFound"),
        (404, "SyncStateNotFound", Delta, "CursorExpired"),
        (404, "syncstatenotfound", Delta, "CursorExpired"),
        (404, "ErrorInvalidUser", Delta, "NotFound"),
        (404, "MailboxNotEnabledForRESTAPI", View, "NotFound"),
        (404, "Request_ResourceNotFound", View, "NotFound"),
        (408, "RequestTimeout", Delta, "Transient"),
        (409, "ErrorIrresolvableConflict", Entry, "Conflict"),
        (410, "SyncStateNotFound", Delta, "CursorExpired"),
        (410, "resyncRequired", Delta, "CursorExpired"),
        (410, "NobodyKnowsThisCode", Delta, "CursorExpired"),
        (412, "PreconditionFailed", Entry, "Conflict"),
        (413, "RequestEntityTooLarge", View, "Contract"),
        (423, "Locked", Entry, "Transient"),
        (429, "ApplicationThrottled", Delta, "Throttled"),
        (429, "TooManyRequests", Places, "Throttled"),
        (429, "SyncStateNotFound", Delta, "Throttled"),
        (500, "ErrorInternalServerTransientError", Delta, "Transient"),
        (500, "generalException", Places, "Transient"),
        (502, "UnknownError", View, "Transient"),
        (503, "ErrorServerBusy", Delta, "Transient"),
        (503, "SyncStateNotFound", Delta, "Transient"),
        (504, "GatewayTimeout", Delta, "Transient"),
        (504, "GatewayTimeout", Entry, "Transient"),
        (504, "UnknownError", View, "TooWide"),
        (509, "BandwidthLimitExceeded", Delta, "Transient"),
        (302, "Moved", Delta, "Contract"),
        (204, "NoContent", View, "Contract"),
        (206, "Partial", View, "Contract"),
    ];
    for (status, code, what, expected) in table {
        let failure = ask(what, [error(status, code)]).await.unwrap_err();
        let (name, trace) = named(&failure);
        assert_eq!(name, expected, "{status} {code} {what:?}");
        assert_eq!(
            (trace.status, trace.code.as_str(), trace.request_id.as_str()),
            (Some(status), code, "req-1")
        );
        assert!(!format!("{failure:?} {failure}").contains("Canary"), "no message in {failure:?}");
    }
}

#[tokio::test]
async fn inner_codes_count_and_the_outer_one_is_named() {
    for inner in ["innerError", "innererror"] {
        let body = format!(
            r#"{{"error":{{"code":"UnknownError","{inner}":{{"code":"SyncStateNotFound","request-id":"inner-1"}}}}}}"#
        );
        let mut reply = reply(404, &[], body).unwrap();
        reply.headers_mut().remove("request-id");
        let failure = ask(Ask::Delta, [Ok(reply)]).await.unwrap_err();
        let (name, trace) = named(&failure);
        assert_eq!(
            (name, trace.code.as_str(), trace.request_id.as_str()),
            ("CursorExpired", "UnknownError", "inner-1")
        );
    }
}

#[tokio::test]
async fn bodies_that_are_no_error_bodies() {
    for body in [
        "",
        "<html>Canary</html>",
        "{",
        "[]",
        "null",
        r#"{"error":"Canary text"}"#,
        r#"{"error":{"code":7}}"#,
        r#"{"error":{"code":"  Canary text"}}"#,
    ] {
        let failure = ask(Ask::Delta, [reply(502, &[], body)]).await.unwrap_err();
        let (name, trace) = named(&failure);
        assert_eq!(
            (name, trace.code.as_str(), trace.request_id.as_str()),
            ("Transient", "BadGateway", "req-1"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_code_that_is_a_sentence_is_cut_to_its_first_word() {
    let failure = ask(Ask::Delta, [error(400, "CompactToken parsing failed with error code: 80049217")])
        .await
        .unwrap_err();
    assert_eq!(named(&failure).1.code, "CompactToken");
    let failure = ask(Ask::Delta, [error(400, &"x".repeat(1000))]).await.unwrap_err();
    assert_eq!(named(&failure).1.code, "x".repeat(64));
}

#[tokio::test]
async fn answers_that_never_come() {
    use TransportError::{Cut, Timeout, TooLarge, Unreachable};
    let table = [
        (Timeout, Ask::View, "TooWide"),
        (Timeout, Ask::Delta, "Transient"),
        (Timeout, Ask::Places, "Transient"),
        (TooLarge, Ask::View, "TooWide"),
        (TooLarge, Ask::Delta, "Contract"),
        (Cut, Ask::View, "Transient"),
        (Cut, Ask::Delta, "Transient"),
        (Unreachable, Ask::Delta, "Transient"),
    ];
    for (error, what, expected) in table {
        let failure = ask(what, [Err(error)]).await.unwrap_err();
        let (name, trace) = named(&failure);
        assert_eq!(name, expected, "{error:?} {what:?}");
        assert_eq!((trace.status, trace.code.as_str()), (None, error.to_string().as_str()));
        assert!(uuid::Uuid::try_parse(&trace.request_id).is_ok(), "our own id stands for the missing one");
    }
}
