//! The three-way merge of what is wanted, what we last knew and what the calendar shows.
//!
//! | seen at a read-back | then |
//! |---|---|
//! | as wanted | verified |
//! | as we had sent or overwritten it, and was not as wanted before | a late echo: sent again |
//! | something else | a person's change: it is wanted from now on |
//! | nothing | a person's deletion: final |
//!
//! When a command is sent, it beats an older change of a person on the fields that it names and on no others.

use super::meeting::{Content, Days, Meeting, RoomAddress, Salt, Seen, Wall, Words};
use crate::entry::When;
use roomsync_command::Recurrence;

/// What a read-back shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// What is wanted.
    Same,
    /// One of our older contents, landed late, or what we have overwritten.
    Echo,
    /// A person's change.
    Edited,
}

/// Judges what a read-back shows of a meeting that is there.
#[must_use]
pub fn judge(wanted: &Content, seen: &Content, written: &[Content]) -> Judgement {
    if seen == wanted {
        Judgement::Same
    } else if written.contains(seen) {
        Judgement::Echo
    } else {
        Judgement::Edited
    }
}

/// How a booking's meetings are looked at.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The booking's salt.
    pub salt: &'a Salt,
    /// Addresses of the rooms that we may have invited, the wanted one first.
    pub rooms: &'a [String],
    /// Whether the meeting lies in the room's own calendar.
    pub own: bool,
}

impl View<'_> {
    /// What has to be equal.
    #[must_use]
    pub fn content(&self, seen: &Seen) -> Content {
        seen.content(self.salt, self.rooms, self.own)
    }
}

/// A new meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// From.
    pub start: Wall,
    /// To, exclusive.
    pub end: Wall,
    /// Whole days.
    pub all_day: bool,
    /// Sensitivity private.
    pub private: bool,
    /// Subject and people.
    pub words: Words,
    /// The room to invite, if it is to be invited.
    pub invite: Option<RoomAddress>,
    /// How it repeats.
    pub recurrence: Option<Recurrence>,
    /// Name and address of the place, for people.
    pub location: Option<RoomAddress>,
}

/// What is to be changed of a meeting; what is nothing stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    /// From, to, whole days.
    pub when: Option<(Wall, Wall, bool)>,
    /// Sensitivity.
    pub private: Option<bool>,
    /// Subject.
    pub subject: Option<String>,
    /// Everybody who is invited: Graph replaces them as a whole.
    pub invited: Option<Invited>,
    /// Whether the place for people changes with the room.
    pub moves_room: bool,
    /// How it repeats.
    pub recurrence: Option<Recurrence>,
}

/// Everybody who is invited.
#[derive(Clone, PartialEq, Eq)]
pub struct Invited {
    /// People.
    pub people: Vec<String>,
    /// The room, if there is one.
    pub room: Option<RoomAddress>,
}

impl std::fmt::Debug for Invited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Invited(..)")
    }
}

