//! A mailbox: its items, and the numbered changes that delta tokens point into.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use super::ids::{self, EventId, Folder, IdFormat, Print};
use super::item::{Instance, Item, Window};
use super::recurrence::Recurrence;
use crate::processing::RoomPolicy;

/// How Exchange answers for a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MailboxState {
    /// It answers.
    #[default]
    Active,
    /// 404 `ErrorInvalidUser`.
    Gone,
    /// 404 `MailboxNotEnabledForRESTAPI`: unlicensed, on-premises or still being made.
    NotEnabled,
}

/// What happened to an item, as notices tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// It is new.
    Created,
    /// It, or an occurrence of it, is another one.
    Updated,
    /// It is gone, or in Deleted Items.
    Deleted,
}

/// One mailbox with its default calendar.
#[derive(Clone, Debug)]
pub struct Mailbox {
    /// Entra object id, lower case.
    pub id: Arc<str>,
    /// Primary SMTP address, lower case.
    pub address: String,
    /// Display name.
    pub name: String,
    /// Zone of the mailbox; all-day entries lie in it.
    pub zone: Tz,
    /// Whether it answers.
    pub state: MailboxState,
    /// Set for rooms: what the attendant does with requests.
    pub policy: Option<RoomPolicy>,
    /// Stands for somebody of another organization, whose calendar is not here.
    pub external: bool,
    pub(crate) print: Print,
    items: BTreeMap<u64, Item>,
    deleted: BTreeMap<u64, Item>,
    by_uid: BTreeMap<Arc<str>, u64>,
    transactions: BTreeMap<String, Transaction>,
    singles: BTreeSet<(DateTime<Utc>, u64)>,
    longest: Duration,
    series: BTreeSet<u64>,
    changes: BTreeMap<u64, (u64, DateTime<Utc>)>,
    /// Items that were moved away and back, and the change by which that was.
    returned: BTreeMap<u64, u64>,
    next_key: u64,
    seq: u64,
    /// What happened since somebody listened last; none while nobody does.
    news: Option<Vec<(u64, Change)>>,
    /// Newest generation of delta links, see `Tuning::live_generations`.
    pub(crate) generation: u32,
    /// Raised when every link made so far dies (mailbox move, maintenance).
    pub(crate) epoch: u32,
}

/// What a `transactionId` was used for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transaction {
    /// The item it made.
    pub(crate) key: u64,
    /// Print of the content sent.
    pub(crate) print: u64,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

/// How many earlier shapes an item keeps for old delta links.
const PAST: usize = 256;

impl Mailbox {
    /// An empty mailbox.
    pub fn new(tenant: &str, id: &str, address: &str, name: &str, zone: Tz) -> Mailbox {
        Mailbox {
            id: Arc::from(id),
            address: address.to_lowercase(),
            name: name.to_owned(),
            zone,
            state: MailboxState::Active,
            policy: None,
            external: false,
            print: ids::print_of(tenant, id),
            items: BTreeMap::new(),
            deleted: BTreeMap::new(),
            by_uid: BTreeMap::new(),
            transactions: BTreeMap::new(),
            singles: BTreeSet::new(),
            longest: Duration::zero(),
            series: BTreeSet::new(),
            changes: BTreeMap::new(),
            returned: BTreeMap::new(),
            next_key: 1,
            seq: 0,
            news: None,
            generation: 0,
            epoch: 0,
        }
    }

    /// Items of the calendar, by key.
    pub fn items(&self) -> &BTreeMap<u64, Item> {
        &self.items
    }

    /// Items in Deleted Items, by key.
    pub fn deleted(&self) -> &BTreeMap<u64, Item> {
        &self.deleted
    }

    /// This mailbox's copy of a meeting.
    pub fn copy_of(&self, uid: &str) -> Option<&Item> {
        self.by_uid.get(uid).and_then(|key| self.items.get(key))
    }

    /// What a `transactionId` was last used for, and the item if it is still in the calendar.
    pub(crate) fn by_transaction(&self, id: &str) -> Option<(Transaction, Option<&Item>)> {
        let known = self.transactions.get(id)?;
        Some((*known, self.items.get(&known.key)))
    }

    /// Remembers what a `transactionId` made.
    pub(crate) fn remember(&mut self, id: &str, transaction: Transaction) {
        self.transactions.insert(id.to_owned(), transaction);
    }

