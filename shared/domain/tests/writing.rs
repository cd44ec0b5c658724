//! The merge and the steps of writing, row by row.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use chrono::TimeDelta;
use proptest::prelude::*;
use roomsync_command::{Action, BookingCommand, Moment, Recurrence};
use roomsync_domain::booking::{Booking, BookingState, EndReason, Kind, PrivateBy, Status};
use roomsync_domain::context::Context;
use roomsync_domain::entry::{Wanted, When};
use roomsync_domain::plan::Link;
use roomsync_domain::tenant::{Organizer, Window};
use roomsync_domain::writing::accept::{Decision, Given, accept};
use roomsync_domain::writing::claim::Verdict;
use roomsync_domain::writing::ending::give_up;
use roomsync_domain::writing::meeting::{Meeting, RoomAddress, RoomAnswer, Salt};
use roomsync_domain::writing::merge::{Judgement, View, draft, judge, merge};
use roomsync_domain::writing::request::request;
use roomsync_domain::writing::rows::{failure, pending};
use roomsync_domain::writing::state::{Before, Place};
use roomsync_domain::writing::step::{
    Step, Verified, Watched, next_step, read_back, rooms_left_alone, waiting, watch,
};
use roomsync_domain::writing::{Content, Seen, Wall, Words, Writing, code};
use roomsync_domain::{BookingId, EventId, Instant, RoomId, RoomRef, Span, TenantId};

fn tenant() -> TenantId {
    TenantId::parse("84bd8158-6d4d-4958-8b9f-9d6445542f95").unwrap()
}

fn salt() -> Salt {
    Salt::of(&tenant(), &BookingId::new("app-1"))
}

fn now() -> Instant {
    "2026-02-09T08:00:00Z".parse().unwrap()
}

fn hour(hour: u8) -> Wall {
    Wall::utc(now() + TimeDelta::hours(hour.into()))
}

fn room(name: &str) -> RoomAddress {
    RoomAddress { id: RoomId::new(name), email: format!("{name}@contoso.example"), name: name.to_owned() }
}

/// What a case is about: begin, subject, people, room, whether private. Each has three values.
type Facets = [u8; 5];

fn meeting([begin, subject, people, place, private]: Facets) -> Meeting {
    let words = Words {
        subject: Some(format!("subject {subject}")),
        attendees: Some(vec![format!("p{people}@contoso.example")]),
    };
    let private = private == 1;
    Meeting {
        room: (place < 2).then(|| room(if place == 0 { "a" } else { "b" })),
        start: hour(begin),
        end: hour(begin + 1),
        all_day: false,
        private,
        subject_digest: salt().subject(words.subject.as_deref()),
        attendees_digest: salt().attendees(words.attendees.iter().flatten()),
        words: if private { Words::default() } else { words },
        recurrence: None,
    }
}

fn seen(id: &str, facets: Facets) -> Seen {
    let shown = meeting([facets[0], facets[1], facets[2], facets[3], 0]);
    Seen {
        id: EventId::new(id),
        ical_uid: Some("uid".to_owned()),
        etag: Some("e".to_owned()),
        cancelled: false,
        when: When::Timed(Span::new(shown.start.instant(), shown.end.instant())),
        private: facets[4] == 1,
        words: shown.words,
        answers: shown.room.iter().map(|room| (room.email.clone(), RoomAnswer::None)).collect(),
        recurrence: None,
    }
}

fn rooms() -> Vec<String> {
    ["a", "b"].map(|name| room(name).email).into()
}

fn content(facets: Facets) -> Content {
    meeting(facets).content()
}

fn daily() -> Recurrence {
    let recurrence = serde_json::json!({
        "pattern": { "type": "daily", "interval": 1 },
        "range": { "type": "numbered", "startDate": "2026-02-09", "numberOfOccurrences": 3 },
    });
    serde_json::from_value(recurrence).unwrap()
}

#[test]
fn a_read_back_is_judged() {
    let [first, second, third] = [[0; 5], [1, 0, 0, 0, 0], [2, 0, 0, 0, 0]].map(content);
    let written = [first.clone(), second.clone()];
    assert_eq!(judge(&second, &second, &written), Judgement::Same);
    assert_eq!(judge(&second, &first, &written), Judgement::Echo);
    assert_eq!(judge(&second, &third, &written), Judgement::Edited);
}

/// Every combination of wanted, base and seen of one field, the other fields at random.
#[test]
fn a_command_beats_a_person_on_the_fields_that_it_names_and_on_no_others() {
    for facet in 0..5 {
        let values = if facet == 4 { 0..2 } else { 0..3 };
        for wanted in values.clone() {
            for base in values.clone() {
                for there in values.clone() {
                    one_field(facet, wanted, base, there);
                }
            }
        }
    }
}

