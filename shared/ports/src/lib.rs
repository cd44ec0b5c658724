//! What roomsync needs from outside, in its own words.
//!
//! Every await of a use case goes through one of these traits, so that a simulator can stand behind all of them and stop, repeat or
//! reorder any step. Adapters: `roomsync-graph`, `roomsync-store`, `roomsync-runtime`; fakes: `roomsync-testkit`.
#![allow(async_fn_in_trait, reason = "every caller is generic over the port and awaits on its own task")]

mod clock;
mod error;
mod forward;
mod graph;
mod meetings;
mod queue;
mod secrets;
mod store;

pub use clock::Clock;
pub use error::{GraphError, QueueError, SecretError, StoreError, Trace};
pub use graph::{
    Calendar, Creation, DeltaFrom, DeltaPage, Directory, Fingerprint, Graph, NewSubscription, Next, RoomList,
    Subscription, Subscriptions, ViewPage,
};
pub use meetings::{Mark, MeetingError, Meetings};
pub use queue::{CommandQueue, HintQueue, Notice, Rejection};
pub use secrets::{Secret, Secrets};
pub use store::{BookingStore, RoomStore, TenantStore, WritingStore};
