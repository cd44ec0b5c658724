//! Writing meetings, and reading back what was written (`user-post-events`, `event-get`, `event-update`, `event-delete`,
//! `event-decline` pages).

use crate::client::TenantGraph;
use crate::login::NOT_ENTRA;
use crate::meeting::{self, Meeting, SELECT};
use crate::outcome::{Question, is_mailbox_gone};
use crate::send::{Answer, Call, Failure, escaped};
use crate::transport::Transport;
use crate::view::prefer;
use crate::wire::NoError;
use bytes::Bytes;
use chrono::TimeDelta;
use http::{HeaderValue, Method};
use roomsync_domain::writing::merge::{Draft, Patch};
use roomsync_domain::writing::{MARKER, Seen};
use roomsync_domain::{EventId, Instant};
use roomsync_ports::{Clock, GraphError, Mark, MeetingError, Meetings, Secrets, Trace};
use serde::Deserialize;
use serde_json::{Value, json};

/// Meetings per page, and pages after which the rest is left.
const PER_PAGE: usize = 50;
const MOST_PAGES: usize = 10;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    value: Vec<Meeting<'a>>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(default, rename = "error")]
    _error: NoError,
}

impl<T: Transport, S: Secrets, C: Clock> Meetings for TenantGraph<T, S, C> {
    async fn create(&self, mailbox: &str, draft: &Draft, mark: &Mark) -> Result<Seen, MeetingError> {
        let path = format!("users/{}/events", escaped(mailbox));
        let write = Write { body: Some(meeting::create(draft, mark)), ..Write::of(Method::POST) };
        let answer = self.write(mailbox, &path, write).await;
        // A create speaks of nothing that could be missing but the mailbox.
        let answer = answer.map_err(|error| match error {
            MeetingError::Gone(trace) => MeetingError::NoMailbox(trace),
            other => other,
        })?;
        seen(&answer, mailbox)
    }

    fn closed_until(&self, mailbox: &str) -> Option<Instant> {
        self.lane_closed_until(mailbox)
    }

    fn other_name(&self, mailbox: &str) -> Option<String> {
        let other = self.shared.lanes.other(&self.lane_name(mailbox))?;
        other.split_once('/').map(|(_, mailbox)| mailbox.to_owned())
    }

