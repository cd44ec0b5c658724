//! The planner's decision table, row by row, and what must hold for every input.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use chrono::{NaiveDate, TimeDelta};
use proptest::prelude::*;
use roomsync_domain::booking::{Booking, BookingState, EndReason, Kind, Origin, PrivateBy, Status};
use roomsync_domain::context::Context;
use roomsync_domain::entry::{CalendarEntry, EntryKind, Person, Response, Wanted, When};
use roomsync_domain::plan::{Change, Link, Plan, Write, end, gone, plan, transactions};
use roomsync_domain::project::{Meaning, meaning, span};
use roomsync_domain::tenant::Window;
use roomsync_domain::writing::meeting::Days;
use roomsync_domain::writing::rows::failure;
use roomsync_domain::writing::{Claim, code};
use roomsync_domain::{BookingId, EventId, Instant, RoomId, RoomRef, Span, TenantId};
use std::collections::BTreeMap;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn now() -> Instant {
    at("2026-02-09T12:00:00Z")
}

fn window() -> Span {
    Span::days(day("2026-02-08"), day("2026-03-10"))
}

fn context() -> Context {
    Context {
        room: RoomRef::new(
            TenantId::parse("84bd8158-6d4d-4958-8b9f-9d6445542f95").unwrap(),
            RoomId::new("room"),
        ),
        email: "room@contoso.example".into(),
        zone: chrono_tz::Europe::Paris,
        tenant_zone: chrono_tz::Europe::Paris,
        wanted: Wanted { subject: true, organizer: true },
        retention_days: 90,
        window: Window { past_days: 1, future_days: 30 },
    }
}

/// The claim of a command that Graph has taken, for the booking as its row says it.
fn claim(row: &Booking) -> Claim {
    Claim {
        booking: row.id.clone(),
        ical_uid: row.state.ical_uid.clone(),
        span: row.state.span,
        before: None,
        echoes: Vec::new(),
        organizer: None,
        applied: true,
        recurring: false,
        leaving: None,
        former: None,
        late: Vec::new(),
        late_series: Vec::new(),
        series: None,
    }
}

/// A day of a series that starts so many minutes after noon.
fn occurrence(id: &str, minutes: i64) -> CalendarEntry {
    CalendarEntry {
        kind: EntryKind::Occurrence,
        series: Some(EventId::new("series")),
        original_start: Some(now() + TimeDelta::minutes(minutes)),
        ..meeting(id, minutes)
    }
}

/// A meeting of half an hour that starts so many minutes after noon.
fn meeting(id: &str, minutes: i64) -> CalendarEntry {
    let start = now() + TimeDelta::minutes(minutes);
    CalendarEntry {
        id: EventId::new(id),
        ical_uid: Some(format!("uid-{id}")),
        kind: EntryKind::Single,
        series: None,
        original_start: None,
        when: When::Timed(Span::new(start, start + TimeDelta::minutes(30))),
        made_in: Some("Romance Standard Time".into()),
        cancelled: false,
        response: Response::Settled,
        tentative: false,
        private: false,
        subject: Some("Design review".into()),
        organizer: Some(Person {
            name: Some("Organizer".into()),
            email: Some("organizer@contoso.example".into()),
        }),
    }
}

fn full(known: &[Booking], entries: &[CalendarEntry]) -> Plan {
    plan(known, entries, &[window()], window(), &[], &context(), now())
}

/// What the table holds after a plan.
fn applied(known: &[Booking], plan: &Plan) -> Vec<Booking> {
    let mut rows: BTreeMap<BookingId, Booking> =
        known.iter().map(|row| (row.id.clone(), row.clone())).collect();
    for write in &plan.writes {
        let before = rows.get(&write.booking.id).map(|row| row.version);
        assert_eq!(before, write.over, "{} is written over the version that is stored", write.booking.id);
        assert_eq!(write.booking.version, before.unwrap_or(0) + 1);
        rows.insert(write.booking.id.clone(), write.booking.clone());
    }
    rows.into_values().collect()
}

fn stored(entries: &[CalendarEntry]) -> Vec<Booking> {
    applied(&[], &full(&[], entries))
}

fn ended(rows: &[Booking], reason: EndReason) -> Vec<Booking> {
    rows.iter().map(|row| end(row, reason, 90, now()).booking).collect()
}

#[test]
fn a_new_meeting_is_created_with_version_1() {
    let plan = full(&[], &[meeting("a", 60)]);
    assert_eq!(plan.writes.len(), 1);
    assert_eq!((plan.writes[0].over, plan.writes[0].change), (None, Change::Created));
    let state = &plan.writes[0].booking.state;
    assert_eq!((state.status, state.time_zone.as_str()), (Status::Confirmed, "Europe/Paris"));
    assert_eq!(state.subject.as_deref(), Some("Design review"));
}

