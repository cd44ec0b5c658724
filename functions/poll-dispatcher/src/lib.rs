#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
pub mod config;
pub mod dispatch;

pub use dispatch::{Dispatched, dispatch};
