//! Everything outside of the functions, and the one door through which they reach it.
//!
//! A call goes *issued → executed → returned*. The future that waits for it holds the effect; the executor decides when each step is
//! taken and polls. A dropped future is a crash: before the effect if it was issued, after it if it was executed.

use crate::ledger::Ledger;
use crate::postman::Postman;
use crate::story::Story;
use crate::tally::Tally;
use crate::watch::Watch;
use bytes::Bytes;
use chrono::TimeDelta;
use http::Request;
use roomsync_domain::{Instant, RoomRef};
use roomsync_ports::Clock;
use roomsync_testkit::{MemoryQueue, MemorySecrets, MemoryStore, TestClock};
use roomsync_twin::Twin;
use roomsync_twin::faults::Effect;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Everything outside of the functions.
pub(crate) struct Universe {
    /// The true time. Each environment has a clock of its own that may be wrong.
    pub(crate) time: TestClock,
    pub(crate) twin: RefCell<Twin>,
    pub(crate) store: MemoryStore,
    pub(crate) queue: MemoryQueue,
    pub(crate) secrets: MemorySecrets,
    /// Notices and handshakes on their way.
    pub(crate) post: Postman,
    pub(crate) ops: RefCell<BTreeMap<u64, Op>>,
    pub(crate) zombies: RefCell<Vec<Zombie>>,
    /// Cursors as they were before their last commit, for reads that are not consistent.
    pub(crate) old_cursors: RefCell<BTreeMap<RoomRef, roomsync_domain::cursor::Cursor>>,
    pub(crate) watch: RefCell<Watch>,
    pub(crate) ledger: RefCell<Ledger>,
    pub(crate) tally: RefCell<Tally>,
    pub(crate) story: Story,
    pub(crate) step: Cell<u64>,
    /// Calls that were executed in order, see `calm::calm`.
    pub(crate) calls: Cell<u64>,
    /// What happens to one of them.
    pub(crate) harm: Cell<Option<(u64, Harm)>>,
    next_op: Cell<u64>,
}

/// What happens to one call of a scripted scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Its caller dies before it has an effect.
    CrashBefore,
    /// Its caller dies after it had its effect.
    CrashAfter,
    /// It has its effect twice.
    Twice,
}

/// A call on its way.
pub(crate) struct Op {
    pub(crate) caller: Caller,
    pub(crate) what: What,
    pub(crate) stage: Stage,
    pub(crate) issued_at: Instant,
    waker: Waker,
}

/// How far a call has come.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// On its way there.
    Issued,
    /// May have its effect now.
    Execute(Fate),
    /// On its way back.
    Executed,
    /// May return now.
    Return,
    /// The answer is lost.
    Lose(Failure),
}

/// A request nobody waits for any more that has not arrived yet.
pub(crate) struct Zombie {
    pub(crate) lands_at: Instant,
    pub(crate) request: Request<Bytes>,
}

/// What becomes of a call.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    Normal,
    /// It has its effect twice; the second answer counts.
    Twice,
    /// It fails without effect.
    Before(Failure),
    /// It has its effect and fails all the same.
    After(Failure),
    /// An old state is read.
    Stale,
    /// Graph does this.
    Answer(Effect),
    /// Graph's answer has values and properties that nobody knows.
    Strange,
    /// A list lacks what there is.
    Thin,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Conflict,
    Busy,
    Other,
    Missing,
    Timeout,
    Cut,
    Unreachable,
}

/// Kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Login,
    Places,
    User,
    DeltaStart,
    DeltaNext,
    DeltaLink,
    View,
    ViewNext,
    Meeting,
    Marked,
    Create,
    Change,
    Remove,
    Decline,
    Subscriptions,
    Subscribe,
    Subscription,
    Entry,
    /// Graph waits for the answers to its handshakes, and we for Graph.
    Prove,
    Secret,
    Tenant,
    Tenants,
    Room,
    Rooms,
    PutRoom,
    Memory,
    PutMemory,
    Cursor,
    Bookings,
    BookingsOf,
    Writing,
    Due,
    Close,
    Save,
    Commit,
    SendPolls,
    SendTenants,
    Postpone,
    SendNotices,
    SendLifecycle,
    Reject,
}

