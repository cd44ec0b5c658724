//! Delta rounds and their traps.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use std::collections::BTreeSet;

use roomsync_twin::calendar::Recurrence;
use roomsync_twin::faults::Effect;
use roomsync_twin::{Action, Fault, Trap, Tuning};
use support::*;

fn weekly() -> Recurrence {
    Recurrence::weekly("2026-02-09".parse().unwrap(), 1)
}

fn series() -> roomsync_twin::Meeting {
    meeting("2026-02-09T10:00:00", 60).repeats(weekly().times(6))
}

#[test]
fn a_quiet_link_answers_with_nothing_and_a_new_link() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 30));
    let (entries, link) = world.initial(ROOM);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["subject"], "Plan");
    let (entries, again) = world.round(&link);
    assert!(entries.is_empty());
    assert_ne!(link, again);
}

#[test]
fn occurrences_are_stubs_behind_their_master_and_exceptions_are_whole() {
    let mut world = World::new();
    let uid = world.book(series());
    let date = "2026-02-16".parse().unwrap();
    let (start, end) = (local("2026-02-16T14:00:00"), local("2026-02-16T15:00:00"));
    world.act(Action::MoveOccurrence { meeting: uid, date, start, end });
    let (entries, _) = world.initial(ROOM);
    assert_eq!(entries.len(), 7);
    assert_eq!(entries[0]["type"], "seriesMaster");
    assert_eq!(entries[0]["start"]["dateTime"], "2026-02-09T09:00:00.0000000");
    assert_eq!(entries[0]["recurrence"]["range"]["numberOfOccurrences"], 6);
    let stub = entries.iter().find(|entry| entry["type"] == "occurrence").unwrap();
    let names: BTreeSet<&str> = stub.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        BTreeSet::from(["@odata.etag", "@odata.type", "end", "id", "seriesMasterId", "start", "type"])
    );
    let exception = entries.iter().find(|entry| entry["type"] == "exception").unwrap();
    assert_eq!(exception["subject"], "Plan");
    assert_eq!(exception["originalStart"], "2026-02-16T09:00:00Z");
    assert_eq!(exception["start"]["dateTime"], "2026-02-16T13:00:00.0000000");
}

#[test]
fn a_deleted_occurrence_comes_as_removed_unless_it_stays_silent() {
    for (trap, expected) in [(0.0, 1), (1.0, 0)] {
        let mut world = World::new();
        let uid = world.book(series());
        let (entries, link) = world.initial(ROOM);
        let third = entries[3]["id"].clone();
        world.twin.set_trap(Trap::LostOccurrence, Some(ROOM), trap);
        world.act(Action::DeleteOccurrence { meeting: uid.clone(), date: "2026-02-23".parse().unwrap() });
        let (changes, link) = world.round(&link);
        assert_eq!(changes.iter().filter(|entry| removed(entry) && entry["id"] == third).count(), expected);
        assert_eq!(world.view(ROOM).len(), 5);
        // Nor does a later change of the series bring a silent removal up.
        world.act(Action::ChangeSubject { meeting: uid, subject: "Other".into() });
        let (changes, _) = world.round(&link);
        assert!(!changes.is_empty());
        assert!(!changes.iter().any(removed));
    }
}

#[test]
fn a_new_pattern_gives_new_occurrence_ids_and_removes_the_old_ones() {
    let mut world = World::new();
    let uid = world.book(series());
    let (before, link) = world.initial(ROOM);
    let (start, end) = (local("2026-02-10T10:00:00"), local("2026-02-10T11:00:00"));
    world.act(Action::Move { meeting: uid, start, end });
    let (changes, _) = world.round(&link);
    let gone: BTreeSet<String> =
        ids(&changes.iter().filter(|entry| removed(entry)).cloned().collect::<Vec<_>>())
            .into_iter()
            .collect();
    assert_eq!(gone, ids(&before[1..]).into_iter().collect());
    assert_eq!(changes.iter().filter(|entry| entry["type"] == "occurrence").count(), 6);
}