    /// The number of the newest change that delta may show at `now`.
    pub(crate) fn visible(&self, now: DateTime<Utc>) -> u64 {
        match self.changes.last_key_value() {
            Some((seq, (_, at))) if *at <= now => *seq,
            None => self.seq,
            _ => self.changes.iter().rev().find(|(_, (_, at))| *at <= now).map_or(0, |(seq, _)| *seq),
        }
    }

    /// Up to which change a round tells what came after `since`. A series that has changed again and does not show that yet is told of as a
    /// whole later, so its changes before that, by which occurrences may have gone, are not passed over.
    pub(crate) fn told(&self, since: u64, now: DateTime<Utc>) -> u64 {
        let upto = self.visible(now).max(since);
        let unseen = self.changes.range(upto + 1..).map(|(_, (key, _))| key);
        let series = unseen
            .filter_map(|key| self.items.get(key).or_else(|| self.deleted.get(key)))
            .filter(|item| item.shape.series.is_some());
        let untold = series.flat_map(|item| &item.past).map(|(replaced, _)| *replaced);
        untold.filter(|replaced| *replaced > since).fold(upto, |upto, replaced| upto.min(replaced - 1))
    }

    /// Changed keys after `since` up to `upto`, in order of their last change.
    pub(crate) fn changed(&self, since: u64, upto: u64) -> impl Iterator<Item = (u64, u64)> {
        let range = if since < upto { since + 1..upto + 1 } else { 0..0 };
        self.changes.range(range).map(|(seq, (key, _))| (*seq, *key))
    }

    /// Puts a new item in and returns its key; `seen` is when delta starts to show it.
    pub fn insert(&mut self, mut item: Item, seen: DateTime<Utc>) -> u64 {
        item.key = self.next_key;
        self.next_key += 1;
        let key = item.key;
        self.by_uid.insert(item.uid.clone(), key);
        self.items.insert(key, item);
        self.index(key);
        self.stamp(key, seen);
        self.note(key, Change::Created);
        key
    }

    /// What happened since the last call. From now on it is remembered, or no longer.
    pub(crate) fn listen(&mut self, further: bool) -> Vec<(u64, Change)> {
        let news = self.news.take().unwrap_or_default();
        self.news = further.then(Vec::new);
        news
    }

    fn note(&mut self, key: u64, change: Change) {
        if let Some(news) = &mut self.news {
            news.push((key, change));
        }
    }

    /// Changes an item. Whatever instances it loses thereby, old delta links get to know of them.
    pub fn update(&mut self, key: u64, seen: DateTime<Utc>, change: impl FnOnce(&mut Item)) {
        self.unindex(key);
        let Some(item) = self.items.get_mut(&key) else { return };
        let before = item.shape.clone();
        change(item);
        if item.shape != before {
            if let (Some(old), Some(new)) = (&before.series, &mut item.shape.series)
                && new_dates(&old.recurrence, &new.recurrence)
            {
                new.generation = old.generation.wrapping_add(1);
            }
            item.past.push((self.seq + 1, before));
            if item.past.len() > PAST {
                item.past.remove(0);
            }
        }
        self.index(key);
        self.stamp(key, seen);
        self.note(key, Change::Updated);
    }

    /// Changes an item without anybody hearing of it through delta.
    pub(crate) fn update_silently(&mut self, key: u64, change: impl FnOnce(&mut Item)) {
        self.unindex(key);
        if let Some(item) = self.items.get_mut(&key) {
            change(item);
        }
        self.index(key);
        self.note(key, Change::Updated);
    }

    /// Moves an item to Deleted Items; a silent removal never shows in delta.
    pub fn remove(&mut self, key: u64, seen: DateTime<Utc>, silently: bool) {
        self.unindex(key);
        let Some(item) = self.items.remove(&key) else { return };
        if self.by_uid.get(&item.uid) == Some(&key) {
            self.by_uid.remove(&item.uid);
        }
        let last = item.seq;
        self.deleted.insert(key, item);
        self.note(key, Change::Deleted);
        if silently {
            self.changes.remove(&last);
        } else {
            self.stamp(key, seen);
        }
    }

