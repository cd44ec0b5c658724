//! What cannot be carried out, and what becomes of the booking then.

use crate::{
    MEGAN, calendar, carry_out, command, create, moment, receipt, settle, status, world, world_with,
    write_fault,
};
use roomsync_command::{Action as Do, BookingCommand};
use roomsync_domain::booking::{Booking, EndReason, Status};
use roomsync_domain::tenant::{Location, Match, Organizer, Switch};
use roomsync_testkit::Lane;
use roomsync_tests::world::{ROOM_A, ROOM_B, TENANT, World};
use roomsync_twin::faults::Effect;
use roomsync_twin::outlook::Action;
use serde_json::json;

/// The second room may not be written to.
async fn world_that_writes_to_one_room() -> World {
    let off = Location {
        place: Match::Room(ROOM_B.to_owned()),
        writes: Some(Switch::Off),
        listener: None,
        time_zone: None,
    };
    world_with(|config| config.locations.push(off)).await
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
    let world = world_that_writes_to_one_room().await;
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
async fn a_move_that_is_refused_has_its_receipt_where_the_booking_stands() {
    let world = world_that_writes_to_one_room().await;
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

/// It was said to have failed, and its meeting was as it had wanted it.
#[tokio::test]
async fn a_change_that_may_have_been_made_is_not_said_to_have_failed() {
    let update = BookingCommand { subject: Some("Budget".to_owned()), ..command(Do::Update, "c2") };
    let changed = [("Budget".to_owned(), 9)];
    // Its mailbox was closed when it was asked for again.
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    world.twin.borrow_mut().add_fault(write_fault("PATCH", status(429, None, Some(30.0), true)));
    carry_out(&world, &update).await;
    world
        .twin
        .borrow_mut()
        .add_fault(write_fault("GET", status(404, Some("MailboxNotEnabledForRESTAPI"), None, false)));
    settle(&world).await;
    let row = receipt(&world).await;
    assert_eq!((row.state.status, row.state.failure), (Status::Confirmed, None));
    assert_eq!(calendar(&world, MEGAN), changed);
    // Another copy of the writer had made it.
    let world = self::world().await;
    carry_out(&world, &create("c1")).await;
    settle(&world).await;
    for is_made in [false, false, true] {
        world.twin.borrow_mut().add_fault(write_fault("PATCH", status(412, None, None, is_made)));
    }
    carry_out(&world, &update).await;
    settle(&world).await;
    let row = receipt(&world).await;
    assert_eq!((row.state.status, row.state.failure), (Status::Confirmed, None));
    assert_eq!(calendar(&world, MEGAN), changed);
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
