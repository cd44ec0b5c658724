use crate::{GraphError, Meetings, Trace};
use roomsync_domain::cursor::DeltaLink;
use roomsync_domain::delta::DeltaItem;
use roomsync_domain::entry::{CalendarEntry, Wanted};
use roomsync_domain::place::{DirectoryUser, Place};
use roomsync_domain::tenant::TenantConfig;
use roomsync_domain::{EventId, Instant, RoomId, Span};

/// Microsoft Graph, one connection per tenant.
pub trait Graph {
    /// A tenant's connection.
    type Tenant: Calendar + Directory + Subscriptions + Meetings;

    /// The connection of a tenant; keeps its token between invocations.
    fn tenant(&self, config: &TenantConfig) -> Self::Tenant;
}

/// The calendars of a tenant's rooms.
pub trait Calendar {
    /// One page of a delta round over a room's calendar, reduced to where its items point.
    async fn delta(&self, room: &RoomId, from: DeltaFrom<'_>) -> Result<DeltaPage, GraphError>;

    /// The entries that overlap a range, as far as one answer holds them. No series masters among them.
    async fn view(
        &self,
        room: &RoomId,
        range: Span,
        wanted: Wanted,
        from: Option<&DeltaLink>,
    ) -> Result<ViewPage, GraphError>;

    /// One entry by its id; nothing if it is not there. A deleted entry may still be found, in Deleted Items.
    async fn entry(
        &self,
        room: &RoomId,
        id: &EventId,
        wanted: Wanted,
    ) -> Result<Option<CalendarEntry>, GraphError>;
}

/// Where a page of a delta round starts, and how many items it should have at most: a hint to Graph, nothing for the usual number.
/// All pages of a round are asked for with the same.
#[derive(Debug, Clone, Copy)]
pub enum DeltaFrom<'a> {
    /// A new round over a window.
    Start(Span, Option<u32>),
    /// A link of an earlier page or round, verbatim.
    Link(&'a DeltaLink, Option<u32>),
}

/// One page of a delta round.
#[derive(Debug, Clone)]
pub struct DeltaPage {
    /// Its items.
    pub items: Vec<DeltaItem>,
    /// How it goes on.
    pub next: Next,
    /// Tells pages apart: equal for pages with the same items in any order, nothing for an empty page.
    pub fingerprint: Option<Fingerprint>,
}

/// See [`DeltaPage::fingerprint`].
pub type Fingerprint = u64;

/// How a delta round goes on: every page has exactly one of the two links.
#[derive(Debug, Clone)]
pub enum Next {
    /// More pages.
    Page(DeltaLink),
    /// The round is over; the next one starts here.
    Round(DeltaLink),
}

/// One answer to a question about a range.
#[derive(Debug, Clone)]
pub struct ViewPage {
    /// Its entries.
    pub entries: Vec<CalendarEntry>,
    /// The next page, if the answer does not hold all.
    pub next: Option<DeltaLink>,
}

/// The subscriptions that this application has in a tenant.
pub trait Subscriptions {
    /// Subscribes to a room's calendar. Graph calls both addresses before it answers. After a failure without answer the subscription
    /// may be there all the same; a second try says so.
    async fn create_subscription(&self, new: &NewSubscription<'_>) -> Result<Creation, GraphError>;

    /// One subscription by its id; nothing if there is none.
    async fn subscription(&self, id: &str) -> Result<Option<Subscription>, GraphError>;

    /// Every subscription, paged to the end. The list may show expired ones and lack active ones (msgraph-sdk-javascript#906).
    async fn subscriptions(&self) -> Result<Vec<Subscription>, GraphError>;

    /// Lets a subscription live until then, and proves anew that we may have it; until when Graph keeps it, or nothing if there is none.
    async fn renew_subscription(&self, id: &str, until: Instant) -> Result<Option<Instant>, GraphError>;

    /// Ends a subscription; one that is not there is fine.
    async fn delete_subscription(&self, id: &str) -> Result<(), GraphError>;
}

/// A subscription to be made. No `Debug`: it holds the signature.
#[derive(Clone, Copy)]
pub struct NewSubscription<'a> {
    /// The room, by the id that is its mailbox's.
    pub room: &'a RoomId,
    /// Where notices are sent.
    pub notification_url: &'a str,
    /// Where lifecycle notices are sent.
    pub lifecycle_url: &'a str,
    /// What every notice will prove itself with.
    pub client_state: &'a str,
    /// Until when it shall live.
    pub expires_at: Instant,
}

/// What came of making a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// It is there.
    Created {
        /// Its id.
        id: String,
        /// Until when Graph keeps it.
        expires_at: Instant,
    },
    /// The application has one for this room already; its id, if the answer names it.
    Exists(Option<String>),
    /// Graph did not get the answer that it expects from our addresses. Worth another try.
    NotValidated(Trace),
}

/// A subscription as Graph shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// What it tells of.
    pub resource: Option<String>,
    /// Where notices are sent.
    pub notification_url: Option<String>,
}

/// The directory of a tenant.
pub trait Directory {
    /// Every room, paged to the end.
    async fn rooms(&self) -> Result<Vec<Place>, GraphError>;

    /// Every room list, paged to the end.
    async fn room_lists(&self) -> Result<Vec<RoomList>, GraphError>;

    /// The rooms of a list, paged to the end; nothing if the address is no room list.
    async fn rooms_of(&self, list: &str) -> Result<Option<Vec<Place>>, GraphError>;

    /// One room by its address; nothing if there is none.
    async fn room(&self, address: &str) -> Result<Option<Place>, GraphError>;

    /// The directory entry of a room by object id or address, with the attributes that are asked for.
    async fn user(
        &self,
        id_or_address: &str,
        attributes: &[&str],
    ) -> Result<Option<DirectoryUser>, GraphError>;
}

/// A room list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomList {
    /// Its address.
    pub email: String,
    /// Its name.
    pub display_name: String,
}
