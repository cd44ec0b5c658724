//! Counters over many histories: what went wrong how often, and which paths were taken.

use std::collections::{BTreeMap, BTreeSet};

/// Counters by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<&'static str, u64>,
    /// Kinds of calls before whose effect, and after whose effect, an invocation died.
    crashed: [BTreeSet<&'static str>; 2],
}

impl Tally {
    /// Counts one.
    pub fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }

    /// An invocation died at a call of this kind, after its effect or before it.
    pub fn crashed(&mut self, kind: &'static str, after: bool) {
        self.crashed[usize::from(after)].insert(kind);
    }

    /// At how many kinds of calls invocations died, before their effect and after it.
    #[must_use]
    pub fn crash_points(&self) -> [usize; 2] {
        self.crashed.each_ref().map(BTreeSet::len)
    }

    /// Adds another one's counters.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            *self.counts.entry(name).or_default() += count;
        }
        for (ours, theirs) in self.crashed.iter_mut().zip(&other.crashed) {
            ours.extend(theirs);
        }
    }

    /// How often something was counted.
    #[must_use]
    pub fn of(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// All counters by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(name, count)| (*name, *count))
    }
}
