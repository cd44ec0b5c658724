//! What has to be done next for a writing, and what a read-back comes to.

use super::meeting::Seen;
use super::merge::{Judgement, View, adopted, judge};
use super::state::Writing;
use crate::time::Instant;
use crate::zone;

pub use super::watch::{Watched, rooms_left_alone, waiting, watch};

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is left to do.
    Done,
    /// Nothing before that instant.
    Wait(Instant),
    /// Make the meeting, with the life's own transaction id.
    Create,
    /// Read the meeting, merge, change what differs.
    Push,
    /// Look for everything that bears our mark and delete it, and the meeting itself.
    Remove,
    /// The room declines somebody else's meeting.
    Decline,
    /// Look for everything that bears our mark and compare.
    Verify,
    /// The calendar is as wanted: see whether the room has answered.
    Watch,
}

/// The next step. `now` decides only whether a request that was not answered may still land.
#[must_use]
pub fn next_step(writing: &Writing, now: Instant) -> Step {
    if writing.is_settled() {
        return Step::Done;
    }
    if writing.applied < writing.wanted {
        return match (&writing.desired, &writing.event) {
            (Some(_), None) => match writing.unsure_until.filter(|until| now < *until) {
                Some(until) => Step::Wait(until),
                None => Step::Create,
            },
            (Some(_), Some(_)) => Step::Push,
            (None, _) if writing.place.foreign => Step::Decline,
            (None, _) => Step::Remove,
        };
    }
    if !writing.is_verified() {
        return match writing.unsure_until.filter(|until| now < *until) {
            Some(until) => Step::Wait(until),
            None => Step::Verify,
        };
    }
    Step::Watch
}

/// What a read-back comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// The calendar is as wanted.
    Well,
    /// These meetings bear our mark and are too many.
    Strays(Vec<Seen>),
    /// The meeting is gone though it is wanted: a person has deleted it.
    Gone,
    /// It is not as wanted, and is to be sent again.
    Again,
}

/// Compares what bears our mark with what is wanted. `marked` is everything that was found in the mailbox, cancelled meetings left out;
/// `known` is the meeting itself if it was asked for by its id because it was not among them.
#[must_use]
pub fn read_back(writing: &mut Writing, marked: &[Seen], known: Option<&Seen>, zone: zone::Tz) -> Verified {
    let id = writing.event.as_ref().map(|event| event.id.clone());
    let ours = marked.iter().chain(known).find(|seen| Some(&seen.id) == id.as_ref());
    let strays: Vec<Seen> =
        marked.iter().filter(|seen| ours.is_none_or(|ours| ours.id != seen.id)).cloned().collect();
    let Some(meeting) = writing.desired.clone() else {
        if strays.is_empty() && ours.is_none() {
            writing.verified();
            return Verified::Well;
        }
        return Verified::Strays(marked.to_vec());
    };
    if !strays.is_empty() {
        return Verified::Strays(strays);
    }
    let Some(seen) = ours else { return Verified::Gone };
    let (salt, rooms) = (writing.salt(), writing.rooms());
    let view = View { salt: &salt, rooms: &rooms, own: writing.place.own };
    let content = view.content(seen);
    let judgement = judge(&meeting.content(), &content, &writing.written);
    // What was verified once cannot be overtaken by what was sent before it: whoever brings an older content back is a person.
    if judgement == Judgement::Echo && !writing.is_verified() && !writing.was_pushed_often() {
        writing.base = None;
        writing.applied = writing.wanted - 1;
        return Verified::Again;
    }
    if judgement != Judgement::Same {
        let taken = adopted(&meeting, seen, &view);
        writing.span = taken.span(zone);
        writing.desired = Some(taken);
        writing.written = vec![content.clone()];
    }
    writing.base = Some(content);
    writing.verified();
    Verified::Well
}
