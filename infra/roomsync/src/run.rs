//! Carries a command out and puts the answer into words.

use std::path::PathBuf;

use roomsync_domain::tenant::{Tenant, TenantConfig, TenantStatus};
use roomsync_domain::time::seconds;
use roomsync_domain::{Instant, TenantId};
use roomsync_ports::{BookingStore, CommandQueue, HintQueue, RoomStore, StoreError, TenantStore};
use roomsync_tenant_file::FileProblems;
use serde::Serialize;
use serde_json::json;
use thiserror::Error;

use crate::book::{self, BookError};
use crate::cli::{Command, TenantCommand};
use crate::place::PlaceError;
use crate::resync::{self, FindError};
use crate::tenants::{self, Effect, TenantError};
use crate::{show, status};

/// What the commands need.
pub struct Desk<S, Q, N, A> {
    /// The tables.
    pub store: S,
    /// The queues.
    pub queue: Q,
    /// The names of secrets.
    pub secrets: N,
    /// The person at the terminal.
    pub person: A,
    /// The current time.
    pub now: Instant,
    /// Whether programs read the answer.
    pub json: bool,
}

/// Whether a secret exists. Its value is nobody's business here.
pub trait SecretNames {
    /// Looks a name up.
    #[allow(async_fn_in_trait, reason = "awaited on one task")]
    async fn look(&self, name: &str) -> Look;
}

/// What is known of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It exists.
    There,
    /// There is none of that name.
    Missing,
    /// It cannot be seen from here, with the reason.
    Unknown(String),
}

/// The person at the terminal.
pub trait Person {
    /// Shows what is going to happen, or a warning.
    fn tell(&self, text: &str);

    /// Asks whether to go on; nothing if nobody is there to answer.
    fn agrees(&self, question: &str) -> Option<bool>;
}

