//! The account of what happens, for people: one line per thing worth knowing, a bar while the first copy runs.

use std::fmt::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc;

use crate::clock::now;

/// Something worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A step of the start-up begins.
    Step(String),
    /// Everything is up; lines that say where.
    Ready(Vec<(String, String)>),
    /// How far the first copy is.
    Copy {
        /// Rooms there are.
        rooms: u64,
        /// Rooms that are copied.
        copied: u64,
        /// Bookings that are written.
        bookings: u64,
    },
    /// The first copy is over; how many rooms could not be copied.
    CopyOver {
        /// Rooms without access or mailbox, for example.
        stuck: u64,
    },
    /// What the live user did in Outlook.
    Outlook(String),
    /// A change after the first copy.
    Change(String),
    /// Something that should not be.
    Trouble(String),
}

/// Where news are told.
#[derive(Debug, Clone)]
pub struct Teller(mpsc::UnboundedSender<News>);

impl Teller {
    /// A teller and the other end, for [`account`].
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<News>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Tells; if nobody listens any more, it is not worth knowing.
    pub fn tell(&self, news: News) {
        let _ = self.0.send(news);
    }
}

/// Writes news to standard output until there are no tellers left.
pub async fn account(mut news: mpsc::UnboundedReceiver<News>) {
    let mut copy = Copy::new();
    while let Some(news) = news.recv().await {
        match news {
            News::Step(step) => copy.line(&format!("· {step}")),
            News::Ready(places) => copy.line(&ready(&places)),
            News::Copy { rooms, copied, bookings } => copy.progress(rooms, copied, bookings),
            News::CopyOver { stuck } => copy.over(stuck),
            News::Outlook(deed) => copy.line(&format!("{}  Outlook  {deed}", now().format("%H:%M:%S"))),
            News::Change(change) => copy.line(&format!("{}  table    {change}", now().format("%H:%M:%S"))),
            News::Trouble(trouble) => copy.line(&format!("{}  ! {trouble}", now().format("%H:%M:%S"))),
        }
    }
}

fn ready(places: &[(String, String)]) -> String {
    let mut text = String::from("✓ everything is up; Ctrl-C ends it\n");
    for (what, place) in places {
        let _ = writeln!(text, "  {what:<16} {place}");
    }
    text
}

/// The first copy: how far it is, how fast, how long it will take.
struct Copy {
    bar: ProgressBar,
    bookings: u64,
    told: u64,
}

impl Copy {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar, bookings: 0, told: 0 }
    }

    fn progress(&mut self, rooms: u64, copied: u64, bookings: u64) {
        if self.bar.length().is_none() {
            let style = ProgressStyle::with_template(
                "  first copy {bar:24} {pos}/{len} rooms, {per_sec}, {eta} left · {msg}",
            );
            if let Ok(style) = style {
                self.bar.set_style(style);
            }
            self.bar.reset();
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bookings = bookings;
        self.bar.set_length(rooms);
        self.bar.set_position(copied);
        self.bar.set_message(format!("{bookings} bookings"));
        let tenth = copied * 10 / rooms.max(1);
        if self.bar.is_hidden() && tenth > self.told {
            // No terminal, so no bar: a line for every tenth.
            self.told = tenth;
            let (rate, eta) = (self.bar.per_sec(), self.bar.eta().as_secs());
            self.line(&format!(
                "  first copy: {copied}/{rooms} rooms, {bookings} bookings, {rate:.1} rooms/s, {eta} s left"
            ));
        }
    }

    fn over(&mut self, stuck: u64) {
        let (rooms, seconds) = (self.bar.position(), self.bar.elapsed().as_secs_f64());
        self.bar.finish_and_clear();
        self.line(&format!("✓ first copy: {rooms} rooms, {} bookings in {seconds:.1} s", self.bookings));
        if stuck > 0 {
            self.line(&format!("! {stuck} rooms cannot be read; `cargo roomsync --local status` tells why"));
        }
    }

    /// A line above the bar.
    #[expect(clippy::print_stdout, reason = "the account is what this program is for")]
    fn line(&self, text: &str) {
        self.bar.suspend(|| println!("{text}"));
    }
}
