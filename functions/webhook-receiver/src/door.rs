//! What a request wants, and which requests are refused before anything in their body is looked at.

use crate::event::{Event, Headers};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;
use thiserror::Error;

/// Longest token that is handed back, in bytes.
pub const LONGEST_TOKEN: usize = 2_048;
/// Largest body, in bytes.
pub const LARGEST_BODY: usize = 256 * 1_024;

/// What a request wants.
pub enum Wanted {
    /// The token back (`change-notifications-delivery-webhooks` page): Graph asks whether we want what it is going to send.
    Handshake(String),
    /// These notices to be taken.
    Notices(String),
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// There is nothing at this path.
    #[error("no such path")]
    Path,
    /// Only POST is understood.
    #[error("another method than POST")]
    Method,
    /// The token of the handshake is none that may be handed back.
    #[error("an unusable validation token")]
    Token,
    /// More bytes or more items than Graph would send.
    #[error("too large")]
    Size,
    /// The body is not JSON, or compressed.
    #[error("not application/json")]
    MediaType,
    /// The body cannot be read, or is built to be expensive.
    #[error("no list of notices")]
    Malformed,
}

impl Refusal {
    /// HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Path => 404,
            Self::Method => 405,
            Self::Size => 413,
            Self::MediaType => 415,
            Self::Token | Self::Malformed => 400,
        }
    }
}

/// What a request wants.
///
/// # Errors
///
/// Why it is refused.
pub fn wanted(event: Event) -> Result<Wanted, Refusal> {
    if !matches!(event.raw_path.as_str(), "/notifications" | "/lifecycle") {
        return Err(Refusal::Path);
    }
    if event.request_context.http.method != "POST" {
        return Err(Refusal::Method);
    }
    if let Some(token) = token(&event.raw_query_string)? {
        return Ok(Wanted::Handshake(token));
    }
    let body = event.body.unwrap_or_default();
    let bytes = if event.is_base64_encoded { body.len() / 4 * 3 } else { body.len() };
    // Padding hides at most two bytes.
    if bytes > LARGEST_BODY + 2 {
        return Err(Refusal::Size);
    }
    if !is_json(&event.headers) {
        return Err(Refusal::MediaType);
    }
    let body = if event.is_base64_encoded {
        let bytes = BASE64.decode(body).map_err(|_| Refusal::Malformed)?;
        String::from_utf8(bytes).map_err(|_| Refusal::Malformed)?
    } else {
        body
    };
    if body.len() > LARGEST_BODY {
        return Err(Refusal::Size);
    }
    Ok(Wanted::Notices(body))
}

/// The token of a handshake, decoded once; nothing if the query has none.
fn token(query: &str) -> Result<Option<String>, Refusal> {
    if query.is_empty() {
        return Ok(None);
    }
    let mut tokens = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| decoded(name).as_deref() == Some("validationToken"))
        .map(|(_, value)| value);
    let Some(token) = tokens.next() else { return Ok(None) };
    let token = decoded(token).ok_or(Refusal::Token)?;
    let fit = token.len() <= LONGEST_TOKEN && !token.contains(char::is_control);
    if fit && tokens.next().is_none() { Ok(Some(token)) } else { Err(Refusal::Token) }
}

/// The text of a name or value of a query (`application/x-www-form-urlencoded`); nothing if it is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn is_json(headers: &Headers) -> bool {
    let mut parts = headers.content_type.as_deref().unwrap_or_default().split(';').map(str::trim);
    let json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    let plain =
        headers.content_encoding.as_deref().is_none_or(|coding| coding.eq_ignore_ascii_case("identity"));
    json && utf8 && plain
}