    async fn get(&self, mailbox: &str, id: &EventId) -> Result<Option<Seen>, MeetingError> {
        let path = format!("{}?$select={SELECT}", of_event(mailbox, id));
        match self.question(mailbox, &path).await {
            Ok(answer) => seen(&answer, mailbox).map(Some),
            Err(MeetingError::Gone(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn marked(&self, mailbox: &str, marker: &str) -> Result<Vec<Seen>, MeetingError> {
        let filter = format!(
            "singleValueExtendedProperties/any(ep: ep/id eq '{MARKER}' and ep/value eq '{}')",
            marker.replace('\'', "''")
        );
        let mut found = Vec::new();
        for page in 0..MOST_PAGES {
            let mut path = format!(
                "users/{}/events?$filter={}&$select={SELECT}&$top={PER_PAGE}",
                escaped(mailbox),
                escaped(&filter)
            );
            if page > 0 {
                // By number rather than by link: a link names the mailbox as it likes.
                path.push_str(&format!("&$skip={}", page * PER_PAGE));
            }
            let answer = self.question(mailbox, &path).await;
            let answer = answer.map_err(|error| match error {
                MeetingError::Gone(trace) => MeetingError::NoMailbox(trace),
                other => other,
            })?;
            let page: Page<'_> = answer.read().map_err(|error| of(error.into()))?;
            for meeting in page.value {
                found.push(meeting.seen(mailbox).map_err(|why| of(answer.unusable(why).into()))?);
            }
            if page.next.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn update(
        &self,
        mailbox: &str,
        id: &EventId,
        etag: Option<&str>,
        patch: &Patch,
    ) -> Result<Seen, MeetingError> {
        let if_match = etag.and_then(|etag| HeaderValue::from_str(etag).ok());
        let write = Write { body: Some(meeting::update(patch)), if_match, ..Write::of(Method::PATCH) };
        let answer = self.write(mailbox, &of_event(mailbox, id), write).await?;
        seen(&answer, mailbox)
    }

    async fn delete(&self, mailbox: &str, id: &EventId) -> Result<(), MeetingError> {
        done(self.write(mailbox, &of_event(mailbox, id), Write::of(Method::DELETE)).await)
    }

    async fn decline(&self, mailbox: &str, id: &EventId) -> Result<(), MeetingError> {
        let path = format!("{}/decline", of_event(mailbox, id));
        let body = Some(json!({"comment": "", "sendResponse": true}));
        done(self.write(mailbox, &path, Write { body, ..Write::of(Method::POST) }).await)
    }
}

impl<T: Transport, S: Secrets, C: Clock> TenantGraph<T, S, C> {
    async fn question(&self, mailbox: &str, path: &str) -> Result<Answer, MeetingError> {
        let uri = self.uri(path).map_err(|error| of(error.into()))?;
        let call = Call { lane: mailbox, prefer: prefer(None), ..Call::get(Question::Meetings, uri) };
        self.ask(call).await.map_err(of)
    }

    async fn write(&self, mailbox: &str, path: &str, write: Write) -> Result<Answer, MeetingError> {
        let uri = self.uri(path).map_err(|error| of(error.into()))?;
        let call = Call {
            question: Question::Write,
            lane: mailbox,
            uri,
            prefer: prefer(None),
            method: write.method,
            body: write.body.map(|body| Bytes::from(body.to_string())).unwrap_or_default(),
            if_match: write.if_match,
            accepts: &[200, 201, 202, 204],
        };
        self.ask(call).await.map_err(of)
    }
}

/// What a write carries.
struct Write {
    method: Method,
    body: Option<Value>,
    if_match: Option<HeaderValue>,
}

impl Write {
    fn of(method: Method) -> Self {
        Self { method, body: None, if_match: None }
    }
}

fn of_event(mailbox: &str, id: &EventId) -> String {
    format!("users/{}/events/{}", escaped(mailbox), escaped(id.as_str()))
}

fn seen(answer: &Answer, mailbox: &str) -> Result<Seen, MeetingError> {
    let meeting: Meeting<'_> = answer.read().map_err(|error| of(error.into()))?;
    meeting.seen(mailbox).map_err(|why| of(answer.unusable(why).into()))
}

fn done(answer: Result<Answer, MeetingError>) -> Result<(), MeetingError> {
    match answer {
        Ok(_) | Err(MeetingError::Gone(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn of(failure: Failure) -> MeetingError {
    if let Some(existing) = failure.transaction {
        let (existing, trace) = (existing.map(EventId::new), failure.error.trace().clone());
        return MeetingError::DuplicateTransaction { existing, trace };
    }
    match failure.error {
        GraphError::Throttled { retry_after, trace } => MeetingError::Throttled {
            retry_after: retry_after.and_then(|wait| TimeDelta::from_std(wait).ok()),
            trace,
        },
        GraphError::NotFound(trace) if is_mailbox_gone(&trace.code) => MeetingError::NoMailbox(trace),
        GraphError::NotFound(trace) | GraphError::CursorExpired(trace) => MeetingError::Gone(trace),
        GraphError::Forbidden(trace) => MeetingError::Forbidden(trace),
        GraphError::Unauthorized(trace) | GraphError::Credential(trace) => MeetingError::Credential(trace),
        GraphError::Conflict(trace) if trace.status == Some(412) => MeetingError::Stale(trace),
        GraphError::Contract(trace) if is_refusal(&trace) => MeetingError::Invalid(trace),
        GraphError::Transient(trace) if trace.status.is_none() => MeetingError::Unanswered(trace),
        GraphError::Conflict(trace)
        | GraphError::TooWide(trace)
        | GraphError::Transient(trace)
        | GraphError::Contract(trace) => MeetingError::Failed(trace),
    }
}

/// Any 4xx of Graph that has no meaning of its own; an answer that cannot be read has status 200 or none.
fn is_refusal(trace: &Trace) -> bool {
    trace.code != NOT_ENTRA && trace.status.is_some_and(|status| (400..500).contains(&status))
}
