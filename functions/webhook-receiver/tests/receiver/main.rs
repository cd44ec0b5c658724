//! The function, from API Gateway's event to its answer and to what is in the queues afterwards.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod forgeries;
mod fuzz;
mod handshake;
mod keys;
mod notices;
mod refusals;
mod support;