impl Kind {
    pub(crate) fn is_http(self) -> bool {
        self <= Self::Entry
    }

    /// Whether it is about subscriptions, and of a tenant rather than a mailbox.
    pub(crate) fn is_of_subscriptions(self) -> bool {
        matches!(self, Self::Subscriptions | Self::Subscribe | Self::Subscription | Self::Prove)
    }

    pub(crate) fn is_delta(self) -> bool {
        matches!(self, Self::DeltaStart | Self::DeltaNext | Self::DeltaLink)
    }

    pub(crate) fn is_change(self) -> bool {
        matches!(self, Self::Create | Self::Change | Self::Remove | Self::Decline)
    }

    pub(crate) fn is_store(self) -> bool {
        self >= Self::Tenant && self <= Self::Commit
    }

    pub(crate) fn is_write(self) -> bool {
        matches!(self, Self::PutRoom | Self::PutMemory | Self::Commit | Self::Save)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Login => "token",
            Self::Places => "places",
            Self::User => "user",
            Self::DeltaStart => "delta from the start",
            Self::DeltaNext => "delta page",
            Self::DeltaLink => "delta",
            Self::View => "view",
            Self::ViewNext => "view page",
            Self::Meeting => "meeting",
            Self::Marked => "meetings by mark",
            Self::Create => "make a meeting",
            Self::Change => "change a meeting",
            Self::Remove => "delete a meeting",
            Self::Decline => "decline a meeting",
            Self::Entry => "entry",
            Self::Subscriptions => "list of subscriptions",
            Self::Subscribe => "new subscription",
            Self::Subscription => "subscription",
            Self::Prove => "handshake of",
            Self::Secret => "secret",
            Self::Tenant => "read tenant",
            Self::Tenants => "read tenants",
            Self::Room => "read room",
            Self::Rooms => "read rooms",
            Self::PutRoom => "write room",
            Self::Memory => "read directory memory",
            Self::PutMemory => "write directory memory",
            Self::Cursor => "read cursor",
            Self::Bookings => "read bookings",
            Self::BookingsOf => "read bookings by event",
            Self::Writing => "read writing",
            Self::Due => "read what is due",
            Self::Close => "close mailbox",
            Self::Save => "save writing",
            Self::Commit => "commit",
            Self::SendPolls => "send poll hints",
            Self::Postpone => "postpone",
            Self::SendTenants => "send tenant hints",
            Self::SendNotices => "send hints of notices",
            Self::SendLifecycle => "send hints for subscriptions",
            Self::Reject => "set messages aside",
        }
    }
}

/// What a call is about.
#[derive(Clone, Debug)]
pub(crate) struct What {
    pub(crate) kind: Kind,
    /// Mailbox, user or tenant of a request; of other calls what the story tells.
    pub(crate) about: String,
}

/// One environment of a function, seen from its ports.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) universe: Rc<Universe>,
    pub(crate) env: u32,
    pub(crate) invocation: Rc<Cell<u32>>,
    pub(crate) skew: Rc<Cell<TimeDelta>>,
    /// Whether it runs an older version of the code.
    pub(crate) older: Rc<Cell<bool>>,
    /// Whether it was frozen so long that its connections are gone, and has yet to notice.
    pub(crate) half_open: Rc<Cell<bool>>,
}

impl Caller {
    /// Makes a call. `effect` is what happens at the other end, once or more often, with a fate.
    pub(crate) fn io<R, F: FnMut(Fate) -> R>(&self, what: What, effect: F) -> Io<'_, F, R> {
        Io { caller: self, what: Some(what), op: None, effect, result: None }
    }

    /// The time as this environment believes it is.
    pub(crate) fn now(&self) -> Instant {
        self.universe.time.now() + self.skew.get()
    }
}

impl Clock for Caller {
    fn now(&self) -> Instant {
        Caller::now(self)
    }
}

