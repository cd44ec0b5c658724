//! calendarView: every instance that overlaps a window (page list-calendarview).

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::Twin;
use crate::calendar::{Item, Mailbox, Window};
use crate::object::Object;
use crate::request::{Call, Kind};
use crate::switches::Trap;
use crate::wire::{self, Look, Refusal, Reply};

/// Longest window in days (docs issue 6284).
const LONGEST: i64 = 1825;

/// Reads `startDateTime` and `endDateTime`: an offset inside the value counts, without one it is UTC.
pub(crate) fn window(call: &Call) -> Result<Window, Refusal> {
    let read = |name: &str| -> Result<DateTime<Utc>, Refusal> {
        let text = call.option(name).ok_or_else(|| {
            Refusal::bad("This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.")
        })?;
        let with_offset = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc));
        let instant = with_offset.or_else(|_| text.parse::<NaiveDateTime>().map(|at| at.and_utc()));
        let instant = instant.or_else(|_| {
            text.parse::<chrono::NaiveDate>().map(|at| at.and_time(chrono::NaiveTime::MIN).and_utc())
        });
        instant.map_err(|_| Refusal::bad(&format!("The value '{text}' for parameter {name} is invalid.")))
    };
    let window = Window { from: read("startDateTime")?, to: read("endDateTime")? };
    if window.to < window.from {
        return Err(Refusal::bad("The start date must be before the end date."));
    }
    if (window.to - window.from).num_days() > LONGEST {
        let message = "The range between the start and end dates is greater than the allowed range. Maximum number of days: 1825";
        return Err(Refusal::bad(message));
    }
    Ok(window)
}

impl Twin {
    /// One page; `only` limits it to the instances of one series.
    pub(crate) fn view(
        &mut self,
        call: &Call,
        tenant: &str,
        mailbox: &std::sync::Arc<str>,
        only: Option<u64>,
    ) -> Result<Reply, Refusal> {
        let window = window(call)?;
        let look = Look::of(call)?;
        let shifting = call.option("$skip").is_some() && self.springs(Trap::ShiftingView, Some(mailbox));
        let top = call.number("$top")?.unwrap_or(self.tuning.view_page).clamp(1, self.tuning.view_page_max);
        let skip = call.number("$skip")?.unwrap_or(0);
        let room = self.mailbox(tenant, mailbox)?;
        let mut found = match only {
            Some(key) => {
                room.items().get(&key).map(|item| item.instances(window, room.zone)).unwrap_or_default()
            }
            None => room.view(window),
        };
        if only.is_some() || order(call)? {
            found.sort_by_key(|instance| (instance.start, instance.item.key, instance.date));
        }
        if call.option("$orderby").is_some_and(|order| order.trim_end().ends_with(" desc")) {
            found.reverse();
        }
        let total = found.len();
        let rows: Vec<Object> = found
            .iter()
            .skip(skip + usize::from(shifting))
            .take(top)
            .map(|instance| wire::instance(room, instance, &look))
            .collect();
        let context = format!("{}/v1.0/$metadata#users('{}')/calendarView", self.base_url, room.id);
        let mut body = Object::new();
        body.put("@odata.context", &context);
        if call.option("$count") == Some("true") {
            body.put("@odata.count", &total);
        }
        if skip + top < total {
            body.put("@odata.nextLink", &self.skip_link(call, skip + top));
        }
        body.put_rows("value", &rows);
        Ok(Reply::object(200, body).with("preference-applied", call.prefer.applied(false)))
    }

    /// The copies of a mailbox's items themselves: single meetings and masters.
    pub(crate) fn list_events(&self, call: &Call, room: &Mailbox) -> Result<Reply, Refusal> {
        let look = Look::of(call)?;
        let top = call.number("$top")?.unwrap_or(self.tuning.view_page).clamp(1, self.tuning.view_page_max);
        let skip = call.number("$skip")?.unwrap_or(0);
        let wanted = filter(call)?;
        let hits: Vec<_> = room
            .items()
            .values()
            .filter(|item| wanted.as_ref().is_none_or(|wanted| wanted.admits(item)))
            .collect();
        let row = |item: &&Item| {
            let mut event = wire::master(room, item, &look);
            wire::expand(&mut event, item, call);
            event
        };
        let rows: Vec<Object> = hits.iter().skip(skip).take(top).map(row).collect();
        let mut body = Object::new();
        body.put("@odata.context", &format!("{}/v1.0/$metadata#users('{}')/events", self.base_url, room.id));
        if skip + top < hits.len() {
            body.put("@odata.nextLink", &self.skip_link(call, skip + top));
        }
        body.put_rows("value", &rows);
        Ok(Reply::object(200, body).with("preference-applied", call.prefer.applied(false)))
    }
}

/// Whether rows are to be sorted by begin, the one order the twin knows.
fn order(call: &Call) -> Result<bool, Refusal> {
    debug_assert!(matches!(call.kind, Kind::View | Kind::Instances));
    match call.option("$orderby").map(|order| order.split_whitespace().next().unwrap_or("")) {
        None => Ok(false),
        Some("start/dateTime") => Ok(true),
        Some(other) => Err(Refusal::bad(&format!("$orderby={other} is not known here; use start/dateTime."))),
    }
}

/// The filters on `/events` that find one's own event again (docs issue 4447, page singlevaluelegacyextendedproperty).
enum Wanted {
    Uid(String),
    Extended(String, String),
}

impl Wanted {
    fn admits(&self, item: &Item) -> bool {
        match self {
            Wanted::Uid(uid) => item.uid.as_ref() == uid,
            Wanted::Extended(id, value) => item.extended.get(id) == Some(value),
        }
    }
}

fn filter(call: &Call) -> Result<Option<Wanted>, Refusal> {
    let Some(filter) = call.option("$filter") else { return Ok(None) };
    let quoted: Vec<&str> = filter.split('\'').skip(1).step_by(2).collect();
    match (
        filter.starts_with("iCalUId eq"),
        filter.starts_with("singleValueExtendedProperties/any("),
        quoted.as_slice(),
    ) {
        (true, _, [uid]) => Ok(Some(Wanted::Uid((*uid).to_owned()))),
        (_, true, [id, value]) => Ok(Some(Wanted::Extended((*id).to_owned(), (*value).to_owned()))),
        _ => Err(Refusal::bad("Invalid filter clause.")),
    }
}
