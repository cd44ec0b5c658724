//! The commands, as an operator gives them, over tables and queues in memory.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::RefCell;
use std::path::PathBuf;

use clap::Parser;
use roomsync::cli::Cli;
use roomsync::run::{Desk, Failure, Look, Person, SecretNames};
use roomsync_domain::cursor::{Cursor, Drift, Guarded, Mode, Trouble, TroubleKind};
use roomsync_domain::hint::{HintReason, PollHint, TenantHint};
use roomsync_domain::listening::{Listening, Refusal, RefusalKind};
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::room_plan::{DirectoryMemory, RoomWrite};
use roomsync_domain::tenant::TenantStatus;
use roomsync_ports::{BookingStore, RoomStore, TenantStore};
use roomsync_testkit::{
    Lane, MemoryQueue, MemoryStore, TestClock, at, config, room, room_ref, room_with, tenant, tenant_id,
};
use serde_json::{Value, json};

const NOW: &str = "2026-02-09T20:30:00Z";

/// Somebody who answers always the same.
#[derive(Default)]
struct Operator {
    agrees: Option<bool>,
    told: RefCell<String>,
}

impl Person for Operator {
    fn tell(&self, text: &str) {
        self.told.borrow_mut().push_str(text);
    }

    fn agrees(&self, _: &str) -> Option<bool> {
        self.agrees
    }
}

/// Says of every secret the same.
struct Secrets(Look);

impl SecretNames for Secrets {
    async fn look(&self, _: &str) -> Look {
        self.0.clone()
    }
}

struct World {
    desk: Desk<MemoryStore, MemoryQueue, Secrets, Operator>,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let desk = Desk {
            store: MemoryStore::new(),
            queue: MemoryQueue::new(TestClock::new(at(NOW))),
            secrets: Secrets(Look::There),
            person: Operator::default(),
            now: at(NOW),
            json: false,
        };
        Self { desk, folder: tempfile::tempdir().unwrap() }
    }

    async fn run(&self, line: &str) -> Result<String, Failure> {
        let cli = Cli::try_parse_from(std::iter::once("roomsync").chain(line.split_whitespace()));
        self.desk.run(cli.unwrap_or_else(|error| panic!("{error}")).command).await
    }

    async fn json(&mut self, line: &str) -> Value {
        self.desk.json = true;
        let answer = self.run(line).await.unwrap_or_else(|failure| panic!("{failure}"));
        self.desk.json = false;
        serde_json::from_str(&answer).unwrap()
    }

    /// A tenant file of the tenant of all builders.
    fn file(&self, name: &str, more: &str) -> PathBuf {
        let text = format!(
            "tenant: {}\nname: Contoso\ncredential: {{client_id: 5c8b0c0e-31cd-4a0b-9a52-1f3a6ad1f0de, secret: {{name: \
             roomsync/contoso}}}}\nrooms: {{select: all}}\ntime_zone: Europe/Paris\n{more}",
            tenant_id()
        );
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn apply(&self, more: &str) -> Result<String, Failure> {
        let file = self.file("contoso.yaml", more);
        self.run(&format!("tenant apply --yes {}", file.display())).await
    }

    async fn onboard(&self, rooms: &[Room]) {
        self.desk.store.put_tenant(&tenant()).await.unwrap();
        for room in rooms {
            let write = RoomWrite { over: None, look: true, room: room.clone() };
            self.desk.store.put_room(&write).await.unwrap();
        }
    }

    async fn follow(&self, room: &str, change: impl FnOnce(&mut Cursor)) {
        let mut cursor = Cursor::blank();
        change(&mut cursor);
        self.desk.store.commit(&room_ref(room), &[], &cursor).await.unwrap();
    }

    fn tenant_hints(&self) -> Vec<TenantHint> {
        let messages = self.desk.queue.messages(Lane::Tenants);
        messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    fn polls(&self) -> Vec<PollHint> {
        let messages = self.desk.queue.messages(Lane::Polls);
        messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    fn told(&self) -> String {
        self.desk.person.told.borrow().clone()
    }
}

#[tokio::test]
async fn a_new_tenant_is_stored_and_its_rooms_are_looked_at() {
    let world = World::new();
    let answer = world.apply("").await.unwrap();
    assert!(answer.contains("Contoso: stored as version 1"), "{answer}");
    let stored = world.desk.store.tenant(&tenant_id()).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.status), (1, TenantStatus::Active));
    assert_eq!(stored.config, config());
    assert_eq!(world.tenant_hints(), [TenantHint::new(tenant_id())]);
    assert!(world.told().contains("will be onboarded"), "{}", world.told());
}

