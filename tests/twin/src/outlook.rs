//! What people do in Outlook: book, change, move, cancel, delete. The same actions in Rust and over the control API.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Twin;
use crate::calendar::recurrence::BadRecurrence;
use crate::calendar::{
    Attendee, Content, Item, MailboxState, Person, Personal, Recurrence, Response, Sensitivity, Series,
    Shape, ShowAs, Span,
};
use crate::edit::{end_series, except, move_item, remove_occurrence};
use crate::post::moved;
use crate::processing::Context;
use crate::tenant::Tenant;

/// A meeting as somebody types it in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Meeting {
    /// Who organizes it; ignored for an appointment made in a room's own calendar.
    pub organizer: Person,
    /// Subject.
    #[serde(default)]
    pub subject: String,
    /// Body text.
    #[serde(default)]
    pub body: String,
    /// When.
    pub span: Span,
    /// Repetition, if it is a series.
    #[serde(default)]
    pub recurrence: Option<Recurrence>,
    /// Sensitivity.
    #[serde(default)]
    pub sensitivity: Sensitivity,
    /// Free, busy, ...
    #[serde(default)]
    pub show_as: ShowAs,
    /// Addresses of the rooms.
    #[serde(default)]
    pub rooms: Vec<String>,
    /// Addresses of other people.
    #[serde(default)]
    pub attendees: Vec<String>,
    /// Whether the organizer belongs to another organization: no mailbox here, and most rooms refuse.
    #[serde(default)]
    pub external: bool,
}

impl Meeting {
    /// A meeting without rooms yet. The organizer's name is made from the address: "ana.lima@..." is "Ana Lima".
    pub fn new(organizer: &str, subject: &str, span: Span) -> Meeting {
        Meeting {
            organizer: Person { name: display_name(organizer), address: organizer.to_owned() },
            subject: subject.to_owned(),
            body: String::new(),
            span,
            recurrence: None,
            sensitivity: Sensitivity::Normal,
            show_as: ShowAs::Busy,
            rooms: Vec::new(),
            attendees: Vec::new(),
            external: false,
        }
    }

    /// The same meeting in a room.
    pub fn at(mut self, room: &str) -> Meeting {
        self.rooms.push(room.to_owned());
        self
    }

    /// The same meeting, organized by somebody of another organization.
    pub fn from_outside(mut self) -> Meeting {
        self.external = true;
        self
    }

    /// The same meeting as a series.
    pub fn repeats(mut self, recurrence: Recurrence) -> Meeting {
        self.recurrence = Some(recurrence);
        self
    }

    /// The same meeting with the private flag.
    pub fn private(mut self) -> Meeting {
        self.sensitivity = Sensitivity::Private;
        self
    }
}

pub(crate) fn display_name(address: &str) -> String {
    let local = address.split('@').next().unwrap_or(address);
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    local.split(['.', '_']).map(capital).collect::<Vec<_>>().join(" ")
}

/// One thing a person does. `meeting` is the `iCalUId` that booking returned; `date` an occurrence's original date.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum Action {
    /// Invites the meeting's rooms and people.
    Book {
        meeting: Meeting,
    },
    /// Writes straight into a room's own calendar: no attendant, no conflict check.
    Appoint {
        room: String,
        meeting: Meeting,
    },
    ChangeSubject {
        meeting: String,
        subject: String,
    },
    /// Moves a meeting, or the first occurrence of a series and the rest with it.
    Move {
        meeting: String,
        start: NaiveDateTime,
        end: NaiveDateTime,
    },
    MoveOccurrence {
        meeting: String,
        date: NaiveDate,
        start: NaiveDateTime,
        end: NaiveDateTime,
    },
    ChangeOccurrenceSubject {
        meeting: String,
        date: NaiveDate,
        subject: String,
    },
    DeleteOccurrence {
        meeting: String,
        date: NaiveDate,
    },
    /// Calls it off: attendees get a cancellation.
    Cancel {
        meeting: String,
    },
    /// Deletes it from the calendar it was made in; with `room`, only that room's copy, and nobody is told.
    Delete {
        meeting: String,
        #[serde(default)]
        room: Option<String>,
    },
    /// Drags a room's copy to another folder and back at once: the calendar is as before, what delta tells is not
    /// ([`crate::calendar::Mailbox`]).
    Carry {
        meeting: String,
        room: String,
    },
    /// "This and following": ends the series before `date`; `then` is the new series.
    EndSeries {
        meeting: String,
        date: NaiveDate,
        #[serde(default)]
        then: Option<Box<Meeting>>,
    },
    SetSensitivity {
        meeting: String,
        sensitivity: Sensitivity,
    },
    ChangeRooms {
        meeting: String,
        rooms: Vec<String>,
    },
    /// A delegate accepts a tentative request.
    Approve {
        meeting: String,
        room: String,
    },
    /// A delegate declines it.
    Refuse {
        meeting: String,
        room: String,
    },
}

