//! The page in a real browser: Chromium, headless, found by `$CHROMIUM` or on the path.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod demo;

use chromiumoxide::handler::viewport::Viewport;
use chromiumoxide::{Browser, BrowserConfig};
use futures::StreamExt;
use roomsync_board::rows::Standing;
use roomsync_board::world::Record;
use roomsync_board::{Board, Running};
use roomsync_domain::time::seconds;
use serde_json::Value;
use std::future::ready;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

/// How long the page may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a browser may take to start: three do so at once, perhaps beside a compiler.
const START_PATIENCE: Duration = Duration::from_secs(120);

#[allow(
    clippy::disallowed_methods,
    reason = "the browser's place is the machine's, not a setting of the system"
)]
fn chromium() -> PathBuf {
    if let Ok(path) = std::env::var("CHROMIUM") {
        return path.into();
    }
    let folders = std::env::var("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)))
        .find(|path| path.is_file())
        .expect(
            "this test needs Chromium: install it (Debian: apt-get install chromium) or name it in $CHROMIUM",
        )
}

/// A page in a browser of its own, which ends with it.
struct Page {
    browser: Browser,
    page: chromiumoxide::Page,
    width: u32,
    /// Moves messages between the two; ends with this value.
    _messages: JoinSet<()>,
    _profile: TempDir,
}

impl Page {
    async fn open(url: &str, size: (u32, u32)) -> Self {
        let (width, height) = size;
        let profile = tempfile::tempdir().unwrap();
        let config = BrowserConfig::builder()
            .chrome_executable(chromium())
            .user_data_dir(profile.path())
            .no_sandbox()
            .window_size(width, height)
            .viewport(Viewport { width, height, emulating_mobile: width < 600, ..Viewport::default() })
            .launch_timeout(START_PATIENCE)
            .request_timeout(PATIENCE)
            .args(["disable-quic", "disable-component-update"])
            .build()
            .unwrap();
        let (browser, messages) = Browser::launch(config).await.expect("Chromium starts");
        let mut moving = JoinSet::new();
        moving.spawn(messages.for_each(|_| ready(())));
        let page = browser.new_page("about:blank").await.unwrap();
        // Errors are collected by the page's own means, from before its first script on.
        let listen = "window.wrong = []; addEventListener('error', (e) => wrong.push(String(e.message)));
             addEventListener('unhandledrejection', (e) => wrong.push(String(e.reason)));
             addEventListener('securitypolicyviolation', (e) => wrong.push('policy: ' + e.violatedDirective));
             for (const level of ['error', 'warn']) console[level] = (...all) => wrong.push(all.join(' '));";
        page.evaluate_on_new_document(listen).await.unwrap();
        page.goto(url).await.unwrap();
        Self { browser, page, width, _messages: moving, _profile: profile }
    }

    async fn close(mut self) {
        self.browser.close().await.unwrap();
        self.browser.wait().await.unwrap();
    }

    /// What an expression, or the promise it gives, comes to.
    async fn value(&self, expression: &str) -> Value {
        let result = self.page.evaluate_expression(expression).await;
        let result = result.unwrap_or_else(|error| panic!("{error}: {expression}"));
        result.value().cloned().unwrap_or(Value::Null)
    }

    /// Waits inside the page until the expression is true; looks again after every change of the document.
    async fn until(&self, expression: &str) {
        let wait = format!(
            "new Promise((done) => {{
               const holds = () => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }};
               if (holds()) return done(true);
               const watch = new MutationObserver(() => holds() && (watch.disconnect(), done(true)));
               watch.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
               setTimeout(() => done(false), {});
             }})",
            PATIENCE.as_millis() - 5_000
        );
        assert_eq!(self.value(&wait).await, Value::Bool(true), "never came true: {expression}");
    }

    async fn is_clean(&self) {
        assert_eq!(self.value("JSON.stringify(wrong)").await, "[]");
    }

    /// Nothing is wider than the window or ends outside it. The window's own `innerWidth` is no measure: a phone zooms out.
    async fn fits(&self) {
        let widths = self.value(
            "JSON.stringify([document.documentElement.scrollWidth, Math.floor(Math.max(
               ...[...document.querySelectorAll('body *')].map((element) => element.getBoundingClientRect().right)))])",
        ).await;
        let widths: [u32; 2] = serde_json::from_str(widths.as_str().unwrap()).unwrap();
        assert!(widths.iter().all(|width| *width <= self.width), "{widths:?} in a window of {}", self.width);
    }
}

