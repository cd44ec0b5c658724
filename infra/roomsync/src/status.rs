//! How rooms are followed: what is stored of them, put together for operators.

use chrono::{NaiveDate, TimeDelta};
use futures::{StreamExt, TryStreamExt, stream};
use roomsync_domain::cursor::{Cursor, Drift, Guarded, Mode, Trouble};
use roomsync_domain::listening::{Hearing, Listening, Refusal};
use roomsync_domain::room::{Room, RoomStatus};
use roomsync_domain::room_plan::DirectoryMemory;
use roomsync_domain::tenant::{Tenant, TenantStatus};
use roomsync_domain::time::seconds;
use roomsync_domain::{Instant, RoomId, Span, TenantId};
use roomsync_ports::{BookingStore, RoomStore, StoreError};
use serde::Serialize;

use crate::words;

/// Cursors that are read at once.
const AT_ONCE: usize = 16;
/// Every room is read in full daily; two hours later something is wrong.
const STALE_AFTER_HOURS: i64 = 26;

/// How the rooms of one tenant are followed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantReport {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its name for people.
    pub name: String,
    /// Version of its configuration.
    pub version: u64,
    /// Whether it is served.
    pub status: TenantStatus,
    /// The last complete look at its directory.
    #[serde(with = "seconds::option")]
    pub directory_read_at: Option<Instant>,
    /// What keeps its directory from being read.
    pub directory_trouble: Option<Advised>,
    /// So many rooms would have been removed at the last look; the guard stopped it.
    pub directory_guarded: Option<u32>,
    /// Names in the tenant file that the directory does not know, with the reason.
    pub refused: std::collections::BTreeMap<String, String>,
    /// Last day of its credential, if its file says so.
    pub credential_expires: Option<NaiveDate>,
    /// Days that are left of it, if they are few; fewer than none if it is over.
    pub credential_days_left: Option<i64>,
    /// Its rooms: the active ones by name, then the removed ones.
    pub rooms: Vec<RoomReport>,
}

/// A trouble with what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advised {
    /// The trouble.
    #[serde(flatten)]
    pub trouble: Trouble,
    /// What it means and who can end it.
    pub advice: &'static str,
}

impl From<Trouble> for Advised {
    fn from(trouble: Trouble) -> Self {
        Self { advice: words::advice(trouble.kind), trouble }
    }
}

/// How one room is followed. A look that finds nothing new is not stored, so there is no time of the last one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomReport {
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Its id.
    pub room_id: RoomId,
    /// Its address.
    pub email: String,
    /// Its name.
    pub display_name: String,
    /// Whether it is kept in step.
    pub status: RoomStatus,
    /// Version of the room itself.
    pub version: u64,
    /// How it stands, in one word.
    pub state: Standing,
    /// How it is followed.
    pub mode: Mode,
    /// The last complete read of its window.
    #[serde(with = "seconds::option")]
    pub last_full_at: Option<Instant>,
    /// The last time a booking changed.
    #[serde(with = "seconds::option")]
    pub last_change_at: Option<Instant>,
    /// No call before this instant.
    #[serde(with = "seconds::option")]
    pub not_before: Option<Instant>,
    /// Failures in a row.
    pub failures: u32,
    /// What keeps it from being fresh.
    pub trouble: Option<Advised>,
    /// A run that the guard stopped.
    pub guarded: Option<Guarded>,
    /// What the last full read had to repair.
    pub drift: Option<Drift>,
    /// The days that are kept in step.
    pub window: Option<Span>,
    /// Links that Microsoft forgot lately.
    pub lost_links: u32,
    /// How it is listened to.
    pub hearing: HearingReport,
}

/// How a room is listened to. Unless it is `listening`, it is polled at the short interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HearingReport {
    /// In one word.
    pub state: Hearing,
    /// Since when there is a subscription.
    #[serde(with = "seconds::option")]
    pub since: Option<Instant>,
    /// Until when Graph keeps it.
    #[serde(with = "seconds::option")]
    pub expires_at: Option<Instant>,
    /// The last notice that was worth remembering.
    #[serde(with = "seconds::option")]
    pub heard_at: Option<Instant>,
    /// Since when it is known that a change was not announced.
    #[serde(with = "seconds::option")]
    pub silent_since: Option<Instant>,
    /// Why there is none, or why it could not be renewed.
    pub refusal: Option<AdvisedRefusal>,
}

