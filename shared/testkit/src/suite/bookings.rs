use super::lost;
use crate::{at, booking, booking_with, created, cursor, room_ref, span, updated};
use chrono::TimeDelta;
use roomsync_domain::announced::Announced;
use roomsync_domain::booking::{Booking, CommandFailure, EndReason, Kind, Origin, PrivateBy, Status};
use roomsync_domain::cursor::{Cursor, DeltaLink, Drift, Guarded, Mode, Trouble, TroubleKind};
use roomsync_domain::listening::{Listening, Refusal, RefusalKind};
use roomsync_domain::plan::{Link, TRANSACTION_ITEMS, Write, end};
use roomsync_domain::{EventId, RoomRef};
use roomsync_ports::{BookingStore, StoreError};

/// A booking of an event in another room than the builders'.
fn in_room(room: &RoomRef, booking: Booking) -> Booking {
    let id = booking.state.event_id.as_ref().map_or(booking.id, |event| room.booking_id(event));
    Booking { room: room.clone(), id, ..booking }
}

/// Commits over whatever cursor is stored.
pub(super) async fn commit(store: &impl BookingStore, room: &RoomRef, writes: &[Write]) {
    let read = store.cursor(room).await.expect("the cursor").unwrap_or_else(cursor);
    store.commit(room, writes, &read).await.expect("the commit");
}

async fn all(store: &impl BookingStore, room: &RoomRef) -> Vec<Booking> {
    store.bookings(room, None, at("9999-01-01T00:00:00Z")).await.expect("all bookings")
}

pub(super) async fn nothing_is_there_at_first(store: &impl BookingStore) {
    let room = room_ref("empty");
    assert_eq!(store.cursor(&room).await.expect("no cursor"), None);
    assert_eq!(all(store, &room).await, []);
    let links = [Link::Event(&EventId::new("unknown")), Link::Meeting("unknown")];
    assert_eq!(store.bookings_of(&room, &links).await.expect("unknown entries"), []);
    assert_eq!(store.bookings_of(&room, &[]).await.expect("no entries"), []);
}

pub(super) async fn what_is_committed_reads_back(store: &impl BookingStore) {
    let room = room_ref("reads-back");
    let full = booking_with("full", |state| {
        state.all_day = Some(("2026-02-09".parse().expect("a date"), "2026-02-11".parse().expect("a date")));
        state.span = span("2026-02-08T23:00:00Z", "2026-02-10T23:00:00Z");
        state.kind = Kind::Exception;
        state.series_id = Some("series".to_owned());
        state.original_start = Some(at("2026-02-09T08:00:00Z"));
        state.subject = Some("Entwurf — \u{1F4C5} \"final\"".to_owned());
        state.organizer_name = Some("Megan".to_owned());
        state.organizer_email = Some("megan@contoso.example".to_owned());
        state.origin = Origin::Command;
        state.last_command_id = Some("command".to_owned());
        state.failure = Some(CommandFailure { code: "waits".to_owned(), message: String::new() });
        state.status = Status::Tentative;
    });
    let pending = booking_with("pending", |state| {
        state.status = Status::Pending;
        state.subject = Some(String::new());
        state.private_by = PrivateBy::Nobody;
    });
    let reasons = [
        EndReason::Cancelled,
        EndReason::Deleted,
        EndReason::Declined,
        EndReason::Moved,
        EndReason::Released,
        EndReason::RoomRemoved,
        EndReason::Failed,
    ];
    let ended = reasons.map(|reason| {
        booking_with(&format!("ended {reason:?}"), |state| {
            state.private_by = PrivateBy::Command;
            state.kind = Kind::Occurrence;
            state.status = Status::Ended(reason);
        })
    });
    let mut bookings: Vec<Booking> =
        [full, pending].into_iter().chain(ended).map(|booking| in_room(&room, booking)).collect();
    let writes: Vec<Write> = bookings.iter().map(created).collect();
    commit(store, &room, &writes).await;
    let mut stored = all(store, &room).await;
    stored.sort_by(|a, b| a.id.cmp(&b.id));
    bookings.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(stored, bookings);

    let mut precise = in_room(&room, booking("precise"));
    for at in [&mut precise.observed_at, &mut precise.expires_at, &mut precise.state.span.end] {
        *at += TimeDelta::milliseconds(600);
    }
    commit(store, &room, &[created(&precise)]).await;
    let stored =
        store.bookings_of(&room, &[Link::Event(&EventId::new("precise"))]).await.expect("the booking");
    assert_eq!(stored, [in_room(&room, booking("precise"))], "whole seconds");
}

