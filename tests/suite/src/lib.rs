//! The whole ingest engine in one process: the handlers that ship, the Graph adapter that ships, the twin behind its transport, and
//! tables, queues, secrets and clock in memory.
//!
//! A scenario acts as an Outlook user or administrator on the twin, lets time pass with [`World::rounds`], and looks at the tables.

pub mod compare;
pub mod history;
pub mod transport;
pub mod webhook;
pub mod wired;
pub mod world;

pub use history::History;
pub use transport::InProcess;
pub use wired::Wired;
pub use world::{ROOM_A, ROOM_B, TENANT, World};
