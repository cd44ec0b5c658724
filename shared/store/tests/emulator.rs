//! The adapter against an embedded DynamoDB with the tables of `template.yaml`.

mod support;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use roomsync_domain::booking::Booking;
use roomsync_domain::cursor::{Cursor, DeltaLink};
use roomsync_domain::plan::Link;
use roomsync_domain::room_plan::RoomWrite;
use roomsync_domain::{BookingId, EventId};
use roomsync_ports::{BookingStore, RoomStore, StoreError};
use roomsync_testkit::{at, booking, created, cursor, room, room_ref, suite, tenant_id};
use std::time::Duration;
use support::{Answers, with_emulator};

#[tokio::test]
async fn it_passes_the_suite_of_tenants() {
    with_emulator(|c| c, async |store, _| suite::tenant_store_suite(&store).await).await;
}

#[tokio::test]
async fn it_passes_the_suite_of_rooms() {
    with_emulator(|c| c, async |store, _| suite::room_store_suite(&store).await).await;
}

#[tokio::test]
async fn it_passes_the_suite_of_bookings() {
    with_emulator(|c| c, async |store, _| suite::booking_store_suite(&store).await).await;
}

#[tokio::test]
async fn it_passes_the_suite_of_writings() {
    with_emulator(|c| c, async |store, _| suite::writing_store_suite(&store).await).await;
}

#[tokio::test]
async fn of_two_commits_at_once_one_wins() {
    with_emulator(
        |c| c,
        async |store, _| {
            let room = room_ref("a");
            let (one, two) = ([created(&booking("one"))], [created(&booking("two"))]);
            let read = cursor();
            let (first, second) =
                tokio::join!(store.commit(&room, &one, &read), store.commit(&room, &two, &read));
            assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1, "{first:?} {second:?}");
            let lost = first.and(second).unwrap_err();
            assert!(matches!(lost, StoreError::Conflict(_)), "{lost}");
            assert_eq!(store.bookings(&room, None, at("2027-01-01T00:00:00Z")).await.unwrap().len(), 1);
        },
    )
    .await;
}

/// The SDK repeats a call whose answer got lost, and a message that comes again may send the same commit again. Without the same token
/// the repetition would fail the condition that the first one has made false.
#[tokio::test]
async fn a_lost_answer_is_no_lost_race() {
    let answers = Answers::default();
    let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    with_emulator(
        |config| config.retry_config(retry).interceptor(answers.clone()),
        async |store, _| {
            answers.push("TransactWriteItems", 500, "");
            let read = Cursor { link: Some(DeltaLink::new("https://a")), ..cursor() };
            let writes = [created(&booking("one"))];
            store.commit(&room_ref("a"), &writes, &read).await.unwrap();
            assert_eq!(answers.take_calls("TransactWriteItems"), 2);
            store.commit(&room_ref("a"), &writes, &read).await.unwrap();
            assert_eq!(store.cursor(&room_ref("a")).await.unwrap().unwrap().version, 1);

            answers.push("TransactWriteItems", 500, "");
            store.put_room(&RoomWrite { over: None, look: true, room: room("a") }).await.unwrap();
            assert_eq!(store.room(&room_ref("a")).await.unwrap(), Some(room("a")));
        },
    )
    .await;
}

#[tokio::test]
async fn keys_that_are_left_over_are_asked_for_again() {
    let answers = Answers::default();
    with_emulator(
        |config| config.interceptor(answers.clone()),
        async |store, _| {
            let room = room_ref("a");
            let chosen = Booking { id: BookingId::new("app-1"), ..booking("one") };
            store.commit(&room, &[created(&chosen)], &cursor()).await.unwrap();
            answers.take_calls("BatchGetItem");

            let events = [EventId::new("one"), EventId::new("two")];
            let links = events.each_ref().map(Link::Event);
            let left = |events: &[&str]| {
                let keys: Vec<String> = events
                    .iter()
                    .map(|event| format!(r#"{{"pk":{{"S":"{room}"}},"sk":{{"S":"event#{event}"}}}}"#))
                    .collect();
                format!(
                    r#"{{"Responses":{{}},"UnprocessedKeys":{{"test-SyncStateTable":{{"Keys":[{}]}}}}}}"#,
                    keys.join(",")
                )
            };
            answers.push("BatchGetItem", 200, left(&["one"]));
            assert_eq!(store.bookings_of(&room, &links).await.unwrap(), [chosen]);
            assert_eq!(answers.take_calls("BatchGetItem"), 3);

            answers.push("BatchGetItem", 200, left(&["one", "two"]));
            let busy = store.bookings_of(&room, &links).await.unwrap_err();
            assert!(matches!(busy, StoreError::Busy(_)), "{busy}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_throttled_table_is_busy_and_a_refused_call_is_not() {
    let answers = Answers::default();
    with_emulator(
        |config| config.retry_config(RetryConfig::disabled()).interceptor(answers.clone()),
        async |store, _| {
            let error = |code: &str| {
                format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"m"}}"#)
            };
            answers.push("GetItem", 400, error("ProvisionedThroughputExceededException"));
            let busy = store.cursor(&room_ref("a")).await.unwrap_err();
            assert!(matches!(&busy, StoreError::Busy(text) if text.starts_with("the cursor of ")), "{busy}");
            answers.push("Query", 400, error("AccessDeniedException"));
            let refused = store.rooms(&tenant_id()).await.unwrap_err();
            assert!(
                matches!(&refused, StoreError::Other(text) if text.contains("AccessDenied")),
                "{refused}"
            );
            answers.push("GetItem", 500, "");
            let down = store.room(&room_ref("a")).await.unwrap_err();
            assert!(matches!(down, StoreError::Busy(_)), "{down}");
        },
    )
    .await;
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_named() {
    with_emulator(
        |c| c,
        async |store, client| {
            let read = Cursor { link: Some(DeltaLink::new("https://secret")), ..cursor() };
            store.commit(&room_ref("a"), &[created(&booking("one"))], &read).await.unwrap();
            client
                .update_item()
                .table_name("test-SyncStateTable")
                .key("pk", AttributeValue::S(room_ref("a").key()))
                .key("sk", AttributeValue::S("cursor".to_owned()))
                .update_expression("SET failures = :text")
                .expression_attribute_values(":text", AttributeValue::S("many".to_owned()))
                .send()
                .await
                .unwrap();
            let error = store.cursor(&room_ref("a")).await.unwrap_err();
            let StoreError::Corrupt { key, why } = &error else { panic!("{error}") };
            assert_eq!(*key, format!("{} / cursor", room_ref("a")));
            assert!(why.starts_with("failures"), "{why}");
            assert!(!why.contains("secret"), "{why}");
        },
    )
    .await;
}
