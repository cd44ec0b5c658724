//! The adapter over a scripted transport: every request it makes and every answer it is given is in the test.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod calendar;
mod directory;
mod fuzz;
mod links;
mod meetings;
mod outcomes;
mod socket;
mod subscriptions;
mod support;
mod throttling;
mod tokens;
