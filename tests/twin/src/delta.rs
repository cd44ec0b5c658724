//! calendarView/delta: rounds of pages, state tokens, and the traps of both (pages event-delta, delta-query-overview).
//!
//! A token holds the window, how far the client has seen the mailbox's changes, and where in the round it is. A round
//! ends with the state it *began* with, so that whatever changes meanwhile is told again in the next one.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::Twin;
use crate::calendar::ids::Print;
use crate::calendar::{IdFormat, Item, Mailbox, Shape, Window};
use crate::object::Object;
use crate::request::{Call, Kind};
use crate::switches::Trap;
use crate::wire::{self, Look, Refusal, Reply};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token {
    window: Window,
    /// The change the client has seen everything up to; none in an initial round.
    since: Option<u64>,
    /// Where the next page begins: an item key in an initial round, else a change.
    cursor: u64,
    /// The change at which the round began.
    upto: u64,
    generation: u32,
    epoch: u32,
    /// An empty page went before.
    after_empty: bool,
    /// Makes every link different.
    nonce: u32,
}

impl Token {
    fn write(&self, print: &Print) -> String {
        let mut bytes = Vec::with_capacity(69);
        bytes.extend(self.window.from.timestamp().to_be_bytes());
        bytes.extend(self.window.to.timestamp().to_be_bytes());
        bytes.extend(self.since.map_or(0, |since| since + 1).to_be_bytes());
        bytes.extend(self.cursor.to_be_bytes());
        bytes.extend(self.upto.to_be_bytes());
        bytes.extend(self.generation.to_be_bytes());
        bytes.extend(self.epoch.to_be_bytes());
        bytes.push(u8::from(self.after_empty));
        bytes.extend(self.nonce.to_be_bytes());
        let seal = seal(print, &bytes);
        bytes.extend(seal);
        format!("R0usmc{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    fn read(print: &Print, text: &str) -> Option<Token> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix("R0usmc")?).ok()?;
        let (body, given) = bytes.split_at_checked(53)?;
        if seal(print, body) != *given {
            return None;
        }
        let long = |at: usize| body[at..at + 8].try_into().map(u64::from_be_bytes).ok();
        let short = |at: usize| body[at..at + 4].try_into().map(u32::from_be_bytes).ok();
        let time = |at: usize| DateTime::<Utc>::from_timestamp(long(at)?.cast_signed(), 0);
        Some(Token {
            window: Window { from: time(0)?, to: time(8)? },
            since: long(16)?.checked_sub(1),
            cursor: long(24)?,
            upto: long(32)?,
            generation: short(40)?,
            epoch: short(44)?,
            after_empty: body[48] != 0,
            nonce: short(49)?,
        })
    }
}

fn seal(print: &Print, body: &[u8]) -> [u8; 8] {
    let digest = Sha256::new().chain_update(print).chain_update(body).finalize();
    let mut seal = [0; 8];
    seal.copy_from_slice(&digest[..8]);
    seal
}

impl Twin {
    pub(crate) fn delta(&mut self, call: &Call, tenant: &str, id: &Arc<str>) -> Result<Reply, Refusal> {
        let look = Look::whole(&call.prefer)?;
        if self.springs(Trap::EtagChurn, Some(id)) {
            let seen = self.seen();
            self.mailbox_mut(tenant, id)?.churn(seen);
        }
        let mut token = self.open(call, tenant, id)?;
        if call.kind == Kind::DeltaLink && self.springs(Trap::ReplayedChanges, Some(id)) {
            token.since = token.since.map(|since| since.saturating_sub(5));
            token.cursor = token.cursor.saturating_sub(5);
        }
        self.links += 1;
        token.nonce = self.links;
        let generation = self.next_generation(tenant, id)?;
        if !token.after_empty && self.springs(Trap::EmptyPage, Some(id)) {
            let next = Token { after_empty: true, generation, ..token };
            return self.delta_reply(call, tenant, id, Vec::new(), next, false);
        }
        let wanted = call.prefer.max_page.unwrap_or(self.tuning.delta_page).max(1);
        let limit = if self.springs(Trap::BigPages, Some(id)) { usize::MAX } else { wanted };
        let without_master = token.since.is_some() && self.springs(Trap::MasterMissing, Some(id));
        let (mut rows, next) = fill(self.mailbox(tenant, id)?, token, limit, &look, without_master);
        self.disturb(&mut rows, id);
        if !rows.is_empty() && self.springs(Trap::EndlessPages, Some(id)) {
            return self.delta_reply(call, tenant, id, rows, Token { generation, ..token }, false);
        }
        match next {
            Some(cursor) => {
                let next = Token { cursor, generation, after_empty: false, ..token };
                self.delta_reply(call, tenant, id, rows, next, false)
            }
            None => {
                let done = Token {
                    since: Some(token.upto),
                    cursor: token.upto,
                    generation,
                    after_empty: false,
                    ..token
                };
                self.delta_reply(call, tenant, id, rows, done, true)
            }
        }
    }

