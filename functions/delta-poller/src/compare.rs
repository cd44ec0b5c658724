//! Read and plan: what the calendar shows against what is stored.

use crate::lane::Lane;
use crate::poll_room::Look;
use crate::stop::Stop;
use crate::{missing, read, series};
use roomsync_domain::booking::Booking;
use roomsync_domain::context::Context;
use roomsync_domain::delta::Dirty;
use roomsync_domain::entry::CalendarEntry;
use roomsync_domain::plan::{self, Link, Write};
use roomsync_domain::writing::Claimed;
use roomsync_domain::{EventId, Instant, Span};
use roomsync_ports::{BookingStore, Calendar, Clock, RoomStore};
use std::collections::BTreeSet;

/// What comparing found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) writes: Vec<Write>,
    /// Live bookings not yet over, of which the guard allows a share; nothing if the guard has no say.
    pub(crate) future: Option<usize>,
    /// Missing bookings that could not be asked about.
    pub(crate) unasked: usize,
    /// When the newest of the reported changes was made, if it says so.
    pub(crate) made_at: Option<Instant>,
    /// Whether the changes show that the subscription is silent.
    pub(crate) is_silent: bool,
    pub(crate) now: Instant,
}

impl Found {
    pub(crate) fn nothing(now: Instant) -> Self {
        Self { writes: Vec::new(), future: None, unasked: 0, made_at: None, is_silent: false, now }
    }

    /// Bookings not yet over that would end.
    pub(crate) fn ending(&self) -> usize {
        let ends =
            |write: &&Write| write.change == plan::Change::Ended && write.booking.state.span.end > self.now;
        self.writes.iter().filter(ends).count()
    }
}

impl<C: Calendar, S: BookingStore + RoomStore, K: Clock> Look<'_, C, S, K> {
    /// Read and plan: compares the dirty days with what is stored, and finds out about what is missing. `named` are stored bookings that
    /// are concerned wherever they begin: one that reaches into the window from before it is in no range that is read by start.
    pub(crate) async fn compare(
        &self,
        lane: &Lane<'_, C, K>,
        context: &Context,
        window: Span,
        dirty: &Dirty,
        named: Vec<Booking>,
    ) -> Result<Found, Stop> {
        let covered = dirty.ranges(window);
        let (mut entries, mut answers, mut known) = (Vec::new(), 0, Vec::new());
        for range in &covered {
            let reading = read::read(lane, *range).await?;
            entries.extend(reading.entries);
            answers = answers.max(reading.answers);
            let from = (!dirty.is_everything()).then_some(range.start);
            known.extend(self.tools.store.bookings(self.room, from, range.end).await?);
        }
        let future =
            known.iter().filter(|booking| booking.is_live() && booking.state.span.end > self.now).count();
        known.extend(named);
        self.learn(&mut known, &entries).await?;
        // After the calendar was read, because what a command has made is claimed before it is made; and after its bookings, because one that
        // is newer than what is known of commands would be judged by the command before. An older one is refused when it is written.
        let mut claims = Vec::new();
        for Claimed { claim, booking } in self.tools.store.claims(self.room).await? {
            claims.push(claim);
            known.extend(booking);
        }
        in_order(&mut known);
        series::recognise(lane, &mut claims, &known, &entries, context).await?;
        let first = plan::plan(&known, &entries, &covered, window, &claims, context, self.now);
        let unclear = first.unclear;
        if first.missing.is_empty() {
            let future = Some(future);
            return Ok(Found { writes: first.writes, future, unasked: unclear, ..Found::nothing(self.now) });
        }
        let fates = missing::find_out(lane, context, first.missing, answers == 1).await?;
        let mut writes = first.writes;
        if !fates.elsewhere.is_empty() {
            entries.extend(fates.elsewhere);
            writes = plan::plan(&known, &entries, &covered, window, &claims, context, self.now).writes;
        }
        let over = fates.over.iter();
        writes.extend(over.map(|(row, reason)| plan::gone(row, &claims, *reason, context, self.now)));
        let unasked = fates.unasked + unclear;
        Ok(Found { writes, future: Some(future), unasked, ..Found::nothing(self.now) })
    }

    /// Adds the stored bookings of entries that are kept elsewhere than where the entries are now.
    async fn learn(&self, known: &mut Vec<Booking>, seen: &[CalendarEntry]) -> Result<(), Stop> {
        let have: BTreeSet<&EventId> =
            known.iter().filter_map(|booking| booking.state.event_id.as_ref()).collect();
        let lacking = seen.iter().filter(|entry| !have.contains(&entry.id));
        let links: Vec<Link<'_>> = lacking
            .flat_map(|entry| [Some(Link::Event(&entry.id)), entry.ical_uid.as_deref().map(Link::Meeting)])
            .flatten()
            .collect();
        if !links.is_empty() {
            let more = self.tools.store.bookings_of(self.room, &links).await?;
            known.extend(more);
        }
        in_order(known);
        Ok(())
    }
}

/// By id. Of one that was read twice the older state counts: what is written over it is refused, and the look is begun anew.
fn in_order(known: &mut Vec<Booking>) {
    known.sort_by(|a, b| a.id.cmp(&b.id));
    known.dedup_by(|a, b| a.id == b.id);
}