#[test]
fn a_new_meeting_outside_the_window_is_left_alone() {
    assert_eq!(full(&[], &[meeting("a", 60 * 24 * 90)]), Plan::default());
}

#[test]
fn a_meeting_that_is_cancelled_or_declined_at_first_sight_is_left_alone() {
    let cancelled = CalendarEntry { cancelled: true, ..meeting("a", 60) };
    let declined = CalendarEntry { response: Response::Declined, ..meeting("b", 60) };
    let master = CalendarEntry { kind: EntryKind::Master, ..meeting("c", 60) };
    assert_eq!(full(&[], &[cancelled, declined, master]), Plan::default());
}

#[test]
fn a_meeting_that_looks_the_same_is_not_written() {
    let rows = stored(&[meeting("a", 60)]);
    assert_eq!(full(&rows, &[meeting("a", 60)]), Plan::default());
}

#[test]
fn a_meeting_that_moved_is_updated_wherever_it_goes() {
    let rows = stored(&[meeting("a", 60)]);
    for minutes in [90, 60 * 24 * 20, 60 * 24 * 90] {
        let plan = full(&rows, &[meeting("a", minutes)]);
        assert_eq!((plan.writes.len(), plan.writes[0].change), (1, Change::Updated), "{minutes}");
        assert!(plan.missing.is_empty());
    }
}

#[test]
fn cancelled_and_declined_meetings_end_and_keep_what_was_known() {
    let rows = stored(&[meeting("a", 60)]);
    for (entry, reason) in [
        (
            CalendarEntry { cancelled: true, subject: Some("Canceled: x".into()), ..meeting("a", 60) },
            EndReason::Cancelled,
        ),
        (CalendarEntry { response: Response::Declined, ..meeting("a", 60) }, EndReason::Declined),
    ] {
        let plan = full(&rows, &[entry]);
        let state = &plan.writes[0].booking.state;
        assert_eq!((plan.writes[0].change, state.status), (Change::Ended, Status::Ended(reason)));
        assert_eq!(state.subject.as_deref(), Some("Design review"));
        assert!(plan.writes[0].booking.expires_at >= now() + TimeDelta::days(90));
    }
}

#[test]
fn an_ended_meeting_that_is_there_again_is_the_same_booking() {
    let rows = ended(&stored(&[meeting("a", 60)]), EndReason::RoomRemoved);
    let plan = full(&rows, &[meeting("a", 60)]);
    assert_eq!((plan.writes[0].change, plan.writes[0].booking.version), (Change::Revived, 3));
    assert_eq!(plan.writes[0].booking.state.status, Status::Confirmed);
}

#[test]
fn why_a_command_failed_stays_and_what_was_waited_for_does_not() {
    let [row] = <[Booking; 1]>::try_from(stored(&[meeting("a", 60)])).unwrap();
    let shown = |status, code| {
        let failure = Some(failure(code, ""));
        let row = Booking { state: BookingState { status, failure, ..row.state.clone() }, ..row.clone() };
        full(&[row], &[meeting("a", 90)]).writes[0].booking.state.failure.clone().map(|why| why.code)
    };
    let failed = Status::Ended(EndReason::Failed);
    for status in [Status::Pending, Status::Confirmed, failed] {
        assert_eq!(shown(status, code::WRITES_OFF).as_deref(), Some(code::WRITES_OFF), "{status:?}");
    }
    assert_eq!(shown(Status::Confirmed, code::UNREACHABLE).as_deref(), Some(code::UNREACHABLE));
    assert_eq!(shown(Status::Pending, code::UNREACHABLE), None);
    assert_eq!(shown(failed, code::NO_ANSWER), None);
    assert_eq!(shown(Status::Ended(EndReason::Declined), code::DECLINED), None);
}

#[test]
fn an_ended_meeting_that_stays_away_is_left_alone() {
    let rows = ended(&stored(&[meeting("a", 60)]), EndReason::Deleted);
    assert_eq!(full(&rows, &[]), Plan::default());
    assert_eq!(full(&rows, &[CalendarEntry { cancelled: true, ..meeting("a", 60) }]), Plan::default());
}

#[test]
fn absence_counts_only_where_the_calendar_was_read() {
    let rows = stored(&[meeting("a", 60), meeting("b", 60 * 24 * 5)]);
    let today = Span::days(day("2026-02-09"), day("2026-02-09"));
    let plan = plan(&rows, &[], &[today], window(), &[], &context(), now());
    assert_eq!(plan.missing.len(), 1);
    assert_eq!(plan.missing[0].state.event_id, Some(EventId::new("a")));
    assert!(plan.writes.is_empty(), "a missing booking is not ended by the planner");
}