pub(super) async fn cursors_are_versioned(store: &impl BookingStore) {
    let room = room_ref("cursors");
    let full = Cursor {
        version: 0,
        mode: Mode::FullRead,
        link: Some(DeltaLink::new("https://graph.microsoft.com/v1.0/x?$deltatoken=a%2Fb")),
        window: Some(span("2026-02-08T23:00:00Z", "2026-08-08T22:00:00Z")),
        policy: "policy".to_owned(),
        context: "context".to_owned(),
        last_full_at: Some(at("2026-02-09T08:00:00Z")),
        last_change_at: Some(at("2026-02-09T08:01:00Z")),
        not_before: Some(at("2026-02-09T08:02:00Z")),
        failures: 3,
        trouble: Some(Trouble {
            kind: TroubleKind::NoAccess,
            since: at("2026-02-09T08:03:00Z"),
            detail: "403".to_owned(),
        }),
        guarded: Some(Guarded { ending: 30, of: 60, at: at("2026-02-09T08:04:00Z") }),
        drift: Some(Drift { repaired: 1, at: at("2026-02-09T08:05:00Z") }),
        lost_links: 1,
        delta_tried_at: Some(at("2026-02-09T08:06:00Z")),
        looked_at: Some(at("2026-02-09T08:07:00.123Z")),
        listening: Some(Listening {
            subscription_id: "7f105c7d-2dc5-4530-97cd-4e7ae6534c07".to_owned(),
            key_id: "key".to_owned(),
            urls: "urls".to_owned(),
            expires_at: at("2026-02-15T08:00:00Z"),
            since: at("2026-02-09T08:08:00Z"),
            renewed_at: Some(at("2026-02-09T08:08:30Z")),
            heard_at: Some(at("2026-02-09T08:09:00Z")),
            silent_since: Some(at("2026-02-09T08:10:00Z")),
            doubted_since: Some(at("2026-02-09T08:09:30Z")),
        }),
        refusal: Some(Refusal {
            kind: RefusalKind::NotValidated,
            since: at("2026-02-09T08:11:00Z"),
            detail: "400".to_owned(),
        }),
        announced: Some(Announced {
            noticed_at: at("2026-02-09T08:12:00.123Z"),
            to_notice_ms: Some(400),
            to_table_ms: 300,
        }),
    };
    lost(
        store.commit(&room, &[], &Cursor { version: 1, ..full.clone() }).await,
        "a cursor that is not there",
    );
    store.commit(&room, &[], &full).await.expect("the first commit");
    assert_eq!(store.cursor(&room).await.expect("a cursor"), Some(Cursor { version: 1, ..full.clone() }));
    lost(store.commit(&room, &[], &cursor()).await, "a first cursor over another");
    store.commit(&room, &[], &Cursor { version: 1, ..cursor() }).await.expect("the second commit");
    let blank = Cursor { version: 2, ..cursor() };
    assert_eq!(store.cursor(&room).await.expect("a cursor"), Some(blank), "what is taken away is gone");
    lost(store.commit(&room, &[], &Cursor { version: 1, ..full }).await, "a cursor that is gone");
}

pub(super) async fn a_lost_race_writes_nothing(store: &impl BookingStore) {
    let room = room_ref("races");
    let first = in_room(&room, booking("first"));
    let read = cursor();
    store.commit(&room, &[created(&first)], &read).await.expect("the faster one");
    let late = in_room(&room, booking("late"));
    lost(store.commit(&room, &[created(&late)], &read).await, "the slower one");
    assert_eq!(all(store, &room).await, std::slice::from_ref(&first));

    let now = store.cursor(&room).await.expect("the cursor").expect("a cursor");
    let again = Booking { observed_at: late.observed_at, ..first.clone() };
    lost(
        store.commit(&room, &[created(&again), created(&late)], &now).await,
        "a first version of what is there",
    );
    let second = updated(&first, |state| state.subject = Some("second".to_owned()));
    store.commit(&room, std::slice::from_ref(&second), &now).await.expect("version 2");
    let now = store.cursor(&room).await.expect("the cursor").expect("a cursor");
    let other = updated(&first, |state| state.subject = Some("other".to_owned()));
    lost(store.commit(&room, &[other], &now).await, "a version over one that is gone");
    assert_eq!(all(store, &room).await, [second.booking]);
    assert_eq!(store.cursor(&room).await.expect("the cursor"), Some(now), "no lost race moved the cursor");
}

