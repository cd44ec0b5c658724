#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
pub mod config;
pub mod door;
pub mod event;
pub mod handler;
pub mod keyring;
pub mod notices;

pub use event::{Answer, Event};
pub use handler::{Deps, handle};
pub use keyring::Keyring;
