//! The use case: one command.
//!
//! Desired: a command has one effect however often it comes, and its receipt is there before anybody is called. What cannot be a receipt,
//! because it names no room of ours or no time, is set aside with the field that is wrong.

use crate::handler::Deps;
use crate::settle::{Progress, Work};
use crate::stop::Stop;
use roomsync_command::{Action, Rejection};
use roomsync_domain::booking::{Booking, CommandFailure};
use roomsync_domain::context::Context;
use roomsync_domain::room::{Room, RoomField, RoomSettings, RoomState, RoomStatus};
use roomsync_domain::tenant::{Organizer, Switch, Tenant, TenantConfig, TenantStatus};
use roomsync_domain::writing::accept::{Decision, Given, accept, said};
use roomsync_domain::writing::meeting::RoomAddress;
use roomsync_domain::writing::request::{Named, Request, request};
use roomsync_domain::writing::{Writing, code, rows};
use roomsync_domain::{Instant, RoomRef};
use roomsync_ports::{
    BookingStore, Clock, Directory, Graph, GraphError, HintQueue, RoomStore, TenantStore, WritingStore,
};
use serde_json::Value;
use tracing::info;

/// Tries of one command until nobody else writes the same booking in between.
const MOST_RACES: usize = 5;

/// What became of a command.
#[derive(Debug)]
pub enum Outcome {
    /// It is done, or what is left to do is done by the clock.
    Done(Progress),
    /// It cannot be a command.
    Rejected(Rejection),
    /// It waits for what an earlier command has yet to do, until then if that is known.
    NotYet(Option<Instant>),
}

/// Whether a command may be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is the next of its booking.
    Next,
    /// An earlier one waits: it is only gone on with if it was accepted before.
    Later,
}

/// Carries out the command in a message.
///
/// # Errors
///
/// Only what the message should come again for.
pub async fn write_booking<G, S, Q, K>(
    body: &str,
    turn: Turn,
    deps: &Deps<G, S, Q, K>,
    deadline: Instant,
) -> Result<Outcome, Stop>
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore + WritingStore,
    Q: HintQueue,
    K: Clock,
{
    let request = match roomsync_command::parse(body).and_then(request) {
        Ok(request) => request,
        Err(rejection) => return Ok(Outcome::Rejected(rejection)),
    };
    let tenant = deps.tenants.get(&deps.store, &request.tenant, deps.clock.now()).await?;
    let Some(tenant) = tenant.filter(|tenant| tenant.status == TenantStatus::Active) else {
        return Ok(Outcome::Rejected(Rejection::new("tenantId", "there is no such tenant")));
    };
    let mut races = 0;
    loop {
        match attempt(&request, turn, &tenant, deps, deadline).await {
            Err(Stop::LostRace) if races < MOST_RACES => races += 1,
            other => return other,
        }
    }
}