pub(super) async fn one_bad_write_spoils_the_whole_commit(store: &impl BookingStore) {
    let room = room_ref("atomic");
    let ended =
        end(&in_room(&room, booking("never there")), EndReason::Deleted, 90, at("2026-02-09T12:00:00Z"));
    let mut writes: Vec<Write> =
        (0..20).map(|n| created(&in_room(&room, booking(&format!("good {n}"))))).collect();
    writes.insert(11, ended);
    lost(store.commit(&room, &writes, &cursor()).await, "the end of a booking that is not there");
    assert_eq!(all(store, &room).await, []);
    assert_eq!(store.cursor(&room).await.expect("no cursor"), None);

    let twice = created(&in_room(&room, booking("twice")));
    let result = store.commit(&room, &[twice.clone(), twice], &cursor()).await;
    assert!(matches!(result, Err(StoreError::Other(_))), "one item twice in a commit: {result:?}");
    assert_eq!(all(store, &room).await, []);
}

pub(super) async fn a_range_is_half_open(store: &impl BookingStore) {
    let room = room_ref("ranges");
    let at_hour = |hour: i64| {
        let booking = booking_with(&format!("at {hour}"), |state| {
            state.span.start = at("2026-02-09T00:00:00Z") + TimeDelta::hours(hour);
            state.span.end = state.span.start + TimeDelta::hours(30);
        });
        in_room(&room, booking)
    };
    let writes: Vec<Write> = [33, 9, 10, 11].map(|hour| created(&at_hour(hour))).into();
    commit(store, &room, &writes).await;
    let cases = [
        (Some("2026-02-09T09:00:00Z"), "2026-02-09T11:00:00Z", vec![9, 10]),
        (Some("2026-02-09T09:00:01Z"), "2026-02-09T11:00:01Z", vec![10, 11]),
        (None, "2026-02-09T09:00:00Z", vec![]),
        (None, "2026-02-10T09:00:01Z", vec![9, 10, 11, 33]),
        (Some("2026-02-09T10:00:00Z"), "2026-02-09T10:00:00Z", vec![]),
        (Some("2026-02-09T11:00:00Z"), "2026-02-09T10:00:00Z", vec![]),
        (Some("0001-01-01T00:00:00Z"), "9999-12-31T23:59:59Z", vec![9, 10, 11, 33]),
    ];
    for (from, to, hours) in cases {
        let found = store.bookings(&room, from.map(at), at(to)).await.expect("a range");
        let expected: Vec<Booking> = hours.into_iter().map(at_hour).collect();
        assert_eq!(found, expected, "{from:?} to {to}");
    }
    let millisecond = TimeDelta::milliseconds(1);
    let nine = at("2026-02-09T09:00:00Z");
    let found = store.bookings(&room, Some(nine + millisecond), nine + millisecond * 2).await;
    assert_eq!(found.expect("a part of a second"), []);
    let found = store.bookings(&room, Some(nine), nine + millisecond).await;
    assert_eq!(found.expect("a part of a second"), [at_hour(9)]);
}

pub(super) async fn a_range_is_read_to_the_end(store: &impl BookingStore) {
    let room = room_ref("pages");
    let bookings: Vec<Booking> = (0..1000)
        .map(|n| {
            let booking = booking_with(&format!("{n:04}"), |state| {
                state.subject = Some("x".repeat(1500));
                state.span.start += TimeDelta::minutes(n);
                state.span.end += TimeDelta::minutes(n);
            });
            in_room(&room, booking)
        })
        .collect();
    for part in bookings.chunks(TRANSACTION_ITEMS) {
        let writes: Vec<Write> = part.iter().map(created).collect();
        commit(store, &room, &writes).await;
    }
    assert_eq!(all(store, &room).await, bookings, "more than a megabyte");
}

pub(super) async fn a_commit_has_its_limit(store: &impl BookingStore) {
    let room = room_ref("limit");
    let writes: Vec<Write> =
        (0..=TRANSACTION_ITEMS).map(|n| created(&in_room(&room, booking(&n.to_string())))).collect();
    let result = store.commit(&room, &writes, &cursor()).await;
    assert!(matches!(&result, Err(StoreError::Other(text)) if text.contains("96")), "{result:?}");
    assert_eq!(all(store, &room).await, []);
    commit(store, &room, &writes[1..]).await;
    assert_eq!(all(store, &room).await.len(), TRANSACTION_ITEMS);
}

pub(super) async fn rooms_do_not_see_each_other(store: &impl BookingStore) {
    let (one, other) = (room_ref("neighbour"), room_ref("Neighbour"));
    commit(store, &one, &[created(&in_room(&one, booking("same")))]).await;
    commit(store, &other, &[created(&in_room(&other, booking("same")))]).await;
    for room in [one, other] {
        assert_eq!(all(store, &room).await, [in_room(&room, booking("same"))]);
        assert_eq!(store.cursor(&room).await.expect("a cursor").map(|cursor| cursor.version), Some(1));
    }
}
