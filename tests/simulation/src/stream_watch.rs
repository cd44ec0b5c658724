//! What must be true of the streams of the tables.

use crate::universe::Universe;
use crate::watch::CANARY;
use roomsync_domain::booking::Booking;
use roomsync_testkit::{StreamRecord, Tables, fold_onto};

/// What is known of the streams.
#[derive(Default)]
pub(crate) struct StreamWatch {
    folded: Tables,
    /// Records of the streams that were read.
    pub(crate) records: usize,
}

impl Universe {
    pub(crate) fn records_new(&self) -> bool {
        !self.store.stream_from(self.watch.borrow().streams.records).is_empty()
    }

    /// I4, I5, I10: what a reader of the streams sees.
    pub(crate) fn read_streams(&self) {
        let seen = self.watch.borrow().streams.records;
        let records = self.store.stream_from(seen);
        if records.is_empty() {
            return;
        }
        let mut watch = self.watch.borrow_mut();
        watch.streams.records += records.len();
        let folded = fold_onto(&mut watch.streams.folded, &records);
        drop(watch);
        if let Err(fault) = folded {
            self.wrong(format!("I4/I5: {fault}"));
        }
        for record in &records {
            if let StreamRecord::Booking(change) = record
                && let Some(new) = &change.new
            {
                self.story.mark_text(new.id.as_str());
                self.story.mark(&[new.version, new.state.span.start.timestamp().unsigned_abs()]);
                self.tell(new);
                self.confirmed_as_wanted(change.old.as_ref(), new);
                let state = &new.state;
                let texts = [&state.subject, &state.organizer_name, &state.organizer_email];
                if texts.into_iter().flatten().any(|text| text.to_lowercase().contains(CANARY)) {
                    self.wrong(format!("I10: booking {} shows what is private", new.id));
                }
            }
        }
    }

    fn tell(&self, new: &Booking) {
        self.story.say(|| {
            let state = &new.state;
            let room = self.name_of(new.room.room.as_str());
            let status = state.status;
            format!("        stream {room}: {} v{} {status:?} {}", new.id, new.version, state.span.start)
        });
    }

    /// I5 as a whole: the streams make the tables.
    pub(crate) fn streams_make_tables(&self) {
        self.read_streams();
        if self.watch.borrow().streams.folded != self.store.tables() {
            self.wrong("I5: the streams do not make the tables".to_owned());
        }
    }
}