#[test]
fn a_row_that_overlaps_what_was_read_from_before_counts_as_read() {
    let long = CalendarEntry {
        when: When::Timed(Span::new(at("2026-02-08T23:00:00Z"), at("2026-02-09T01:00:00Z"))),
        ..meeting("a", 0)
    };
    let rows = stored(&[long]);
    let today = Span::days(day("2026-02-09"), day("2026-02-09"));
    assert_eq!(plan(&rows, &[], &[today], window(), &[], &context(), now()).missing.len(), 1);
}

#[test]
fn a_meeting_whose_event_id_changed_stays_the_same_booking() {
    let rows = stored(&[meeting("a", 60)]);
    let again = CalendarEntry { id: EventId::new("z"), ..meeting("a", 60) };
    let plan = full(&rows, &[again]);
    assert_eq!((plan.writes.len(), plan.missing.len()), (1, 0));
    assert_eq!(plan.writes[0].booking.id, rows[0].id);
    assert_eq!(plan.writes[0].link(), Some(Link::Event(&EventId::new("z"))));
}

/// Where it is to be lies elsewhere than what was read.
#[test]
fn the_entry_of_a_command_that_moves_it_may_change_its_event_id() {
    let mut row = stored(&[meeting("a", 60)]).remove(0);
    let before = row.state.span;
    row.state.status = Status::Pending;
    row.state.span = Span::new(at("2026-03-01T09:00:00Z"), at("2026-03-01T10:00:00Z"));
    let claim = Claim { before: Some(before), ..claim(&row) };
    let again = CalendarEntry { id: EventId::new("z"), ..meeting("a", 60) };
    let plan = plan(&[row], &[again], &[before], window(), &[claim], &context(), now());
    assert_eq!(plan, Plan::default());
}

/// A person has moved it beyond the days that are read, where the room took another copy of it, and back.
#[test]
fn a_command_s_meeting_that_comes_back_with_another_event_id_is_its_booking() {
    let mut row = stored(&[meeting("a", 60)]).remove(0);
    row.state.origin = Origin::Command;
    row.state.status = Status::Tentative;
    row.state.span = Span::new(at("2026-05-01T09:00:00Z"), at("2026-05-01T10:00:00Z"));
    let again = CalendarEntry { id: EventId::new("z"), ..meeting("a", 60) };
    let claim = claim(&row);
    let plan = plan(&[row.clone()], &[again], &[window()], window(), &[claim], &context(), now());
    assert_eq!(plan.writes.iter().map(|write| &write.booking.id).collect::<Vec<_>>(), [&row.id]);
}

#[test]
fn an_event_that_returns_after_its_booking_went_on_under_another_gets_a_booking_of_its_own() {
    let first = stored(&[meeting("a", 60)]);
    let renamed = CalendarEntry { id: EventId::new("z"), ..meeting("a", 60) };
    let rows = applied(&first, &full(&first, std::slice::from_ref(&renamed)));
    let both = [renamed, CalendarEntry { ical_uid: None, ..meeting("a", 120) }];
    let plan = full(&rows, &both);
    let rows = applied(&rows, &plan);
    assert_eq!(rows.len(), 2);
    assert_eq!(plan.writes[0].link(), Some(Link::Event(&EventId::new("a"))));
    assert_eq!(full(&rows, &both), Plan::default());
}

#[test]
fn occurrences_that_share_an_ical_uid_are_told_apart_by_their_original_start() {
    let occurrence = |id: &str, minutes: i64| CalendarEntry {
        kind: EntryKind::Occurrence,
        series: Some(EventId::new("master")),
        original_start: Some(now() + TimeDelta::minutes(minutes)),
        ical_uid: Some("shared".into()),
        ..meeting(id, minutes)
    };
    let rows = stored(&[occurrence("o1", 60), occurrence("o2", 60 * 25)]);
    let plan = full(&rows, &[occurrence("n1", 60), occurrence("n2", 60 * 25)]);
    assert!(plan.missing.is_empty());
    let ids: Vec<&BookingId> = plan.writes.iter().map(|write| &write.booking.id).collect();
    let by_start: Vec<&BookingId> = {
        let mut rows: Vec<&Booking> = rows.iter().collect();
        rows.sort_by_key(|row| row.state.span.start);
        rows.into_iter().map(|row| &row.id).collect()
    };
    assert_eq!(ids, by_start);
}

#[test]
fn private_meetings_carry_no_words() {
    let state = match meaning(&CalendarEntry { private: true, ..meeting("a", 60) }, &context()) {
        Meaning::Booked(state) => state,
        other => panic!("{other:?}"),
    };
    assert_eq!(state.private_by, PrivateBy::Calendar);
    assert_eq!((state.subject, state.organizer_name, state.organizer_email), (None, None, None));
}