#[test]
fn ending_a_series_removes_its_tail_and_keeps_the_ids_of_the_rest() {
    let mut world = World::new();
    let uid = world.book(series());
    let (before, link) = world.initial(ROOM);
    let then = meeting("2026-03-02T11:00:00", 60)
        .repeats(Recurrence::weekly("2026-03-02".parse().unwrap(), 1).times(2));
    let date = "2026-03-02".parse().unwrap();
    world.act(Action::EndSeries { meeting: uid, date, then: Some(Box::new(then)) });
    let (changes, _) = world.round(&link);
    let gone: Vec<String> = ids(&changes.iter().filter(|entry| removed(entry)).cloned().collect::<Vec<_>>());
    assert_eq!(gone, ids(&before[4..]));
    let kept = before[1]["id"].clone();
    assert!(changes.iter().any(|entry| entry["id"] == kept && !removed(entry)));
    assert_eq!(changes.iter().filter(|entry| entry["type"] == "seriesMaster").count(), 2);
}

#[test]
fn deleted_moved_out_and_created_outside_all_look_removed() {
    let mut world = World::new();
    let stays = world.book(meeting("2026-02-10T10:00:00", 30));
    let goes = world.book(meeting("2026-02-11T10:00:00", 30));
    let (entries, link) = world.initial(ROOM);
    let known = ids(&entries);
    world.act(Action::Cancel { meeting: goes });
    world.act(Action::Move {
        meeting: stays.clone(),
        start: local("2026-05-10T10:00:00"),
        end: local("2026-05-10T10:30:00"),
    });
    world.book(meeting("2026-06-01T10:00:00", 30));
    let (changes, link) = world.round(&link);
    assert_eq!(changes.len(), 3);
    assert!(changes.iter().all(removed));
    assert_eq!(
        changes.iter().filter(|entry| known.contains(&entry["id"].as_str().unwrap().to_owned())).count(),
        2
    );
    world.act(Action::Move {
        meeting: stays,
        start: local("2026-02-12T10:00:00"),
        end: local("2026-02-12T10:30:00"),
    });
    let (changes, _) = world.round(&link);
    assert_eq!((changes.len(), removed(&changes[0])), (1, false));
    assert_eq!(changes[0]["id"], known[0].as_str());
}

#[test]
fn a_deleted_series_removes_master_and_occurrences() {
    let mut world = World::new();
    let uid = world.book(series());
    let (before, link) = world.initial(ROOM);
    world.act(Action::Delete { meeting: uid, room: None });
    let (changes, _) = world.round(&link);
    assert!(changes.iter().all(removed));
    assert_eq!(ids(&changes), ids(&before));
}

#[test]
fn pages_follow_the_wish_but_never_split_a_series() {
    let mut world = World::new();
    for day in 3..9 {
        world.book(meeting(&format!("2026-02-0{day}T08:00:00"), 30));
    }
    world.book(series());
    let url = format!("/v1.0/users/{ROOM}/calendarView/delta?{WINDOW}");
    let got = world.call("GET", &url, &[("prefer", "odata.maxpagesize=2")], None);
    assert_eq!(got.body["value"].as_array().unwrap().len(), 2);
    assert!(got.body.get("@odata.deltaLink").is_none());
    assert_eq!(got.headers["preference-applied"], "odata.track-changes");
    let mut sizes = Vec::new();
    let mut url = url;
    loop {
        let got = world.call("GET", &url, &[("prefer", "odata.maxpagesize=2")], None);
        sizes.push(got.body["value"].as_array().unwrap().len());
        match got.body["@odata.nextLink"].as_str() {
            Some(link) => url = link.to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [2, 2, 2, 7]);
}

#[test]
fn changes_are_paged_without_loss() {
    let mut world = World::new();
    let (_, link) = world.initial(ROOM);
    for day in 3..9 {
        world.book(meeting(&format!("2026-02-0{day}T08:00:00"), 30));
    }
    let (mut url, mut sizes) = (link, Vec::new());
    loop {
        let got = world.call("GET", &url, &[("prefer", "odata.maxpagesize=1")], None);
        sizes.push(got.body["value"].as_array().unwrap().len());
        match got.body["@odata.nextLink"].as_str() {
            Some(link) => url = link.to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [1; 6]);
}

#[test]
fn changes_during_a_round_come_again_in_the_next() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 30));
    let uid = world.book(meeting("2026-02-11T10:00:00", 30));
    let url = format!("/v1.0/users/{ROOM}/calendarView/delta?{WINDOW}");
    let first = world.call("GET", &url, &[("prefer", "odata.maxpagesize=1")], None);
    world.act(Action::ChangeSubject { meeting: uid, subject: "New".into() });
    let (_, link) = world.round(first.body["@odata.nextLink"].as_str().unwrap());
    let (changes, _) = world.round(&link);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0]["subject"], "New");
}

