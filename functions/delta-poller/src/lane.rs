//! One room's way to its calendar during one look.

use crate::stop::Stop;
use roomsync_domain::entry::Wanted;
use roomsync_domain::{Instant, RoomId};
use roomsync_ports::{Calendar, Clock};

/// One room's way to its calendar during one look.
#[derive(Debug)]
pub struct Lane<'a, C, K> {
    /// The tenant's calendars.
    pub calendar: &'a C,
    /// The clock: for the deadline, and to tell a decline, which comes within minutes, from a deletion.
    pub clock: &'a K,
    /// The room.
    pub room: &'a RoomId,
    /// What may be known of meetings.
    pub wanted: Wanted,
    /// No call is begun after this instant.
    pub deadline: Instant,
    /// How often a wide range is cut in two before it is read, because Graph did not answer for wider ones.
    pub halvings: u32,
}

impl<C: Calendar, K: Clock> Lane<'_, C, K> {
    /// Stops the look when its time is over.
    pub fn check_time(&self) -> Result<(), Stop> {
        if self.clock.now() < self.deadline { Ok(()) } else { Err(Stop::OutOfTime) }
    }
}
