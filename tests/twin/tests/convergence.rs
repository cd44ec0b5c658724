//! Without traps, whoever follows delta believes what is true: random people at work, small pages, every room.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use std::collections::BTreeMap;

use roomsync_twin::calendar::Window;
use roomsync_twin::{Twin, demo};
use support::*;

const ROOMS: [&str; 4] = [
    "par-curie@contoso.example",
    "par-eiffel@contoso.example",
    "nyc-harlem@contoso.example",
    "tyo-ginza@contoso.example",
];

/// A client that applies delta literally.
#[derive(Default)]
struct Follower {
    link: Option<String>,
    believed: BTreeMap<String, String>,
}

impl Follower {
    fn follow(&mut self, world: &mut World, room: &str) {
        let first = format!("/v1.0/users/{room}/calendarView/delta?{WINDOW}");
        let mut url = self.link.take().unwrap_or(first);
        loop {
            let got =
                world.call("GET", &url, &[("prefer", "odata.maxpagesize=3, IdType=\"ImmutableId\"")], None);
            assert_eq!(got.status, 200, "{}", got.body);
            for entry in got.body["value"].as_array().unwrap() {
                let id = entry["id"].as_str().unwrap().to_owned();
                if removed(entry) {
                    self.believed.remove(&id);
                } else if entry["type"] != "seriesMaster" {
                    self.believed.insert(id, entry["start"]["dateTime"].as_str().unwrap()[..16].to_owned());
                }
            }
            if let Some(link) = got.body["@odata.deltaLink"].as_str() {
                self.link = Some(link.to_owned());
                return;
            }
            url = got.body["@odata.nextLink"].as_str().unwrap().to_owned();
        }
    }
}

fn truth(world: &World, room: &str) -> BTreeMap<String, String> {
    let window = Window { from: at("2026-02-01T00:00:00Z"), to: at("2026-04-01T00:00:00Z") };
    let all = world.twin.truth(demo::TENANT, room, window).unwrap();
    let start = |own: &roomsync_twin::Instance| {
        let time = own.days.map_or(own.start.naive_utc(), |(first, _)| first.into());
        time.format("%Y-%m-%dT%H:%M").to_string()
    };
    all.iter().map(|own| (own.id.clone(), start(own))).collect()
}

#[test]
fn whoever_follows_delta_believes_what_is_true() {
    let mut world = World { twin: Twin::new(11), now: at("2026-02-10T08:00:00Z"), token: String::new() };
    let mut user = demo::tenant(&mut world.twin, 11, world.now);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", demo::CLIENT_ID),
        ("client_secret", demo::SECRET),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    world.token = world.post_token(demo::TENANT, &form).body["access_token"].as_str().unwrap().to_owned();
    let mut followers: Vec<Follower> = ROOMS.iter().map(|_| Follower::default()).collect();
    for round in 0..60 {
        for (follower, room) in followers.iter_mut().zip(ROOMS) {
            // Each at its own pace, so that links are of different ages.
            if round % (1 + room.len() % 3) == 0 {
                follower.follow(&mut world, room);
                assert_eq!(follower.believed, truth(&world, room), "{room} in round {round}");
                assert!(!follower.believed.is_empty());
            }
        }
        for _ in 0..40 {
            user.step(&mut world.twin, world.now);
        }
        world.wait(30);
    }
}
