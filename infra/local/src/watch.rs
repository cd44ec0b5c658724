//! Watches the tables through the board and tells what happens: first how far the copy is, then each change.

use std::convert::Infallible;
use std::time::Duration;

use roomsync_board::Running;
use tokio::time;

use crate::{News, Teller};

/// How often the board is asked.
const EVERY: Duration = Duration::from_millis(500);

/// Tells until dropped. Without rooms there is nothing to tell.
pub(crate) async fn watch(board: &Running, teller: &Teller) -> Infallible {
    let mut beat = time::interval(EVERY);
    let mut known = 0;
    loop {
        beat.tick().await;
        let glance = board.glance(known);
        // A stream comes after its table: what it still has to tell belongs to the copy.
        let told = glance.changes == known;
        known = glance.changes;
        if glance.rooms == 0 {
            continue;
        }
        let count = |n: usize| n as u64;
        teller.tell(News::Copy {
            rooms: count(glance.rooms),
            copied: count(glance.copied),
            bookings: count(glance.bookings),
        });
        if told && glance.copied + glance.stuck == glance.rooms {
            teller.tell(News::CopyOver { stuck: count(glance.stuck) });
            break;
        }
    }
    loop {
        beat.tick().await;
        let glance = board.glance(known);
        known = glance.changes;
        for change in glance.latest {
            teller.tell(News::Change(format!("{}: {}", change.room, change.what)));
        }
    }
}
