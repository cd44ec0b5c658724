//! The mails that meetings cause: who got what, through whose doing. For oracles; nobody reads them here.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::Twin;
use crate::calendar::Response;

/// How many mails are kept; the totals count all of them.
const KEPT: usize = 5000;

/// Kinds of mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum MailKind {
    Invitation,
    Update,
    Cancellation,
    Response,
}

/// Who caused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Hand {
    /// Somebody in Outlook.
    Person,
    /// An app, through Graph.
    App,
    /// A room's attendant.
    Attendant,
}

/// One mail to one person or room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// Tenant id.
    pub tenant: String,
    /// What it is.
    pub kind: MailKind,
    /// Who caused it.
    pub by: Hand,
    /// `iCalUId` of the meeting.
    pub meeting: String,
    /// Address of the sender.
    pub from: String,
    /// Address of the receiver.
    pub to: String,
    /// The answer, in a response.
    pub answer: Option<Response>,
}

/// The mails so far.
#[derive(Debug, Default)]
pub(crate) struct Mails {
    kept: VecDeque<Mail>,
    counts: BTreeMap<MailKind, u64>,
}

impl Mails {
    pub(crate) fn post(&mut self, mail: Mail) {
        *self.counts.entry(mail.kind).or_default() += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(mail);
    }

    pub(crate) fn counts(&self) -> &BTreeMap<MailKind, u64> {
        &self.counts
    }
}

impl Twin {
    /// The last mails (5,000 at most), oldest first.
    pub fn mails(&self) -> impl Iterator<Item = &Mail> {
        self.mails.kept.iter()
    }

    /// Forgets the mails and their counts.
    pub fn reset_mails(&mut self) {
        self.mails = Mails::default();
    }
}
