#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
pub mod config;
pub mod handler;
pub mod keys;
pub mod notices;
pub mod settle;
pub mod stop;
pub mod sweep;

pub use handler::{Deps, Webhook, handle};
pub use roomsync_runtime::batch::Event;
