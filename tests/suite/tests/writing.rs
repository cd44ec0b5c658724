//! Stories of booking commands: what is sent, what is in whose calendar, what the receipt says, who gets mail.

#![allow(clippy::unwrap_used, reason = "a story that cannot be told is a failure")]

use roomsync_command::{Action as Do, BookingCommand, Moment};
use roomsync_domain::booking::{Booking, EndReason, Kind, Origin, Status};
use roomsync_domain::tenant::{Location, Match, Organizer, Switch, Take};
use roomsync_testkit::{Lane, MemoryStore, fold_stream};
use roomsync_tests::world::{ROOM_A, ROOM_B, TENANT, World, local};
use roomsync_twin::calendar::MailboxState;
use roomsync_twin::faults::{Effect, Fault, Matching};
use roomsync_twin::outlook::Action;
use roomsync_twin::{MailKind, Trap, UserSpec};
use serde_json::json;
use std::collections::BTreeSet;
use std::rc::Rc;

const MEGAN: &str = "megan@contoso.example";

async fn world() -> World {
    world_with(|_| {}).await
}

async fn world_with(change: impl FnOnce(&mut roomsync_domain::tenant::TenantConfig)) -> World {
    let mut world = World::with(change).await;
    for address in [MEGAN, "alex@contoso.example", "service@contoso.example"] {
        let user = UserSpec { address: address.to_owned(), ..UserSpec::default() };
        world.twin.borrow_mut().put_user(TENANT, user);
    }
    world.rounds(1).await;
    world
}

fn moment(day: &str, hour: u32) -> Option<Moment> {
    Some(Moment::new(&format!("{day}T{hour:02}:00:00"), "Europe/Paris"))
}

fn command(action: Do, id: &str) -> BookingCommand {
    BookingCommand::new(action, id, TENANT, "app-1")
}

/// From 10 to 11 in Paris.
fn create(id: &str) -> BookingCommand {
    BookingCommand {
        room_email: Some(ROOM_A.to_owned()),
        organizer_email: Some(MEGAN.to_owned()),
        subject: Some("Design review".to_owned()),
        start: moment("2026-02-10", 10),
        end: moment("2026-02-10", 11),
        attendees: Some(vec!["alex@contoso.example".to_owned()]),
        ..command(Do::Create, id)
    }
}

/// Live meetings in a mailbox: subject and hour of begin (UTC).
fn calendar(world: &World, mailbox: &str) -> Vec<(String, u32)> {
    use chrono::Timelike;
    let twin = world.twin.borrow();
    let entries = twin.entries(TENANT, mailbox, false).unwrap();
    entries
        .into_iter()
        .filter(|entry| !entry.cancelled)
        .map(|entry| (entry.subject, entry.start.hour()))
        .collect()
}

fn mails(world: &World, kind: MailKind) -> usize {
    world.twin.borrow().mails().filter(|mail| mail.kind == kind).count()
}

/// Made and given back, both before anybody has looked at the room.
async fn released() -> World {
    let world = world().await;
    world.command(&create("c1"));
    world.write().await;
    world.pass(5);
    world.command(&command(Do::Release, "c2"));
    world.write().await;
    world
}

async fn receipt(world: &World) -> Booking {
    world.receipt(ROOM_A, "app-1").await
}

/// Sends, writes, and lets the room answer and be looked at.
async fn carry_out(world: &World, command: &BookingCommand) {
    world.command(command);
    world.write().await;
    answer(world).await;
}

async fn answer(world: &World) {
    world.pass(5);
    world.look(ROOM_A).await;
    world.look(ROOM_B).await;
}

/// Until everything is settled, or an hour has passed.
async fn settle(world: &World) {
    for _ in 0..60 {
        world.pass(61);
        world.write().await;
        world.sweep().await;
        world.drain().await;
        world.look(ROOM_A).await;
        world.look(ROOM_B).await;
    }
    let open: Vec<_> = world.store.writings().into_iter().filter(|writing| !writing.is_settled()).collect();
    assert!(open.is_empty(), "not settled: {open:#?}");
    assert_eq!(world.queue.messages(Lane::Commands).len(), 0);
    assert_eq!(world.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_command_becomes_one_meeting_and_its_receipt() {
    let world = world().await;
    world.twin.borrow_mut().reset_counters();
    world.command(&create("c1"));
    world.write().await;
    let pending = receipt(&world).await;
    assert_eq!(pending.state.status, Status::Pending);
    assert_eq!(pending.version, 1);
    assert_eq!(pending.state.last_command_id.as_deref(), Some("c1"));
    assert_eq!(pending.state.span.start.to_rfc3339(), "2026-02-10T09:00:00+00:00");
    assert_eq!(pending.state.time_zone, "Europe/Paris");
    let requests: Vec<String> = world.twin.borrow().requests().map(|seen| seen.path.clone()).collect();
    assert_eq!(requests.iter().filter(|path| path.contains("/events")).count(), 2, "{requests:?}");
    answer(&world).await;
    let confirmed = receipt(&world).await;
    assert_eq!(confirmed.state.status, Status::Confirmed);
    assert_eq!(confirmed.state.origin, Origin::Command);
    assert_eq!(confirmed.state.last_command_id.as_deref(), Some("c1"));
    assert!(confirmed.state.event_id.is_some() && confirmed.state.ical_uid.is_some());
    assert_eq!(world.rows(ROOM_A).await.len(), 1, "no second booking");
    assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 9)]);
    assert_eq!(mails(&world, MailKind::Invitation), 2, "Alex and the room");
    let version = confirmed.version;
    settle(&world).await;
    assert_eq!(receipt(&world).await.version, version, "the echo of our own write changes nothing");
    assert_eq!(mails(&world, MailKind::Invitation), 2);
    fold_stream(&world.store.stream()).unwrap();
}

