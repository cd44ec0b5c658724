//! Commands that follow each other before the room has shown what became of the first.

use crate::{
    MEGAN, answer, calendar, carry_out, command, create, moment, receipt, released, settle, status, world,
    write_fault,
};
use roomsync_command::{Action as Do, BookingCommand};
use roomsync_domain::booking::{EndReason, Status};
use roomsync_testkit::Lane;
use roomsync_tests::world::{ROOM_A, ROOM_B};
use roomsync_twin::Trap;

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

/// What was set aside may come again, because its deletion was lost, and then waits behind a private command for which only that one's message
/// has the words.
#[tokio::test]
async fn a_command_that_waits_does_not_hold_up_those_that_were_accepted_before() {
    let world = world().await;
    world.command(&BookingCommand { start: moment("2026-02-10", 12), ..command(Do::Update, "c1") });
    world.command(&BookingCommand { is_private: Some(true), ..create("c2") });
    let messages = world.queue.receive(Lane::Commands, 10);
    world.twin.borrow_mut().add_fault(write_fault("POST", status(503, None, None, false)));
    world.write_batch(&messages[1..]).await;
    assert_eq!(calendar(&world, MEGAN), []);
    world.pass(60);
    world.write_batch(&messages).await;
    assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 9)]);
}
