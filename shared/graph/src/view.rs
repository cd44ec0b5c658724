//! What a calendar holds (`user-list-calendarview`, `event-get` pages).

use crate::client::TenantGraph;
use crate::entry::{Event, select};
use crate::link::Goal;
use crate::outcome::{Question, is_mailbox_gone};
use crate::send::{Call, escaped};
use crate::transport::Transport;
use crate::wire::NoError;
use http::HeaderValue;
use roomsync_domain::cursor::DeltaLink;
use roomsync_domain::entry::{CalendarEntry, EntryKind, Wanted};
use roomsync_domain::time::seconds;
use roomsync_domain::{EventId, RoomId, Span};
use roomsync_ports::{Calendar, Clock, DeltaFrom, DeltaPage, GraphError, Secrets, ViewPage};
use serde::Deserialize;

/// Entries per page; the most that is known to be taken. The default is 10 (microsoft-graph-docs#6201).
const ENTRIES_PER_PAGE: u32 = 1000;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    value: Vec<Event<'a>>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(default, rename = "error")]
    _error: NoError,
}

/// How answers are to be written: times in UTC, and ids that survive a move (`outlook-immutable-id`). The same on every call, or ids
/// would not match. A page of a delta round has a size and bodies in text besides.
pub(crate) fn prefer(delta_size: Option<u32>) -> Option<HeaderValue> {
    let mut prefer = r#"outlook.timezone="UTC", IdType="ImmutableId""#.to_owned();
    if let Some(size) = delta_size {
        prefer.push_str(&format!(r#", outlook.body-content-type="text", odata.maxpagesize={size}"#));
    }
    HeaderValue::from_str(&prefer).ok()
}

impl<T: Transport, S: Secrets, C: Clock> Calendar for TenantGraph<T, S, C> {
    async fn delta(&self, room: &RoomId, from: DeltaFrom<'_>) -> Result<DeltaPage, GraphError> {
        self.delta_page(room, from).await
    }

    async fn view(
        &self,
        room: &RoomId,
        range: Span,
        wanted: Wanted,
        from: Option<&DeltaLink>,
    ) -> Result<ViewPage, GraphError> {
        let goal = Goal::View(room);
        let uri = match from {
            Some(link) => self.follow(link.as_str(), goal)?,
            None => self.uri(&format!(
                "users/{}/calendarView?startDateTime={}&endDateTime={}&$select={}&$orderby=start/dateTime&$top={ENTRIES_PER_PAGE}",
                escaped(room.as_str()),
                seconds::text(range.start),
                seconds::text(range.end),
                select(wanted),
            ))?,
        };
        let call = Call { lane: room.as_str(), prefer: prefer(None), ..Call::get(Question::View, uri) };
        let answer = self.get(call).await?;
        let page: Page<'_> = answer.read()?;
        if let Some(next) = &page.next {
            self.follow_from(&answer, next, goal)?;
        }
        let entries = page
            .value
            .into_iter()
            .filter(|event| event.kind() != EntryKind::Master)
            .map(|event| event.entry(wanted).map_err(|why| answer.unusable(why)))
            .collect::<Result<Vec<CalendarEntry>, _>>()?;
        Ok(ViewPage { entries, next: page.next.map(DeltaLink::new) })
    }

    async fn entry(
        &self,
        room: &RoomId,
        id: &EventId,
        wanted: Wanted,
    ) -> Result<Option<CalendarEntry>, GraphError> {
        let (mailbox, event) = (escaped(room.as_str()), escaped(id.as_str()));
        let uri = self.uri(&format!("users/{mailbox}/events/{event}?$select={}", select(wanted)))?;
        let call = Call { lane: room.as_str(), prefer: prefer(None), ..Call::get(Question::Entry, uri) };
        let answer = match self.get(call).await {
            // A room can go away too, and then nothing is known about the entry.
            Err(GraphError::NotFound(trace))
                if trace.status == Some(404) && !is_mailbox_gone(&trace.code) =>
            {
                return Ok(None);
            }
            other => other?,
        };
        let event: Event<'_> = answer.read()?;
        event.entry(wanted).map(Some).map_err(|why| answer.unusable(why))
    }
}
