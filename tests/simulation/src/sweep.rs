//! Every call of scripted scenarios, each with a crash before it, a crash after it, and done twice. Whatever is hit, the same four rounds
//! later everything is as it should be.

use crate::panics;
use crate::scene::Scene;
use crate::settle;
use crate::universe::Harm;
use chrono::{Days, TimeDelta};
use roomsync_command::Action;
use roomsync_domain::tenant::Organizer;
use roomsync_twin::outlook;
use std::rc::Rc;

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Swept {
    /// Scenarios.
    pub scenarios: usize,
    /// Calls that were hit.
    pub calls: u64,
    /// Times that a scenario was played.
    pub runs: u64,
    /// What went wrong.
    pub wrong: Vec<String>,
}

/// A scenario by name.
pub type Script = (&'static str, fn(&mut Scene));

/// All scenarios.
pub const SCRIPTS: &[Script] = &[
    ("first copy", |scene| scene.rounds(1)),
    ("meetings change", change),
    ("links are forgotten", |scene| {
        scene.rounds(1);
        scene.book(4, 1, "Planning");
        scene.universe.twin.borrow_mut().expire_links(scene.company.id, &scene.company.rooms[0].id);
        scene.rounds(1);
    }),
    ("the daily look finds what was never told", |scene| {
        scene.rounds(1);
        scene.silently(|scene| {
            drop(
                scene.company.act(&scene.universe, outlook::Action::Cancel { meeting: scene.single.clone() }),
            )
        });
        scene.later(25 * 60);
        scene.rounds(1);
    }),
    ("a room goes and returns", |scene| {
        scene.rounds(1);
        scene.company.take_away(&scene.universe, 0);
        scene.rounds(3);
        scene.company.bring_back(&scene.universe, 0);
        scene.rounds(1);
    }),
    ("a room gets another address", |scene| {
        scene.rounds(1);
        scene.readdress();
        scene.rounds(1);
    }),
    ("the guard", |scene| {
        let uid = scene.book(1, 40, "Training");
        scene.rounds(1);
        scene.company.act(&scene.universe, outlook::Action::Cancel { meeting: uid });
        scene.rounds(2);
    }),
    ("the secret is rotated", |scene| {
        scene.rounds(1);
        scene.company.rotate(&scene.universe, true);
        scene.universe.twin.borrow_mut().revoke_tokens(scene.company.id);
        scene.book(2, 1, "Planning");
        scene.rounds(1);
    }),
    ("the tenant leaves and returns", |scene| {
        scene.rounds(1);
        scene.company.turn(&scene.universe);
        scene.rounds(2);
        scene.company.turn(&scene.universe);
        scene.rounds(1);
    }),
    ("a command makes a meeting", |scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Action::Create, 10);
        scene.rounds(1);
    }),
    ("commands change a meeting", |scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Action::Create, 10);
        scene.rounds(1);
        scene.command(Action::Update, 14);
        scene.rounds(1);
    }),
    ("commands make a meeting and cancel it", |scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Action::Create, 10);
        scene.rounds(1);
        scene.command(Action::Cancel, 10);
        scene.rounds(1);
    }),
    ("commands move a meeting to another room and give that back", |scene| {
        scene.takes_commands(Organizer::User);
        scene.command(Action::Create, 10);
        scene.rounds(1);
        scene.command_for(0, Action::Update, 11);
        scene.rounds(1);
        scene.command_for(0, Action::Release, 11);
        scene.rounds(1);
    }),
    ("commands write into the room's own calendar", |scene| {
        scene.takes_commands(Organizer::Room);
        scene.command(Action::Create, 10);
        scene.rounds(1);
        scene.command(Action::Update, 14);
        scene.rounds(1);
        scene.command(Action::Cancel, 14);
        scene.rounds(1);
    }),
    ("a room is listened to", |scene| {
        scene.rounds(1);
        scene.listen();
        scene.keep(10);
    }),
    ("a notice asks for a look", |scene| {
        scene.rounds(1);
        scene.listen();
        scene.keep(10);
        scene.book(2, 1, "Review");
        scene.notices();
        scene.company.act(&scene.universe, outlook::Action::Cancel { meeting: scene.single.clone() });
        scene.notices();
    }),
    ("a subscription is renewed", |scene| {
        scene.rounds(1);
        scene.listen();
        scene.keep(10);
        scene.keep(4 * 24 * 60);
    }),
    ("subscriptions vanish, and the key is another one", |scene| {
        scene.rounds(1);
        scene.listen();
        scene.keep(10);
        scene.universe.twin.borrow_mut().send_lifecycle(&scene.company.rooms[0].id, "subscriptionRemoved");
        scene.universe.twin.borrow_mut().remove_subscriptions(&scene.company.rooms[1].id);
        scene.keep(10);
        scene.universe.rotate_key();
        scene.keep(10);
    }),
    ("nobody wants a subscription any more", |scene| {
        scene.rounds(1);
        scene.listen();
        scene.keep(10);
        scene.company.turn(&scene.universe);
        scene.keep(10);
    }),
];

fn change(scene: &mut Scene) {
    scene.rounds(1);
    let uid = scene.book(3, 1, "Planning");
    let (meeting, day) = (scene.series.clone(), scene.today());
    scene
        .company
        .act(&scene.universe, outlook::Action::DeleteOccurrence { meeting, date: day + Days::new(3) });
    scene.rounds(1);
    let start = (day + Days::new(5)).and_hms_opt(15, 0, 0).unwrap_or_default();
    let end = start + TimeDelta::hours(1);
    scene.company.act(&scene.universe, outlook::Action::Move { meeting: uid, start, end });
    scene.company.act(&scene.universe, outlook::Action::Cancel { meeting: scene.single.clone() });
    scene.rounds(1);
}

/// How one run of a scenario went.
#[derive(Debug)]
pub struct Played {
    /// Calls up to the end of the script.
    pub calls: u64,
    /// What was wrong.
    pub wrong: Vec<String>,
    /// The story, if it was asked for.
    pub story: Vec<String>,
}

/// Plays a scenario, harms one of its calls, and lets everything settle.
pub fn play(script: fn(&mut Scene), harm: Option<(u64, Harm)>, tells: bool) -> Played {
    panics::watch();
    let mut scene = Scene::new(tells, harm);
    script(&mut scene);
    let calls = scene.universe.calls.get();
    let universe = Rc::clone(&scene.universe);
    settle::settle(&universe, &mut scene.fleet, std::slice::from_mut(&mut scene.company), true);
    panics::take().into_iter().for_each(|panic| universe.wrong(panic));
    panics::rest();
    let wrong = universe.watch.borrow().wrong.clone();
    Played { calls, wrong, story: universe.story.lines() }
}

/// Plays all scenarios with every harm at every call.
#[must_use]
pub fn run_all() -> Swept {
    let mut swept = Swept::default();
    for (name, script) in SCRIPTS {
        swept.scenarios += 1;
        let plain = play(*script, None, false);
        swept.runs += 1;
        swept.wrong.extend(plain.wrong.iter().map(|wrong| format!("{name}, unharmed: {wrong}")));
        swept.calls += plain.calls;
        for call in 1..=plain.calls {
            for harm in [Harm::CrashBefore, Harm::CrashAfter, Harm::Twice] {
                let played = play(*script, Some((call, harm)), false);
                swept.runs += 1;
                let wrong = played.wrong.iter().take(1);
                swept.wrong.extend(wrong.map(|wrong| format!("{name}, {harm:?} at call {call}: {wrong}")));
            }
        }
    }
    swept
}
