//! Paths worth taking, told from what is written.

use crate::universe::Universe;
use roomsync_domain::cursor::{Cursor, Mode};
use roomsync_domain::plan::{Change, Write};

impl Universe {
    /// What a commit tells of the ways that were gone.
    pub(crate) fn paths(&self, before: &Cursor, next: &Cursor) {
        if before.last_full_at.is_none() && next.last_full_at.is_some() {
            self.count("path: first copy");
        }
        if next.mode == Mode::FullRead && before.mode != Mode::FullRead {
            self.count("path: delta given up");
        }
        if next.mode == Mode::Delta && before.mode == Mode::FullRead {
            self.count("path: delta taken up again");
        }
        if next.mode == Mode::Retired {
            self.count("path: room retired");
        }
        if next.guarded.is_some() {
            self.count("path: guard stopped a look");
        } else if before.guarded.is_some() {
            self.count("path: guard satisfied");
        }
        if next.lost_links > before.lost_links {
            self.count("path: link lost");
        }
        if next
            .drift
            .is_some_and(|drift| drift.repaired > 0 && before.drift.is_none_or(|old| old.at != drift.at))
        {
            self.count("path: drift repaired");
        }
        if next.trouble.is_some() && before.trouble.is_none() {
            self.count("path: trouble noted");
        }
        if next.window.is_some() && before.window.is_some() && next.window != before.window {
            self.count("path: window rolled");
        }
    }

    /// What became of bookings.
    pub(crate) fn bookings_written(&self, writes: &[Write], cursor: &Cursor) {
        for write in writes {
            match write.change {
                Change::Created => self.count("path: booking created"),
                Change::Revived => self.count("path: booking revived"),
                Change::Updated => self.count("path: booking updated"),
                Change::Ended => {}
            }
            let span = write.booking.state.span;
            if write.change == Change::Updated && cursor.window.is_some_and(|window| !span.overlaps(&window))
            {
                self.count("path: meeting left the window");
            }
        }
    }
}
