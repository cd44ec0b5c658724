//! The one way to Graph: link, lane, token, request, outcome.

use crate::client::TenantGraph;
use crate::cloud::VERSION;
use crate::lanes::{CALLS_AT_ONCE, Lane, SUBSCRIPTION_CALLS_AT_ONCE};
use crate::link::{self, Goal};
use crate::outcome::{self, Codes, Question, header_id};
use crate::retry_after;
use crate::token::{Doubt, Token};
use crate::transport::Transport;
use crate::wire;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use roomsync_domain::Instant;
use roomsync_ports::{Clock, GraphError, Secrets, Trace};
use serde::Deserialize;

/// What may stand as it is in a segment or a value of a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One request.
pub(crate) struct Call<'a> {
    pub(crate) question: Question,
    /// Which mailbox or directory it counts against.
    pub(crate) lane: &'a str,
    pub(crate) uri: Uri,
    pub(crate) prefer: Option<HeaderValue>,
    pub(crate) method: Method,
    /// JSON, or nothing.
    pub(crate) body: Bytes,
    /// The etag that must still be the event's.
    pub(crate) if_match: Option<HeaderValue>,
    /// Statuses whose body is an answer; all others are failures.
    pub(crate) accepts: &'a [u16],
}

impl Call<'_> {
    /// A question that is answered with 200.
    pub(crate) fn get(question: Question, uri: Uri) -> Self {
        Self {
            question,
            lane: "",
            uri,
            prefer: None,
            method: Method::GET,
            body: Bytes::new(),
            if_match: None,
            accepts: &[200],
        }
    }
}

/// A whole answer of a status that was asked for.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    request_id: String,
}

impl Answer {
    /// Reads the body as a whole; what cannot be read leaves nothing.
    pub(crate) fn read<'a, W: Deserialize<'a>>(&'a self) -> Result<W, GraphError> {
        wire::read(&self.body).map_err(|why| self.unusable(why))
    }

    /// For support.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The answer breaks Graph's own shape.
    pub(crate) fn unusable(&self, why: impl Into<String>) -> GraphError {
        GraphError::Contract(Trace {
            status: Some(self.status),
            code: why.into(),
            request_id: self.request_id.clone(),
        })
    }
}

/// Why there is no answer.
pub(crate) struct Failure {
    pub(crate) error: GraphError,
    /// The transaction id was used before, perhaps for this event.
    pub(crate) transaction: Option<Option<String>>,
}

impl From<GraphError> for Failure {
    fn from(error: GraphError) -> Self {
        Self { error, transaction: None }
    }
}

/// Text as it may stand in a URI.
pub(crate) fn escaped(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ESCAPED)
}

impl<T: Transport, S: Secrets, C: Clock> TenantGraph<T, S, C> {
    /// The URI of a path and query below the version.
    pub(crate) fn uri(&self, path_and_query: &str) -> Result<Uri, GraphError> {
        format!("{}/{VERSION}/{path_and_query}", self.connection.endpoints.graph())
            .parse()
            .map_err(|_| refused_link("RequestUnreadable"))
    }

    /// The URI of a link, if it leads where it may.
    pub(crate) fn follow(&self, link: &str, goal: Goal<'_>) -> Result<Uri, GraphError> {
        let connection = &self.connection;
        link::check(link, &connection.endpoints, &connection.tenant, goal).map_err(refused_link)
    }

    /// The URI of a link in an answer, if it leads where it may.
    pub(crate) fn follow_from(&self, answer: &Answer, link: &str, goal: Goal<'_>) -> Result<Uri, GraphError> {
        let connection = &self.connection;
        link::check(link, &connection.endpoints, &connection.tenant, goal).map_err(|why| answer.unusable(why))
    }

    /// Asks, and once more with a fresh token if the first one was refused or may lack a new role.
    pub(crate) async fn get(&self, call: Call<'_>) -> Result<Answer, GraphError> {
        self.ask(call).await.map_err(|failure| failure.error)
    }

