//! What people and room attendants do, as a room's calendar shows it.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use roomsync_twin::calendar::{Recurrence, Sensitivity, ShowAs};
use roomsync_twin::processing::Automate;
use roomsync_twin::{Action, Meeting, Refused, RoomPolicy};
use support::*;

fn with_policy(policy: RoomPolicy) -> World {
    let mut world = World::new();
    world.twin.put_room(TENANT, room(ROOM, policy));
    world
}

fn private() -> Meeting {
    let mut meeting = meeting("2026-02-10T10:00:00", 60).private();
    meeting.body = "secret plans".into();
    meeting
}

/// The room's answer in the organizer's calendar.
fn answer(world: &mut World) -> String {
    let rows = world.view(MEGAN);
    rows[0]["attendees"][0]["status"]["response"].as_str().unwrap().to_owned()
}

#[test]
fn microsofts_defaults_put_the_organizer_for_the_subject_and_drop_the_private_flag() {
    let mut world = with_policy(RoomPolicy::default());
    world.book(private());
    let row = &world.view(ROOM)[0];
    assert_eq!(row["subject"], "Megan Bowen ");
    assert_eq!((&row["sensitivity"], &row["bodyPreview"]), (&"normal".into(), &"".into()));
    assert_eq!((&row["showAs"], &row["isOrganizer"]), (&"busy".into(), &false.into()));
    assert_eq!(row["responseStatus"]["response"], "accepted");
    assert_eq!(answer(&mut world), "accepted");
}

#[test]
fn a_transparent_room_keeps_all_three() {
    let mut world = with_policy(RoomPolicy::transparent());
    world.book(private());
    let row = &world.view(ROOM)[0];
    assert_eq!((&row["subject"], &row["sensitivity"]), (&"Plan".into(), &"private".into()));
    assert_eq!(row["bodyPreview"], "secret plans");
    let organizer = &world.view(MEGAN)[0];
    assert_eq!(row["iCalUId"], organizer["iCalUId"]);
    assert_ne!(row["id"], organizer["id"]);
}

#[test]
fn a_conflict_is_declined_and_never_appears() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 60));
    let mut second = meeting("2026-02-10T10:30:00", 60);
    second.organizer.address = "alex@contoso.example".into();
    world.book(second);
    assert_eq!(world.view(ROOM).len(), 1);
    let rows = world.view("alex@contoso.example");
    assert_eq!(rows[0]["attendees"][0]["status"]["response"], "declined");
    let mut free = meeting("2026-02-12T10:00:00", 60);
    free.show_as = ShowAs::Free;
    world.book(free);
    world.book(meeting("2026-02-12T10:00:00", 60));
    assert_eq!(world.view(ROOM).len(), 3);
}

#[test]
fn with_time_to_think_a_conflict_shows_tentatively_then_goes_and_the_subject_changes_on_acceptance() {
    let mut world = with_policy(RoomPolicy { decision_ms: 10_000, ..RoomPolicy::default() });
    world.book(meeting("2026-02-10T10:00:00", 60));
    let row = &world.view(ROOM)[0];
    assert_eq!((&row["subject"], &row["showAs"]), (&"Plan".into(), &"tentative".into()));
    let (_, link) = world.initial(ROOM);
    world.wait(11);
    let row = world.view(ROOM)[0].clone();
    assert_eq!((&row["subject"], &row["showAs"]), (&"Megan Bowen ".into(), &"busy".into()));
    world.book(meeting("2026-02-10T10:30:00", 60));
    assert_eq!(world.view(ROOM).len(), 2);
    let (changes, link) = world.round(&link);
    assert_eq!(changes.len(), 2);
    world.wait(11);
    let (changes, _) = world.round(&link);
    assert_eq!((changes.len(), removed(&changes[0])), (1, true));
    assert_eq!(world.view(ROOM).len(), 1);
}

#[test]
fn accepting_may_look_like_delete_and_create() {
    let mut world =
        with_policy(RoomPolicy { decision_ms: 10_000, accept_replaces: true, ..RoomPolicy::default() });
    world.book(meeting("2026-02-10T10:00:00", 60));
    let (before, link) = world.initial(ROOM);
    world.wait(11);
    let (changes, _) = world.round(&link);
    assert_eq!(changes.len(), 2);
    assert_eq!(changes.iter().find(|entry| removed(entry)).unwrap()["id"], before[0]["id"]);
    assert_eq!(world.view(ROOM).len(), 1);
}