async fn attempt<G, S, Q, K>(
    request: &Request,
    turn: Turn,
    tenant: &Tenant,
    deps: &Deps<G, S, Q, K>,
    deadline: Instant,
) -> Result<Outcome, Stop>
where
    G: Graph,
    S: TenantStore + RoomStore + BookingStore + WritingStore,
    Q: HintQueue,
    K: Clock,
{
    let mut writing = deps.store.writing(&request.tenant, &request.booking).await?;
    let is_known = |writing: &Writing| writing.knows(&request.command);
    if turn == Turn::Later && !writing.as_ref().is_some_and(is_known) {
        return Ok(Outcome::NotYet(None));
    }
    let room = match room_of(request, tenant, writing.as_ref(), deps).await? {
        Ok(room) => room,
        Err(rejection) => return Ok(Outcome::Rejected(rejection)),
    };
    let context = Context::new(&tenant.config, &room.room);
    let graph = deps.graph.tenant(&tenant.config);
    let request = &unnamed(request, &tenant.config.organizer, writing.as_ref(), &graph).await?;
    let words = said(request, &tenant.config.organizer, &room.room.room.room);
    let work = Work {
        graph: &graph,
        store: &deps.store,
        queue: &deps.queue,
        clock: &deps.clock,
        context: &context,
        said: Some(&words),
        fresh: false,
        deadline,
    };
    // Once more if an earlier life had first to be settled.
    for settled in [false, true] {
        let row = deps.store.booking(&room.room.room, &request.booking).await?;
        let row_left = row_left(writing.as_ref(), &room.room.room, deps).await?;
        let given = Given {
            writing: writing.as_ref(),
            row: row.as_ref(),
            row_left: row_left.as_ref(),
            context: &context,
            room: &room.address,
            policy: &tenant.config.organizer,
            refusal: room.refusal.as_ref(),
            now: deps.clock.now(),
        };
        let wanted = match accept(request, &given) {
            Decision::NotYet if settled => {
                return Ok(Outcome::NotYet(writing.as_ref().and_then(|writing| writing.due)));
            }
            Decision::NotYet => writing.take(),
            // Somebody may have accepted it since the writing was read; and who that was may be dead.
            Decision::Known => {
                let Some(writing) = deps.store.writing(&request.tenant, &request.booking).await? else {
                    return Ok(Outcome::Done(Progress::Done));
                };
                let is_last = writing.last_command() == Some(&request.command);
                let progress = work.settle(writing).await?;
                // What others have followed waits for nothing: the words of a private meeting are in the last of them, which comes next.
                return Ok(Outcome::Done(if is_last { progress } else { Progress::Done }));
            }
            Decision::Refused(save, why) => {
                deps.store.save(writing.as_ref(), &save.writing, &save.rows).await?;
                info!(booking.id = %request.booking, command.id = %request.command, why = %why.code, "Refused a booking command");
                return Ok(Outcome::Done(Progress::Done));
            }
            Decision::Accepted(save) => {
                deps.store.save(writing.as_ref(), &save.writing, &save.rows).await?;
                info!(booking.id = %request.booking, command.id = %request.command, action = ?request.action, "Accepted a booking command");
                let accepted = Writing { version: save.writing.version + 1, ..*save.writing };
                // What was wanted before, others may be about to make.
                let fresh = writing.is_none_or(|old| old.desired.is_none());
                return Work { fresh, ..work }.settle(accepted).await.map(Outcome::Done);
            }
        };
        if let Some(wanted) = wanted {
            // Another room's booking is settled with its own context; here it is only what an earlier life left.
            work.settle(wanted).await?;
        }
        writing = deps.store.writing(&request.tenant, &request.booking).await?;
    }
    Ok(Outcome::NotYet(None))
}

/// A private meeting's organizer is in no table: the mailbox goes by its object id, unless the directory may not tell it.
async fn unnamed<D: Directory>(
    request: &Request,
    policy: &Organizer,
    writing: Option<&Writing>,
    directory: &D,
) -> Result<Request, Stop> {
    let by_id = writing.is_some_and(|writing| !writing.place.own && !writing.place.mailbox.contains('@'));
    let private = request.action == Action::Create && request.private == Some(true);
    let mut request = request.clone();
    let is_theirs = *policy == Organizer::User && (private || by_id);
    if let Some(email) = request.organizer.as_ref().filter(|_| is_theirs) {
        match directory.user(email, &[]).await {
            Ok(Some(user)) => request.organizer = Some(user.object_id),
            // That nobody has that address, or that we may not ask, is told by the call that follows.
            Ok(None) | Err(GraphError::Forbidden(_) | GraphError::NotFound(_)) => {}
            Err(error) => return Err(Stop::Directory(error)),
        }
    }
    Ok(request)
}

