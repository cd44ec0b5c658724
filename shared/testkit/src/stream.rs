use roomsync_domain::booking::{Booking, BookingState, Status};
use roomsync_domain::room::{Room, RoomState};
use roomsync_domain::{BookingId, RoomRef};
use std::collections::BTreeMap;
use thiserror::Error;

/// One record of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamRecord {
    /// Of `Rooms`.
    Room(Box<Change<Room>>),
    /// Of `Bookings`.
    Booking(Box<Change<Booking>>),
}

/// What a record shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<T> {
    /// The item before.
    pub old: Option<T>,
    /// The item after; nothing if DynamoDB's TTL took it.
    pub new: Option<T>,
}

/// What the tables hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tables {
    /// `Rooms`.
    pub rooms: BTreeMap<RoomRef, Room>,
    /// `Bookings`.
    pub bookings: BTreeMap<(RoomRef, BookingId), Booking>,
}

/// A rule of the contract that a stream breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StreamFault {
    /// A version was left out, repeated, or did not begin with 1.
    #[error("{item}: version {found} where {expected} was due")]
    Version {
        /// Which item.
        item: String,
        /// What was due.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// The record before ended in another image than this one starts from.
    #[error("{item}: version {version} starts from something else than what was there")]
    OldImage {
        /// Which item.
        item: String,
        /// Version of the record.
        version: u64,
    },
    /// Nothing that can be seen has changed.
    #[error("{item}: version {version} shows nothing new")]
    NoOp {
        /// Which item.
        item: String,
        /// Version of the record.
        version: u64,
    },
    /// An item went away that only an operator may take.
    #[error("{item}: was removed")]
    Removed {
        /// Which item.
        item: String,
    },
    /// The end of a booking changed more than its status.
    #[error("{item}: version {version} ends it without keeping its last known state")]
    Tombstone {
        /// Which item.
        item: String,
        /// Version of the record.
        version: u64,
    },
    /// Something of a private meeting can be seen.
    #[error("{item}: version {version} shows something of a private meeting")]
    Private {
        /// Which item.
        item: String,
        /// Version of the record.
        version: u64,
    },
    /// An item goes away before it is over.
    #[error("{item}: version {version} expires before its end")]
    Expiry {
        /// Which item.
        item: String,
        /// Version of the record.
        version: u64,
    },
}

/// What a reader of the streams makes of them, and whether every promise to readers was kept on the way.
///
/// # Errors
/// The first record that breaks a rule.
pub fn fold_stream<'a>(records: impl IntoIterator<Item = &'a StreamRecord>) -> Result<Tables, StreamFault> {
    let mut tables = Tables::default();
    fold_onto(&mut tables, records)?;
    Ok(tables)
}

/// The same for the records that follow on those that made `tables`.
///
/// # Errors
/// The first record that breaks a rule.
pub fn fold_onto<'a>(
    tables: &mut Tables,
    records: impl IntoIterator<Item = &'a StreamRecord>,
) -> Result<(), StreamFault> {
    for record in records {
        match record {
            StreamRecord::Room(change) => {
                step(&mut tables.rooms, change)?;
                if change.new.is_none() {
                    return Err(StreamFault::Removed {
                        item: change.old.as_ref().map_or_else(String::new, Room::name),
                    });
                }
            }
            StreamRecord::Booking(change) => {
                step(&mut tables.bookings, change)?;
                if let Some(new) = &change.new {
                    booking_rules(change.old.as_ref(), new)?;
                }
            }
        }
    }
    Ok(())
}

/// What rooms and bookings have in common.
trait Versioned: Clone + PartialEq {
    type Key: Ord;
    type Seen: PartialEq;
    fn key(&self) -> Self::Key;
    fn name(&self) -> String;
    fn version(&self) -> u64;
    fn seen(&self) -> &Self::Seen;
}

impl Versioned for Room {
    type Key = RoomRef;
    type Seen = RoomState;
    fn key(&self) -> RoomRef {
        self.room.clone()
    }
    fn name(&self) -> String {
        format!("room {}", self.room)
    }
    fn version(&self) -> u64 {
        self.version
    }
    fn seen(&self) -> &RoomState {
        &self.state
    }
}

impl Versioned for Booking {
    type Key = (RoomRef, BookingId);
    type Seen = BookingState;
    fn key(&self) -> Self::Key {
        (self.room.clone(), self.id.clone())
    }
    fn name(&self) -> String {
        format!("booking {} of {}", self.id, self.room)
    }
    fn version(&self) -> u64 {
        self.version
    }
    fn seen(&self) -> &BookingState {
        &self.state
    }
}

fn step<T: Versioned>(table: &mut BTreeMap<T::Key, T>, change: &Change<T>) -> Result<(), StreamFault> {
    let Some(one) = change.new.as_ref().or(change.old.as_ref()) else { return Ok(()) };
    let (key, item, version) = (one.key(), one.name(), one.version());
    let before = table.remove(&key);
    if before != change.old {
        return Err(StreamFault::OldImage { item, version });
    }
    let Some(new) = &change.new else { return Ok(()) };
    let expected = before.as_ref().map_or(1, |old| old.version() + 1);
    if version != expected {
        return Err(StreamFault::Version { item, expected, found: version });
    }
    if before.is_some_and(|old| old.seen() == new.seen()) {
        return Err(StreamFault::NoOp { item, version });
    }
    table.insert(key, new.clone());
    Ok(())
}

fn booking_rules(old: Option<&Booking>, new: &Booking) -> Result<(), StreamFault> {
    let (item, version, state) = (new.name(), new.version, &new.state);
    if state.is_private()
        && (state.subject.is_some() || state.organizer_name.is_some() || state.organizer_email.is_some())
    {
        return Err(StreamFault::Private { item, version });
    }
    if new.expires_at < state.span.end {
        return Err(StreamFault::Expiry { item, version });
    }
    if let (Some(old), Status::Ended(_)) = (old.filter(|old| old.is_live()), state.status) {
        // The last that is known may be that it is private.
        let last = if state.is_private() { &old.turned_private() } else { old };
        // A command may say why it failed and that it was the last one.
        let kept = BookingState {
            status: state.status,
            failure: state.failure.clone(),
            last_command_id: state.last_command_id.clone(),
            ..last.state.clone()
        };
        if kept != *state {
            return Err(StreamFault::Tombstone { item, version });
        }
    }
    Ok(())
}
