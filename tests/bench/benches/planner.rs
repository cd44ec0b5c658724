//! The planner on a room of 5,000 entries.
#![allow(missing_docs, reason = "criterion's macros write functions")]

use chrono::TimeDelta;
use criterion::{Criterion, criterion_group, criterion_main};
use roomsync_domain::Span;
use roomsync_domain::booking::Booking;
use roomsync_domain::context::Context;
use roomsync_domain::entry::{CalendarEntry, Person, When};
use roomsync_domain::plan::{Plan, plan};
use roomsync_domain::tenant::{Privacy, Take, TenantConfig};
use roomsync_testkit::{at, config, entry, room, span};
use std::hint::black_box;

const ENTRIES: i64 = 5_000;

struct Case {
    context: Context,
    window: Span,
    entries: Vec<CalendarEntry>,
    known: Vec<Booking>,
}

impl Case {
    /// A room whose entries are all stored. Ids and texts are as long as Graph's.
    fn stored() -> Self {
        let privacy =
            Privacy { subject: Take::UnlessPrivate, organizer: Take::UnlessPrivate, retention_days: 90 };
        let context = Context::new(&TenantConfig { privacy, ..config() }, &room("a"));
        let window = span("2026-02-08T23:00:00Z", "2026-08-11T22:00:00Z");
        let entries = (0..ENTRIES).map(meeting).collect::<Vec<_>>();
        let mut case = Self { context, window, entries, known: Vec::new() };
        case.known = case.plan(&case.entries).writes.into_iter().map(|write| write.booking).collect();
        assert_eq!(case.known.len(), case.entries.len());
        case
    }

    fn plan(&self, entries: &[CalendarEntry]) -> Plan {
        plan(
            &self.known,
            entries,
            &[self.window],
            self.window,
            &[],
            &self.context,
            at("2026-02-09T08:00:00Z"),
        )
    }
}

fn meeting(number: i64) -> CalendarEntry {
    let start = at("2026-02-09T09:00:00Z") + TimeDelta::minutes(45 * number);
    CalendarEntry {
        when: When::Timed(Span::new(start, start + TimeDelta::minutes(45))),
        subject: Some(format!("Design review {number}")),
        organizer: Some(Person {
            name: Some("Ana Lima".to_owned()),
            email: Some("ana.lima@contoso.example".to_owned()),
        }),
        ..entry(&format!("AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A{:0>92}", number * 7919))
    }
}

fn planner(criterion: &mut Criterion) {
    let stored = Case::stored();
    let mut group = criterion.benchmark_group("planner, 5,000 entries");
    group.bench_function("yardstick: copy of the stored bookings", |bencher| {
        bencher.iter(|| black_box(&stored.known).clone());
    });
    assert_eq!(stored.plan(&stored.entries), Plan::default());
    group.bench_function("nothing changed", |bencher| {
        bencher.iter(|| stored.plan(black_box(&stored.entries)))
    });
    let mut changed = stored.entries.clone();
    changed[2_500].subject = Some("Budget review".to_owned());
    assert_eq!(stored.plan(&changed).writes.len(), 1);
    group.bench_function("one changed", |bencher| bencher.iter(|| stored.plan(black_box(&changed))));
    let empty = Case { known: Vec::new(), ..Case::stored() };
    group.bench_function("all new", |bencher| bencher.iter(|| empty.plan(black_box(&empty.entries))));
    group.finish();
}

criterion_group!(benches, planner);
criterion_main!(benches);
