//! The board as a program of its own: over AWS with the usual AWS settings, or over a running `cargo local`.

use anyhow::{Context, Result};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use clap::Parser;
use roomsync_board::{Board, BoardConfig, Tables};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Rooms × timeline in the browser, live.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where to listen; a loopback address.
    #[arg(long, default_value = "127.0.0.1:4580")]
    bind: SocketAddr,
    /// Show the system that `cargo local` runs, by the file it keeps.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = ".local/endpoints.json")]
    local: Option<PathBuf>,
    /// Table of rooms.
    #[arg(long, env = "ROOMS_TABLE", required_unless_present = "local")]
    rooms_table: Option<String>,
    /// Table of bookings.
    #[arg(long, env = "BOOKINGS_TABLE", required_unless_present = "local")]
    bookings_table: Option<String>,
    /// Table of cursors.
    #[arg(long, env = "SYNC_STATE_TABLE", required_unless_present = "local")]
    sync_state_table: Option<String>,
}

#[derive(Deserialize)]
struct Endpoints {
    aws: Aws,
    tables: EndpointTables,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Aws {
    endpoint_url: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndpointTables {
    rooms: String,
    bookings: String,
    sync_state: String,
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout, reason = "the address is what this program has to say")]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args = Args::parse();
    let (sdk, tables) = match &args.local {
        Some(file) => local(file)?,
        None => (aws_config::load_defaults(BehaviorVersion::latest()).await, deployed(&args)?),
    };
    let board = Board::start(BoardConfig { tables, sdk, bind: args.bind }).await?;
    println!("The board is at {}; Ctrl-C ends it.", board.url);
    tokio::signal::ctrl_c().await.context("Ctrl-C cannot be waited for")?;
    board.stop().await;
    Ok(())
}

fn deployed(args: &Args) -> Result<Tables> {
    Ok(Tables {
        rooms: args.rooms_table.clone().context("--rooms-table is missing")?,
        bookings: args.bookings_table.clone().context("--bookings-table is missing")?,
        sync_state: args.sync_state_table.clone().context("--sync-state-table is missing")?,
    })
}

fn local(file: &Path) -> Result<(SdkConfig, Tables)> {
    let text = std::fs::read_to_string(file).with_context(|| {
        format!("{} cannot be read; is `cargo local` running in this folder?", file.display())
    })?;
    let Endpoints { aws, tables } = serde_json::from_str(&text)
        .with_context(|| format!("{} is not what `cargo local` writes", file.display()))?;
    let credentials =
        Credentials::new(aws.access_key_id, aws.secret_access_key, None, None, "endpoints file");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(aws.region))
        .endpoint_url(aws.endpoint_url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Ok((sdk, Tables { rooms: tables.rooms, bookings: tables.bookings, sync_state: tables.sync_state }))
}