#[tokio::test]
async fn the_same_file_again_changes_nothing_and_tells_nobody() {
    let world = World::new();
    world.apply("").await.unwrap();
    let answer = world.apply("# a comment is no change\n").await.unwrap();
    assert!(answer.contains("nothing to do, version 1"), "{answer}");
    assert_eq!(world.desk.store.tenant(&tenant_id()).await.unwrap().unwrap().version, 1);
    assert_eq!(world.tenant_hints().len(), 1);
}

#[tokio::test]
async fn a_change_is_shown_key_by_key_before_it_is_stored() {
    let mut world = World::new();
    world.apply("writes: on\nlocations: [{match: {building: Lyon}, writes: off}]\n").await.unwrap();
    let file = world.file("contoso.yaml", "window: {future_days: 90}\n");
    let answer = world.json(&format!("tenant apply --yes {}", file.display())).await;
    let expected = json!([
        {"key": "locations[0].match.building", "old": "Lyon", "new": null},
        {"key": "locations[0].writes", "old": "off", "new": null},
        {"key": "window.future_days", "old": 180, "new": 90},
    ]);
    assert_eq!((&answer[0]["effect"], &answer[0]["version"]), (&json!("changed"), &json!(2)));
    assert_eq!(answer[0]["changes"], expected);
    let told = world.told();
    assert!(told.contains("window.future_days") && told.contains("180") && told.contains("90"), "{told}");
}

#[tokio::test]
async fn nothing_is_stored_unless_somebody_agrees() {
    let mut world = World::new();
    let line = format!("tenant apply {}", world.file("contoso.yaml", "").display());
    for (agrees, part) in [(None, "add --yes"), (Some(false), "nothing was stored")] {
        world.desk.person.agrees = agrees;
        let failure = world.run(&line).await.unwrap_err().to_string();
        assert!(failure.contains(part), "{failure}");
        assert_eq!(world.desk.store.tenants().await.unwrap(), []);
    }
    world.desk.person.agrees = Some(true);
    world.run(&line).await.unwrap();
    assert_eq!(world.desk.store.tenants().await.unwrap().len(), 1);
}

#[tokio::test]
async fn bad_files_are_all_named_and_none_is_stored() {
    let world = World::new();
    let good = world.file("good.yaml", "");
    let bad = world.file("bad.yaml", "colour: red\n");
    let line = format!("tenant apply --yes {} {} no-such.yaml", good.display(), bad.display());
    let failure = world.run(&line).await.unwrap_err().to_string();
    for part in
        ["bad.yaml: line 6: `colour`: is no key here", "no-such.yaml: cannot be read", "Nothing was stored"]
    {
        assert!(failure.contains(part), "{failure}");
    }
    let twice = format!("tenant apply --yes {0} {0}", good.display());
    assert!(matches!(world.run(&twice).await, Err(Failure::Twice(id)) if id == tenant_id()));
    assert_eq!(world.desk.store.tenants().await.unwrap(), []);
}

#[tokio::test]
async fn a_secret_that_is_not_there_stops_and_one_that_cannot_be_seen_warns() {
    let mut world = World::new();
    world.desk.secrets = Secrets(Look::Missing);
    let failure = world.apply("").await.unwrap_err().to_string();
    assert!(
        failure.contains("no secret named `roomsync/contoso`") && failure.contains("create-secret"),
        "{failure}"
    );
    assert_eq!(world.desk.store.tenants().await.unwrap(), []);
    world.desk.secrets = Secrets(Look::Unknown("access denied".into()));
    world.apply("").await.unwrap();
    assert!(world.told().contains("cannot be seen from here: access denied"), "{}", world.told());
}

