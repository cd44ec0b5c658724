//! What is known of the world, to judge what must be true at every moment (docs/SIMULATION.md, "What is checked"): of calls, of endings,
//! of the streams, of notices. The first breach ends a history.

use crate::call_watch::CallWatch;
use crate::ending_watch::EndingWatch;
use crate::push_watch::PushWatch;
use crate::stream_watch::StreamWatch;
use crate::universe::Universe;
use futures::FutureExt;
use roomsync_domain::{Instant, RoomId, RoomRef, TenantId};
use roomsync_ports::{BookingStore, RoomStore};
use std::collections::{BTreeMap, BTreeSet};

/// Word that is in everything that must never be seen outside of a calendar.
pub(crate) const CANARY: &str = "canary";

/// What is known of the world to judge the functions by.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) wrong: Vec<String>,
    pub(crate) calls: CallWatch,
    pub(crate) endings: EndingWatch,
    pub(crate) streams: StreamWatch,
    pub(crate) push: PushWatch,
    /// Tenant of each mailbox.
    pub(crate) homes: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
    /// Clocks are wrong in this history: promises that went through a table are not judged.
    pub(crate) skewed: bool,
    /// When tenants were off-boarded or taken back; functions remember a tenant for a minute.
    pub(crate) turned: BTreeMap<String, Instant>,
    /// Rooms that had another address, which what was sent to that does not reach any more.
    pub(crate) readdressed: BTreeSet<String>,
}

impl Universe {
    /// Makes a mailbox known.
    pub(crate) fn adopt(&self, tenant: &str, mailbox: &str, name: &str) {
        let mut watch = self.watch.borrow_mut();
        watch.homes.insert(mailbox.to_owned(), tenant.to_owned());
        watch.names.insert(mailbox.to_owned(), name.to_owned());
    }

    /// Makes a tenant known by a name for stories.
    pub(crate) fn call_it(&self, id: &str, name: &str) {
        self.watch.borrow_mut().names.insert(id.to_owned(), name.to_owned());
    }

    pub(crate) fn name_of(&self, id: &str) -> String {
        if !self.story.tells() {
            return String::new();
        }
        self.watch.borrow().names.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// What is noted about rooms and tenants that cannot be read, as people see it.
    pub(crate) fn troubles(&self) -> String {
        let watch = self.watch.borrow();
        let mut text = String::new();
        for (mailbox, tenant) in &watch.homes {
            let Some(tenant) = TenantId::parse(tenant) else { continue };
            let room = RoomRef::new(tenant.clone(), RoomId::new(mailbox));
            let cursor = self.store.cursor(&room).now_or_never().and_then(Result::ok).flatten();
            let memory = self.store.directory_memory(&tenant).now_or_never().and_then(Result::ok);
            text += &format!(
                "{:?} {:?}",
                cursor.and_then(|cursor| cursor.trouble),
                memory.map(|memory| memory.trouble)
            );
        }
        text
    }

    /// The rooms of a tenant that were ever there.
    pub(crate) fn rooms_of(&self, tenant: &str) -> Vec<String> {
        let watch = self.watch.borrow();
        watch.homes.iter().filter(|(_, of)| *of == tenant).map(|(room, _)| room.clone()).collect()
    }
}
