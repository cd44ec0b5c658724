#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
pub mod config;
pub mod handler;
pub mod sight;
pub mod sync_tenant;

pub use handler::{Deps, handle};
pub use roomsync_runtime::batch::Event;
