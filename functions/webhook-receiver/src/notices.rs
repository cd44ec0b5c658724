//! From the body of a request to hints. Items are judged one by one: none of them takes another with it.

use crate::door::Refusal;
use memchr::memchr2_iter;
use roomsync_domain::client_state::{Disbelief, SigningKey, believe};
use roomsync_domain::hint::{HintReason, LifecycleEvent, LifecycleHint, PollHint};
use roomsync_domain::ids::derived;
use roomsync_domain::{Instant, RoomRef};
use roomsync_ports::Notice;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Most items of one request.
pub const MOST_ITEMS: usize = 1_000;
/// Deepest nesting of a body.
pub const DEEPEST: usize = 32;
/// Longest id of a subscription that is handed on, in bytes; Graph's are GUIDs.
const LONGEST_ID: usize = 128;

/// The items of a body, unread.
///
/// # Errors
///
/// The body is no list of notices, or larger than Graph would make it.
pub fn items(body: &str) -> Result<Vec<&RawValue>, Refusal> {
    #[derive(Deserialize)]
    struct Collection<'a> {
        #[serde(borrow)]
        value: Vec<&'a RawValue>,
    }
    let Collection { value } = serde_json::from_str(body).map_err(|_| Refusal::Malformed)?;
    if is_too_deep(body, &value) {
        return Err(Refusal::Malformed);
    }
    if value.len() > MOST_ITEMS { Err(Refusal::Size) } else { Ok(value) }
}

/// Whether lists and objects of a body with these items are nested deeper than they may be. Nothing is nested deeper than there are
/// brackets, which are counted much faster than they are followed; Graph's own notices need no more than that.
fn is_too_deep(body: &str, items: &[&RawValue]) -> bool {
    let brackets = |json: &str| memchr2_iter(b'[', b'{', json.as_bytes()).count();
    let (mut outside, mut deepest) = (brackets(body), 0);
    for item in items {
        let inside = brackets(item.get());
        outside -= inside;
        deepest = deepest.max(inside);
    }
    outside + deepest > DEEPEST && depth(body) > DEEPEST
}

/// How deep the lists and objects of a JSON text are nested.
fn depth(json: &str) -> usize {
    let (mut deepest, mut depth, mut quoted, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// What is used of an item (`changeNotification` resource). All the rest may be what it likes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    client_state: Option<Text<'a>>,
    #[serde(borrow)]
    tenant_id: Option<Text<'a>>,
    #[serde(borrow)]
    resource: Option<Text<'a>>,
    #[serde(borrow)]
    subscription_id: Option<Text<'a>>,
    #[serde(borrow)]
    lifecycle_event: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Why an item is dropped. For operators only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Doubt {
    /// It is no notice.
    #[error("unreadable")]
    Unreadable,
    /// It says nothing about itself.
    #[error("unsigned")]
    Unsigned,
    /// What it says about itself is not believed.
    #[error("{0}")]
    Disbelieved(#[from] Disbelief),
    /// It names another tenant than the signed one.
    #[error("another tenant")]
    Tenant,
    /// It speaks of something that we do not subscribe to.
    #[error("another resource")]
    Resource,
}

/// Who sent what when.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// When it came.
    pub at: Instant,
    /// Tells the request from all others.
    pub request: &'a str,
}

impl Arrival<'_> {
    /// A text that no other request has.
    #[must_use]
    pub fn mark(&self) -> String {
        derived(&[self.request, &self.at.timestamp_micros().to_string()]).to_string()
    }
}

/// What a request's items come down to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// One for each room that is to be looked at.
    pub notices: Vec<Notice>,
    /// One for each subscription and what happened to it.
    pub lifecycle: Vec<LifecycleHint>,
    /// Items that were not believed, by reason.
    pub dropped: BTreeMap<Doubt, usize>,
    /// One of those names a key that is not known; it may be newer than the known ones.
    pub unknown_key: bool,
}