    /// The same, and what a failure says about a transaction. Writes to one mailbox go one after another: Exchange answers 409 to those
    /// at the same time.
    pub(crate) async fn ask(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let turns = match call.question {
            Question::Subscribe | Question::Subscription => SUBSCRIPTION_CALLS_AT_ONCE,
            _ => CALLS_AT_ONCE,
        };
        let lane = self.shared.lanes.lane(&self.lane_name(call.lane), turns);
        let _alone = match call.question {
            Question::Write => lane.writes.acquire().await.ok(),
            _ => None,
        };
        // The semaphore is never closed; if it were, the call would simply not wait for its turn.
        let _turn = lane.turns.acquire().await.ok();
        self.open(&lane)?;
        let token = self.token().await?;
        let first = self.exchange(&call, &lane, &token).await;
        let second = match first.as_ref().map_err(|failure| &failure.error) {
            Err(GraphError::Unauthorized(_)) => self.token_after(&token, Doubt::Refused).await?,
            // The old token still serves other rooms if there is no new one.
            Err(GraphError::Forbidden(_)) => {
                self.token_after(&token, Doubt::Powerless).await.unwrap_or_default()
            }
            _ => None,
        };
        match second {
            Some(token) => self.exchange(&call, &lane, &token).await,
            None => first,
        }
    }

    /// The name of a lane among those of all tenants.
    pub(crate) fn lane_name(&self, lane: &str) -> String {
        format!("{}/{}", self.connection.tenant, lane.to_lowercase())
    }

    /// Until when a lane is closed.
    pub(crate) fn lane_closed_until(&self, lane: &str) -> Option<Instant> {
        let shared = &self.shared;
        shared.lanes.known(&self.lane_name(lane))?.closed(shared.clock.now()).map(|closed| closed.until)
    }

    fn open(&self, lane: &Lane) -> Result<(), GraphError> {
        let now = self.shared.clock.now();
        match lane.closed(now) {
            None => Ok(()),
            Some(closed) => Err(GraphError::Throttled {
                retry_after: (closed.until - now).to_std().ok(),
                trace: Trace { status: None, code: "NotYet".to_owned(), request_id: closed.request_id },
            }),
        }
    }

    async fn exchange(&self, call: &Call<'_>, lane: &Lane, token: &Token) -> Result<Answer, Failure> {
        let shared = &self.shared;
        // Another call may have been told to wait while this one was waiting for its token.
        self.open(lane)?;
        let ours = (shared.options.request_ids)().to_string();
        let mut request = Request::new(call.body.clone());
        *request.uri_mut() = call.uri.clone();
        *request.method_mut() = call.method.clone();
        let headers = request.headers_mut();
        if !call.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers.insert(AUTHORIZATION, token.bearer.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            "client-request-id",
            HeaderValue::from_str(&ours).map_err(|_| refused_link("RequestUnreadable"))?,
        );
        if let Some(prefer) = &call.prefer {
            headers.insert("prefer", prefer.clone());
        }
        if let Some(etag) = &call.if_match {
            headers.insert(IF_MATCH, etag.clone());
        }
        let begun = shared.clock.now();
        let answer = shared.transport.send(request).await;
        let now = shared.clock.now();
        let result = match answer {
            Err(error) => Err(outcome::no_answer(call.question, error, ours).into()),
            Ok(answer) => {
                let (parts, body) = answer.into_parts();
                self.judge(call, lane, parts.status, &parts.headers, body, &ours)
            }
        };
        tracing::debug!(
            graph.path = call.question.path(),
            tenant.id = %self.connection.tenant,
            duration_ms = (now - begun).num_milliseconds(),
            outcome = %result.as_ref().map_or_else(|failure| failure.error.to_string(), |answer| format!("{} (request {})", answer.status, answer.request_id)),
            "asked Graph"
        );
        result
    }

    fn judge(
        &self,
        call: &Call<'_>,
        lane: &Lane,
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
        ours: &str,
    ) -> Result<Answer, Failure> {
        if call.accepts.contains(&status.as_u16()) {
            let request_id = header_id(headers, "request-id").unwrap_or_else(|| ours.to_owned());
            return Ok(Answer { status: status.as_u16(), body, request_id });
        }
        let codes = Codes::read(&body);
        let request_id = codes.request_id(headers, ours);
        let now = self.shared.clock.now();
        let wait = retry_after::wait(headers, now);
        if let Some(wait) = wait
            && (status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error())
        {
            lane.close(now + wait, &request_id);
        }
        let transaction =
            codes.any(outcome::is_duplicate_transaction).then(|| outcome::existing_event(&body));
        Err(Failure { error: outcome::failure(call.question, status, wait, &codes, request_id), transaction })
    }
}

fn refused_link(code: &str) -> GraphError {
    GraphError::Contract(Trace { status: None, code: code.to_owned(), request_id: String::new() })
}