#[test]
fn delegates_and_auto_update_leave_it_tentative_until_somebody_answers() {
    for policy in [
        RoomPolicy { delegate_approval: true, ..RoomPolicy::transparent() },
        RoomPolicy { automate: Automate::AutoUpdate, ..RoomPolicy::transparent() },
    ] {
        let mut world = with_policy(policy);
        let yes = world.book(meeting("2026-02-10T10:00:00", 60));
        let no = world.book(meeting("2026-02-11T10:00:00", 60));
        assert!(world.view(ROOM).iter().all(|row| row["showAs"] == "tentative"));
        world.act(Action::Approve { meeting: yes, room: ROOM.into() });
        world.act(Action::Refuse { meeting: no, room: ROOM.into() });
        let rows = world.view(ROOM);
        assert_eq!((rows.len(), &rows[0]["showAs"]), (1, &"busy".into()));
        assert_eq!(answer(&mut world), "accepted");
    }
    let mut world = with_policy(RoomPolicy { automate: Automate::None, ..RoomPolicy::default() });
    world.book(meeting("2026-02-10T10:00:00", 60));
    assert!(world.view(ROOM).is_empty());
}

#[test]
fn a_cancelled_meeting_stays_marked_or_goes() {
    for (policy, stays) in [(RoomPolicy::default(), true), (RoomPolicy::transparent(), false)] {
        let mut world = with_policy(policy);
        let uid = world.book(meeting("2026-02-10T10:00:00", 60));
        world.act(Action::Cancel { meeting: uid });
        let rows = world.view(ROOM);
        assert_eq!(rows.len(), usize::from(stays));
        assert!(rows.iter().all(|row| row["isCancelled"] == true && row["showAs"] == "free"));
        assert!(rows.iter().all(|row| row["subject"].as_str().unwrap().starts_with("Canceled: ")));
        assert!(world.view(MEGAN).is_empty());
        // Its time is free again.
        world.book(meeting("2026-02-10T10:00:00", 60));
        assert_eq!(world.view(ROOM).len(), 1 + usize::from(stays));
    }
}

#[test]
fn a_cancelled_occurrence_may_stay_too() {
    let mut world = with_policy(RoomPolicy { keep_canceled_occurrences: true, ..RoomPolicy::transparent() });
    let weekly = Recurrence::weekly("2026-02-09".parse().unwrap(), 1).times(3);
    let uid = world.book(meeting("2026-02-09T10:00:00", 60).repeats(weekly));
    world.act(Action::DeleteOccurrence { meeting: uid, date: "2026-02-16".parse().unwrap() });
    let rows = world.view(ROOM);
    let cancelled: Vec<_> = rows.iter().filter(|row| row["isCancelled"] == true).collect();
    assert_eq!((rows.len(), cancelled.len()), (3, 1));
    assert_eq!(cancelled[0]["type"], "exception");
    assert_eq!(world.view(MEGAN).len(), 2);
}

#[test]
fn horizon_and_duration_limit_what_is_accepted() {
    let mut world = with_policy(RoomPolicy::default());
    let endless = Recurrence::weekly("2026-02-09".parse().unwrap(), 1);
    world.book(meeting("2026-02-09T10:00:00", 60).repeats(endless.clone()));
    world.book(meeting("2026-02-10T10:00:00", 1500));
    world.book(meeting("2026-09-10T10:00:00", 60));
    assert!(world.view(ROOM).is_empty());
    let mut world = with_policy(RoomPolicy { enforce_scheduling_horizon: false, ..RoomPolicy::default() });
    world.book(meeting("2026-02-09T10:00:00", 60).repeats(endless));
    let url = format!(
        "/v1.0/users/{ROOM}/calendarView?startDateTime=2026-02-01T00:00:00Z&endDateTime=2027-02-01T00:00:00Z&$top=999"
    );
    let rows = world.get(&url).body["value"].as_array().unwrap().len();
    assert_eq!(rows, 25);
}