#[tokio::test]
async fn the_same_command_again_has_no_effect() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    let first = receipt(&world).await;
    for round in 0..3 {
        let body = serde_json::to_string(&create("c1")).unwrap();
        world.queue.send(Lane::Commands, "app-1", &format!("again {round}"), &body);
        world.write().await;
    }
    world.act(Action::Cancel { meeting: first.state.ical_uid.clone().unwrap() });
    settle(&world).await;
    let ended = receipt(&world).await;
    assert!(matches!(ended.state.status, Status::Ended(_)));
    let body = serde_json::to_string(&create("c1")).unwrap();
    world.queue.send(Lane::Commands, "app-1", "days later", &body);
    settle(&world).await;
    assert_eq!(receipt(&world).await, ended, "what a person has deleted stays deleted");
    assert_eq!(calendar(&world, MEGAN), []);
    assert!(first.version < ended.version);
}

#[tokio::test]
async fn a_taken_slot_ends_declined_and_the_meeting_is_withdrawn() {
    let world = world().await;
    world.book("2026-02-10", 9);
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    let declined = receipt(&world).await;
    assert_eq!(declined.state.status, Status::Ended(EndReason::Declined));
    assert_eq!(declined.state.failure.map(|failure| failure.code).as_deref(), Some("declined"));
    assert_eq!(calendar(&world, MEGAN), []);
    // Another command for the same booking begins a new life.
    let later =
        BookingCommand { start: moment("2026-02-10", 14), end: moment("2026-02-10", 15), ..create("c2") };
    carry_out(&world, &later).await;
    settle(&world).await;
    let confirmed = receipt(&world).await;
    assert_eq!(confirmed.state.status, Status::Confirmed);
    assert_eq!(confirmed.state.failure, None);
    assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 13)]);
}

#[tokio::test]
async fn a_booking_moves_keeps_what_it_does_not_name_and_is_cancelled() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    let moved = BookingCommand {
        start: moment("2026-02-10", 12),
        end: moment("2026-02-10", 13),
        ..command(Do::Update, "c2")
    };
    world.command(&moved);
    world.write().await;
    let pending = receipt(&world).await;
    assert_eq!(pending.state.status, Status::Pending);
    assert_eq!(pending.state.span.start.to_rfc3339(), "2026-02-10T11:00:00+00:00");
    world.look(ROOM_A).await;
    assert_eq!(receipt(&world).await, pending, "the room's copy has not moved yet");
    answer(&world).await;
    let confirmed = receipt(&world).await;
    assert_eq!(confirmed.state.status, Status::Confirmed);
    assert_eq!(confirmed.state.last_command_id.as_deref(), Some("c2"));
    assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 11)]);

    world.command(&command(Do::Cancel, "c3"));
    world.write().await;
    assert_eq!(receipt(&world).await.state.status, Status::Pending);
    assert_eq!(calendar(&world, MEGAN), []);
    answer(&world).await;
    let ended = receipt(&world).await;
    assert_eq!(ended.state.status, Status::Ended(EndReason::Cancelled));
    assert_eq!(ended.state.last_command_id.as_deref(), Some("c3"));
    settle(&world).await;
    assert_eq!(receipt(&world).await, ended);
}

#[tokio::test]
async fn other_words_need_no_answer_of_the_room() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    let update = BookingCommand { subject: Some("Budget".to_owned()), ..command(Do::Update, "c2") };
    world.command(&update);
    world.write().await;
    let confirmed = receipt(&world).await;
    assert_eq!(confirmed.state.status, Status::Confirmed);
    assert_eq!(confirmed.state.last_command_id.as_deref(), Some("c2"));
    assert_eq!(calendar(&world, MEGAN), [("Budget".to_owned(), 9)]);
    settle(&world).await;
}

#[tokio::test]
async fn a_released_room_is_free_and_the_meeting_stays() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    carry_out(&world, &command(Do::Release, "c2")).await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Released));
    assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 9)]);
    assert_eq!(calendar(&world, ROOM_A), []);
}

#[tokio::test]
async fn a_meeting_made_in_outlook_gives_its_room_back() {
    let world = world().await;
    world.book("2026-02-10", 9);
    world.look(ROOM_A).await;
    let row = world.live(ROOM_A).await.remove(0);
    let mut release = BookingCommand::new(Do::Release, "c1", TENANT, row.id.as_str());
    release.room_id = Some(row.room.room.to_string());
    let mut cancel = BookingCommand { action: Do::Cancel, ..release.clone() };
    cancel.command_id = "c0".to_owned();
    carry_out(&world, &cancel).await;
    let refused = world.receipt(ROOM_A, row.id.as_str()).await;
    assert_eq!(refused.state.status, Status::Confirmed);
    assert_eq!(refused.state.failure.as_ref().unwrap().code, "not_ours");
    world.look(ROOM_A).await;
    assert_eq!(world.receipt(ROOM_A, row.id.as_str()).await, refused, "the same calendar writes nothing");
    carry_out(&world, &release).await;
    settle(&world).await;
    let released = world.receipt(ROOM_A, row.id.as_str()).await;
    assert_eq!(released.state.status, Status::Ended(EndReason::Released));
    assert_eq!(calendar(&world, ROOM_A), []);
}

#[tokio::test]
async fn a_booking_changes_its_room() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    let update = BookingCommand { room_email: Some(ROOM_B.to_owned()), ..command(Do::Update, "c2") };
    carry_out(&world, &update).await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Moved));
    let there = world.receipt(ROOM_B, "app-1").await;
    assert_eq!(there.state.status, Status::Confirmed);
    assert_eq!(world.rows(ROOM_B).await.len(), 1);
    assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 9)]);
}

