use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use url::{Host, Url};

use crate::Ports;

/// How often rooms are looked at while the live user is at work.
const DEMO_POLL_SECONDS: u32 = 10;

/// Start the whole system on this machine: AWS emulator, functions, a Microsoft Graph and the board. Ctrl-C ends it.
#[derive(Parser)]
#[command(name = "cargo local", bin_name = "cargo local")]
pub struct Options {
    /// Use this Microsoft Graph instead of the built-in one (plain http for loopback addresses only)
    #[arg(long, value_name = "URL", requires = "login_url", value_parser = remote)]
    pub graph_url: Option<Url>,

    /// Use this login host instead of the built-in one
    #[arg(long, value_name = "URL", requires = "graph_url", value_parser = remote)]
    pub login_url: Option<Url>,

    /// Onboard this tenant instead of the demo tenant (may be repeated)
    #[arg(long = "tenant-file", value_name = "FILE")]
    pub tenant_files: Vec<PathBuf>,

    /// Put a secret into the local Secrets Manager (may be repeated)
    #[arg(long = "secret", value_name = "NAME=VALUE", value_parser = SecretParser)]
    pub secrets: Vec<Secret>,

    /// No built-in Outlook traffic
    #[arg(long)]
    pub no_demo: bool,

    /// Look at every room at least this often
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub poll_every: Option<u32>,

    /// Sync the list of rooms this often
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub rooms_every: Option<u32>,

    /// First of the five ports that are used
    #[arg(long, value_name = "N", default_value_t = 4566, value_parser = clap::value_parser!(u16).range(1024..=65_531))]
    pub port_base: u16,

    /// Keep everything that is made while running in this folder instead of .local, so that a second one can run beside
    #[arg(long, value_name = "FOLDER")]
    pub state: Option<PathBuf>,

    /// Build the functions optimised
    #[arg(long)]
    pub release: bool,
}

impl Options {
    /// The ports these options ask for.
    #[must_use]
    pub fn ports(&self) -> Ports {
        Ports::from_base(self.port_base)
    }

    /// How often every room is looked at, at least: what is asked for; else often while there is somebody to watch, because nobody
    /// wants to wait for a schedule; else as the tenant files say.
    #[must_use]
    pub fn looks_every(&self) -> Option<u32> {
        let demo = self.graph_url.is_none() && !self.no_demo;
        self.poll_every.or_else(|| demo.then_some(DEMO_POLL_SECONDS))
    }

    /// Graph and login host that the functions are told to use: the given ones, or the built-in one's place.
    #[must_use]
    pub fn microsoft(&self) -> (String, String) {
        let built_in = format!("http://127.0.0.1:{}", self.ports().graph);
        let given = |url: &Option<Url>| {
            url.as_ref().map_or_else(|| built_in.clone(), |url| url.as_str().trim_end_matches('/').to_owned())
        };
        (given(&self.graph_url), given(&self.login_url))
    }
}

/// A secret for the local Secrets Manager. It has no `Debug`, so that it cannot be printed by accident.
#[derive(Clone)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl FromStr for Secret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => {
                Ok(Self { name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err("expected NAME=VALUE"),
        }
    }
}

/// Reads a secret; unlike clap's own parsers it does not repeat what it refuses.
#[derive(Clone)]
struct SecretParser;

impl TypedValueParser for SecretParser {
    type Value = Secret;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Secret, clap::Error> {
        let text = value.to_str().unwrap_or_default();
        text.parse().map_err(|expected| {
            clap::Error::raw(ErrorKind::ValueValidation, format!("--secret: {expected}\n")).with_cmd(command)
        })
    }
}

/// An address that a token may be sent to: https, or this machine.
fn remote(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => Err("plain http is accepted for loopback addresses only".to_owned()),
        other => Err(format!("`{other}` is neither https nor http")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Options;

    fn refusal(arguments: &[&str]) -> String {
        let arguments = std::iter::once("local").chain(arguments.iter().copied());
        match Options::try_parse_from(arguments) {
            Ok(_) => panic!("accepted"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_option_of_the_contract_is_understood() {
        let options = Options::try_parse_from(
            "local --graph-url http://127.0.0.1:9001/ --login-url http://[::1]:9002 --tenant-file a.yaml --tenant-file \
             b.yaml --secret roomsync/x=a=b --no-demo --poll-every 2 --rooms-every 3 --port-base 7000 --state x --release"
                .split_whitespace(),
        )
        .unwrap();
        assert_eq!(options.microsoft(), ("http://127.0.0.1:9001".into(), "http://[::1]:9002".into()));
        assert_eq!(options.tenant_files.len(), 2);
        assert_eq!(
            (options.secrets[0].name.as_str(), options.secrets[0].value.as_str()),
            ("roomsync/x", "a=b")
        );
        assert_eq!((options.poll_every, options.rooms_every), (Some(2), Some(3)));
        assert!(options.no_demo && options.release);
        assert_eq!(options.state.as_deref(), Some("x".as_ref()));
        assert_eq!(options.ports().webhook, 7004);
    }

    #[test]
    fn a_token_is_never_sent_in_the_clear_over_a_network() {
        for url in
            ["http://192.168.1.5:80", "http://graph.example", "http://localhost.example", "ftp://127.0.0.1"]
        {
            let refusal = refusal(&["--graph-url", url, "--login-url", "http://127.0.0.1:1"]);
            assert!(refusal.contains("loopback") || refusal.contains("neither"), "{refusal}");
        }
    }

    #[test]
    fn graph_and_login_host_come_together() {
        assert!(refusal(&["--graph-url", "http://127.0.0.1:1"]).contains("--login-url"));
    }

    #[test]
    fn a_secret_that_is_refused_is_not_repeated() {
        let refusal = refusal(&["--secret", "hush"]);
        assert!(refusal.contains("expected NAME=VALUE") && !refusal.contains("hush"), "{refusal}");
    }
}
