//! What a request asks for, read once: the kind of call, whom it addresses, its options.

use std::fmt;

use bytes::Bytes;
use http::{Method, Request};
use serde::Serialize;

use crate::calendar::{IdFormat, Zone};
use crate::push::addressed;
use crate::wire::Refusal;

/// The kinds of calls the twin tells apart in its counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum Kind {
    Token,
    Rooms,
    RoomLists,
    RoomsOfList,
    Place,
    User,
    Users,
    MailboxSettings,
    SubscriptionList,
    SubscriptionCreate,
    SubscriptionGet,
    SubscriptionRenew,
    SubscriptionDelete,
    SubscriptionReauthorize,
    View,
    DeltaStart,
    DeltaNext,
    DeltaLink,
    EventGet,
    EventList,
    EventCreate,
    EventUpdate,
    EventDelete,
    EventCancel,
    EventAnswer,
    Instances,
    Unknown,
}

impl Kind {
    /// Whether it counts against a mailbox.
    pub(crate) fn of_calendar(self) -> bool {
        self >= Kind::View && self != Kind::Unknown
    }

    /// Whether it is about subscriptions.
    pub(crate) fn of_subscriptions(self) -> bool {
        self >= Kind::SubscriptionList && self <= Kind::SubscriptionReauthorize
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            serde_json::to_value(self).ok().as_ref().and_then(|value| value.as_str()).unwrap_or("unknown"),
        )
    }
}

/// A request, taken apart.
pub(crate) struct Call {
    pub(crate) kind: Kind,
    pub(crate) method: Method,
    /// Decoded path segments; for Graph without the leading `v1.0`.
    pub(crate) segments: Vec<String>,
    /// Decoded query, in order.
    pub(crate) query: Vec<(String, String)>,
    /// The mailbox or user as addressed, lower case.
    pub(crate) user: Option<String>,
    pub(crate) prefer: Prefer,
}

/// The `Prefer` header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefer {
    pub(crate) ids: IdFormat,
    pub(crate) zone: Option<String>,
    pub(crate) max_page: Option<usize>,
    pub(crate) text_body: bool,
}

impl Call {
    pub(crate) fn read(request: &Request<Bytes>) -> Call {
        let uri = request.uri();
        let mut segments: Vec<String> =
            uri.path().split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()).into_owned().collect();
        let method = request.method().clone();
        let graph = segments.first().is_some_and(|first| first == "v1.0");
        if graph {
            segments.remove(0);
        }
        let names: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let kind = if graph { graph_kind(&method, &names, &query) } else { other_kind(&method, &names) };
        let user = match names.first() {
            Some(&"users") if graph => names.get(1).map(|name| (*name).to_owned()),
            _ if kind == Kind::SubscriptionCreate => subscribed(request),
            _ => None,
        };
        Call { kind, method, segments, query, user, prefer: Prefer::read(request) }
    }

    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.option(name) else { return Ok(None) };
        let number = text
            .parse::<usize>()
            .map_err(|_| Refusal::bad(&format!("Invalid value '{text}' for {name} query option found.")))?;
        Ok(Some(number))
    }

    /// The `n`th segment after the version.
    pub(crate) fn segment(&self, n: usize) -> &str {
        self.segments.get(n).map_or("", String::as_str)
    }

    /// The segment after `/events/`.
    pub(crate) fn event(&self) -> &str {
        let at = self.segments.iter().position(|segment| segment == "events");
        at.map_or("", |at| self.segment(at + 1))
    }
}

/// Whose events a new subscription is for.
fn subscribed(request: &Request<Bytes>) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(request.body()).ok()?;
    addressed(body["resource"].as_str()?)
}

