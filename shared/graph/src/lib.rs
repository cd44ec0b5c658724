//! Microsoft Graph behind the ports `Graph`, `Calendar`, `Directory`, `Subscriptions` and `Meetings`: the only crate that knows HTTP, Graph's
//! shapes and its login host.
//!
//! ```text
//! Calendar, Directory ── delta · view · entry · places · users      what is asked, how answers are read
//! Subscriptions       ── subscriptions                              who is called about changes
//! Meetings            ── meetings · meeting                         what is written
//!                          └─ send ── link · lanes · token · outcome  the one way to Graph
//!                               └─ Transport                          HttpTransport, or a program in the same process
//! ```
//!
//! What it promises:
//!
//! - A token goes to the Graph host of the tenant's cloud and nowhere else. Links are checked before a token is even fetched.
//! - A mailbox sees at most two calls at a time, and none before the time that it asked for with `Retry-After`.
//! - An answer is used whole or not at all: what cannot be read is an error with a request id, never an empty result.
//! - Subjects and organizers of calendar entries are not decoded unless the tenant's policy wants them and the entry is of normal
//!   sensitivity. Those of meetings that commands have made are, for they are compared with what is wanted.
//! - There are no retries here but one: a token that was refused, or that may lack a new role, is replaced once.
#![allow(async_fn_in_trait, reason = "every caller is generic over the transport and awaits on its own task")]

mod client;
mod cloud;
mod delta;
mod entry;
mod grant;
mod lanes;
mod link;
mod login;
mod meeting;
mod meetings;
mod outcome;
mod places;
mod proof;
mod retry_after;
mod send;
mod subscriptions;
mod token;
mod transport;
mod users;
mod view;
mod wire;

pub use client::{GraphClient, Options, RequestIds, TenantGraph};
pub use cloud::{EndpointError, Endpoints};
pub use transport::{BODY_LIMIT, HttpTransport, SetupError, TIMEOUT, Transport, TransportError, USER_AGENT};
