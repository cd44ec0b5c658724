//! Calls that fail, are lost, land late or are cut off by a crash; mailboxes that go; tables that are wiped.

use crate::{
    MEGAN, calendar, carry_out, command, create, mails, moment, receipt, settle, status, world, world_with,
    write_fault,
};
use roomsync_command::{Action as Do, BookingCommand};
use roomsync_domain::booking::{Booking, EndReason, Status};
use roomsync_domain::tenant::Take;
use roomsync_testkit::{Lane, MemoryStore};
use roomsync_tests::world::{ROOM_A, TENANT};
use roomsync_twin::calendar::MailboxState;
use roomsync_twin::faults::{Effect, Fault};
use roomsync_twin::{MailKind, Trap};
use std::rc::Rc;

#[tokio::test]
async fn whatever_happens_to_a_write_there_is_one_meeting_in_the_end() {
    let effects = [
        ("dropped after its effect", Effect::DropAfterEffect),
        ("dropped before its effect", Effect::DropBeforeEffect),
        ("landing late", Effect::LandLater { ms: 25_000 }),
        ("503 although done", status(503, None, None, true)),
        ("409 although done", status(409, Some("ErrorConcurrentItemSave"), None, true)),
        ("throttled although done", status(429, None, Some(20.0), true)),
        ("throttled", status(429, None, Some(20.0), false)),
        ("500", status(500, None, None, false)),
        ("cut", Effect::TruncatedJson),
        ("412", Effect::Spring { trap: Trap::EtagMoves }),
    ];
    for (why, effect) in effects {
        let world = world().await;
        for (method, sent) in [
            ("POST", create("c1")),
            (
                "PATCH",
                BookingCommand {
                    start: moment("2026-02-10", 12),
                    end: moment("2026-02-10", 13),
                    ..command(Do::Update, "c2")
                },
            ),
        ] {
            world.twin.borrow_mut().add_fault(write_fault(method, effect.clone()));
            world.command(&sent);
            world.write().await;
            settle(&world).await;
            world.twin.borrow_mut().clear_faults();
            assert_eq!(receipt(&world).await.state.status, Status::Confirmed, "{method} {why}");
            assert_eq!(world.rows(ROOM_A).await.len(), 1, "{method} {why}");
        }
        assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 11)], "{why}");
        assert_eq!(mails(&world, MailKind::Invitation), 2, "{why}");
        world.twin.borrow_mut().add_fault(write_fault("DELETE", effect));
        carry_out(&world, &command(Do::Cancel, "c3")).await;
        settle(&world).await;
        assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Cancelled), "DELETE {why}");
        assert_eq!(calendar(&world, MEGAN), [], "DELETE {why}");
        assert_eq!(mails(&world, MailKind::Cancellation), 2, "DELETE {why}");
    }
}

#[tokio::test]
async fn who_is_told_to_wait_tells_every_writer_of_that_mailbox() {
    let mut world = world().await;
    world.twin.borrow_mut().add_fault(write_fault("POST", status(429, None, Some(20.5), false)));
    world.command(&create("c1"));
    world.write().await;
    // Another process, that has asked nobody yet; the address is spelled in another way.
    world.restart();
    world.twin.borrow_mut().reset_counters();
    world.pass(15);
    let second = BookingCommand {
        booking_id: "app-2".to_owned(),
        organizer_email: Some("Megan@contoso.example".to_owned()),
        start: moment("2026-02-10", 14),
        end: moment("2026-02-10", 15),
        ..create("c2")
    };
    world.command(&second);
    let other = BookingCommand {
        booking_id: "app-3".to_owned(),
        organizer_email: Some("alex@contoso.example".to_owned()),
        start: moment("2026-02-10", 16),
        end: moment("2026-02-10", 17),
        attendees: None,
        ..create("c3")
    };
    world.command(&other);
    // Goes by the object id of the same mailbox.
    let private = BookingCommand {
        booking_id: "app-4".to_owned(),
        is_private: Some(true),
        start: moment("2026-02-10", 18),
        end: moment("2026-02-10", 19),
        attendees: None,
        ..create("c4")
    };
    world.command(&private);
    world.write().await;
    let events = |mailbox: &str| {
        let twin = world.twin.borrow();
        let to = |path: &str| path.to_lowercase().contains(mailbox) && path.contains("/events");
        twin.requests().filter(|seen| to(&seen.path)).count()
    };
    assert_eq!(events("alex"), 2);
    assert_eq!(events(""), 2, "nobody else's calendar is touched");
    settle(&world).await;
    assert_eq!(calendar(&world, MEGAN).len(), 3);
    assert_eq!(mails(&world, MailKind::Invitation), 6);
}

