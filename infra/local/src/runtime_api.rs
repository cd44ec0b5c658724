//! The AWS Lambda Runtime API ("Using the Lambda runtime API", Lambda developer guide), one path prefix per process:
//! `AWS_LAMBDA_RUNTIME_API=http://127.0.0.1:4567/delta-poller/0`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::{InvocationError, Lambda};

/// Functions by the name of their binary.
type Lambdas = Arc<BTreeMap<String, Arc<Lambda>>>;

/// Lambda's limit for the answer to a synchronous invocation.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;

/// Answers the functions' processes for ever.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, lambdas: Lambdas) -> std::io::Result<()> {
    let runtime = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{id}/response", post(response))
        .route("/invocation/{id}/error", post(error))
        .route("/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(LARGEST_ANSWER))
        .with_state(lambdas);
    let app = Router::new().nest("/{function}/{process}/2018-06-01/runtime", runtime);
    // Two small writes per answer would each wait for an acknowledgement.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, app).await
}

#[derive(Deserialize)]
struct Process {
    function: String,
    process: usize,
}

#[derive(Deserialize)]
struct Invocation {
    function: String,
    id: String,
}

/// The body of an error, as every runtime sends it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Failure {
    error_type: String,
    error_message: String,
}

async fn next(
    State(lambdas): State<Lambdas>,
    Path(Process { function, process }): Path<Process>,
) -> Response {
    let Some(lambda) = lambdas.get(&function) else { return StatusCode::NOT_FOUND.into_response() };
    let Some(handed) = lambda.next(process).await else { return StatusCode::GONE.into_response() };
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", handed.id),
        ("lambda-runtime-deadline-ms", handed.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", lambda.function.arn.clone()),
        ("content-type", "application/json".to_owned()),
    ] {
        // Ids, numbers and ARNs are always valid header values.
        headers.extend(
            HeaderValue::try_from(value).map(|value| (axum::http::HeaderName::from_static(name), value)),
        );
    }
    (headers, handed.payload).into_response()
}

async fn response(
    State(lambdas): State<Lambdas>,
    Path(Invocation { function, id }): Path<Invocation>,
    body: Bytes,
) -> StatusCode {
    let answer = serde_json::from_slice::<Value>(&body).map_err(|error| InvocationError::Failed {
        kind: "InvalidResponse".to_owned(),
        message: error.to_string(),
    });
    settle(&lambdas, &function, &id, answer)
}

async fn error(
    State(lambdas): State<Lambdas>,
    Path(Invocation { function, id }): Path<Invocation>,
    body: Bytes,
) -> StatusCode {
    let Failure { error_type, error_message } = serde_json::from_slice(&body).unwrap_or_default();
    let failure = InvocationError::Failed { kind: error_type, message: error_message };
    settle(&lambdas, &function, &id, Err(failure))
}

/// The process is going to end by itself; the host sees that and says what its log says.
async fn init_error() -> StatusCode {
    StatusCode::ACCEPTED
}

fn settle(lambdas: &Lambdas, function: &str, id: &str, answer: Result<Value, InvocationError>) -> StatusCode {
    match lambdas.get(function) {
        Some(lambda) if lambda.answer(id, answer) => StatusCode::ACCEPTED,
        _ => StatusCode::NOT_FOUND,
    }
}