#[tokio::test]
async fn a_removed_tenant_can_come_back() {
    let world = World::new();
    world.onboard(&[room("Lyon"), room_with("Gone", |state| state.status = RoomStatus::Removed)]).await;
    let failure = world.run(&format!("tenant remove {}", tenant_id())).await.unwrap_err().to_string();
    assert!(failure.contains("add --yes"), "{failure}");
    assert!(world.told().contains("1 active room become"), "{}", world.told());
    world.run(&format!("tenant remove {} --yes", tenant_id())).await.unwrap();
    let stored = world.desk.store.tenant(&tenant_id()).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.status), (2, TenantStatus::Removed));
    assert_eq!(world.tenant_hints().len(), 1);
    let again = world.run(&format!("tenant remove {} --yes", tenant_id())).await.unwrap_err().to_string();
    assert!(again.contains("no active tenant"), "{again}");
    world.apply("").await.unwrap();
    let stored = world.desk.store.tenant(&tenant_id()).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.status), (3, TenantStatus::Active));
}

#[tokio::test]
async fn what_is_shown_of_a_tenant_is_a_tenant_file() {
    let mut world = World::new();
    let more = "rooms: {select: {lists: [hq@contoso.example]}}\nlocations: [{match: {room: a@contoso.example}, listener: \
                off}]\nfields: {import: [floorLabel], custom: {costCentre: extensionAttribute1}}\npoll: {every: 30s}\n";
    let file = world.file("contoso.yaml", more);
    let text = std::fs::read_to_string(&file).unwrap().replace("rooms: {select: all}\n", "");
    std::fs::write(&file, text).unwrap();
    world.run(&format!("tenant apply --yes {}", file.display())).await.unwrap();
    let shown = world.run(&format!("tenant show {}", tenant_id())).await.unwrap();
    let stored = world.desk.store.tenant(&tenant_id()).await.unwrap().unwrap();
    assert_eq!(
        roomsync_tenant_file::parse(&shown).unwrap_or_else(|error| panic!("{shown}\n{error}")),
        stored.config
    );
    let list = world.json("tenant list").await;
    assert_eq!(list[0]["tenantId"], json!(tenant_id()));
    assert_eq!(list[0]["config"]["rooms"]["select"]["lists"][0], "hq@contoso.example");
}

#[tokio::test]
async fn status_tells_whose_credential_expires_a_month_before() {
    let mut world = World::new();
    world.onboard(&[]).await;
    let told = [
        ("2026-03-12", None, None),
        ("2026-03-11", Some(30), Some("The credential expires on 2026-03-11, in 30 d")),
        ("2026-02-09", Some(0), Some("The credential expires today")),
        ("2026-02-08", Some(-1), Some("The credential has expired on 2026-02-08")),
    ];
    for (last, days, sentence) in told {
        let mut tenant = world.desk.store.tenant(&tenant_id()).await.unwrap().unwrap();
        tenant.version += 1;
        tenant.config.credential.secret.as_mut().unwrap().expires = Some(last.parse().unwrap());
        world.desk.store.put_tenant(&tenant).await.unwrap();
        let text = world.run("status").await.unwrap();
        assert_eq!(text.contains("The credential"), sentence.is_some(), "{text}");
        assert!(text.contains(sentence.unwrap_or_default()), "{text}");
        let tenant = &world.json("status").await["tenants"][0];
        assert_eq!(
            (&tenant["credentialExpires"], &tenant["credentialDaysLeft"]),
            (&json!(last), &json!(days)),
        );
    }
}

