#![doc = include_str!("../README.md")]

mod account;
mod aws;
mod clock;
mod compile;
mod demo;
mod emulator;
mod endpoints;
mod group;
mod host;
mod lambda;
mod options;
mod place;
mod prerequisites;
mod pump;
mod run;
mod runtime_api;
mod schedule;
mod secrets;
mod shutdown;
mod stack;
mod tenants;
mod watch;

pub use account::{News, Teller, account};
pub use aws::Aws;
pub use compile::Binaries;
pub use emulator::Emulator;
pub use host::{Host, environment};
pub use lambda::{InvocationError, Lambda};
pub use options::{Options, Secret};
pub use place::{Place, Ports};
pub use prerequisites::{Python, free_ports, python};
pub use pump::pump;
pub use run::run;
pub use runtime_api::serve as serve_runtime_api;
pub use schedule::tick;
pub use stack::{create as create_stack, names};
