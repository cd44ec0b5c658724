//! The calls of single steps, and what their outcome makes of the writing.

use crate::settle::{Deed, Work};
use crate::stop::Stop;
use roomsync_domain::RoomId;
use roomsync_domain::Span;
use roomsync_domain::booking::{EndReason, Status};
use roomsync_domain::entry::Wanted;
use roomsync_domain::windows_zones::windows_name;
use roomsync_domain::writing::meeting::{Days, Seen, Wall};
use roomsync_domain::writing::merge::{self, View, WordsWithheld};
use roomsync_domain::writing::step::{self, Verified};
use roomsync_domain::writing::{Writing, code, rows};
use roomsync_domain::zone;
use roomsync_ports::{
    BookingStore, Calendar, Clock, HintQueue, Mark, MeetingError, Meetings, RoomStore, WritingStore,
};

/// Pause before what only the command itself can say is looked for again, in seconds.
const WORDS_AFTER_SECONDS: i64 = 60;
/// Failures after which a transaction id that leads nowhere belongs to a meeting that a person has deleted.
const LEADS_NOWHERE: u32 = 3;
/// What is asked of entries of which only the time counts.
pub(crate) const NOTHING: Wanted = Wanted { subject: false, organizer: false };

impl<G, S, Q, K> Work<'_, G, S, Q, K>
where
    G: Calendar + Meetings,
    S: BookingStore + RoomStore + WritingStore,
    Q: HintQueue,
    K: Clock,
{
    /// Makes the meeting.
    pub(crate) async fn create(&self, writing: &mut Writing) -> Result<Deed, Stop> {
        let Some(meeting) = writing.desired.clone() else { return Ok(Deed::Next) };
        if self.was_deleted_by_a_person(writing).await? {
            return Ok(Deed::Gone);
        }
        if writing.place.own
            && let Some(deed) = self.in_the_way(writing, &meeting).await?
        {
            return Ok(deed);
        }
        let salt = writing.salt();
        let draft = match merge::draft(&meeting, self.said, &salt, writing.place.own) {
            Ok(draft) => draft,
            Err(WordsWithheld) => return Ok(self.create_without_words(writing).await),
        };
        writing.note_written(&meeting.content());
        let mark = Mark { transaction: writing.transaction(), marker: writing.marker() };
        self.check_time()?;
        match self.graph.create(&writing.place.mailbox, &draft, &mark).await {
            Ok(seen) => {
                writing.created(&seen, self.clock.now());
                Ok(Deed::Next)
            }
            Err(MeetingError::DuplicateTransaction { existing, .. }) => {
                let known = match existing {
                    Some(id) => self.graph.get(&writing.place.mailbox, &id).await,
                    None => Ok(None),
                };
                let found = match known {
                    Ok(Some(seen)) if !seen.cancelled => Ok(Some(seen)),
                    Ok(_) => self.marked(writing).await.map(|marked| marked.into_iter().next()),
                    Err(error) => Err(error),
                };
                Ok(match found {
                    Ok(Some(seen)) => {
                        writing.base = None;
                        writing.created(&seen, self.clock.now());
                        Deed::Next
                    }
                    Ok(None) if writing.failures + 1 >= LEADS_NOWHERE => Deed::Gone,
                    Ok(None) => {
                        writing.unanswered(self.clock.now());
                        Deed::Waits(code::UNREACHABLE)
                    }
                    Err(error) => self.trouble(writing, error),
                })
            }
            Err(MeetingError::Invalid(trace)) if trace.code.to_ascii_lowercase().contains("timezone") => {
                Ok(in_another_zone(writing, &trace.code))
            }
            Err(error) => {
                // Nobody else has sent anything for a command that was accepted just now.
                writing.sent &= !(self.fresh && error.is_final());
                Ok(self.trouble(writing, error))
            }
        }
    }

    /// The booking was seen in the room, and ended there by a person: then an attempt of ours had made it, perhaps one that died before
    /// it could say so, and it is not made again.
    async fn was_deleted_by_a_person(&self, writing: &Writing) -> Result<bool, Stop> {
        let row = self.store.booking(&writing.room_ref(), &writing.booking).await?;
        Ok(row.is_some_and(|row| {
            let ended = matches!(row.state.status, Status::Ended(EndReason::Cancelled | EndReason::Deleted));
            ended && row.is_observed() && row.state.last_command_id.as_deref() == writing.last_command()
        }))
    }

    /// Reads the meeting, merges, and changes what differs.
    pub(crate) async fn push(&self, writing: &mut Writing) -> Result<Deed, Stop> {
        let (Some(meeting), Some(event)) = (writing.desired.clone(), writing.event.clone()) else {
            return Ok(Deed::Next);
        };
        let mailbox = writing.place.mailbox.clone();
        self.check_time()?;
        let seen = match self.graph.get(&mailbox, &event.id).await {
            Ok(Some(seen)) if !seen.cancelled => seen,
            Ok(_) => return Ok(Deed::Gone),
            Err(error) => return Ok(self.trouble(writing, error)),
        };
        let (salt, rooms) = (writing.salt(), writing.rooms());
        let view = View { salt: &salt, rooms: &rooms, own: writing.place.own };
        let merged = merge::merge(&meeting, writing.base.as_ref(), &seen, self.said, &view);
        let Ok((merged, patch)) = merged else { return Ok(self.without_words(writing)) };
        let span = merged.span(self.context.zone);
        if patch.is_empty() {
            writing.pushed(merged, span, self.clock.now());
            return Ok(Deed::Next);
        }
        if writing.was_pushed_often() {
            return Ok(Deed::Failed(
                code::GIVEN_UP,
                "the meeting was changed by others each time".to_owned(),
            ));
        }
        if writing.place.own
            && patch.when.is_some()
            && let Some(deed) = self.in_the_way(writing, &merged).await?
        {
            return Ok(deed);
        }
        let (there, sent) = (view.content(&seen), merged.content());
        self.check_time()?;
        let updated = self.graph.update(&mailbox, &event.id, seen.etag.as_deref(), &patch).await;
        if !updated.as_ref().is_err_and(MeetingError::is_final) {
            // What is overwritten may come back late, just as what we have sent ourselves.
            writing.note_written(&there);
            writing.note_written(&sent);
        }
        match updated {
            Ok(_) => {
                writing.pushed(merged, span, self.clock.now());
                Ok(Deed::Next)
            }
            Err(MeetingError::Stale(_)) => {
                writing.pushes += 1;
                Ok(Deed::Next)
            }
            Err(MeetingError::Gone(_)) => Ok(Deed::Gone),
            Err(MeetingError::Invalid(trace)) if trace.code.to_ascii_lowercase().contains("timezone") => {
                Ok(in_another_zone(writing, &trace.code))
            }
            Err(error) => Ok(self.trouble(writing, error)),
        }
    }

    /// Deletes everything that bears our mark, and the meeting itself.
    pub(crate) async fn remove(&self, writing: &mut Writing) -> Result<Deed, Stop> {
        self.check_time()?;
        let marked = match self.marked(writing).await {
            Ok(marked) => marked,
            // Nothing can be in a calendar that is not there; but what was made in it, or may have been, comes back with it.
            Err(MeetingError::NoMailbox(trace)) => {
                let now = self.clock.now();
                let over = writing.is_given_up(code::UNREACHABLE, now);
                if writing.sent && !over {
                    let deed = self.trouble(writing, MeetingError::Failed(trace));
                    writing.wait_for_mailbox(now);
                    return Ok(deed);
                }
                writing.removed(self.clock.now());
                writing.verified = writing.wanted;
                return Ok(Deed::Next);
            }
            Err(error) => return Ok(self.trouble(writing, error)),
        };
        let mut ids: Vec<_> = marked.into_iter().map(|seen| seen.id).collect();
        if let Some(event) = &writing.event
            && !ids.contains(&event.id)
        {
            ids.push(event.id.clone());
        }
        for id in ids {
            self.check_time()?;
            if let Err(error) = self.graph.delete(&writing.place.mailbox, &id).await {
                return Ok(self.trouble(writing, error));
            }
        }
        writing.removed(self.clock.now());
        Ok(Deed::Next)
    }

    /// The room declines somebody else's meeting; what it cannot decline, because it asks for no answer, is taken out.
    pub(crate) async fn decline(&self, writing: &mut Writing) -> Result<Deed, Stop> {
        let Some(event) = writing.event.clone() else {
            writing.removed(self.clock.now());
            return Ok(Deed::Next);
        };
        self.check_time()?;
        let mailbox = &writing.place.mailbox;
        let result = match self.graph.decline(mailbox, &event.id).await {
            Err(MeetingError::Invalid(_)) => self.graph.delete(mailbox, &event.id).await,
            other => other,
        };
        match result {
            Ok(()) => {
                writing.removed(self.clock.now());
                writing.verified = writing.wanted;
                Ok(Deed::Next)
            }
            Err(error) => Ok(self.trouble(writing, error)),
        }
    }

    /// Reads back.
    pub(crate) async fn verify(&self, writing: &mut Writing) -> Result<(Deed, Option<Seen>), Stop> {
        self.check_time()?;
        let marked = match self.marked(writing).await {
            Ok(marked) => marked,
            // What was removed while it was there does not come back with it.
            Err(MeetingError::NoMailbox(_)) if writing.desired.is_none() => {
                writing.verified();
                return Ok((Deed::Next, None));
            }
            Err(error) => return Ok((self.unread(writing, error), None)),
        };
        let known = match self.known(writing, &marked).await? {
            Ok(known) => known,
            Err(error) => return Ok((self.unread(writing, error), None)),
        };
        let before = writing.clone();
        let verified = step::read_back(writing, &marked, known.as_ref(), self.context.zone);
        let deed = match verified {
            Verified::Well if self.may_clash(writing, &before) => self.clash(writing, &before).await?,
            Verified::Well | Verified::Again => Deed::Next,
            Verified::Gone => Deed::Gone,
            Verified::Strays(strays) => {
                for stray in strays {
                    self.check_time()?;
                    tracing::warn!(booking.id = %writing.booking, "A second meeting with the booking's mark is removed");
                    if let Err(error) = self.graph.delete(&writing.place.mailbox, &stray.id).await {
                        return Ok((self.unread(writing, error), None));
                    }
                }
                Deed::Next
            }
        };
        let ours = marked
            .into_iter()
            .chain(known)
            .find(|seen| writing.event.as_ref().is_some_and(|event| event.id == seen.id));
        Ok((deed, ours))
    }

    /// The meeting by its id, if it is wanted and was not found by its mark. One that only lies in Deleted Items does not count: it is in
    /// no calendar view.
    async fn known(
        &self,
        writing: &Writing,
        marked: &[Seen],
    ) -> Result<Result<Option<Seen>, MeetingError>, Stop> {
        let Some(event) = writing.event.as_ref().filter(|_| writing.desired.is_some()) else {
            return Ok(Ok(None));
        };
        if marked.iter().any(|seen| seen.id == event.id) {
            return Ok(Ok(None));
        }
        self.check_time()?;
        let seen = match self.graph.get(&writing.place.mailbox, &event.id).await {
            Ok(Some(seen)) if !seen.cancelled => seen,
            Ok(_) => return Ok(Ok(None)),
            Err(error) => return Ok(Err(error)),
        };
        let span = match Days::from(seen.when) {
            Days::Timed(span) => span,
            Days::AllDay(first, after) => Span::days(first, after),
        };
        self.check_time()?;
        let mailbox = RoomId::new(writing.place.mailbox.clone());
        match self.graph.view(&mailbox, span, NOTHING, None).await {
            Ok(page) => {
                let there = page
                    .entries
                    .iter()
                    .any(|entry| entry.id == seen.id || entry.series.as_ref() == Some(&seen.id));
                Ok(Ok(Some(seen).filter(|_| there || page.next.is_some())))
            }
            // Not being able to look proves nothing.
            Err(_) => Ok(Ok(Some(seen))),
        }
    }

    /// What Graph has taken does not fail because it cannot be read back.
    pub(crate) fn unread(&self, writing: &mut Writing, error: MeetingError) -> Deed {
        match self.trouble(writing, error) {
            Deed::Failed(why, detail) => {
                tracing::warn!(booking.id = %writing.booking, why, detail, "A booking cannot be read back");
                writing.verified();
                Deed::Next
            }
            other => other,
        }
    }

    pub(crate) async fn marked(&self, writing: &Writing) -> Result<Vec<Seen>, MeetingError> {
        let mut marked = self.graph.marked(&writing.place.mailbox, &writing.marker()).await?;
        marked.retain(|seen| !seen.cancelled);
        Ok(marked)
    }

    /// What cannot be made again for want of words may have been made before.
    async fn create_without_words(&self, writing: &mut Writing) -> Deed {
        match self.marked(writing).await.map(|marked| marked.into_iter().next()) {
            Ok(Some(seen)) => {
                writing.created(&seen, self.clock.now());
                Deed::Next
            }
            Ok(None) => self.without_words(writing),
            Err(error) => self.trouble(writing, error),
        }
    }

    fn without_words(&self, writing: &mut Writing) -> Deed {
        if writing.has_waited(code::UNREACHABLE, self.clock.now()) {
            return Deed::Failed(
                code::GIVEN_UP,
                "the message with the words of a private meeting is lost".to_owned(),
            );
        }
        // After a failure nothing is sent before it is due: then the clock must not put off what the command could send now.
        if writing.failures == 0 {
            writing.due = Some(self.clock.now() + chrono::TimeDelta::seconds(WORDS_AFTER_SECONDS));
        }
        Deed::Waits(code::UNREACHABLE)
    }

    /// What an error makes of a writing.
    pub(crate) fn trouble(&self, writing: &mut Writing, error: MeetingError) -> Deed {
        let now = self.clock.now();
        let message = error.to_string();
        let (code, lasts) = match error {
            MeetingError::Throttled { retry_after, .. } => {
                writing.put_off(retry_after, now);
                (code::THROTTLED, false)
            }
            MeetingError::Unanswered(_) => {
                writing.unanswered(now);
                (code::UNREACHABLE, false)
            }
            MeetingError::Failed(_) | MeetingError::Stale(_) | MeetingError::DuplicateTransaction { .. } => {
                writing.put_off(None, now);
                (code::UNREACHABLE, false)
            }
            MeetingError::Credential(_) => {
                writing.put_off(None, now);
                (code::CREDENTIAL_EXPIRED, false)
            }
            MeetingError::Gone(_) => return Deed::Gone,
            MeetingError::NoMailbox(_) if writing.place.own => (code::ROOM_UNKNOWN, true),
            MeetingError::NoMailbox(_) => (code::ORGANIZER_UNKNOWN, true),
            MeetingError::Forbidden(_) => (code::FORBIDDEN, true),
            MeetingError::Invalid(_) => (code::INVALID_FIELD, true),
        };
        let over = writing.is_given_up(code, now);
        // Access may come back: nobody waits for what is cleared away, and what may have been made cannot be said to have failed.
        let is_unsure = lasts && code != code::INVALID_FIELD && writing.may_be_made();
        let may_come = writing.is_clearing() || is_unsure;
        if !over && may_come && writing.due.is_none_or(|due| due <= now) {
            writing.put_off(None, now);
        }
        match (lasts && !may_come, over) {
            (true, _) => Deed::Failed(code, message),
            (_, true) if code == code::CREDENTIAL_EXPIRED => Deed::Failed(code, message),
            (_, true) => Deed::Failed(code::GIVEN_UP, message),
            _ if is_unsure => Deed::Waits(code::UNREACHABLE),
            _ => Deed::Waits(code),
        }
    }
}

