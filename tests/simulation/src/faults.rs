//! What can go wrong (docs/SIMULATION.md, "How it works"), each with a chance of its own in each history.

use crate::universe::{Failure, Fate, Kind, Op};
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use roomsync_twin::Trap;
use roomsync_twin::faults::{Effect, RetryForm};

/// A kind of misfortune.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Misfortune {
    /// Name in reports; its part before the colon says whose it is.
    pub(crate) name: &'static str,
    /// How often, in thousandths of the moments at which it could happen, at most.
    pub(crate) per_mille: u32,
    what: Way,
}

/// How it comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// An answer of Graph or of the login host.
    Status(u16, Option<&'static str>, Wait),
    Html(u16),
    Truncated,
    EmptyBody,
    Reset,
    Unauthorized,
    Sprung(Trap),
    Strange,
    /// An error answer of a call that had its effect.
    Executed(u16, Wait),
    /// The network.
    Never,
    Zombie,
    TimeoutAfter,
    HttpTwice,
    /// The tables.
    Busy,
    BusyAfter,
    Lost,
    Race,
    OwnRace,
    Stale,
    WriteTwice,
    /// The queue.
    Refused,
    RefusedAfter,
    /// Secrets Manager.
    NoSecret,
    SecretGone,
    /// A list of subscriptions lacks one.
    Thin,
    /// Not of a call: see `history`.
    Else,
}

/// How `Retry-After` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wait {
    None,
    Seconds,
    Date,
}

const fn of(name: &'static str, per_mille: u32, what: Way) -> Misfortune {
    Misfortune { name, per_mille, what }
}

/// All of them.
pub(crate) const ALL: &[Misfortune] = &[
    of("graph: 429 with seconds", 30, Way::Status(429, None, Wait::Seconds)),
    of("graph: 429 with a date", 20, Way::Status(429, None, Wait::Date)),
    of("graph: 429 without a wait", 20, Way::Status(429, None, Wait::None)),
    of("graph: 503 with a wait", 15, Way::Status(503, None, Wait::Seconds)),
    of("graph: 503", 15, Way::Status(503, None, Wait::None)),
    of("graph: 500", 15, Way::Status(500, None, Wait::None)),
    of("graph: 504", 30, Way::Status(504, None, Wait::None)),
    of("graph: 412 on a read", 15, Way::Status(412, Some("ErrorIrresolvableConflict"), Wait::None)),
    of("graph: 409 on a read", 10, Way::Status(409, Some("ConcurrentItemSave"), Wait::None)),
    of("graph: 403 once", 10, Way::Status(403, None, Wait::None)),
    of("graph: 404 of the mailbox", 10, Way::Status(404, Some("ErrorInvalidUser"), Wait::None)),
    of("graph: 400 too wide", 20, Way::Status(400, Some("ErrorTimeIntervalTooBig"), Wait::None)),
    of("graph: 410", 40, Way::Status(410, Some("SyncStateNotFound"), Wait::None)),
    of("graph: 400 resyncRequired", 20, Way::Status(400, Some("resyncRequired"), Wait::None)),
    of("graph: HTML with 200", 10, Way::Html(200)),
    of("graph: HTML with 502", 10, Way::Html(502)),
    of("graph: truncated JSON", 20, Way::Truncated),
    of("graph: empty body", 10, Way::EmptyBody),
    of("graph: reset in the body", 20, Way::Reset),
    of("graph: 401", 20, Way::Unauthorized),
    of("graph: values nobody knows", 60, Way::Strange),
    of("graph: 410 with a location", 20, Way::Sprung(Trap::StateGoneWithLocation)),
    of("graph: bad delta token", 20, Way::Sprung(Trap::BadToken)),
    of("graph: empty page", 150, Way::Sprung(Trap::EmptyPage)),
    of("graph: entry twice", 80, Way::Sprung(Trap::RepeatedEntry)),
    of("graph: entry removed and there", 120, Way::Sprung(Trap::ContradictoryEntry)),
    of("graph: replayed changes", 80, Way::Sprung(Trap::ReplayedChanges)),
    of("graph: big page", 40, Way::Sprung(Trap::BigPages)),
    of("graph: master missing", 80, Way::Sprung(Trap::MasterMissing)),
    of("graph: etag churn", 60, Way::Sprung(Trap::EtagChurn)),
    of("graph: link of another mailbox", 15, Way::Sprung(Trap::LinkOfOtherMailbox)),
    of("graph: link to another host", 20, Way::Sprung(Trap::LinkOfOtherHost)),
    of("graph: shifting view", 200, Way::Sprung(Trap::ShiftingView)),
    of("graph: readable after deletion", 300, Way::Sprung(Trap::ReadableAfterDelete)),
    of("write: conflict although created", 60, Way::Sprung(Trap::ConflictAfterCreate)),
    of("write: 429 after the effect", 40, Way::Executed(429, Wait::Seconds)),
    of("write: 503 after the effect", 40, Way::Executed(503, Wait::None)),
    of("write: etag moves", 100, Way::Sprung(Trap::EtagMoves)),
    of("graph: no places", 400, Way::Sprung(Trap::NoPlaces)),
    of("graph: some places", 80, Way::Sprung(Trap::SomePlaces)),
    of("graph: no placeId", 60, Way::Sprung(Trap::PlaceIdMissing)),
    of("net: never arrives", 15, Way::Never),
    of("net: no answer, arrives late", 15, Way::Zombie),
    of("net: answer lost", 15, Way::TimeoutAfter),
    of("net: arrives twice", 20, Way::HttpTwice),
    of("store: busy", 25, Way::Busy),
    of("store: busy after the effect", 15, Way::BusyAfter),
    of("store: answer lost", 15, Way::Lost),
    of("store: transaction conflict", 25, Way::Race),
    of("store: own success reads as conflict", 25, Way::OwnRace),
    of("store: written twice", 25, Way::WriteTwice),
    of("store: old cursor offered", 60, Way::Stale),
    of("queue: refuses", 60, Way::Refused),
    of("queue: refuses after the effect", 40, Way::RefusedAfter),
    of("secret: unavailable", 100, Way::NoSecret),
    of("secret: missing", 40, Way::SecretGone),
    of("user: touches what a command made", 500, Way::Else),
    of("graph: endless pages", 6, Way::Else),
    of("graph: removal never told", 250, Way::Else),
    of("graph: lost occurrence never told", 250, Way::Else),
    of("lambda: crash before the effect", 10, Way::Else),
    of("lambda: crash after the effect", 10, Way::Else),
    of("lambda: new environment", 6, Way::Else),
    of("lambda: clock steps back", 3, Way::Else),
    of("lambda: clock is wrong", 500, Way::Else),
    of("lambda: two versions at once", 500, Way::Else),
    of("queue: delivered twice", 8, Way::Else),
    of("queue: old message comes back", 6, Way::Else),
    of("queue: nonsense", 3, Way::Else),
    of("schedule: tick skipped", 150, Way::Else),
    of("schedule: tick doubled", 100, Way::Else),
    of("store: expired rows go", 5, Way::Else),
];

