//! Whether a room is free, where meetings are made in the room's own calendar: there no attendant looks.
//!
//! There is no "make it if free", so it is looked before and after. What an attempt has made that died before it could say so is ours,
//! and in nobody's way.

use crate::settle::{Deed, Work};
use crate::steps::NOTHING;
use crate::stop::Stop;
use chrono::TimeDelta;
use roomsync_domain::context::all_day_slack;
use roomsync_domain::entry::{CalendarEntry, Response};
use roomsync_domain::writing::{Meeting, Writing, code};
use roomsync_domain::{EventId, Span, project};
use roomsync_ports::{
    BookingStore, Calendar, Clock, GraphError, HintQueue, MeetingError, Meetings, RoomStore, WritingStore,
};

/// Most pages of entries at the time of one meeting.
const MOST_PAGES: usize = 20;

impl<G, S, Q, K> Work<'_, G, S, Q, K>
where
    G: Calendar + Meetings,
    S: BookingStore + RoomStore + WritingStore,
    Q: HintQueue,
    K: Clock,
{
    /// What a meeting comes to that cannot be written now: another lies there, or nobody can tell.
    pub(crate) async fn in_the_way(
        &self,
        writing: &mut Writing,
        meeting: &Meeting,
    ) -> Result<Option<Deed>, Stop> {
        Ok(match self.is_taken(writing, meeting).await? {
            Ok(false) => None,
            Ok(true) => Some(Deed::Failed(code::CONFLICT, "the room is taken at that time".to_owned())),
            Err(error) => Some(self.trouble(writing, error)),
        })
    }

    /// Whether somebody may have come between the look and the write: it was written at this time now, and nobody has changed it since.
    /// What a command that failed goes back to was there first.
    pub(crate) fn may_clash(&self, writing: &Writing, before: &Writing) -> bool {
        let when = |meeting: Option<&Meeting>| meeting.map(Meeting::when);
        let stood = before.stood.as_deref().filter(|_| before.verified + 1 == before.wanted);
        let is_new = writing.refused.is_none()
            && writing.before.is_none_or(|stood| !stood.is_about(writing.span))
            && (stood.is_none() || when(stood) != when(before.desired.as_ref()));
        let (is, was) = (writing.desired.as_ref(), before.desired.as_ref());
        writing.place.own && is_new && is.is_some() && when(is) == when(was)
    }

    /// Looks again after a write. Until it is known that the room is free the meeting is not verified.
    pub(crate) async fn clash(&self, writing: &mut Writing, before: &Writing) -> Result<Deed, Stop> {
        let Some(meeting) = writing.desired.clone() else { return Ok(Deed::Next) };
        let taken = self.is_taken(writing, &meeting).await?;
        if !matches!(taken, Ok(false)) {
            *writing = before.clone();
        }
        Ok(match taken {
            Ok(false) => Deed::Next,
            Ok(true) => Deed::Failed(code::CONFLICT, "the room was taken at the same time".to_owned()),
            Err(error) => self.unread(writing, error),
        })
    }

    async fn is_taken(
        &self,
        writing: &Writing,
        meeting: &Meeting,
    ) -> Result<Result<bool, MeetingError>, Stop> {
        let mut others = match self.others(writing, meeting.span(self.context.zone)).await? {
            Ok(others) => others,
            Err(error) => return Ok(Err(trouble(error))),
        };
        if !others.is_empty() && writing.event.is_none() {
            self.check_time()?;
            match self.marked(writing).await {
                Ok(marked) => others.retain(|id| marked.iter().all(|ours| ours.id != *id)),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(!others.is_empty()))
    }

    /// The entries that occupy the room at a time, but for the one that is known to be ours.
    async fn others(&self, writing: &Writing, span: Span) -> Result<Result<Vec<EventId>, GraphError>, Stop> {
        let own = writing.event.as_ref().map(|event| &event.id);
        let occupies = |entry: &CalendarEntry| {
            !entry.cancelled
                && entry.response != Response::Declined
                && Some(&entry.id) != own
                && project::span(entry.when, self.context).overlaps(&span)
        };
        let (mut others, mut from) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            self.check_time()?;
            let range = span.padded(all_day_slack());
            let page = match self.graph.view(&writing.room, range, NOTHING, from.as_ref()).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            others.extend(page.entries.into_iter().filter(occupies).map(|entry| entry.id));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        Ok(Ok(others))
    }
}

/// What keeps us from looking, in the words of those who write.
fn trouble(error: GraphError) -> MeetingError {
    match error {
        GraphError::Throttled { retry_after, trace } => MeetingError::Throttled {
            retry_after: retry_after.and_then(|wait| TimeDelta::from_std(wait).ok()),
            trace,
        },
        GraphError::NotFound(trace) => MeetingError::NoMailbox(trace),
        GraphError::Forbidden(trace) => MeetingError::Forbidden(trace),
        GraphError::Unauthorized(trace) | GraphError::Credential(trace) => MeetingError::Credential(trace),
        GraphError::CursorExpired(trace)
        | GraphError::Conflict(trace)
        | GraphError::TooWide(trace)
        | GraphError::Transient(trace)
        | GraphError::Contract(trace) => MeetingError::Failed(trace),
    }
}
