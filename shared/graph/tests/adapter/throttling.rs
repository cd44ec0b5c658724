use crate::support::*;
use roomsync_domain::RoomId;
use roomsync_ports::{Calendar, Directory, Graph, GraphError};
use std::time::Duration;

fn busy(status: u16, wait: &str) -> Reply {
    reply(status, &[("retry-after", wait)], r#"{"error":{"code":"ApplicationThrottled"}}"#)
}

fn wait_of(error: &GraphError) -> Option<Duration> {
    match error {
        GraphError::Throttled { retry_after, .. } => *retry_after,
        other => panic!("not throttled: {other:?}"),
    }
}

#[tokio::test]
async fn no_call_before_the_time_that_was_asked_for() {
    for status in [429, 503] {
        let world = World::default();
        world.network.answers(busy(status, "10")).answers(empty_view());
        let graph = world.tenant();
        let first = graph.view(&room(), week(), BOTH, None).await.unwrap_err();
        assert_eq!(wait_of(&first), Some(Duration::from_secs(10)));
        world.clock.forward(Duration::from_millis(9_999));
        let early = graph.view(&room(), week(), BOTH, None).await.unwrap_err();
        assert_eq!(wait_of(&early), Some(Duration::from_millis(1)));
        assert!(early.to_string().contains("req-1"), "the answer that said so: {early}");
        assert_eq!(world.network.graph_requests().len(), 1);
        world.clock.forward(Duration::from_millis(1));
        graph.view(&room(), week(), BOTH, None).await.unwrap();
    }
}

#[tokio::test]
async fn a_busy_mailbox_keeps_no_other_waiting() {
    let world = World::default();
    world.network.answers(busy(429, "10")).answers(empty_view()).answers(ok(r#"{"value":[]}"#));
    let graph = world.tenant();
    graph.view(&room(), week(), BOTH, None).await.unwrap_err();
    graph.view(&RoomId::new("another"), week(), BOTH, None).await.unwrap();
    assert!(graph.rooms().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_limit_holds_for_every_handle_of_a_tenant_and_for_no_other_tenant() {
    let world = World::default();
    world.network.answers(busy(429, "10")).answers(empty_view());
    let client = world.client();
    let other = "11111111-6d4d-4958-8b9f-9d6445542f95";
    client.tenant(&config(TENANT)).view(&room(), week(), BOTH, None).await.unwrap_err();
    wait_of(&client.tenant(&config(TENANT)).clone().view(&room(), week(), BOTH, None).await.unwrap_err());
    client.tenant(&config(other)).view(&room(), week(), BOTH, None).await.unwrap();
    assert_eq!(world.network.graph_requests().len(), 2);
}

#[tokio::test]
async fn a_longer_wait_is_not_shortened_and_no_wait_is_none() {
    let world = World::default();
    world.network.answers(reply(429, &[], "")).answers(busy(504, "60")).answers(empty_view());
    let graph = world.tenant();
    assert_eq!(wait_of(&graph.view(&room(), week(), BOTH, None).await.unwrap_err()), None);
    let wide = graph.view(&room(), week(), BOTH, None).await.unwrap_err();
    assert!(matches!(wide, GraphError::TooWide(_)), "{wide:?}");
    assert_eq!(
        wait_of(&graph.view(&room(), week(), BOTH, None).await.unwrap_err()),
        Some(Duration::from_secs(60))
    );
    world.clock.forward(Duration::from_secs(60));
    graph.view(&room(), week(), BOTH, None).await.unwrap();
}

#[tokio::test]
async fn a_mailbox_sees_two_calls_at_a_time() {
    let world = World::default();
    for _ in 0..20 {
        world.network.answers(empty_view());
    }
    let graph = world.tenant();
    let room = room();
    let calls = (0..20).map(|_| graph.view(&room, week(), BOTH, None));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(world.network.most_at_once(), 2);
}

#[tokio::test]
async fn calls_that_waited_for_their_turn_see_that_the_mailbox_has_closed() {
    let world = World::default();
    world.network.answers(busy(429, "10")).answers(busy(429, "20"));
    let graph = world.tenant();
    let room = room();
    let calls = (0..20).map(|_| graph.view(&room, week(), BOTH, None));
    let results = futures::future::join_all(calls).await;
    assert!(results.iter().all(|result| matches!(result, Err(GraphError::Throttled { .. }))));
    assert_eq!(world.network.graph_requests().len(), 2);
}

#[tokio::test]
async fn the_longer_of_two_waits_holds() {
    let world = World::default();
    world.network.answers(busy(429, "20")).answers(busy(429, "10")).answers(empty_view());
    let graph = world.tenant();
    let room = room();
    let both =
        futures::future::join(graph.view(&room, week(), BOTH, None), graph.view(&room, week(), BOTH, None));
    assert!(matches!(both.await, (Err(_), Err(_))));
    world.clock.forward(Duration::from_secs(19));
    assert_eq!(
        wait_of(&graph.view(&room, week(), BOTH, None).await.unwrap_err()),
        Some(Duration::from_secs(1))
    );
    world.clock.forward(Duration::from_secs(1));
    graph.view(&room, week(), BOTH, None).await.unwrap();
}

#[tokio::test]
async fn a_call_with_a_second_token_sees_that_the_mailbox_has_closed_meanwhile() {
    let world = World::default();
    world.network.answers(error(401, "InvalidAuthenticationToken")).answers(busy(429, "10"));
    let graph = world.tenant();
    let room = room();
    let both =
        futures::future::join(graph.view(&room, week(), BOTH, None), graph.view(&room, week(), BOTH, None));
    let (first, second) = both.await;
    wait_of(&first.unwrap_err());
    wait_of(&second.unwrap_err());
    assert_eq!(world.network.graph_requests().len(), 2);
}

#[tokio::test]
async fn no_token_is_fetched_for_a_mailbox_that_wants_no_calls() {
    let world = World::default();
    world.network.answers(busy(429, "4000"));
    let graph = world.tenant();
    graph.view(&room(), week(), BOTH, None).await.unwrap_err();
    world.clock.forward(Duration::from_secs(3999));
    wait_of(&graph.view(&room(), week(), BOTH, None).await.unwrap_err());
    assert_eq!(world.network.login_requests().len(), 1);
}