#[test]
fn a_command_s_private_booking_stays_private_though_its_room_clears_the_flag() {
    let seen = |origin, private_by| {
        let mut first = stored(&[occurrence("a", 60)]).remove(0);
        first.state = BookingState { origin, private_by, status: Status::Tentative, ..first.state };
        let rows = applied(&[first.clone()], &full(&[first], &[occurrence("a", 60), occurrence("b", 1500)]));
        let hidden = |row: &Booking| row.state.is_private() && row.state.subject.is_none();
        rows.iter().filter(|row| hidden(row)).count()
    };
    assert_eq!(
        seen(Origin::Command, PrivateBy::Command),
        2,
        "the booking and the further instances of its series"
    );
    assert_eq!(seen(Origin::Command, PrivateBy::Nobody), 0);
    assert_eq!(seen(Origin::Command, PrivateBy::Calendar), 0, "the flag was its room's, and is cleared");
    assert_eq!(seen(Origin::Outlook, PrivateBy::Calendar), 0, "a person has cleared the flag");
}

/// The other instances are as the command before wanted them. What a command shows is shown only once it has been applied.
#[test]
fn instances_of_a_series_are_as_private_as_the_command_under_way_says() {
    let entries = [occurrence("a", 60), occurrence("b", 1500), occurrence("c", 2940)];
    let by = |is_private: bool| if is_private { PrivateBy::Command } else { PrivateBy::Nobody };
    let seen = |was_private, is_private, is_applied| {
        let mut rows = stored(&entries[..2]);
        rows.sort_by_key(|row| row.state.span.start);
        for (row, is_private) in rows.iter_mut().zip([is_private, was_private]) {
            row.state =
                BookingState { origin: Origin::Command, private_by: by(is_private), ..row.state.clone() };
        }
        let claim = Claim { applied: is_applied, recurring: true, ..claim(&rows[0]) };
        let plan = plan(&rows, &entries, &[window()], window(), &[claim], &context(), now());
        let mut rows = applied(&rows, &plan);
        rows.sort_by_key(|row| row.state.span.start);
        rows.iter().map(|row| row.state.is_private()).collect::<Vec<_>>()
    };
    assert_eq!(seen(true, false, true), [false; 3]);
    assert_eq!(seen(true, false, false), [false, true, true]);
    for is_applied in [false, true] {
        assert_eq!(seen(false, true, is_applied), [true; 3]);
    }
}

/// The copy that its room still shows may bear the words of a private meeting and no flag.
#[test]
fn a_series_that_its_room_shows_as_it_was_before_its_command_is_left_alone() {
    let day = 24 * 60;
    let old = [occurrence("a", 60), occurrence("b", 60 + day), occurrence("c", 60 + 2 * day)];
    let mut rows = stored(&old[..2]);
    rows.sort_by_key(|row| row.state.span.start);
    rows[1].state = BookingState {
        origin: Origin::Command,
        private_by: PrivateBy::Command,
        subject: None,
        organizer_name: None,
        organizer_email: None,
        ..rows[1].state.clone()
    };
    let new = [occurrence("a", 120), occurrence("b", 120 + day), occurrence("c", 120 + 2 * day)];
    let (was, wanted) = (rows[0].state.span, span(new[0].when, &context()));
    rows[0].state = BookingState {
        origin: Origin::Command,
        status: Status::Pending,
        span: wanted,
        ..rows[0].state.clone()
    };
    let series = Some(EventId::new("series"));
    let claim = Claim { echoes: vec![Days::Timed(was)], recurring: true, series, ..claim(&rows[0]) };
    let planned = |entries: &[CalendarEntry]| {
        plan(&rows, entries, &[window()], window(), std::slice::from_ref(&claim), &context(), now()).writes
    };
    assert_eq!(planned(&old), []);
    let arrived = planned(&new);
    assert_eq!(arrived.len(), 3);
    assert!(arrived.iter().all(|write| write.booking.state.subject.is_some()));
}

/// The entry that was its first day is still there, at the same time, as another of its days.
#[test]
fn a_series_that_moves_by_days_is_known_by_its_first_day_again() {
    let entries = [occurrence("a", 60), occurrence("b", 60 + 24 * 60)];
    let mut row = Booking { id: BookingId::new("app-1"), ..stored(&entries[1..]).remove(0) };
    let was = row.state.span;
    let wanted = span(entries[0].when, &context());
    row.state = BookingState { origin: Origin::Command, status: Status::Pending, span: wanted, ..row.state };
    let ical_uid = Some("uid-series".to_owned());
    let series = Some(EventId::new("series"));
    let claim = Claim { before: Some(was), recurring: true, ical_uid, series, ..claim(&row) };
    let planned = |leaving| {
        let claim = Claim { leaving, ..claim.clone() };
        let rows = std::slice::from_ref(&row);
        let plan = plan(rows, &entries, &[window()], window(), &[claim], &context(), now());
        let write = |write: &Write| (write.booking.state.event_id.clone(), write.booking.id.clone());
        plan.writes.iter().map(write).collect::<BTreeMap<_, _>>()
    };
    let [a, b] = entries.each_ref().map(|entry| entry.id.clone());
    let other = context().room.booking_id(&b);
    assert_eq!(planned(None), BTreeMap::from([(Some(a), row.id.clone()), (Some(b), other)]));
    assert_eq!(planned(Some(EndReason::Cancelled)), BTreeMap::new());
}

