//! Deterministic simulation of the ingest engine.
//!
//! The handlers that ship and the Graph adapter that ships run, several invocations at once, against the twin's calendars, tables with
//! DynamoDB's rules and queues with SQS's rules. Everything between them goes wrong in every way that is known to happen, in an order
//! that a seed decides; what must always be true is checked after every write, and what must be true in the end once nothing goes wrong
//! any more. See `docs/SIMULATION.md`.

mod aws_ports;
mod call_watch;
mod calm;
mod commands;
mod company;
mod crowd;
mod ending_watch;
mod faults;
mod fleet;
mod graph_port;
mod history;
mod ledger;
mod listen;
mod mischief;
mod oracle;
mod panics;
mod paths;
mod people;
mod postman;
mod push;
mod push_watch;
pub mod scene;
mod schedule;
mod settle;
pub mod shrink;
mod story;
mod stream_watch;
pub mod sweep;
mod tally;
mod tuning;
mod universe;
mod verdict;
mod watch;
mod writer_ports;

pub use crowd::{Crowd, Outcome, STEPS, missing, run_all};
pub use history::{Plan, Report, run};
pub use tally::Tally;
pub use universe::Harm;