/// Why an action cannot be done.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Refused {
    #[error("tenant {0} does not exist; add it first")]
    UnknownTenant(String),
    #[error("meeting {0} does not exist (any more)")]
    UnknownMeeting(String),
    #[error("room {0} does not exist in this tenant")]
    UnknownRoom(String),
    #[error("meeting {0} has no occurrence on {1}")]
    NoOccurrence(String, NaiveDate),
    #[error("an occurrence cannot be moved onto or past the day of its neighbour ({0})")]
    CrossesNeighbour(NaiveDate),
    #[error("the end must not lie before the start")]
    Backwards,
    #[error(transparent)]
    Recurrence(#[from] BadRecurrence),
}

impl Twin {
    /// Does one thing as a person would, at `now`. Returns the `iCalUId` of the meeting concerned (of the new series for
    /// `EndSeries` with `then`).
    pub fn act(&mut self, now: DateTime<Utc>, tenant: &str, action: Action) -> Result<String, Refused> {
        self.advance(now);
        let (tenant, mut context) =
            self.split(tenant).ok_or_else(|| Refused::UnknownTenant(tenant.to_owned()))?;
        tenant.act(action, &mut context).map(|uid| uid.as_ref().to_owned())
    }
}

impl Tenant {
    fn act(&mut self, action: Action, context: &mut Context<'_>) -> Result<Arc<str>, Refused> {
        match action {
            Action::Book { meeting } => self.book(meeting, context),
            Action::Appoint { room, meeting } => self.appoint(&room, meeting, context),
            Action::ChangeSubject { meeting, subject } => self.edit(&meeting, context, |item| {
                item.content.subject = subject;
                Ok(())
            }),
            Action::Move { meeting, start, end } => {
                self.edit(&meeting, context, |item| move_item(item, start, end))
            }
            Action::MoveOccurrence { meeting, date, start, end } => {
                let name = meeting.clone();
                self.edit(&meeting, context, |item| {
                    let span = item.shape.span.moved(start, end);
                    except(item, date, &name, |exception| exception.span = span)
                })
            }
            Action::ChangeOccurrenceSubject { meeting, date, subject } => {
                let name = meeting.clone();
                self.edit(&meeting, context, |item| {
                    except(item, date, &name, |exception| exception.content.subject = subject)
                })
            }
            Action::DeleteOccurrence { meeting, date } => {
                let name = meeting.clone();
                self.edit(&meeting, context, |item| remove_occurrence(item, date, &name))
            }
            Action::Cancel { meeting } | Action::Delete { meeting, room: None } => {
                self.call_off(&meeting, context)
            }
            Action::Delete { meeting, room: Some(room) } => {
                let (id, key, uid) = self.copy_in(&room, &meeting)?;
                let silently = context.springs(crate::switches::Trap::LostRemoval, &id);
                if let Some(mailbox) = self.mailboxes.get_mut(&id) {
                    mailbox.remove(key, context.seen, silently);
                }
                Ok(uid)
            }
            Action::Carry { meeting, room } => {
                let (id, key, uid) = self.copy_in(&room, &meeting)?;
                if let Some(mailbox) = self.mailboxes.get_mut(&id) {
                    mailbox.carry(key, context.seen);
                }
                Ok(uid)
            }
            Action::EndSeries { meeting, date, then } => {
                let uid = self.edit(&meeting, context, |item| end_series(item, date))?;
                then.map_or(Ok(uid), |then| self.book(*then, context))
            }
            Action::SetSensitivity { meeting, sensitivity } => self.edit(&meeting, context, |item| {
                item.content.sensitivity = sensitivity;
                for exception in
                    item.shape.series.iter_mut().flat_map(|series| series.exceptions.values_mut())
                {
                    exception.content.sensitivity = sensitivity;
                }
                Ok(())
            }),
            Action::ChangeRooms { meeting, rooms } => {
                let invited = self.invite(&rooms, &[])?;
                self.edit(&meeting, context, |item| {
                    item.attendees.retain(|attendee| attendee.kind != "resource");
                    item.attendees.extend(invited);
                    Ok(())
                })
            }
            Action::Approve { meeting, room } => self.answer_for(&meeting, &room, true, context),
            Action::Refuse { meeting, room } => self.answer_for(&meeting, &room, false, context),
        }
    }

