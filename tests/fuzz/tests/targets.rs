//! The targets. Each makes so many tries with `cargo test`; `BOLERO_RANDOM_ITERATIONS` makes it more (docs/SIMULATION.md). A failure prints
//! the seed that `BOLERO_RANDOM_SEED` replays.
#![allow(missing_docs, clippy::unwrap_used, reason = "the names are the documentation; a test may fail")]

use bolero::check;
use roomsync_domain::cursor::DeltaLink;
use roomsync_domain::entry::Wanted;
use roomsync_domain::time::seconds;
use roomsync_domain::{EventId, RoomId, Span};
use roomsync_fuzz::{Answer, Edit, ROOM, Site, TENANT, damaged, is_home, login_is_home, quotes};
use roomsync_ports::{Calendar, DeltaFrom, Directory, GraphError, Next};
use roomsync_tenant_file::parse;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

const TRIES: usize = 5_000;
const BOTH: Wanted = Wanted { subject: true, organizer: true };

type Input = (u8, Vec<Edit>);

/// How often a reader took what it was given, and how often it refused: a target that only sees one of the two tests nothing.
#[derive(Default)]
struct Taken(AtomicUsize, AtomicUsize);

impl Taken {
    fn note(&self, taken: bool) {
        let count = if taken { &self.0 } else { &self.1 };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn both(&self) {
        let (taken, refused) = (self.0.load(Ordering::Relaxed), self.1.load(Ordering::Relaxed));
        // A replayed seed is one try.
        let few = taken + refused < TRIES / 2;
        assert!(few || (taken > TRIES / 500 && refused > TRIES / 500), "{taken} taken, {refused} refused");
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/graph").join(name);
    std::fs::read(path).unwrap()
}

fn pick<T>(list: &[T], by: u8) -> &T {
    &list[usize::from(by) % list.len()]
}

fn room() -> RoomId {
    RoomId::new(ROOM)
}

fn week() -> Span {
    let at = |text| seconds::parse(text).unwrap();
    Span::new(at("2026-02-09T00:00:00Z"), at("2026-02-16T00:00:00Z"))
}

/// Nothing leaves for elsewhere, and no error quotes a body.
fn stayed_home<T>(site: &Site, result: &Result<T, GraphError>) {
    for request in site.requests() {
        let uri = request.uri();
        let home = if request.method() == "POST" { login_is_home(uri) } else { is_home(&uri.to_string()) };
        assert!(home, "a request to {uri}");
    }
    if let Err(error) = result {
        assert!(!quotes(&format!("{error} {error:?}")), "{error:?}");
    }
}

/// What a body holds that was taken for an answer.
fn taken(body: &[u8]) -> Option<Value> {
    assert!(serde_json::from_slice::<IgnoredAny>(body).is_ok(), "no JSON was taken for an answer");
    // Some JSON has no value here: numbers beyond all bounds in what is skipped.
    serde_json::from_slice(body).ok()
}

#[test]
fn delta_page() {
    let pages = [fixture("delta_odd_items.json"), fixture("delta_first_page_empty.json")];
    let seen = Taken::default();
    check!().with_iterations(TRIES).with_type::<Input>().for_each(|(page, edits)| {
        let body = damaged(pick(&pages, *page), edits);
        let site = Site::new(Answer::ok(body.clone()));
        let result = site.ask(async |graph| graph.delta(&room(), DeltaFrom::Start(week(), None)).await);
        stayed_home(&site, &result);
        seen.note(result.is_ok());
        let Ok(page) = result else { return };
        let (Next::Page(link) | Next::Round(link)) = &page.next;
        assert!(is_home(link.as_str()), "{}", link.as_str());
        let Some(value) = taken(&body) else { return };
        assert!(value.get("error").is_none_or(Value::is_null), "an error was taken for a page");
        assert_eq!(Some(page.items.len()), value["value"].as_array().map(Vec::len));
    });
    seen.both();
}

#[test]
fn calendar_view_page() {
    let pages = [fixture("view_odd_entries.json")];
    let seen = Taken::default();
    check!().with_iterations(TRIES).with_type::<Input>().for_each(|(page, edits)| {
        let body = damaged(pick(&pages, *page), edits);
        let site = Site::new(Answer::ok(body.clone()));
        let result = site.ask(async |graph| graph.view(&room(), week(), BOTH, None).await);
        stayed_home(&site, &result);
        seen.note(result.is_ok());
        let Ok(page) = result else { return };
        assert!(page.next.is_none_or(|link| is_home(link.as_str())));
        let Some(value) = taken(&body) else { return };
        assert!(value.get("error").is_none_or(Value::is_null), "an error was taken for a page");
        let rows = value["value"].as_array().unwrap();
        // Every row is an entry or says itself that it is a master: none is lost.
        let masters = rows.iter().filter(|row| row["type"] == "seriesMaster").count();
        assert_eq!(page.entries.len() + masters, rows.len());
        for entry in &page.entries {
            let mut same = rows.iter().filter(|row| row["id"] == entry.id.as_str());
            let open = same.any(|row| row["sensitivity"] == "normal");
            assert!(open || (entry.subject.is_none() && entry.organizer.is_none()), "{entry:?}");
        }
    });
    seen.both();
}

#[test]
fn error_body() {
    let bodies: [&[u8]; 4] = [
        br#"{"error":{"code":"ErrorAccessDenied","message":"Canary message: no.","innerError":{"request-id":"r-2","date":"2026-02-09T12:00:00","code":"Canary message"}}}"#,
        br#"{"error":{"code":"SyncStateNotFound","message":"Canary message","innererror":{"code":"ErrorInvalidUser","innererror":{"code":"resyncRequired"}}}}"#,
        b"<html><head><title>Canary message</title></head><body>502 - canary body</body></html>",
        br#"{"error":"invalid_client","error_description":"AADSTS7000215: Canary description. Trace ID: t","error_codes":[7000215],"correlation_id":"c"}"#,
    ];
    let statuses = [
        300_u16, 302, 400, 401, 403, 404, 405, 408, 409, 410, 412, 413, 423, 429, 500, 502, 503, 504, 509,
        599,
    ];
    check!().with_iterations(TRIES).with_type::<(u8, u8, Vec<Edit>, Vec<Edit>)>().for_each(
        |(body, status, edits, waits)| {
            let body = damaged(pick(&bodies, *body), edits);
            let retry_after = damaged(pick(&["120", "Mon, 09 Feb 2026 12:02:00 GMT", ""], *status), waits);
            let answer = Answer { status: *pick(&statuses, *status), body, retry_after };
            let site = Site::new(answer.clone());
            let delta = site.ask(async |graph| graph.delta(&room(), DeltaFrom::Start(week(), None)).await);
            let view = site.ask(async |graph| graph.view(&room(), week(), BOTH, None).await);
            let entry = site.ask(async |graph| graph.entry(&room(), &EventId::new("e"), BOTH).await);
            assert!(delta.is_err() && view.is_err() && !matches!(entry, Ok(Some(_))));
            stayed_home(&site, &delta);
            stayed_home(&site, &view);
            stayed_home(&site, &entry);
            let places = Site::new(answer.clone()).ask(async |graph| graph.rooms().await);
            assert!(places.as_ref().is_err_and(|error| !quotes(&format!("{error} {error:?}"))), "{places:?}");
            let site = Site::refusing(answer);
            let refused = site.ask(async |graph| graph.view(&room(), week(), BOTH, None).await);
            assert!(refused.is_err());
            stayed_home(&site, &refused);
        },
    );
}

#[test]
fn link_guard() {
    let links = [
        format!("https://graph.microsoft.com/v1.0/users/{ROOM}/calendarView/delta?$deltatoken=abc%2Bdef"),
        format!(
            "https://graph.microsoft.com:443/v1.0/users('{ROOM}@{TENANT}')/calendarView/microsoft.graph.delta()?$skiptoken=x"
        ),
        format!("HTTPS://Graph.Microsoft.com/v1.0/Users/{ROOM}/calendarview/delta()?$skiptoken=x"),
    ];
    let seen = Taken::default();
    check!().with_iterations(TRIES * 4).with_type::<Input>().for_each(|(link, edits)| {
        let Ok(link) = String::from_utf8(damaged(pick(&links, *link), edits)) else { return };
        // As it may have been changed in the table: refused before even a token is fetched, or followed to where it may lead.
        let page =
            serde_json::json!({"value": [{"id": "a", "subject": "Canary subject"}], "@odata.nextLink": link});
        let site = Site::new(Answer::ok(page.to_string().into_bytes()));
        let stored = DeltaLink::new(&link);
        let followed = site.ask(async |graph| graph.delta(&room(), DeltaFrom::Link(&stored, None)).await);
        stayed_home(&site, &followed);
        seen.note(followed.is_ok());
        assert_eq!(followed.is_ok(), !site.requests().is_empty(), "{link}");
        assert!(followed.is_err() || is_home(&link), "{link}");
        // As an answer brings it.
        let site = Site::new(Answer::ok(page.to_string().into_bytes()));
        let brought = site.ask(async |graph| graph.delta(&room(), DeltaFrom::Start(week(), None)).await);
        stayed_home(&site, &brought);
        assert_eq!(brought.is_ok(), followed.is_ok(), "{link}");
    });
    seen.both();
}

#[test]
fn tenant_file() {
    let good = include_bytes!("../../../shared/tenant-file/tests/contoso.yaml");
    let seen = Taken::default();
    check!().with_iterations(TRIES).with_type::<Vec<Edit>>().for_each(|edits| {
        let text = String::from_utf8_lossy(&damaged(good, edits)).into_owned();
        let read = parse(&text);
        seen.note(read.is_ok());
        let problems = match read {
            Ok(config) => return assert!(config.problems().is_empty(), "{:?}", config.problems()),
            Err(problems) => problems,
        };
        let lines = text.lines().count() as u64 + 1;
        assert!(!problems.problems().is_empty());
        let told = problems.to_string();
        for problem in problems.problems() {
            assert!(problem.line <= lines, "{problem}");
            // Without a key it is about the YAML, and then as a rule it has a line; with one it always has.
            assert!(problem.key.is_empty() || problem.line > 0, "{problem}");
            assert!(problem.key.is_empty() || told.contains(&format!("`{}`", problem.key)), "{told}");
            assert!(problem.line == 0 || told.contains(&format!("line {}", problem.line)), "{told}");
        }
    });
    seen.both();
}
