//! The model: mailboxes, meetings, series and their changes. Knows nothing of HTTP.

pub mod ids;
pub mod item;
pub mod mailbox;
pub mod recurrence;
pub mod zone;

pub use ids::IdFormat;
pub use item::{
    Attendee, Content, Exception, Importance, Instance, Item, Person, Personal, Response, Sensitivity,
    Series, Shape, ShowAs, Span, Window,
};
pub(crate) use mailbox::Transaction;
pub use mailbox::{Change, Mailbox, MailboxState};
pub use recurrence::Recurrence;
pub use zone::Zone;