impl Patch {
    /// Whether nothing is to be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Words that are needed and that nobody here has: those of a private meeting, which only the command itself holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the words of a private meeting are in its command only")]
pub struct WordsWithheld;

/// The new meeting of what is wanted. `said` are the words of the command at hand.
///
/// # Errors
///
/// The words are neither kept nor at hand.
pub fn draft(
    meeting: &Meeting,
    said: Option<&Words>,
    salt: &Salt,
    own: bool,
) -> Result<Draft, WordsWithheld> {
    let words = Words {
        subject: subject(meeting, said, salt)?,
        attendees: Some(attendees(meeting, said, salt)?.unwrap_or_default()),
    };
    Ok(Draft {
        start: meeting.start.clone(),
        end: meeting.end.clone(),
        all_day: meeting.all_day,
        private: meeting.private,
        words,
        invite: meeting.room.clone().filter(|_| !own),
        recurrence: meeting.recurrence.clone(),
        location: meeting.room.clone(),
    })
}

fn subject(meeting: &Meeting, said: Option<&Words>, salt: &Salt) -> Result<Option<String>, WordsWithheld> {
    let known = [Some(&meeting.words), said].into_iter().flatten().map(|words| words.subject.as_deref());
    let mut known = known.chain([None]);
    known
        .find(|subject| salt.subject(*subject) == meeting.subject_digest)
        .map(|subject| subject.map(str::to_owned))
        .ok_or(WordsWithheld)
}

fn attendees(
    meeting: &Meeting,
    said: Option<&Words>,
    salt: &Salt,
) -> Result<Option<Vec<String>>, WordsWithheld> {
    let known = [Some(&meeting.words), said].into_iter().flatten().map(|words| words.attendees.as_ref());
    let mut known = known.chain([None]);
    known
        .find(|people| salt.attendees(people.iter().copied().flatten()) == meeting.attendees_digest)
        .map(Option::<&Vec<String>>::cloned)
        .ok_or(WordsWithheld)
}

/// What to send and what is wanted then. `base` is the content that the calendar had when we last knew it: a field in which it
/// equals what is wanted was not named, so the calendar's own value stays.
///
/// # Errors
///
/// Words that have to be sent are neither kept nor at hand.
pub fn merge(
    wanted: &Meeting,
    base: Option<&Content>,
    seen: &Seen,
    said: Option<&Words>,
    view: &View<'_>,
) -> Result<(Meeting, Patch), WordsWithheld> {
    let goal = wanted.content();
    let View { salt, own, .. } = *view;
    let now = view.content(seen);
    let stays = adopted(wanted, seen, view);
    let named = |differs: fn(&Content, &Content) -> bool| base.is_none_or(|base| differs(base, &goal));
    let sent = |differs: fn(&Content, &Content) -> bool| named(differs) && differs(&now, &goal);
    let mut merged = wanted.clone();
    let mut patch = Patch::default();
    // Moving a series moves its pattern, so the two are one field.
    let time: fn(&Content, &Content) -> bool = |a, b| a.when != b.when || a.recurrence != b.recurrence;
    if sent(time) {
        if now.when != goal.when {
            patch.when = Some((wanted.start.clone(), wanted.end.clone(), wanted.all_day));
        }
        patch.recurrence = wanted.recurrence.clone().filter(|_| now.recurrence != goal.recurrence);
    } else if !named(time) {
        merged = Meeting {
            start: stays.start.clone(),
            end: stays.end.clone(),
            all_day: stays.all_day,
            recurrence: stays.recurrence.clone(),
            ..merged
        };
    }
    if sent(|a, b| a.private != b.private) {
        patch.private = Some(wanted.private);
    } else if !named(|a, b| a.private != b.private) {
        merged.private = stays.private;
    }
    let subject_differs: fn(&Content, &Content) -> bool = |a, b| a.subject != b.subject;
    if sent(subject_differs) {
        patch.subject = Some(subject(wanted, said, salt)?.unwrap_or_default());
    } else if !named(subject_differs) {
        merged.subject_digest.clone_from(&stays.subject_digest);
        merged.words.subject.clone_from(&stays.words.subject);
    }
    let people_differ: fn(&Content, &Content) -> bool = |a, b| a.attendees != b.attendees;
    if !named(people_differ) {
        merged.attendees_digest.clone_from(&stays.attendees_digest);
        merged.words.attendees.clone_from(&stays.words.attendees);
    }
    let room_differs: fn(&Content, &Content) -> bool = |a, b| a.room != b.room;
    if sent(people_differ) || (sent(room_differs) && !own) {
        let people = if named(people_differ) {
            attendees(wanted, said, salt)?.unwrap_or_default()
        } else {
            seen.words.attendees.clone().unwrap_or_default()
        };
        let room = wanted.room.clone().filter(|_| !own);
        patch.moves_room = sent(room_differs);
        patch.invited = Some(Invited { people: without_rooms(people, room.as_ref()), room });
    }
    if merged.private {
        merged.words = Words::default();
    }
    Ok((merged, patch))
}

/// Somebody may have invited the room as a person.
fn without_rooms(people: Vec<String>, room: Option<&RoomAddress>) -> Vec<String> {
    people
        .into_iter()
        .filter(|person| room.is_none_or(|room| !room.email.eq_ignore_ascii_case(person)))
        .collect()
}

/// What is wanted once a person's change is taken over.
#[must_use]
pub fn adopted(wanted: &Meeting, seen: &Seen, view: &View<'_>) -> Meeting {
    let content = view.content(seen);
    let wanted_room = wanted.room.as_ref().map(|room| room.email.to_lowercase());
    let (start, end, all_day) = match seen.when {
        _ if Days::from(seen.when) == wanted.when() => {
            (wanted.start.clone(), wanted.end.clone(), wanted.all_day)
        }
        When::Timed(span) => (Wall::utc(span.start), Wall::utc(span.end), false),
        When::AllDay(first, after) => {
            let midnight = |day: chrono::NaiveDate| {
                Wall::new(day.and_time(chrono::NaiveTime::MIN), wanted.start.zone.clone())
            };
            (midnight(first), midnight(after), true)
        }
    };
    Meeting {
        room: wanted.room.clone().filter(|_| content.room == wanted_room),
        start,
        end,
        all_day,
        private: seen.private,
        words: if seen.private { Words::default() } else { seen.words.clone() },
        subject_digest: content.subject,
        attendees_digest: content.attendees,
        recurrence: seen.recurrence.as_ref().map(Recurrence::normal),
    }
}