fn one_field(facet: usize, wanted: u8, base: u8, there: u8) {
    let at = |value| {
        let mut facets = [0; 5];
        facets[facet] = value;
        facets
    };
    let why = format!("field {facet}: wanted {wanted}, base {base}, seen {there}");
    let rooms = rooms();
    let goal = meeting(at(wanted)).content();
    let listed: Vec<String> = goal.room.iter().chain(&rooms).cloned().collect();
    let salt = salt();
    let view = View { salt: &salt, rooms: &listed, own: false };
    let said = Words {
        subject: Some(format!("subject {}", at(wanted)[1])),
        attendees: Some(vec![format!("p{}@contoso.example", at(wanted)[2])]),
    };
    let merged =
        merge(&meeting(at(wanted)), Some(&content(at(base))), &seen("e", at(there)), Some(&said), &view);
    let (merged, patch) = merged.unwrap();
    let named = wanted != base;
    let result = if named { wanted } else { there };
    // A room that a person has put in the place of ours is not ours to know.
    if facet == 3 && !named && there != wanted {
        return;
    }
    assert_eq!(merged.content(), content(at(result)), "{why}");
    assert_eq!(patch.is_empty(), result == there, "{why}: {patch:?}");
}

#[test]
fn words_of_a_private_meeting_are_needed_only_if_they_change() {
    let rooms = rooms();
    let salt = salt();
    let view = View { salt: &salt, rooms: &rooms, own: false };
    let private = |facets: Facets| meeting([facets[0], facets[1], facets[2], facets[3], 1]);
    let there = seen("e", [0, 0, 0, 0, 1]);
    let base = private([0; 5]).content();
    assert!(merge(&private([1, 0, 0, 0, 0]), Some(&base), &there, None, &view).is_ok());
    let other = private([0, 1, 0, 0, 0]);
    assert!(merge(&other, Some(&base), &there, None, &view).is_err());
    let said = Words { subject: Some("subject 1".to_owned()), attendees: None };
    let (merged, patch) = merge(&other, Some(&base), &there, Some(&said), &view).unwrap();
    assert_eq!(patch.subject.as_deref(), Some("subject 1"));
    assert_eq!(merged.words, Words::default());
    assert!(draft(&other, Some(&said), &salt, false).is_err(), "the people are missing");
    assert!(draft(&meeting([0; 5]), None, &salt, false).is_ok());
}

fn writing(facets: Facets) -> Writing {
    let room = RoomRef::new(tenant(), RoomId::new("a"));
    let place = Place { mailbox: "megan@contoso.example".to_owned(), own: false, foreign: false };
    let meeting = meeting(facets);
    let span = meeting.span(chrono_tz::UTC);
    let mut writing =
        Writing { life: 1, ..Writing::blank(&room, BookingId::new("app-1"), place, span, now()) };
    writing.want(Some(meeting), now());
    writing
}

/// Its meeting is in the calendar as it is wanted, and the room has yet to answer.
fn made() -> Writing {
    let mut made = writing([0; 5]);
    made.created(&seen("e", [0; 5]), now());
    made.verified();
    made
}

#[test]
fn steps_follow_each_other() {
    let mut writing = writing([0; 5]);
    assert_eq!(next_step(&writing, now()), Step::Create);
    writing.unanswered(now());
    let until = now() + TimeDelta::seconds(30);
    assert_eq!(next_step(&writing, now()), Step::Wait(until), "it may still land");
    assert_eq!(next_step(&writing, until), Step::Create);
    writing.created(&seen("e", [0; 5]), now());
    assert_eq!(
        next_step(&writing, now()),
        Step::Wait(until),
        "nothing is concluded before it can have landed"
    );
    assert_eq!(next_step(&writing, until), Step::Verify);
    assert_eq!(read_back(&mut writing, &[seen("e", [0; 5])], None, chrono_tz::UTC), Verified::Well);
    assert_eq!(next_step(&writing, until), Step::Watch);
    let first = writing.transaction();
    writing.want(Some(meeting([1, 0, 0, 0, 0])), until);
    assert_eq!(next_step(&writing, until), Step::Push);
    assert_eq!(writing.transaction(), first, "one life, one transaction");
    writing.want(None, until);
    writing.leaving = Some(EndReason::Cancelled);
    assert_eq!(next_step(&writing, until), Step::Remove);
    writing.removed(now());
    assert_eq!(next_step(&writing, until), Step::Verify);
    assert_eq!(read_back(&mut writing, &[], None, chrono_tz::UTC), Verified::Well);
    assert_eq!(next_step(&writing, until), Step::Watch);
    writing.due = None;
    assert_eq!(next_step(&writing, until), Step::Done);
    writing.life += 1;
    assert_ne!(writing.transaction(), first);
}