    /// A room, the key of its copy of a meeting, and the meeting.
    fn copy_in(&self, room: &str, meeting: &str) -> Result<(Arc<str>, u64, Arc<str>), Refused> {
        let id = self.resolve(room).ok_or_else(|| Refused::UnknownRoom(room.to_owned()))?;
        let copy = self.mailboxes.get(&id).and_then(|mailbox| mailbox.copy_of(meeting));
        let copy = copy.ok_or_else(|| Refused::UnknownMeeting(meeting.to_owned()))?;
        Ok((id, copy.key, copy.uid.clone()))
    }

    fn book(&mut self, meeting: Meeting, context: &mut Context<'_>) -> Result<Arc<str>, Refused> {
        let owner = self.person(&meeting.organizer.address, &meeting.organizer.name);
        if meeting.external
            && let Some(mailbox) = self.mailboxes.get_mut(&owner)
        {
            mailbox.external = true;
            mailbox.state = MailboxState::Gone;
        }
        let attendees = self.invite(&meeting.rooms, &meeting.attendees)?;
        let item = new_item(meeting, attendees, Response::Organizer, context)?;
        Ok(self.put_own(&owner, item, context).1)
    }

    fn appoint(
        &mut self,
        room: &str,
        meeting: Meeting,
        context: &mut Context<'_>,
    ) -> Result<Arc<str>, Refused> {
        let owner = self.resolve(room).ok_or_else(|| Refused::UnknownRoom(room.to_owned()))?;
        let mut item = new_item(meeting, Vec::new(), Response::Organizer, context)?;
        if let Some(mailbox) = self.mailboxes.get(&owner) {
            item.organizer = Person { name: mailbox.name.clone(), address: mailbox.address.clone() };
        }
        Ok(self.put_own(&owner, item, context).1)
    }

    /// Puts a new item into its owner's calendar and invites the rooms.
    pub(crate) fn put_own(
        &mut self,
        owner: &Arc<str>,
        item: Item,
        context: &mut Context<'_>,
    ) -> (u64, Arc<str>) {
        let uid = item.uid.clone();
        self.owners.insert(uid.clone(), owner.clone());
        let key =
            self.mailboxes.get_mut(owner).map_or(0, |mailbox| mailbox.insert(item.clone(), context.seen));
        self.send(&item, None, context);
        (key, uid)
    }

    fn invite(&self, rooms: &[String], people: &[String]) -> Result<Vec<Attendee>, Refused> {
        let mut attendees = Vec::new();
        for address in people {
            let person = Person { name: display_name(address), address: address.clone() };
            attendees.push(Attendee { person, kind: "required", response: Response::None });
        }
        for room in rooms {
            let mailbox = self.mailbox(room).ok_or_else(|| Refused::UnknownRoom(room.clone()))?;
            let person = Person { name: mailbox.name.clone(), address: mailbox.address.clone() };
            attendees.push(Attendee { person, kind: "resource", response: Response::None });
        }
        Ok(attendees)
    }

