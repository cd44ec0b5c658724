//! What an administrator, or Microsoft's operations, may do to a tenant while the synchronizer runs.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::calendar::{Mailbox, MailboxState};
use crate::tenant::Tenant;
use crate::tenant::{AppSpec, ListSpec, RoomSpec, SecretSpec, TenantSpec, UserSpec, World, object_id};
use crate::{Fault, Trap, Tuning, Twin};

impl Twin {
    /// Adds all tenants of a world.
    pub fn add_world(&mut self, world: World) {
        for tenant in world.tenants {
            self.add_tenant(tenant);
        }
    }

    /// Adds a tenant, or replaces one with all its calendars.
    pub fn add_tenant(&mut self, spec: TenantSpec) {
        let tenant = Tenant::new(spec);
        self.tenants.insert(tenant.id.clone(), tenant);
    }

    /// Removes a tenant with its tokens and subscriptions.
    pub fn remove_tenant(&mut self, tenant: &str) {
        self.tenants.remove(tenant.to_lowercase().as_str());
        self.push.forget_tenant(tenant);
        self.revoke_tokens(tenant);
    }

    /// A tenant in its present state.
    pub fn tenant(&self, tenant: &str) -> Option<&Tenant> {
        self.tenants.get(tenant.to_lowercase().as_str())
    }

    /// Ids of all tenants.
    pub fn tenant_ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.tenants.keys()
    }

    fn tenant_mut(&mut self, tenant: &str) -> Option<&mut Tenant> {
        self.tenants.get_mut(tenant.to_lowercase().as_str())
    }

    /// Adds a room, or changes one known by id or address (its calendar is kept). Returns its object id, which is also
    /// its `placeId`; none if there is no such tenant.
    pub fn put_room(&mut self, tenant: &str, room: RoomSpec) -> Option<Arc<str>> {
        self.tenant_mut(tenant).map(|tenant| tenant.put_room(room))
    }

    /// Adds a person with a mailbox, or changes one; returns the object id, none if there is no such tenant.
    pub fn put_user(&mut self, tenant: &str, user: UserSpec) -> Option<Arc<str>> {
        self.tenant_mut(tenant).map(|tenant| tenant.put_user(user))
    }

    /// Takes a room out of the directory and its mailbox away (404 `ErrorInvalidUser`).
    pub fn remove_room(&mut self, tenant: &str, room: &str) -> bool {
        let Some(tenant) = self.tenant_mut(tenant) else { return false };
        let Some(id) = tenant.resolve(room) else { return false };
        if let Some(mailbox) = tenant.mailboxes.get_mut(&id) {
            mailbox.state = MailboxState::Gone;
        }
        tenant.rooms.remove(&id).is_some()
    }

    /// Gives a place another `id`, its `placeId` stays (page room).
    pub fn renew_place_id(&mut self, tenant: &str, room: &str) -> bool {
        self.counter += 1;
        let fresh = object_id(&self.counter.to_string(), room);
        let Some(tenant) = self.tenant_mut(tenant) else { return false };
        let room = tenant.resolve(room).and_then(|id| tenant.rooms.get_mut(&id));
        room.map(|room| room.place_id = fresh).is_some()
    }

    /// Adds or replaces a room list or an ordinary distribution list.
    pub fn put_list(&mut self, tenant: &str, list: ListSpec) -> bool {
        self.tenant_mut(tenant).map(|tenant| tenant.put_list(list)).is_some()
    }

    /// Removes a list.
    pub fn remove_list(&mut self, tenant: &str, address: &str) -> bool {
        self.tenant_mut(tenant).is_some_and(|tenant| tenant.lists.remove(&address.to_lowercase()).is_some())
    }

    /// Adds or replaces an app registration: secrets, certificates, consent, permissions, scope. Tokens already issued
    /// keep their permissions; the scope acts at once.
    pub fn put_app(&mut self, tenant: &str, app: AppSpec) -> bool {
        self.tenant_mut(tenant).map(|tenant| tenant.apps.insert(app.client_id.to_lowercase(), app)).is_some()
    }

    /// Changes an app registration in place; false if it does not exist.
    pub fn change_app(&mut self, tenant: &str, client_id: &str, change: impl FnOnce(&mut AppSpec)) -> bool {
        let app = self.tenant_mut(tenant).and_then(|tenant| tenant.apps.get_mut(&client_id.to_lowercase()));
        app.map(change).is_some()
    }

    /// Adds a secret; the ones before it are refused from `forget` on.
    pub fn rotate_secret(
        &mut self,
        tenant: &str,
        client_id: &str,
        secret: &str,
        forget: DateTime<Utc>,
    ) -> bool {
        self.change_app(tenant, client_id, |app| {
            for old in &mut app.secrets {
                old.forgotten_from = Some(old.forgotten_from.map_or(forget, |at| at.min(forget)));
            }
            app.secrets.push(SecretSpec { value: secret.to_owned(), expires: None, forgotten_from: None });
        })
    }

    /// Makes every access token of a tenant worthless.
    pub fn revoke_tokens(&mut self, tenant: &str) {
        self.grants.retain(|_, grant| !grant.tenant.eq_ignore_ascii_case(tenant));
    }

    /// Changes a mailbox itself: its state, its attendant. False if it does not exist.
    pub fn change_mailbox(&mut self, tenant: &str, mailbox: &str, change: impl FnOnce(&mut Mailbox)) -> bool {
        let Some(tenant) = self.tenant_mut(tenant) else { return false };
        let mailbox = tenant.resolve(mailbox).and_then(|id| tenant.mailboxes.get_mut(&id));
        mailbox.map(change).is_some()
    }

    /// Kills every delta link of a mailbox, as a move between servers does.
    pub fn expire_links(&mut self, tenant: &str, mailbox: &str) -> bool {
        self.change_mailbox(tenant, mailbox, |mailbox| mailbox.epoch += 1)
    }

    /// Sets a trap, everywhere or at one mailbox, with a probability per call; 0 takes it away. An address stands for
    /// the mailboxes of that name in all tenants, an id for one.
    pub fn set_trap(&mut self, trap: Trap, mailbox: Option<&str>, probability: f64) {
        let probability = probability.clamp(0.0, 1.0);
        let Some(name) = mailbox else { return self.traps.set(trap, None, probability) };
        for id in self.tenants.values().filter_map(|tenant| tenant.resolve(name)) {
            self.traps.set(trap, Some(id), probability);
        }
    }

    /// Takes all traps away.
    pub fn clear_traps(&mut self) {
        self.traps.clear();
    }

    /// The limits and delays in force.
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Sets limits and delays.
    pub fn tune(&mut self, tuning: Tuning) {
        self.tuning = tuning;
    }

    /// Adds a fault rule behind the ones there are.
    pub fn add_fault(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// The rules that still wait for calls.
    pub fn faults(&self) -> &[Fault] {
        self.faults.rules()
    }

    /// Takes all fault rules away.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }
}
