#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
pub mod config;
pub mod event;
pub mod handler;
pub mod rooms;
pub mod settle;
pub mod steps;
pub mod stop;
pub mod taken;
pub mod write_booking;

pub use handler::{Deps, handle};
pub use roomsync_runtime::batch::Event;
