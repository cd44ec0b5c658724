//! Stories: one for each promise of SEMANTICS.md, acted out on the twin, read from the tables.
#![allow(missing_docs, clippy::unwrap_used, reason = "the names are the documentation; a test may fail")]

use chrono::TimeDelta;
use roomsync_domain::Span;
use roomsync_domain::booking::{EndReason, Kind, Status};
use roomsync_domain::context::{Context, all_day_slack};
use roomsync_domain::cursor::{Mode, TroubleKind};
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::room_plan::DirectoryMemory;
use roomsync_domain::time::seconds;
use roomsync_testkit::Lane;
use roomsync_tests::world::{TENANT, local, meeting, weekly};
use roomsync_tests::{ROOM_A, ROOM_B, World};
use roomsync_twin::calendar::{Recurrence, Sensitivity};
use roomsync_twin::faults::{Effect, Fault, Matching, RetryForm};
use roomsync_twin::outlook::Action;

#[tokio::test]
async fn a_meeting_comes_changes_moves_and_goes() {
    let mut world = World::new().await;
    world.rounds(2).await;
    let uid = world.book("2026-02-10", 9);
    world.rounds(2).await;
    let rows = world.live(ROOM_A).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].version, rows[0].state.status), (1, Status::Confirmed));

    let (start, end) = (local("2026-03-05", 14), local("2026-03-05", 15));
    world.act(Action::Move { meeting: uid.clone(), start, end });
    world.rounds(2).await;
    let moved = world.live(ROOM_A).await;
    assert_eq!((moved[0].id.clone(), moved[0].version), (rows[0].id.clone(), 2));
    assert_eq!(moved[0].state.span.start, start.and_utc());

    world.act(Action::Cancel { meeting: uid });
    world.rounds(2).await;
    assert!(world.live(ROOM_A).await.is_empty());
    let ended = &world.rows(ROOM_A).await[0];
    assert_eq!((ended.version, ended.state.status), (3, Status::Ended(EndReason::Cancelled)));
    assert_eq!(world.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_deleted_occurrence_ends_exactly_that_one() {
    let mut world = World::new().await;
    let uid = world.act(Action::Book { meeting: weekly("2026-02-03", 10, 8).at(ROOM_A) });
    world.rounds(2).await;
    assert_eq!(world.live(ROOM_A).await.len(), 8);
    world.act(Action::DeleteOccurrence { meeting: uid, date: "2026-02-17".parse().unwrap() });
    world.rounds(2).await;
    let rows = world.rows(ROOM_A).await;
    let ended: Vec<_> = rows.iter().filter(|row| !row.is_live()).collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].state.span.start, local("2026-02-17", 10).and_utc());
    assert!(rows.iter().all(|row| row.state.kind == Kind::Occurrence && row.state.series_id.is_some()));
    assert_eq!(world.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_series_split_in_two_ends_the_tail_and_begins_the_new_one() {
    let mut world = World::new().await;
    let uid = world.act(Action::Book { meeting: weekly("2026-02-03", 10, 8).at(ROOM_A) });
    world.rounds(2).await;
    let then = Some(Box::new(weekly("2026-02-24", 15, 4).at(ROOM_A)));
    world.act(Action::EndSeries { meeting: uid, date: "2026-02-24".parse().unwrap(), then });
    world.rounds(3).await;
    assert_eq!(world.live(ROOM_A).await.len(), 3 + 4);
    assert_eq!(world.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_occurrence_that_moves_is_an_exception_of_the_same_booking() {
    let mut world = World::new().await;
    let uid = world.act(Action::Book { meeting: weekly("2026-02-03", 10, 4).at(ROOM_A) });
    world.rounds(2).await;
    let before = world.live(ROOM_A).await;
    let (start, end) = (local("2026-02-11", 16), local("2026-02-11", 17));
    world.act(Action::MoveOccurrence { meeting: uid, date: "2026-02-10".parse().unwrap(), start, end });
    world.rounds(2).await;
    let after = world.live(ROOM_A).await;
    let moved = after.iter().find(|row| row.state.kind == Kind::Exception).expect("an exception");
    assert_eq!(moved.state.original_start, Some(local("2026-02-10", 10).and_utc()));
    assert_eq!(moved.state.span.start, start.and_utc());
    assert!(before.iter().any(|row| row.id == moved.id && row.version + 1 == moved.version));
    assert_eq!(world.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_meeting_that_leaves_the_window_keeps_its_booking_and_one_that_enters_gets_one() {
    let mut world = World::new().await;
    let uid = world.book("2026-02-10", 9);
    world.rounds(2).await;
    let id = world.live(ROOM_A).await[0].id.clone();
    let far = (local("2026-06-10", 9), local("2026-06-10", 10));
    world.act(Action::Move { meeting: uid.clone(), start: far.0, end: far.1 });
    world.rounds(2).await;
    let rows = world.rows(ROOM_A).await;
    assert_eq!((rows.len(), rows[0].is_live(), rows[0].state.span.start), (1, true, far.0.and_utc()));
    world.act(Action::Move { meeting: uid, start: local("2026-02-12", 9), end: local("2026-02-12", 10) });
    world.rounds(2).await;
    let rows = world.live(ROOM_A).await;
    assert_eq!((rows.len(), &rows[0].id, rows[0].version), (1, &id, 3));
    assert_eq!(world.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_event_far_outside_the_window_leaves_no_trace() {
    let mut world = World::new().await;
    world.rounds(2).await;
    let uid = world.book("2027-02-10", 9);
    world.rounds(2).await;
    world.act(Action::Delete { meeting: uid, room: None });
    world.rounds(2).await;
    assert!(world.rows(ROOM_A).await.is_empty());
}

#[tokio::test]
async fn a_meeting_that_moves_to_another_room_ends_here_and_begins_there() {
    let mut world = World::new().await;
    let uid = world.book("2026-02-10", 9);
    world.rounds(2).await;
    world.act(Action::ChangeRooms { meeting: uid, rooms: vec![ROOM_B.to_owned()] });
    world.rounds(2).await;
    assert!(world.live(ROOM_A).await.is_empty());
    assert_eq!(world.live(ROOM_B).await.len(), 1);
    assert_eq!(world.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_of_a_private_meeting_is_kept() {
    let mut world = World::new().await;
    let mut secret = meeting("2026-02-10", 9).at(ROOM_A).private();
    secret.subject = "canary-subject".to_owned();
    secret.organizer.name = "canary-organizer".to_owned();
    let uid = world.act(Action::Book { meeting: secret });
    world.rounds(2).await;
    let rows = world.live(ROOM_A).await;
    assert!(rows[0].state.is_private());
    let everything = format!("{:?} {:?}", world.store.tables(), world.store.stream());
    assert!(!everything.contains("canary"), "{everything}");
    world.act(Action::SetSensitivity { meeting: uid, sensitivity: Sensitivity::Normal });
    world.rounds(2).await;
    assert_eq!(world.live(ROOM_A).await[0].state.subject.as_deref(), Some("canary-subject"));
}

#[tokio::test]
async fn the_window_rolls_on_and_nothing_is_lost_on_the_way() {
    let mut world = World::new().await;
    let daily = meeting("2026-02-03", 8)
        .at(ROOM_A)
        .repeats(Recurrence::daily("2026-02-03".parse().unwrap(), 1).times(110));
    world.act(Action::Book { meeting: daily });
    for _ in 0..40 {
        world.clock.advance(TimeDelta::hours(23));
        world.rounds(2).await;
        assert_eq!(world.differences().await, Vec::<String>::new());
    }
    let drift = world.cursor(ROOM_A).await.drift.expect("measured daily");
    assert_eq!(drift.repaired, 0, "what rolls into the window is no drift");
}

#[tokio::test]
async fn a_removal_that_delta_never_mentions_is_found_by_the_daily_read_and_counted() {
    let mut world = World::new().await;
    let uid = world.book("2026-02-10", 9);
    world.rounds(2).await;
    world.twin.borrow_mut().set_trap(roomsync_twin::Trap::LostRemoval, None, 1.0);
    world.act(Action::Delete { meeting: uid, room: Some(ROOM_A.to_owned()) });
    world.rounds(2).await;
    assert_eq!(world.live(ROOM_A).await.len(), 1, "nobody has said anything");
    world.clock.advance(TimeDelta::hours(24));
    world.rounds(1).await;
    assert!(world.live(ROOM_A).await.is_empty());
    assert_eq!(world.cursor(ROOM_A).await.drift.expect("measured").repaired, 1);
}

#[tokio::test]
async fn a_room_without_access_is_troubled_and_comes_back_by_itself() {
    let mut world = World::new().await;
    world.book("2026-02-10", 9);
    world.rounds(2).await;
    let out = |world: &World, scope: &[&str]| {
        let scope: std::collections::BTreeSet<String> = scope.iter().map(|name| (*name).to_owned()).collect();
        let client = "5c8b0c0e-31cd-4a0b-9a52-1f3a6ad1f0de";
        assert!(world.twin.borrow_mut().change_app(TENANT, client, |app| app.out_of_scope = scope.clone()));
    };
    out(&world, &[ROOM_A]);
    world.rounds(3).await;
    assert_eq!(world.cursor(ROOM_A).await.trouble.expect("trouble").kind, TroubleKind::NoAccess);
    assert_eq!(world.cursor(ROOM_B).await.trouble, None);
    assert_eq!(world.live(ROOM_A).await.len(), 1, "nothing ends because of a refusal");
    out(&world, &[]);
    world.rounds(1).await;
    assert_eq!(world.cursor(ROOM_A).await.trouble, None);
}

#[tokio::test]
async fn endless_pages_turn_a_room_to_full_reads_and_back() {
    let mut world = World::new().await;
    world.twin.borrow_mut().set_trap(roomsync_twin::Trap::EndlessPages, None, 1.0);
    world.act(Action::Book { meeting: weekly("2026-02-03", 10, 8).at(ROOM_A) });
    world.rounds(2).await;
    assert_eq!(world.cursor(ROOM_A).await.mode, Mode::FullRead);
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.book("2026-02-12", 14);
    world.rounds(1).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.twin.borrow_mut().clear_traps();
    world.clock.advance(TimeDelta::hours(1));
    world.rounds(2).await;
    assert_eq!(world.cursor(ROOM_A).await.mode, Mode::Delta);
}

#[tokio::test]
async fn the_guard_waits_for_a_second_look() {
    let mut world = World::new().await;
    let uid = world.act(Action::Book {
        meeting: meeting("2026-02-03", 10)
            .at(ROOM_A)
            .repeats(Recurrence::daily("2026-02-03".parse().unwrap(), 1).times(50)),
    });
    world.rounds(2).await;
    assert_eq!(world.live(ROOM_A).await.len(), 50);
    world.act(Action::Delete { meeting: uid, room: Some(ROOM_A.to_owned()) });
    world.rounds(1).await;
    assert_eq!(world.live(ROOM_A).await.len(), 50);
    assert_eq!(world.cursor(ROOM_A).await.guarded.expect("guarded").ending, 50);
    assert_eq!(world.cursor(ROOM_A).await.trouble.expect("trouble").kind, TroubleKind::Guarded);
    world.rounds(1).await;
    assert!(world.live(ROOM_A).await.is_empty());
    let cursor = world.cursor(ROOM_A).await;
    assert_eq!((cursor.guarded, cursor.trouble), (None, None));
}

#[tokio::test]
async fn a_removed_room_ends_its_bookings_and_a_returned_one_revives_them() {
    let mut world = World::new().await;
    world.book("2026-02-10", 9);
    world.rounds(2).await;
    let id = world.live(ROOM_A).await[0].id.clone();
    let place = world.room(ROOM_A);
    world.act(Action::Book { meeting: meeting("2026-02-11", 9).at(ROOM_B) });
    world.apply_selection(roomsync_domain::tenant::Selection::Rooms(vec![ROOM_B.to_owned()])).await;
    world.rounds(1).await;
    assert_eq!(world.live(ROOM_A).await.len(), 1, "one look is not enough");
    world.rounds(16).await;
    let rows = world.rows(ROOM_A).await;
    assert_eq!(rows[0].state.status, Status::Ended(EndReason::RoomRemoved));
    assert_eq!(world.live(ROOM_B).await.len(), 1);
    world.apply_selection(roomsync_domain::tenant::Selection::All).await;
    world.rounds(8).await;
    assert_eq!(world.room(ROOM_A), place);
    let rows = world.live(ROOM_A).await;
    assert_eq!((&rows[0].id, rows[0].version), (&id, 3));
    assert_eq!(world.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_list_of_rooms_that_comes_back_empty_removes_nothing() {
    let mut world = World::new().await;
    world.rounds(1).await;
    world.twin.borrow_mut().set_trap(roomsync_twin::Trap::NoPlaces, None, 1.0);
    world.rounds(40).await;
    assert!(
        world.rooms().await.iter().all(|room| room.state.status == roomsync_domain::room::RoomStatus::Active)
    );
}

#[tokio::test]
async fn an_unchanged_directory_writes_nothing() {
    let mut world = World::new().await;
    world.rounds(1).await;
    let before = world.store.stream().len();
    world.rounds(40).await;
    assert_eq!(world.store.stream().len(), before);
}

#[tokio::test]
async fn a_rotated_secret_is_in_use_with_the_next_token() {
    let mut world = World::new().await;
    world.rounds(1).await;
    world.twin.borrow_mut().change_app(TENANT, "5c8b0c0e-31cd-4a0b-9a52-1f3a6ad1f0de", |app| {
        app.secrets = roomsync_twin::AppSpec::with_secret("x", "the-new-one").secrets;
    });
    world.twin.borrow_mut().revoke_tokens(TENANT);
    world.book("2026-02-10", 9);
    world.rounds(1).await;
    assert_eq!(world.cursor(ROOM_A).await.trouble.expect("trouble").kind, TroubleKind::Credential);
    world.secrets.put("roomsync/contoso", "the-new-one");
    world.rounds(1).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    assert_eq!(world.cursor(ROOM_A).await.trouble, None);
}

/// From now on every call of this kind whose path contains `path` is refused.
fn refuse(world: &World, kind: &str, path: Option<String>, status: u16) {
    let matching = Matching { kind: Some(kind.to_owned()), path, ..Matching::default() };
    let retry_after = (status == 503).then_some(10.0);
    let effect =
        Effect::Status { status, code: None, retry_after, form: RetryForm::Seconds, executed: false };
    world.twin.borrow_mut().add_fault(Fault { matching, skip: 0, times: None, probability: None, effect });
}

#[tokio::test]
async fn a_window_that_is_too_wide_for_graph_is_read_in_parts() {
    let mut world = World::new().await;
    world.book("2026-02-10", 9);
    world.sync_rooms().await;
    let room = world.rooms().await.remove(0);
    let window = Context::new(&world.config().await, &room).window_at(world.clock_now());
    let Span { start, end } = window.padded(all_day_slack());
    let (start, end) = (seconds::text(start), seconds::text(end));
    refuse(&world, "view", Some(format!("startDateTime={start}&endDateTime={end}")), 503);
    world.rounds(2).await;
    assert_eq!(world.cursor(ROOM_A).await.trouble.expect("trouble").kind, TroubleKind::Unreachable);
    world.rounds(2).await;
    assert_eq!(world.cursor(ROOM_A).await.trouble, None);
    assert_eq!(world.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_room_whose_delta_is_always_busy_is_read_whole_and_tried_again_hourly() {
    let mut world = World::new().await;
    world.book("2026-02-10", 9);
    refuse(&world, "deltaStart", None, 503);
    world.rounds(5).await;
    assert_eq!(world.cursor(ROOM_A).await.mode, Mode::FullRead);
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.book("2026-02-12", 14);
    world.rounds(1).await;
    assert_eq!(world.differences().await, Vec::<String>::new(), "no delta is tried for an hour");
    world.twin.borrow_mut().clear_faults();
    world.clock.advance(TimeDelta::hours(1));
    world.rounds(2).await;
    assert_eq!(world.cursor(ROOM_A).await.mode, Mode::Delta);
}

#[tokio::test]
async fn a_link_that_is_always_busy_is_given_up_for_full_reads() {
    let mut world = World::new().await;
    world.rounds(2).await;
    refuse(&world, "deltaLink", None, 503);
    world.book("2026-02-10", 9);
    world.rounds(5).await;
    assert_eq!(world.cursor(ROOM_A).await.mode, Mode::FullRead);
    assert_eq!(world.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_turned_private_before_it_was_cancelled_leaves_no_words() {
    let mut world = World::new().await;
    let meeting = world.book("2026-02-10", 9);
    world.rounds(2).await;
    assert!(world.live(ROOM_A).await[0].state.subject.is_some());
    world.act(Action::SetSensitivity { meeting: meeting.clone(), sensitivity: Sensitivity::Private });
    world.act(Action::Cancel { meeting });
    world.rounds(2).await;
    let state = &world.rows(ROOM_A).await[0].state;
    assert_eq!((&state.status, state.is_private()), (&Status::Ended(EndReason::Cancelled), true));
    assert_eq!((&state.subject, &state.organizer_name, &state.organizer_email), (&None, &None, &None));
}

#[tokio::test]
async fn what_turned_private_before_it_was_deleted_leaves_no_words_if_it_can_still_be_read() {
    let mut world = World::new().await;
    world.twin.borrow_mut().set_trap(roomsync_twin::Trap::ReadableAfterDelete, None, 1.0);
    let meeting = world.book("2026-02-10", 9);
    world.rounds(2).await;
    world.act(Action::SetSensitivity { meeting: meeting.clone(), sensitivity: Sensitivity::Private });
    world.act(Action::Delete { meeting, room: Some(ROOM_A.to_owned()) });
    world.rounds(2).await;
    let state = &world.rows(ROOM_A).await[0].state;
    assert_eq!((&state.status, state.is_private()), (&Status::Ended(EndReason::Deleted), true));
    assert_eq!((&state.subject, &state.organizer_name), (&None, &None));
}

#[tokio::test]
async fn a_corrected_secret_is_seen_before_the_next_tick() {
    let mut world = World::new().await;
    world.secrets.put("roomsync/contoso", "none");
    world.sync_rooms().await;
    world.seconds(60).await;
    assert!(world.rooms().await.is_empty());
    let kind = |memory: DirectoryMemory| memory.trouble.map(|trouble| trouble.kind);
    assert_eq!(kind(world.directory().await), Some(TroubleKind::Credential));
    world.secrets.put("roomsync/contoso", "a~secret+that/needs=escaping");
    world.seconds(60).await;
    assert_eq!(world.rooms().await.len(), 2);
    assert_eq!(kind(world.directory().await), None);
    assert!(world.queue.messages(Lane::Tenants).is_empty());
}

#[tokio::test]
async fn who_waits_for_the_directory_waits_until_the_next_tick_and_no_longer() {
    let mut world = World::new().await;
    world.secrets.put("roomsync/contoso", "none");
    world.sync_rooms().await;
    world.seconds(15 * 60).await;
    assert!(world.queue.messages(Lane::Tenants).is_empty());
    assert!(world.queue.dead(Lane::Tenants).is_empty());
}

#[tokio::test]
async fn a_new_room_whose_directory_entry_is_busy_comes_when_it_is_not() {
    let mut world = World::new().await;
    refuse(&world, "user", None, 503);
    world.sync_rooms().await;
    assert!(world.rooms().await.is_empty());
    assert_eq!(world.directory().await.trouble.expect("trouble").kind, TroubleKind::Unreachable);
    world.twin.borrow_mut().clear_faults();
    world.seconds(15).await;
    assert_eq!(world.rooms().await.len(), 2);
    assert_eq!(world.directory().await.trouble, None);
}

#[tokio::test]
async fn a_listed_room_that_cannot_be_identified_stays() {
    let mut world = World::new().await;
    world.rounds(1).await;
    world.twin.borrow_mut().set_trap(roomsync_twin::Trap::PlaceIdMissing, None, 1.0);
    let (name, _) = ROOM_A.split_once('@').unwrap();
    refuse(&world, "user", Some(name.to_owned()), 403);
    world.act(Action::Book { meeting: meeting("2026-02-11", 9).at(ROOM_A) });
    world.rounds(40).await;
    let is_active = |room: &Room| room.state.status == RoomStatus::Active;
    assert!(world.rooms().await.iter().all(is_active));
    assert!(world.directory().await.refused.contains_key(ROOM_A), "an operator is told");
    assert_eq!(world.live(ROOM_A).await.len(), 1);
}