#[test]
fn all_day_entries_are_dates_in_the_rooms_zone() {
    let entry = CalendarEntry { when: When::AllDay(day("2026-02-10"), day("2026-02-11")), ..meeting("a", 0) };
    let Meaning::Booked(state) = meaning(&entry, &context()) else { panic!("booked") };
    assert_eq!(state.all_day, Some((day("2026-02-10"), day("2026-02-11"))));
    assert_eq!(state.span, Span::new(at("2026-02-09T23:00:00Z"), at("2026-02-10T23:00:00Z")));
}

#[test]
fn an_entry_listed_twice_counts_once_and_as_listed_last() {
    let plan = full(&[], &[meeting("a", 60), meeting("a", 90)]);
    assert_eq!(plan.writes.len(), 1);
    assert_eq!(plan.writes[0].booking.state.span.start, now() + TimeDelta::minutes(90));
}

#[test]
fn a_command_that_is_not_in_the_calendar_yet_is_not_missing() {
    let mut row = stored(&[meeting("a", 60)]).remove(0);
    row.state.event_id = None;
    row.state.status = Status::Pending;
    assert_eq!(full(&[row], &[]), Plan::default());
}

/// A booking that is released and at once made anew is pending for the room's next copy when the old one goes.
#[test]
fn a_room_that_is_to_have_a_meeting_again_lets_go_of_its_old_copy_first() {
    let entry = meeting("a", 60);
    let mut row = stored(std::slice::from_ref(&entry)).remove(0);
    row.state = BookingState { status: Status::Pending, origin: Origin::Command, ..row.state };
    let cancelled = CalendarEntry { cancelled: true, ..entry };
    let state = |claim: Claim| {
        let read = [window()];
        let (known, entries) = (std::slice::from_ref(&row), std::slice::from_ref(&cancelled));
        let plan = plan(known, entries, &read, window(), std::slice::from_ref(&claim), &context(), now());
        let missed = gone(&row, &[claim], EndReason::Cancelled, &context(), now());
        assert_eq!(plan.writes, std::slice::from_ref(&missed), "seen as cancelled or missed, it is the same");
        let state = missed.booking.state;
        (state.status, state.event_id.is_some())
    };
    assert_eq!(state(claim(&row)), (Status::Pending, false));
    let before = Claim { before: Some(row.state.span), ..claim(&row) };
    let another = Claim { ical_uid: Some("uid-b".to_owned()), ..before.clone() };
    assert_eq!(state(before), (Status::Ended(EndReason::Cancelled), true), "the room had it all the time");
    assert_eq!(state(another), (Status::Pending, false), "the room had what another attempt had made");
    let leaving = Claim { leaving: Some(EndReason::Released), ..claim(&row) };
    assert_eq!(state(leaving), (Status::Ended(EndReason::Released), true));
}

/// It was confirmed by its organizer's calendar beyond the days that are kept in step; a person has moved it into them since.
#[test]
fn a_booking_that_its_room_has_never_shown_is_known_by_its_meeting_wherever_it_lies() {
    let mut row = stored(&[meeting("a", 60)]).remove(0);
    row.id = BookingId::new("app-1");
    let span = Span::new(window().end, window().end + TimeDelta::minutes(30));
    row.state = BookingState { event_id: None, origin: Origin::Command, span, ..row.state };
    let shown = CalendarEntry { ical_uid: row.state.ical_uid.clone(), ..meeting("b", 60) };
    let plan = full(&[row.clone()], &[shown]);
    assert_eq!(plan.writes.len(), 1);
    assert_eq!((&plan.writes[0].booking.id, plan.writes[0].change), (&row.id, Change::Updated));
}

/// The room's copy follows its organizer's with a delay: it may show what an earlier command had written.
#[test]
fn a_copy_that_shows_an_earlier_time_of_ours_is_no_answer() {
    let entry = meeting("a", 60);
    let echo = Span::new(now() + TimeDelta::minutes(60), now() + TimeDelta::minutes(90));
    let wanted = Span::new(now() + TimeDelta::minutes(180), now() + TimeDelta::minutes(210));
    let mut row = stored(std::slice::from_ref(&entry)).remove(0);
    row.id = BookingId::new("app-1");
    row.state = BookingState {
        event_id: None,
        status: Status::Pending,
        origin: Origin::Command,
        span: wanted,
        ..row.state
    };
    let writes = |id: Option<&str>, entry: &CalendarEntry| {
        let ical_uid = id.map(str::to_owned);
        let claim = Claim { ical_uid, echoes: vec![Days::Timed(echo)], ..claim(&row) };
        let (known, read) = (std::slice::from_ref(&row), [echo, wanted]);
        let entries = std::slice::from_ref(entry);
        plan(known, entries, &read, window(), &[claim], &context(), now()).writes
    };
    assert_eq!(writes(Some("uid-a"), &entry), []);
    assert_eq!(writes(None, &entry), [], "it may be the command's, so it gets no booking of its own");
    let arrived = CalendarEntry { when: When::Timed(wanted), ..entry };
    let state = &writes(Some("uid-a"), &arrived)[0].booking.state;
    assert_eq!((state.status, state.span), (Status::Confirmed, wanted));
}

