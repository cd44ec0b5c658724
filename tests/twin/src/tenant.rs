//! Tenants: their app registrations, rooms, room lists, users and mailboxes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::calendar::{Mailbox, MailboxState, Zone};
use crate::outlook::display_name;
use crate::post::Errand;
use crate::processing::RoomPolicy;

/// Everything a twin can start with: the shape of a world file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct World {
    /// The customer tenants.
    pub tenants: Vec<TenantSpec>,
}

/// A customer tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantSpec {
    /// Directory id, a GUID.
    pub id: String,
    /// A verified domain, accepted in place of the id by the login host.
    #[serde(default)]
    pub domain: Option<String>,
    /// Registrations known in the tenant.
    #[serde(default)]
    pub apps: Vec<AppSpec>,
    /// Rooms with their mailboxes.
    #[serde(default)]
    pub rooms: Vec<RoomSpec>,
    /// Room lists.
    #[serde(default)]
    pub lists: Vec<ListSpec>,
    /// People with mailboxes. Whoever books in Outlook gets one anyway.
    #[serde(default)]
    pub users: Vec<UserSpec>,
}

/// A person with a mailbox.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UserSpec {
    /// Entra object id; made from the address if empty.
    pub id: String,
    /// SMTP address and user principal name.
    pub address: String,
    /// Display name; made from the address if empty.
    pub name: String,
    /// IANA or Windows zone of the mailbox; UTC if absent.
    pub zone: Option<Zone>,
    /// How the mailbox answers.
    pub state: MailboxState,
}

/// An app registration and its consent in one tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AppSpec {
    /// Application (client) id.
    pub client_id: String,
    /// Client secrets that work.
    pub secrets: Vec<SecretSpec>,
    /// Certificates (PEM) whose signatures are accepted.
    pub certificates: Vec<String>,
    /// Whether an administrator consented.
    pub consented: bool,
    /// Application permissions granted; none given: everything the synchronizer needs.
    pub roles: Option<BTreeSet<String>>,
    /// Mailboxes outside the app's scope, by id or address; `"*"` for all.
    pub out_of_scope: BTreeSet<String>,
}

/// A client secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretSpec {
    /// The value.
    pub value: String,
    /// From then on 7000222.
    #[serde(default)]
    pub expires: Option<DateTime<Utc>>,
    /// From then on 7000215: the secret was replaced and is forgotten.
    #[serde(default)]
    pub forgotten_from: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for SecretSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretSpec(..)")
    }
}

/// The permissions the synchronizer asks for.
pub const ROLES: [&str; 4] =
    ["Calendars.ReadWrite", "Place.Read.All", "User.Read.All", "MailboxSettings.Read"];

impl AppSpec {
    /// A consented app with one secret and all permissions.
    pub fn with_secret(client_id: &str, secret: &str) -> AppSpec {
        let secret = SecretSpec { value: secret.to_owned(), expires: None, forgotten_from: None };
        AppSpec {
            client_id: client_id.to_owned(),
            secrets: vec![secret],
            consented: true,
            ..AppSpec::default()
        }
    }

    /// Whether it was granted a permission that notices need.
    pub(crate) fn reads_calendars(&self) -> bool {
        let reads = |role: &str| role == "Calendars.Read" || role == "Calendars.ReadWrite";
        self.roles.as_ref().is_none_or(|roles| roles.iter().any(|role| reads(role)))
    }

    /// Whether a mailbox is outside the app's scope.
    pub(crate) fn leaves_out(&self, mailbox: &Mailbox) -> bool {
        let scope = &self.out_of_scope;
        scope.contains("*") || scope.contains(mailbox.id.as_ref()) || scope.contains(&mailbox.address)
    }

    pub(crate) fn roles(&self) -> BTreeSet<String> {
        self.roles.clone().unwrap_or_else(|| ROLES.into_iter().map(str::to_owned).collect())
    }
}

/// A room: place, user and mailbox in one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RoomSpec {
    /// Entra object id; made from the address if empty. It is also the `placeId`.
    pub id: String,
    /// SMTP address and user principal name.
    pub address: String,
    /// Display name; the address if empty.
    pub name: String,
    /// IANA or Windows zone of the mailbox; UTC if absent.
    pub zone: Option<Zone>,
    /// Further properties of the place resource (`capacity`, `building`, `floorLabel`, ...), given out as they are.
    pub place: Map<String, Value>,
    /// Further properties of the user resource (`onPremisesExtensionAttributes`, `department`, ...).
    pub user: Map<String, Value>,
    /// Whether address lists, and with them the places, leave it out.
    pub hidden: bool,
    /// What the attendant does; Microsoft's defaults if absent.
    pub policy: RoomPolicy,
    /// How the mailbox answers.
    pub state: MailboxState,
}

/// A list of rooms, or an ordinary distribution list that only looks like one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ListSpec {
    /// SMTP address.
    pub address: String,
    /// Display name.
    pub name: String,
    /// Addresses of the rooms.
    pub rooms: Vec<String>,
    /// True for an ordinary distribution list: 404 as a room list.
    pub ordinary: bool,
}

/// A room as the directory knows it.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) spec: RoomSpec,
    /// `id` of the place, which may change, unlike `placeId`.
    pub(crate) place_id: String,
}

