//! calendarView: windows, pages, zones, ids.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use roomsync_twin::calendar::Recurrence;
use roomsync_twin::{Action, Trap, Tuning};
use support::*;

#[test]
fn only_ten_rows_come_unasked_and_links_lead_on() {
    let mut world = World::new();
    for minute in 0..25 {
        world.book(meeting(&format!("2026-02-10T{:02}:{:02}:00", 8 + minute / 4, minute % 4 * 15), 15));
    }
    let url = format!(
        "/v1.0/users/{ROOM}/calendarView?{WINDOW}&$count=true&$orderby=start/dateTime&$select=subject,start"
    );
    let mut got = world.get(&url);
    assert_eq!(got.body["@odata.count"], 25);
    let mut starts = Vec::new();
    loop {
        let rows = got.body["value"].as_array().unwrap();
        assert!(rows.len() <= 10);
        starts.extend(rows.iter().map(|row| row["start"]["dateTime"].as_str().unwrap().to_owned()));
        let Some(link) = got.body["@odata.nextLink"].as_str().map(str::to_owned) else { break };
        assert!(link.contains("skip="));
        got = world.get(&link);
    }
    assert_eq!(starts.len(), 25);
    assert!(starts.is_sorted());
    world.twin.tune(Tuning { view_page_max: 20, ..Tuning::default() });
    assert_eq!(world.get(&format!("{url}&$top=1000")).body["value"].as_array().unwrap().len(), 20);
    world.twin.set_trap(Trap::ShiftingView, Some(ROOM), 1.0);
    assert_eq!(world.get(&format!("{url}&$top=20&$skip=20")).body["value"].as_array().unwrap().len(), 4);
}

#[test]
fn a_window_is_half_open_and_goes_by_true_instants() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 60));
    let mut rows = |from: &str, to: &str| {
        let url = format!("/v1.0/users/{ROOM}/calendarView?startDateTime={from}&endDateTime={to}");
        world.get(&url).body["value"].as_array().unwrap().len()
    };
    assert_eq!(rows("2026-02-10T09:59:00Z", "2026-02-10T11:00:00Z"), 1);
    assert_eq!(rows("2026-02-10T10:00:00Z", "2026-02-10T11:00:00Z"), 0);
    assert_eq!(rows("2026-02-10T08:00:00Z", "2026-02-10T09:00:00Z"), 0);
    assert_eq!(rows("2026-02-10T10:00:00%2B01:00", "2026-02-10T10:30:00%2B01:00"), 1);
    assert_eq!(rows("2026-02-10T09:00:00", "2026-02-10T10:00:00.0000000"), 1);
}

#[test]
fn whole_days_show_midnight_but_count_in_the_rooms_zone() {
    let mut world = World::new();
    let mut day = meeting("2026-02-10T00:00:00", 1440);
    day.span.all_day = true;
    world.book(day);
    let rows = world.view(ROOM);
    assert_eq!(rows[0]["start"]["dateTime"], "2026-02-10T00:00:00.0000000");
    assert_eq!((&rows[0]["start"]["timeZone"], &rows[0]["isAllDay"]), (&"UTC".into(), &true.into()));
    let mut rows = |from: &str, to: &str| {
        let url = format!("/v1.0/users/{ROOM}/calendarView?startDateTime={from}&endDateTime={to}");
        world.get(&url).body["value"].as_array().unwrap().len()
    };
    assert_eq!(rows("2026-02-09T22:00:00Z", "2026-02-09T23:30:00Z"), 1);
    assert_eq!(rows("2026-02-10T23:00:00Z", "2026-02-11T00:00:00Z"), 0);
}

#[test]
fn a_series_keeps_its_local_time_over_the_change_of_clocks() {
    let mut world = World::new();
    let weekly = Recurrence::weekly("2026-03-23".parse().unwrap(), 1).times(2);
    world.book(meeting("2026-03-23T10:00:00", 60).repeats(weekly));
    let starts: Vec<_> =
        world.view(ROOM).iter().map(|row| row["start"]["dateTime"].as_str().unwrap().to_owned()).collect();
    assert_eq!(starts, ["2026-03-23T09:00:00.0000000", "2026-03-30T08:00:00.0000000"]);
}

#[test]
fn the_preferred_zone_is_used_and_confirmed() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 60));
    let url = format!("/v1.0/users/{ROOM}/calendarView?{WINDOW}");
    let got = world.call(
        "GET",
        &url,
        &[("prefer", "outlook.timezone=\"Tokyo Standard Time\", IdType=\"ImmutableId\"")],
        None,
    );
    assert_eq!(got.body["value"][0]["start"]["dateTime"], "2026-02-10T18:00:00.0000000");
    assert_eq!(got.body["value"][0]["start"]["timeZone"], "Tokyo Standard Time");
    assert!(got.headers["preference-applied"].to_str().unwrap().contains("Tokyo Standard Time"));
    let got = world.call("GET", &url, &[("prefer", "outlook.timezone=\"Atlantis\"")], None);
    assert_eq!(
        (got.status, got.body["error"]["code"].as_str()),
        (400, Some("TimeZoneNotSupportedException"))
    );
}

#[test]
fn windows_must_be_given_and_not_too_long() {
    let mut world = World::new();
    let base = format!("/v1.0/users/{ROOM}/calendarView");
    assert_eq!(world.get(&base).status, 400);
    let got =
        world.get(&format!("{base}?startDateTime=2026-01-01T00:00:00Z&endDateTime=2031-01-02T00:00:00Z"));
    assert_eq!(got.status, 400);
    assert!(got.body["error"]["message"].as_str().unwrap().contains("1825"));
}

#[test]
fn ids_come_in_two_kinds_and_only_one_survives_deletion() {
    let mut world = World::new();
    let uid = world.book(meeting("2026-02-10T10:00:00", 60));
    let url = format!("/v1.0/users/{ROOM}/calendarView?{WINDOW}");
    let immutable = ids(&world.view(ROOM))[0].clone();
    let ordinary = ids(world.call("GET", &url, &[], None).body["value"].as_array().unwrap())[0].clone();
    assert_ne!(immutable, ordinary);
    let event = |id: &str| format!("/v1.0/users/{ROOM}/events/{id}");
    assert_eq!(world.get(&event(&ordinary)).body["id"], immutable.as_str());
    world.act(Action::Cancel { meeting: uid });
    assert_eq!(world.get(&event(&immutable)).status, 404);
    world.twin.set_trap(Trap::ReadableAfterDelete, Some(ROOM), 1.0);
    assert_eq!(world.get(&event(&immutable)).status, 200);
    assert_eq!(world.get(&event(&ordinary)).status, 404);
}

#[test]
fn times_of_writing_cannot_be_selected() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 60));
    assert_eq!(world.view(ROOM)[0]["createdDateTime"], "2026-02-02T08:00:00.0000000Z");
    let url = format!("/v1.0/users/{ROOM}/calendarView?{WINDOW}&$select=createdDateTime,subject");
    let row = world.get(&url).body["value"][0].clone();
    assert!(row.get("createdDateTime").is_none());
    assert_eq!(row["subject"], "Plan");
}
