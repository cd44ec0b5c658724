//! A customer: its directory, its policy, its people. What the tables must show in the end is worked out from here.

use crate::universe::Universe;
use chrono::NaiveDate;
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use roomsync_domain::TenantId;
use roomsync_domain::tenant::{
    Privacy, SecretName, Selection, Take, Tenant, TenantConfig, TenantStatus, Window,
};
use roomsync_ports::TenantStore;
use roomsync_testkit::config;
use roomsync_twin::calendar::MailboxState;
use roomsync_twin::{AppSpec, ListSpec, RoomPolicy, RoomSpec, TenantSpec};
use std::collections::BTreeSet;

/// The two tenants. They share the client id of the application, as customers of one multi-tenant application do, and the addresses of
/// their rooms.
pub(crate) const TENANTS: [&str; 2] =
    ["84bd8158-6d4d-4958-8b9f-9d6445542f95", "1f6c0c52-66a5-4e9f-8a53-4b1a2f3c4d5e"];
/// The application.
const CLIENT: &str = "5c8b0c0e-31cd-4a0b-9a52-1f3a6ad1f0de";
/// The room list of each tenant.
const LIST: &str = "list.one@shared.example";
/// What follows the name of a room that got another address.
const MOVED: &str = ".moved@shared.example";
/// Where rooms may be.
const ROOMS: [&str; 3] = ["room.a@shared.example", "room.b@shared.example", "room.c@shared.example"];

/// A customer.
pub(crate) struct Company {
    pub(crate) id: &'static str,
    pub(crate) rooms: Vec<Seat>,
    /// Addresses on the room list.
    listed: BTreeSet<String>,
    pub(crate) config: TenantConfig,
    version: u64,
    pub(crate) removed: bool,
    secrets: u32,
    policy: RoomPolicy,
    /// Neither subjects nor organizers were ever to be taken.
    pub(crate) never_took: bool,
    /// Meetings by `iCalUId`, with their first day and whether their subject is a canary.
    pub(crate) meetings: Vec<(String, NaiveDate, bool)>,
}

/// What is different from customer to customer.
pub(crate) struct Manner {
    policy: RoomPolicy,
    select: Selection,
    privacy: Privacy,
    future_days: u32,
}

impl Manner {
    /// All rooms, everything that may be known, attendants that change nothing.
    pub(crate) fn plain(future_days: u32) -> Self {
        let privacy =
            Privacy { subject: Take::UnlessPrivate, organizer: Take::UnlessPrivate, retention_days: 5 };
        Self { policy: RoomPolicy::transparent(), select: Selection::All, privacy, future_days }
    }

    /// Anything.
    pub(crate) fn draw(rng: &mut SmallRng, future_days: u32) -> Self {
        let may = |yes: bool| if yes { Take::UnlessPrivate } else { Take::Never };
        let privacy = Privacy {
            subject: may(rng.random_bool(0.75)),
            organizer: may(rng.random_bool(0.75)),
            retention_days: rng.random_range(2..6),
        };
        let open = RoomPolicy::transparent();
        let policy = match rng.random_range(0..4) {
            0 => RoomPolicy { decision_ms: 20_000, ..RoomPolicy::default() },
            1 => RoomPolicy { decision_ms: 45_000, accept_replaces: true, ..open },
            2 => RoomPolicy {
                keep_canceled_occurrences: true,
                remove_canceled_meetings: false,
                allow_conflicts: true,
                ..open
            },
            _ => RoomPolicy {
                allow_conflicts: rng.random_bool(0.5),
                // Without a draw: the seeds that are kept go on telling their stories.
                remove_private_property: privacy.retention_days % 2 == 1,
                ..open
            },
        };
        let select = match rng.random_range(0..4) {
            0 => Selection::Lists(vec![LIST.to_owned()]),
            1 => Selection::Rooms(vec![ROOMS[0].to_owned(), ROOMS[1].to_owned()]),
            _ => Selection::All,
        };
        Self { policy, select, privacy, future_days }
    }
}

