//! From a command to what it asks for: everything about it that can be wrong is found here, before anything is stored.

use super::meeting::{Wall, Words};
use crate::ids::{BookingId, RoomId, TenantId};
use crate::tenant_check::looks_like_address;
use crate::zone;
use chrono::{NaiveDateTime, NaiveTime, SubsecRound};
use roomsync_command::{Action, BookingCommand, Moment, Recurrence, Rejection};

/// Longest id of a command or booking, as of message groups in SQS.
const LONGEST_ID: usize = 128;
/// Longest subject that Exchange keeps.
const LONGEST_SUBJECT: usize = 255;
/// Graph takes 500 attendees (`event` page); the room and the organizer are among them.
const MOST_ATTENDEES: usize = 490;

/// A checked command. `Debug` shows no words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Tells commands apart.
    pub command: String,
    /// What is asked for.
    pub action: Action,
    /// The tenant.
    pub tenant: TenantId,
    /// The booking.
    pub booking: BookingId,
    /// The room, if it is named.
    pub room: Option<Named>,
    /// Whose meeting it is, if that is named.
    pub organizer: Option<String>,
    /// Subject and attendees, as far as they are named.
    pub words: Words,
    /// From, if it is named.
    pub start: Option<Wall>,
    /// To, if it is named.
    pub end: Option<Wall>,
    /// Whole days, if it is said.
    pub all_day: Option<bool>,
    /// Private, if it is said.
    pub private: Option<bool>,
    /// How it repeats, if it is said.
    pub recurrence: Option<Recurrence>,
}

/// A room as a command names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By its id.
    Id(RoomId),
    /// By its address.
    Email(String),
}

/// The request of a command.
///
/// # Errors
///
/// Names the first field that cannot be used and says why, without what stands in it.
pub fn request(command: BookingCommand) -> Result<Request, Rejection> {
    let tenant = TenantId::parse(&command.tenant_id)
        .ok_or_else(|| Rejection::new("tenantId", "expected an Entra directory id, a GUID"))?;
    id("commandId", &command.command_id)?;
    id("bookingId", &command.booking_id)?;
    let room = match (command.room_id, command.room_email) {
        (Some(room), _) if !room.trim().is_empty() => Some(Named::Id(RoomId::new(room))),
        (_, Some(email)) => Some(Named::Email(address("roomEmail", email)?)),
        (Some(_), None) => return Err(Rejection::new("roomId", "expected the id of a room")),
        (None, None) => None,
    };
    let organizer = command.organizer_email.map(|email| address("organizerEmail", email)).transpose()?;
    let attendees = command.attendees.map(people).transpose()?;
    let request = Request {
        command: command.command_id,
        action: command.action,
        tenant,
        booking: BookingId::new(command.booking_id),
        room,
        organizer,
        words: Words { subject: command.subject.map(|subject| line(&subject)), attendees },
        start: command.start.map(|moment| wall("start", &moment)).transpose()?,
        end: command.end.map(|moment| wall("end", &moment)).transpose()?,
        all_day: command.is_all_day,
        private: command.is_private,
        recurrence: command.recurrence,
    };
    if request.action == Action::Create {
        new_booking(&request)?;
    }
    if let (Some(start), Some(end)) = (&request.start, &request.end) {
        times(start, end, request.all_day.unwrap_or(false), request.recurrence.as_ref())?;
    }
    Ok(request)
}

fn people(addresses: Vec<String>) -> Result<Vec<String>, Rejection> {
    if addresses.len() > MOST_ATTENDEES {
        return Err(Rejection::new("attendees", format!("expected at most {MOST_ATTENDEES}")));
    }
    let checked = |(at, email)| address(&format!("attendees[{at}]"), email);
    addresses.into_iter().enumerate().map(checked).collect()
}

/// What only a new booking has to name.
fn new_booking(request: &Request) -> Result<(), Rejection> {
    let named = [
        (request.room.is_some(), "roomId", "expected roomId or roomEmail"),
        (request.start.is_some(), "start", "missing"),
        (request.end.is_some(), "end", "missing"),
    ];
    match named.into_iter().find(|(there, ..)| !there) {
        Some((_, field, why)) => Err(Rejection::new(field, why)),
        None => Ok(()),
    }
}

/// Whether the times of a meeting fit together.
///
/// # Errors
///
/// Names the field that does not fit.
pub fn times(
    start: &Wall,
    end: &Wall,
    all_day: bool,
    recurrence: Option<&Recurrence>,
) -> Result<(), Rejection> {
    if all_day {
        for (field, wall) in [("start.dateTime", start), ("end.dateTime", end)] {
            if wall.local.time() != NaiveTime::MIN {
                return Err(Rejection::new(field, "expected midnight, because isAllDay is true"));
            }
        }
    }
    let in_order = if all_day { start.local < end.local } else { start.instant() < end.instant() };
    if !in_order {
        return Err(Rejection::new("end", "expected a time after start"));
    }
    if let Some(recurrence) = recurrence {
        recurrence.check(start.local.date()).map_err(|(field, why)| Rejection::new(field, why))?;
        if recurrence.range.recurrence_time_zone.as_deref().is_some_and(|name| zone::find(name).is_none()) {
            return Err(Rejection::new(
                "recurrence.range.recurrenceTimeZone",
                "expected an IANA or Windows name of a time zone",
            ));
        }
    }
    Ok(())
}