    /// Makes or checks the token of this call.
    fn open(&mut self, call: &Call, tenant: &str, id: &Arc<str>) -> Result<Token, Refusal> {
        let text = call.query.iter().find(|(name, _)| {
            name.eq_ignore_ascii_case("$deltatoken") || name.eq_ignore_ascii_case("$skiptoken")
        });
        let now = self.now;
        let text = match text {
            Some((_, text)) if !text.is_empty() => text.clone(),
            _ => {
                let window = crate::view::window(call)?;
                let room = self.mailbox(tenant, id)?;
                let upto = room.visible(now);
                return Ok(Token {
                    window,
                    since: None,
                    cursor: 0,
                    upto,
                    generation: 0,
                    epoch: room.epoch,
                    after_empty: false,
                    nonce: 0,
                });
            }
        };
        let bad = || Refusal::new(400, "InvalidDeltaToken", "The delta token is not valid.");
        if call.option("startDateTime").is_some()
            || call.option("endDateTime").is_some()
            || self.springs(Trap::BadToken, Some(id))
        {
            return Err(bad());
        }
        let gone = self.springs(Trap::StateGone, Some(id));
        let restart = self.springs(Trap::StateGoneWithLocation, Some(id));
        let alive = self.tuning.live_generations;
        let room = self.mailbox(tenant, id)?;
        let mut token = Token::read(&room.print, &text).ok_or_else(bad)?;
        let old = alive.is_some_and(|alive| token.generation + alive <= room.generation);
        if gone || restart || old || token.epoch != room.epoch {
            let message = format!(
                "The sync state generation is not found; generation={};[highest={}].",
                token.generation, room.generation
            );
            let mut refusal = Refusal::new(410, "SyncStateNotFound", &message);
            if restart {
                refusal.headers.push(("location", self.restart_link(call, token.window)));
            }
            return Err(refusal);
        }
        if call.kind == Kind::DeltaLink {
            token.upto = room.told(token.cursor, now);
        }
        Ok(token)
    }

    fn restart_link(&self, call: &Call, window: Window) -> String {
        let time = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let path = call.segments.join("/");
        format!(
            "{}/v1.0/{path}?startDateTime={}&endDateTime={}&$deltatoken=",
            self.base_url,
            time(window.from),
            time(window.to)
        )
    }

    fn next_generation(&mut self, tenant: &str, id: &Arc<str>) -> Result<u32, Refusal> {
        if self.tuning.live_generations.is_none() {
            return Ok(0);
        }
        let room = self.mailbox_mut(tenant, id)?;
        room.generation += 1;
        Ok(room.generation)
    }

    fn disturb(&mut self, rows: &mut Vec<Row>, id: &Arc<str>) {
        if self.springs(Trap::RepeatedEntry, Some(id))
            && let Some(row) = rows.first().cloned()
        {
            rows.push(row);
        }
        if self.springs(Trap::ContradictoryEntry, Some(id))
            && let Some(row) = rows.iter().find(|row| !row.removed)
        {
            let early = Row::removed(row.id.clone());
            rows.insert(0, early);
        }
    }