#[test]
fn what_has_waited_is_given_up_only_if_it_was_tried() {
    let mut writing = writing([0; 5]);
    let later = now() + TimeDelta::hours(25);
    let given_up = |writing: &Writing, now| writing.is_given_up(code::UNREACHABLE, now);
    writing.put_off(None, later);
    assert!(writing.has_waited(code::UNREACHABLE, later) && !given_up(&writing, later));
    (0..20).for_each(|_| writing.put_off(None, later));
    assert!(given_up(&writing, later) && !given_up(&writing, now()));
    writing.verified();
    assert!(!given_up(&writing, later));
}

fn context() -> Context {
    Context {
        room: RoomRef::new(tenant(), RoomId::new("a")),
        email: "a@contoso.example".into(),
        zone: chrono_tz::UTC,
        tenant_zone: chrono_tz::UTC,
        wanted: Wanted { subject: true, organizer: true },
        retention_days: 90,
        window: Window { past_days: 1, future_days: 30 },
    }
}

fn row(writing: &Writing, state: BookingState) -> Booking {
    let (room, id) = (writing.room_ref(), writing.booking.clone());
    Booking { room, id, version: 1, state, observed_at: now(), expires_at: now() }
}

/// The copy that the room showed last was of the meeting before, and nobody looks at the days where the new one lies.
#[test]
fn a_booking_beyond_the_window_does_not_wait_for_its_room_to_show_another_meeting() {
    let mut writing = made();
    let state = pending(&writing, None, &context()).unwrap();
    let status = Status::Ended(EndReason::Cancelled);
    let row = row(&writing, BookingState { status, ical_uid: Some("another".into()), ..state });
    let mut answered = |answer, window| watch(&mut writing, Some(&row), answer, &context(), window, now());
    let days = context().window_at(now());
    let before = Span::new(now() - TimeDelta::days(2), now() - TimeDelta::days(1));
    assert!(matches!(answered(Some(RoomAnswer::Accepted), days), (Watched::Silent { .. }, None)));
    assert!(matches!(answered(None, before), (Watched::Silent { .. }, None)));
    let (watched, write) = answered(Some(RoomAnswer::Accepted), before);
    let shown = write.unwrap().booking.state;
    assert_eq!((watched, shown.status), (Watched::Settled, Status::Confirmed));
    assert_eq!(shown.ical_uid, writing.ical_uid());
}

/// A command that comes when all is over changes words, not what the room had said.
#[test]
fn a_meeting_that_is_over_was_answered_before_its_last_command() {
    let later = now() + TimeDelta::days(1);
    let ended = |span: Span| {
        let mut writing = writing([0; 5]);
        writing.created(&seen("e", [0; 5]), now());
        writing.before = Some(Before { span, confirmed: true, moved: false, series: None });
        writing.want(Some(meeting([0, 1, 0, 0, 0])), later);
        writing.pushed(meeting([0, 1, 0, 0, 0]), writing.span, later);
        writing.verified();
        let event_id = Some(EventId::new("copy"));
        let row = row(&writing, BookingState { event_id, ..pending(&writing, None, &context()).unwrap() });
        watch(&mut writing, Some(&row), None, &context(), context().window_at(later), later).1.unwrap()
    };
    let span = writing([0; 5]).span;
    assert_eq!(ended(span).booking.state.status, Status::Confirmed);
    let moved = Span::new(span.start - TimeDelta::hours(1), span.end - TimeDelta::hours(1));
    assert_eq!(ended(moved).booking.state.status, Status::Ended(EndReason::Failed));
}

/// Its first day was left out of what the room's poller read. A command that leaves the time as it is leaves the room's answer, too.
#[test]
fn a_series_that_is_known_by_another_day_than_its_first_waits_for_no_answer() {
    let mut old = made();
    old.desired.as_mut().unwrap().recurrence = Some(daily());
    let tomorrow = Span::new(old.span.start + TimeDelta::days(1), old.span.end + TimeDelta::days(1));
    let state = pending(&old, None, &context()).unwrap();
    let event_id = Some(EventId::new("second"));
    let shown = row(&old, BookingState { status: Status::Confirmed, span: tomorrow, event_id, ..state });
    let mut command = BookingCommand::new(Action::Update, "command-2", tenant().as_str(), "app-1");
    command.subject = Some("other words".to_owned());
    let given = Given {
        writing: Some(&old),
        row: Some(&shown),
        row_left: None,
        context: &context(),
        room: &room("a"),
        policy: &Organizer::User,
        refusal: None,
        now: now(),
    };
    let Decision::Accepted(save) = accept(&request(command).unwrap(), &given) else { panic!("refused") };
    let (mut next, row) = (*save.writing, save.rows.into_iter().next().unwrap().booking);
    let meeting = next.desired.clone().unwrap();
    next.pushed(meeting, next.span, now());
    next.verified();
    let (_, claim) = next.claims().remove(0);
    assert_eq!(claim.verdict(tomorrow, row.state.status, context().zone), Verdict::Follow);
    let (watched, write) = watch(&mut next, Some(&row), None, &context(), context().window_at(now()), now());
    assert_eq!((watched, write.unwrap().booking.state.status), (Watched::Settled, Status::Confirmed));
}

