//! The items of a mailbox as they truly are, for oracles that ask which events exist rather than when they take place.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::Twin;
use crate::calendar::{IdFormat, Item, Mailbox, Response};
use crate::wire;

/// One single meeting or one series of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Immutable id.
    pub id: String,
    /// `iCalUId`.
    pub uid: String,
    /// The etag it has now.
    pub etag: String,
    /// Whether this mailbox organizes it.
    pub is_organizer: bool,
    /// Whether it is a series.
    pub series: bool,
    /// Subject.
    pub subject: String,
    /// True begin, of the first occurrence.
    pub start: DateTime<Utc>,
    /// True end.
    pub end: DateTime<Utc>,
    /// Called off by the organizer.
    pub cancelled: bool,
    /// This mailbox's own answer.
    pub response: Response,
    /// The answers of the attendees as this mailbox knows them, by address.
    pub attendees: BTreeMap<String, Response>,
    /// `transactionId` of the call that made it.
    pub transaction_id: Option<String>,
    /// Extended properties, by id.
    pub extended: BTreeMap<String, String>,
    /// Made.
    pub created: DateTime<Utc>,
    /// Last written.
    pub modified: DateTime<Utc>,
}

impl Twin {
    /// The items in a mailbox's calendar, or those in its Deleted Items, in the order in which they were made; none if
    /// there is no such mailbox.
    pub fn entries(&self, tenant: &str, mailbox: &str, deleted: bool) -> Option<Vec<Entry>> {
        let mailbox = self.tenant(tenant)?.mailbox(mailbox)?;
        let items = if deleted { mailbox.deleted() } else { mailbox.items() };
        Some(items.values().map(|item| entry(mailbox, item)).collect())
    }
}

fn entry(mailbox: &Mailbox, item: &Item) -> Entry {
    let (start, end) = item.shape.span.instants(mailbox.zone);
    let answers = item.attendees.iter().map(|own| (own.person.address.to_lowercase(), own.response));
    Entry {
        id: mailbox.event_id(item, None, IdFormat::Immutable),
        uid: item.uid.as_ref().to_owned(),
        etag: wire::etag(item),
        is_organizer: item.is_organizer,
        series: item.shape.series.is_some(),
        subject: item.content.subject.clone(),
        start,
        end,
        cancelled: item.cancelled,
        response: item.response,
        attendees: answers.collect(),
        transaction_id: item.transaction_id.clone(),
        extended: item.extended.clone(),
        created: item.created,
        modified: item.modified,
    }
}