    /// Changes the owner's copy of a meeting and sends it out again.
    pub(crate) fn edit(
        &mut self,
        uid: &str,
        context: &mut Context<'_>,
        change: impl FnOnce(&mut Item) -> Result<(), Refused>,
    ) -> Result<Arc<str>, Refused> {
        let unknown = || Refused::UnknownMeeting(uid.to_owned());
        let owner = self.owners.get(uid).cloned().ok_or_else(unknown)?;
        let mailbox = self.mailboxes.get_mut(&owner).ok_or_else(unknown)?;
        let before = mailbox.copy_of(uid).ok_or_else(unknown)?.clone();
        let mut after = before.clone();
        change(&mut after)?;
        after.modified = context.now;
        if moved(&before.shape, &after.shape) {
            // Answers were given for the old time.
            for attendee in &mut after.attendees {
                attendee.response = Response::None;
            }
        }
        let sent = after.clone();
        let silent = context.springs(crate::switches::Trap::LostOccurrence, &owner);
        let gone = |item: &Item| item.shape.series.as_ref().map_or(0, |series| series.removed.len());
        let renew =
            |own: &mut Item| *own = Item { seq: own.seq, past: std::mem::take(&mut own.past), ..after };
        if silent && gone(&sent) > gone(&before) {
            mailbox.update_silently(before.key, renew);
        } else {
            mailbox.update(before.key, context.seen, renew);
        }
        self.send(&sent, Some(&before), context);
        Ok(before.uid)
    }

    /// Removes a meeting from its owner's calendar; the rooms get a cancellation.
    pub(crate) fn call_off(&mut self, uid: &str, context: &mut Context<'_>) -> Result<Arc<str>, Refused> {
        let unknown = || Refused::UnknownMeeting(uid.to_owned());
        let owner = self.owners.get(uid).cloned().ok_or_else(unknown)?;
        let silently = context.springs(crate::switches::Trap::LostRemoval, &owner);
        let mailbox = self.mailboxes.get_mut(&owner).ok_or_else(unknown)?;
        let item = mailbox.copy_of(uid).ok_or_else(unknown)?.clone();
        mailbox.remove(item.key, context.seen, silently);
        self.call_back(&item, context);
        self.owners.remove(&item.uid);
        Ok(item.uid)
    }

    fn answer_for(
        &mut self,
        uid: &str,
        room: &str,
        yes: bool,
        context: &mut Context<'_>,
    ) -> Result<Arc<str>, Refused> {
        let id = self.resolve(room).ok_or_else(|| Refused::UnknownRoom(room.to_owned()))?;
        let copy = self.mailboxes.get(&id).and_then(|mailbox| mailbox.copy_of(uid));
        let uid = copy.map(|copy| copy.uid.clone()).ok_or_else(|| Refused::UnknownMeeting(uid.to_owned()))?;
        if yes {
            self.accept(&id, &uid, Response::Accepted, true, context)
        } else {
            self.decline(&id, &uid, true, context)
        }
        Ok(uid)
    }
}

/// A new item, not yet in any mailbox.
pub(crate) fn new_item(
    meeting: Meeting,
    attendees: Vec<Attendee>,
    response: Response,
    context: &mut Context<'_>,
) -> Result<Item, Refused> {
    let Meeting { organizer, subject, body, span, recurrence, sensitivity, show_as, .. } = meeting;
    if span.end < span.start {
        return Err(Refused::Backwards);
    }
    let mut span = span;
    if let Some(recurrence) = &recurrence {
        recurrence.check()?;
        // The series begins with its first occurrence.
        let first = recurrence.range.start_date;
        span =
            span.on(recurrence.dates(first, first + Duration::days(400)).first().copied().unwrap_or(first));
    }
    let location =
        attendees.iter().filter(|attendee| attendee.kind == "resource").map(|room| room.person.name.as_str());
    let location = location.collect::<Vec<_>>().join("; ");
    *context.counter += 1;
    Ok(Item {
        key: 0,
        uid: Arc::from(format!("040000008200E00074C5B7101A82E008{:032X}", *context.counter)),
        shape: Shape { span, series: recurrence.map(Series::new) },
        content: Content { subject, body, location, sensitivity, show_as, ..Content::default() },
        personal: Personal::default(),
        organizer,
        is_organizer: response == Response::Organizer,
        attendees,
        cancelled: false,
        response,
        responded: None,
        created: context.now,
        modified: context.now,
        transaction_id: None,
        extended: BTreeMap::new(),
        seq: 0,
        past: Vec::new(),
        hushed: std::collections::BTreeSet::new(),
    })
}