/// A person may move it back, and until then the room may have taken another copy of it.
#[test]
fn a_booking_that_goes_beyond_the_window_is_known_by_its_meeting_again() {
    let mut writing = made();
    let state = pending(&writing, None, &context()).unwrap();
    let row = row(&writing, BookingState { event_id: Some(EventId::new("copy")), ..state });
    let before = Span::new(now() - TimeDelta::days(2), now() - TimeDelta::days(1));
    let answer = Some(RoomAnswer::Accepted);
    let (_, write) = watch(&mut writing, Some(&row), answer, &context(), before, now());
    let write = write.unwrap();
    assert_eq!(write.booking.state.status, Status::Confirmed);
    assert_eq!(write.link(), Some(Link::Meeting("uid")));
}

/// When it was back, its room's poller may have taken the meeting for somebody else's, because nobody knew its id yet.
#[test]
fn a_room_is_looked_at_for_a_meeting_whose_booking_ended_unseen_while_there_is_a_claim() {
    let mut writing = made();
    let state = pending(&writing, None, &context()).unwrap();
    let status = Status::Ended(EndReason::RoomRemoved);
    let mut row = row(&writing, BookingState { status, ical_uid: None, ..state });
    for look in 0..3 {
        let days = context().window_at(now());
        let (watched, write) = watch(&mut writing, Some(&row), None, &context(), days, now());
        assert_eq!(watched == Watched::Settled, look == 2);
        assert_eq!(writing.claims().is_empty(), look == 2);
        row.state = write.map_or(row.state, |write| write.booking.state);
        assert_eq!((row.state.status, row.state.ical_uid.clone()), (status, writing.ical_uid()));
    }
}

/// It would have stayed confirmed until its day, with nothing in the calendar.
#[test]
fn what_its_room_has_shown_and_is_cleared_away_waits_until_its_room_shows_that() {
    let mut writing = writing([0; 5]);
    writing.created(&seen("e", [0; 5]), now());
    let state = pending(&writing, None, &context()).unwrap();
    let event_id = Some(EventId::new("copy"));
    let row = row(&writing, BookingState { status: Status::Confirmed, event_id, ..state });
    let why = failure(code::CONFLICT, "taken");
    let rows = give_up(&mut writing, Some(&row), None, why.clone(), &context(), now());
    assert_eq!(writing.desired, None);
    assert_eq!(rows.len(), 1);
    let state = &rows[0].booking.state;
    assert_eq!((state.status, &state.failure), (Status::Pending, &Some(why)));
}

/// Elsewhere its room's poller may have taken it for somebody else's.
#[test]
fn a_booking_beyond_the_window_that_was_elsewhere_waits_until_its_room_was_looked_at() {
    let mut writing = made();
    writing.note_written(&content([1, 0, 0, 0, 0]));
    writing.note_written(&content([0; 5]));
    let row = row(&writing, pending(&writing, None, &context()).unwrap());
    let before = Span::new(now() - TimeDelta::days(2), now() - TimeDelta::days(1));
    let mut answered =
        || watch(&mut writing, Some(&row), Some(RoomAnswer::Accepted), &context(), before, now()).0;
    assert_eq!(answered(), Watched::Silent { look: false });
    assert_eq!(answered(), Watched::Silent { look: true });
    assert_eq!(answered(), Watched::Settled);
}

/// Its mail may be on its way, perhaps with the words of a private meeting.
#[test]
fn what_has_gone_before_its_room_has_shown_it_is_claimed_for_a_quarter_of_an_hour() {
    let late = now() + TimeDelta::minutes(15);
    let settled = |is_observed: bool, at: Instant| {
        let mut writing = writing([0; 5]);
        writing.created(&seen("e", [0; 5]), now() - TimeDelta::minutes(2));
        let mut row = row(&writing, pending(&writing, None, &context()).unwrap());
        row.state.status = Status::Ended(EndReason::Cancelled);
        row.state.event_id = is_observed.then(|| EventId::new("copy"));
        writing.leaving = Some(EndReason::Cancelled);
        writing.since = now() - TimeDelta::minutes(30);
        writing.want(None, now());
        writing.removed(now());
        writing.verified();
        let (watched, _) = watch(&mut writing, Some(&row), None, &context(), context().window_at(at), at);
        assert_eq!(watched, Watched::Settled);
        assert!(writing.is_verified(), "a new command waits for nothing");
        (writing, row)
    };
    assert_eq!(settled(true, now()).0.due, None);
    assert_eq!(settled(false, late).0.due, None);
    let (old, row) = settled(false, now());
    assert_eq!((old.due, old.claims().len()), (Some(late), 1));
    // The same in a new life, wherever that is.
    let mut new = Writing { late: old.late_copies(Some(&row)), ..writing([0; 5]) };
    let claims = |writing: &Writing| {
        let claims = writing.claims().into_iter();
        claims.map(|(room, claim)| (room.room.to_string(), claim.late)).collect::<Vec<_>>()
    };
    let uids: Vec<String> = old.ical_uid().into_iter().collect();
    assert_eq!(claims(&new), [("a".to_owned(), uids.clone())]);
    new.room = RoomId::new("b");
    assert_eq!(claims(&new), [("b".to_owned(), Vec::new()), ("a".to_owned(), uids)]);
    // Also if its own room never answers.
    let mut silent = new.clone();
    let pending = BookingState { status: Status::Pending, ..row.state.clone() };
    for (at, rooms) in [(now(), 2), (late, 1)] {
        let row = Booking { state: pending.clone(), ..row.clone() };
        watch(&mut silent, Some(&row), None, &context(), context().window_at(at), at);
        assert_eq!(claims(&silent).len(), rooms);
    }
    let confirmed = Booking { state: BookingState { status: Status::Confirmed, ..row.state.clone() }, ..row };
    for (at, due) in [(now(), Some(late)), (late, None)] {
        watch(&mut new, Some(&confirmed), None, &context(), context().window_at(at), at);
        assert_eq!((new.due, claims(&new).len()), (due, if due.is_some() { 2 } else { 0 }));
    }
}

