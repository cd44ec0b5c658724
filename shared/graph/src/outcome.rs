//! What an answer that is no answer means: by its status first, by its code second, never by its message (`errors` page).

use crate::transport::TransportError;
use http::{HeaderMap, StatusCode};
use roomsync_ports::{GraphError, Trace};
use serde_json::Value;
use std::time::Duration;

/// What was asked; some failures mean more for one question than for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    View,
    Delta,
    Entry,
    Places,
    User,
    Subscribe,
    Subscription,
    Meetings,
    Write,
}

impl Question {
    /// Path of the request without anything that belongs to a tenant, for the log.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::View => "/users/{room}/calendarView",
            Self::Delta => "/users/{room}/calendarView/delta",
            Self::Entry => "/users/{room}/events/{event}",
            Self::Places => "/places",
            Self::User => "/users/{room}",
            Self::Subscribe => "/subscriptions",
            Self::Subscription => "/subscriptions/{id}",
            Self::Meetings => "/users/{mailbox}/events",
            Self::Write => "/users/{mailbox}/events (write)",
        }
    }
}

/// Codes of a mailbox that is not there (`errors` page): mostly with 404, some were seen with 403 and 400.
const NO_MAILBOX: [&str; 6] = [
    "ErrorInvalidUser",
    "ResourceNotFound",
    "Request_ResourceNotFound",
    "MailboxNotEnabledForRESTAPI",
    "MailboxNotSupportedForRESTAPI",
    "MailboxNotHostedInExchangeOnline",
];

/// Whether a 404 says that the mailbox is gone, and not only something in it.
pub(crate) fn is_mailbox_gone(code: &str) -> bool {
    NO_MAILBOX.iter().any(|known| known.eq_ignore_ascii_case(code))
}

/// The failure that an answer of a status other than 200 stands for.
pub(crate) fn failure(
    question: Question,
    status: StatusCode,
    wait: Option<Duration>,
    codes: &Codes,
    request_id: String,
) -> GraphError {
    let trace = Trace { status: Some(status.as_u16()), code: codes.name(status), request_id };
    match status.as_u16() {
        429 => GraphError::Throttled { retry_after: wait, trace },
        503 if wait.is_some() => GraphError::Throttled { retry_after: wait, trace },
        504 if question == Question::View => GraphError::TooWide(trace),
        408 | 423 | 500.. => GraphError::Transient(trace),
        410 => GraphError::CursorExpired(trace),
        401 => GraphError::Unauthorized(trace),
        400..500 if question == Question::Delta && codes.any(is_about_the_link) => {
            GraphError::CursorExpired(trace)
        }
        400 if question == Question::View && codes.any(is_too_wide) => GraphError::TooWide(trace),
        400 | 403 if codes.any(is_mailbox_gone) => GraphError::NotFound(trace),
        // A mailbox that is not in Exchange Online or is closed to us; the status is not documented (`errors` page).
        400..=404 if question == Question::Subscribe && codes.any(is_extension_error) => {
            GraphError::Forbidden(trace)
        }
        403 => GraphError::Forbidden(trace),
        404 => GraphError::NotFound(trace),
        409 | 412 => GraphError::Conflict(trace),
        _ => GraphError::Contract(trace),
    }
}

/// The same for an answer that was let through.
pub(crate) fn failure_of(question: Question, status: u16, codes: &Codes, request_id: &str) -> GraphError {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    failure(question, status, None, codes, request_id.to_owned())
}

/// The failure that a missing answer stands for. `request_id` is ours.
pub(crate) fn no_answer(question: Question, error: TransportError, request_id: String) -> GraphError {
    let trace = Trace { status: None, code: error.to_string(), request_id };
    match error {
        TransportError::Timeout | TransportError::TooLarge if question == Question::View => {
            GraphError::TooWide(trace)
        }
        TransportError::TooLarge => GraphError::Contract(trace),
        TransportError::Timeout | TransportError::Cut | TransportError::Unreachable => {
            GraphError::Transient(trace)
        }
    }
}

/// `SyncStateNotFound`, `syncStateInvalid`, `resyncRequired`, `fullSyncRequired`, `InvalidDeltaToken` and their like.
fn is_about_the_link(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    code.contains("sync") || code.contains("deltatoken")
}

fn is_extension_error(code: &str) -> bool {
    code.eq_ignore_ascii_case("ExtensionError")
}

/// `ErrorDuplicateTransactionId`: the transaction id was used "to create a different event".
pub(crate) fn is_duplicate_transaction(code: &str) -> bool {
    code.eq_ignore_ascii_case("ErrorDuplicateTransactionId")
}

/// `@event.existingEventId`, wherever in an error body it stands.
pub(crate) fn existing_event(body: &[u8]) -> Option<String> {
    fn find(value: &Value, depth: usize) -> Option<String> {
        let fields = value.as_object().filter(|_| depth <= DEEPEST)?;
        let here = fields.iter().find(|(name, _)| name.ends_with("existingEventId"));
        here.and_then(|(_, id)| id.as_str())
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .or_else(|| fields.values().find_map(|inner| find(inner, depth + 1)))
    }
    find(&serde_json::from_slice(body).ok()?, 0)
}

fn is_too_wide(code: &str) -> bool {
    code.eq_ignore_ascii_case("ErrorTimeIntervalTooBig")
}

/// The codes of an error body, the outer one first: inner errors may be more specific (`errors` page).
pub(crate) struct Codes {
    codes: Vec<String>,
    request_id: Option<String>,
}

/// Inner errors that are looked at.
const DEEPEST: usize = 5;

impl Codes {
    /// Reads any body; one that is no error body has no codes.
    pub(crate) fn read(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut found = Self { codes: Vec::new(), request_id: None };
        let mut error = &body["error"];
        for _ in 0..DEEPEST {
            found.codes.extend(error["code"].as_str().and_then(word));
            if found.request_id.is_none() {
                found.request_id = error["request-id"].as_str().and_then(word);
            }
            error = match &error["innerError"] {
                Value::Null => &error["innererror"],
                inner => inner,
            };
        }
        found
    }

    /// Whether one of them is such a code.
    pub(crate) fn any(&self, is: impl Fn(&str) -> bool) -> bool {
        self.codes.iter().any(|code| is(code))
    }

    /// The outermost.
    pub(crate) fn first(&self) -> Option<&str> {
        self.codes.first().map(String::as_str)
    }

    fn name(&self, status: StatusCode) -> String {
        self.codes.first().cloned().unwrap_or_else(|| {
            status.canonical_reason().map_or_else(|| "NoCode".to_owned(), |reason| reason.replace(' ', ""))
        })
    }

    /// The request id of an answer: from its headers, or its body, or else ours.
    pub(crate) fn request_id(&self, headers: &HeaderMap, ours: &str) -> String {
        header_id(headers, "request-id")
            .or_else(|| self.request_id.clone())
            .unwrap_or_else(|| ours.to_owned())
    }
}

/// A request id in a header.
pub(crate) fn header_id(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|id| id.to_str().ok()).and_then(word)
}

/// The part of a text that is safe to log: one word of at most 64 letters, so that nothing of a calendar can hide in it.
pub(crate) fn word(text: &str) -> Option<String> {
    let word: String =
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || "_.-".contains(*c)).take(64).collect();
    (!word.is_empty()).then_some(word)
}
