//! What commands come to, if nothing goes wrong.

use crate::{
    MEGAN, answer, calendar, carry_out, command, create, mails, moment, receipt, settle, world, world_with,
};
use roomsync_command::{Action as Do, BookingCommand, Moment};
use roomsync_domain::booking::{EndReason, Kind, Origin, Status};
use roomsync_domain::tenant::Organizer;
use roomsync_testkit::{Lane, fold_stream};
use roomsync_tests::world::{ROOM_A, ROOM_B, TENANT};
use roomsync_twin::MailKind;
use roomsync_twin::outlook::Action;
use serde_json::json;
use std::collections::BTreeSet;

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
            ours.iter().all(|row| row.state.origin == Origin::Command && row.state.is_private()),
            "{ours:#?}"
        );
        forms.insert(ours.iter().map(|row| &row.state.ical_uid).collect::<BTreeSet<_>>().len());
    }
    assert_eq!(forms, BTreeSet::from([1, 3]), "both forms are to be seen");
    settle(&world).await;
    assert_eq!(world.live(ROOM_A).await.len(), 18);
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