/// Why a command was not carried out.
#[derive(Debug, Error)]
pub enum Failure {
    /// No installation.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Tenant files that cannot be used. Nothing was stored.
    #[error("{}\nNothing was stored.", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Files(Vec<FileProblems>),
    /// Two files for one tenant. Nothing was stored.
    #[error("two of the files are for tenant {0}; nothing was stored")]
    Twice(TenantId),
    /// A secret that the file names does not exist. Nothing was stored.
    #[error(
        "there is no secret named `{0}`; nothing was stored. Create it first: aws secretsmanager create-secret --name {0} \
         --secret-string file://FILE"
    )]
    NoSecret(String),
    /// A tenant was not changed.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// Nothing to look at.
    #[error(transparent)]
    Find(#[from] FindError),
    /// A booking command was not sent.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The tables did not answer.
    #[error("{0}; are the AWS credentials of this shell those of the installation?")]
    Store(#[from] StoreError),
    /// The person did not agree.
    #[error("nothing was stored")]
    Declined,
    /// Nobody is there to agree.
    #[error("nothing was stored; add --yes to do it without being asked")]
    Unasked,
    /// An answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Answer(String),
}

impl<S, Q, N, A> Desk<S, Q, N, A>
where
    S: TenantStore + RoomStore + BookingStore,
    Q: HintQueue + CommandQueue,
    N: SecretNames,
    A: Person,
{
    /// Carries a command out; the answer is text for people, or JSON.
    ///
    /// # Errors
    /// One sentence that says what was not done and what to do next.
    pub async fn run(&self, command: Command) -> Result<String, Failure> {
        match command {
            Command::Tenant(TenantCommand::Apply { files, yes }) => self.apply(&files, yes).await,
            Command::Tenant(TenantCommand::List) => self.list().await,
            Command::Tenant(TenantCommand::Show { id }) => self.show(&id).await,
            Command::Tenant(TenantCommand::Remove { id, yes }) => self.remove(&id, yes).await,
            Command::Status { room, tenant } => self.status(room.as_deref(), tenant.as_ref()).await,
            Command::Book { file } => self.book(&book::text(&file)?).await,
            Command::Resync { room, all: _, tenant, accept_mass_end } => {
                self.resync(room.as_deref(), tenant.as_ref(), accept_mass_end).await
            }
        }
    }

    async fn apply(&self, files: &[PathBuf], yes: bool) -> Result<String, Failure> {
        let mut plans = Vec::new();
        for config in configs(files)? {
            self.look_for_secret(&config).await?;
            plans.push(tenants::plan_tenant(&self.store, config).await?);
        }
        plans.iter().for_each(|plan| self.person.tell(&show::plan(plan)));
        if plans.iter().any(|plan| plan.effect != Effect::Unchanged) {
            self.agreed(yes, "Store this?")?;
        }
        let mut applied = Vec::new();
        for plan in plans {
            applied.push(tenants::carry_out(&self.store, &self.queue, plan, &self.tick()).await?);
        }
        self.answer(&applied, || show::applied(&applied))
    }

    async fn look_for_secret(&self, config: &TenantConfig) -> Result<(), Failure> {
        let credential = &config.credential;
        let Some(secret) = credential.secret.as_ref().or(credential.certificate.as_ref()) else {
            return Ok(());
        };
        match self.secrets.look(&secret.name).await {
            Look::There => Ok(()),
            Look::Missing => Err(Failure::NoSecret(secret.name.clone())),
            Look::Unknown(why) => {
                self.person.tell(&format!(
                    "Whether the secret `{}` exists cannot be seen from here: {why}",
                    secret.name
                ));
                Ok(())
            }
        }
    }

    async fn list(&self) -> Result<String, Failure> {
        let tenants = self.store.tenants().await?;
        let rows: Vec<_> = tenants.iter().map(as_json).collect();
        self.answer(&rows, || show::tenants(&tenants))
    }

    async fn show(&self, id: &TenantId) -> Result<String, Failure> {
        let found = resync::tenants(&self.store, Some(id)).await?;
        let tenant = found.first().ok_or_else(|| FindError::Tenant(id.clone()))?;
        if self.json {
            return to_json(&as_json(tenant));
        }
        let file =
            serde_saphyr::to_string(&tenant.config).map_err(|error| Failure::Answer(error.to_string()))?;
        let removed = if tenant.status == TenantStatus::Removed { ", removed" } else { "" };
        Ok(format!("# Version {}{removed}\n{}", tenant.version, file.trim_end()))
    }

    async fn remove(&self, id: &TenantId, yes: bool) -> Result<String, Failure> {
        let (plan, rooms) = tenants::plan_removal(&self.store, id).await?;
        self.person.tell(&format!(
            "{}\n{} become `removed`, their bookings end with `room_removed` and stay as tombstones for their retention; \
             nothing is read from Microsoft any more. The secret and the consent stay: they are yours to delete.",
            show::plan(&plan),
            crate::words::count(rooms, "active room"),
        ));
        self.agreed(yes, "Remove this tenant?")?;
        let applied = tenants::carry_out(&self.store, &self.queue, plan, &self.tick()).await?;
        self.answer(&applied, || show::applied(std::slice::from_ref(&applied)))
    }

    async fn status(&self, room: Option<&str>, tenant: Option<&TenantId>) -> Result<String, Failure> {
        let tenants = resync::tenants(&self.store, tenant).await?;
        if let Some(name) = room {
            let room = resync::room(&self.store, &tenants, name).await?;
            let report = status::room(&self.store, &room, self.now).await?;
            return self.answer(&report, || show::room(&report, self.now));
        }
        let mut reports = Vec::new();
        for tenant in &tenants {
            reports.push(status::tenant(&self.store, tenant, self.now).await?);
        }
        let answer = json!({ "at": seconds::text(self.now), "tenants": reports });
        self.answer(&answer, || show::reports(&reports, self.now))
    }

    async fn book(&self, text: &str) -> Result<String, Failure> {
        let id = format!("roomsync-{}", self.now.timestamp_micros());
        let sent = book::book(&self.queue, text, &id).await?;
        self.answer(&sent, || {
            format!(
                "Sent. The receipt is booking {} in the table of bookings; the board shows it.",
                sent.booking_id
            )
        })
    }

    async fn resync(
        &self,
        room: Option<&str>,
        tenant: Option<&TenantId>,
        accept: bool,
    ) -> Result<String, Failure> {
        let tenants = resync::tenants(&self.store, tenant).await?;
        let tick = self.tick();
        let resynced = match room {
            Some(name) => {
                let room = resync::room(&self.store, &tenants, name).await?;
                resync::resync_room(&self.queue, &room, accept, &tick).await?
            }
            None => resync::resync_all(&self.store, &self.queue, &tenants, accept, &tick).await?,
        };
        self.answer(&resynced, || show::resynced(&resynced))
    }

    fn agreed(&self, yes: bool, question: &str) -> Result<(), Failure> {
        match yes.then_some(true).or_else(|| self.person.agrees(question)) {
            Some(true) => Ok(()),
            Some(false) => Err(Failure::Declined),
            None => Err(Failure::Unasked),
        }
    }

    /// Two runs of a command are two askings.
    fn tick(&self) -> String {
        format!("operator {}", self.now.to_rfc3339())
    }

    fn answer(&self, data: &impl Serialize, text: impl FnOnce() -> String) -> Result<String, Failure> {
        if self.json { to_json(data) } else { Ok(text()) }
    }
}

/// Every file's configuration, or the problems of all of them.
fn configs(files: &[PathBuf]) -> Result<Vec<TenantConfig>, Failure> {
    let (mut configs, mut problems) = (Vec::<TenantConfig>::new(), Vec::new());
    for file in files {
        match roomsync_tenant_file::read(file) {
            Ok(config) if configs.iter().any(|other| other.tenant == config.tenant) => {
                return Err(Failure::Twice(config.tenant));
            }
            Ok(config) => configs.push(config),
            Err(found) => problems.push(found),
        }
    }
    if problems.is_empty() { Ok(configs) } else { Err(Failure::Files(problems)) }
}

fn as_json(tenant: &Tenant) -> serde_json::Value {
    json!({
        "tenantId": tenant.config.tenant,
        "name": tenant.config.name,
        "status": tenant.status,
        "version": tenant.version,
        "config": tenant.config,
    })
}

fn to_json(data: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(data).map_err(|error| Failure::Answer(error.to_string()))
}
