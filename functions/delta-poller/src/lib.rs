#![doc = include_str!("../README.md")]

mod commit;
mod compare;
#[cfg(feature = "aws")]
pub mod config;
pub mod detect;
pub mod handler;
pub mod lane;
pub mod memory;
pub mod missing;
mod notices;
pub mod outcome;
pub mod poll_room;
pub mod read;
mod series;
pub mod stop;
pub mod trouble;
mod whole;

pub use handler::{Deps, handle};