#[test]
fn meetings_move_between_times_and_rooms() {
    let mut world = World::new();
    let uid = world.book(meeting("2026-02-10T10:00:00", 60));
    let id = ids(&world.view(ROOM))[0].clone();
    world.act(Action::Move {
        meeting: uid.clone(),
        start: local("2026-02-12T15:00:00"),
        end: local("2026-02-12T15:30:00"),
    });
    let row = world.view(ROOM)[0].clone();
    assert_eq!(
        (row["id"].as_str(), row["start"]["dateTime"].as_str()),
        (Some(id.as_str()), Some("2026-02-12T14:00:00.0000000"))
    );
    world.act(Action::ChangeRooms { meeting: uid, rooms: vec![SECOND.into()] });
    assert!(world.view(ROOM).is_empty());
    assert_eq!(world.view(SECOND).len(), 1);
}

/// Whole days go from midnight to midnight (page event): at other hours it is a meeting like any other, and can be changed.
#[test]
fn whole_days_that_are_dragged_to_other_hours_are_none_any_more() {
    let mut world = World::new();
    let mut days = meeting("2026-02-10T00:00:00", 24 * 60);
    days.span.all_day = true;
    let uid = world.book(days);
    let shown = |world: &mut World| world.view(ROOM)[0]["isAllDay"].as_bool();
    let drag = |world: &mut World, start: &str, end: &str| {
        world.act(Action::Move { meeting: uid.clone(), start: local(start), end: local(end) });
        shown(world)
    };
    assert_eq!(drag(&mut world, "2026-02-11T00:00:00", "2026-02-12T00:00:00"), Some(true));
    assert_eq!(drag(&mut world, "2026-02-11T09:00:00", "2026-02-12T09:00:00"), Some(false));
}

#[test]
fn an_occurrence_cannot_pass_its_neighbour() {
    let mut world = World::new();
    let weekly = Recurrence::weekly("2026-02-09".parse().unwrap(), 1).times(3);
    let meeting = world.book(meeting("2026-02-09T10:00:00", 60).repeats(weekly));
    let date = "2026-02-16".parse().unwrap();
    let action = |day: &str| Action::MoveOccurrence {
        meeting: meeting.clone(),
        date,
        start: local(&format!("{day}T10:00:00")),
        end: local(&format!("{day}T11:00:00")),
    };
    let now = world.now;
    assert!(matches!(world.twin.act(now, TENANT, action("2026-02-23")), Err(Refused::CrossesNeighbour(_))));
    assert!(world.twin.act(now, TENANT, action("2026-02-22")).is_ok());
}

#[test]
fn privacy_and_subject_may_change_later_and_the_etag_with_them() {
    let mut world = World::new();
    let uid = world.book(meeting("2026-02-10T10:00:00", 60));
    let before = world.view(ROOM)[0].clone();
    world.act(Action::SetSensitivity { meeting: uid.clone(), sensitivity: Sensitivity::Confidential });
    world.act(Action::ChangeSubject { meeting: uid, subject: "Renamed".into() });
    let after = world.view(ROOM)[0].clone();
    assert_eq!((&after["sensitivity"], &after["subject"]), (&"confidential".into(), &"Renamed".into()));
    assert_eq!(before["id"], after["id"]);
    assert_ne!(before["@odata.etag"], after["@odata.etag"]);
}

#[test]
fn an_appointment_in_the_rooms_own_calendar_asks_nobody() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 60));
    let own = Meeting::new(MEGAN, "Cleaning", paris("2026-02-10T10:00:00", 30));
    let uid = world.act(Action::Appoint { room: ROOM.into(), meeting: own });
    let rows = world.view(ROOM);
    assert_eq!(rows.len(), 2);
    let cleaning = rows.iter().find(|row| row["subject"] == "Cleaning").unwrap();
    assert_eq!(
        (&cleaning["isOrganizer"], &cleaning["organizer"]["emailAddress"]["address"]),
        (&true.into(), &ROOM.into())
    );
    world.act(Action::Delete { meeting: uid, room: Some(ROOM.into()) });
    assert_eq!(world.view(ROOM).len(), 1);
}
