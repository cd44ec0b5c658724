use super::bookings::commit;
use crate::{booking, created, room_ref, updated};
use roomsync_domain::booking::Booking;
use roomsync_domain::plan::{Link, Write, transactions};
use roomsync_domain::{BookingId, EventId, RoomRef};
use roomsync_ports::BookingStore;

fn of(room: &RoomRef, event: &str) -> Booking {
    Booking { room: room.clone(), id: room.booking_id(&EventId::new(event)), ..booking(event) }
}

async fn found(store: &impl BookingStore, room: &RoomRef, events: &[&str]) -> Vec<Booking> {
    let events: Vec<EventId> = events.iter().copied().map(EventId::new).collect();
    let links: Vec<Link<'_>> = events.iter().map(Link::Event).collect();
    let mut found = store.bookings_of(room, &links).await.expect("bookings of events");
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

pub(super) async fn bookings_are_found_by_their_events(store: &impl BookingStore) {
    let room = room_ref("events");
    let (one, two) = (of(&room, "one"), of(&room, "two"));
    commit(store, &room, &[created(&one), created(&two)]).await;
    assert_eq!(found(store, &room, &["one", "unknown"]).await, std::slice::from_ref(&one));
    assert_eq!(
        found(store, &room, &["one", "one"]).await,
        std::slice::from_ref(&one),
        "an event that is named twice"
    );
    let mut both = [one, two];
    both.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(found(store, &room, &["two", "one"]).await, both);
    assert_eq!(found(store, &room_ref("other events"), &["one"]).await, []);
}

pub(super) async fn ids_are_case_sensitive(store: &impl BookingStore) {
    let room = room_ref("case");
    let chosen = |id: &str, event: &str| Booking { id: BookingId::new(id), ..of(&room, event) };
    let (upper, lower) = (chosen("App-1", "AAMkAD-x="), chosen("app-1", "AAMkAd-x="));
    commit(store, &room, &[created(&upper), created(&lower)]).await;
    assert_eq!(found(store, &room, &["AAMkAD-x="]).await, [upper]);
    assert_eq!(found(store, &room, &["AAMkAd-x="]).await, [lower]);
    assert_eq!(found(store, &room, &["AAMkAD_x=", "aamkad-x="]).await, []);
}

pub(super) async fn a_booking_is_found_by_all_events_it_has_had(store: &impl BookingStore) {
    let room = room_ref("re-keyed");
    let first = of(&room, "first");
    commit(store, &room, &[created(&first)]).await;
    let mut stored = first;
    for event in ["second", "third"] {
        let write = updated(&stored, |state| state.event_id = Some(EventId::new(event)));
        assert!(write.link().is_some());
        commit(store, &room, std::slice::from_ref(&write)).await;
        stored = write.booking;
    }
    for event in ["first", "second", "third"] {
        assert_eq!(found(store, &room, &[event]).await, [stored.clone()], "{event}");
    }
    assert_eq!(found(store, &room, &["first", "second", "third"]).await, [stored], "once");
}

pub(super) async fn what_its_room_has_not_shown_is_found_by_its_meeting(store: &impl BookingStore) {
    let room = room_ref("unseen");
    let uid = "040000008200E00074C5B7101A82E008";
    let mut unseen = Booking { id: BookingId::new("app-1"), ..of(&room, "unseen") };
    (unseen.state.event_id, unseen.state.ical_uid) = (None, Some(uid.to_owned()));
    commit(store, &room, &[created(&unseen)]).await;
    let found = store.bookings_of(&room, &[Link::Meeting(uid)]).await.expect("bookings of meetings");
    assert_eq!(found, std::slice::from_ref(&unseen));

    let seen = updated(&unseen, |state| state.event_id = Some(EventId::new("seen")));
    commit(store, &room, std::slice::from_ref(&seen)).await;
    let links = [Link::Event(&EventId::new("seen")), Link::Event(&EventId::new(uid))];
    let found = store.bookings_of(&room, &links).await.expect("bookings of events");
    assert_eq!(found, [seen.booking], "events and meetings are told apart");
}

pub(super) async fn more_events_than_one_batch(store: &impl BookingStore) {
    let room = room_ref("many");
    let bookings: Vec<Booking> = (0..130)
        .map(|n| Booking { id: BookingId::new(format!("app-{n:03}")), ..of(&room, &format!("event {n}")) })
        .collect();
    let writes: Vec<Write> = bookings.iter().map(created).collect();
    for part in transactions(&writes) {
        commit(store, &room, part).await;
    }
    let events: Vec<String> = (0..130).map(|n| format!("event {n}")).collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    assert_eq!(found(store, &room, &events).await, bookings);
}
