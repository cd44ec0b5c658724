//! What the simulator has found, as short scenarios. Each failed before the product was mended.
#![allow(missing_docs, reason = "the names are the documentation")]

use chrono::{Days, NaiveTime};
use roomsync_command::Action as Command;
use roomsync_domain::tenant::Organizer;
use roomsync_simulation::scene::Scene;
use roomsync_simulation::sweep::play;
use roomsync_twin::outlook::Action;

fn holds(script: fn(&mut Scene)) {
    let played = play(script, None, true);
    assert!(played.wrong.is_empty(), "{}\n{}", played.wrong.join("\n"), played.story.join("\n"));
}

/// The stored bookings of dirty days were read by their start, from the beginning of the window on.
#[test]
fn a_booking_that_reaches_into_the_window_ends_when_it_is_deleted() {
    holds(|scene| {
        let before_the_window = scene.today() - Days::new(2);
        let evening = before_the_window.and_time(NaiveTime::MIN) + chrono::TimeDelta::hours(20);
        let meeting = scene.book_at(evening, 25 * 60, 1, "Long night");
        scene.rounds(1);
        let room = Some(scene.room());
        scene.act(Action::Delete { meeting, room });
    });
}

/// Whom a private command of a mailbox that organizes for all invites was worked out in two ways, so it was never carried out.
#[test]
fn a_private_command_is_carried_out_where_one_mailbox_organizes_for_all() {
    holds(|scene| {
        scene.takes_commands(Organizer::Mailbox("service@one.example".to_owned()));
        scene.command_in_private(Command::Create, 10);
        scene.rounds(1);
    });
}

/// A cancel of a booking that had ended left no receipt.
#[test]
fn what_comes_after_the_end_of_a_booking_is_receipted() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        for action in [Command::Create, Command::Release, Command::Cancel] {
            scene.command(action, 10);
        }
        scene.rounds(1);
    });
}

/// The second of two runs knew the command from its booking and not how far it was, and took the message for done.
#[test]
fn a_private_command_is_carried_out_although_its_first_writer_died() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command_in_private(Command::Create, 10);
        scene.writers_meet();
        scene.rounds(1);
    });
}

/// The message of the refused command, which came again, waited for words that it did not have, and kept back the one that had them.
#[test]
fn a_private_command_is_carried_out_although_one_before_it_comes_again() {
    holds(|scene| {
        scene.takes_commands(Organizer::Mailbox("service@one.example".to_owned()));
        scene.command(Command::Release, 10);
        scene.command_in_private(Command::Create, 10);
        scene.writer_dies();
        scene.rounds(1);
    });
}

/// What the room still showed of the first command was taken for its answer to the second.
#[test]
fn a_booking_is_not_confirmed_for_the_time_that_it_has_left() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Command::Create, 10);
        scene.writer_works();
        scene.later(1);
        scene.command(Command::Update, 14);
        scene.writer_works();
        scene.look(1);
        scene.rounds(1);
    });
}

/// Eight contents were remembered, and the room still showed the one before them.
#[test]
fn a_booking_is_not_confirmed_for_a_time_that_it_has_left_many_commands_ago() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Command::Create, 10);
        scene.writer_works();
        scene.later(1);
        for hour in 11..20 {
            scene.command(Command::Update, hour);
        }
        scene.writer_works();
        scene.look(1);
        scene.rounds(1);
    });
}

/// The message, which came again, was set aside, because no room had that address any more; and it alone had the words.
#[test]
fn a_private_command_is_carried_out_although_its_room_gets_another_address() {
    holds(|scene| {
        scene.takes_commands(Organizer::Room);
        scene.command_in_private(Command::Create, 10);
        scene.writer_dies_early();
        scene.readdress_the_second();
        scene.rounds(1);
    });
}

/// The writer had ended the booking, and nobody looked at the room when its tenant was back at once.
#[test]
fn a_booking_goes_on_when_its_tenant_returns_at_once() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Command::Create, 10);
        scene.writer_works();
        scene.later(1);
        scene.look(1);
        scene.turn();
        scene.later(1);
        scene.writer_ticks();
        scene.turn();
        scene.rounds(1);
    });
}

/// The first had looked, and nobody looked again.
#[test]
fn a_meeting_that_a_late_writer_makes_after_a_person_has_cancelled_it_is_removed() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Command::Create, 10);
        scene.a_second_writer_is_late();
        scene.rounds(1);
    });
}