async fn a_mixed_house(world: &World) {
    let gone = room_with("Gone", |state| state.status = RoomStatus::Removed);
    world.onboard(&[room("Lyon"), room("Nice"), room("Metz"), room("Brest"), gone]).await;
    world
        .follow("Lyon", |cursor| {
            cursor.mode = Mode::Delta;
            cursor.last_full_at = Some(at("2026-02-09T18:00:00Z"));
            cursor.last_change_at = Some(at("2026-02-09T20:00:00Z"));
            cursor.drift = Some(Drift { repaired: 2, at: at("2026-02-09T18:00:00Z") });
            cursor.listening = Some(Listening {
                subscription_id: "7f105c7d-2dc5-4530-97cd-4e7ae6534c07".into(),
                key_id: "key".into(),
                urls: "urls".into(),
                expires_at: at("2026-02-12T20:00:00Z"),
                since: at("2026-02-09T12:00:00Z"),
                renewed_at: None,
                heard_at: Some(at("2026-02-09T12:30:00Z")),
                silent_since: Some(at("2026-02-09T20:20:00Z")),
                doubted_since: None,
            });
        })
        .await;
    world
        .follow("Nice", |cursor| {
            cursor.mode = Mode::FullRead;
            cursor.failures = 3;
            cursor.refusal = Some(Refusal {
                kind: RefusalKind::NotValidated,
                since: at("2026-02-09T20:00:00Z"),
                detail: "400 ValidationError (request 8)".into(),
            });
            cursor.not_before = Some(at("2026-02-09T20:40:00Z"));
            cursor.guarded = Some(Guarded { ending: 40, of: 60, at: at("2026-02-09T20:00:00Z") });
            cursor.trouble = Some(Trouble {
                kind: TroubleKind::NoAccess,
                since: at("2026-02-09T19:30:00Z"),
                detail: "403 ErrorAccessDenied (request 7)".into(),
            });
        })
        .await;
    world.follow("Metz", |cursor| cursor.last_full_at = Some(at("2026-02-08T10:00:00Z"))).await;
    let memory = DirectoryMemory {
        last_success_at: Some(at("2026-02-09T20:20:00Z")),
        refused: [("hq@contoso.example".to_owned(), "is no room list".to_owned())].into(),
        guarded: Some(30),
        ..DirectoryMemory::default()
    };
    world.desk.store.put_directory_memory(&tenant_id(), &memory).await.unwrap();
}

