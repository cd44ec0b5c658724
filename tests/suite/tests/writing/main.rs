//! Stories of booking commands: what is sent, what is in whose calendar, what the receipt says, who gets mail.

#![allow(clippy::unwrap_used, reason = "a story that cannot be told is a failure")]

mod carried_out;
mod misfortunes;
mod one_after_another;
mod people;
mod refused;

use roomsync_command::{Action as Do, BookingCommand, Moment};
use roomsync_domain::booking::Booking;
use roomsync_testkit::Lane;
use roomsync_tests::world::{ROOM_A, ROOM_B, TENANT, World};
use roomsync_twin::faults::{Effect, Fault, Matching};
use roomsync_twin::{MailKind, UserSpec};

const MEGAN: &str = "megan@contoso.example";

async fn world() -> World {
    world_with(|_| {}).await
}

async fn world_with(change: impl FnOnce(&mut roomsync_domain::tenant::TenantConfig)) -> World {
    let mut world = World::with(change).await;
    for address in [MEGAN, "alex@contoso.example", "service@contoso.example"] {
        let user = UserSpec { address: address.to_owned(), ..UserSpec::default() };
        world.twin.borrow_mut().put_user(TENANT, user);
    }
    world.rounds(1).await;
    world
}

fn moment(day: &str, hour: u32) -> Option<Moment> {
    Some(Moment::new(&format!("{day}T{hour:02}:00:00"), "Europe/Paris"))
}

fn command(action: Do, id: &str) -> BookingCommand {
    BookingCommand::new(action, id, TENANT, "app-1")
}

/// From 10 to 11 in Paris.
fn create(id: &str) -> BookingCommand {
    BookingCommand {
        room_email: Some(ROOM_A.to_owned()),
        organizer_email: Some(MEGAN.to_owned()),
        subject: Some("Design review".to_owned()),
        start: moment("2026-02-10", 10),
        end: moment("2026-02-10", 11),
        attendees: Some(vec!["alex@contoso.example".to_owned()]),
        ..command(Do::Create, id)
    }
}

/// Live meetings in a mailbox: subject and hour of begin (UTC).
fn calendar(world: &World, mailbox: &str) -> Vec<(String, u32)> {
    use chrono::Timelike;
    let twin = world.twin.borrow();
    let entries = twin.entries(TENANT, mailbox, false).unwrap();
    entries
        .into_iter()
        .filter(|entry| !entry.cancelled)
        .map(|entry| (entry.subject, entry.start.hour()))
        .collect()
}

fn mails(world: &World, kind: MailKind) -> usize {
    world.twin.borrow().mails().filter(|mail| mail.kind == kind).count()
}

/// Made and given back, both before anybody has looked at the room.
async fn released() -> World {
    let world = world().await;
    world.command(&create("c1"));
    world.write().await;
    world.pass(5);
    world.command(&command(Do::Release, "c2"));
    world.write().await;
    world
}

async fn receipt(world: &World) -> Booking {
    world.receipt(ROOM_A, "app-1").await
}

/// Sends, writes, and lets the room answer and be looked at.
async fn carry_out(world: &World, command: &BookingCommand) {
    world.command(command);
    world.write().await;
    answer(world).await;
}

async fn answer(world: &World) {
    world.pass(5);
    world.look(ROOM_A).await;
    world.look(ROOM_B).await;
}

/// Until everything is settled, or an hour has passed.
async fn settle(world: &World) {
    for _ in 0..60 {
        world.pass(61);
        world.write().await;
        world.sweep().await;
        world.drain().await;
        world.look(ROOM_A).await;
        world.look(ROOM_B).await;
    }
    let open: Vec<_> = world.store.writings().into_iter().filter(|writing| !writing.is_settled()).collect();
    assert!(open.is_empty(), "not settled: {open:#?}");
    assert_eq!(world.queue.messages(Lane::Commands).len(), 0);
    assert_eq!(world.differences().await, Vec::<String>::new());
}

fn write_fault(method: &str, effect: Effect) -> Fault {
    let matching =
        Matching { method: Some(method.to_owned()), path: Some("/events".to_owned()), ..Matching::default() };
    Fault { matching, skip: 0, times: Some(1), probability: None, effect }
}

fn status(status: u16, code: Option<&str>, retry_after: Option<f64>, executed: bool) -> Effect {
    let code = code.map(str::to_owned);
    Effect::Status { status, code, retry_after, form: Default::default(), executed }
}
