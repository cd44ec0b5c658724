//! The board over made-up rooms, for work on the page: `cargo run -p roomsync-board --example made-up`. Its clock stands at
//! noon; a meeting is booked, moved and cancelled over and over.

#[path = "../tests/demo/mod.rs"]
mod demo;

use roomsync_board::Board;
use roomsync_board::rows::Standing;
use roomsync_board::world::Record;
use roomsync_domain::time::seconds;
use std::sync::Arc;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout, reason = "the address is what this program has to say")]
async fn main() -> anyhow::Result<()> {
    let (script, stream) = demo::Script::new(demo::records());
    let noon = seconds::parse(demo::NOON).ok_or_else(|| anyhow::anyhow!("noon is no instant"))?;
    let board = Board::start_with(script, Arc::new(demo::Still(noon)), "127.0.0.1:4581".parse()?).await?;
    println!("{}", board.url);
    for version in 1.. {
        let from = 660 + 30 * (version % 6);
        let mut row =
            demo::booking(demo::key(0, version as usize % 3), "live", from, from + 45, "Just decided");
        row.version = version as u64;
        if version % 4 == 0 {
            (row.standing, row.end_reason) = (Standing::Ended, Some("cancelled".into()));
        }
        stream.send(Record::Booking(row))?;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    Ok(())
}
