//! The whole system as its users see it: one command brings it up, its doors are those of the contract, Ctrl-C takes it away.
//!
//! The real program runs with the real emulator, the real function binaries and the built-in demo. Nothing inside is looked at.

mod fold;
mod system;
mod truth;

use std::time::Duration;

use fold::Table;
use serde_json::Value;
use system::{System, until};
use truth::Twin;

/// Rooms of the demo tenant.
const ROOMS: usize = 40;
/// Changes after the first copy that the streams have to show: about twenty seconds of the live user's work.
const CHANGES: usize = 6;
/// For everything that should be a matter of seconds, on a machine that has others to serve.
const SOON: Duration = Duration::from_secs(90);

#[tokio::test]
async fn one_command_brings_the_system_up_follows_outlook_and_takes_it_down_again() {
    let system = System::start().await;
    let endpoints = system.endpoints.clone();
    let mut rooms = Table::follow(&endpoints, "rooms", "room", ["tenantId", "roomId"]).await;
    let mut bookings = Table::follow(&endpoints, "bookings", "booking", ["roomKey", "bookingId"]).await;

    until("all rooms are copied", SOON, async || {
        rooms.read().await;
        bookings.read().await;
        (fresh(&system.status().await) == ROOMS).then_some(())
    })
    .await;
    assert_eq!(rooms.items.len(), ROOMS);
    assert!(bookings.items.len() > ROOMS, "a demo without meetings shows nothing");

    bookings.catch_up().await;
    let copied = bookings.records;
    // What they do and in which order depends on the day; every fourth action calls something off.
    until(
        "the streams show what people do in Outlook, and that something was called off",
        SOON,
        async || {
            bookings.read().await;
            let is_over = |booking: &Value| booking["status"] == "ended";
            (bookings.records >= copied + CHANGES && bookings.items.values().any(is_over)).then_some(())
        },
    )
    .await;

    let twin = Twin::at(&endpoints);
    for room in rooms.items.values() {
        let email = room["email"].as_str().expect("a room has an address");
        until(&format!("{email} is as in Outlook"), SOON, async || {
            bookings.read().await;
            twin.agrees(email, bookings.items.values()).await.then_some(())
        })
        .await;
    }
    bookings.holds_what_its_stream_says().await;
    twin.nothing_private(bookings.items.values(), &system.logs()).await;

    let board = system.get(&format!("{}/api/day", endpoint(&endpoints, "boardUrl"))).await;
    let page = system.get(endpoint(&endpoints, "boardUrl")).await;
    assert!(page.starts_with("<!doctype html>") || page.starts_with("<!DOCTYPE html>"), "{page}");
    for room in rooms.items.values() {
        let name = room["displayName"].as_str().expect("a room has a name");
        assert!(board.contains(name), "the board does not show {name}");
    }

    the_webhook_answers_graph_and_nobody_else(endpoint(&endpoints, "webhookUrl")).await;
    system.interrupt().await;
}

async fn the_webhook_answers_graph_and_nobody_else(url: &str) {
    let client = reqwest::Client::new();
    let handshake = client.post(format!("{url}?validationToken=Validation%3a+Testing")).send().await;
    let handshake = handshake.expect("an answer to the handshake");
    assert_eq!(
        (handshake.status().as_u16(), &handshake.headers()["content-type"]),
        (200, &"text/plain; charset=utf-8".parse().expect("a header"))
    );
    assert_eq!(handshake.text().await.expect("a token"), "Validation: Testing");
    let forged = client
        .post(url)
        .header("content-type", "application/json")
        .body(r#"{"value":[{"clientState":"guess"}]}"#);
    assert_eq!(forged.send().await.expect("an answer to a forgery").status(), 202);
    assert_eq!(client.get(url).send().await.expect("an answer").status(), 405);
}

fn endpoint<'a>(endpoints: &'a Value, name: &str) -> &'a str {
    endpoints[name].as_str().unwrap_or_else(|| panic!("endpoints.json has no {name}"))
}

/// How many rooms `roomsync status` calls fresh.
fn fresh(status: &Value) -> usize {
    let rooms = status["tenants"][0]["rooms"].as_array().expect("the status of one tenant");
    rooms.iter().filter(|room| room["state"] == "fresh").count()
}
