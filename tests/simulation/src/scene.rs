//! A small world for scripted scenarios: what people, programs and the fleet can be made to do in it, step by step.

use crate::calm;
use crate::commands::Desk;
use crate::company::{Company, Manner};
use crate::fleet::{Fleet, Function, Work};
use crate::universe::{Harm, Kind, Universe};
use chrono::{Days, NaiveDate, TimeDelta};
use futures::FutureExt;
use roomsync_command::{Action, BookingCommand, Moment};
use roomsync_domain::hint::{HintReason, PollHint, TenantHint};
use roomsync_domain::tenant::Organizer;
use roomsync_domain::{RoomId, RoomRef};
use roomsync_ports::HintQueue;
use roomsync_testkit::{Lane, at};
use roomsync_twin::calendar::{MailboxState, Recurrence, Span, Zone};
use roomsync_twin::outlook::{self, Meeting};
use roomsync_twin::{PushSwitches, RoomPolicy, Trap, Tuning, Twin};
use std::rc::Rc;

/// One tenant with two rooms, a meeting and a series, on a Monday morning.
pub struct Scene {
    pub(crate) universe: Rc<Universe>,
    pub(crate) fleet: Fleet,
    pub(crate) company: Company,
    pub(crate) single: String,
    pub(crate) series: String,
    /// Days from today to the meetings of commands.
    ahead: u64,
}

impl Scene {
    pub(crate) fn new(tells: bool, harm: Option<(u64, Harm)>) -> Self {
        let now = at("2026-02-02T08:00:00Z");
        let mut twin = Twin::new(1);
        twin.advance(now);
        twin.tune(Tuning { view_page_max: 10, delta_page: 4, ..Tuning::default() });
        let universe = Rc::new(Universe::new(now, twin, tells));
        universe.harm.set(harm);
        let company = Company::found(&universe, 0, Manner::plain(45));
        let fleet = Fleet::new(Rc::clone(&universe));
        let mut scene =
            Self { universe, fleet, company, single: String::new(), series: String::new(), ahead: 5 };
        scene.single = scene.book(1, 1, "Talk");
        scene.series = scene.book(1, 8, "Stand-up");
        scene
    }