/// Judges items by keys.
#[must_use]
pub fn heard(items: &[&RawValue], keys: &[SigningKey], arrival: Arrival<'_>) -> Heard {
    let mut heard = Heard::default();
    let mut rooms: BTreeMap<RoomRef, Told<'_>> = BTreeMap::new();
    let mut lifecycle = BTreeSet::new();
    for raw in items {
        match judge(raw, keys) {
            Ok((room, item)) => {
                let subscription = item.subscription_id.map(|id| id.0.into_owned());
                let subscription = subscription.filter(|id| id.len() <= LONGEST_ID);
                if let Some(event) = item.lifecycle_event {
                    lifecycle.insert((room, named(&event.0), subscription));
                } else {
                    let told = rooms.entry(room).or_default();
                    told.items.insert(raw.get());
                    told.is_nameless |= item.id.is_none();
                    told.by.extend(subscription);
                }
            }
            Err(doubt) => {
                heard.unknown_key |= doubt == Doubt::Disbelieved(Disbelief::UnknownKey);
                *heard.dropped.entry(doubt).or_default() += 1;
            }
        }
    }
    let request = LazyCell::new(|| arrival.mark());
    let notice = |(room, told): (RoomRef, Told<'_>)| Notice {
        mark: if told.is_nameless { String::clone(&request) } else { mark(told.items) },
        hint: PollHint {
            noticed_at: Some(arrival.at),
            told_by: told.by.into_iter().map(|id| (id, arrival.at)).collect(),
            ..PollHint::new(&room, HintReason::Webhook)
        },
    };
    heard.notices = rooms.into_iter().map(notice).collect();
    heard.lifecycle = lifecycle
        .into_iter()
        .map(|(room, event, subscription_id)| LifecycleHint {
            subscription_id,
            ..LifecycleHint::new(&room, event)
        })
        .collect();
    heard
}

/// What a request tells of one room.
#[derive(Default)]
struct Told<'a> {
    /// The items.
    items: BTreeSet<&'a str>,
    /// One of them has no id of its own.
    is_nameless: bool,
    /// Whose notices they are.
    by: BTreeSet<String>,
}

/// A mark that no later notice for the room can have, made of items that have ids of their own; without such ids it is the request's.
///
/// Nothing else tells notices apart. An occurrence that is cancelled is told as an update of its series' master (microsoft-graph-docs
/// 5520, 5951), and nothing says that the master's etag changes with it.
fn mark(items: BTreeSet<&str>) -> String {
    derived(&Vec::from_iter(items)).to_string()
}

fn judge<'a>(raw: &'a RawValue, keys: &[SigningKey]) -> Result<(RoomRef, Item<'a>), Doubt> {
    let item: Item<'a> = serde_json::from_str(raw.get()).map_err(|_| Doubt::Unreadable)?;
    let state = item.client_state.as_ref().ok_or(Doubt::Unsigned)?;
    let room = believe(&state.0, keys)?;
    // The signed id is in lower case.
    if !item.tenant_id.as_ref().is_some_and(|id| id.0.eq_ignore_ascii_case(room.tenant.as_str())) {
        return Err(Doubt::Tenant);
    }
    if item.resource.as_ref().is_some_and(|resource| !names_events(&resource.0)) {
        return Err(Doubt::Resource);
    }
    Ok((room, item))
}

/// Whether a resource is events of a mailbox: `Users/{id}/Events`, one of them, or the same with ids in brackets. Graph's own spelling
/// varies (`change-notifications-delivery-webhooks` page, samples).
fn names_events(resource: &str) -> bool {
    let resource = resource.strip_prefix('/').unwrap_or(resource);
    let is = |segment: Option<&str>, name: &str| {
        segment.is_some_and(|segment| {
            let name_there = segment.split('(').next().unwrap_or(segment);
            name_there.eq_ignore_ascii_case(name)
        })
    };
    let mut segments = resource.split('/');
    let users = segments.next();
    let bracketed = users.is_some_and(|users| users.contains('('));
    let mailbox = bracketed || segments.next().is_some_and(|id| !id.is_empty());
    is(users, "users") && mailbox && is(segments.next(), "events")
}

fn named(event: &str) -> LifecycleEvent {
    match event {
        "reauthorizationRequired" => LifecycleEvent::ReauthorizationRequired,
        "subscriptionRemoved" => LifecycleEvent::SubscriptionRemoved,
        "missed" => LifecycleEvent::Missed,
        _ => LifecycleEvent::Unknown,
    }
}