/// Its occurrences need not have the id that the organizer's calendar knows, so it could not be told that the next attempt has made another.
#[test]
fn a_series_is_not_guessed_and_left_alone_as_a_whole() {
    let occurrence = |id: &str, days: i64| CalendarEntry {
        kind: EntryKind::Occurrence,
        series: Some(EventId::new("series")),
        original_start: Some(now() + TimeDelta::days(days)),
        ..meeting(id, 60 + days * 24 * 60)
    };
    let entries = [occurrence("a", 0), occurrence("b", 1)];
    let mut row = stored(&[meeting("a", 60)]).remove(0);
    row.id = BookingId::new("app-1");
    row.state = BookingState {
        event_id: None,
        ical_uid: None,
        status: Status::Pending,
        origin: Origin::Command,
        ..row.state
    };
    let organizer = Some("organizer@contoso.example".to_owned());
    let claim = Claim { recurring: true, organizer, ..claim(&row) };
    let planned = |claim: Claim| {
        plan(std::slice::from_ref(&row), &entries, &[window()], window(), &[claim], &context(), now())
    };
    let unknown = planned(claim.clone());
    assert_eq!((unknown.writes.len(), unknown.unclear), (0, 2));
    let stranger = planned(Claim { organizer: None, ..claim.clone() });
    assert_eq!((stranger.writes.len(), stranger.unclear), (1, 1));
    let ical_uid = Some("uid-series".to_owned());
    let series = Some(EventId::new("series"));
    let known = planned(Claim { ical_uid, series, ..claim });
    assert_eq!(known.writes[0].booking.id, row.id);
    assert!(known.writes.iter().all(|write| write.booking.state.origin == Origin::Command));
}