#[tokio::test]
async fn a_series_is_one_command_and_its_instances_share_their_series() {
    let world = world().await;
    let recurrence = json!({"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"]},
        "range": {"type": "numbered", "startDate": "2026-02-10", "numberOfOccurrences": 4}});
    let recurrence = Some(serde_json::from_value(recurrence).unwrap());
    carry_out(&world, &BookingCommand { recurrence, ..create("c1") }).await;
    settle(&world).await;
    let rows = world.live(ROOM_A).await;
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0].id.as_str(), "app-1");
    for row in &rows {
        assert_eq!(row.state.kind, Kind::Occurrence);
        assert_eq!(row.state.status, Status::Confirmed);
        assert_eq!(row.state.series_id, rows[0].state.series_id);
        assert_eq!(row.state.origin, Origin::Command);
    }
    assert_eq!(calendar(&world, MEGAN).len(), 1);
    carry_out(&world, &command(Do::Cancel, "c2")).await;
    settle(&world).await;
    assert_eq!(world.live(ROOM_A).await, []);
    assert_eq!(calendar(&world, MEGAN), []);
}

#[tokio::test]
async fn a_private_meeting_leaves_no_words_anywhere() {
    let world = world().await;
    let private = BookingCommand {
        is_private: Some(true),
        subject: Some("canary-subject".to_owned()),
        attendees: Some(vec!["canary-guest@contoso.example".to_owned()]),
        ..create("c1")
    };
    carry_out(&world, &private).await;
    let update = BookingCommand {
        start: moment("2026-02-10", 15),
        end: moment("2026-02-10", 16),
        ..command(Do::Update, "c2")
    };
    carry_out(&world, &update).await;
    settle(&world).await;
    let row = receipt(&world).await;
    assert_eq!(row.state.status, Status::Confirmed);
    assert!(world.store.writings()[0].place.mailbox != MEGAN, "not even whose it is");
    let stored = format!("{:?} {:?}", world.store.stream(), serde_json::to_string(&world.store.writings()));
    assert!(!stored.contains("canary"), "{stored}");
    assert_eq!(calendar(&world, MEGAN), [("canary-subject".to_owned(), 14)]);
}

#[tokio::test]
async fn whole_days_are_days_where_the_room_is() {
    let world = world().await;
    let days = BookingCommand {
        is_all_day: Some(true),
        start: moment("2026-02-10", 0),
        end: moment("2026-02-11", 0),
        ..create("c1")
    };
    carry_out(&world, &days).await;
    settle(&world).await;
    let row = receipt(&world).await;
    assert_eq!(row.state.status, Status::Confirmed);
    assert_eq!(
        row.state.all_day.map(|(first, after)| (first.to_string(), after.to_string())),
        Some(("2026-02-10".to_owned(), "2026-02-11".to_owned()))
    );
    assert_eq!(world.rows(ROOM_A).await.len(), 1);
}

#[tokio::test]
async fn zones_that_exchange_does_not_list_are_told_by_another_name() {
    let world = world_with(|config| config.time_zone = "Europe/Monaco".to_owned()).await;
    let tuning = roomsync_twin::Tuning { listed_zones_only: true, ..roomsync_twin::Tuning::default() };
    world.twin.borrow_mut().tune(tuning);
    let monaco = |text: &str| Some(Moment::new(text, "Europe/Monaco"));
    let recurrence = json!({"pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-02-10", "numberOfOccurrences": 2}});
    let single = BookingCommand {
        start: monaco("2026-02-10T10:00:00"),
        end: monaco("2026-02-10T11:00:00"),
        ..create("c1")
    };
    let series = BookingCommand {
        booking_id: "app-2".to_owned(),
        command_id: "c2".to_owned(),
        start: monaco("2026-02-10T12:00:00"),
        end: monaco("2026-02-10T13:00:00"),
        recurrence: Some(serde_json::from_value(recurrence).unwrap()),
        ..single.clone()
    };
    carry_out(&world, &single).await;
    carry_out(&world, &series).await;
    settle(&world).await;
    let row = receipt(&world).await;
    assert_eq!(row.state.status, Status::Confirmed);
    assert_eq!(row.state.time_zone, "Europe/Berlin", "one of the same time, for people who open the meeting");
    assert_eq!(world.receipt(ROOM_A, "app-2").await.state.status, Status::Confirmed);
    assert_eq!(world.live(ROOM_A).await.len(), 3);
}

#[tokio::test]
async fn what_cannot_be_a_command_is_set_aside_with_its_field_and_blocks_nobody() {
    let world = world().await;
    let send = |group: &str, body: &str| world.queue.send(Lane::Commands, group, body, body);
    let wrong = |change: fn(&mut serde_json::Value)| {
        let mut body = serde_json::to_value(create("cx")).unwrap();
        change(&mut body);
        body.to_string()
    };
    send("app-1", "{");
    send("app-1", &wrong(|body| body["schemaVersion"] = json!(2)));
    send("app-1", &wrong(|body| body["tenantId"] = json!("00000000-0000-0000-0000-000000000001")));
    send("app-1", &wrong(|body| body["start"]["timeZone"] = json!("Mars/Olympus")));
    send("app-1", &wrong(|body| body["end"] = body["start"].clone()));
    send("app-1", &wrong(|body| body["roomEmail"] = json!("nowhere@contoso.example")));
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    let reasons: Vec<String> =
        world.queue.rejections().into_iter().map(|rejection| rejection.reason).collect();
    for (reason, field) in
        reasons.iter().zip(["body", "schemaVersion", "tenantId", "start.timeZone", "end", "roomEmail"])
    {
        assert!(reason.starts_with(field), "{reason} names {field}");
    }
    assert_eq!(reasons.len(), 6, "{reasons:?}");
}

