//! The use case: one booking is brought to where it is wanted.
//!
//! Desired: exactly one meeting with the booking's mark, with the content that is wanted, or none; the receipt says so. Whatever happens in
//! between, another run finishes the work.
//!
//! - A crash anywhere repeats work and doubles nothing: a create is repeated with the same transaction id, a change is decided anew from
//!   what is there, a deletion of what is gone is done.
//! - Two runs at once: every save is over the version that was read; the slower one drops its work and looks again.
//! - A request that was not answered may land later: nothing is concluded before that time is over.

use crate::steps::said;
use crate::stop::Stop;
use chrono::TimeDelta;
use roomsync_domain::booking::{Booking, Status};
use roomsync_domain::context::Context;
use roomsync_domain::hint::{HintReason, PollHint};
use roomsync_domain::plan::Write;
use roomsync_domain::time::Instant;
use roomsync_domain::writing::ending;
use roomsync_domain::writing::meeting::{RoomAnswer, Seen};
use roomsync_domain::writing::rows::shows_another;
use roomsync_domain::writing::step::{self, Step, Watched, next_step};
use roomsync_domain::writing::{Words, Writing, code};
use roomsync_domain::{RoomRef, booking};
use roomsync_ports::{
    BookingStore, Calendar, Clock, HintQueue, Meetings, QueueError, RoomStore, WritingStore,
};
use tracing::{info, warn};

/// Steps of one run; a settled booking takes four.
const MOST_STEPS: usize = 16;

/// What the work on one booking needs.
pub struct Work<'a, G, S, Q, K> {
    /// The tenant's calendars.
    pub graph: &'a G,
    /// The tables.
    pub store: &'a S,
    /// The poll queue.
    pub queue: &'a Q,
    /// The clock.
    pub clock: &'a K,
    /// The room that the booking is to be in.
    pub context: &'a Context,
    /// Subject and attendees of the command at hand, which for a private meeting are kept nowhere else.
    pub said: Option<&'a Words>,
    /// Whether a meeting is wanted only since the command at hand was accepted just now: nobody else can have made it.
    pub fresh: bool,
    /// No call is begun after this instant.
    pub deadline: Instant,
}