/// A room as the administrator made it.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) id: String,
    pub(crate) address: String,
    pub(crate) name: String,
    pub(crate) hidden: bool,
    pub(crate) exists: bool,
}

impl Company {
    /// Founds a company with two rooms.
    pub(crate) fn found(universe: &Universe, number: usize, manner: Manner) -> Self {
        let id = TENANTS[number];
        let secret = secret(id, 0);
        universe.twin.borrow_mut().add_tenant(TenantSpec {
            id: id.to_owned(),
            apps: vec![AppSpec::with_secret(CLIENT, &secret)],
            ..TenantSpec::default()
        });
        let name = if number == 0 { "secret/one" } else { "secret/two" };
        universe.secrets.put(name, &secret);
        universe.call_it(id, ["tenant A", "tenant B"][number]);
        let Manner { policy, select, privacy, future_days } = manner;
        if policy.accept_replaces {
            universe.count("graph: accepting makes another entry");
        }
        let mut config = TenantConfig {
            tenant: TenantId::parse(id).unwrap_or_else(|| config().tenant),
            time_zone: ["Europe/Paris", "America/New_York"][number].to_owned(),
            privacy,
            window: Window { past_days: 1, future_days },
            ..config()
        };
        config.credential.client_id = CLIENT.to_owned();
        config.credential.secret = Some(SecretName { name: name.to_owned(), expires: None });
        config.rooms.select = select;
        let never_took = config.privacy.subject == Take::Never && config.privacy.organizer == Take::Never;
        let listed = ROOMS.iter().take(2).map(|room| (*room).to_owned()).collect();
        let mut company = Self {
            id,
            rooms: Vec::new(),
            listed,
            config,
            version: 0,
            removed: false,
            secrets: 0,
            policy,
            never_took,
            meetings: Vec::new(),
        };
        company.open(universe, 0, number);
        company.open(universe, 1, number);
        company.publish_list(universe);
        company.publish(universe);
        company
    }

    /// Hides what is canary from nobody: whether the attendant makes private meetings normal.
    pub(crate) fn rewrites(&self) -> bool {
        self.policy.remove_private_property
    }

    fn open(&mut self, universe: &Universe, which: usize, number: usize) {
        let address = ROOMS[which].to_owned();
        let name = format!("{}{}", ["A", "B"][number], which + 1);
        let mut seat = Seat { id: String::new(), address, name, hidden: false, exists: true };
        if let Some(id) = self.put(universe, &seat) {
            seat.id = id;
            universe.adopt(self.id, &seat.id, &seat.name);
            self.rooms.push(seat);
        }
    }

    fn put(&self, universe: &Universe, seat: &Seat) -> Option<String> {
        let spec = RoomSpec {
            id: seat.id.clone(),
            address: seat.address.clone(),
            name: seat.name.clone(),
            hidden: seat.hidden,
            policy: self.policy.clone(),
            ..RoomSpec::default()
        };
        universe.twin.borrow_mut().put_room(self.id, spec).map(|id| id.as_ref().to_owned())
    }

    fn publish_list(&self, universe: &Universe) {
        let spec = ListSpec {
            address: LIST.to_owned(),
            name: "Floor 1".to_owned(),
            rooms: self.listed.iter().cloned().collect(),
            ordinary: false,
        };
        universe.twin.borrow_mut().put_list(self.id, spec);
    }

    /// Stores the next version of the tenant file.
    pub(crate) fn publish(&mut self, universe: &Universe) {
        self.version += 1;
        let status = if self.removed { TenantStatus::Removed } else { TenantStatus::Active };
        let tenant = Tenant { version: self.version, status, config: self.config.clone() };
        let stored = futures::FutureExt::now_or_never(universe.store.put_tenant(&tenant));
        if !matches!(stored, Some(Ok(()))) {
            universe.wrong("the tenant file was not stored".to_owned());
        }
    }