#[tokio::test]
async fn refusals_have_receipts_with_stable_codes() {
    let off = Location {
        place: Match::Room(ROOM_B.to_owned()),
        writes: Some(Switch::Off),
        listener: None,
        time_zone: None,
    };
    let world = world_with(|config| config.locations.push(off)).await;
    let numbered = |number: usize, change: fn(&mut BookingCommand)| {
        let mut command = create(&format!("c{number}"));
        command.booking_id = format!("app-{number}");
        change(&mut command);
        command
    };
    type Bend = fn(&mut BookingCommand);
    let cases: [(Bend, &str, &str); 4] = [
        (|command| command.room_email = Some(ROOM_B.to_owned()), ROOM_B, "writes_off"),
        (
            |command| command.organizer_email = Some("nobody@contoso.example".to_owned()),
            ROOM_A,
            "organizer_unknown",
        ),
        (|command| command.organizer_email = None, ROOM_A, "invalid_field"),
        (|command| command.action = Do::Cancel, ROOM_A, "booking_unknown"),
    ];
    for (at, (change, room, code)) in cases.into_iter().enumerate() {
        let command = numbered(at, change);
        world.command(&command);
        world.write().await;
        let row = world.receipt(room, &command.booking_id).await;
        assert_eq!(row.state.status, Status::Ended(EndReason::Failed), "{code}");
        assert_eq!(row.state.failure.unwrap().code, code);
    }
    settle(&world).await;
    assert_eq!(calendar(&world, MEGAN), []);
}

#[tokio::test]
async fn a_person_who_moves_or_cancels_the_meeting_has_the_last_word() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    let uid = receipt(&world).await.state.ical_uid.unwrap();
    let (start, end) = (local("2026-02-11", 15), local("2026-02-11", 16));
    world.act(Action::Move { meeting: uid.clone(), start, end });
    settle(&world).await;
    let moved = receipt(&world).await;
    assert_eq!(moved.state.span.start.to_rfc3339(), "2026-02-11T14:00:00+00:00");
    // A command for other words leaves the person's time alone.
    let update = BookingCommand { subject: Some("Budget".to_owned()), ..command(Do::Update, "c2") };
    carry_out(&world, &update).await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.span, moved.state.span);
    assert_eq!(calendar(&world, MEGAN), [("Budget".to_owned(), 14)]);
    world.act(Action::Cancel { meeting: uid });
    settle(&world).await;
    assert!(matches!(receipt(&world).await.state.status, Status::Ended(_)));
    let late = BookingCommand { subject: Some("Too late".to_owned()), ..command(Do::Update, "c3") };
    carry_out(&world, &late).await;
    settle(&world).await;
    let row = receipt(&world).await;
    assert!(matches!(row.state.status, Status::Ended(_)));
    assert_eq!(row.state.failure.unwrap().code, "gone");
    assert_eq!(calendar(&world, MEGAN), []);
}

/// The room has neither shown it nor reports it, so only its organizer's calendar tells.
#[tokio::test]
async fn a_meeting_that_a_person_deletes_before_its_room_has_answered_is_over() {
    let world = world().await;
    world.command(&create("c1"));
    world.write().await;
    let made = world.store.writings().remove(0).event.unwrap();
    world.act(Action::Cancel { meeting: made.ical_uid.unwrap() });
    settle(&world).await;
    let row = receipt(&world).await;
    assert_eq!((row.state.status, row.state.event_id), (Status::Ended(EndReason::Cancelled), None));
    assert_eq!(row.state.failure.unwrap().code, "gone");
    assert_eq!(calendar(&world, MEGAN), []);
}

fn write_fault(method: &str, effect: Effect) -> Fault {
    let matching =
        Matching { method: Some(method.to_owned()), path: Some("/events".to_owned()), ..Matching::default() };
    Fault { matching, skip: 0, times: Some(1), probability: None, effect }
}

fn status(status: u16, code: Option<&str>, retry_after: Option<f64>, executed: bool) -> Effect {
    let code = code.map(str::to_owned);
    Effect::Status { status, code, retry_after, form: Default::default(), executed }
}

#[tokio::test]
async fn whatever_happens_to_a_write_there_is_one_meeting_in_the_end() {
    let effects = [
        ("dropped after its effect", Effect::DropAfterEffect),
        ("dropped before its effect", Effect::DropBeforeEffect),
        ("landing late", Effect::LandLater { ms: 25_000 }),
        ("503 although done", status(503, None, None, true)),
        ("409 although done", status(409, Some("ErrorConcurrentItemSave"), None, true)),
        ("throttled although done", status(429, None, Some(20.0), true)),
        ("throttled", status(429, None, Some(20.0), false)),
        ("500", status(500, None, None, false)),
        ("cut", Effect::TruncatedJson),
        ("412", Effect::Spring { trap: Trap::EtagMoves }),
    ];
    for (why, effect) in effects {
        let world = world().await;
        for (method, sent) in [
            ("POST", create("c1")),
            (
                "PATCH",
                BookingCommand {
                    start: moment("2026-02-10", 12),
                    end: moment("2026-02-10", 13),
                    ..command(Do::Update, "c2")
                },
            ),
        ] {
            world.twin.borrow_mut().add_fault(write_fault(method, effect.clone()));
            world.command(&sent);
            world.write().await;
            settle(&world).await;
            world.twin.borrow_mut().clear_faults();
            assert_eq!(receipt(&world).await.state.status, Status::Confirmed, "{method} {why}");
            assert_eq!(world.rows(ROOM_A).await.len(), 1, "{method} {why}");
        }
        assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 11)], "{why}");
        assert_eq!(mails(&world, MailKind::Invitation), 2, "{why}");
        world.twin.borrow_mut().add_fault(write_fault("DELETE", effect));
        carry_out(&world, &command(Do::Cancel, "c3")).await;
        settle(&world).await;
        assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Cancelled), "DELETE {why}");
        assert_eq!(calendar(&world, MEGAN), [], "DELETE {why}");
        assert_eq!(mails(&world, MailKind::Cancellation), 2, "DELETE {why}");
    }
}

