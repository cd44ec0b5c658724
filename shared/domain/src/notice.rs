//! How many looks notices are worth.
//!
//! A change makes three or four notices (msgraph-sdk-dotnet and Q&A reports), a flood makes thousands, and the first of them may come
//! before the change can be read. So a look answers every notice that is older than its begin by a little, what is fresher is looked at
//! once more, and two looks that notices ask for are never closer than two seconds. All of it is about work: a clock that is wrong
//! costs latency, for the clock asks for a look anyway.

use crate::time::Instant;
use chrono::TimeDelta;

/// How much older than the begin of a look a notice must be to be answered by it: until then the change may not be readable yet.
const LAG_MS: i64 = 1_000;
/// Time between two looks that notices ask for.
const GAP_MS: i64 = 2_000;
/// Time until the second look when the first one found nothing: what the notice speaks of cannot be read yet.
const PATIENCE_MS: i64 = 3_000;
/// A message that came so often is looked at, and is done, whatever the clocks say.
const MOST_RECEIVES: u32 = 4;

/// The messages of a look that nobody but notices asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notices {
    /// When the newest was sent; nothing if that is not known.
    pub sent_at: Option<Instant>,
    /// How often one of them was received at most.
    pub receives: u32,
    /// How many there are.
    pub count: usize,
}

/// So many messages in one batch are more than a change or two explain.
const FLOOD: usize = 5;

/// What notices are worth before a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// Nothing: a look that was begun after them has answered them.
    Answered,
    /// A look, but not yet.
    Later(TimeDelta),
    /// A look.
    Look,
}

impl Notices {
    /// Whether there are so many that more may follow, in other environments too.
    #[must_use]
    pub fn are_a_flood(&self) -> bool {
        self.count >= FLOOD
    }

    /// What they are worth, when the newest look was begun at `last_look`.
    #[must_use]
    pub fn worth(&self, last_look: Option<Instant>, now: Instant) -> Worth {
        let Some(last) = last_look.filter(|last| *last <= now) else { return Worth::Look };
        if self.sent_at.is_some_and(|sent| sent + TimeDelta::milliseconds(LAG_MS) <= last) {
            return Worth::Answered;
        }
        let next = last + TimeDelta::milliseconds(GAP_MS);
        if now < next && self.receives < MOST_RECEIVES { Worth::Later(next - now) } else { Worth::Look }
    }

    /// After a look that was begun at `begun`: those that were sent after the first instant are looked at again after the delay. Nothing
    /// if all are answered.
    #[must_use]
    pub fn again(&self, begun: Instant, is_quiet: bool) -> Option<(Instant, TimeDelta)> {
        let answered = begun - TimeDelta::milliseconds(LAG_MS);
        let is_fresh = self.sent_at.is_some_and(|sent| sent > answered) && self.receives < MOST_RECEIVES;
        is_fresh.then(|| (answered, TimeDelta::milliseconds(if is_quiet { PATIENCE_MS } else { GAP_MS })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Instant {
        Instant::from_timestamp_millis(1_770_000_000_000 + ms).unwrap()
    }

    fn notices(sent: i64, receives: u32) -> Notices {
        Notices { sent_at: Some(at(sent)), receives, count: 1 }
    }

    #[test]
    fn what_notices_are_worth() {
        let cases = [
            // (sent, receives, last look, now, worth)
            (0, 1, None, 100, Worth::Look),
            (0, 1, Some(1_000), 1_500, Worth::Answered),
            (1, 1, Some(1_000), 1_500, Worth::Later(TimeDelta::milliseconds(1_500))),
            (1, 3, Some(1_000), 2_999, Worth::Later(TimeDelta::milliseconds(1))),
            (1, 1, Some(1_000), 3_000, Worth::Look),
            (1, 4, Some(1_000), 1_500, Worth::Look), // it came back often enough
            (0, 1, Some(9_000), 1_500, Worth::Look), // a look from the future: a clock is wrong
        ];
        for (sent, receives, last, now, worth) in cases {
            assert_eq!(notices(sent, receives).worth(last.map(at), at(now)), worth, "{sent} {last:?} {now}");
        }
        let unknown = Notices { sent_at: None, receives: 1, count: 1 };
        assert_eq!(unknown.worth(Some(at(0)), at(5_000)), Worth::Look);
        assert_eq!(unknown.again(at(0), true), None);
    }

    #[test]
    fn what_is_too_fresh_is_looked_at_once_more() {
        let again = |sent, receives, quiet| notices(sent, receives).again(at(5_000), quiet);
        assert_eq!(again(4_900, 1, true), Some((at(4_000), TimeDelta::milliseconds(3_000))));
        assert_eq!(again(4_900, 1, false), Some((at(4_000), TimeDelta::milliseconds(2_000))));
        assert_eq!(again(4_000, 1, true), None);
        assert_eq!(again(4_900, 4, true), None);
    }

    proptest! {
        /// One notice, any lag of its messages, any clock: it is looked at or answered after finitely many receives.
        #[test]
        fn no_message_comes_back_for_ever(sent in -100_000i64..100_000, skew in -100_000i64..100_000) {
            let (mut now, mut last) = (0i64, None);
            for receives in 1..=MOST_RECEIVES {
                let notices = notices(sent, receives);
                match notices.worth(last, at(now + skew)) {
                    Worth::Answered => return Ok(()),
                    Worth::Later(delay) => {
                        prop_assert!(delay <= TimeDelta::milliseconds(GAP_MS));
                        now += delay.num_milliseconds();
                    }
                    Worth::Look => {
                        last = Some(at(now + skew));
                        let Some((_, delay)) = notices.again(at(now + skew), true) else { return Ok(()) };
                        now += delay.num_milliseconds();
                    }
                }
            }
            prop_assert!(false, "still there after {MOST_RECEIVES} receives");
        }

        /// A burst of notices that all are sent within a second costs two looks, however they are batched.
        #[test]
        fn a_burst_costs_two_looks(mut sent in prop::collection::vec(0i64..1_000, 1..200), per_batch in 1usize..11) {
            sent.sort_unstable();
            let mut queue: Vec<(i64, u32)> = sent.into_iter().map(|sent| (sent, 0)).collect();
            let (mut now, mut last, mut looks) = (queue[0].0, None, 0);
            while let Some(first) = queue.first() {
                now = now.max(first.0) + 20;
                let count = queue.iter().take(per_batch).take_while(|(sent, _)| *sent <= now).count();
                let mut batch: Vec<(i64, u32)> = queue.drain(..count).map(|(sent, times)| (sent, times + 1)).collect();
                let newest = batch.iter().map(|(sent, _)| *sent).max().unwrap();
                let most = batch.iter().map(|(_, times)| *times).max().unwrap();
                let notices = notices(newest, most);
                let back = match notices.worth(last, at(now)) {
                    Worth::Answered => None,
                    Worth::Later(delay) => Some((i64::MIN, delay)),
                    Worth::Look => {
                        looks += 1;
                        last = Some(at(now));
                        let answered = now - LAG_MS;
                        notices.again(at(now), true).map(|(_, delay)| (answered, delay))
                    }
                };
                if let Some((answered, delay)) = back {
                    batch.retain(|(sent, _)| *sent > answered);
                    queue.splice(0..0, batch);
                    now += delay.num_milliseconds();
                }
            }
            prop_assert!(looks <= 2, "{looks} looks");
        }
    }
}