    /// The rooms that the tables must show as active.
    pub(crate) fn selected(&self) -> Vec<&Seat> {
        let wanted = |seat: &&Seat| {
            seat.exists
                && !self.removed
                && match &self.config.rooms.select {
                    Selection::Lists(_) => self.listed.contains(&seat.address) && !seat.hidden,
                    Selection::Rooms(addresses) => addresses.contains(&seat.address),
                    _ => !seat.hidden,
                }
        };
        self.rooms.iter().filter(wanted).collect()
    }

    /// Something an administrator does. Gives its name for the tally.
    pub(crate) fn administer(&mut self, universe: &Universe, rng: &mut SmallRng) -> &'static str {
        let number = usize::from(self.id == TENANTS[1]);
        let pick = rng.random_range(0..self.rooms.len());
        let others =
            self.selected().iter().filter(|seat| seat.id != self.rooms[pick].id && !seat.hidden).count();
        let seat = self.rooms[pick].clone();
        let name = match rng.random_range(0..20) {
            0 if self.rooms.len() < ROOMS.len() => {
                self.open(universe, 2, number);
                "admin: room added"
            }
            1 | 2 if seat.exists && others > 0 => self.take_away(universe, pick),
            1..=4 if !seat.exists => self.bring_back(universe, pick),
            5 if seat.exists => {
                self.rooms[pick].name = format!("{} (new)", seat.name.trim_end_matches(" (new)"));
                self.put(universe, &self.rooms[pick]);
                "admin: room renamed"
            }
            6 if seat.exists && others > 0 => self.readdress(universe, pick),
            7 if seat.exists && others > 0 => {
                self.rooms[pick].hidden = !seat.hidden;
                self.put(universe, &self.rooms[pick]);
                "admin: room hidden or shown"
            }
            8 if others > 0 => {
                if !self.listed.remove(&seat.address) {
                    self.listed.insert(seat.address);
                }
                self.publish_list(universe);
                "admin: list changed"
            }
            9 if seat.exists => {
                universe.twin.borrow_mut().renew_place_id(self.id, &seat.id);
                "admin: place id renewed"
            }
            10 | 11 => self.consent(universe, rng.random_bool(0.5)),
            12 => self.rotate(universe, rng.random_bool(0.5)),
            13 => self.scope(universe, &seat.id, rng.random_bool(0.6)),
            14 if seat.exists => {
                let state =
                    if rng.random_bool(0.6) { MailboxState::Active } else { MailboxState::NotEnabled };
                universe.twin.borrow_mut().change_mailbox(self.id, &seat.id, |mailbox| mailbox.state = state);
                "admin: mailbox disabled or enabled"
            }
            15 => {
                universe.twin.borrow_mut().expire_links(self.id, &seat.id);
                "graph: every link forgotten"
            }
            16 => {
                universe.twin.borrow_mut().revoke_tokens(self.id);
                "admin: tokens revoked"
            }
            17 | 18 => self.change_policy(universe, rng),
            _ if number == 1 && rng.random_bool(0.3) => self.turn(universe),
            _ => return "admin: nothing",
        };
        universe
            .story
            .say(|| format!("administrator of {}: {name} ({})", universe.name_of(self.id), seat.name));
        name
    }

    /// A room gets another address, or its first one back.
    pub(crate) fn readdress(&mut self, universe: &Universe, room: usize) -> &'static str {
        let address = &self.rooms[room].address;
        self.rooms[room].address = match address.strip_suffix(MOVED) {
            Some(name) => format!("{name}@shared.example"),
            None => address.replace("@shared.example", MOVED),
        };
        self.put(universe, &self.rooms[room]);
        universe.watch.borrow_mut().readdressed.insert(self.rooms[room].id.clone());
        "admin: room re-addressed"
    }

    /// A room leaves the directory, and its mailbox with it.
    pub(crate) fn take_away(&mut self, universe: &Universe, room: usize) -> &'static str {
        universe.twin.borrow_mut().remove_room(self.id, &self.rooms[room].id);
        self.rooms[room].exists = false;
        "admin: room removed"
    }

    /// It returns.
    pub(crate) fn bring_back(&mut self, universe: &Universe, room: usize) -> &'static str {
        self.rooms[room].exists = true;
        self.put(universe, &self.rooms[room]);
        "admin: room returned"
    }

    /// The tenant is off-boarded, or comes back.
    pub(crate) fn turn(&mut self, universe: &Universe) -> &'static str {
        self.removed = !self.removed;
        universe.watch.borrow_mut().turned.insert(self.id.to_owned(), universe.now());
        self.publish(universe);
        "admin: tenant off-boarded or back"
    }

    fn consent(&self, universe: &Universe, given: bool) -> &'static str {
        let mut twin = universe.twin.borrow_mut();
        twin.change_app(self.id, CLIENT, |app| {
            app.consented = given;
            app.roles = (!given).then(BTreeSet::new);
        });
        if given { "admin: consent given" } else { "admin: consent withdrawn" }
    }

    fn scope(&self, universe: &Universe, room: &str, inside: bool) -> &'static str {
        let mut twin = universe.twin.borrow_mut();
        twin.change_app(self.id, CLIENT, |app| {
            if inside {
                app.out_of_scope.clear();
            } else {
                app.out_of_scope.insert(room.to_owned());
            }
        });
        "admin: scope changed"
    }

    /// The secret is replaced; the old one is refused at once or in half an hour.
    pub(crate) fn rotate(&mut self, universe: &Universe, at_once: bool) -> &'static str {
        self.secrets += 1;
        let fresh = secret(self.id, self.secrets);
        let forget = universe.now() + chrono::TimeDelta::minutes(if at_once { 0 } else { 30 });
        universe.twin.borrow_mut().rotate_secret(self.id, CLIENT, &fresh, forget);
        if let Some(secret) = &self.config.credential.secret {
            universe.secrets.put(&secret.name, &fresh);
        }
        if at_once { "admin: secret rotated, old one refused" } else { "admin: secret rotated" }
    }

    fn change_policy(&mut self, universe: &Universe, rng: &mut SmallRng) -> &'static str {
        let name = match rng.random_range(0..4) {
            // Only towards less: what was allowed once may be in the stream.
            0 => {
                self.config.privacy.subject = Take::Never;
                "admin: subjects forbidden"
            }
            1 => {
                self.config.privacy.organizer = Take::Never;
                "admin: organizers forbidden"
            }
            2 => {
                self.config.window.future_days = *[5, 14, 30].choose(rng).unwrap_or(&14);
                "admin: window changed"
            }
            _ => {
                self.config.time_zone = (*["Europe/Paris", "America/New_York", "Asia/Tokyo"]
                    .choose(rng)
                    .unwrap_or(&"Europe/Paris"))
                .to_owned();
                "admin: zone changed"
            }
        };
        self.publish(universe);
        name
    }

    /// Gives back what the functions need: consent, scope, mailboxes.
    pub(crate) fn relent(&mut self, universe: &Universe) {
        self.consent(universe, true);
        self.scope(universe, "", true);
        for seat in self.rooms.iter().filter(|seat| seat.exists) {
            let active =
                |mailbox: &mut roomsync_twin::calendar::Mailbox| mailbox.state = MailboxState::Active;
            universe.twin.borrow_mut().change_mailbox(self.id, &seat.id, active);
        }
        if self.selected().is_empty() && !self.removed {
            // An answer without any room ends nothing, so there has to be one.
            self.config.rooms.select = Selection::All;
            if let Some(seat) = self.rooms.iter_mut().find(|seat| seat.exists) {
                seat.hidden = false;
            }
            let shown: Vec<Seat> = self.rooms.iter().filter(|seat| seat.exists).cloned().collect();
            shown.iter().for_each(|seat| drop(self.put(universe, seat)));
            self.publish(universe);
        }
    }
}

fn secret(tenant: &str, number: u32) -> String {
    format!("canary~{}+{number}/&=", &tenant[..8])
}
