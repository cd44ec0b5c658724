//! Everything about the service that can be turned: traps (each with a probability per call) and limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::Rng;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};

/// One documented oddity of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Trap {
    /// `capacity` comes as a JSON string (sample payloads of page room).
    CapacityAsString,
    /// `placeId` is null (older answers; undocumented).
    PlaceIdMissing,
    /// A successful list of places is empty (Q&A 1486588).
    NoPlaces,
    /// Only every other place is listed (techcommunity 1786587: only some rooms).
    SomePlaces,
    /// A row is lost between two calendarView pages (`$skip` is not snapshot consistent, 3.1).
    ShiftingView,
    /// A delta page is empty and still has a next link, the first one too (docs issue 2839).
    EmptyPage,
    /// An entry appears twice in a delta page (page delta-query-overview).
    RepeatedEntry,
    /// An entry appears first as removed, then as it is; the later one counts (page delta-query-overview).
    ContradictoryEntry,
    /// A round begins with changes of an earlier round (page delta-query-overview: replays).
    ReplayedChanges,
    /// The same page for ever, each time with another next link (msgraph-sdk-dotnet issues 3070, 3082).
    EndlessPages,
    /// Pages are as large as they like (docs issue 7352).
    BigPages,
    /// A later round lists occurrences without their master (docs issue 7632).
    MasterMissing,
    /// A deleted item is never mentioned by delta (docs issue 11728).
    LostRemoval,
    /// A deleted occurrence is never mentioned by delta (docs issue 4501).
    LostOccurrence,
    /// Every item of the mailbox gets a new etag and shows up in delta.
    EtagChurn,
    /// 410 `SyncStateNotFound` (docs issue 2350).
    StateGone,
    /// 410 with a `Location` that starts over (page delta-query-overview).
    StateGoneWithLocation,
    /// 400 `InvalidDeltaToken`.
    BadToken,
    /// A link of another mailbox is handed out.
    LinkOfOtherMailbox,
    /// A link to another host is handed out.
    LinkOfOtherHost,
    /// A deleted event is still found by its immutable id (it lies in Deleted Items; untested).
    ReadableAfterDelete,
    /// An event's etag moves right before a conditional write reaches it: 412 (fact sheet 5.2, internal writes).
    EtagMoves,
    /// An update that changes nothing is mailed to the attendees all the same (undocumented).
    EveryUpdateMails,
    /// 409 `ConcurrentItemSave` although the event was created (reddit r/GraphAPI 2025-08).
    ConflictAfterCreate,
}

/// Limits and delays of the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Tuning {
    /// calendarView rows per page when the client does not ask (ms-365-mcp-server issue 367).
    pub view_page: usize,
    /// Most rows per calendarView page.
    pub view_page_max: usize,
    /// Places per page when the client does not ask (page place-list).
    pub places_page: usize,
    /// Entries per delta page when the client does not ask.
    pub delta_page: usize,
    /// How long delta lags behind calendarView.
    pub lag_ms: i64,
    /// How many generations of delta links live; each answered link makes a newer one. None: links stay valid.
    pub live_generations: Option<u32>,
    /// `expires_in` of new access tokens.
    pub token_seconds: i64,
    /// Every answer takes this long.
    pub latency_ms: u64,
    /// Refuse the fifth concurrent call per app and mailbox.
    pub enforce_concurrency: bool,
    /// How long an invitation, update or cancellation made by an app takes to reach a room (page user-post-events: the room answers later).
    pub invitation_ms: i64,
    /// How long a room's attendant then shows it as tentative before it decides; the room's policy may take longer.
    pub attendant_ms: i64,
    /// How long after an app's write its etag moves once more by itself; none: never.
    pub settling_ms: Option<i64>,
    /// Status of `ErrorDuplicateTransactionId`: 409 and 400 are both seen (facts 5.1: undocumented).
    pub duplicate_status: u16,
    /// Whether that answer names the event in `@event.existingEventId` (seen by clients, undocumented).
    pub duplicate_names_event: bool,
    /// How long a `transactionId` is remembered; none: for ever (undocumented).
    pub transaction_seconds: Option<i64>,
    /// Whether the `transactionId` of a deleted event is remembered and refused (undocumented).
    pub remember_deleted: bool,
    /// Refuses IANA zones that page dateTimeTimeZone does not list.
    pub listed_zones_only: bool,
    /// Calls per app and mailbox in ten minutes (page throttling-limits).
    pub calls_per_10_minutes: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            view_page: 10,
            view_page_max: 1000,
            places_page: 100,
            delta_page: 50,
            lag_ms: 0,
            live_generations: None,
            token_seconds: 3599,
            latency_ms: 0,
            enforce_concurrency: false,
            invitation_ms: 500,
            attendant_ms: 1000,
            settling_ms: None,
            duplicate_status: 409,
            duplicate_names_event: true,
            transaction_seconds: None,
            remember_deleted: false,
            listed_zones_only: false,
            calls_per_10_minutes: 10_000,
        }
    }
}

/// The traps that are set, for one mailbox or for all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traps {
    set: BTreeMap<(Trap, Option<Arc<str>>), f64>,
}

impl Traps {
    pub(crate) fn set(&mut self, trap: Trap, mailbox: Option<Arc<str>>, probability: f64) {
        if probability > 0.0 {
            self.set.insert((trap, mailbox), probability);
        } else {
            self.set.remove(&(trap, mailbox));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.set.clear();
    }

    /// Throws the dice, but only where a trap is set: an untrapped run draws nothing.
    pub(crate) fn springs(&self, rng: &mut SmallRng, trap: Trap, mailbox: Option<&Arc<str>>) -> bool {
        if self.set.is_empty() {
            return false;
        }
        let own = mailbox.and_then(|mailbox| self.set.get(&(trap, Some(mailbox.clone()))));
        match own.or_else(|| self.set.get(&(trap, None))) {
            Some(probability) if *probability >= 1.0 => true,
            Some(probability) => rng.random_bool(*probability),
            None => false,
        }
    }
}