    /// Today in UTC.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.universe.now().date_naive()
    }

    /// Books an hour in the first room, `ahead` days from now, on so many days.
    pub fn book(&mut self, ahead: u64, times: u32, subject: &str) -> String {
        let day = self.today() + Days::new(ahead);
        // Each subject has its own hour, so that the attendant has nothing to decline.
        let hour = 8 + u32::try_from(subject.len() % 10).unwrap_or(0);
        self.book_at(day.and_hms_opt(hour, 0, 0).unwrap_or_default(), 60, times, subject)
    }

    /// Books so many minutes in the first room, on so many days.
    pub fn book_at(
        &mut self,
        start: chrono::NaiveDateTime,
        minutes: i64,
        times: u32,
        subject: &str,
    ) -> String {
        let span = Span::timed(start, minutes, Zone::utc());
        let mut meeting =
            Meeting::new("ana.lima@shared.example", subject, span).at(&self.company.rooms[0].address);
        if times > 1 {
            meeting = meeting.repeats(Recurrence::daily(start.date(), 1).times(times));
        }
        self.company.act(&self.universe, outlook::Action::Book { meeting })
    }

    /// Somebody does this.
    pub fn act(&mut self, action: outlook::Action) -> String {
        self.company.act(&self.universe, action)
    }

    /// The address of the first room.
    #[must_use]
    pub fn room(&self) -> String {
        self.company.rooms[0].address.clone()
    }

    /// So many scheduled rounds.
    pub fn rounds(&mut self, count: u32) {
        for _ in 0..count {
            calm::round(&self.universe, &mut self.fleet, || false);
        }
    }

    /// From now on rooms are listened to.
    pub fn listen(&mut self) {
        self.universe.listen(PushSwitches::default());
    }

    /// Minutes pass, and then the keeper looks through all rooms.
    pub fn keep(&mut self, minutes: i64) {
        self.later(minutes);
        self.fleet.invoke(Function::Keeper, Work::Tick(self.universe.now()));
        calm::calm(&self.universe, &mut self.fleet);
        calm::drain(&self.universe, &mut self.fleet);
    }

    /// A few seconds in which notices come and are worked off.
    pub fn notices(&mut self) {
        for _ in 0..4 {
            calm::pass(&self.universe, TimeDelta::seconds(2));
            calm::drain(&self.universe, &mut self.fleet);
        }
    }

    /// The first room's mailbox is closed to the application, or open again.
    pub fn refuse(&mut self, refused: bool) {
        let state = if refused { MailboxState::NotEnabled } else { MailboxState::Active };
        let (tenant, room) = (self.company.id, self.company.rooms[0].id.clone());
        self.universe.twin.borrow_mut().change_mailbox(tenant, &room, |mailbox| mailbox.state = state);
    }

    /// The second room's mailbox goes, or is back.
    pub fn the_second_is_away(&mut self, away: bool) {
        let state = if away { MailboxState::Gone } else { MailboxState::Active };
        let (tenant, room) = (self.company.id, self.company.rooms[1].id.clone());
        self.universe.twin.borrow_mut().change_mailbox(tenant, &room, |mailbox| mailbox.state = state);
    }

    /// A writer is given all commands; Graph makes a meeting and answers that it could not.
    pub fn writer_is_told_of_a_conflict(&mut self) {
        self.universe.twin.borrow_mut().set_trap(Trap::ConflictAfterCreate, None, 1.0);
        self.writer_works();
        self.universe.twin.borrow_mut().clear_traps();
    }

    /// The second room keeps the copies of meetings that are cancelled.
    pub fn keeps_what_is_cancelled(&mut self) {
        self.second_room(|policy| policy.remove_canceled_meetings = false);
    }

    /// The second room clears the private flag of its copies, as rooms do by default.
    pub fn clears_the_private_flag(&mut self) {
        self.second_room(|policy| policy.remove_private_property = true);
    }

    fn second_room(&mut self, change: impl FnOnce(&mut RoomPolicy)) {
        let (tenant, room) = (self.company.id, self.company.rooms[1].id.clone());
        self.universe.twin.borrow_mut().change_mailbox(tenant, &room, |mailbox| {
            mailbox.policy.as_mut().map(change);
        });
    }

    /// The tenant is off-boarded while a new subscription of its first room is being made; its maker dies.
    pub fn off_board_while_a_subscription_is_made(&mut self) {
        let room = self.company.rooms[0].id.clone();
        self.universe.twin.borrow_mut().send_lifecycle(&room, "subscriptionRemoved");
        calm::pass(&self.universe, TimeDelta::seconds(1));
        let mut work = None;
        while work.is_none() && crate::push::deliver_calmly(&self.universe, &mut self.fleet) {
            let messages = self.universe.queue.receive(Lane::Lifecycle, 10);
            work = (!messages.is_empty()).then_some(Work::Batch(Lane::Lifecycle, messages));
        }
        let Some(work) = work else { return };
        let keeper = self.fleet.invoke(Function::Keeper, work);
        calm::calm_until(&self.universe, &mut self.fleet, keeper, Kind::Prove);
        self.company.turn(&self.universe);
        self.fleet.crash_in(keeper);
        // Its message is done by another look, which no longer wants it.
        self.rounds(1);
    }

    /// Graph says that it has removed the first room's subscription; another one is made.
    pub fn replace_a_subscription(&mut self) {
        self.universe.twin.borrow_mut().send_lifecycle(&self.company.rooms[0].id, "subscriptionRemoved");
        self.keep(10);
    }

    /// Hints of notices that were worked off come back from the dead letters: new messages with the old bodies.
    pub fn old_notices_come_back(&mut self) {
        let old: Vec<String> = self.fleet.past.iter().map(|(_, message)| message.body.clone()).collect();
        for (at, body) in old.iter().enumerate() {
            let Ok(hint) = serde_json::from_str::<PollHint>(body) else { continue };
            if hint.is_from_notices_only() {
                self.universe.queue.send(Lane::Polls, &hint.room().key(), &format!("again {at}"), body);
            }
        }
        calm::drain(&self.universe, &mut self.fleet);
    }

    /// A thousand notices of the first room come. Gives how many looks at it they cost.
    pub fn flood(&mut self) -> u64 {
        let asked = |scene: &Self| scene.universe.tally.borrow().of("path: look asked for by notices");
        let before = asked(self);
        let room = self.company.rooms[0].id.clone();
        self.universe.twin.borrow_mut().notify(&room, roomsync_twin::calendar::Change::Updated, 334);
        self.notices();
        asked(self) - before
    }

    /// Minutes pass and nothing runs.
    pub fn later(&mut self, minutes: i64) {
        calm::pass(&self.universe, TimeDelta::minutes(minutes));
    }

    /// A sync has read rooms and directory; after `between` the same message is delivered once more, and that second sync dies when it
    /// has written what it found, before it asks for looks; then the first comes to its end.
    pub fn sync_dies_beside_another(&mut self, between: fn(&mut Self)) {
        let hint = TenantHint::new(self.company.config.tenant.clone());
        let _ = self.universe.queue.send_tenants(&[hint], "twice").now_or_never();
        let work = Work::Batch(Lane::Tenants, self.universe.queue.receive(Lane::Tenants, 1));
        let first = self.fleet.invoke(Function::Sync, work.clone());
        calm::calm_until(&self.universe, &mut self.fleet, first, Kind::PutMemory);
        between(self);
        let second = self.fleet.invoke(Function::Sync, work);
        calm::calm_until(&self.universe, &mut self.fleet, second, Kind::SendPolls);
        self.fleet.crash_in(second);
        calm::calm(&self.universe, &mut self.fleet);
    }

    /// Two writers are given the same command. The second has found nothing of it when the first accepts it, and dies.
    pub fn writers_meet(&mut self) {
        let work = Work::Batch(Lane::Commands, self.universe.queue.receive(Lane::Commands, 1));
        let first = self.fleet.invoke(Function::Writer, work.clone());
        calm::calm_until(&self.universe, &mut self.fleet, first, Kind::Save);
        let second = self.fleet.invoke(Function::Writer, work);
        calm::calm_until(&self.universe, &mut self.fleet, second, Kind::Room);
        calm::calm_until(&self.universe, &mut self.fleet, first, Kind::Create);
        self.fleet.crash_in(first);
        calm::calm(&self.universe, &mut self.fleet);
    }

    /// A writer is given all commands, and nobody else does anything meanwhile.
    pub fn writer_works(&mut self) {
        let work = Work::Batch(Lane::Commands, self.universe.queue.receive(Lane::Commands, 10));
        self.fleet.invoke(Function::Writer, work);
        calm::calm(&self.universe, &mut self.fleet);
    }

    /// The clock calls the writer, and nobody else does anything meanwhile.
    pub fn writer_ticks(&mut self) {
        self.fleet.invoke(Function::Writer, Work::Tick(self.universe.now()));
        calm::calm(&self.universe, &mut self.fleet);
    }

    /// A person moves what the command has made to noon of a day. What follows is judged by the next command, which is to name a time anew.
    pub fn somebody_moves_it(&mut self, ahead: u64) {
        let Some(made) = self.universe.made_by_commands().into_iter().next() else { return };
        let start = (self.today() + Days::new(ahead)).and_hms_opt(12, 0, 0).unwrap_or_default();
        let end = start + (made.end - made.start);
        self.act(outlook::Action::Move { meeting: made.uid, start, end });
    }

    /// The tenant is off-boarded, or back.
    pub fn turn(&mut self) {
        self.company.turn(&self.universe);
    }

    /// A whole look at a room.
    pub fn look(&mut self, room: usize) {
        let work = self.asked_for(room);
        self.fleet.invoke(Function::Poller, work);
        calm::calm(&self.universe, &mut self.fleet);
    }

    fn asked_for(&self, room: usize) -> Work {
        let room =
            RoomRef::new(self.company.config.tenant.clone(), RoomId::new(&self.company.rooms[room].id));
        let hint = PollHint::new(&room, HintReason::Operator).full();
        let _ = self.universe.queue.send_polls(&[hint], "asked").now_or_never();
        Work::Batch(Lane::Polls, self.universe.queue.receive(Lane::Polls, 1))
    }

    /// A second writer is given the message of a command that the first is carrying out, and is about to make the meeting when the first has
    /// made it, a person has cancelled it and the first has seen that. The second makes it and dies.
    pub fn a_second_writer_is_late(&mut self) {
        let work = Work::Batch(Lane::Commands, self.universe.queue.receive(Lane::Commands, 1));
        let first = self.fleet.invoke(Function::Writer, work.clone());
        calm::calm_until(&self.universe, &mut self.fleet, first, Kind::Create);
        let second = self.fleet.invoke(Function::Writer, work);
        calm::calm_until(&self.universe, &mut self.fleet, second, Kind::Create);
        calm::calm_until(&self.universe, &mut self.fleet, first, Kind::Marked);
        self.cancel_what_was_made();
        calm::calm_until(&self.universe, &mut self.fleet, first, Kind::Save);
        calm::calm_until(&self.universe, &mut self.fleet, second, Kind::Save);
        self.fleet.crash_in(second);
        calm::calm(&self.universe, &mut self.fleet);
    }

    /// Two writers are given all messages; one is about to make a meeting when the other has made and removed it. It makes it and dies.
    pub fn a_second_writer_is_too_late(&mut self) {
        let work = Work::Batch(Lane::Commands, self.universe.queue.receive(Lane::Commands, 10));
        let late = self.fleet.invoke(Function::Writer, work.clone());
        calm::calm_until(&self.universe, &mut self.fleet, late, Kind::Create);
        let first = self.fleet.invoke(Function::Writer, work);
        for call in [Kind::Remove, Kind::Marked, Kind::Save] {
            calm::calm_until(&self.universe, &mut self.fleet, first, call);
        }
        calm::calm_until(&self.universe, &mut self.fleet, late, Kind::Save);
        self.fleet.crash_in(late);
        calm::calm(&self.universe, &mut self.fleet);
    }

    /// A writer is given all commands at once, and dies before it makes a meeting.
    pub fn writer_dies(&mut self) {
        self.writer_dies_before(&[Kind::Create]);
    }

    /// The same, when it has made a meeting and not saved that.
    pub fn writer_dies_when_it_has_made_it(&mut self) {
        self.writer_dies_before(&[Kind::Create, Kind::Save]);
    }

    /// The same, before it removes a meeting.
    pub fn writer_dies_before_it_removes(&mut self) {
        self.writer_dies_before(&[Kind::Marked]);
    }

    /// The same, before it calls Graph.
    pub fn writer_dies_early(&mut self) {
        self.writer_dies_before(&[Kind::Secret]);
    }

    fn writer_dies_before(&mut self, calls: &[Kind]) {
        let work = Work::Batch(Lane::Commands, self.universe.queue.receive(Lane::Commands, 10));
        let writer = self.fleet.invoke(Function::Writer, work);
        for call in calls {
            calm::calm_until(&self.universe, &mut self.fleet, writer, *call);
        }
        self.fleet.crash_in(writer);
    }

    /// A person cancels the meeting that a command has made.
    pub fn cancel_what_was_made(&mut self) {
        let made = self.universe.made_by_commands();
        let meeting = made.first().map(|made| made.uid.clone()).unwrap_or_default();
        self.act(outlook::Action::Cancel { meeting });
    }

    /// The room takes back that it has accepted the meeting that a command has made.
    pub fn declines_what_was_made(&mut self) {
        let Some(made) = self.universe.made_by_commands().into_iter().next() else { return };
        let room = self.company.rooms[1].address.clone();
        self.act(outlook::Action::Refuse { meeting: made.uid, room });
    }

    /// A whole look at the first room misses a booking and has asked for its entry; after `between` it asks on.
    pub fn look_asks_while(&mut self, between: impl FnOnce(&mut Self)) {
        let work = self.asked_for(0);
        let env = self.fleet.invoke(Function::Poller, work);
        calm::calm_until(&self.universe, &mut self.fleet, env, Kind::Entry);
        calm::calm_until(&self.universe, &mut self.fleet, env, Kind::View);
        between(self);
        calm::calm(&self.universe, &mut self.fleet);
    }

    /// The first room gets another address.
    pub fn readdress(&mut self) {
        self.company.readdress(&self.universe, 0);
    }

    /// The second room, for which commands are, gets another address.
    pub fn readdress_the_second(&mut self) {
        self.company.readdress(&self.universe, 1);
    }

    /// From now on programs may send commands; the rooms are known.
    pub fn takes_commands(&mut self, organizer: Organizer) {
        Desk::equip(&self.universe, std::slice::from_mut(&mut self.company));
        self.company.config.organizer = organizer;
        self.company.publish(&self.universe);
        self.rounds(1);
    }

    /// From now on commands speak of meetings in so many days; 45 are kept in step.
    pub fn commands_are_for(&mut self, ahead: u64) {
        self.ahead = ahead;
    }

    /// A program sends a command for its booking in the second room, in five days at that hour if nothing else is said.
    pub fn command(&mut self, action: Action, hour: u32) {
        self.say(1, action, hour, false, None);
    }

    /// The same for another room.
    pub fn command_for(&mut self, room: usize, action: Action, hour: u32) {
        self.say(room, action, hour, false, None);
    }

    /// The same of a private booking, in a room that is named by its address.
    pub fn command_in_private(&mut self, action: Action, hour: u32) {
        self.say(1, action, hour, true, None);
    }

    /// The same of a series on three days.
    pub fn command_for_series(&mut self, action: Action, hour: u32) {
        let series = self.three_days();
        self.say(1, action, hour, false, series);
    }

    /// The same of a private one.
    pub fn command_for_series_in_private(&mut self, action: Action, hour: u32) {
        let series = self.three_days();
        self.say(1, action, hour, true, series);
    }

    fn three_days(&self) -> Option<roomsync_command::Recurrence> {
        serde_json::from_value(serde_json::json!({
            "pattern": { "type": "daily", "interval": 1 },
            "range": { "type": "numbered", "startDate": self.day_of_commands(), "numberOfOccurrences": 3 },
        }))
        .ok()
    }

    fn day_of_commands(&self) -> NaiveDate {
        self.today() + Days::new(self.ahead)
    }

    fn say(
        &mut self,
        room: usize,
        action: Action,
        hour: u32,
        private: bool,
        recurrence: Option<roomsync_command::Recurrence>,
    ) {
        let id = format!("command-{:?}-{hour}", action).to_lowercase();
        let day = self.day_of_commands();
        let at = |hour: u32| Some(Moment::new(&format!("{day}T{hour:02}:00:00"), "UTC"));
        let named = matches!(action, Action::Create | Action::Update);
        let command = BookingCommand {
            room_id: (!private).then(|| self.company.rooms[room].id.clone()),
            room_email: private.then(|| self.company.rooms[room].address.clone()),
            organizer_email: (action == Action::Create).then(|| "megan@one.example".to_owned()),
            subject: named.then(|| format!("Review at {hour}")),
            start: at(hour).filter(|_| named),
            end: at(hour + 1).filter(|_| named),
            is_private: named.then_some(private),
            recurrence,
            ..BookingCommand::new(action, &id, self.company.id, "app-1")
        };
        let body = serde_json::to_string(&command).unwrap_or_default();
        self.universe.queue.send(Lane::Commands, "app-1", &id, &body);
        self.universe.ledger.borrow_mut().sent(&command);
    }

    /// Does something that delta never tells.
    pub(crate) fn silently(&mut self, act: impl FnOnce(&mut Self)) {
        self.universe.twin.borrow_mut().set_trap(Trap::LostRemoval, None, 1.0);
        self.universe.count("graph: removal never told");
        act(self);
        self.universe.twin.borrow_mut().clear_traps();
    }
}