async fn board() -> (Running, UnboundedSender<Record>) {
    let (script, stream) = demo::Script::new(demo::records());
    let clock = Arc::new(demo::Still(seconds::parse(demo::NOON).unwrap()));
    (Board::start_with(script, clock, "127.0.0.1:0".parse().unwrap()).await.unwrap(), stream)
}

fn bar(id: &str) -> String {
    format!("document.querySelector('.bar[data-id=\"{id}\"]')")
}

#[tokio::test]
async fn a_meeting_appears_moves_and_vanishes_without_a_reload() {
    let (board, stream) = board().await;
    let page = Page::open(&board.url, (1280, 900)).await;
    page.until(
        "document.querySelectorAll('.row').length === 21 && document.querySelectorAll('.now').length > 0",
    )
    .await;
    assert!(page.value("document.querySelectorAll('.bar').length").await.as_u64().unwrap() > 80);
    page.value("window.loadedOnce = true").await;
    page.fits().await;

    let markup = "<img src=x onerror=\"wrong.push('markup')\">";
    let mut row = demo::booking(demo::key(0, 0), "live", 900, 960, markup);
    stream.send(Record::Booking(row.clone())).unwrap();
    page.until(&format!("{}.textContent.startsWith('<img')", bar("live"))).await;
    page.until("document.querySelector('#changes').textContent.includes('new, confirmed')").await;

    (row.version, row.span) = (2, (demo::minute(930), demo::minute(990)));
    stream.send(Record::Booking(row.clone())).unwrap();
    page.until(&format!("{}.title.includes('16:30–17:30')", bar("live"))).await;

    (row.version, row.standing, row.end_reason) = (3, Standing::Ended, Some("cancelled".into()));
    stream.send(Record::Booking(row)).unwrap();
    page.until(&format!("!{}", bar("live"))).await;
    page.until("document.querySelector('#changes').textContent.includes('cancelled by its organizer')").await;
    assert_eq!(page.value("window.loadedOnce").await, true, "the page was loaded again");
    page.is_clean().await;
    page.close().await;
    board.stop().await;
}

#[tokio::test]
async fn a_phone_shows_everything_without_scrolling_sideways() {
    let (board, _stream) = board().await;
    let page = Page::open(&board.url, (375, 800)).await;
    page.until("document.querySelectorAll('.bar').length > 80").await;
    page.until("document.querySelectorAll('.trouble').length === 5").await;
    page.fits().await;

    page.value("document.querySelector('#filter').value = 'tokyo'; filter()").await;
    assert_eq!(page.value("document.querySelectorAll('.row:not([hidden])').length").await, 7);
    page.fits().await;

    page.value("document.querySelector('#filter').value = ''; filter()").await;
    page.until("document.querySelector('.bar.private')?.textContent === 'Private'").await;
    page.value("document.querySelector('.bar.private').click()").await;
    page.until("document.querySelector('dialog[open] h3').textContent === 'Private'").await;
    page.fits().await;
    page.is_clean().await;
    page.close().await;
    board.stop().await;
}

#[tokio::test]
async fn other_days_and_the_health_can_be_seen() {
    let (board, _stream) = board().await;
    let page = Page::open(&board.url, (1280, 900)).await;
    page.until("document.querySelector('#fresh strong').textContent === '17 / 21'").await;
    page.until("document.querySelector('#figures').textContent.includes('Throttled rooms1')").await;
    page.until("document.querySelectorAll('#latency .bars i').length === 2 * 9").await;
    let parts =
        page.value("[...document.querySelectorAll('.part')].map((part) => part.textContent).join()").await;
    assert_eq!(
        parts,
        "Microsoft: to the noticehalf within 1.5 s, 95 % within 2 min,Ours: to the tablehalf within 450 ms, 95 % within 810 ms"
    );
    let full = "[...document.querySelectorAll('.bars.ours i')].filter((bar) => bar.offsetHeight > 0).length";
    assert_eq!(page.value(full).await, 3, "bars of a height");
    page.value("document.querySelector('#next').click()").await;
    page.until("document.querySelector('#date').value === '2026-02-10'").await;
    page.until(
        "document.querySelectorAll('.row').length === 21 && document.querySelectorAll('.bar').length === 3",
    )
    .await;
    assert_eq!(page.value("document.querySelectorAll('.now').length").await, 0);
    page.value("document.querySelector('#today').click()").await;
    page.until(
        "document.querySelectorAll('.now').length > 0 && document.querySelectorAll('.bar').length > 80",
    )
    .await;
    page.is_clean().await;
    page.close().await;
    board.stop().await;
}