/// Nobody may know who organizes a private meeting, and its occurrences may have ids of their own.
#[tokio::test]
async fn a_series_is_known_by_its_master() {
    let world = world().await;
    let recurrence = json!({"pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-02-10", "numberOfOccurrences": 3}});
    let mut forms = BTreeSet::new();
    for hour in 6..12 {
        let id = format!("app-{hour}");
        world.command(&BookingCommand {
            booking_id: id.clone(),
            is_private: Some(true),
            start: moment("2026-02-10", hour),
            end: moment("2026-02-10", hour + 1),
            recurrence: Some(serde_json::from_value(recurrence.clone()).unwrap()),
            ..create(&format!("c{hour}"))
        });
        world.write().await;
        answer(&world).await;
        let row = world.receipt(ROOM_A, &id).await;
        assert_eq!(row.state.status, Status::Confirmed, "{id}");
        let rows = world.live(ROOM_A).await;
        let ours: Vec<_> = rows.iter().filter(|other| other.state.series_id == row.state.series_id).collect();
        assert_eq!(ours.len(), 3, "{id}");
        assert!(
            ours.iter().all(|row| row.state.origin == Origin::Command && row.state.is_private),
            "{ours:#?}"
        );
        forms.insert(ours.iter().map(|row| &row.state.ical_uid).collect::<BTreeSet<_>>().len());
    }
    assert_eq!(forms, BTreeSet::from([1, 3]), "both forms are to be seen");
    settle(&world).await;
    assert_eq!(world.live(ROOM_A).await.len(), 18);
}

#[tokio::test]
async fn who_is_told_to_wait_tells_every_writer_of_that_mailbox() {
    let mut world = world().await;
    world.twin.borrow_mut().add_fault(write_fault("POST", status(429, None, Some(20.5), false)));
    world.command(&create("c1"));
    world.write().await;
    // Another process, that has asked nobody yet; the address is spelled in another way.
    world.restart();
    world.twin.borrow_mut().reset_counters();
    world.pass(15);
    let second = BookingCommand {
        booking_id: "app-2".to_owned(),
        organizer_email: Some("Megan@contoso.example".to_owned()),
        start: moment("2026-02-10", 14),
        end: moment("2026-02-10", 15),
        ..create("c2")
    };
    world.command(&second);
    let other = BookingCommand {
        booking_id: "app-3".to_owned(),
        organizer_email: Some("alex@contoso.example".to_owned()),
        start: moment("2026-02-10", 16),
        end: moment("2026-02-10", 17),
        attendees: None,
        ..create("c3")
    };
    world.command(&other);
    // Goes by the object id of the same mailbox.
    let private = BookingCommand {
        booking_id: "app-4".to_owned(),
        is_private: Some(true),
        start: moment("2026-02-10", 18),
        end: moment("2026-02-10", 19),
        attendees: None,
        ..create("c4")
    };
    world.command(&private);
    world.write().await;
    let events = |mailbox: &str| {
        let twin = world.twin.borrow();
        let to = |path: &str| path.to_lowercase().contains(mailbox) && path.contains("/events");
        twin.requests().filter(|seen| to(&seen.path)).count()
    };
    assert_eq!(events("alex"), 2);
    assert_eq!(events(""), 2, "nobody else's calendar is touched");
    settle(&world).await;
    assert_eq!(calendar(&world, MEGAN).len(), 3);
    assert_eq!(mails(&world, MailKind::Invitation), 6);
}

#[tokio::test]
async fn the_room_s_copy_may_be_seen_before_our_own_call_is_answered() {
    for takes_organizers in [true, false] {
        let take = if takes_organizers { Take::UnlessPrivate } else { Take::Never };
        let world = world_with(|config| config.privacy.organizer = take).await;
        let drop = write_fault("POST", Effect::DropAfterEffect);
        world.twin.borrow_mut().add_fault(drop);
        carry_out(&world, &create("c1")).await;
        // Whose it is says the organizer, or the answer to the next attempt.
        let status = if takes_organizers { Status::Confirmed } else { Status::Pending };
        assert_eq!(receipt(&world).await.state.status, status);
        assert_eq!(world.rows(ROOM_A).await.len(), 1);
        settle(&world).await;
        let row = receipt(&world).await;
        assert_eq!((row.state.status, row.version), (Status::Confirmed, 2));
        assert_eq!(world.rows(ROOM_A).await.len(), 1);
        assert_eq!(calendar(&world, MEGAN).len(), 1);
    }
}

#[tokio::test]
async fn of_two_that_may_be_meant_none_is_guessed() {
    let world = world_with(|config| config.privacy.organizer = Take::Never).await;
    let first = BookingCommand { attendees: None, ..create("c1") };
    let mut second = BookingCommand { attendees: None, ..create("c2") };
    (second.booking_id, second.organizer_email) =
        ("app-2".to_owned(), Some("alex@contoso.example".to_owned()));
    let both = Fault { times: Some(2), ..write_fault("POST", Effect::DropAfterEffect) };
    world.twin.borrow_mut().add_fault(both);
    world.command(&first);
    world.command(&second);
    world.write().await;
    answer(&world).await;
    settle(&world).await;
    let rows = world.rows(ROOM_A).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    let standing = rows.iter().filter(|row| row.is_live()).count();
    assert_eq!(standing, 1, "the room takes one of them");
    assert_eq!(calendar(&world, MEGAN).len() + calendar(&world, "alex@contoso.example").len(), 1);
}

#[tokio::test]
async fn nothing_is_asked_again_before_a_lost_request_can_have_landed() {
    let world = world().await;
    world.twin.borrow_mut().add_fault(write_fault("POST", Effect::LandLater { ms: 25_000 }));
    world.command(&create("c1"));
    world.write().await;
    let posts = || {
        let twin = world.twin.borrow();
        twin.requests().filter(|seen| seen.method == "POST" && seen.path.contains("/events")).count()
    };
    assert_eq!(posts(), 1);
    for _ in 0..28 {
        world.pass(1);
        world.write().await;
        world.sweep().await;
        assert_eq!(posts(), 1);
    }
    world.pass(3);
    world.write().await;
    assert_eq!(posts(), 2);
    settle(&world).await;
    assert_eq!(calendar(&world, MEGAN).len(), 1);
}