    fn delta_reply(
        &mut self,
        call: &Call,
        tenant: &str,
        id: &Arc<str>,
        rows: Vec<Row>,
        token: Token,
        last: bool,
    ) -> Result<Reply, Refusal> {
        let other_host = self.springs(Trap::LinkOfOtherHost, Some(id));
        let other_mailbox = self.springs(Trap::LinkOfOtherMailbox, Some(id));
        let host = if other_host { "https://graph.example.com" } else { self.base_url.as_str() };
        let mut segments = call.segments.clone();
        if other_mailbox
            && let Some(stranger) =
                self.tenants.get(tenant).and_then(|tenant| tenant.mailboxes.keys().find(|other| *other != id))
        {
            segments[1] = stranger.as_ref().to_owned();
        }
        let (property, option) =
            if last { ("@odata.deltaLink", "$deltatoken") } else { ("@odata.nextLink", "$skiptoken") };
        let room = self.mailbox(tenant, id)?;
        let link = format!("{host}/v1.0/{}?{option}={}", segments.join("/"), token.write(&room.print));
        let mut body = Object::new();
        body.put("@odata.context", &format!("{}/v1.0/$metadata#Collection(event)", self.base_url));
        body.put(property, &link);
        body.put_rows("value", rows.iter().map(|row| &row.event));
        Ok(Reply::object(200, body).with("preference-applied", call.prefer.applied(true)))
    }
}

/// One page from the token's place, and where the next one begins.
fn fill(
    room: &Mailbox,
    token: Token,
    limit: usize,
    look: &Look,
    without_master: bool,
) -> (Vec<Row>, Option<u64>) {
    let mut rows = Vec::new();
    let page = Page { room, window: token.window, since: token.since, look, without_master };
    match token.since {
        None => {
            for (key, item) in room.items().range(token.cursor + 1..) {
                page.add(item, false, &mut rows);
                if rows.len() >= limit {
                    let more = room.items().range(key + 1..).next().is_some();
                    return (rows, more.then_some(*key));
                }
            }
        }
        Some(_) => {
            for (seq, key) in room.changed(token.cursor, token.upto) {
                match (room.items().get(&key), room.deleted().get(&key)) {
                    (Some(item), _) => {
                        let is_told_as_gone = look.ids == IdFormat::Immutable && room.has_returned(item);
                        page.add(item, is_told_as_gone, &mut rows);
                    }
                    (None, Some(item)) => page.add(item, true, &mut rows),
                    (None, None) => {}
                }
                if rows.len() >= limit {
                    return (rows, (seq < token.upto).then_some(seq));
                }
            }
        }
    }
    (rows, None)
}

/// One entry of a page.
#[derive(Clone)]
struct Row {
    id: String,
    removed: bool,
    event: Object,
}

impl Row {
    fn there(id: String, event: Object) -> Row {
        Row::typed(id, false, event)
    }

    fn removed(id: String) -> Row {
        let event = wire::removed(&id);
        Row::typed(id, true, event)
    }

    fn typed(id: String, removed: bool, mut event: Object) -> Row {
        event.put("@odata.type", "#microsoft.graph.event");
        Row { id, removed, event }
    }
}

struct Page<'a> {
    room: &'a Mailbox,
    window: Window,
    since: Option<u64>,
    look: &'a Look,
    without_master: bool,
}

impl Page<'_> {
    /// All there is to say about one item; a master and its occurrences stay in one page (docs issue 7352).
    fn add(&self, item: &Item, deleted: bool, rows: &mut Vec<Row>) {
        let instances = if deleted { Vec::new() } else { item.instances(self.window, self.room.zone) };
        if instances.is_empty() && self.since.is_some() {
            // Deleted, or outside the window: the service calls both removed (page event-delta).
            rows.push(Row::removed(self.room.former_id(item.key, None, self.look.ids)));
        }
        let mut present = Vec::new();
        if item.shape.series.is_some() && !instances.is_empty() && !self.without_master {
            let id = self.room.event_id(item, None, self.look.ids);
            rows.push(Row::there(id, wire::master(self.room, item, self.look)));
        }
        for instance in &instances {
            let id = self.room.event_id(item, instance.date, self.look.ids);
            if instance.date.is_some() {
                present.push(id.clone());
            }
            let plain = instance.date.is_some() && instance.exception.is_none();
            let event = if plain {
                wire::stub(self.room, instance, self.look)
            } else {
                wire::instance(self.room, instance, self.look)
            };
            rows.push(Row::there(id, event));
        }
        if let Some(since) = self.since {
            self.lost(item, deleted, since, &mut present, rows);
        }
    }

    /// Occurrences that an older state had in the window and the present one has not.
    fn lost(&self, item: &Item, deleted: bool, since: u64, present: &mut Vec<String>, rows: &mut Vec<Row>) {
        let last = deleted.then_some(&item.shape);
        let past = item.past.iter().filter(|(replaced, _)| *replaced > since).map(|(_, shape)| shape);
        for shape in past.chain(last) {
            for (date, id) in self.occurrences(item.key, shape) {
                if !present.contains(&id) && !item.hushed.contains(&date) {
                    rows.push(Row::removed(id.clone()));
                    present.push(id);
                }
            }
        }
    }

    fn occurrences(&self, key: u64, shape: &Shape) -> Vec<(chrono::NaiveDate, String)> {
        let generation = shape.series.as_ref().map_or(0, |series| series.generation);
        let instances = shape.instances(self.window, self.room.zone).into_iter();
        instances
            .filter_map(|own| own.date)
            .map(|date| (date, self.room.former_id(key, Some((generation, date)), self.look.ids)))
            .collect()
    }
}
