use chrono::TimeDelta;
use roomsync_domain::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// Settings of a FIFO queue.
#[derive(Debug, Clone, Copy)]
pub struct FifoRules {
    /// How long a received message is hidden.
    pub visibility: TimeDelta,
    /// Receives after which a message goes to the dead-letter queue.
    pub max_receives: u32,
}

impl Default for FifoRules {
    /// As in `template.yaml`.
    fn default() -> Self {
        Self { visibility: TimeDelta::seconds(360), max_receives: 10 }
    }
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its group.
    pub group: String,
    /// Its body.
    pub body: String,
    /// Needed to delete or release it; another one at every receive.
    pub receipt: u64,
    /// How often it was received, this time included.
    pub receives: u32,
    /// When it was sent.
    pub sent_at: Instant,
}

/// The rules of an SQS FIFO queue with deduplication per group (SQS developer guide, FIFO pages): messages of a group come in their
/// order, none while an earlier one is hidden; the same deduplication id within five minutes is one message, even if the first is
/// already deleted; what was received too often goes to the dead letters.
#[derive(Debug, Default)]
pub struct FifoQueue {
    rules: FifoRules,
    messages: Vec<Held>,
    sent: BTreeMap<(String, String), Instant>,
    dead: Vec<Message>,
    count: u64,
}

#[derive(Debug)]
struct Held {
    message: Message,
    hidden_until: Option<Instant>,
}

impl FifoQueue {
    /// An empty queue.
    #[must_use]
    pub fn new(rules: FifoRules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// An empty queue whose receipts are no other queue's: they begin after `first`.
    #[must_use]
    pub fn numbered_from(first: u64, rules: FifoRules) -> Self {
        Self { rules, count: first, ..Self::default() }
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Takes a message, unless it is a repetition.
    pub fn send(&mut self, group: &str, deduplication: &str, body: &str, now: Instant) {
        self.sent.retain(|_, at| now < *at + TimeDelta::minutes(5));
        let key = (group.to_owned(), deduplication.to_owned());
        if self.sent.contains_key(&key) {
            return;
        }
        self.sent.insert(key, now);
        let message = Message {
            id: format!("message-{}", self.next()),
            group: group.to_owned(),
            body: body.to_owned(),
            receipt: 0,
            receives: 0,
            sent_at: now,
        };
        self.messages.push(Held { message, hidden_until: None });
    }

    /// At most `max` messages; they are hidden from now on.
    pub fn receive(&mut self, max: usize, now: Instant) -> Vec<Message> {
        let busy: BTreeSet<String> = self
            .messages
            .iter()
            .filter(|held| held.hidden_until.is_some_and(|until| now < until))
            .map(|held| held.message.group.clone())
            .collect();
        let mut received = Vec::new();
        let mut at = 0;
        while at < self.messages.len() && received.len() < max {
            let receipt = self.next();
            let held = &mut self.messages[at];
            if busy.contains(&held.message.group) {
                at += 1;
            } else if held.message.receives >= self.rules.max_receives {
                self.dead.push(self.messages.remove(at).message);
            } else {
                held.message.receives += 1;
                held.message.receipt = receipt;
                held.hidden_until = Some(now + self.rules.visibility);
                received.push(held.message.clone());
                at += 1;
            }
        }
        received
    }

    /// Deletes a message by its last receipt; an older receipt deletes nothing.
    pub fn delete(&mut self, receipt: u64) {
        self.messages.retain(|held| held.message.receipt != receipt || receipt == 0);
    }

    /// Hides a received message for so long, counted from now; nothing makes it visible at once.
    pub fn hide(&mut self, receipt: u64, delay: TimeDelta, now: Instant) {
        for held in self.messages.iter_mut().filter(|held| held.message.receipt == receipt) {
            held.hidden_until = Some(now + delay);
        }
    }

    /// The messages that are not deleted, hidden ones too, in their order.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().map(|held| &held.message)
    }

    /// The dead letters.
    #[must_use]
    pub fn dead(&self) -> &[Message] {
        &self.dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::at;

    fn bodies(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|message| message.body.as_str()).collect()
    }

    fn queue(bodies: &[(&str, &str)]) -> FifoQueue {
        let mut queue = FifoQueue::default();
        for (group, body) in bodies {
            queue.send(group, body, body, noon());
        }
        queue
    }

    fn noon() -> Instant {
        at("2026-02-09T12:00:00Z")
    }

    #[test]
    fn a_group_waits_for_its_hidden_message() {
        let mut queue = queue(&[("a", "a1"), ("a", "a2"), ("b", "b1")]);
        let first = queue.receive(1, noon());
        assert_eq!(bodies(&first), ["a1"]);
        assert_eq!(bodies(&queue.receive(10, noon())), ["b1"]);
        queue.delete(first[0].receipt);
        assert_eq!(bodies(&queue.receive(10, noon())), ["a2"]);
    }

    #[test]
    fn a_message_comes_back_in_its_place_when_its_time_is_over() {
        let mut queue = queue(&[("a", "a1"), ("a", "a2")]);
        let first = queue.receive(1, noon());
        assert!(queue.receive(10, noon() + TimeDelta::seconds(359)).is_empty());
        let again = queue.receive(10, noon() + TimeDelta::seconds(360));
        assert_eq!(bodies(&again), ["a1", "a2"]);
        assert_eq!(again[0].receives, 2);
        queue.delete(first[0].receipt);
        assert_eq!(queue.messages().count(), 2, "an old receipt deletes nothing");
    }

    #[test]
    fn a_repetition_is_one_message_for_five_minutes_though_it_was_deleted() {
        let mut queue = queue(&[("a", "same")]);
        let received = queue.receive(1, noon());
        queue.delete(received[0].receipt);
        queue.send("a", "same", "same", noon() + TimeDelta::seconds(299));
        assert_eq!(queue.messages().count(), 0);
        queue.send("b", "same", "same", noon());
        queue.send("a", "same", "same", noon() + TimeDelta::seconds(300));
        assert_eq!(queue.messages().count(), 2);
    }

    #[test]
    fn what_fails_too_often_lets_the_next_one_through() {
        let mut queue = queue(&[("a", "poison"), ("a", "good")]);
        for _ in 0..FifoRules::default().max_receives {
            let received = queue.receive(1, noon());
            assert_eq!(bodies(&received), ["poison"]);
            queue.hide(received[0].receipt, TimeDelta::zero(), noon());
        }
        assert_eq!(bodies(&queue.receive(1, noon())), ["good"]);
        assert_eq!(bodies(queue.dead()), ["poison"]);
    }
}
