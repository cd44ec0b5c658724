//! The board's server, without a browser.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod demo;

use roomsync_board::{Board, Running};
use roomsync_domain::time::seconds;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn board() -> Running {
    let (script, stream) = demo::Script::new(demo::records());
    // The stream stays silent; it must not end either.
    std::mem::forget(stream);
    let clock = Arc::new(demo::Still(seconds::parse(demo::NOON).unwrap()));
    Board::start_with(script, clock, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

async fn ask(board: &Running, path: &str, host: &str) -> TcpStream {
    let mut socket = TcpStream::connect(board.url.trim_start_matches("http://")).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

async fn get(board: &Running, path: &str, host: &str) -> String {
    let mut answer = String::new();
    ask(board, path, host).await.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn only_loopback_names_are_answered() {
    let board = board().await;
    for host in ["127.0.0.1:80", "localhost", "[::1]:9"] {
        assert!(get(&board, "/", host).await.starts_with("HTTP/1.1 200"), "{host}");
    }
    for host in ["board.example", "127.0.0.1.board.example:80", ""] {
        let answer = get(&board, "/api/day", host).await;
        assert!(answer.starts_with("HTTP/1.1 421") && !answer.contains("Bellecour"), "{host}: {answer}");
    }
    board.stop().await;
}

#[tokio::test]
async fn the_page_may_load_nothing_foreign() {
    let board = board().await;
    let answer = get(&board, "/", "localhost").await;
    assert!(answer.contains("content-security-policy: default-src 'none'"), "{answer}");
    assert!(!answer.contains("unsafe-inline"));
    board.stop().await;
}

#[tokio::test]
async fn a_day_is_json_and_a_wrong_date_is_refused() {
    let board = board().await;
    // The first event comes when the tables were read.
    let mut events = ask(&board, "/events", "localhost").await;
    let mut seen = String::new();
    while !seen.contains("Bellecour") {
        let mut chunk = vec![0; 4096];
        let read = timeout(Duration::from_secs(20), events.read(&mut chunk)).await.unwrap().unwrap();
        seen.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    let answer = get(&board, "/api/day?date=2026-02-10", "localhost").await;
    let day: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(day["date"], "2026-02-10");
    assert_eq!(day["buildings"][0]["name"], "Lyon");
    assert_eq!(day["buildings"][0]["rooms"][5]["bars"][0]["title"], "Closed for painting");
    assert!(get(&board, "/api/day?date=tomorrow", "localhost").await.starts_with("HTTP/1.1 400"));

    // An open page does not keep the board from stopping.
    timeout(Duration::from_secs(20), board.stop()).await.unwrap();
    let mut rest = Vec::new();
    timeout(Duration::from_secs(20), events.read_to_end(&mut rest)).await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_else_on_the_network_can_look() {
    let clock = || Arc::new(demo::Still(seconds::parse(demo::NOON).unwrap()));
    let (script, _stream) = demo::Script::new(Vec::new());
    let refused = Board::start_with(script, clock(), "0.0.0.0:0".parse().unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains("loopback"), "{refused}");

    let board = board().await;
    let (script, _stream) = demo::Script::new(Vec::new());
    let taken = board.url.trim_start_matches("http://").parse().unwrap();
    let refused = Board::start_with(script, clock(), taken).await.unwrap_err();
    assert!(refused.to_string().contains("name another port"), "{refused}");
    board.stop().await;
}
