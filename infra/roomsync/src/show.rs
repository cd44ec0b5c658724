//! Answers as people read them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, TableComponent, presets};
use roomsync_domain::Instant;
use roomsync_domain::cursor::TroubleKind;
use roomsync_domain::listening::Hearing;
use roomsync_domain::tenant::{Selection, Tenant, TenantStatus};
use roomsync_domain::time::seconds;
use serde_json::Value;

use crate::changes::Change;
use crate::resync::Resynced;
use crate::status::{Advised, AdvisedRefusal, HearingReport, RoomReport, Standing, TenantReport};
use crate::tenants::{Applied, Effect, TenantPlan};
use crate::words;

/// What stands for nothing.
const NONE: &str = "–";

fn table(header: &[&str]) -> Table {
    let mut table = bare_table();
    table.set_header(header).set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    table
}

fn bare_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// All tenants.
#[must_use]
pub fn tenants(tenants: &[Tenant]) -> String {
    if tenants.is_empty() {
        return "There is no tenant yet; `roomsync tenant apply FILE` onboards one.".to_owned();
    }
    let mut shown = table(&["Tenant", "Name", "Status", "Version", "Cloud", "Rooms"]);
    for tenant in tenants {
        let config = &tenant.config;
        shown.add_row([
            config.tenant.to_string(),
            config.name.clone(),
            status(tenant.status).to_owned(),
            tenant.version.to_string(),
            serde_json::to_value(config.cloud).map_or_else(|_| NONE.to_owned(), |cloud| plain(&cloud)),
            selection(&config.rooms.select),
        ]);
    }
    shown.to_string()
}

fn status(status: TenantStatus) -> &'static str {
    match status {
        TenantStatus::Active => "active",
        TenantStatus::Removed => "removed",
    }
}

fn selection(selection: &Selection) -> String {
    match selection {
        Selection::All => "all".to_owned(),
        Selection::Lists(names) => format!("of {}", words::count(names.len(), "room list")),
        Selection::Rooms(names) => words::count(names.len(), "room"),
        Selection::Buildings(names) => format!("of {}", words::count(names.len(), "building")),
    }
}

/// What is going to happen to a tenant.
#[must_use]
pub fn plan(plan: &TenantPlan) -> String {
    let config = &plan.tenant.config;
    let what = match plan.effect {
        Effect::New => "will be onboarded",
        Effect::Back => "was removed and comes back",
        Effect::Changed => "changes",
        Effect::Unchanged => "is unchanged",
        Effect::Removed => "will be removed",
    };
    let mut text = format!("{} ({}) {what}.", config.name, config.tenant);
    if !plan.changes.is_empty() {
        let _ = write!(text, "\n{}", changes(&plan.changes, plan.effect));
    }
    text
}

