//! How notices get to their endpoints: gathered into POSTs, tried again for hours, held back or dropped where a host is
//! slow (page change-notifications-delivery-webhooks).

use std::collections::BTreeMap;
use std::time::Duration as Time;

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use url::Url;

use super::health::HostState;
use super::notice::Notice;
use super::{Outcome, Post, PostKind, Push, SentPost};

/// How many posts the log keeps.
const KEPT: usize = 2000;

/// A POST on its way, or waiting for its next try.
#[derive(Debug)]
pub(super) struct Parcel {
    kind: PostKind,
    url: String,
    body: Bytes,
    items: usize,
    tries: u32,
    first: DateTime<Utc>,
}

impl Push {
    /// The posts whose time has come; each wants a `delivered`.
    pub(super) fn due(&mut self, now: DateTime<Utc>) -> Vec<Post> {
        let mut ready: BTreeMap<(PostKind, String), Vec<Value>> = BTreeMap::new();
        while let Some(entry) = self.notices.first_entry().filter(|entry| entry.key().0 <= now) {
            let notice = entry.remove();
            if let Some(notice) = self.let_through(notice, now) {
                ready.entry((notice.kind, notice.url)).or_default().push(notice.item);
            }
        }
        for ((kind, url), mut items) in ready {
            if self.switches.shuffle {
                items.shuffle(&mut self.rng);
            }
            for part in items.chunks(self.switches.batch.max(1)) {
                self.pack(kind, &url, &json!({"value": part}), part.len(), now);
            }
        }
        let mut posts = Vec::new();
        while let Some(entry) = self.waiting.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, id), parcel) = entry.remove_entry();
            if parcel.kind == PostKind::Changes && !self.switches.delivering {
                self.counters.withheld += parcel.items as u64;
                continue;
            }
            posts.push(self.send(id, parcel));
        }
        posts
    }

    /// Puts a POST into the queue as it is.
    pub(super) fn pack(&mut self, kind: PostKind, url: &str, body: &Value, items: usize, now: DateTime<Utc>) {
        let body = Bytes::from(body.to_string());
        let parcel = Parcel { kind, url: url.to_owned(), body, items, tries: 0, first: now };
        let place = (now, self.number());
        self.waiting.insert(place, parcel);
    }

    fn send(&mut self, id: u64, mut parcel: Parcel) -> Post {
        parcel.tries += 1;
        self.counters.posts += 1;
        let limit = self.limit(parcel.tries);
        let post = Post {
            id,
            kind: parcel.kind,
            url: parcel.url.clone(),
            content_type: "application/json; charset=utf-8",
            body: parcel.body.clone(),
            items: parcel.items,
            timeout: limit,
        };
        self.in_flight.insert(id, parcel);
        post
    }

    fn limit(&self, tries: u32) -> Time {
        let ms = if tries > 1 { self.switches.retry_answer_ms } else { self.switches.answer_ms };
        Time::from_millis(ms)
    }

    /// What the switches and the host's state let through.
    fn let_through(&mut self, mut notice: Notice, now: DateTime<Utc>) -> Option<Notice> {
        if notice.kind == PostKind::Changes && !self.switches.delivering {
            self.counters.withheld += 1;
            return None;
        }
        match self.host(&notice.url, now) {
            HostState::Slow if !notice.delayed => {
                self.counters.delayed += 1;
                notice.delayed = true;
                let place = (now + Duration::minutes(10), self.number());
                self.notices.insert(place, notice);
                None
            }
            HostState::Dropping => {
                self.counters.dropped += 1;
                if let Some(own) = self.subscriptions.get_mut(&notice.subscription) {
                    own.missed = true;
                }
                None
            }
            _ => Some(notice),
        }
    }

    /// How the host of a URL is treated at present.
    pub(super) fn host(&mut self, url: &str, now: DateTime<Utc>) -> HostState {
        if !self.switches.penalties {
            return HostState::Fine;
        }
        self.hosts.get_mut(&host_of(url)).map_or(HostState::Fine, |health| health.at(now))
    }

    /// What became of a post.
    pub(super) fn delivered(&mut self, now: DateTime<Utc>, id: u64, outcome: &Outcome) {
        let Some(parcel) = self.in_flight.remove(&id) else { return };
        let limit = self.limit(parcel.tries);
        let (fine, took) = match outcome {
            Outcome::Answered { status, took, .. } => ((200..300).contains(status) && *took < limit, *took),
            Outcome::Unanswered { took } => (false, *took),
        };
        let post = Post {
            id,
            kind: parcel.kind,
            url: parcel.url.clone(),
            content_type: "",
            body: Bytes::new(),
            items: parcel.items,
            timeout: limit,
        };
        self.log(now, &post, parcel.tries, outcome);
        if parcel.kind == PostKind::Forged {
            return;
        }
        self.hosts.entry(host_of(&parcel.url)).or_default().answered(now, took);
        if fine {
            self.counters.delivered += parcel.items as u64;
            return;
        }
        let pause = Duration::milliseconds(self.switches.retry_ms.max(1) << (parcel.tries - 1).min(20));
        if now + pause > parcel.first + Duration::hours(self.switches.retry_hours) {
            self.counters.given_up += parcel.items as u64;
            return;
        }
        self.counters.retried += 1;
        self.waiting.insert((now + pause, id), parcel);
    }

    /// Remembers a post; its query is left out.
    pub(super) fn log(&mut self, now: DateTime<Utc>, post: &Post, attempt: u32, outcome: &Outcome) {
        if post.kind == PostKind::Handshake {
            self.counters.handshakes += 1;
        }
        if self.sent.len() == KEPT {
            self.sent.pop_front();
        }
        let (status, took) = match outcome {
            Outcome::Answered { status, took, .. } => (Some(*status), took),
            Outcome::Unanswered { took } => (None, took),
        };
        let url = post.url.split('?').next().unwrap_or_default().to_owned();
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let kind = post.kind;
        self.sent.push_back(SentPost { at: now, kind, url, items: post.items, attempt, status, took_ms });
    }
}

/// State is kept per endpoint host.
pub(super) fn host_of(url: &str) -> String {
    let parsed = Url::parse(url).ok();
    parsed.map_or_else(String::new, |url| url.authority().to_lowercase())
}