#[tokio::test]
async fn status_shows_every_room_and_what_to_do() {
    let mut world = World::new();
    a_mixed_house(&world).await;
    let text = world.run("status").await.unwrap();
    for part in [
        "5 rooms: 1 fresh, 1 waiting, 1 stale, 1 trouble, 1 removed. List of rooms read 10 min ago. Drift at the last full \
         reads: 2.",
        "`hq@contoso.example` in the tenant file: is no room list",
        "suddenly lacks 30 rooms",
        "no-access for 60 min",
        "no-access (1 room): Microsoft refuses us this mailbox.",
        "in 10 min",
        "silent for 10 min",
        "no: not-validated for 30 min",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    let answer = world.json("status").await;
    assert_eq!(answer["at"], NOW);
    let states: Vec<_> =
        answer["tenants"][0]["rooms"].as_array().unwrap().iter().map(|r| &r["state"]).collect();
    assert_eq!(states, ["waiting", "fresh", "stale", "trouble", "removed"]);
    let nice = &answer["tenants"][0]["rooms"][3];
    assert_eq!(nice["trouble"]["kind"], "no-access");
    assert_eq!(nice["hearing"]["state"], "refused");
    assert_eq!(nice["hearing"]["refusal"]["kind"], "not-validated");
    let lyon = &answer["tenants"][0]["rooms"][1]["hearing"];
    assert_eq!((&lyon["state"], &lyon["silentSince"]), (&json!("silent"), &json!("2026-02-09T20:20:00Z")));
    assert_eq!(nice["trouble"]["since"], "2026-02-09T19:30:00Z");
    assert_eq!((&nice["mode"], &nice["notBefore"]), (&json!("full-read"), &json!("2026-02-09T20:40:00Z")));
    assert_eq!(nice["guarded"], json!({"ending": 40, "of": 60, "at": "2026-02-09T20:00:00Z"}));
}

#[tokio::test]
async fn one_room_is_found_by_id_address_or_name() {
    let world = World::new();
    a_mixed_house(&world).await;
    for name in ["Nice", "nice@contoso.example", "NICE@CONTOSO.EXAMPLE"] {
        let text = world.run(&format!("status {name}")).await.unwrap();
        for part in [
            "Room Nice",
            "40 of 60 bookings",
            "403 ErrorAccessDenied (request 7)",
            "Failures in a row",
            "WebhookUrl",
        ] {
            assert!(text.contains(part), "{name}: no `{part}` in:\n{text}");
        }
    }
    let failure = world.run("status Paris").await.unwrap_err().to_string();
    assert_eq!(
        failure,
        "no room has the id, address or name `Paris`; `roomsync status` shows those there are"
    );
    let failure =
        world.run("status --tenant 00000000-0000-0000-0000-000000000001").await.unwrap_err().to_string();
    assert!(failure.contains("there is no tenant 00000000"), "{failure}");
}

#[tokio::test]
async fn two_rooms_of_one_name_are_told_apart() {
    let world = World::new();
    let named = |id: &str, status| {
        room_with(id, |state| {
            state.display_name = "Board".into();
            state.status = status;
        })
    };
    world.onboard(&[named("A", RoomStatus::Active), named("B", RoomStatus::Active)]).await;
    let failure = world.run("resync Board").await.unwrap_err().to_string();
    assert!(failure.contains("`Board` names 2 rooms; use the address or the id: A, B"), "{failure}");
    let world = World::new();
    world.onboard(&[named("A", RoomStatus::Active), named("B", RoomStatus::Removed)]).await;
    world.run("resync Board").await.unwrap();
    assert_eq!(world.polls().len(), 1);
}

#[tokio::test]
async fn resync_asks_for_the_whole_window() {
    let mut world = World::new();
    a_mixed_house(&world).await;
    world.run("resync Lyon --accept-mass-end").await.unwrap();
    let [hint] = world.polls().try_into().unwrap_or_else(|hints| panic!("{hints:?}"));
    assert_eq!((hint.room(), hint.reason), (room_ref("Lyon"), HintReason::Operator));
    assert!(hint.full && hint.accept_mass_end);
    assert_eq!(world.tenant_hints(), []);
    let failure = world.run("resync Gone").await.unwrap_err().to_string();
    assert!(failure.contains("was removed"), "{failure}");

    world.desk.now = at("2026-02-09T20:31:00Z");
    let answer = world.json("resync --all").await;
    assert_eq!(answer["rooms"].as_array().unwrap().len(), 4);
    assert_eq!(world.polls().len(), 5);
    assert!(world.polls()[1..].iter().all(|hint| hint.full && !hint.accept_mass_end));
    assert_eq!(world.tenant_hints(), [TenantHint::new(tenant_id())]);
}

#[tokio::test]
async fn a_booking_command_is_checked_and_sent() {
    let world = World::new();
    let file = world.folder.path().join("command.json");
    let line = format!("book {}", file.display());
    let command = json!({
        "action": "create", "tenantId": tenant_id(), "bookingId": "app-1", "roomEmail": "lyon@contoso.example",
        "organizerEmail": "megan@contoso.example",
        "start": {"dateTime": "2026-02-09T21:30:00", "timeZone": "Europe/Paris"},
        "end": {"dateTime": "2026-02-09T22:00:00", "timeZone": "Europe/Paris"}});
    std::fs::write(&file, command.to_string()).unwrap();
    assert!(world.run(&line).await.unwrap().contains("app-1"));
    let [message] = world.desk.queue.messages(Lane::Commands).try_into().unwrap();
    assert_eq!(message.group, "app-1");
    assert!(roomsync_command::parse(&message.body).is_ok(), "{}", message.body);

    for (name, value, why) in [
        ("start", json!({"dateTime": "2026-02-09T21:30:00", "timeZone": "Mars"}), "start.timeZone"),
        ("bookingId", json!(7), "bookingId"),
        ("roomEmail", json!(null), "roomId"),
    ] {
        let mut wrong = command.clone();
        wrong[name] = value;
        std::fs::write(&file, wrong.to_string()).unwrap();
        let failure = world.run(&line).await.unwrap_err().to_string();
        assert!(failure.starts_with(why) && failure.contains("nothing was sent"), "{failure}");
    }
    assert!(world.run("book nowhere.json").await.unwrap_err().to_string().contains("nowhere.json"));
    assert_eq!(world.desk.queue.messages(Lane::Commands).len(), 1);
}

#[tokio::test]
async fn without_a_tenant_the_next_step_is_named() {
    let world = World::new();
    assert!(world.run("tenant list").await.unwrap().contains("tenant apply FILE"));
    for line in ["status", "resync --all"] {
        assert!(world.run(line).await.unwrap_err().to_string().contains("tenant apply FILE"), "{line}");
    }
}
