//! The page in a real browser: Chromium, headless, found by `$CHROMIUM` or on the path.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod demo;

use headless_chrome::{Browser, LaunchOptions, Tab};
use roomsync_board::rows::Standing;
use roomsync_board::world::Record;
use roomsync_board::{Board, Running};
use roomsync_domain::time::seconds;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How long the page may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

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

struct Page {
    tab: Arc<Tab>,
    width: u32,
    _browser: Browser,
}

impl Page {
    fn open(url: &str, size: (u32, u32)) -> Self {
        let quiet = [
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ];
        let options = LaunchOptions {
            path: Some(chromium()),
            sandbox: false,
            window_size: Some(size),
            args: quiet.iter().map(OsStr::new).collect(),
            ..LaunchOptions::default()
        };
        let browser = Browser::new(options).expect("Chromium starts");
        let tab = browser.new_tab().unwrap();
        tab.set_default_timeout(PATIENCE);
        let metrics = headless_chrome::protocol::cdp::Emulation::SetDeviceMetricsOverride {
            width: size.0,
            height: size.1,
            device_scale_factor: 1.0,
            mobile: size.0 < 600,
            scale: None,
            screen_width: None,
            screen_height: None,
            position_x: None,
            position_y: None,
            dont_set_visible_size: None,
            screen_orientation: None,
            viewport: None,
            display_feature: None,
            device_posture: None,
        };
        tab.call_method(metrics).unwrap();
        // Errors are collected by the page's own means, from before its first script on.
        let listen = "window.wrong = []; addEventListener('error', (e) => wrong.push(String(e.message)));
             addEventListener('unhandledrejection', (e) => wrong.push(String(e.reason)));
             addEventListener('securitypolicyviolation', (e) => wrong.push('policy: ' + e.violatedDirective));
             for (const level of ['error', 'warn']) console[level] = (...all) => wrong.push(all.join(' '));";
        tab.call_method(headless_chrome::protocol::cdp::Page::AddScriptToEvaluateOnNewDocument {
            source: listen.into(),
            world_name: None,
            include_command_line_api: None,
            run_immediately: None,
        })
        .unwrap();
        tab.navigate_to(url).unwrap().wait_until_navigated().unwrap();
        Self { tab, width: size.0, _browser: browser }
    }

    fn value(&self, expression: &str) -> Value {
        self.tab.evaluate(expression, true).unwrap().value.unwrap_or(Value::Null)
    }

    /// Waits inside the page until the expression is true; looks again after every change of the document.
    fn until(&self, expression: &str) {
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
        assert_eq!(self.value(&wait), Value::Bool(true), "never came true: {expression}");
    }

    fn is_clean(&self) {
        assert_eq!(self.value("JSON.stringify(wrong)"), "[]");
    }

    /// Nothing is wider than the window or ends outside it. The window's own `innerWidth` is no measure: a phone zooms out.
    fn fits(&self) {
        let widths = self.value(
            "JSON.stringify([document.documentElement.scrollWidth, Math.floor(Math.max(
               ...[...document.querySelectorAll('body *')].map((element) => element.getBoundingClientRect().right)))])",
        );
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
    let url = board.url.clone();
    let watching = tokio::task::spawn_blocking(move || {
        let page = Page::open(&url, (1280, 900));
        page.until(
            "document.querySelectorAll('.row').length === 21 && document.querySelectorAll('.now').length > 0",
        );
        assert!(page.value("document.querySelectorAll('.bar').length").as_u64().unwrap() > 80);
        page.value("window.loadedOnce = true");
        page.fits();

        let markup = "<img src=x onerror=\"wrong.push('markup')\">";
        let mut row = demo::booking(demo::key(0, 0), "live", 900, 960, markup);
        stream.send(Record::Booking(row.clone())).unwrap();
        page.until(&format!("{}.textContent.startsWith('<img')", bar("live")));
        page.until("document.querySelector('#changes').textContent.includes('new, confirmed')");

        (row.version, row.span) = (2, (demo::minute(930), demo::minute(990)));
        stream.send(Record::Booking(row.clone())).unwrap();
        page.until(&format!("{}.title.includes('16:30–17:30')", bar("live")));

        (row.version, row.standing, row.end_reason) = (3, Standing::Ended, Some("cancelled".into()));
        stream.send(Record::Booking(row)).unwrap();
        page.until(&format!("!{}", bar("live")));
        page.until("document.querySelector('#changes').textContent.includes('cancelled by its organizer')");
        assert_eq!(page.value("window.loadedOnce"), true, "the page was loaded again");
        page.is_clean();
    });
    watching.await.unwrap();
    board.stop().await;
}

#[tokio::test]
async fn a_phone_shows_everything_without_scrolling_sideways() {
    let (board, _stream) = board().await;
    let url = board.url.clone();
    let watching = tokio::task::spawn_blocking(move || {
        let page = Page::open(&url, (375, 800));
        page.until("document.querySelectorAll('.bar').length > 80");
        page.until("document.querySelectorAll('.trouble').length === 3");
        page.fits();

        page.value("document.querySelector('#filter').value = 'tokyo'; filter()");
        assert_eq!(page.value("document.querySelectorAll('.row:not([hidden])').length"), 7);
        page.fits();

        page.value("document.querySelector('#filter').value = ''; filter()");
        page.until("document.querySelector('.bar.private')?.textContent === 'Private'");
        page.value("document.querySelector('.bar.private').click()");
        page.until("document.querySelector('dialog[open] h3').textContent === 'Private'");
        page.fits();
        page.is_clean();
    });
    watching.await.unwrap();
    board.stop().await;
}

#[tokio::test]
async fn other_days_and_the_health_can_be_seen() {
    let (board, _stream) = board().await;
    let url = board.url.clone();
    let watching = tokio::task::spawn_blocking(move || {
        let page = Page::open(&url, (1280, 900));
        page.until("document.querySelector('#fresh strong').textContent === '17 / 21'");
        page.until("document.querySelector('#figures').textContent.includes('Throttled rooms1')");
        page.value("document.querySelector('#next').click()");
        page.until("document.querySelector('#date').value === '2026-02-10'");
        page.until("document.querySelectorAll('.row').length === 21 && document.querySelectorAll('.bar').length === 3");
        assert_eq!(page.value("document.querySelectorAll('.now').length"), 0);
        page.value("document.querySelector('#today').click()");
        page.until(
            "document.querySelectorAll('.now').length > 0 && document.querySelectorAll('.bar').length > 80",
        );
        page.is_clean();
    });
    watching.await.unwrap();
    board.stop().await;
}
