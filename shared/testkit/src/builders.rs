//! Values of which a test names only what matters. Everything else is the same every time: one tenant, 9 to 10 o'clock UTC on
//! 9 February 2026, a confirmed single meeting.
//!
//! Texts that cannot be read as what they stand for are mistakes of the test and panic.

use chrono::TimeDelta;
use roomsync_domain::booking::{Booking, BookingState, Kind, Origin, PrivateBy, Status};
use roomsync_domain::cursor::Cursor;
use roomsync_domain::entry::{CalendarEntry, EntryKind, Response, When};
use roomsync_domain::plan::{Change, Write};
use roomsync_domain::room::{Room, RoomSettings, RoomState, RoomStatus};
use roomsync_domain::tenant::{
    Access, Cloud, Credential, Fields, Organizer, Poll, Privacy, Rooms, SecretName, Selection, Switch,
    Tenant, TenantConfig, TenantStatus, Window,
};
use roomsync_domain::time::seconds;
use roomsync_domain::{EventId, Instant, RoomId, RoomRef, Span, TenantId};

/// The instant of a text such as `2026-02-09T09:00:00Z`.
///
/// # Panics
/// The text is no instant.
#[must_use]
pub fn at(text: &str) -> Instant {
    seconds::parse(text).expect("an RFC 3339 instant")
}

/// The time between two such instants.
#[must_use]
pub fn span(start: &str, end: &str) -> Span {
    Span::new(at(start), at(end))
}

/// The id of the tenant of all builders.
#[must_use]
pub fn tenant_id() -> TenantId {
    config().tenant
}

/// A room of the tenant of all builders.
#[must_use]
pub fn room_ref(room: &str) -> RoomRef {
    RoomRef::new(tenant_id(), RoomId::new(room))
}

/// The shortest tenant file: all rooms, nothing of subjects and organizers, Paris.
///
/// # Panics
/// Never: its tenant id is one.
#[must_use]
pub fn config() -> TenantConfig {
    TenantConfig {
        tenant: TenantId::parse("84bd8158-6d4d-4958-8b9f-9d6445542f95").expect("a directory id"),
        name: "Contoso".to_owned(),
        cloud: Cloud::default(),
        credential: Credential {
            client_id: "5c8b0c0e-31cd-4a0b-9a52-1f3a6ad1f0de".to_owned(),
            secret: Some(SecretName { name: "roomsync/contoso".to_owned(), expires: None }),
            certificate: None,
        },
        access: Access::default(),
        service_account: None,
        rooms: Rooms { select: Selection::All },
        fields: Fields::default(),
        time_zone: "Europe/Paris".to_owned(),
        window: Window::default(),
        privacy: Privacy::default(),
        listener: Switch::On,
        writes: Switch::On,
        organizer: Organizer::default(),
        poll: Poll::default(),
        locations: Vec::new(),
    }
}

/// The first version of an active tenant.
#[must_use]
pub fn tenant() -> Tenant {
    Tenant { version: 1, status: TenantStatus::Active, config: config() }
}

/// The first version of an active room.
#[must_use]
pub fn room(room: &str) -> Room {
    Room {
        room: room_ref(room),
        version: 1,
        state: RoomState {
            status: RoomStatus::Active,
            email: format!("{}@contoso.example", room.to_lowercase()),
            display_name: format!("Room {room}"),
            fields: [].into(),
            room_lists: [].into(),
            custom: [].into(),
            occupant_visible: [].into(),
            settings: RoomSettings {
                time_zone: "Europe/Paris".to_owned(),
                writes: Switch::On,
                listener: Switch::On,
            },
        },
        observed_at: at("2026-02-09T08:00:00Z"),
    }
}

/// Such a room with something changed.
#[must_use]
pub fn room_with(name: &str, change: impl FnOnce(&mut RoomState)) -> Room {
    let mut room = room(name);
    change(&mut room.state);
    room
}

/// The first version of the booking that an event in room `a` has.
#[must_use]
pub fn booking(event: &str) -> Booking {
    let room = room_ref("a");
    let event = EventId::new(event);
    Booking {
        id: room.booking_id(&event),
        version: 1,
        state: BookingState {
            status: Status::Confirmed,
            room_email: "a@contoso.example".to_owned(),
            span: span("2026-02-09T09:00:00Z", "2026-02-09T10:00:00Z"),
            time_zone: "Europe/Paris".to_owned(),
            all_day: None,
            kind: Kind::Single,
            series_id: None,
            original_start: None,
            private_by: PrivateBy::Nobody,
            subject: None,
            organizer_name: None,
            organizer_email: None,
            origin: Origin::Outlook,
            ical_uid: Some(format!("uid-{event}")),
            event_id: Some(event),
            last_command_id: None,
            failure: None,
        },
        room,
        observed_at: at("2026-02-09T08:00:00Z"),
        expires_at: at("2026-05-10T10:00:00Z"),
    }
}

/// Such a booking with something changed.
#[must_use]
pub fn booking_with(event: &str, change: impl FnOnce(&mut BookingState)) -> Booking {
    let mut booking = booking(event);
    change(&mut booking.state);
    booking
}

/// The write that makes a booking.
#[must_use]
pub fn created(booking: &Booking) -> Write {
    Write { over: None, change: Change::Created, booking: Booking { version: 1, ..booking.clone() } }
}

/// The write of the version after one that is stored, a minute later.
#[must_use]
pub fn updated(stored: &Booking, change: impl FnOnce(&mut BookingState)) -> Write {
    let mut booking = stored.clone();
    booking.version += 1;
    booking.observed_at += TimeDelta::minutes(1);
    change(&mut booking.state);
    Write { over: Some(stored.version), change: Change::Updated, booking }
}

/// A cursor that was never stored.
#[must_use]
pub fn cursor() -> Cursor {
    Cursor::blank()
}

/// A calendar entry: what [`booking`] is made from.
#[must_use]
pub fn entry(id: &str) -> CalendarEntry {
    CalendarEntry {
        id: EventId::new(id),
        ical_uid: Some(format!("uid-{id}")),
        kind: EntryKind::Single,
        series: None,
        original_start: None,
        when: When::Timed(span("2026-02-09T09:00:00Z", "2026-02-09T10:00:00Z")),
        made_in: Some("Europe/Paris".to_owned()),
        cancelled: false,
        response: Response::Settled,
        tentative: false,
        private: false,
        subject: None,
        organizer: None,
    }
}
