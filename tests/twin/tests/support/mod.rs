//! A tenant with a few rooms and a client that speaks to the twin directly.
#![allow(dead_code, clippy::missing_panics_doc, unreachable_pub)]

pub mod push;

use bytes::Bytes;
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use http::Request;
use roomsync_twin::calendar::{Span, Window, Zone};
use roomsync_twin::{
    Action, Answer, AppSpec, ListSpec, Meeting, RoomPolicy, RoomSpec, TenantSpec, Twin, UserSpec,
};
use serde_json::{Map, Value, json};

pub const TENANT: &str = "84bd8158-6d4d-4958-8b9f-9d6445542f95";
pub const OTHER: &str = "11111111-2222-4333-8444-555555555555";
pub const CLIENT: &str = "5c8b0a3e-4a52-4f0e-9f6e-2f9a4d6c7b10";
pub const ROOM: &str = "aster@contoso.example";
pub const SECOND: &str = "birch@contoso.example";
pub const MEGAN: &str = "megan.bowen@contoso.example";

/// A twin, the time, and a token.
pub struct World {
    pub twin: Twin,
    pub now: DateTime<Utc>,
    pub token: String,
}

pub struct Got {
    pub status: u16,
    pub body: Value,
    pub headers: http::HeaderMap,
}

pub fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
}

pub fn local(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

pub fn room(address: &str, policy: RoomPolicy) -> RoomSpec {
    let mut place = Map::new();
    place.insert("capacity".into(), json!(8));
    place.insert("building".into(), json!("Main"));
    RoomSpec {
        address: address.into(),
        zone: Zone::named("Romance Standard Time").ok(),
        place,
        policy,
        ..RoomSpec::default()
    }
}

pub fn tenant(id: &str) -> TenantSpec {
    TenantSpec {
        id: id.into(),
        domain: Some(format!("{}.example", &id[..4])),
        apps: vec![AppSpec::with_secret(CLIENT, "s3cret~+/=")],
        rooms: vec![room(ROOM, RoomPolicy::transparent()), room(SECOND, RoomPolicy::transparent())],
        lists: vec![ListSpec {
            address: "hq@contoso.example".into(),
            rooms: vec![ROOM.into()],
            ..ListSpec::default()
        }],
        users: vec![UserSpec { address: MEGAN.into(), ..UserSpec::default() }],
    }
}

/// Span in Paris.
pub fn paris(start: &str, minutes: i64) -> Span {
    Span::timed(local(start), minutes, Zone::named("Romance Standard Time").unwrap())
}

pub fn meeting(start: &str, minutes: i64) -> Meeting {
    Meeting::new(MEGAN, "Plan", paris(start, minutes)).at(ROOM)
}

impl World {
    pub fn new() -> World {
        let mut twin = Twin::new(7);
        twin.add_tenant(tenant(TENANT));
        twin.add_tenant(tenant(OTHER));
        let mut world = World { twin, now: at("2026-02-02T08:00:00Z"), token: String::new() };
        world.token = world.sign_in("s3cret~+/=").body["access_token"].as_str().unwrap().to_owned();
        world
    }

    pub fn wait(&mut self, seconds: i64) {
        self.now += Duration::seconds(seconds);
        self.twin.advance(self.now);
    }

    pub fn post_token(&mut self, tenant: &str, form: &[(&str, &str)]) -> Got {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(format!("/{tenant}/oauth2/v2.0/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        got(self.twin.handle(self.now, &request))
    }

    pub fn sign_in(&mut self, secret: &str) -> Got {
        self.post_token(
            TENANT,
            &[
                ("grant_type", "client_credentials"),
                ("client_id", CLIENT),
                ("client_secret", secret),
                ("scope", "https://graph.microsoft.com/.default"),
            ],
        )
    }

    pub fn call(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: Option<Value>) -> Got {
        got(self.answer(method, url, headers, body))
    }

    pub fn answer(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let path = url.strip_prefix("https://graph.microsoft.com").unwrap_or(url);
        let mut builder = Request::builder().method(method).uri(path.replace(' ', "%20"));
        builder = builder.header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        self.twin.handle(self.now, &builder.body(body).unwrap())
    }

    pub fn get(&mut self, url: &str) -> Got {
        self.call("GET", url, &[("prefer", "IdType=\"ImmutableId\"")], None)
    }

    pub fn act(&mut self, action: Action) -> String {
        self.twin.act(self.now, TENANT, action).unwrap()
    }

    pub fn book(&mut self, meeting: Meeting) -> String {
        self.act(Action::Book { meeting })
    }

    /// The whole calendarView of a room for February and March.
    pub fn view(&mut self, room: &str) -> Vec<Value> {
        let got = self.get(&format!("/v1.0/users/{room}/calendarView?{WINDOW}&$top=1000"));
        assert_eq!(got.status, 200, "{}", got.body);
        got.body["value"].as_array().unwrap().clone()
    }

    /// Follows a delta round to its end: all entries and the delta link.
    pub fn round(&mut self, url: &str) -> (Vec<Value>, String) {
        let mut entries = Vec::new();
        let mut url = url.to_owned();
        for _ in 0..200 {
            let got = self.get(&url);
            assert_eq!(got.status, 200, "{}", got.body);
            entries.extend(got.body["value"].as_array().unwrap().clone());
            if let Some(link) = got.body["@odata.deltaLink"].as_str() {
                return (entries, link.to_owned());
            }
            url = got.body["@odata.nextLink"].as_str().unwrap().to_owned();
        }
        panic!("the round does not end");
    }

    pub fn initial(&mut self, room: &str) -> (Vec<Value>, String) {
        self.round(&format!("/v1.0/users/{room}/calendarView/delta?{WINDOW}"))
    }

    pub fn truth(&self, room: &str) -> Vec<roomsync_twin::Instance> {
        let window = Window { from: at("2026-02-01T00:00:00Z"), to: at("2026-04-01T00:00:00Z") };
        self.twin.truth(TENANT, room, window).unwrap()
    }
}

pub const WINDOW: &str = "startDateTime=2026-02-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z";

pub fn got(answer: Answer) -> Got {
    let status = answer.response.status().as_u16();
    let headers = answer.response.headers().clone();
    let body = serde_json::from_slice(answer.response.body()).unwrap_or(Value::Null);
    Got { status, body, headers }
}

pub fn ids(entries: &[Value]) -> Vec<String> {
    entries.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

pub fn removed(entry: &Value) -> bool {
    entry.get("@removed").is_some()
}
