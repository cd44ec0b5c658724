//! Commit: what was planned, within the guard, in transactions of which the last moves the cursor; and the end of a room.

use crate::compare::Found;
use crate::outcome::{Outcome, Tally};
use crate::poll_room::Look;
use crate::stop::Stop;
use crate::trouble;
use roomsync_domain::booking::{EndReason, Status};
use roomsync_domain::cursor::{Cursor, Guarded, Mode, TroubleKind};
use roomsync_domain::guard;
use roomsync_domain::plan::{self, Write};
use roomsync_domain::time::end_of_time;
use roomsync_ports::{BookingStore, Calendar, Clock, RoomStore};

impl<C: Calendar, S: BookingStore + RoomStore, K: Clock> Look<'_, C, S, K> {
    /// Commits in transactions. The cursor's new content goes with the last one; before it only the version moves.
    pub(crate) async fn commit(
        &self,
        before: &Cursor,
        mut next: Cursor,
        mut found: Found,
    ) -> Result<Outcome, Stop> {
        let ending = found.ending();
        let confirmed = self.hint.accept_mass_end
            || before.guarded.is_some_and(|guarded| ending <= guarded.ending as usize);
        next.guarded = None;
        if let Some(of) = found.future.filter(|of| !guard::allows(ending, *of) && !confirmed) {
            found.writes.retain(|write| write.change != plan::Change::Ended);
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            next.guarded = Some(Guarded { ending: count(ending), of: count(of), at: self.now });
            next = trouble::set(
                next,
                TroubleKind::Guarded,
                format!("{ending} of {of} bookings would end"),
                self.now,
            );
        }
        if found.unasked > 0 {
            // Not complete: the next look begins where this one did.
            next.link = None;
        }
        if found.unasked == 0 && next.guarded.is_none() {
            next.looked_at = Some(self.now);
        }
        if !found.writes.is_empty() {
            next.last_change_at = Some(self.now);
        }
        let tally = Tally::of(&found.writes);
        let transactions = plan::transactions(&found.writes);
        let last = transactions.len() - 1;
        for (at, writes) in transactions.into_iter().enumerate() {
            let version = before.version + at as u64;
            if at < last {
                let now = self.tools.clock.now();
                if now >= self.deadline {
                    return Err(Stop::OutOfTime);
                }
                self.tools.store.commit(self.room, writes, &Cursor { version, ..before.clone() }).await?;
            } else {
                let announced = self.announced(&found).or(next.announced);
                next = Cursor { version, announced, ..next };
                self.tools.store.commit(self.room, writes, &next).await?;
            }
        }
        self.tools.memory.forget(self.room);
        self.tools.memory.looked(self.room, self.now);
        Ok(match next.guarded {
            Some(guarded) => Outcome::Guarded(guarded),
            None => Outcome::Done {
                tally,
                drift: next.drift.filter(|drift| drift.at == self.now),
                mode: next.mode,
                made_at: found.made_at,
                is_silent: found.is_silent,
            },
        })
    }

    /// The room is gone: every booking ends that has not passed or still waits for an answer, nothing is read any more.
    pub(crate) async fn retire(&self, cursor: &Cursor) -> Result<Outcome, Stop> {
        let is_retired = cursor.mode == Mode::Retired;
        if is_retired && !self.hint.full {
            return Ok(Outcome::Quiet);
        }
        let retention = self.tenant.config.privacy.retention_days;
        let bookings = self.tools.store.bookings(self.room, None, end_of_time()).await?;
        let writes: Vec<Write> = bookings
            .iter()
            .filter(|booking| booking.is_live())
            .filter(|booking| booking.state.span.end > self.now || booking.state.status == Status::Pending)
            .map(|booking| plan::end(booking, EndReason::RoomRemoved, retention, self.now))
            .collect();
        // A command may have come after its tenant had left and before its writer knew.
        if is_retired && writes.is_empty() {
            return Ok(Outcome::Quiet);
        }
        let next = Cursor { mode: Mode::Retired, ..cursor.anew() };
        let found = Found { writes, ..Found::nothing(self.now) };
        self.commit(cursor, next, found).await
    }
}