fn decode(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

fn other_kind(method: &Method, names: &[&str]) -> Kind {
    match (method, names) {
        (&Method::POST, [_, "oauth2", "v2.0", "token"]) => Kind::Token,
        _ => Kind::Unknown,
    }
}

fn graph_kind(method: &Method, names: &[&str], query: &[(String, String)]) -> Kind {
    let rest = match names {
        ["places", "microsoft.graph.room" | "graph.room"] => return only(method, &Method::GET, Kind::Rooms),
        ["places", "microsoft.graph.roomlist" | "graph.roomlist"] => {
            return only(method, &Method::GET, Kind::RoomLists);
        }
        ["places", _, "microsoft.graph.roomlist" | "graph.roomlist", "rooms"] => {
            return only(method, &Method::GET, Kind::RoomsOfList);
        }
        ["places", _] => return only(method, &Method::GET, Kind::Place),
        ["subscriptions", rest @ ..] => return subscription_kind(method, rest),
        ["users"] => return only(method, &Method::GET, Kind::Users),
        ["users", _] => return only(method, &Method::GET, Kind::User),
        ["users", _, "mailboxsettings"] => return only(method, &Method::GET, Kind::MailboxSettings),
        ["users", _, "calendar", rest @ ..] | ["users", _, rest @ ..] => rest,
        _ => return Kind::Unknown,
    };
    match (method, rest) {
        (&Method::GET, ["calendarview"]) => Kind::View,
        (
            &Method::GET,
            ["calendarview", "delta" | "delta()" | "microsoft.graph.delta()" | "microsoft.graph.delta"],
        ) => delta_kind(query),
        (&Method::GET, ["events"]) => Kind::EventList,
        (&Method::POST, ["events"]) => Kind::EventCreate,
        (&Method::GET, ["events", _]) => Kind::EventGet,
        (&Method::PATCH, ["events", _]) => Kind::EventUpdate,
        (&Method::DELETE, ["events", _]) => Kind::EventDelete,
        (&Method::GET, ["events", _, "instances"]) => Kind::Instances,
        (&Method::POST, ["events", _, "cancel"]) => Kind::EventCancel,
        (&Method::POST, ["events", _, "accept" | "decline" | "tentativelyaccept"]) => Kind::EventAnswer,
        _ => Kind::Unknown,
    }
}

fn subscription_kind(method: &Method, rest: &[&str]) -> Kind {
    match (method, rest) {
        (&Method::GET, []) => Kind::SubscriptionList,
        (&Method::POST, []) => Kind::SubscriptionCreate,
        (&Method::GET, [_]) => Kind::SubscriptionGet,
        (&Method::PATCH, [_]) => Kind::SubscriptionRenew,
        (&Method::DELETE, [_]) => Kind::SubscriptionDelete,
        (&Method::POST, [_, "reauthorize"]) => Kind::SubscriptionReauthorize,
        _ => Kind::Unknown,
    }
}

fn only(method: &Method, allowed: &Method, kind: Kind) -> Kind {
    if method == allowed { kind } else { Kind::Unknown }
}

fn delta_kind(query: &[(String, String)]) -> Kind {
    let has = |name: &str| query.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    if has("$deltatoken") {
        Kind::DeltaLink
    } else if has("$skiptoken") {
        Kind::DeltaNext
    } else {
        Kind::DeltaStart
    }
}

impl Prefer {
    fn read(request: &Request<Bytes>) -> Prefer {
        let mut prefer = Prefer::default();
        let values = request.headers().get_all("prefer");
        for item in
            values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split([',', ';']))
        {
            let Some((name, value)) = item.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("idtype") && value.eq_ignore_ascii_case("immutableid") {
                prefer.ids = IdFormat::Immutable;
            } else if name.eq_ignore_ascii_case("outlook.timezone") {
                prefer.zone = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("odata.maxpagesize") {
                prefer.max_page = value.parse().ok();
            } else if name.eq_ignore_ascii_case("outlook.body-content-type") {
                prefer.text_body = value.eq_ignore_ascii_case("text");
            }
        }
        prefer
    }

    /// The zone answers are to be written in.
    pub(crate) fn read_zone(&self) -> Result<Zone, Refusal> {
        match &self.zone {
            None => Ok(Zone::utc()),
            Some(name) => Zone::named(name).map_err(|_| {
                Refusal::new(400, "TimeZoneNotSupportedException", &format!("A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'."))
            }),
        }
    }

    /// The `Preference-Applied` header.
    pub(crate) fn applied(&self, tracking: bool) -> Option<String> {
        let mut parts = Vec::new();
        if tracking {
            parts.push("odata.track-changes".to_owned());
        }
        if let Some(zone) = &self.zone {
            parts.push(format!("outlook.timezone=\"{zone}\""));
        }
        if self.ids == IdFormat::Immutable {
            parts.push("IdType=\"ImmutableId\"".to_owned());
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
