//! The messages of the queue of booking commands, sorted by booking.

use aws_lambda_events::event::sqs::SqsEvent;
use std::collections::BTreeMap;

/// A message of the queue. No `Debug`: its body may be private.
pub struct Message {
    /// Its id.
    pub id: String,
    /// What it is postponed by.
    pub receipt: Option<String>,
    /// How often it was received, this time included.
    pub receives: u32,
    /// Its group.
    pub group: String,
    /// Its body.
    pub body: String,
}

/// The messages of each group, in their order. Groups are bookings if senders keep to the contract; if not, only the order is lost.
#[must_use]
pub fn lanes(event: SqsEvent) -> Vec<Vec<Message>> {
    let mut lanes: BTreeMap<String, Vec<Message>> = BTreeMap::new();
    for record in event.records {
        let attribute = |name: &str| record.attributes.get(name).cloned().unwrap_or_default();
        let group = attribute("MessageGroupId");
        let receives = attribute("ApproximateReceiveCount").parse().unwrap_or(1);
        let message = Message {
            id: record.message_id.unwrap_or_default(),
            receipt: record.receipt_handle,
            receives,
            group: group.clone(),
            body: record.body.unwrap_or_default(),
        };
        lanes.entry(group).or_default().push(message);
    }
    lanes.into_values().collect()
}
