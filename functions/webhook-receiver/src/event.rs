//! API Gateway's event and the answer to it, as far as they matter here: payload format 2.0 ("Working with AWS Lambda proxy
//! integrations for HTTP APIs", API Gateway developer guide).

use serde::{Deserialize, Serialize};

/// A request. No `Debug`: its query and its body are nobody's business.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The path.
    pub raw_path: String,
    /// The query as it was sent: still encoded, without question mark.
    #[serde(default)]
    pub raw_query_string: String,
    /// Those headers that matter.
    #[serde(default)]
    pub headers: Headers,
    /// What API Gateway knows about the request.
    pub request_context: Context,
    /// The body; in Base64 if the next field says so.
    pub body: Option<String>,
    /// How the body is written.
    #[serde(default)]
    pub is_base64_encoded: bool,
}

/// Headers; API Gateway writes their names in lower case.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Headers {
    /// What the body is.
    pub content_type: Option<String>,
    /// How it is compressed.
    pub content_encoding: Option<String>,
}

/// What API Gateway knows about a request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// HTTP's part of it.
    pub http: Http,
    /// Its id, another one for every request.
    #[serde(default)]
    pub request_id: String,
}

/// HTTP's part of a request.
#[derive(Deserialize)]
pub struct Http {
    /// The method.
    pub method: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// HTTP status.
    pub status_code: u16,
    /// The headers, the same for every answer.
    pub headers: Protection,
    /// Plain text.
    pub body: String,
    /// Never: the body is what it says.
    pub is_base64_encoded: bool,
}

/// Headers that keep a browser from making anything of an answer, whoever lured it here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Protection {
    content_type: &'static str,
    x_content_type_options: &'static str,
    cache_control: &'static str,
    content_security_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<&'static str>,
}

impl Answer {
    /// A status and a text.
    #[must_use]
    pub fn new(status_code: u16, body: String) -> Self {
        let headers = Protection {
            content_type: "text/plain; charset=utf-8",
            x_content_type_options: "nosniff",
            cache_control: "no-store",
            content_security_policy: "default-src 'none'; sandbox",
            allow: (status_code == 405).then_some("POST"),
        };
        Self { status_code, headers, body, is_base64_encoded: false }
    }

    /// A status alone.
    #[must_use]
    pub fn status(status_code: u16) -> Self {
        Self::new(status_code, String::new())
    }
}
