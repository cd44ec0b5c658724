//! A page of a delta round, reduced to where its items point (`event-delta` page).

use crate::client::TenantGraph;
use crate::link::Goal;
use crate::outcome::Question;
use crate::send::{Answer, Call, escaped};
use crate::transport::Transport;
use crate::view::prefer;
use crate::wire::{Moment, NoError, Text, offset_moment};
use roomsync_domain::cursor::DeltaLink;
use roomsync_domain::delta::{DeltaChange, DeltaItem};
use roomsync_domain::time::seconds;
use roomsync_domain::{EventId, RoomId, Span};
use roomsync_ports::{Clock, DeltaFrom, DeltaPage, Fingerprint, GraphError, Next, Secrets};
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fmt;

/// Items that a page should have at most; Graph's own number is not documented.
const ITEMS_PER_PAGE: u32 = 500;

#[derive(Deserialize)]
struct Page {
    value: Items,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    round: Option<String>,
    #[serde(default, rename = "error")]
    _error: NoError,
}

/// The items in the order of the page, doubled ones too, and a sum over them that no order changes.
struct Items {
    items: Vec<DeltaItem>,
    sum: Fingerprint,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    start: Option<&'a RawValue>,
    #[serde(borrow)]
    end: Option<&'a RawValue>,
    #[serde(rename = "@removed")]
    removed: Option<IgnoredAny>,
    #[serde(borrow, rename = "@odata.etag")]
    etag: Option<Text<'a>>,
    #[serde(borrow, rename = "lastModifiedDateTime")]
    modified: Option<Text<'a>>,
}

impl Item<'_> {
    fn change(&self) -> DeltaChange {
        if self.removed.is_some() {
            return DeltaChange::Removed;
        }
        if self.kind.as_ref().is_some_and(|kind| kind.as_str() == "seriesMaster") {
            return DeltaChange::Master;
        }
        let instant = |raw: Option<&RawValue>| {
            serde_json::from_str::<Moment<'_>>(raw?.get()).ok().and_then(|moment| moment.instant())
        };
        match (instant(self.start), instant(self.end)) {
            (Some(start), Some(end)) => DeltaChange::At(Span::new(start, end)),
            _ => DeltaChange::Somewhere,
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut digest = Sha256::new();
        digest.update(self.id.as_str());
        digest.update([0, u8::from(self.removed.is_some())]);
        digest.update(self.etag.as_ref().map_or("", Text::as_str));
        digest
            .finalize()
            .iter()
            .take(size_of::<Fingerprint>())
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneByOne;
        impl<'de> Visitor<'de> for OneByOne {
            type Value = Items;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut page: A) -> Result<Items, A::Error> {
                let mut found = Items { items: Vec::new(), sum: 0 };
                while let Some(item) = page.next_element::<Item<'de>>()? {
                    found.sum = found.sum.wrapping_add(item.fingerprint());
                    let change = item.change();
                    if item.id.as_str().is_empty() {
                        return Err(de::Error::custom("an event without id"));
                    }
                    let modified = item.modified.as_ref().and_then(|text| offset_moment(text.as_str()));
                    found.items.push(DeltaItem { id: EventId::new(item.id.into_string()), change, modified });
                }
                Ok(found)
            }
        }
        from.deserialize_seq(OneByOne)
    }
}

impl<T: Transport, S: Secrets, C: Clock> TenantGraph<T, S, C> {
    pub(crate) async fn delta_page(
        &self,
        room: &RoomId,
        from: DeltaFrom<'_>,
    ) -> Result<DeltaPage, GraphError> {
        let goal = Goal::Delta(room);
        let (uri, size) = match from {
            DeltaFrom::Start(window, size) => {
                let (start, end) = (seconds::text(window.start), seconds::text(window.end));
                let mailbox = escaped(room.as_str());
                let path =
                    format!("users/{mailbox}/calendarView/delta?startDateTime={start}&endDateTime={end}");
                (self.uri(&path)?, size)
            }
            DeltaFrom::Link(link, size) => (self.follow(link.as_str(), goal)?, size),
        };
        // The same on every page of a round, links included: nothing says that Graph keeps what the first page asked for.
        let prefer = prefer(Some(size.unwrap_or(ITEMS_PER_PAGE)));
        let call = Call { lane: room.as_str(), prefer, ..Call::get(Question::Delta, uri) };
        let answer = self.get(call).await?;
        self.read_delta(&answer, goal)
    }

    fn read_delta(&self, answer: &Answer, goal: Goal<'_>) -> Result<DeltaPage, GraphError> {
        let page: Page = answer.read()?;
        let link = page.next.as_ref().or(page.round.as_ref());
        let link = link.ok_or_else(|| answer.unusable("PageWithoutLink"))?;
        self.follow_from(answer, link, goal)?;
        let next = match (page.next, page.round) {
            (Some(link), None) => Next::Page(DeltaLink::new(link)),
            (None, Some(link)) => Next::Round(DeltaLink::new(link)),
            _ => return Err(answer.unusable("PageWithBothLinks")),
        };
        let Items { items, sum } = page.value;
        let fingerprint = (!items.is_empty()).then_some(sum);
        Ok(DeltaPage { items, next, fingerprint })
    }
}
