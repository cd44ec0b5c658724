//! Queue, pump and function together, on the emulator.

use std::collections::BTreeMap;

use crate::support::Bench;
use roomsync_local::{Aws, Emulator, create_stack, pump, python};
use serde_json::json;

/// Runs the pump beside the test's own future.
async fn pumping(bench: &Bench, aws: &Aws, test: impl Future<Output = ()>) {
    let lambda = &bench.host.lambdas["echo"];
    let source = &lambda.function.queues[0];
    let queue = bench.stack.queue("Jobs").expect("the template has it");
    let pumped = async {
        tokio::select! {
            () = test => {}
            never = pump(aws, source, queue, lambda, &bench.teller) => match never {},
        }
    };
    bench.hosting(pumped).await;
}

async fn send(bench: &Bench, aws: &Aws, group: &str, body: serde_json::Value) {
    let queue = bench.stack.queue("Jobs").expect("the template has it");
    let request = aws.sqs.send_message().queue_url(&queue.url).message_group_id(group);
    let request = request.message_deduplication_id(body.to_string()).message_body(body.to_string());
    request.send().await.expect("a queue that takes it");
}

/// Messages of a queue, hidden ones too.
async fn left(aws: &Aws, url: &str) -> u32 {
    use aws_sdk_sqs::types::QueueAttributeName::{self, All};
    let attributes = aws.sqs.get_queue_attributes().queue_url(url).attribute_names(All).send().await;
    let attributes = attributes.expect("a queue").attributes.unwrap_or_default();
    let count =
        |name: QueueAttributeName| attributes.get(&name).and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
    count(QueueAttributeName::ApproximateNumberOfMessages)
        + count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
}

#[tokio::test]
async fn messages_reach_the_function_in_order_and_at_once_and_failures_end_in_the_dead_letter_queue() {
    let bench = Bench::new();
    let python = python().await.expect("a Python");
    let emulator = Emulator::start(&bench.place, &python, bench.ports, &bench.teller).await.unwrap();
    let aws = Aws::at(&bench.ports.aws_url());
    create_stack(&aws, &bench.stack).await.unwrap();
    let jobs = &bench.stack.queue("Jobs").unwrap().url;
    let dead = &bench.stack.queue("Dead").unwrap().url;

    // The second room's message comes while the first one is worked on, and neither ends without the other.
    let folder = bench.folder.path().join("meeting");
    std::fs::create_dir(&folder).unwrap();
    let meet = async |group| {
        send(&bench, &aws, group, json!({"id": format!("meets-{group}"), "do": "meet", "folder": folder}))
            .await;
    };
    let mut sent: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    pumping(&bench, &aws, async {
        meet("a").await;
        while std::fs::read_dir(&folder).unwrap().count() == 0 {
            left(&aws, jobs).await;
        }
        meet("b").await;
        while left(&aws, jobs).await > 0 {}

        // Order within each group, and one that fails beside others that do not. No other pump: a receive that nobody waits for
        // any more would still take messages.
        for n in 0..4 {
            for group in ["a", "b", "c"] {
                let id = format!("{group}-{n}");
                send(&bench, &aws, group, json!({"id": id})).await;
                sent.entry(group).or_default().push(id);
            }
        }
        send(&bench, &aws, "bad", json!({"id": "bad", "do": "fail"})).await;
        while left(&aws, jobs).await > 0 {}
    })
    .await;
    let seen = bench.log();
    for (group, expected) in sent {
        let of_group: Vec<_> =
            seen.iter().filter(|id| id.starts_with(&format!("{group}-"))).cloned().collect();
        assert_eq!(of_group, expected);
    }
    assert_eq!(left(&aws, dead).await, 1);

    drop(emulator);
    std::net::TcpListener::bind(("127.0.0.1", bench.ports.aws)).expect("the emulator is gone with its port");
}
