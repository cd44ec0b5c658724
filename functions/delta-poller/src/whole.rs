//! The look at a whole window: when it is due, the link that it begins with, and what it tells of the links before.

use crate::compare::Found;
use crate::detect::{self, Round};
use crate::lane::Lane;
use crate::outcome::Outcome;
use crate::poll_room::Look;
use crate::stop::Stop;
use crate::trouble;
use chrono::TimeDelta;
use roomsync_domain::context::{Context, all_day_slack, policy_fingerprint};
use roomsync_domain::cursor::{Cursor, DeltaLink, Drift, Mode};
use roomsync_domain::delta::Dirty;
use roomsync_domain::room::Room;
use roomsync_domain::{Span, due};
use roomsync_ports::{BookingStore, Calendar, Clock, RoomStore};

/// How long a room is read whole before delta is tried again.
const DELTA_RESTS_HOURS: i64 = 1;

/// Why a whole window is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// First copy, a lost link, another policy, a request.
    Needed,
    /// The daily one: what it finds that no hint had announced is drift.
    Daily,
}

impl<C: Calendar, S: BookingStore + RoomStore, K: Clock> Look<'_, C, S, K> {
    /// Whether the whole window has to be read though a link is there.
    pub(crate) fn full_read_is_due(&self, cursor: &Cursor) -> Option<Why> {
        if cursor.guarded.is_some() || cursor.policy != policy_fingerprint(&self.tenant.config) {
            return Some(Why::Needed);
        }
        match cursor.last_full_at {
            Some(last) if !due::full_read_is_due(self.room, last, self.now) => None,
            Some(_) => Some(Why::Daily),
            None => Some(Why::Needed),
        }
    }

    /// Reads the whole window, beginning with a link that covers what changes in between.
    pub(crate) async fn full(&self, cursor: &Cursor, why: Why) -> Result<Outcome, Stop> {
        match self.present(cursor).await? {
            Ok(room) => self.whole(cursor, &room, why).await,
            Err(outcome) => Ok(outcome),
        }
    }

    /// The same of a room that was just read.
    pub(crate) async fn whole(&self, cursor: &Cursor, room: &Room, why: Why) -> Result<Outcome, Stop> {
        let context = Context::new(&self.tenant.config, room);
        let lane = self.lane(context.wanted, cursor);
        let window = context.window_at(self.now);
        let rested = |tried| self.now - tried >= TimeDelta::hours(DELTA_RESTS_HOURS);
        let is_rested = cursor.mode != Mode::FullRead || cursor.delta_tried_at.is_none_or(rested);
        let try_delta = is_rested && !trouble::is_without_delta(cursor);
        let link = if try_delta { self.new_link(&lane, cursor, window).await? } else { None };
        let found = self.compare(&lane, &context, window, &Dirty::everything(), Vec::new()).await?;
        let drift = match (why, &cursor.link) {
            (Why::Daily, Some(old)) => self.drift(&lane, old, cursor, &context, &found).await,
            _ => cursor.drift,
        };
        let next = Cursor {
            mode: if link.is_some() { Mode::Delta } else { Mode::FullRead },
            link,
            window: Some(window),
            policy: policy_fingerprint(&self.tenant.config),
            context: context.fingerprint(),
            delta_tried_at: if is_rested { Some(self.now) } else { cursor.delta_tried_at },
            last_full_at: Some(self.now),
            lost_links: if why == Why::Daily { 0 } else { cursor.lost_links },
            drift,
            ..trouble::cleared(cursor)
        };
        self.commit(cursor, next, found).await
    }

    /// A link for the rounds to come; nothing if delta does not work for this room, then it is read whole for a while.
    async fn new_link(
        &self,
        lane: &Lane<'_, C, K>,
        cursor: &Cursor,
        window: Span,
    ) -> Result<Option<DeltaLink>, Stop> {
        match detect::start(lane, window.padded(all_day_slack())).await {
            Ok(Round::Complete(_, link)) => Ok(Some(link)),
            Ok(Round::Endless) => Ok(None),
            Err(Stop::Graph(error)) if trouble::delta_is_hopeless(&error, cursor.failures) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// Counts what a full read had to repair although the old link had not announced it. The old link is followed after the read, so
    /// that what changed while we read counts as announced.
    async fn drift(
        &self,
        lane: &Lane<'_, C, K>,
        old: &DeltaLink,
        cursor: &Cursor,
        context: &Context,
        found: &Found,
    ) -> Option<Drift> {
        let comparable = cursor.policy == policy_fingerprint(&self.tenant.config)
            && cursor.context == context.fingerprint();
        let window = cursor.window.filter(|_| comparable)?;
        let Ok(Round::Complete(announced, _)) = detect::follow(lane, old).await else { return cursor.drift };
        let repaired = found.writes.iter().filter(|write| {
            let state = &write.booking.state;
            let named = state.event_id.as_ref().is_some_and(|id| announced.ids().contains(id));
            state.span.overlaps(&window) && !named && !announced.covers(state.span)
        });
        Some(Drift { repaired: u32::try_from(repaired.count()).unwrap_or(u32::MAX), at: self.now })
    }
}
