//! What people do to meetings that commands have made, and to others beside them.

use crate::{
    MEGAN, answer, calendar, carry_out, command, create, moment, receipt, settle, status, world, world_with,
    write_fault,
};
use roomsync_command::{Action as Do, BookingCommand};
use roomsync_domain::booking::{EndReason, Origin, Status};
use roomsync_domain::tenant::{Organizer, Take};
use roomsync_testkit::fold_stream;
use roomsync_tests::world::{ROOM_A, TENANT, local};
use roomsync_twin::faults::{Effect, Fault};
use roomsync_twin::outlook::Action;

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