#[tokio::test]
async fn a_crash_after_any_call_loses_and_doubles_nothing() {
    let world = world().await;
    // The writer dies after its command was accepted: nothing but the stored state goes on.
    world.twin.borrow_mut().add_fault(write_fault("POST", Effect::DropAfterEffect));
    world.command(&create("c1"));
    world.write().await;
    for message in world.queue.messages(Lane::Commands) {
        world.queue.delete(Lane::Commands, message.receipt);
    }
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    assert_eq!(calendar(&world, MEGAN).len(), 1);
}

/// Products that forget what they made make it once more, and everybody is invited again.
#[tokio::test]
async fn wiped_tables_are_read_again_without_a_write_or_a_mail() {
    let mut world = world().await;
    carry_out(&world, &create("c1")).await;
    world.book("2026-02-12", 9);
    settle(&world).await;
    let state = |row: Booking| (row.state.event_id, row.state.span, row.state.status, row.state.subject);
    let before: Vec<_> = world.live(ROOM_A).await.into_iter().map(state).collect();
    assert_eq!(before.len(), 2);
    let config = world.config().await;
    world.store = Rc::new(MemoryStore::new());
    world.restart();
    world.apply(config).await;
    world.twin.borrow_mut().reset_counters();
    world.rounds(1).await;
    settle(&world).await;
    let after: Vec<_> = world.live(ROOM_A).await.into_iter().map(state).collect();
    assert_eq!(after, before);
    assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 9)]);
    let twin = world.twin.borrow();
    let writes = twin.requests().filter(|seen| seen.method != "GET" && !seen.path.contains("oauth2"));
    assert_eq!(writes.map(|seen| seen.path.clone()).collect::<Vec<_>>(), Vec::<String>::new());
    assert!(twin.requests().count() > 0, "everything was read again");
    assert_eq!(twin.mails().count(), 0, "since the tables were wiped");
}

#[tokio::test]
async fn one_mailbox_organizes_for_all() {
    let world =
        world_with(|config| config.organizer = Organizer::Mailbox("service@contoso.example".to_owned()))
            .await;
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    assert_eq!(calendar(&world, "service@contoso.example").len(), 1);
    assert_eq!(mails(&world, MailKind::Invitation), 3, "Megan, Alex and the room");
}

#[tokio::test]
async fn the_room_itself_is_written_to_only_when_it_is_free() {
    let world = world_with(|config| config.organizer = Organizer::Room).await;
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    assert_eq!(calendar(&world, ROOM_A), [("Design review".to_owned(), 9)]);
    let mut second = create("c2");
    second.booking_id = "app-2".to_owned();
    carry_out(&world, &second).await;
    settle(&world).await;
    let refused = world.receipt(ROOM_A, "app-2").await;
    assert_eq!(refused.state.status, Status::Ended(EndReason::Failed));
    assert_eq!(refused.state.failure.unwrap().code, "conflict");
    carry_out(&world, &command(Do::Cancel, "c3")).await;
    settle(&world).await;
    assert_eq!(calendar(&world, ROOM_A), []);
}

#[tokio::test]
async fn an_update_after_a_release_does_not_take_the_room_again() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    carry_out(&world, &command(Do::Release, "c2")).await;
    let update = BookingCommand { subject: Some("Budget".to_owned()), ..command(Do::Update, "c3") };
    carry_out(&world, &update).await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Released));
    assert_eq!(receipt(&world).await.state.last_command_id.as_deref(), Some("c3"));
    assert_eq!(calendar(&world, MEGAN), [("Budget".to_owned(), 9)]);
    assert_eq!(calendar(&world, ROOM_A), []);
}

/// The room's copy of the first meeting is still there when the second is made.
#[tokio::test]
async fn a_booking_that_is_cancelled_and_made_anew_at_once_is_one_booking() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    world.command(&command(Do::Cancel, "c2"));
    world.command(&BookingCommand {
        start: moment("2026-02-10", 14),
        end: moment("2026-02-10", 15),
        ..create("c3")
    });
    world.write().await;
    world.look(ROOM_A).await;
    assert_eq!(receipt(&world).await.state.status, Status::Pending);
    answer(&world).await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    assert_eq!(world.rows(ROOM_A).await.len(), 1);
    assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 13)]);
}

#[tokio::test]
async fn a_move_that_is_refused_has_its_receipt_where_the_booking_stands() {
    let off = Location {
        place: Match::Room(ROOM_B.to_owned()),
        writes: Some(Switch::Off),
        listener: None,
        time_zone: None,
    };
    let world = world_with(|config| config.locations.push(off)).await;
    carry_out(&world, &create("c1")).await;
    let moves = BookingCommand { room_email: Some(ROOM_B.to_owned()), ..command(Do::Update, "c2") };
    carry_out(&world, &moves).await;
    settle(&world).await;
    let row = receipt(&world).await;
    assert_eq!(row.state.status, Status::Confirmed);
    assert_eq!(row.state.last_command_id.as_deref(), Some("c2"));
    assert_eq!(row.state.failure.unwrap().code, "writes_off");
    assert_eq!(world.rows(ROOM_B).await.len(), 0);
}

#[tokio::test]
async fn a_command_that_was_refused_does_not_count_when_it_comes_again() {
    let world = world().await;
    let cancel = BookingCommand { room_email: Some(ROOM_A.to_owned()), ..command(Do::Cancel, "c0") };
    carry_out(&world, &cancel).await;
    assert_eq!(receipt(&world).await.state.failure.unwrap().code, "booking_unknown");
    carry_out(&world, &create("c1")).await;
    let body = serde_json::to_string(&cancel).unwrap();
    world.queue.send(Lane::Commands, "app-1", "again", &body);
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    assert_eq!(calendar(&world, MEGAN).len(), 1);
}

