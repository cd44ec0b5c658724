//! The adapter over a scripted transport: every request it makes and every answer it is given is in the test.

mod calendar;
mod directory;
mod fuzz;
mod links;
mod outcomes;
mod socket;
mod support;
mod throttling;
mod tokens;