async fn row_left<G, S: BookingStore + WritingStore, Q, K>(
    writing: Option<&Writing>,
    room: &RoomRef,
    deps: &Deps<G, S, Q, K>,
) -> Result<Option<Booking>, Stop> {
    match writing.filter(|writing| writing.room != room.room) {
        Some(writing) => Ok(deps.store.booking(&writing.room_ref(), &writing.booking).await?),
        None => Ok(None),
    }
}

/// The room of a command.
struct Target {
    room: Room,
    address: RoomAddress,
    refusal: Option<CommandFailure>,
}

async fn room_of<G, S, Q, K>(
    request: &Request,
    tenant: &Tenant,
    writing: Option<&Writing>,
    deps: &Deps<G, S, Q, K>,
) -> Result<Result<Target, Rejection>, Stop>
where
    S: RoomStore,
    K: Clock,
{
    // What ends concerns the booking wherever it is. So does what was accepted before: its room may have another address by now.
    let ends = matches!(request.action, Action::Cancel | Action::Release);
    let stays = |writing: &Writing| {
        writing.knows(&request.command) || ends && !writing.is_blank() && !writing.place.foreign
    };
    let id = match (&request.room, writing) {
        (_, Some(writing)) if stays(writing) => writing.room.clone(),
        (Some(Named::Id(id)), _) => id.clone(),
        (Some(Named::Email(email)), _) => {
            let room = deps.addresses.room(&deps.store, &request.tenant, email, deps.clock.now()).await?;
            match room {
                Some(room) => room.room.room,
                None => {
                    return Ok(Err(Rejection::new(
                        "roomEmail",
                        "room_unknown: the tenant has no room of that address",
                    )));
                }
            }
        }
        (None, Some(writing)) => writing.room.clone(),
        (None, None) => {
            let why = "booking_unknown: there is no booking of that id, and no room is named";
            return Ok(Err(Rejection::new("bookingId", why)));
        }
    };
    let room = deps.store.room(&RoomRef::new(request.tenant.clone(), id.clone())).await?;
    let refusal = match &room {
        Some(room) if room.state.status == RoomStatus::Active => writes_off(&tenant.config, room),
        Some(room) => {
            Some(rows::failure(code::ROOM_UNKNOWN, format!("the room {} was removed", room.state.email)))
        }
        None => Some(rows::failure(code::ROOM_UNKNOWN, "the tenant has no room of that id")),
    };
    let room = room.unwrap_or_else(|| {
        nowhere(RoomRef::new(request.tenant.clone(), id), &tenant.config, deps.clock.now())
    });
    let address = RoomAddress {
        id: room.room.room.clone(),
        email: room.state.email.clone(),
        name: room.state.display_name.clone(),
    };
    Ok(Ok(Target { room, address, refusal }))
}

/// Commands for a room may be switched off for the room, its building or the tenant.
fn writes_off(config: &TenantConfig, room: &Room) -> Option<CommandFailure> {
    let building = room.state.fields.get(&RoomField::Building).and_then(Value::as_str);
    let email = &room.state.email;
    let by_file = config.writes_for(email, building) == Switch::Off;
    // Who does not import buildings has only what the last look at the directory made of the file.
    let by_look = building.is_none() && room.state.settings.writes == Switch::Off;
    (by_file || by_look).then(|| {
        let at = building.map(|building| format!(" in {building}")).unwrap_or_default();
        rows::failure(code::WRITES_OFF, format!("commands are switched off for the room {email}{at}"))
    })
}

/// A room that is not there, so that its refusal has a receipt.
fn nowhere(room: RoomRef, config: &TenantConfig, now: Instant) -> Room {
    Room {
        room,
        version: 0,
        state: RoomState {
            status: RoomStatus::Removed,
            email: String::new(),
            display_name: String::new(),
            fields: [].into(),
            room_lists: [].into(),
            custom: [].into(),
            occupant_visible: [].into(),
            settings: RoomSettings {
                time_zone: config.time_zone.clone(),
                writes: Switch::Off,
                listener: Switch::Off,
            },
        },
        observed_at: now,
    }
}