/// The look before a repeated create finds what the first one has made.
#[tokio::test]
async fn our_own_meeting_does_not_take_the_room_from_us() {
    let world = world_with(|config| config.organizer = Organizer::Room).await;
    world.twin.borrow_mut().add_fault(write_fault("POST", Effect::DropAfterEffect));
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    assert_eq!(calendar(&world, ROOM_A), [("Design review".to_owned(), 9)]);
}

#[tokio::test]
async fn a_change_that_fails_leaves_the_booking_and_is_not_made_by_the_next_command() {
    let world = world_with(|config| config.organizer = Organizer::Room).await;
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    world.book("2026-02-10", 11);
    let moves = BookingCommand {
        start: moment("2026-02-10", 12),
        end: moment("2026-02-10", 13),
        ..command(Do::Update, "c2")
    };
    carry_out(&world, &moves).await;
    settle(&world).await;
    let row = receipt(&world).await;
    assert_eq!(row.state.status, Status::Confirmed);
    assert_eq!(row.state.span.start.to_rfc3339(), "2026-02-10T09:00:00+00:00");
    assert_eq!(row.state.failure.unwrap().code, "conflict");
    let update = BookingCommand { subject: Some("Budget".to_owned()), ..command(Do::Update, "c3") };
    carry_out(&world, &update).await;
    settle(&world).await;
    assert!(calendar(&world, ROOM_A).contains(&("Budget".to_owned(), 9)));
    let row = receipt(&world).await;
    assert_eq!(row.state.failure, None);
    assert_eq!(row.state.span.start.to_rfc3339(), "2026-02-10T09:00:00+00:00");
}

/// What stood before was forgotten: the meeting was removed, or stayed with a booking that had ended.
#[tokio::test]
async fn a_release_that_is_refused_leaves_booking_and_meeting() {
    for (organizer, method, mailbox) in
        [(Organizer::User, "PATCH", MEGAN), (Organizer::Room, "DELETE", ROOM_A)]
    {
        let world = world_with(|config| config.organizer = organizer).await;
        world.command(&create("c1"));
        world.write().await;
        world.twin.borrow_mut().add_fault(write_fault(method, status(403, None, None, false)));
        carry_out(&world, &command(Do::Release, "c2")).await;
        settle(&world).await;
        let row = receipt(&world).await;
        assert_eq!(row.state.status, Status::Confirmed, "{mailbox}");
        assert_eq!(row.state.failure.unwrap().code, "forbidden");
        assert_eq!(calendar(&world, mailbox), [("Design review".to_owned(), 9)]);
    }
}

/// It was given up at once, and what the room showed then had a booking of its own.
#[tokio::test]
async fn a_command_that_comes_after_its_meeting_is_one_booking() {
    let world = world().await;
    let late =
        BookingCommand { start: moment("2026-02-02", 6), end: moment("2026-02-02", 7), ..create("c1") };
    carry_out(&world, &late).await;
    settle(&world).await;
    let row = receipt(&world).await;
    assert_eq!((row.state.status, row.state.failure), (Status::Confirmed, None));
    assert_eq!(world.rows(ROOM_A).await.len(), 1);
}

/// The room had shown the meeting before, and what it still held of that was taken for its end.
#[tokio::test]
async fn a_booking_that_returns_does_not_end_with_what_its_room_showed_before() {
    let world = released().await;
    world.pass(5);
    world.command(&BookingCommand {
        start: moment("2026-05-12", 10),
        end: moment("2026-05-12", 11),
        ..create("c3")
    });
    world.write().await;
    world.look(ROOM_A).await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
}

/// Once all else was settled, nobody asked for a look at the room that was left.
#[tokio::test]
async fn a_room_that_was_left_is_asked_until_it_shows_that() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    world.twin.borrow_mut().set_trap(Trap::LostRemoval, None, 1.0);
    world.command(&BookingCommand { room_email: Some(ROOM_B.to_owned()), ..command(Do::Update, "c2") });
    world.command(&command(Do::Cancel, "c3"));
    world.write().await;
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Moved));
}

/// A person moved it before the answer of our own call was known, so that nothing told whose it was, and it had a booking of its own.
#[tokio::test]
async fn a_meeting_that_was_taken_for_somebody_else_s_goes_over_to_its_booking() {
    let world = world().await;
    world.twin.borrow_mut().add_fault(write_fault("POST", Effect::DropAfterEffect));
    world.command(&create("c1"));
    world.write().await;
    let meeting = world.twin.borrow().entries(TENANT, MEGAN, false).unwrap().remove(0).uid;
    let at = |hour| moment("2026-02-10", hour).unwrap().date_time.parse().unwrap();
    world.act(Action::Move { meeting, start: at(14), end: at(15) });
    answer(&world).await;
    let taken = world.live(ROOM_A).await.into_iter().find(|row| row.is_observed()).unwrap();
    assert_eq!(taken.state.origin, Origin::Outlook);
    settle(&world).await;
    let live = world.live(ROOM_A).await;
    assert_eq!(live.len(), 1, "{live:?}");
    assert_eq!((live[0].id.as_str(), live[0].state.status), ("app-1", Status::Confirmed));
    assert_eq!(live[0].state.event_id, taken.state.event_id);
    fold_stream(&world.store.stream()).unwrap();
}

/// In the room's own calendar nobody organizes, and the instance of a series that took the room was taken for the command's meeting.
#[tokio::test]
async fn what_takes_the_room_is_not_taken_for_the_command_s_meeting() {
    let world = world_with(|config| config.organizer = Organizer::Room).await;
    world.command(&create("c1"));
    world.twin.borrow_mut().add_fault(write_fault("POST", status(503, None, Some(30.0), false)));
    world.write().await;
    world.book("2026-02-10", 9);
    answer(&world).await;
    settle(&world).await;
    let row = receipt(&world).await;
    assert_eq!((row.state.status, row.state.event_id), (Status::Ended(EndReason::Failed), None));
    assert_eq!(row.state.failure.unwrap().code, "conflict");
    assert_eq!(world.live(ROOM_A).await.len(), 1);
}