/// Those of notices and subscriptions, in histories that have some.
pub(crate) const PUSH: &[Misfortune] = &[
    of("subscriptions: list misses one", 150, Way::Thin),
    of("handshake: unanswered", 150, Way::Else),
    of("handshake: answered wrongly", 150, Way::Else),
    of("notice: late", 200, Way::Else),
    of("notice: doubled", 100, Way::Else),
    of("notice: forged", 1000, Way::Else),
    of("notice: comes again hours later", 1000, Way::Else),
    of("notice: of a change nobody made", 1000, Way::Else),
    of("notice: flood", 300, Way::Else),
    of("notice: unknown subscription", 1000, Way::Else),
    of("notice: delivery stopped", 300, Way::Else),
    of("lifecycle: missed", 600, Way::Else),
    of("lifecycle: subscriptionRemoved", 500, Way::Else),
    of("lifecycle: reauthorizationRequired", 600, Way::Else),
    of("lifecycle: unknown word", 600, Way::Else),
    of("subscription: vanished", 500, Way::Else),
    of("subscription: over early", 500, Way::Else),
    of("subscription: muted", 500, Way::Else),
    of("handshake: at any time", 600, Way::Else),
    of("key: rotated", 300, Way::Else),
];

/// The chances of one history, in millionths, in the order of [`ALL`] and [`PUSH`].
#[derive(Clone, Debug)]
pub(crate) struct Mix {
    chances: Vec<u32>,
}

impl Mix {
    /// Each misfortune is off in 35 of 100 histories, else anywhere below its most.
    pub(crate) fn draw(rng: &mut SmallRng) -> Self {
        let chance = |one: &Misfortune| {
            let off = rng.random_bool(0.35);
            let chance = rng.random_range(1..=one.per_mille * 1000);
            if off { 0 } else { chance }
        };
        Self { chances: ALL.iter().map(chance).collect() }
    }

    /// The same, with notices. `rng` is another one: what else happens in a history does not depend on them.
    pub(crate) fn with_push(mut self, rng: &mut SmallRng) -> Self {
        let chance = |one: &Misfortune| {
            let off = rng.random_bool(0.35);
            let chance = rng.random_range(1..=one.per_mille * 1000);
            if off { 0 } else { chance }
        };
        self.chances.extend(PUSH.iter().map(chance));
        self
    }

    /// None at all.
    pub(crate) fn none() -> Self {
        Self { chances: vec![0; ALL.len()] }
    }

    fn chance(&self, name: &str) -> u32 {
        let at = ALL.iter().chain(PUSH).position(|one| one.name == name);
        at.and_then(|at| self.chances.get(at)).copied().unwrap_or(0)
    }

    /// Whether it strikes now.
    pub(crate) fn strikes(&self, rng: &mut SmallRng, name: &'static str) -> bool {
        struck(rng, self.chance(name))
    }

    /// Whether it can strike at all.
    pub(crate) fn has(&self, name: &'static str) -> bool {
        self.chance(name) > 0
    }

