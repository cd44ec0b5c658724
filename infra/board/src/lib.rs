//! The board: rooms × timeline of a day in the browser, live from the streams of `Rooms` and `Bookings`, with the health of
//! the rooms beside it.
//!
//! Everything is kept in memory as a fold of stream records ([`world::World`]); pages get it by server-sent events and draw
//! it. The board only reads. It shows what the tables hold, so a private meeting is a bar named "Private". It listens on a
//! loopback address, has no login, and refuses requests that name another host.

mod assets;
mod clock;
pub mod day;
mod dynamo;
mod follow;
pub mod health;
pub mod latency;
pub mod rows;
#[cfg(test)]
mod sample;
mod serve;
pub mod source;
mod streams;
pub mod words;
pub mod world;

pub use clock::SystemClock;
pub use dynamo::{Dynamo, Tables};
pub use serve::{Board, BoardConfig, Glance, Running, StartError};