fn id(field: &str, text: &str) -> Result<(), Rejection> {
    let fits =
        !text.trim().is_empty() && text.chars().count() <= LONGEST_ID && !text.chars().any(char::is_control);
    fits.then_some(())
        .ok_or_else(|| Rejection::new(field, format!("expected 1 to {LONGEST_ID} printable characters")))
}

fn address(field: &str, text: String) -> Result<String, Rejection> {
    let text = text.trim();
    if looks_like_address(text) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(Rejection::new(field, "expected an e-mail address"))
    }
}

/// One line of text, as long as Exchange keeps it.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_SUBJECT).collect()
}

fn wall(field: &str, moment: &Moment) -> Result<Wall, Rejection> {
    let local: NaiveDateTime = moment
        .date_time
        .parse()
        .or_else(|_| NaiveDateTime::parse_from_str(&moment.date_time, "%Y-%m-%dT%H:%M"))
        .map_err(|_| {
            let why = "expected a date and time without offset, such as 2026-02-09T21:30:00";
            Rejection::new(format!("{field}.dateTime"), why)
        })?;
    let name = moment.time_zone.trim();
    if zone::find(name).is_none() {
        let why = "expected an IANA or Windows name of a time zone";
        return Err(Rejection::new(format!("{field}.timeZone"), why));
    }
    let name = if name.eq_ignore_ascii_case("utc") { "UTC" } else { name };
    Ok(Wall::new(local.trunc_subsecs(0), name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn whole() -> Value {
        json!({
            "schemaVersion": 1, "commandId": "c1", "action": "create",
            "tenantId": "84BD8158-6d4d-4958-8b9f-9d6445542f95", "bookingId": "app-4711", "roomId": "r1",
            "organizerEmail": "megan@contoso.example", "subject": "Design\nreview",
            "start": {"dateTime": "2026-02-09T21:30:00", "timeZone": "Europe/Paris"},
            "end": {"dateTime": "2026-02-09T22:00:00.0000000", "timeZone": "Romance Standard Time"},
            "attendees": ["alex@contoso.example"]
        })
    }

    fn with(changes: Value) -> Result<Request, Rejection> {
        let mut body = whole();
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        request(roomsync_command::parse(&body.to_string()).unwrap())
    }

    #[test]
    fn a_command_is_read() {
        let request = with(json!({})).unwrap();
        assert_eq!(request.tenant.as_str(), "84bd8158-6d4d-4958-8b9f-9d6445542f95");
        assert_eq!(request.room, Some(Named::Id(RoomId::new("r1"))));
        assert_eq!(request.words.subject.as_deref(), Some("Design review"));
        assert_eq!(request.start.unwrap().instant().to_rfc3339(), "2026-02-09T20:30:00+00:00");
        assert_eq!(request.end.unwrap().instant().to_rfc3339(), "2026-02-09T21:00:00+00:00");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let day = |date: &str| json!({"dateTime": format!("{date}T00:00:00"), "timeZone": "Europe/Paris"});
        for (changes, field) in [
            (json!({"tenantId": "contoso"}), "tenantId"),
            (json!({"commandId": ""}), "commandId"),
            (json!({"bookingId": "x".repeat(129)}), "bookingId"),
            (json!({"roomId": null}), "roomId"),
            (json!({"roomId": null, "roomEmail": "lyon"}), "roomEmail"),
            (json!({"organizerEmail": "megan"}), "organizerEmail"),
            (json!({"attendees": ["a@b.example", "nobody"]}), "attendees[1]"),
            (json!({"start": {"dateTime": "2026-02-09T21:30:00Z", "timeZone": "UTC"}}), "start.dateTime"),
            (
                json!({"start": {"dateTime": "2026-02-09T21:30:00", "timeZone": "Mars/Olympus"}}),
                "start.timeZone",
            ),
            (json!({"end": null}), "end"),
            (json!({"end": {"dateTime": "2026-02-09T21:30:00", "timeZone": "Europe/Paris"}}), "end"),
            (json!({"isAllDay": true}), "start.dateTime"),
            (json!({"isAllDay": true, "start": day("2026-02-09"), "end": day("2026-02-09")}), "end"),
            (
                json!({"recurrence": {"pattern": {"type": "weekly", "interval": 1},
                    "range": {"type": "noEnd", "startDate": "2026-02-09"}}}),
                "recurrence.pattern.daysOfWeek",
            ),
            (
                json!({"recurrence": {"pattern": {"type": "daily", "interval": 1},
                    "range": {"type": "noEnd", "startDate": "2026-02-09", "recurrenceTimeZone": "Mars"}}}),
                "recurrence.range.recurrenceTimeZone",
            ),
        ] {
            assert_eq!(with(changes.clone()).unwrap_err().field, field, "{changes}");
        }
        assert!(
            with(json!({"isAllDay": true, "start": day("2026-02-09"), "end": day("2026-02-10")})).is_ok()
        );
        let bare = json!({"schemaVersion": 1, "commandId": "c", "action": "cancel", "bookingId": "b",
            "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95"});
        assert!(
            request(roomsync_command::parse(&bare.to_string()).unwrap()).is_ok(),
            "ids are enough to cancel"
        );
    }
}
