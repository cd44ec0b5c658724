//! Where Graph and its login host are.

use roomsync_domain::tenant::Cloud;
use thiserror::Error;
use url::{Host, Url};

/// The two hosts of a cloud, as origins: scheme, host and port, nothing after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    graph: String,
    login: String,
}

/// An endpoint that must not be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{key} `{found}`: expected {expected}")]
pub struct EndpointError {
    /// Which of the two: `graph` or `login`.
    pub key: &'static str,
    /// What was given, without user name and password.
    pub found: String,
    /// What would do.
    pub expected: &'static str,
}

impl Endpoints {
    /// Microsoft's own (`deployments` page).
    #[must_use]
    pub fn of(cloud: Cloud) -> Self {
        let (graph, login) = match cloud {
            Cloud::Global => ("graph.microsoft.com", "login.microsoftonline.com"),
            Cloud::GccHigh => ("graph.microsoft.us", "login.microsoftonline.us"),
            Cloud::Dod => ("dod-graph.microsoft.us", "login.microsoftonline.us"),
            Cloud::China => ("microsoftgraph.chinacloudapi.cn", "login.chinacloudapi.cn"),
        };
        Self { graph: format!("https://{graph}"), login: format!("https://{login}") }
    }

    /// Others instead, for all clouds: https anywhere, plain http only on this machine.
    pub fn parse(graph: &str, login: &str) -> Result<Self, EndpointError> {
        Ok(Self { graph: origin("graph", graph)?, login: origin("login", login)? })
    }

    /// Others instead, if they are given: both or none.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`], or if only one of the two is given.
    pub fn given(graph: Option<&str>, login: Option<&str>) -> Result<Option<Self>, EndpointError> {
        let missing = |key| EndpointError { key, found: String::new(), expected: "both hosts or none" };
        match (graph, login) {
            (None, None) => Ok(None),
            (Some(graph), Some(login)) => Self::parse(graph, login).map(Some),
            (None, Some(_)) => Err(missing("graph")),
            (Some(_), None) => Err(missing("login")),
        }
    }

    /// Origin of Graph, such as `https://graph.microsoft.com`.
    #[must_use]
    pub fn graph(&self) -> &str {
        &self.graph
    }

    /// The scope of a token: `/.default` of the very host that is called (`v2-oauth2-client-creds-grant-flow`).
    pub(crate) fn scope(&self) -> String {
        format!("{}/.default", self.graph)
    }

    /// Origin of the login host.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.login
    }
}

fn origin(key: &'static str, text: &str) -> Result<String, EndpointError> {
    let wrong = |found: &str, expected| EndpointError { key, found: found.to_owned(), expected };
    let Ok(url) = Url::parse(text) else {
        return Err(wrong("(not a URL)", "a URL such as https://graph.microsoft.com"));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(url.host_str().unwrap_or_default(), "no user name and no password"));
    }
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(wrong(text, "a URL with a host")),
    };
    match url.scheme() {
        "https" => {}
        "http" if here => {}
        _ => return Err(wrong(text, "https, or http on a loopback address")),
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(text, "scheme, host and port only"));
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_has_its_hosts_and_its_scope() {
        let table = [
            (Cloud::Global, "https://graph.microsoft.com", "https://login.microsoftonline.com"),
            (Cloud::GccHigh, "https://graph.microsoft.us", "https://login.microsoftonline.us"),
            (Cloud::Dod, "https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
            (Cloud::China, "https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
        ];
        for (cloud, graph, login) in table {
            let endpoints = Endpoints::of(cloud);
            assert_eq!((endpoints.graph(), endpoints.login()), (graph, login));
            assert_eq!(endpoints.scope(), format!("{graph}/.default"));
        }
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        let table = [
            ("https://graph.example", Some("https://graph.example")),
            ("https://graph.example:8443/", Some("https://graph.example:8443")),
            ("https://GRAPH.example:443", Some("https://graph.example")),
            ("http://127.0.0.1:4000", Some("http://127.0.0.1:4000")),
            ("http://127.9.9.9:4000", Some("http://127.9.9.9:4000")),
            ("http://[::1]:4000", Some("http://[::1]:4000")),
            ("http://localhost:4000", Some("http://localhost:4000")),
            ("http://graph.example", None),
            ("http://10.0.0.1:4000", None),
            ("http://localhost.evil.example", None),
            ("http://127.0.0.1.evil.example", None),
            ("http://0.0.0.0:4000", None),
            ("https://user@graph.example", None),
            ("https://user:word@graph.example", None),
            ("https://graph.example/v1.0", None),
            ("https://graph.example/?a", None),
            ("ftp://127.0.0.1", None),
            ("graph.example", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(origin("graph", text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_refused_endpoint_names_its_key_and_hides_a_password() {
        let error =
            Endpoints::parse("https://graph.example", "https://me:hunter2@login.example").unwrap_err();
        assert_eq!(error.to_string(), "login `login.example`: expected no user name and no password");
    }
}
