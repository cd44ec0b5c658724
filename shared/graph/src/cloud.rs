//! Where Graph and its login host are.

use roomsync_domain::tenant::Cloud;
use thiserror::Error;
use url::{Host, Url};

/// Version of Graph that is used.
pub(crate) const VERSION: &str = "v1.0";

/// The two hosts of a cloud: scheme, host and port, and a base path if there is one, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    graph: String,
    login: String,
    /// Bytes of `graph` before its base path.
    origin: usize,
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
        let graph = format!("https://{graph}");
        Self { origin: graph.len(), graph, login: format!("https://{login}") }
    }

    /// Others instead, for all clouds: https anywhere, plain http only on this machine. A base path is kept, such as `/graph` of
    /// `http://127.0.0.1:9000/graph/v1.0/`; slashes at its end are not, nor Graph's version.
    ///
    /// # Errors
    ///
    /// A text that is no such URL, or one with a user name, a query or a fragment.
    pub fn parse(graph: &str, login: &str) -> Result<Self, EndpointError> {
        let (graph, graph_path) = origin_and_path("graph", graph)?;
        let (login, login_path) = origin_and_path("login", login)?;
        let base = graph_path.strip_suffix(VERSION).and_then(|base| base.strip_suffix('/'));
        let base = base.unwrap_or(&graph_path).trim_end_matches('/');
        Ok(Self { origin: graph.len(), graph: graph + base, login: login + &login_path })
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

    /// Graph without its version, such as `https://graph.microsoft.com`.
    #[must_use]
    pub fn graph(&self) -> &str {
        &self.graph
    }

    /// Scheme, host and port of Graph.
    pub(crate) fn origin(&self) -> &str {
        &self.graph[..self.origin]
    }

    /// What all paths of Graph begin with: nothing, or such as `/graph`.
    pub(crate) fn base_path(&self) -> &str {
        &self.graph[self.origin..]
    }

    /// The scope of a token: `/.default` of the very host that is called (`v2-oauth2-client-creds-grant-flow`).
    pub(crate) fn scope(&self) -> String {
        format!("{}/.default", self.origin())
    }

    /// The login host.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.login
    }
}

fn origin_and_path(key: &'static str, text: &str) -> Result<(String, String), EndpointError> {
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
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(text, "scheme, host, port and path only"));
    }
    Ok((url.origin().ascii_serialization(), url.path().trim_end_matches('/').to_owned()))
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
            ("https://graph.example/?a", None),
            ("https://graph.example/graph#a", None),
            ("ftp://127.0.0.1", None),
            ("graph.example", None),
            ("", None),
        ];
        for (text, expected) in table {
            let login = Endpoints::parse("https://graph.example", text);
            assert_eq!(login.as_ref().ok().map(Endpoints::login), expected, "{text}");
            let graph = Endpoints::parse(text, "https://login.example");
            assert_eq!(graph.as_ref().ok().map(Endpoints::graph), expected, "{text}");
        }
    }

    #[test]
    fn a_base_path_is_kept_and_the_version_is_not() {
        let table = [
            ("https://graph.example/v1.0", "https://graph.example", ""),
            ("https://graph.example/v1.0/", "https://graph.example", ""),
            ("https://graph.example//", "https://graph.example", ""),
            ("http://127.0.0.1:9000/graph", "http://127.0.0.1:9000", "/graph"),
            ("http://127.0.0.1:9000/graph//", "http://127.0.0.1:9000", "/graph"),
            ("http://127.0.0.1:9000/a/graph/v1.0/", "http://127.0.0.1:9000", "/a/graph"),
            ("http://127.0.0.1:9000/graph//v1.0", "http://127.0.0.1:9000", "/graph"),
            ("http://127.0.0.1:9000/xv1.0", "http://127.0.0.1:9000", "/xv1.0"),
        ];
        for (text, origin, path) in table {
            let endpoints = Endpoints::parse(text, "https://login.example/login/").unwrap();
            assert_eq!((endpoints.origin(), endpoints.base_path()), (origin, path), "{text}");
            assert_eq!(endpoints.graph(), format!("{origin}{path}"));
            assert_eq!(endpoints.scope(), format!("{origin}/.default"));
            assert_eq!(endpoints.login(), "https://login.example/login");
        }
    }

    #[test]
    fn a_refused_endpoint_names_its_key_and_hides_a_password() {
        let error =
            Endpoints::parse("https://graph.example", "https://me:hunter2@login.example").unwrap_err();
        assert_eq!(error.to_string(), "login `login.example`: expected no user name and no password");
    }
}