    /// What becomes of a call, and its name if it is a misfortune.
    pub(crate) fn fate(&self, rng: &mut SmallRng, op: &Op) -> (Fate, Option<&'static str>) {
        let kind = op.what.kind;
        let fitting = ALL.iter().chain(PUSH).zip(&self.chances).filter(|(one, _)| one.fits(kind));
        let found: Vec<_> = fitting.filter(|(_, chance)| struck(rng, **chance)).map(|(one, _)| one).collect();
        match found.choose(rng) {
            Some(one) => (one.fate(rng), Some(one.name)),
            None => (Fate::Normal, None),
        }
    }
}

fn struck(rng: &mut SmallRng, chance: u32) -> bool {
    rng.random_range(0..1_000_000) < chance
}

impl Misfortune {
    /// Whether a kind of call can suffer it.
    fn fits(&self, kind: Kind) -> bool {
        let calendar = kind.is_delta() || matches!(kind, Kind::View | Kind::ViewNext | Kind::Entry);
        match self.what {
            Way::Status(403 | 404, ..) => calendar,
            Way::Status(400, Some("ErrorTimeIntervalTooBig"), _) => kind == Kind::View,
            Way::Status(410, ..) | Way::Status(400, ..) => kind.is_delta(),
            Way::Unauthorized => kind.is_http() && kind != Kind::Login,
            Way::Strange => calendar || matches!(kind, Kind::Meeting | Kind::Marked),
            Way::Executed(..) => kind.is_change(),
            Way::Status(..)
            | Way::Html(_)
            | Way::Truncated
            | Way::EmptyBody
            | Way::Reset
            | Way::Never
            | Way::HttpTwice => kind.is_http(),
            Way::Zombie | Way::TimeoutAfter => kind.is_http() || kind == Kind::Prove,
            Way::Sprung(trap) => match trap {
                Trap::ConflictAfterCreate => kind == Kind::Create,
                Trap::EtagMoves => kind == Kind::Change,
                Trap::ShiftingView => kind == Kind::ViewNext,
                Trap::ReadableAfterDelete => kind == Kind::Entry,
                Trap::NoPlaces | Trap::SomePlaces | Trap::PlaceIdMissing => kind == Kind::Places,
                Trap::ReplayedChanges => kind == Kind::DeltaLink,
                Trap::StateGoneWithLocation | Trap::BadToken => {
                    matches!(kind, Kind::DeltaLink | Kind::DeltaNext)
                }
                _ => kind.is_delta(),
            },
            Way::Busy | Way::Lost => kind.is_store(),
            Way::BusyAfter | Way::Race | Way::OwnRace | Way::WriteTwice => kind.is_write(),
            Way::Stale => kind == Kind::Cursor,
            Way::Refused | Way::RefusedAfter => kind >= Kind::SendPolls,
            Way::NoSecret | Way::SecretGone => kind == Kind::Secret,
            Way::Thin => kind == Kind::Subscriptions,
            Way::Else => false,
        }
    }

    fn fate(&self, rng: &mut SmallRng) -> Fate {
        match self.what {
            Way::Status(status, code, wait) => Fate::Answer(Effect::Status {
                status,
                code: code.map(str::to_owned),
                retry_after: (wait != Wait::None).then(|| f64::from(rng.random_range(1..300))),
                form: if wait == Wait::Date { RetryForm::HttpDate } else { RetryForm::Seconds },
                executed: false,
            }),
            Way::Executed(status, wait) => Fate::Answer(Effect::Status {
                status,
                code: None,
                retry_after: (wait != Wait::None).then(|| f64::from(rng.random_range(1..300))),
                form: RetryForm::Seconds,
                executed: true,
            }),
            Way::Html(status) => Fate::Answer(Effect::Html { status }),
            Way::Truncated => Fate::Answer(Effect::TruncatedJson),
            Way::EmptyBody => Fate::Answer(Effect::EmptyBody),
            Way::Reset => Fate::Answer(Effect::Reset),
            Way::Unauthorized => Fate::Answer(Effect::Unauthorized),
            Way::Sprung(trap) => Fate::Answer(Effect::Spring { trap }),
            Way::Strange => Fate::Strange,
            Way::Never => {
                Fate::Before(*[Failure::Unreachable, Failure::Other].choose(rng).unwrap_or(&Failure::Other))
            }
            Way::Zombie => Fate::Before(Failure::Timeout),
            Way::TimeoutAfter => {
                Fate::After(*[Failure::Timeout, Failure::Cut].choose(rng).unwrap_or(&Failure::Cut))
            }
            Way::HttpTwice | Way::WriteTwice => Fate::Twice,
            Way::Busy | Way::Refused | Way::NoSecret => Fate::Before(Failure::Busy),
            Way::BusyAfter | Way::RefusedAfter => Fate::After(Failure::Busy),
            Way::Lost => Fate::After(Failure::Other),
            Way::Race => Fate::Before(Failure::Conflict),
            Way::OwnRace => Fate::After(Failure::Conflict),
            Way::Thin => Fate::Thin,
            Way::Stale | Way::Else => Fate::Stale,
            Way::SecretGone => Fate::Before(Failure::Missing),
        }
    }
}