/// A tenant in its present state.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Directory id, lower case.
    pub id: Arc<str>,
    pub(crate) domain: Option<String>,
    pub(crate) apps: BTreeMap<String, AppSpec>,
    pub(crate) rooms: BTreeMap<Arc<str>, Room>,
    pub(crate) lists: BTreeMap<String, ListSpec>,
    pub(crate) mailboxes: BTreeMap<Arc<str>, Mailbox>,
    pub(crate) addresses: BTreeMap<String, Arc<str>>,
    /// Which mailbox owns a meeting, by `iCalUId`.
    pub(crate) owners: BTreeMap<Arc<str>, Arc<str>>,
    /// Mail under way, and what room attendants still have to decide.
    pub(crate) due: BTreeMap<(DateTime<Utc>, u64), Errand>,
}

impl Tenant {
    pub(crate) fn new(spec: TenantSpec) -> Tenant {
        let mut tenant = Tenant {
            id: Arc::from(spec.id.to_lowercase()),
            domain: spec.domain.map(|domain| domain.to_lowercase()),
            apps: spec.apps.into_iter().map(|app| (app.client_id.to_lowercase(), app)).collect(),
            rooms: BTreeMap::new(),
            lists: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            addresses: BTreeMap::new(),
            owners: BTreeMap::new(),
            due: BTreeMap::new(),
        };
        for room in spec.rooms {
            tenant.put_room(room);
        }
        for list in spec.lists {
            tenant.put_list(list);
        }
        for user in spec.users {
            tenant.put_user(user);
        }
        tenant
    }

    /// Adds a room or changes the directory data of one, its calendar kept; returns its object id.
    pub(crate) fn put_room(&mut self, mut spec: RoomSpec) -> Arc<str> {
        spec.address = spec.address.to_lowercase();
        if spec.id.is_empty() {
            let known = self.addresses.get(&spec.address).map(|id| id.as_ref().to_owned());
            spec.id = known.unwrap_or_else(|| object_id(&self.id, &spec.address));
        }
        spec.id = spec.id.to_lowercase();
        if spec.name.is_empty() {
            spec.name.clone_from(&spec.address);
        }
        let id: Arc<str> = Arc::from(spec.id.as_str());
        let zone = spec.zone.clone().unwrap_or_else(Zone::utc).tz();
        let fresh = || Mailbox::new(&self.id, &id, &spec.address, &spec.name, zone);
        let mailbox = self.mailboxes.entry(id.clone()).or_insert_with(fresh);
        self.addresses.remove(&mailbox.address);
        self.addresses.insert(spec.address.clone(), id.clone());
        mailbox.address.clone_from(&spec.address);
        mailbox.name.clone_from(&spec.name);
        mailbox.state = spec.state;
        mailbox.policy = Some(spec.policy.clone());
        let place_id =
            self.rooms.get(&id).map_or_else(|| object_id(&id, "place"), |room| room.place_id.clone());
        self.rooms.insert(id.clone(), Room { spec, place_id });
        id
    }

    pub(crate) fn put_list(&mut self, mut spec: ListSpec) {
        spec.address = spec.address.to_lowercase();
        self.lists.insert(spec.address.clone(), spec);
    }

    /// Adds a person or changes one known by address or id, the calendar kept; returns the object id.
    pub(crate) fn put_user(&mut self, spec: UserSpec) -> Arc<str> {
        let address = spec.address.to_lowercase();
        let known = self.addresses.get(&address).cloned();
        let made = || Arc::from(object_id(&self.id, &address));
        let id =
            if spec.id.is_empty() { known.unwrap_or_else(made) } else { Arc::from(spec.id.to_lowercase()) };
        let name = if spec.name.is_empty() { display_name(&address) } else { spec.name };
        let zone = spec.zone.unwrap_or_default().tz();
        let fresh = || Mailbox::new(&self.id, &id, &address, &name, zone);
        let mailbox = self.mailboxes.entry(id.clone()).or_insert_with(fresh);
        self.addresses.remove(&mailbox.address);
        mailbox.address.clone_from(&address);
        mailbox.name = name;
        mailbox.state = spec.state;
        self.addresses.insert(address, id.clone());
        id
    }

    /// A mailbox by object id or address.
    pub fn mailbox(&self, who: &str) -> Option<&Mailbox> {
        self.resolve(who).and_then(|id| self.mailboxes.get(&id))
    }

    pub(crate) fn resolve(&self, who: &str) -> Option<Arc<str>> {
        if let Some((id, _)) = self.mailboxes.get_key_value(who) {
            return Some(id.clone());
        }
        let who = who.to_lowercase();
        self.mailboxes
            .get_key_value(who.as_str())
            .map(|(id, _)| id)
            .or_else(|| self.addresses.get(&who))
            .cloned()
    }

    /// The mailbox of a person, made if this is the first one hears of them.
    pub(crate) fn person(&mut self, address: &str, name: &str) -> Arc<str> {
        if let Some(id) = self.resolve(address) {
            return id;
        }
        let id: Arc<str> = Arc::from(object_id(&self.id, &address.to_lowercase()));
        let mailbox = Mailbox::new(&self.id, &id, address, name, chrono_tz::Tz::UTC);
        self.addresses.insert(mailbox.address.clone(), id.clone());
        self.mailboxes.insert(id.clone(), mailbox);
        id
    }
}

/// A GUID made from names, the same in every run.
pub(crate) fn object_id(scope: &str, name: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("{scope}/{name}").as_bytes()).to_string()
}