#[test]
fn empty_pages_repeats_contradictions_and_replays_can_be_switched_on() {
    let mut world = World::new();
    for day in 3..9 {
        world.book(meeting(&format!("2026-02-0{day}T08:00:00"), 30));
    }
    let url = format!("/v1.0/users/{ROOM}/calendarView/delta?{WINDOW}");
    world.twin.set_trap(Trap::EmptyPage, None, 1.0);
    let first = world.get(&url);
    assert_eq!(first.body["value"].as_array().unwrap().len(), 0);
    assert!(first.body["@odata.nextLink"].is_string());
    assert_eq!(world.initial(ROOM).0.len(), 6);
    world.twin.clear_traps();
    world.twin.set_trap(Trap::RepeatedEntry, Some(ROOM), 1.0);
    let (entries, link) = world.initial(ROOM);
    assert_eq!((entries.len(), &entries[0]), (7, &entries[6]));
    world.twin.clear_traps();
    world.twin.set_trap(Trap::ContradictoryEntry, Some(ROOM), 1.0);
    let (entries, _) = world.initial(ROOM);
    assert!(removed(&entries[0]) && entries[0]["id"] == entries[1]["id"]);
    world.twin.clear_traps();
    world.twin.set_trap(Trap::ReplayedChanges, Some(ROOM), 1.0);
    assert_eq!(world.round(&link).0.len(), 5);
}

#[test]
fn an_endless_round_repeats_its_page_under_new_links() {
    let mut world = World::new();
    world.book(series());
    world.twin.set_trap(Trap::EndlessPages, Some(ROOM), 1.0);
    let mut url = format!("/v1.0/users/{ROOM}/calendarView/delta?{WINDOW}");
    let mut links = BTreeSet::new();
    let mut pages = BTreeSet::new();
    for _ in 0..5 {
        let got = world.get(&url);
        pages.insert(got.body["value"].to_string());
        url = got.body["@odata.nextLink"].as_str().unwrap().to_owned();
        links.insert(url.clone());
    }
    assert_eq!((pages.len(), links.len()), (1, 5));
}

#[test]
fn dead_and_damaged_links_are_told_apart() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 30));
    let (_, link) = world.initial(ROOM);
    let damaged = format!("{}x", link);
    let got = world.get(&damaged);
    assert_eq!((got.status, got.body["error"]["code"].as_str()), (400, Some("InvalidDeltaToken")));
    let got = world.get(&format!("{link}&startDateTime=2026-01-01T00:00:00Z"));
    assert_eq!(got.status, 400);
    let foreign = link.replace(ROOM, SECOND);
    assert_eq!(world.get(&foreign).status, 400);
    world.twin.expire_links(TENANT, ROOM);
    let got = world.get(&link);
    assert_eq!((got.status, got.body["error"]["code"].as_str()), (410, Some("SyncStateNotFound")));
    let (_, link) = world.initial(ROOM);
    world.twin.set_trap(Trap::StateGoneWithLocation, Some(ROOM), 1.0);
    let got = world.get(&link);
    assert_eq!(got.status, 410);
    let restart = got.headers["location"].to_str().unwrap().to_owned();
    world.twin.clear_traps();
    assert_eq!(world.round(&restart).0.len(), 1);
}

#[test]
fn only_the_last_generations_live_when_switched_on() {
    let mut world = World::new();
    world.twin.tune(Tuning { live_generations: Some(4), ..Tuning::default() });
    let (_, first) = world.initial(ROOM);
    let mut link = first.clone();
    for _ in 0..3 {
        link = world.round(&link).1;
    }
    assert_eq!(world.get(&first).status, 200);
    assert_eq!(world.get(&first).status, 410);
    assert_eq!(world.get(&link).status, 200);
}

#[test]
fn delta_lags_behind_the_view_when_told_to() {
    let mut world = World::new();
    let (_, link) = world.initial(ROOM);
    world.twin.tune(Tuning { lag_ms: 30_000, ..Tuning::default() });
    world.book(meeting("2026-02-10T10:00:00", 30));
    assert_eq!(world.view(ROOM).len(), 1);
    let (changes, link) = world.round(&link);
    assert!(changes.is_empty());
    world.wait(31);
    assert_eq!(world.round(&link).0.len(), 1);
}