/// The first attempt had made it without saying so, a person cancelled that, and the second made it anew.
#[tokio::test]
async fn a_meeting_that_was_made_anew_is_the_booking_s_although_its_first_was_cancelled() {
    let world = world().await;
    world.twin.borrow_mut().add_fault(write_fault("POST", Effect::DropAfterEffect));
    carry_out(&world, &create("c1")).await;
    let meeting = receipt(&world).await.state.ical_uid.unwrap();
    world.act(Action::Cancel { meeting });
    settle(&world).await;
    let live = world.live(ROOM_A).await;
    let standing = calendar(&world, MEGAN).len();
    assert_eq!(live.len(), standing, "{live:?}");
    assert!(live.iter().all(|row| row.id.as_str() == "app-1"));
}

/// The booking had ended before its room has ever shown it, and the room's copy, seen late, had a booking of its own.
#[tokio::test]
async fn what_a_room_still_shows_of_a_released_booking_is_that_booking() {
    let world = released().await;
    assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Released));
    world.look(ROOM_A).await;
    settle(&world).await;
    assert!(!receipt(&world).await.is_live());
    assert_eq!(world.rows(ROOM_A).await.len(), 1);
}

/// It was taken for our own late echo, and what was to be sent over it had been in the message alone: a day later the meeting was removed.
#[tokio::test]
async fn a_person_may_give_a_private_meeting_its_old_name_back() {
    let world = world().await;
    world.command(&BookingCommand { is_private: Some(true), ..create("c1") });
    world.write().await;
    let rename = BookingCommand { subject: Some("Budget".to_owned()), ..command(Do::Update, "c2") };
    world.command(&rename);
    world.write().await;
    let meeting = world.twin.borrow().entries(TENANT, MEGAN, false).unwrap().remove(0).uid;
    world.act(Action::ChangeSubject { meeting, subject: "Design review".to_owned() });
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 9)]);
}

#[tokio::test]
async fn a_mailbox_that_is_away_for_a_while_does_not_keep_a_cancelled_meeting() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    let set = |state| world.twin.borrow_mut().change_mailbox(TENANT, MEGAN, |mailbox| mailbox.state = state);
    set(MailboxState::NotEnabled);
    carry_out(&world, &command(Do::Cancel, "c2")).await;
    assert_eq!(receipt(&world).await.state.status, Status::Pending);
    set(MailboxState::Active);
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Cancelled));
    assert_eq!(calendar(&world, MEGAN), []);
}

/// Nobody had worked for more than a day, and the first thing that went wrong then was the last.
#[tokio::test]
async fn what_was_not_tried_is_not_given_up() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    let fails = || world.twin.borrow_mut().add_fault(write_fault("DELETE", status(503, None, None, false)));
    fails();
    carry_out(&world, &command(Do::Cancel, "c2")).await;
    assert_eq!(receipt(&world).await.state.status, Status::Pending);
    world.pass(25 * 60 * 60);
    fails();
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Cancelled));
    assert_eq!(calendar(&world, MEGAN), []);
}

/// Its words came only with the message, and that had been set aside while its tenant was away.
#[tokio::test]
async fn a_private_meeting_that_was_made_needs_no_words_to_be_known() {
    let world = world().await;
    world.twin.borrow_mut().add_fault(write_fault("POST", Effect::DropAfterEffect));
    world.command(&BookingCommand { is_private: Some(true), ..create("c1") });
    world.write().await;
    world.pass(61);
    world.queue.receive(Lane::Commands, 10).iter().for_each(|message| {
        world.queue.delete(Lane::Commands, message.receipt);
    });
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    assert_eq!(calendar(&world, MEGAN).len(), 1);
}

/// What had failed was cleared away, and reading that back was tried every minute for a day.
#[tokio::test]
async fn nothing_is_read_back_in_a_mailbox_that_went_after_its_meeting() {
    let world = world().await;
    let refused = status(400, Some("ErrorInvalidRequest"), None, false);
    let later = Fault { skip: 1, ..write_fault("GET", status(503, None, Some(30.0), false)) };
    world.twin.borrow_mut().add_fault(write_fault("POST", refused));
    world.twin.borrow_mut().add_fault(later);
    world.command(&create("c1"));
    world.write().await;
    let away = MailboxState::NotEnabled;
    world.twin.borrow_mut().change_mailbox(TENANT, MEGAN, |mailbox| mailbox.state = away);
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Failed));
}

/// The receipt went on saying why the last command had failed, and a program could not tell what it waited for.
#[tokio::test]
async fn a_room_that_does_not_answer_is_named_although_a_command_has_failed() {
    let world = world().await;
    world.command(&create("c1"));
    world.write().await;
    world.pass(5);
    let meeting = world.twin.borrow().entries(TENANT, MEGAN, false).unwrap().remove(0).uid;
    world.act(Action::Delete { meeting, room: Some(ROOM_A.to_owned()) });
    let refused = status(400, Some("ErrorInvalidRequest"), None, false);
    world.twin.borrow_mut().add_fault(write_fault("PATCH", refused));
    let update = BookingCommand { subject: Some("Budget".to_owned()), ..command(Do::Update, "c2") };
    carry_out(&world, &update).await;
    let said = |row: Booking| (row.state.status, row.state.failure.unwrap().code);
    assert_eq!(said(receipt(&world).await), (Status::Pending, "invalid_field".to_owned()));
    for _ in 0..90 {
        world.pass(61);
        world.sweep().await;
        world.drain().await;
    }
    assert_eq!(said(receipt(&world).await), (Status::Pending, "no_answer".to_owned()));
}