/// What one step came to.
#[derive(Debug)]
pub(crate) enum Deed {
    /// The next step follows.
    Next,
    /// It waits for what the code says, until the writing is due.
    Waits(&'static str),
    /// The command fails for good.
    Failed(&'static str, String),
    /// A person has deleted the meeting.
    Gone,
}

/// What became of a meeting that was read again.
enum Reading {
    /// It is there, as far as could be read.
    Seen(Option<Box<Seen>>),
    /// A person has deleted it.
    Gone,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The calendar is as wanted, or never will be; perhaps the room has yet to answer.
    Done,
    /// Not before that instant; and perhaps only the command's own message can go on then, because it alone has the words.
    Waits {
        /// Not before.
        until: Instant,
        /// Whether the clock cannot go on with it.
        words: bool,
    },
}

impl<G, S, Q, K> Work<'_, G, S, Q, K>
where
    G: Calendar + Meetings,
    S: BookingStore + RoomStore + WritingStore,
    Q: HintQueue,
    K: Clock,
{
    /// Brings a booking to where it is wanted, as far as it goes now.
    ///
    /// # Errors
    ///
    /// Only what the work should be done again for.
    pub async fn settle(&self, writing: Writing) -> Result<Progress, Stop> {
        for mailbox in self.names(&writing) {
            let noted = self.store.closed_until(&writing.tenant, &mailbox).await?;
            if let Some(until) = noted.filter(|until| self.clock.now() < *until) {
                return Ok(waits(&writing, until));
            }
        }
        self.run(writing).await
    }

    /// What the mailbox is called, as far as is known here.
    fn names(&self, writing: &Writing) -> Vec<String> {
        let mailbox = &writing.place.mailbox;
        [mailbox.clone()].into_iter().chain(self.graph.other_name(mailbox)).collect()
    }

    /// Tells whoever else writes to a mailbox, in whatever process, that Graph wants no calls to it for a while.
    async fn tell_others(&self, writing: &Writing) {
        let Some(until) = self.graph.closed_until(&writing.place.mailbox) else { return };
        for mailbox in self.names(writing) {
            if let Err(error) = self.store.close(&writing.tenant, &mailbox, until).await {
                warn!(%error, "Others are not told that Graph wants no calls to a mailbox");
            }
        }
    }

    async fn run(&self, mut writing: Writing) -> Result<Progress, Stop> {
        let mut seen: Option<Seen> = None;
        let now = self.clock.now();
        if let Some(due) = writing.due.filter(|due| now < *due && writing.failures > 0) {
            return Ok(waits(&writing, due));
        }
        for _ in 0..MOST_STEPS {
            let before = writing.clone();
            let deed = match next_step(&writing, self.clock.now()) {
                Step::Done => return Ok(Progress::Done),
                Step::Wait(until) => {
                    writing.due = Some(until);
                    Deed::Waits(code::UNREACHABLE)
                }
                Step::Create => self.create(&mut writing).await?,
                Step::Push => self.push(&mut writing).await?,
                Step::Remove => self.remove(&mut writing).await?,
                Step::Decline => self.decline(&mut writing).await?,
                Step::Verify => {
                    let (deed, ours) = self.verify(&mut writing).await?;
                    seen = ours;
                    deed
                }
                Step::Watch => {
                    if self.watch(&before, writing, seen.take()).await? {
                        return Ok(Progress::Done);
                    }
                    writing = self.again(&before).await?;
                    continue;
                }
            };
            if let Some(progress) = self.note(&before, &mut writing, deed).await? {
                return Ok(progress);
            }
        }
        let until = self.clock.now() + TimeDelta::minutes(1);
        Ok(waits(&writing, writing.due.unwrap_or(until).max(until)))
    }

    /// Saves what a step came to; gives the end of the run, if it is one.
    async fn note(
        &self,
        before: &Writing,
        writing: &mut Writing,
        deed: Deed,
    ) -> Result<Option<Progress>, Stop> {
        // Before anything else: others may be about to call.
        if matches!(deed, Deed::Waits(_)) {
            self.tell_others(writing).await;
        }
        let now = self.clock.now();
        let row = match deed {
            Deed::Next => None,
            _ => self.store.booking(&writing.room_ref(), &writing.booking).await?,
        };
        let (rows, progress): (Vec<Write>, _) = match deed {
            Deed::Next => (Vec::new(), None),
            Deed::Waits(why) => {
                let until = writing.due.unwrap_or(now);
                // A short wait is nobody's business.
                let told = writing.failures > 1 || why == code::CREDENTIAL_EXPIRED;
                let row = row.as_ref().filter(|_| told);
                let write = step::waiting(row, said(why, ""), self.context, now);
                info!(booking.id = %writing.booking, why, %until, "A booking waits");
                (write.into_iter().collect(), Some(waits(writing, until)))
            }
            Deed::Failed(why, message) => {
                warn!(booking.id = %writing.booking, why, detail = %message, "A booking command failed");
                let left = self.left(writing).await?;
                let failure = said(why, &message);
                let rows = ending::give_up(writing, row.as_ref(), left.as_ref(), failure, self.context, now);
                (rows, None)
            }
            Deed::Gone => {
                info!(booking.id = %writing.booking, "A person has deleted the meeting of a booking");
                // The last look is the clock's.
                let rows = ending::gone(writing, row.as_ref(), self.context, now).into_iter().collect();
                (rows, Some(Progress::Done))
            }
        };
        self.save(before, writing, &rows).await?;
        Ok(progress)
    }

    async fn save(&self, before: &Writing, writing: &mut Writing, rows: &[Write]) -> Result<(), Stop> {
        if before != writing || !rows.is_empty() {
            self.store.save(Some(before), writing, rows).await?;
            writing.version += 1;
        }
        Ok(())
    }

    async fn again(&self, writing: &Writing) -> Result<Writing, Stop> {
        let stored = self.store.writing(&writing.tenant, &writing.booking).await?;
        stored.ok_or(Stop::LostRace)
    }

    /// The booking in the room that is being left.
    async fn left(&self, writing: &Writing) -> Result<Option<Booking>, Stop> {
        let Some(room) = &writing.left else { return Ok(None) };
        let room = RoomRef::new(writing.tenant.clone(), room.clone());
        Ok(self.store.booking(&room, &writing.booking).await?)
    }

    /// Looks whether the room has answered. Tells whether the run is over.
    async fn watch(&self, before: &Writing, mut writing: Writing, seen: Option<Seen>) -> Result<bool, Stop> {
        let now = self.clock.now();
        if writing.watches > 0 && writing.due.is_some_and(|due| now < due) {
            return Ok(true);
        }
        let row = self.store.booking(&writing.room_ref(), &writing.booking).await?;
        let open = row.as_ref().is_some_and(|row| {
            matches!(row.state.status, Status::Pending | Status::Tentative) || shows_another(&writing, row)
        });
        let seen = match seen {
            None if open => match self.read_again(&mut writing).await? {
                Reading::Gone => {
                    info!(booking.id = %writing.booking, "A person has deleted the meeting of a booking that its room never answered");
                    let gone = ending::gone(&mut writing, row.as_ref(), self.context, now);
                    let rows: Vec<Write> = gone.into_iter().collect();
                    self.save(before, &mut writing, &rows).await?;
                    return Ok(true);
                }
                Reading::Seen(seen) => seen.map(|seen| *seen),
            },
            seen => seen,
        };
        if next_step(&writing, now) != Step::Watch {
            self.save(before, &mut writing, &[]).await?;
            return Ok(false);
        }
        let answer = seen.as_ref().and_then(|seen| answer(&writing, seen));
        let window = self.context.window_at(now);
        let (watched, write) = step::watch(&mut writing, row.as_ref(), answer, self.context, window, now);
        let is_settled = watched == Watched::Settled;
        let mut rows: Vec<Write> = write.into_iter().collect();
        let moving = self.watch_left(&mut writing, &mut rows, now).await?;
        let over = match watched {
            Watched::Withdraw => {
                ending::withdraw(&mut writing, now);
                false
            }
            Watched::Silent { look } => {
                if look {
                    self.nudge(&writing.room_ref(), &writing).await;
                }
                true
            }
            Watched::Settled => {
                if moving {
                    writing.watch_again(now);
                } else {
                    writing.wait_for_late(now);
                }
                true
            }
        };
        // What the room has said meanwhile its poller has left alone, and nothing of it is reported again.
        let is_decided = |row: &Booking| row.state.status == Status::Pending && row.is_observed();
        if is_settled
            && row.as_ref().is_some_and(is_decided)
            && rows.iter().any(|write| write.booking.is_live())
        {
            self.ask_for_look(&writing.room_ref(), &writing).await?;
        }
        // What the command had changed of the receipt is not what the calendar says.
        if before.refused.is_some() && writing.refused.is_none() && writing.desired.is_some() {
            self.nudge(&writing.room_ref(), &writing).await;
        }
        for room in step::rooms_left_alone(before, &writing, row.as_ref(), over) {
            self.nudge(&RoomRef::new(writing.tenant.clone(), room.clone()), &writing).await;
        }
        // Its further instances have no receipts, and the room may have nothing to report of them: by default it clears the private flag.
        if is_settled && !moving && writing.holds_series() {
            self.ask_for_look(&writing.room_ref(), &writing).await?;
        }
        self.save(before, &mut writing, &rows).await?;
        Ok(over)
    }

    /// Reads the meeting of a booking that its room has not answered again: a person may have deleted it before the room has ever shown it,
    /// and then nothing else would tell. Not being able to read proves nothing.
    async fn read_again(&self, writing: &mut Writing) -> Result<Reading, Stop> {
        if writing.desired.is_none() || writing.event.is_none() {
            return Ok(Reading::Seen(None));
        }
        let mut read = writing.clone();
        match self.verify(&mut read).await? {
            (Deed::Gone, _) => Ok(Reading::Gone),
            (Deed::Next, seen) => {
                *writing = read;
                Ok(Reading::Seen(seen.map(Box::new)))
            }
            (Deed::Waits(_) | Deed::Failed(..), _) => {
                self.tell_others(writing).await;
                Ok(Reading::Seen(None))
            }
        }
    }

    /// The room that is being left: its poller ends the booking there, unless it never had shown it.
    async fn watch_left(
        &self,
        writing: &mut Writing,
        rows: &mut Vec<Write>,
        now: Instant,
    ) -> Result<bool, Stop> {
        let Some(left) = self.left(writing).await? else {
            writing.left_behind(None);
            return Ok(false);
        };
        let over = now >= writing.span.end.max(left.state.span.end) + TimeDelta::hours(1);
        if left.is_live() && left.is_observed() && !over {
            if writing.watches > 0 {
                self.nudge(&left.room, writing).await;
            }
            return Ok(true);
        }
        if left.is_live() {
            let retention = self.context.retention_days;
            rows.push(roomsync_domain::plan::end(&left, booking::EndReason::Moved, retention, now));
        }
        writing.left_behind(Some(&left));
        Ok(false)
    }

    /// Asks for a whole look at a room.
    pub(crate) async fn ask_for_look(&self, room: &RoomRef, writing: &Writing) -> Result<(), QueueError> {
        let hint = PollHint::new(room, HintReason::Command).full();
        let tick = format!("{} {} {}", writing.booking, writing.wanted, writing.watches);
        self.queue.send_polls(&[hint], &tick).await
    }

    /// The same where the calendar may show what the room's poller left alone. If that cannot be sent, the clock asks anyway.
    async fn nudge(&self, room: &RoomRef, writing: &Writing) {
        if let Err(error) = self.ask_for_look(room, writing).await {
            warn!(room.id = %room, %error, "A look at a room could not be asked for");
        }
    }

    pub(crate) fn check_time(&self) -> Result<(), Stop> {
        if self.clock.now() < self.deadline { Ok(()) } else { Err(Stop::OutOfTime) }
    }
}

fn waits(writing: &Writing, until: Instant) -> Progress {
    let private = writing.desired.as_ref().is_some_and(|meeting| meeting.private);
    Progress::Waits { until, words: private && writing.applied < writing.wanted }
}

fn answer(writing: &Writing, seen: &Seen) -> Option<RoomAnswer> {
    let room = writing.desired.as_ref()?.room.as_ref()?;
    // In the room's own calendar nobody answers: it is taken by being there.
    if writing.place.own { Some(RoomAnswer::Accepted) } else { seen.answer(&room.email) }
}