/// The first had been guessed by its time, and that was taken for the room's answer to the second.
#[test]
fn a_series_that_is_made_anew_is_the_booking_s_although_its_first_was_cancelled() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.keeps_what_is_cancelled();
        scene.command_for_series(Command::Create, 10);
        scene.writer_dies_when_it_has_made_it();
        scene.later(1);
        scene.look(1);
        scene.cancel_what_was_made();
        scene.rounds(1);
    });
}

/// A change that the room need not answer left the booking as confirmed for what had been cancelled.
#[test]
fn a_meeting_that_is_made_anew_and_changed_at_once_is_the_booking_s() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Command::Create, 10);
        scene.writer_dies_when_it_has_made_it();
        scene.later(1);
        scene.look(1);
        scene.cancel_what_was_made();
        scene.command(Command::Update, 10);
        scene.rounds(1);
    });
}

/// What was left to do for a tenant that had gone was forgotten when the first meeting of a series was over.
#[test]
fn a_cancelled_series_goes_when_its_tenant_comes_back() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command_for_series(Command::Create, 10);
        scene.rounds(1);
        scene.command(Command::Cancel, 10);
        scene.writer_dies_before_it_removes();
        scene.turn();
        scene.later(6 * 24 * 60);
        scene.rounds(1);
        scene.turn();
        scene.rounds(1);
    });
}

/// A sync that wrote a room and died was taken for finished, because another one ended in the same second.
#[test]
fn a_look_at_a_changed_room_stays_owed_although_another_sync_ends_well() {
    holds(|scene| {
        scene.rounds(1);
        scene.sync_dies_beside_another(Scene::readdress);
    });
}

/// The entry was looked for where it had been said to be, and had gone on from there.
#[test]
fn a_meeting_that_moves_twice_during_a_look_does_not_end() {
    holds(|scene| {
        let ten = |scene: &Scene, days: i64| {
            scene.today().and_time(NaiveTime::MIN)
                + chrono::TimeDelta::days(days)
                + chrono::TimeDelta::hours(10)
        };
        let start = ten(scene, 1);
        let meeting = scene.book_at(start, 60, 1, "Nomad");
        scene.rounds(1);
        let before_the_window = ten(scene, -10);
        let end = before_the_window + chrono::TimeDelta::hours(1);
        scene.act(Action::Move { meeting: meeting.clone(), start: before_the_window, end });
        scene.look_asks_while(|scene| {
            let start = ten(scene, 2);
            let end = start + chrono::TimeDelta::hours(1);
            scene.act(Action::Move { meeting, start, end });
        });
    });
}

/// Only complete looks were remembered, and the mailbox was called for each batch of the flood.
#[test]
fn a_flood_for_a_room_that_graph_refuses_costs_two_looks() {
    holds(|scene| {
        scene.listen();
        scene.rounds(1);
        scene.refuse(true);
        let looks = scene.flood();
        assert!(looks <= 2, "{looks} looks");
        scene.refuse(false);
    });
}

#[test]
fn a_thousand_notices_cost_two_looks() {
    holds(|scene| {
        scene.listen();
        scene.rounds(1);
        let looks = scene.flood();
        assert!((1..=2).contains(&looks), "{looks} looks");
    });
}

/// The list of a tenant without rooms to listen to was not read.
#[test]
fn a_subscription_that_nobody_knows_of_goes_with_its_tenant() {
    holds(|scene| {
        scene.listen();
        scene.rounds(1);
        scene.off_board_while_a_subscription_is_made();
        scene.rounds(1);
    });
}

/// A notice was taken for the newest subscription's by the time at which its message was sent, and what comes back from the dead
/// letters is sent anew.
#[test]
fn an_old_notice_proves_nothing_of_a_new_subscription() {
    holds(|scene| {
        scene.listen();
        scene.rounds(1);
        scene.book(2, 1, "Review");
        scene.notices();
        scene.replace_a_subscription();
        scene.old_notices_come_back();
    });
}

/// What the room still showed of the person's move was taken for its answer to the command that had moved the meeting on.
#[test]
fn a_booking_does_not_follow_a_move_that_a_command_has_overwritten() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Command::Create, 10);
        scene.writer_works();
        scene.somebody_moves_it(6);
        scene.later(1);
        scene.command(Command::Update, 14);
        scene.writer_works();
        scene.look(1);
        scene.rounds(1);
    });
}

/// It had read the booking before its meeting was made. The first had removed the meeting and read that back, and nobody looked again.
#[test]
fn a_meeting_that_a_late_writer_makes_after_its_booking_was_cancelled_is_removed() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Command::Create, 10);
        scene.command(Command::Cancel, 10);
        scene.a_second_writer_is_too_late();
        scene.later(2);
        scene.rounds(1);
    });
}