/// Exchange does not know the zone: it goes by another name that shows the same time, and a single meeting without such a name in UTC.
fn in_another_zone(writing: &mut Writing, refused: &str) -> Deed {
    let failed = || {
        let why = format!("start.timeZone: Microsoft does not know the zone ({refused})");
        Deed::Failed(code::INVALID_FIELD, why)
    };
    let Some(meeting) = &mut writing.desired else { return failed() };
    let from = meeting.start.local.date();
    let renamed = |wall: &Wall| zone::find(&wall.zone).and_then(|zone| windows_name(zone, from));
    if let (Some(start), Some(end)) = (renamed(&meeting.start), renamed(&meeting.end))
        && (meeting.start.zone != start || meeting.end.zone != end)
    {
        start.clone_into(&mut meeting.start.zone);
        end.clone_into(&mut meeting.end.zone);
        if let Some(recurrence) = &mut meeting.recurrence {
            recurrence.range.recurrence_time_zone = None;
        }
        return Deed::Next;
    }
    let is_utc = meeting.start.zone == "UTC" && meeting.end.zone == "UTC";
    if meeting.recurrence.is_some() || meeting.all_day || is_utc {
        return failed();
    }
    meeting.start = Wall::utc(meeting.start.instant());
    meeting.end = Wall::utc(meeting.end.instant());
    Deed::Next
}

/// Why a command failed or waits, as its receipt says it.
pub(crate) fn said(code: &str, message: &str) -> roomsync_domain::booking::CommandFailure {
    let message = match code {
        code::THROTTLED => "Graph asks to wait",
        code::UNREACHABLE => "Graph does not answer",
        code::CREDENTIAL_EXPIRED => "the application's credential is refused",
        _ => message,
    };
    rows::failure(code, message)
}