/// A call that somebody waits for.
pub(crate) struct Io<'a, F, R> {
    caller: &'a Caller,
    what: Option<What>,
    op: Option<u64>,
    effect: F,
    result: Option<R>,
}

impl<F, R> Unpin for Io<'_, F, R> {}

impl<R, F: FnMut(Fate) -> R> Future for Io<'_, F, R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = self.get_mut();
        let universe = &this.caller.universe;
        let Some(id) = this.op else {
            if let Some(what) = this.what.take() {
                this.op = Some(universe.issue(this.caller, what, cx.waker()));
            }
            return Poll::Pending;
        };
        let stage = universe.ops.borrow_mut().get_mut(&id).map(|op| {
            op.waker.clone_from(cx.waker());
            op.stage.clone()
        });
        match stage {
            Some(Stage::Execute(fate)) => {
                this.result = Some((this.effect)(fate));
                universe.set_stage(id, Stage::Executed);
                Poll::Pending
            }
            Some(Stage::Return) => match this.result.take() {
                Some(result) => {
                    universe.close(id);
                    this.op = None;
                    Poll::Ready(result)
                }
                None => Poll::Pending,
            },
            Some(Stage::Lose(failure)) => {
                let result = (this.effect)(Fate::Before(failure));
                universe.close(id);
                this.op = None;
                Poll::Ready(result)
            }
            _ => Poll::Pending,
        }
    }
}

impl<F, R> Drop for Io<'_, F, R> {
    fn drop(&mut self) {
        if let Some(id) = self.op {
            self.caller.universe.close(id);
        }
    }
}

impl Universe {
    pub(crate) fn new(now: Instant, twin: Twin, tells: bool) -> Self {
        let time = TestClock::new(now);
        Self {
            queue: MemoryQueue::new(time.clone()),
            time,
            twin: RefCell::new(twin),
            store: MemoryStore::new(),
            secrets: MemorySecrets::new(),
            post: Postman::default(),
            ops: RefCell::default(),
            zombies: RefCell::default(),
            old_cursors: RefCell::default(),
            watch: RefCell::default(),
            ledger: RefCell::default(),
            tally: RefCell::default(),
            story: Story::new(tells),
            step: Cell::new(0),
            calls: Cell::new(0),
            harm: Cell::new(None),
            next_op: Cell::new(0),
        }
    }

    fn issue(&self, caller: &Caller, what: What, waker: &Waker) -> u64 {
        let id = self.next_op.get() + 1;
        self.next_op.set(id);
        self.story.mark(&[1, u64::from(caller.env), what.kind as u64]);
        let op = Op {
            caller: caller.clone(),
            what,
            stage: Stage::Issued,
            issued_at: self.time.now(),
            waker: waker.clone(),
        };
        self.ops.borrow_mut().insert(id, op);
        id
    }

    fn close(&self, id: u64) {
        self.ops.borrow_mut().remove(&id);
    }

    fn set_stage(&self, id: u64, stage: Stage) {
        if let Some(op) = self.ops.borrow_mut().get_mut(&id) {
            op.stage = stage;
        }
    }

    /// Lets a call go on and wakes whoever waits for it.
    pub(crate) fn advance(&self, id: u64, stage: Stage) {
        let waker = self.ops.borrow_mut().get_mut(&id).map(|op| {
            op.stage = stage;
            op.waker.clone()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A call, as the story tells it.
    pub(crate) fn told(&self, id: u64) -> String {
        self.ops.borrow().get(&id).map_or_else(String::new, |op| {
            format!("    env {}: {} {}", op.caller.env, op.what.kind.name(), self.name_of(&op.what.about))
        })
    }

    /// Counts something for the list of things that must happen sometimes.
    pub(crate) fn count(&self, name: &'static str) {
        self.tally.borrow_mut().count(name);
    }

    /// Something that must never happen.
    pub(crate) fn wrong(&self, what: String) {
        self.story.say(|| format!("WRONG: {what}"));
        self.watch.borrow_mut().wrong.push(what);
    }

    pub(crate) fn now(&self) -> Instant {
        self.time.now()
    }
}
