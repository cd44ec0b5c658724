//! What is remembered of booking commands, behind the same door.

use crate::aws_ports::{Aws, now};
use crate::universe::{Fate, Kind};
use roomsync_domain::booking::Booking;
use roomsync_domain::plan::Write;
use roomsync_domain::writing::Writing;
use roomsync_domain::{BookingId, Instant, RoomRef, TenantId};
use roomsync_ports::{StoreError, WritingStore};

impl WritingStore for Aws {
    async fn writing(&self, tenant: &TenantId, booking: &BookingId) -> Result<Option<Writing>, StoreError> {
        let store = &self.0.universe.store;
        let what = self.what(Kind::Writing, || booking.to_string());
        self.0.io(what, |fate| self.under(fate, || store.writing(tenant, booking))).await
    }

    async fn booking(&self, room: &RoomRef, id: &BookingId) -> Result<Option<Booking>, StoreError> {
        let store = &self.0.universe.store;
        let what = self.what(Kind::Writing, || id.to_string());
        self.0.io(what, |fate| self.under(fate, || store.booking(room, id))).await
    }

    async fn save(
        &self,
        before: Option<&Writing>,
        writing: &Writing,
        rows: &[Write],
    ) -> Result<(), StoreError> {
        let universe = &self.0.universe;
        let what = self.what(Kind::Save, || told(writing, rows));
        let effect = |fate: Fate| {
            let quiet = matches!(fate, Fate::Before(_));
            let result = self.under(fate, || universe.store.save(before, writing, rows));
            if !quiet {
                universe.writing_saved(writing, rows, result.is_err());
            }
            result
        };
        self.0.io(what, effect).await
    }

    async fn closed_until(&self, tenant: &TenantId, mailbox: &str) -> Result<Option<Instant>, StoreError> {
        let store = &self.0.universe.store;
        let what = self.what(Kind::Writing, || mailbox.to_owned());
        self.0.io(what, |fate| self.under(fate, || store.closed_until(tenant, mailbox))).await
    }

    async fn close(&self, tenant: &TenantId, mailbox: &str, until: Instant) -> Result<(), StoreError> {
        let store = &self.0.universe.store;
        let what = self.what(Kind::Close, || mailbox.to_owned());
        self.0.io(what, |fate| self.under(fate, || store.close(tenant, mailbox, until))).await
    }

    async fn due(&self, at: Instant, most: usize) -> Result<Vec<(TenantId, BookingId)>, StoreError> {
        let store = &self.0.universe.store;
        let what = self.what(Kind::Due, String::new);
        self.0.io(what, |fate| self.under(fate, || store.due(at, most))).await
    }
}

fn told(writing: &Writing, rows: &[Write]) -> String {
    format!(
        "{} v{} life {}: {} wanted as {}, applied {}, verified {}, pushes {}, event {}, due {:?}, {} rows",
        writing.booking,
        writing.version,
        writing.life,
        if writing.desired.is_some() { "meeting" } else { "nothing" },
        writing.wanted,
        writing.applied,
        writing.verified,
        writing.pushes,
        if writing.event.is_some() { "known" } else { "unknown" },
        writing.due.map(|due| due.format("%H:%M:%S").to_string()),
        rows.len()
    )
}

impl crate::universe::Universe {
    /// Whether a tick of the writer would find something.
    pub(crate) fn is_anything_due(&self) -> bool {
        now(self.store.due(self.now(), 1)).is_some_and(|due| due.is_ok_and(|due| !due.is_empty()))
    }
}