fn changes(changes: &[Change], effect: Effect) -> Table {
    let value = |value: &Option<Value>| value.as_ref().map_or_else(|| NONE.to_owned(), plain);
    if effect == Effect::New {
        let mut shown = table(&["Key", "Value"]);
        shown.add_rows(changes.iter().map(|change| [change.key.clone(), value(&change.new)]));
        return shown;
    }
    let mut shown = table(&["Key", "Now", "Then"]);
    shown.add_rows(changes.iter().map(|change| [change.key.clone(), value(&change.old), value(&change.new)]));
    shown
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What happened to tenants.
#[must_use]
pub fn applied(all: &[Applied]) -> String {
    let sentence = |applied: &Applied| match applied.effect {
        Effect::Unchanged => {
            format!("{}: nothing to do, version {} says the same.", applied.name, applied.version)
        }
        Effect::Removed => {
            format!(
                "{}: removed. Its rooms become `removed` and its bookings end within minutes.",
                applied.name
            )
        }
        _ => format!(
            "{}: stored as version {}. Its rooms are looked at now; `roomsync status --tenant {}` shows how far it is.",
            applied.name, applied.version, applied.tenant_id
        ),
    };
    all.iter().map(sentence).collect::<Vec<_>>().join("\n")
}

/// What is read anew.
#[must_use]
pub fn resynced(resynced: &Resynced) -> String {
    let rooms = words::count(resynced.rooms.len(), "room");
    match resynced.tenants.len() {
        0 => format!("{rooms} will be read anew within a minute."),
        tenants => {
            format!("{rooms} and the list of rooms of {} will be read anew.", words::count(tenants, "tenant"))
        }
    }
}

/// How the rooms of tenants are followed.
#[must_use]
pub fn reports(reports: &[TenantReport], now: Instant) -> String {
    reports.iter().map(|report| tenant_report(report, now)).collect::<Vec<_>>().join("\n\n")
}

fn tenant_report(report: &TenantReport, now: Instant) -> String {
    let mut text = format!("{} ({})", report.name, report.tenant_id);
    if report.status == TenantStatus::Removed {
        text.push_str(", removed");
    }
    let _ = write!(text, "\n{}", summary(report, now));
    if let Some(trouble) = &report.directory_trouble {
        let _ = write!(text, "\nThe list of rooms could not be read {}", sentence(trouble, now));
    }
    if let Some(rooms) = report.directory_guarded {
        let _ = write!(
            text,
            "\nThe directory suddenly lacks {}; none was removed. If that is right, `roomsync resync --all --tenant {} \
             --accept-mass-end` accepts it.",
            words::count(rooms as usize, "room"),
            report.tenant_id
        );
    }
    if let (Some(days), Some(last)) = (report.credential_days_left, report.credential_expires) {
        let left = match days {
            ..0 => format!("has expired on {last}"),
            0 => "expires today".to_owned(),
            _ => format!("expires on {last}, in {days} d"),
        };
        let _ = write!(
            text,
            "\nThe credential {left}: put a new one into Secrets Manager under the same name, and its last day into the tenant file."
        );
    }
    for (name, why) in &report.refused {
        let _ = write!(text, "\n`{name}` in the tenant file: {why}");
    }
    if !report.rooms.is_empty() {
        let _ = write!(text, "\n{}", rooms(&report.rooms, now));
    }
    for (kind, rooms) in troubles(&report.rooms) {
        let _ = write!(
            text,
            "\n{} ({}): {}",
            words::name(kind),
            words::count(rooms, "room"),
            words::advice(kind)
        );
    }
    text
}

/// `40 rooms: 38 fresh, 2 in trouble. Directory read 3 min ago. Drift: 0.`
fn summary(report: &TenantReport, now: Instant) -> String {
    let mut standings: BTreeMap<Standing, usize> = BTreeMap::new();
    for room in &report.rooms {
        *standings.entry(room.state).or_default() += 1;
    }
    let parts: Vec<String> =
        standings.iter().map(|(standing, rooms)| format!("{rooms} {}", standing.name())).collect();
    let rooms = words::count(report.rooms.len(), "room");
    let rooms = if parts.is_empty() { rooms } else { format!("{rooms}: {}", parts.join(", ")) };
    let read = report
        .directory_read_at
        .map_or_else(|| "not yet read".to_owned(), |at| format!("read {}", words::age(at, now)));
    let drift: u64 =
        report.rooms.iter().filter_map(|room| room.drift).map(|drift| u64::from(drift.repaired)).sum();
    format!("{rooms}. List of rooms {read}. Drift at the last full reads: {drift}.")
}

fn rooms(rooms: &[RoomReport], now: Instant) -> Table {
    let mut shown = table(&[
        "Room",
        "Address",
        "State",
        "Mode",
        "Listens",
        "Full read",
        "Last change",
        "Not before",
        "Drift",
    ]);
    for room in rooms {
        let state = match (&room.trouble, room.guarded) {
            (Some(trouble), _) => {
                format!(
                    "{} for {}",
                    words::name(trouble.trouble.kind),
                    words::since(trouble.trouble.since, now)
                )
            }
            (None, Some(guarded)) => format!("guarded, {} of {}", guarded.ending, guarded.of),
            (None, None) => room.state.name().to_owned(),
        };
        let age = |at: Option<Instant>| at.map_or_else(|| NONE.to_owned(), |at| words::age(at, now));
        shown.add_row([
            room.display_name.clone(),
            room.email.clone(),
            state,
            words::mode(room.mode).to_owned(),
            hearing(&room.hearing, now),
            age(room.last_full_at),
            age(room.last_change_at),
            age(room.not_before.filter(|at| *at > now)),
            room.drift.map_or_else(|| NONE.to_owned(), |drift| drift.repaired.to_string()),
        ]);
    }
    shown
}

/// `yes`, `silent for 5 min`, `no: not-validated for 3 min` …
fn hearing(hearing: &HearingReport, now: Instant) -> String {
    match (hearing.state, hearing.silent_since, &hearing.refusal) {
        (Hearing::Listening, _, _) => "yes".to_owned(),
        (Hearing::Silent, Some(at), _) => format!("silent for {}", words::since(at, now)),
        (Hearing::Refused, _, Some(AdvisedRefusal { refusal, .. })) => {
            format!("no: {} for {}", refusal.kind.name(), words::since(refusal.since, now))
        }
        (state, _, _) => state.name().to_owned(),
    }
}

fn troubles(rooms: &[RoomReport]) -> BTreeMap<TroubleKind, usize> {
    let mut counts = BTreeMap::new();
    for kind in rooms.iter().filter_map(|room| room.trouble.as_ref()).map(|trouble| trouble.trouble.kind) {
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

/// How one room is followed.
#[must_use]
pub fn room(room: &RoomReport, now: Instant) -> String {
    let at = |at: Option<Instant>| {
        at.map_or_else(|| NONE.to_owned(), |at| format!("{} ({})", seconds::text(at), words::age(at, now)))
    };
    let mut shown = bare_table();
    let mut row = |key: &str, value: String| {
        shown.add_row([key.to_owned(), value]);
    };
    row("Room", room.display_name.clone());
    row("Address", room.email.clone());
    row("Id", room.room_id.to_string());
    row("Tenant", room.tenant_id.to_string());
    row("State", format!("{} (version {})", room.state.name(), room.version));
    row("Mode", words::mode(room.mode).to_owned());
    row("Listens", hearing(&room.hearing, now));
    if let Some(expires_at) = room.hearing.expires_at {
        row("Subscribed", format!("since {}", at(room.hearing.since)));
        row("Subscription ends", at(Some(expires_at)));
    }
    if let Some(AdvisedRefusal { refusal, advice }) = &room.hearing.refusal {
        row("Not listening because", format!("{}. {advice}", refusal.detail));
    }
    row("Last full read", at(room.last_full_at));
    row("Last change", at(room.last_change_at));
    row("Not before", at(room.not_before.filter(|at| *at > now)));
    if let Some(window) = room.window {
        row("Days kept", format!("{} to {}", seconds::text(window.start), seconds::text(window.end)));
    }
    if let Some(drift) = room.drift {
        let repaired = words::count(drift.repaired as usize, "booking");
        row("Drift", format!("{repaired} repaired {}", words::age(drift.at, now)));
    }
    if let Some(guarded) = room.guarded {
        let age = words::age(guarded.at, now);
        row(
            "Guard",
            format!(
                "stopped a run that would have ended {} of {} bookings, {age}",
                guarded.ending, guarded.of
            ),
        );
    }
    if room.lost_links > 0 {
        row("Lost links", room.lost_links.to_string());
    }
    let Some(trouble) = &room.trouble else { return shown.to_string() };
    row("Failures in a row", room.failures.to_string());
    format!("{shown}\nIn trouble {}", sentence(trouble, now))
}

/// `for 3 min: no-access, 403 ErrorAccessDenied (request …). Microsoft refuses …`
fn sentence(Advised { trouble, advice }: &Advised, now: Instant) -> String {
    let since = words::since(trouble.since, now);
    format!("for {since}: {}, {}. {advice}", words::name(trouble.kind), trouble.detail)
}