/// Of a series whose first meeting lies outside what was read, and of what is being left, nothing goes over.
#[test]
fn an_entry_goes_over_to_the_command_that_shares_its_id() {
    let entry = meeting("a", 60);
    let stranger = stored(std::slice::from_ref(&entry)).remove(0);
    let mut own = Booking { id: BookingId::new("app-1"), ..stranger.clone() };
    own.state = BookingState {
        event_id: None,
        ical_uid: None,
        status: Status::Pending,
        origin: Origin::Command,
        ..own.state
    };
    let blank = Claim { ical_uid: entry.ical_uid.clone(), ..claim(&own) };
    let writes = |known: &[Booking], claim: Claim| {
        let everything = [Span::new(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"))];
        let entries = std::slice::from_ref(&entry);
        let plan = plan(known, entries, &everything, window(), &[claim], &context(), now());
        let status = |write: Write| (write.booking.id, write.booking.state.status);
        plan.writes.into_iter().map(status).collect::<BTreeMap<_, _>>()
    };
    let known = [own.clone(), stranger.clone()];
    let goes_over = BTreeMap::from([
        (own.id.clone(), Status::Confirmed),
        (stranger.id.clone(), Status::Ended(EndReason::Deleted)),
    ]);
    let leaving = Claim { leaving: Some(EndReason::Cancelled), ..blank.clone() };
    assert_eq!(writes(&known, blank.clone()), goes_over);
    assert_eq!(writes(&known, leaving), BTreeMap::new());
    // The command's booking has an entry that was not read: of a series another instance; of a single meeting the one that was there before.
    let elsewhere = BookingState {
        event_id: Some(EventId::new("first")),
        ical_uid: entry.ical_uid.clone(),
        status: Status::Confirmed,
        span: Span::new(at("2028-01-01T00:00:00Z"), at("2028-01-01T01:00:00Z")),
        ..own.state.clone()
    };
    let observed = Booking { state: elsewhere, ..own.clone() };
    let known = [observed, stranger];
    assert_eq!(writes(&known, Claim { recurring: true, ..blank.clone() }), BTreeMap::new());
    assert_eq!(writes(&known, blank), goes_over);
}

#[test]
fn what_is_late_of_a_meeting_that_has_gone_is_nobody_s_booking() {
    let entries = [meeting("a", 60), occurrence("b", 1800)];
    let mut row = stored(&[meeting("new", 120)]).remove(0);
    row.state = BookingState { status: Status::Pending, event_id: None, ..row.state };
    let created = |claim: Claim| {
        let plan =
            plan(std::slice::from_ref(&row), &entries, &[window()], window(), &[claim], &context(), now());
        plan.writes.len()
    };
    let claim = claim(&row);
    let late = |uid: &str, series: &[&str]| Claim {
        late: vec![uid.to_owned()],
        late_series: series.iter().map(|id| EventId::new(*id)).collect(),
        ..claim.clone()
    };
    assert_eq!(created(claim.clone()), 2);
    assert_eq!(created(late("uid-a", &[])), 1);
    assert_eq!(created(late("uid-a", &["series"])), 0);
    let leaving = Some(EndReason::Cancelled);
    let series = Some(EventId::new("series"));
    assert_eq!(created(Claim { leaving, series, recurring: true, ..claim.clone() }), 1);
}

/// Its further instances had been taken for somebody else's before its id was known.
#[test]
fn a_series_turns_out_to_be_a_command_s_with_all_its_days() {
    let shared = |entry| CalendarEntry { ical_uid: Some("uid".to_owned()), ..entry };
    let entries = [shared(occurrence("a", 60)), shared(occurrence("b", 1500))];
    let mut rows = stored(&entries);
    rows.sort_by_key(|row| row.state.span.start);
    let (origin, private_by) = (Origin::Command, PrivateBy::Command);
    rows[0].state = BookingState { origin, private_by, ..rows[0].state.clone() };
    let claim = Claim { recurring: true, ..claim(&rows[0]) };
    let plan = plan(&rows, &entries, &[window()], window(), &[claim], &context(), now());
    for row in applied(&rows, &plan) {
        assert_eq!((row.state.origin, row.state.private_by, row.state.subject), (origin, private_by, None));
    }
}

/// Its time is the one that is wanted, not the one at which the room has shown it.
#[test]
fn what_is_pending_is_missed_wherever_it_lies_but_only_by_a_whole_read() {
    let beyond = meeting("a", 60 * 24 * 60);
    let missing = |status, covered: Span| {
        let mut row = stored(&[meeting("a", 60)]).remove(0);
        row.state = BookingState { status, span: span(beyond.when, &context()), ..row.state };
        plan(&[row], &[], &[covered], window(), &[], &context(), now()).missing.len()
    };
    let today = Span::new(now(), now() + TimeDelta::days(1));
    assert_eq!(missing(Status::Pending, window()), 1);
    assert_eq!(missing(Status::Pending, today), 0);
    assert_eq!(missing(Status::Confirmed, window()), 0);
}

/// Two writes of one item are refused as a whole (`TransactWriteItems`), each time.
#[test]
fn of_two_bookings_of_an_entry_the_one_that_goes_on_is_linked() {
    let entry = CalendarEntry { id: EventId::new("accepted"), ..meeting("a", 60) };
    let mut stranger = stored(&[meeting("a", 60)]).remove(0);
    stranger.state.event_id = Some(entry.id.clone());
    let mut own = Booking { id: BookingId::new("app-1"), ..stranger.clone() };
    own.state = BookingState {
        status: Status::Pending,
        event_id: None,
        origin: Origin::Command,
        ..own.state.clone()
    };
    let known = [own.clone(), stranger.clone()];
    let plan =
        plan(&known, std::slice::from_ref(&entry), &[window()], window(), &[claim(&own)], &context(), now());
    let links: Vec<_> = plan.writes.iter().map(|write| (&write.booking.id, write.link())).collect();
    assert_eq!(plan.writes.len(), 2);
    assert!(links.contains(&(&own.id, Some(Link::Event(&entry.id)))), "{links:?}");
    assert!(links.contains(&(&stranger.id, None)), "{links:?}");
}

#[test]
fn subjects_lose_control_characters_and_have_an_end() {
    let entry =
        CalendarEntry { subject: Some(format!(" Jane\u{7}\n Doe {}", "x".repeat(900))), ..meeting("a", 60) };
    let Meaning::Booked(state) = meaning(&entry, &context()) else { panic!("booked") };
    let subject = state.subject.unwrap();
    assert!(
        subject.starts_with(" Jane Doe") && subject.chars().count() <= 255 && !subject.contains('\n'),
        "{subject}"
    );
}

fn entries() -> impl Strategy<Value = Vec<CalendarEntry>> {
    let entry = (0..12_u8, -3_000..60_000_i64, any::<bool>(), 0..5_u8, any::<bool>());
    prop::collection::vec(entry, 0..14).prop_map(|entries| {
        let entry = |(id, minutes, private, state, series): (u8, i64, bool, u8, bool)| CalendarEntry {
            private,
            cancelled: state == 0,
            response: if state == 1 { Response::Declined } else { Response::Settled },
            tentative: state == 2,
            kind: if series { EntryKind::Occurrence } else { EntryKind::Single },
            series: series.then(|| EventId::new("master")),
            ..meeting(&format!("e{id}"), minutes)
        };
        entries.into_iter().map(entry).collect()
    })
}

/// The bookings that a calendar alone would give.
fn projection(entries: &[CalendarEntry]) -> BTreeMap<EventId, (Instant, Status)> {
    let last: BTreeMap<&EventId, &CalendarEntry> = entries.iter().map(|entry| (&entry.id, entry)).collect();
    last.into_iter()
        .filter_map(|(id, entry)| match meaning(entry, &context()) {
            Meaning::Booked(state) if state.span.overlaps(&window()) => {
                Some((id.clone(), (state.span.start, state.status)))
            }
            _ => None,
        })
        .collect()
}

fn live(rows: &[Booking]) -> BTreeMap<EventId, (Instant, Status)> {
    rows.iter()
        .filter(|row| row.is_live() && row.state.span.overlaps(&window()))
        .map(|row| (row.state.event_id.clone().unwrap(), (row.state.span.start, row.state.status)))
        .collect()
}

/// A full read with everything missing ended.
fn round(rows: &[Booking], entries: &[CalendarEntry]) -> Vec<Booking> {
    let mut plan = full(rows, entries);
    plan.writes.extend(plan.missing.iter().map(|row| end(row, EndReason::Deleted, 90, now())));
    applied(rows, &plan)
}

proptest! {
    #[test]
    fn replaying_a_reading_changes_nothing(before in entries(), after in entries()) {
        let rows = round(&round(&[], &before), &after);
        let again = full(&rows, &after);
        prop_assert_eq!(again, Plan::default());
    }

    #[test]
    fn after_a_full_read_the_table_equals_the_calendar(before in entries(), after in entries()) {
        let rows = round(&round(&[], &before), &after);
        prop_assert_eq!(live(&rows), projection(&after));
    }

    #[test]
    fn the_order_of_entries_and_rows_does_not_matter(before in entries(), after in entries(), turn in 0..14_usize) {
        let mut unique: BTreeMap<EventId, CalendarEntry> = BTreeMap::new();
        unique.extend(after.into_iter().map(|entry| (entry.id.clone(), entry)));
        let entries: Vec<CalendarEntry> = unique.into_values().collect();
        let rows = stored(&before);
        let (mut turned_rows, mut turned) = (rows.clone(), entries.clone());
        if !turned.is_empty() { let by = turn % turned.len(); turned.rotate_left(by); }
        if !turned_rows.is_empty() { let by = turn % turned_rows.len(); turned_rows.rotate_left(by); }
        prop_assert_eq!(full(&rows, &entries), full(&turned_rows, &turned));
    }

    #[test]
    fn no_private_word_reaches_a_booking(mut entries in entries()) {
        for entry in &mut entries {
            if entry.private {
                entry.subject = Some("canary".into());
            }
        }
        let seen = format!("{:?}", full(&[], &entries)).contains("canary");
        prop_assert!(!seen);
    }

    #[test]
    fn transactions_hold_everything_in_order_and_no_more_than_fits(count in 0..400_usize, rekeyed in any::<bool>()) {
        let many: Vec<CalendarEntry> = (0..count).map(|n| meeting(&format!("m{n}"), i64::try_from(n).unwrap())).collect();
        let mut writes = full(&[], &many).writes;
        if rekeyed {
            for write in &mut writes { write.booking.id = BookingId::new("chosen-by-a-command"); }
        }
        let cuts = transactions(&writes);
        prop_assert_eq!(cuts.iter().map(|cut| cut.len()).sum::<usize>(), writes.len());
        let items = |cut: &[roomsync_domain::plan::Write]| cut.iter().map(|w| 1 + usize::from(w.link().is_some())).sum::<usize>();
        prop_assert!(cuts.iter().all(|cut| items(cut) <= 95));
        prop_assert_eq!(cuts.concat(), writes);
    }
}

#[test]
fn a_subject_of_blanks_is_none() {
    let entry = CalendarEntry { subject: Some(" \n ".into()), ..meeting("a", 60) };
    let Meaning::Booked(state) = meaning(&entry, &context()) else { panic!("booked") };
    assert_eq!(state.subject, None);
}

#[test]
fn kinds_are_carried_over() {
    for (kind, expected) in [
        (EntryKind::Single, Kind::Single),
        (EntryKind::Occurrence, Kind::Occurrence),
        (EntryKind::Exception, Kind::Exception),
    ] {
        let entry = CalendarEntry { kind, series: Some(EventId::new("m")), ..meeting("a", 0) };
        let Meaning::Booked(state) = meaning(&entry, &context()) else { panic!("booked") };
        assert_eq!(state.kind, expected);
        assert_eq!(state.series_id.is_some(), expected != Kind::Single);
        assert_eq!(state.original_start.is_some(), expected != Kind::Single);
    }
}