/// After that it stays: the room that was to let go of it has another address by now.
#[test]
fn what_the_room_shows_of_the_life_before_is_left_alone_for_a_quarter_of_an_hour() {
    let mut writing = Writing { former: Some(EventId::new("copy")), ..made() };
    writing.desired.as_mut().unwrap().recurrence = Some(daily());
    let state = pending(&writing, None, &context()).unwrap();
    let state = BookingState { status: Status::Confirmed, event_id: Some(EventId::new("other")), ..state };
    let row = row(&writing, state);
    let late = now() + TimeDelta::minutes(15);
    for (at, due, is_former) in [(now(), Some(late), true), (late, None, false)] {
        watch(&mut writing, Some(&row), None, &context(), context().window_at(at), at);
        assert_eq!(writing.due, due);
        assert_eq!(writing.claims()[0].1.former.is_some(), is_former);
    }
}

/// They may keep what nobody can take out of them any more, because they have other addresses by now.
#[test]
fn rooms_are_looked_at_when_nothing_is_left_alone_there_any_more() {
    let made = made();
    let status = Status::Ended(EndReason::Released);
    let event_id = Some(EventId::new("copy"));
    let seen = row(&made, BookingState { status, event_id, ..pending(&made, None, &context()).unwrap() });
    let gone = Writing { due: None, leaving: Some(EndReason::Released), ..made };
    let rooms = |before: &Writing, after: &Writing| {
        let rooms = rooms_left_alone(before, after, Some(&seen), true);
        rooms.into_iter().map(RoomId::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(rooms(&gone, &gone).is_empty(), "a single meeting that was seen is missed by its booking");
    let base = gone.base.clone().map(|base| Content { recurrence: Some(daily()), ..base });
    let series = Writing { base, ..gone.clone() };
    assert_eq!(rooms(&series, &series), ["a"]);
    assert_eq!(rooms(&Writing { former: Some(EventId::new("old")), ..gone.clone() }, &gone), ["a"]);
    let moved = Writing { left: Some(RoomId::new("b")), ..gone.clone() };
    assert!(rooms(&moved, &gone).is_empty());
    let before = Writing { left: Some(RoomId::new("b")), leaving: None, ..series.clone() };
    let after = Writing { leaving: None, ..series };
    assert_eq!(rooms(&before, &after), ["b"]);
    assert!(rooms(&before, &before).is_empty());
}

/// Its further instances may be seen when all is settled, and then nothing else says whose they are and how private.
#[test]
fn a_series_stays_claimed_as_long_as_its_room_is_to_hold_it() {
    let claims = |repeats: bool, leaving| {
        let mut writing = Writing { due: None, leaving, ..writing([0; 5]) };
        writing.desired.as_mut().unwrap().recurrence = repeats.then(daily);
        writing.claims().len()
    };
    assert_eq!(claims(true, None), 1);
    assert_eq!(claims(false, None), 0, "what is settled claims nothing");
    assert_eq!(claims(true, Some(EndReason::Released)), 0, "the room was given back");
}

/// A change that leaves time and room alone needs no answer; one to another room does, also when the old room is rid of it.
#[test]
fn a_room_that_has_not_answered_a_move_has_not_accepted_it() {
    let answer = |moved: bool| {
        let mut writing = writing([0; 5]);
        writing.before = Some(Before { span: writing.span, confirmed: true, moved: false, series: None });
        writing.left = moved.then(|| RoomId::new("b"));
        writing.left_behind(None);
        let row = row(&writing, pending(&writing, None, &context()).unwrap());
        let window = context().window_at(now());
        watch(&mut writing, Some(&row), None, &context(), window, now())
    };
    let (watched, written) = answer(false);
    assert_eq!((watched, written.unwrap().booking.state.status), (Watched::Settled, Status::Confirmed));
    assert_eq!(answer(true), (Watched::Silent { look: false }, None));
}

/// It answers each time that it was asked for, and meanwhile somebody else may have taken the one that was left.
#[test]
fn a_room_that_a_meeting_has_left_answers_anew_when_it_is_moved_back() {
    let answer = |begins: &[u8]| {
        let context = context();
        let mut writing = made();
        let shown = pending(&writing, None, &context).unwrap();
        let mut row = row(&writing, BookingState { status: Status::Confirmed, ..shown });
        for (at, begin) in begins.iter().enumerate() {
            let moment = |wall: Wall| Some(Moment::new(&wall.local.to_string().replace(' ', "T"), "UTC"));
            let id = format!("command-{at}");
            let command = BookingCommand {
                start: moment(hour(*begin)),
                end: moment(hour(*begin + 1)),
                ..BookingCommand::new(Action::Update, &id, tenant().as_str(), "app-1")
            };
            let given = Given {
                writing: Some(&writing),
                row: Some(&row),
                row_left: None,
                context: &context,
                room: &room("a"),
                policy: &Organizer::User,
                refusal: None,
                now: now(),
            };
            let Decision::Accepted(save) = accept(&request(command).unwrap(), &given) else { panic!() };
            (writing, row) = (*save.writing, save.rows[0].booking.clone());
            writing.pushed(meeting([*begin, 0, 0, 0, 0]), writing.span, now());
            writing.verified();
        }
        let window = context.window_at(now());
        let (watched, write) = watch(&mut writing, Some(&row), None, &context, window, now());
        (watched, write.map(|write| write.booking.state.status))
    };
    assert_eq!(answer(&[0]), (Watched::Settled, Some(Status::Confirmed)));
    assert_eq!(answer(&[1]), (Watched::Silent { look: false }, None));
    assert_eq!(answer(&[1, 0]), (Watched::Silent { look: false }, None));
    assert_eq!(answer(&[1, 0, 0]), (Watched::Silent { look: false }, None));
}

/// A room that is away, or has not answered in time, has ended the booking, and may still come to show it.
#[test]
fn a_receipt_is_where_the_meeting_is_although_its_booking_has_ended_there() {
    let (there, elsewhere) = (context(), RoomRef::new(tenant(), RoomId::new("b")));
    let refused_in = |is_wanted: bool| {
        let mut writing = writing([0; 5]);
        let state = pending(&writing, None, &there).unwrap();
        let ended = row(&writing, BookingState { status: Status::Ended(EndReason::RoomRemoved), ..state });
        writing.desired = writing.desired.filter(|_| is_wanted);
        let tenant = tenant().to_string();
        let command = BookingCommand::new(Action::Update, "command-2", &tenant, "app-1");
        let given = Given {
            writing: Some(&writing),
            row: None,
            row_left: Some(&ended),
            context: &Context { room: elsewhere.clone(), ..context() },
            room: &room("b"),
            policy: &Organizer::User,
            refusal: Some(&failure(code::WRITES_OFF, "off")),
            now: now(),
        };
        let Decision::Refused(save, _) = accept(&request(command).unwrap(), &given) else {
            panic!("accepted")
        };
        let receipt = save.rows.into_iter().next().unwrap().booking;
        assert_eq!(receipt.state.last_command_id.as_deref(), Some("command-2"));
        receipt.room
    };
    assert_eq!(refused_in(true), there.room);
    assert_eq!(refused_in(false), elsewhere);
}

/// A command was refused while the room had yet to answer the one before.
#[test]
fn a_receipt_says_why_its_command_was_refused_also_when_the_room_has_answered() {
    let mut writing = writing([0; 5]);
    writing.verified();
    let state = pending(&writing, None, &context()).unwrap();
    let refused = Some(failure(code::WRITES_OFF, "off"));
    let mut row = row(&writing, BookingState { failure: refused.clone(), ..state });
    let waits = failure(code::UNREACHABLE, "Graph does not answer");
    assert_eq!(waiting(Some(&row), waits, &context(), now()), None);
    let later = writing.span.end + TimeDelta::hours(2);
    let over = watch(&mut writing.clone(), Some(&row), None, &context(), context().window_at(later), later).1;
    let over = over.unwrap().booking.state;
    assert_eq!((over.status, over.failure), (Status::Ended(EndReason::Failed), refused.clone()));
    let mut watched = |row: &Booking| {
        let (_, write) = watch(&mut writing, Some(row), None, &context(), context().window_at(now()), now());
        write.map_or_else(|| row.state.clone(), |write| write.booking.state)
    };
    assert_eq!(watched(&row).failure, refused);
    let looks = (0..20).map(|_| watched(&row).failure.unwrap().code);
    assert_eq!(looks.last().as_deref(), Some(code::NO_ANSWER));
    row.state = BookingState { status: Status::Confirmed, failure: None, ..row.state };
    assert_eq!(watched(&row).failure, refused);
}

/// A person has moved the meeting, the room shows its organizer in place of the subject, and its instance has an id of its own; a command that says the same words again
/// changes nothing in the calendar, so nothing would be reported that could bring them back.
#[test]
fn a_receipt_keeps_what_the_room_shows_and_the_command_leaves() {
    let context = context();
    let mut writing = writing([0; 5]);
    writing.created(&seen("e", [0; 5]), now());
    let shown = BookingState {
        status: Status::Confirmed,
        kind: Kind::Occurrence,
        event_id: Some(EventId::new("in the room")),
        ical_uid: Some("uid-20260209".into()),
        span: Span::new(hour(3).instant(), hour(4).instant()),
        time_zone: "Europe/Paris".into(),
        subject: Some("Megan ".into()),
        ..pending(&writing, None, &context).unwrap()
    };
    let row = row(&writing, shown.clone());
    let mut after = |facets| {
        writing.want(Some(meeting(facets)), now());
        writing.span = meeting(facets).span(chrono_tz::UTC);
        pending(&writing, Some(&row), &context).unwrap()
    };
    let same = BookingState { status: Status::Pending, ..shown.clone() };
    assert_eq!(after([0, 0, 1, 0, 0]), same, "only the people change");
    let renamed = after([0, 1, 0, 0, 0]);
    assert_eq!(renamed.subject.as_deref(), Some("subject 1"));
    let moved = after([1, 0, 0, 0, 0]);
    assert_eq!((moved.span.start, moved.time_zone.as_str()), (hour(1).instant(), "UTC"));
    assert_eq!(moved.subject, shown.subject);
    assert_eq!(moved.ical_uid, shown.ical_uid);
    assert_eq!(after([0, 0, 0, 0, 1]).subject, None, "it turns private");
}

/// Else nobody would have the words with which it is to be made, or those that a person has given it since.
#[test]
fn a_booking_that_turns_private_is_made_and_read_back_first() {
    let mut unread = writing([0; 5]);
    unread.created(&seen("e", [0, 1, 0, 0, 0]), now());
    let decide = |writing: &Writing, private| {
        let command = BookingCommand {
            is_private: Some(private),
            ..BookingCommand::new(Action::Update, "command", tenant().as_str(), "app-1")
        };
        let given = Given {
            writing: Some(writing),
            row: None,
            row_left: None,
            context: &context(),
            room: &room("a"),
            policy: &Organizer::User,
            refusal: None,
            now: now(),
        };
        accept(&request(command).unwrap(), &given)
    };
    assert_eq!(decide(&writing([0; 5]), true), Decision::NotYet);
    assert_eq!(decide(&unread, true), Decision::NotYet);
    assert!(matches!(decide(&unread, false), Decision::Accepted(_)));
    assert!(matches!(decide(&made(), true), Decision::Accepted(_)));
}

/// The room's poller would have gone on hiding what a command seemed to want hidden.
#[test]
fn a_booking_is_as_private_as_before_a_command_that_failed() {
    let mut writing = made();
    let standing = pending(&writing, None, &context()).unwrap();
    writing.want(Some(meeting([1, 1, 0, 0, 1])), now());
    writing.before = Some(Before { span: writing.span, confirmed: true, moved: false, series: None });
    let event_id = Some(EventId::new("copy"));
    let row = row(&writing, BookingState { event_id, ..pending(&writing, None, &context()).unwrap() });
    assert!(row.state.is_private());
    // The room may have answered meanwhile.
    for (status, subject) in [(Status::Pending, standing.subject), (Status::Confirmed, None)] {
        let row = Booking { state: BookingState { status, ..row.state.clone() }, ..row.clone() };
        let why = failure(code::CONFLICT, "taken");
        let rows = give_up(&mut writing.clone(), Some(&row), None, why, &context(), now());
        let state = &rows[0].booking.state;
        assert_eq!((state.status, state.private_by), (Status::Confirmed, PrivateBy::Nobody));
        assert_eq!(state.subject, subject);
    }
}

/// It would have waited for them for a day, at a time that is taken.
#[test]
fn a_private_change_that_fails_is_taken_back_but_for_words_that_nobody_keeps() {
    let mut writing = writing([0, 0, 0, 0, 1]);
    writing.created(&seen("e", [0, 0, 0, 0, 1]), now());
    writing.verified();
    writing.want(Some(meeting([1, 1, 1, 0, 1])), now());
    writing.pushed(meeting([1, 1, 1, 0, 1]), writing.span, now());
    give_up(&mut writing, None, None, failure(code::CONFLICT, "taken"), &context(), now());
    let wanted = writing.desired.clone().unwrap();
    assert_eq!(wanted, meeting([0, 1, 1, 0, 1]));
    let (salt, rooms) = (salt(), rooms());
    let view = View { salt: &salt, rooms: &rooms, own: false };
    let there = seen("e", [1, 1, 1, 0, 1]);
    let (_, patch) = merge(&wanted, writing.base.as_ref(), &there, None, &view).unwrap();
    assert_eq!(patch.when, Some((hour(0), hour(1), false)));
}

/// A create whose answer got lost, and a second command before it is repeated: the repetition is answered with the first content.
#[test]
fn an_old_content_behind_a_transaction_id_is_sent_over() {
    let mut writing = writing([0; 5]);
    writing.note_written(&content([0; 5]));
    writing.unanswered(now());
    writing.want(Some(meeting([1, 0, 0, 0, 0])), now());
    writing.created(&seen("e", [0; 5]), now());
    assert_eq!(next_step(&writing, now()), Step::Push);
}

#[test]
fn a_read_back_removes_strays_repeats_echoes_and_takes_people_s_changes() {
    let verified = || {
        let mut writing = writing([0; 5]);
        writing.created(&seen("e", [0; 5]), now());
        writing
    };
    let mut strayed = verified();
    let marked = [seen("e", [0; 5]), seen("stray", [0; 5])];
    let Verified::Strays(strays) = read_back(&mut strayed, &marked, None, chrono_tz::UTC) else { panic!() };
    assert_eq!(strays.iter().map(|stray| stray.id.as_str()).collect::<Vec<_>>(), ["stray"]);

    let mut gone = verified();
    assert_eq!(read_back(&mut gone, &[], None, chrono_tz::UTC), Verified::Gone);

    let mut edited = verified();
    assert_eq!(read_back(&mut edited, &[seen("e", [2, 1, 0, 0, 0])], None, chrono_tz::UTC), Verified::Well);
    assert_eq!(edited.desired.as_ref().map(Meeting::content), Some(content([2, 1, 0, 0, 0])));

    let mut echoed = verified();
    echoed.want(Some(meeting([1, 0, 0, 0, 0])), now());
    echoed.pushed(meeting([1, 0, 0, 0, 0]), echoed.span, now());
    assert_eq!(read_back(&mut echoed, &[seen("e", [0; 5])], None, chrono_tz::UTC), Verified::Again);
    assert_eq!(next_step(&echoed, now()), Step::Push);
    echoed.pushes = 3;
    echoed.applied = echoed.wanted;
    assert_eq!(
        read_back(&mut echoed, &[seen("e", [0; 5])], None, chrono_tz::UTC),
        Verified::Well,
        "never for ever"
    );

    let mut brought_back = verified();
    brought_back.want(Some(meeting([1, 0, 0, 0, 0])), now());
    brought_back.pushed(meeting([1, 0, 0, 0, 0]), brought_back.span, now());
    let read = |writing: &mut Writing, there| read_back(writing, &[seen("e", there)], None, chrono_tz::UTC);
    assert_eq!(read(&mut brought_back, [1, 0, 0, 0, 0]), Verified::Well);
    assert_eq!(read(&mut brought_back, [0; 5]), Verified::Well, "by a person, after it had arrived");
    assert_eq!(brought_back.desired.as_ref().map(Meeting::content), Some(content([0; 5])));
}

proptest! {
    /// Whatever was wanted and whatever is there: what is sent makes the calendar what is wanted then, so one push is enough.
    #[test]
    fn one_push_is_enough(
        wanted in prop::array::uniform5(0u8..2), base in prop::array::uniform5(0u8..2), there in prop::array::uniform5(0u8..2),
    ) {
        let salt = salt();
        let goal = meeting(wanted).content();
        let rooms = rooms();
        let listed: Vec<String> = goal.room.iter().chain(&rooms).cloned().collect();
        let view = View { salt: &salt, rooms: &listed, own: false };
        let said = Words {
            subject: Some(format!("subject {}", wanted[1])),
            attendees: Some(vec![format!("p{}@contoso.example", wanted[2])]),
        };
        // A room that a person has put in the place of ours is not ours to know.
        prop_assume!(wanted[3] != base[3] || there[3] == wanted[3]);
        let (merged, patch) =
            merge(&meeting(wanted), Some(&content(base)), &seen("e", there), Some(&said), &view).unwrap();
        let mut after = seen("e", there);
        if let Some((start, end, _)) = &patch.when {
            after.when = When::Timed(Span::new(start.instant(), end.instant()));
        }
        if let Some(private) = patch.private {
            after.private = private;
        }
        if let Some(subject) = &patch.subject {
            after.words.subject = Some(subject.clone());
        }
        if let Some(invited) = &patch.invited {
            after.words.attendees = Some(invited.people.clone());
            after.answers = invited.room.iter().map(|room| (room.email.clone(), RoomAnswer::None)).collect();
        }
        prop_assert_eq!(view.content(&after), merged.content());
    }
}