/// It was taken as answered, because it had been confirmed for that time before; and the room still showed the time in between.
#[test]
fn a_booking_that_is_moved_back_beyond_the_window_has_no_second_booking() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.commands_are_for(60);
        scene.command(Command::Create, 10);
        scene.rounds(1);
        scene.commands_are_for(5);
        scene.command(Command::Update, 11);
        scene.writer_works();
        scene.later(1);
        scene.commands_are_for(60);
        scene.command(Command::Update, 10);
        scene.writer_works();
        scene.look(1);
        scene.rounds(1);
    });
}

/// Its room had not answered, so its booking had ended, and the receipt was written in the other room; then the room answered after all.
#[test]
fn a_refused_move_has_its_receipt_where_the_meeting_is() {
    holds(|scene| {
        scene.takes_commands(Organizer::Room);
        scene.command(Command::Create, 10);
        scene.writer_works();
        scene.later(5 * 24 * 60 + 4 * 60);
        scene.writer_ticks();
        scene.command_for(0, Command::Update, 11);
        scene.writer_works();
        scene.rounds(1);
    });
}

/// The same where the booking had ended with its tenant, which was back before the command came.
#[test]
fn a_refused_move_has_its_receipt_where_the_tenant_s_return_shows_the_meeting() {
    holds(|scene| {
        scene.takes_commands(Organizer::Room);
        scene.command(Command::Create, 10);
        scene.writer_works();
        scene.turn();
        scene.later(2);
        scene.look(1);
        scene.turn();
        scene.later(2);
        scene.command_for(0, Command::Update, 11);
        scene.writer_works();
        scene.rounds(1);
    });
}

/// The next look at the room that had yet to answer forgot it.
#[test]
fn a_receipt_says_why_a_command_was_refused_that_came_while_another_was_under_way() {
    holds(|scene| {
        scene.takes_commands(Organizer::Room);
        scene.command(Command::Create, 10);
        scene.command_for(0, Command::Update, 11);
        scene.writer_works();
        scene.rounds(1);
    });
}

/// The further instances were as private as those of its former days.
#[test]
fn a_series_that_is_private_no_more_is_shown_on_all_its_days() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command_for_series_in_private(Command::Create, 10);
        scene.rounds(1);
        scene.commands_are_for(9);
        scene.command_for_series(Command::Create, 11);
        scene.rounds(1);
    });
}

/// Only a create that was not answered at all counted as one that may have made a meeting.
#[test]
fn a_meeting_whose_create_was_denied_is_removed_when_its_mailbox_comes_back() {
    holds(|scene| {
        scene.takes_commands(Organizer::Room);
        scene.command(Command::Create, 10);
        scene.writer_is_told_of_a_conflict();
        scene.the_second_is_away(true);
        for _ in 0..3 {
            scene.later(1);
            scene.writer_ticks();
        }
        scene.the_second_is_away(false);
        scene.rounds(1);
    });
}

/// Its room has cleared the flag and reports nothing, and its claim was gone before anybody looked.
#[test]
fn a_series_that_a_command_makes_private_is_hidden_on_all_its_days() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.clears_the_private_flag();
        scene.command_for_series(Command::Create, 10);
        scene.rounds(1);
        scene.command_for_series_in_private(Command::Update, 10);
        scene.writer_works();
        scene.later(2);
        scene.writer_ticks();
        scene.rounds(1);
    });
}

/// What was known of its further instances stayed as private as it had been.
#[test]
fn a_series_that_an_update_makes_public_is_shown_on_all_its_days() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.clears_the_private_flag();
        scene.command_for_series_in_private(Command::Create, 10);
        scene.rounds(1);
        scene.command_for_series(Command::Update, 10);
        scene.writer_works();
        scene.later(2);
        scene.writer_ticks();
        scene.rounds(1);
    });
}

/// The room had another copy of the series, of which nothing was known.
#[test]
fn a_series_that_a_command_makes_private_is_hidden_in_a_room_that_had_declined_it() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.clears_the_private_flag();
        scene.command_for_series(Command::Create, 10);
        scene.rounds(1);
        scene.declines_what_was_made();
        scene.command_for_series_in_private(Command::Update, 10);
        scene.writer_works();
        scene.rounds(1);
    });
}

/// Its claim stays, and named the copy of the life before as on its way out.
#[test]
fn what_a_room_keeps_of_a_meeting_that_was_made_anew_as_a_series_is_shown() {
    holds(|scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Command::Create, 10);
        scene.rounds(1);
        scene.readdress_the_second();
        scene.command(Command::Cancel, 12);
        scene.writer_works();
        scene.command_for_series(Command::Create, 11);
        scene.rounds(1);
    });
}