#[tokio::test]
async fn the_room_s_copy_may_be_seen_before_our_own_call_is_answered() {
    for takes_organizers in [true, false] {
        let take = if takes_organizers { Take::UnlessPrivate } else { Take::Never };
        let world = world_with(|config| config.privacy.organizer = take).await;
        let drop = write_fault("POST", Effect::DropAfterEffect);
        world.twin.borrow_mut().add_fault(drop);
        carry_out(&world, &create("c1")).await;
        // Whose it is says the organizer, or the answer to the next attempt.
        let status = if takes_organizers { Status::Confirmed } else { Status::Pending };
        assert_eq!(receipt(&world).await.state.status, status);
        assert_eq!(world.rows(ROOM_A).await.len(), 1);
        settle(&world).await;
        let row = receipt(&world).await;
        assert_eq!((row.state.status, row.version), (Status::Confirmed, 2));
        assert_eq!(world.rows(ROOM_A).await.len(), 1);
        assert_eq!(calendar(&world, MEGAN).len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_asked_again_before_a_lost_request_can_have_landed() {
    let world = world().await;
    world.twin.borrow_mut().add_fault(write_fault("POST", Effect::LandLater { ms: 25_000 }));
    world.command(&create("c1"));
    world.write().await;
    let posts = || {
        let twin = world.twin.borrow();
        twin.requests().filter(|seen| seen.method == "POST" && seen.path.contains("/events")).count()
    };
    assert_eq!(posts(), 1);
    for _ in 0..28 {
        world.pass(1);
        world.write().await;
        world.sweep().await;
        assert_eq!(posts(), 1);
    }
    world.pass(3);
    world.write().await;
    assert_eq!(posts(), 2);
    settle(&world).await;
    assert_eq!(calendar(&world, MEGAN).len(), 1);
}

#[tokio::test]
async fn a_crash_after_any_call_loses_and_doubles_nothing() {
    let world = world().await;
    // The writer dies after its command was accepted: nothing but the stored state goes on.
    world.twin.borrow_mut().add_fault(write_fault("POST", Effect::DropAfterEffect));
    world.command(&create("c1"));
    world.write().await;
    for message in world.queue.messages(Lane::Commands) {
        world.queue.delete(Lane::Commands, message.receipt);
    }
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    assert_eq!(calendar(&world, MEGAN).len(), 1);
}

/// Products that forget what they made make it once more, and everybody is invited again.
#[tokio::test]
async fn wiped_tables_are_read_again_without_a_write_or_a_mail() {
    let mut world = world().await;
    carry_out(&world, &create("c1")).await;
    world.book("2026-02-12", 9);
    settle(&world).await;
    let state = |row: Booking| (row.state.event_id, row.state.span, row.state.status, row.state.subject);
    let before: Vec<_> = world.live(ROOM_A).await.into_iter().map(state).collect();
    assert_eq!(before.len(), 2);
    let config = world.config().await;
    world.store = Rc::new(MemoryStore::new());
    world.restart();
    world.apply(config).await;
    world.twin.borrow_mut().reset_counters();
    world.rounds(1).await;
    settle(&world).await;
    let after: Vec<_> = world.live(ROOM_A).await.into_iter().map(state).collect();
    assert_eq!(after, before);
    assert_eq!(calendar(&world, MEGAN), [("Design review".to_owned(), 9)]);
    let twin = world.twin.borrow();
    let writes = twin.requests().filter(|seen| seen.method != "GET" && !seen.path.contains("oauth2"));
    assert_eq!(writes.map(|seen| seen.path.clone()).collect::<Vec<_>>(), Vec::<String>::new());
    assert!(twin.requests().count() > 0, "everything was read again");
    assert_eq!(twin.mails().count(), 0, "since the tables were wiped");
}

#[tokio::test]
async fn a_mailbox_that_is_away_for_a_while_does_not_keep_a_cancelled_meeting() {
    let world = world().await;
    carry_out(&world, &create("c1")).await;
    let set = |state| world.twin.borrow_mut().change_mailbox(TENANT, MEGAN, |mailbox| mailbox.state = state);
    set(MailboxState::NotEnabled);
    carry_out(&world, &command(Do::Cancel, "c2")).await;
    assert_eq!(receipt(&world).await.state.status, Status::Pending);
    set(MailboxState::Active);
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Cancelled));
    assert_eq!(calendar(&world, MEGAN), []);
}

/// Its words came only with the message, and that had been set aside while its tenant was away.
#[tokio::test]
async fn a_private_meeting_that_was_made_needs_no_words_to_be_known() {
    let world = world().await;
    world.twin.borrow_mut().add_fault(write_fault("POST", Effect::DropAfterEffect));
    world.command(&BookingCommand { is_private: Some(true), ..create("c1") });
    world.write().await;
    world.pass(61);
    world.queue.receive(Lane::Commands, 10).iter().for_each(|message| {
        world.queue.delete(Lane::Commands, message.receipt);
    });
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Confirmed);
    assert_eq!(calendar(&world, MEGAN).len(), 1);
}

/// What had failed was cleared away, and reading that back was tried every minute for a day.
#[tokio::test]
async fn nothing_is_read_back_in_a_mailbox_that_went_after_its_meeting() {
    let world = world().await;
    let refused = status(400, Some("ErrorInvalidRequest"), None, false);
    let later = Fault { skip: 1, ..write_fault("GET", status(503, None, Some(30.0), false)) };
    world.twin.borrow_mut().add_fault(write_fault("POST", refused));
    world.twin.borrow_mut().add_fault(later);
    world.command(&create("c1"));
    world.write().await;
    let away = MailboxState::NotEnabled;
    world.twin.borrow_mut().change_mailbox(TENANT, MEGAN, |mailbox| mailbox.state = away);
    settle(&world).await;
    assert_eq!(receipt(&world).await.state.status, Status::Ended(EndReason::Failed));
}
