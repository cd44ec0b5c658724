//! The HTTP API: requests to the template's routes become invocations of their functions, as API Gateway makes them ("Working with
//! AWS Lambda proxy integrations for HTTP APIs", API Gateway developer guide, payload format 2.0).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use url::form_urlencoded;

use crate::aws::ACCOUNT;
use crate::clock::now;
use crate::{Host, Lambda, News, Teller};

/// Largest request ("Quotas for configuring and running an HTTP API", API Gateway developer guide).
const LARGEST_REQUEST: usize = 10 * 1024 * 1024;

struct Gateway {
    /// Functions by method, or `ANY`, and path.
    routes: BTreeMap<(String, String), Arc<Lambda>>,
    teller: Teller,
}

/// Answers the world for ever.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, host: &Host, teller: &Teller) -> std::io::Result<()> {
    let routes = host.lambdas.values().flat_map(|lambda| {
        let routes = lambda.function.routes.iter();
        routes.map(|route| ((route.method.clone(), route.path.clone()), lambda.clone()))
    });
    let gateway = Arc::new(Gateway { routes: routes.collect(), teller: teller.clone() });
    let app = Router::new().fallback(answer).with_state(gateway);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
}

async fn answer(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let found = [parts.method.as_str(), "ANY"].into_iter().find_map(|method| {
        let lambda = gateway.routes.get(&(method.to_owned(), path.to_owned()))?;
        Some((format!("{method} {path}"), lambda))
    });
    let Some((route, lambda)) = found else {
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    match lambda.invoke(&event(&route, &parts, &body, from)).await {
        Ok(answer) => response(answer)
            .unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        Err(error) => {
            let name = lambda.function.binary();
            gateway.teller.tell(News::Trouble(format!("{name} failed with a request: {error}")));
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({ "message": text }))).into_response()
}

fn event(route: &str, parts: &Parts, body: &Bytes, from: SocketAddr) -> Value {
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let query = parts.uri.query().unwrap_or_default();
    let headers = joined(parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    }));
    let at = now();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": "127.0.0.1",
            "domainPrefix": "127",
            "http": {
                "method": method,
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": from.ip().to_string(),
                "userAgent": headers.get("user-agent"),
            },
            "requestId": uuid::Uuid::new_v4().simple().to_string(),
            "routeKey": route,
            "stage": "$default",
            "time": at.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": at.timestamp_millis(),
        },
        "isBase64Encoded": false,
    });
    let decoded = joined(form_urlencoded::parse(query.as_bytes()).into_owned());
    if !decoded.is_empty() {
        event["queryStringParameters"] = decoded.into();
    }
    if !body.is_empty() {
        let text = std::str::from_utf8(body).ok().filter(|_| is_text(&parts.headers));
        event["isBase64Encoded"] = text.is_none().into();
        event["body"] = text.map_or_else(|| BASE64.encode(body), str::to_owned).into();
    }
    event
}

/// What comes more than once is one text with commas.
fn joined(pairs: impl Iterator<Item = (String, String)>) -> Map<String, Value> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs {
        texts.entry(name).and_modify(|text| *text = format!("{text},{value}")).or_insert(value);
    }
    texts.into_iter().map(|(name, text)| (name, text.into())).collect()
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = essence.starts_with("text/")
        || matches!(essence.as_str(), "application/json" | "application/javascript" | "application/xml");
    text && !headers.contains_key("content-encoding")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The function's answer; nothing if it is none. An answer without a status is a JSON body.
fn response(answer: Value) -> Option<Response> {
    if answer.get("statusCode").is_none() {
        return Some(axum::Json(answer).into_response());
    }
    let answer: Answer = serde_json::from_value(answer).ok()?;
    let body =
        if answer.is_base64_encoded { BASE64.decode(answer.body).ok()? } else { answer.body.into_bytes() };
    let mut response = (StatusCode::from_u16(answer.status_code).ok()?, body).into_response();
    for (name, value) in answer.headers {
        let (name, value) = (HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
        response.headers_mut().insert(name, value);
    }
    Some(response)
}