/// A refusal with what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdvisedRefusal {
    /// The refusal.
    #[serde(flatten)]
    pub refusal: Refusal,
    /// What it means and who can end it.
    pub advice: &'static str,
}

fn hearing(listening: Option<&Listening>, refusal: Option<Refusal>, now: Instant) -> HearingReport {
    HearingReport {
        state: Hearing::of(listening, refusal.as_ref(), now),
        since: listening.map(|held| held.since),
        expires_at: listening.map(|held| held.expires_at),
        heard_at: listening.and_then(|held| held.heard_at),
        silent_since: listening.and_then(|held| held.silent_since),
        refusal: refusal.map(|refusal| AdvisedRefusal { advice: words::refusal(refusal.kind), refusal }),
    }
}

/// How a room stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// In step.
    Fresh,
    /// Not yet copied.
    Waiting,
    /// Not read in full for more than a day.
    Stale,
    /// Something keeps it from being fresh.
    Trouble,
    /// Not kept in step any more.
    Removed,
}

impl Standing {
    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Waiting => "waiting",
            Self::Stale => "stale",
            Self::Trouble => "trouble",
            Self::Removed => "removed",
        }
    }
}

/// The report of a tenant and its rooms.
///
/// # Errors
/// Those of the store.
pub async fn tenant(
    store: &(impl RoomStore + BookingStore),
    tenant: &Tenant,
    now: Instant,
) -> Result<TenantReport, StoreError> {
    let rooms = store.rooms(&tenant.config.tenant).await?;
    let memory = store.directory_memory(&tenant.config.tenant).await?;
    let mut rooms: Vec<RoomReport> = stream::iter(rooms.iter().map(|stored| room(store, stored, now)))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    rooms.sort_by(|a, b| {
        let key = |room: &RoomReport| {
            (room.status == RoomStatus::Removed, room.display_name.clone(), room.room_id.clone())
        };
        key(a).cmp(&key(b))
    });
    let DirectoryMemory { last_success_at, trouble, guarded, refused, .. } = memory;
    Ok(TenantReport {
        tenant_id: tenant.config.tenant.clone(),
        name: tenant.config.name.clone(),
        version: tenant.version,
        status: tenant.status,
        directory_read_at: last_success_at,
        directory_trouble: trouble.map(Advised::from),
        directory_guarded: guarded,
        refused,
        credential_expires: tenant.config.credential.expires(),
        credential_days_left: tenant.config.credential.runs_out_in(now),
        rooms,
    })
}

/// The report of a room.
///
/// # Errors
/// Those of the store.
pub async fn room(store: &impl BookingStore, room: &Room, now: Instant) -> Result<RoomReport, StoreError> {
    let cursor = store.cursor(&room.room).await?.unwrap_or_else(Cursor::blank);
    Ok(RoomReport {
        tenant_id: room.room.tenant.clone(),
        room_id: room.room.room.clone(),
        email: room.state.email.clone(),
        display_name: room.state.display_name.clone(),
        status: room.state.status,
        version: room.version,
        state: standing(room.state.status, &cursor, now),
        hearing: hearing(cursor.listening.as_ref(), cursor.refusal, now),
        mode: cursor.mode,
        last_full_at: cursor.last_full_at,
        last_change_at: cursor.last_change_at,
        not_before: cursor.not_before,
        failures: cursor.failures,
        trouble: cursor.trouble.map(Advised::from),
        guarded: cursor.guarded,
        drift: cursor.drift,
        window: cursor.window,
        lost_links: cursor.lost_links,
    })
}

fn standing(status: RoomStatus, cursor: &Cursor, now: Instant) -> Standing {
    match cursor.last_full_at {
        _ if status == RoomStatus::Removed => Standing::Removed,
        _ if cursor.trouble.is_some() => Standing::Trouble,
        None => Standing::Waiting,
        Some(at) if now - at > TimeDelta::hours(STALE_AFTER_HOURS) => Standing::Stale,
        Some(_) => Standing::Fresh,
    }
}
