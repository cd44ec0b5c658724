#![doc = include_str!("../README.md")]

pub mod config;
pub mod dispatch;

pub use dispatch::{Dispatched, dispatch};