#[test]
fn a_lost_removal_shows_only_in_the_view() {
    let mut world = World::new();
    let uid = world.book(meeting("2026-02-10T10:00:00", 30));
    let (_, link) = world.initial(ROOM);
    world.twin.set_trap(Trap::LostRemoval, Some(ROOM), 1.0);
    world.act(Action::Cancel { meeting: uid });
    assert!(world.round(&link).0.is_empty());
    assert!(world.view(ROOM).is_empty());
}

/// Docs-contrib issue 72: told as removed, and not again until it is changed.
#[test]
fn an_entry_that_was_moved_away_and_back_is_told_as_removed_only() {
    let mut world = World::new();
    let meeting = world.book(meeting("2026-02-10T10:00:00", 30));
    let (before, link) = world.initial(ROOM);
    world.act(Action::Carry { meeting: meeting.clone(), room: ROOM.into() });
    let (told, link) = world.round(&link);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["id"], before[0]["id"]);
    assert_eq!(told[0]["@removed"]["reason"], "deleted");
    assert_eq!(world.view(ROOM).len(), 1);
    assert_eq!(world.initial(ROOM).0.len(), 1);
    let (told, link) = world.round(&link);
    assert!(told.is_empty());
    world.act(Action::ChangeSubject { meeting, subject: "Other plan".into() });
    assert_eq!(world.round(&link).0[0]["subject"], "Other plan");
}

#[test]
fn churn_gives_new_etags_without_a_change() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 30));
    let (before, link) = world.initial(ROOM);
    world.twin.set_trap(Trap::EtagChurn, Some(ROOM), 1.0);
    let (after, _) = world.round(&link);
    assert_ne!(before[0]["@odata.etag"], after[0]["@odata.etag"]);
    assert_eq!(before[0]["start"], after[0]["start"]);
}

#[test]
fn a_fault_rule_springs_a_trap_once_and_foreign_links_can_be_handed_out() {
    let mut world = World::new();
    world.book(meeting("2026-02-10T10:00:00", 30));
    let url = format!("/v1.0/users/{ROOM}/calendarView/delta?{WINDOW}");
    world.twin.add_fault(Fault::once("delta", Effect::Spring { trap: Trap::LinkOfOtherHost }));
    let link = world.get(&url).body["@odata.deltaLink"].as_str().unwrap().to_owned();
    assert!(link.starts_with("https://graph.example.com/"));
    world.twin.add_fault(Fault::once("delta", Effect::Spring { trap: Trap::LinkOfOtherMailbox }));
    let link = world.get(&url).body["@odata.deltaLink"].as_str().unwrap().to_owned();
    assert!(!link.contains(ROOM));
    let link = world.get(&url).body["@odata.deltaLink"].as_str().unwrap().to_owned();
    assert!(link.starts_with("https://graph.microsoft.com/v1.0/users/aster"));
}

#[test]
fn masters_may_be_missing_later_pages_too_big_and_state_lost_at_any_call() {
    let mut world = World::new();
    let uid = world.book(series());
    world.book(meeting("2026-02-10T14:00:00", 30));
    world.twin.set_trap(Trap::BigPages, Some(ROOM), 1.0);
    let url = format!("/v1.0/users/{ROOM}/calendarView/delta?{WINDOW}");
    let got = world.call("GET", &url, &[("prefer", "odata.maxpagesize=1")], None);
    assert_eq!(got.body["value"].as_array().unwrap().len(), 8);
    let link = got.body["@odata.deltaLink"].as_str().unwrap().to_owned();
    world.twin.clear_traps();
    for (trap, status) in [(Trap::StateGone, 410), (Trap::BadToken, 400)] {
        world.twin.add_fault(Fault::once("deltatoken", Effect::Spring { trap }));
        assert_eq!(world.get(&link).status, status);
    }
    world.twin.set_trap(Trap::MasterMissing, Some(ROOM), 1.0);
    world.act(Action::ChangeSubject { meeting: uid, subject: "New".into() });
    let (changes, _) = world.round(&link);
    assert_eq!(changes.len(), 6);
    assert!(changes.iter().all(|entry| entry["type"] == "occurrence"));
}