    /// Moves an item to another folder and back at once.
    pub(crate) fn carry(&mut self, key: u64, seen: DateTime<Utc>) {
        self.stamp(key, seen);
        self.returned.insert(key, self.seq);
        self.note(key, Change::Deleted);
    }

    /// Whether an item's last change was that. With immutable ids delta tells then that it was removed, and of its return never: only of
    /// what happens to it later (docs-contrib issue 72, seen in mail folders).
    pub(crate) fn has_returned(&self, item: &Item) -> bool {
        self.returned.get(&item.key) == Some(&item.seq)
    }

    /// Gives every item a new etag, as maintenance does.
    pub(crate) fn churn(&mut self, seen: DateTime<Utc>) {
        for key in self.items.keys().copied().collect::<Vec<_>>() {
            self.stamp(key, seen);
        }
    }

    /// Instances overlapping a window, single meetings first, each kind by begin (public thread ms-365-mcp-server 367).
    pub fn view(&self, window: Window) -> Vec<Instance<'_>> {
        let reach = window.from - self.longest;
        let mut found: Vec<Instance<'_>> = Vec::new();
        for (_, key) in self.singles.range((reach, 0)..(window.to, 0)) {
            if let Some(item) = self.items.get(key) {
                found.extend(item.instances(window, self.zone));
            }
        }
        let singles = found.len();
        for item in self.series.iter().filter_map(|key| self.items.get(key)) {
            found.extend(item.instances(window, self.zone));
        }
        found[singles..].sort_by_key(|instance| (instance.start, instance.item.key, instance.date));
        found
    }

    /// Writes the id of an item or of one of its occurrences, as of the folder it lies in.
    pub fn event_id(&self, item: &Item, date: Option<NaiveDate>, format: IdFormat) -> String {
        let occurrence =
            date.map(|date| (item.shape.series.as_ref().map_or(0, |series| series.generation), date));
        let folder =
            if self.deleted.contains_key(&item.key) { Folder::DeletedItems } else { Folder::Calendar };
        ids::encode(&self.print, EventId { key: item.key, occurrence, format, folder })
    }

    /// The id by which an instance was known while it lay in the calendar.
    pub(crate) fn former_id(
        &self,
        key: u64,
        occurrence: Option<(u16, NaiveDate)>,
        format: IdFormat,
    ) -> String {
        ids::encode(&self.print, EventId { key, occurrence, format, folder: Folder::Calendar })
    }

    /// The item and occurrence an id stands for. `deleted` also looks into Deleted Items.
    pub(crate) fn find(&self, text: &str, deleted: bool) -> Option<(&Item, Option<NaiveDate>)> {
        let id = ids::decode(&self.print, text)?;
        let dead =
            || if deleted && id.format == IdFormat::Immutable { self.deleted.get(&id.key) } else { None };
        let item = self.items.get(&id.key).filter(|_| id.folder == Folder::Calendar).or_else(dead)?;
        let Some((generation, date)) = id.occurrence else { return Some((item, None)) };
        let current = item.shape.series.as_ref().is_some_and(|series| series.generation == generation);
        (current && item.shape.has(date)).then_some((item, Some(date)))
    }

    fn stamp(&mut self, key: u64, seen: DateTime<Utc>) {
        self.seq += 1;
        let (seq, items, deleted) = (self.seq, &mut self.items, &mut self.deleted);
        if let Some(item) = items.get_mut(&key).or_else(|| deleted.get_mut(&key)) {
            self.changes.remove(&item.seq);
            item.seq = seq;
            self.changes.insert(seq, (key, seen));
        }
    }

    fn index(&mut self, key: u64) {
        let Some(item) = self.items.get(&key) else { return };
        if item.shape.series.is_some() {
            self.series.insert(key);
        } else {
            let (start, end) = item.shape.span.instants(self.zone);
            self.longest = self.longest.max(end - start);
            self.singles.insert((start, key));
        }
    }

    fn unindex(&mut self, key: u64) {
        let Some(item) = self.items.get(&key) else { return };
        self.series.remove(&key);
        let (start, _) = item.shape.span.instants(self.zone);
        self.singles.remove(&(start, key));
    }
}

/// Whether a changed rule makes new occurrences rather than only ending earlier or later.
fn new_dates(old: &Recurrence, new: &Recurrence) -> bool {
    old.pattern != new.pattern || old.range.start_date != new.range.start_date
}
