//! Carries Graph's POSTs to the receiver and its answers back to Graph.

use crate::fleet::{Fleet, Function, Work};
use crate::graph_port::travelled;
use crate::push::{state_marks, wrong_token};
use crate::universe::{Failure, Fate, Universe};
use bytes::Bytes;
use http::Response;
use roomsync_domain::Instant;
use roomsync_graph::TransportError;
use roomsync_twin::push::{Handshake, Outcome, Post};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;
use subscription_keeper::Webhook;
use webhook_receiver::event::{Context, Headers, Http};
use webhook_receiver::{Answer, Event};

/// Where the receiver is.
pub(crate) const HOST: &str = "https://hooks.example.com";
/// Letters that are remembered, to come again.
const KEPT: usize = 20;

/// Where Graph is asked to send notices.
pub(crate) fn webhook() -> Webhook {
    Webhook { notification_url: format!("{HOST}/notifications"), lifecycle_url: format!("{HOST}/lifecycle") }
}

/// What is on its way between Graph and the receiver.
#[derive(Default)]
pub(crate) struct Postman {
    on: Cell<bool>,
    /// Whether the end of the history lasts long enough for subscriptions to be renewed.
    pub(crate) long: Cell<bool>,
    /// When all subscriptions were last looked at in a calm round.
    pub(crate) looked_at: Cell<Option<Instant>>,
    /// How often the signing key was replaced.
    pub(crate) keys: Cell<u32>,
    bag: RefCell<Vec<Rc<Letter>>>,
    past: RefCell<Vec<Rc<Letter>>>,
    seen: RefCell<BTreeSet<u64>>,
    proofs: RefCell<BTreeMap<u64, Proving>>,
    count: Cell<u64>,
}

/// An answer of Graph that waits for our endpoint.
struct Proving {
    handshake: Handshake,
    outcomes: Vec<Outcome>,
    /// Whether anybody waits for the answer.
    awaited: bool,
}

/// A request to the receiver.
pub(crate) struct Letter {
    /// The twin's number, if the twin wants to know what became of it.
    pub(crate) id: Option<u64>,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// Nothing of it is to be believed.
    pub(crate) forged: bool,
    /// It was never sent before.
    pub(crate) fresh: bool,
    pub(crate) due: Instant,
    pub(crate) number: Cell<u64>,
    pub(crate) said: RefCell<Option<Answer>>,
    pub(crate) outcome: RefCell<Option<Outcome>>,
}

/// How a handshake goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shake {
    Well,
    Unanswered,
    Wrongly,
}

impl Letter {
    pub(crate) fn new(path: &str, body: String, due: Instant) -> Self {
        Self {
            id: None,
            path: path.to_owned(),
            query: String::new(),
            content_type: "application/json; charset=utf-8",
            body,
            forged: false,
            fresh: false,
            due,
            number: Cell::new(0),
            said: RefCell::default(),
            outcome: RefCell::default(),
        }
    }

    fn of(post: &Post, due: Instant) -> Self {
        let (path, query) = post.url.split_once('?').unwrap_or((&post.url, ""));
        let path = path.strip_prefix(HOST).unwrap_or_default();
        let body = String::from_utf8_lossy(&post.body).into_owned();
        Self { query: query.to_owned(), content_type: post.content_type, ..Self::new(path, body, due) }
    }

    /// The same once more; nobody asks what becomes of it.
    pub(crate) fn again(&self, due: Instant) -> Self {
        Self {
            query: self.query.clone(),
            content_type: self.content_type,
            forged: self.forged,
            ..Self::new(&self.path, self.body.clone(), due)
        }
    }

    /// As API Gateway hands it over.
    pub(crate) fn event(&self) -> Event {
        Event {
            raw_path: self.path.clone(),
            raw_query_string: self.query.clone(),
            headers: Headers { content_type: Some(self.content_type.to_owned()), content_encoding: None },
            request_context: Context {
                http: Http { method: "POST".to_owned() },
                request_id: format!("request-{}", self.number.get()),
            },
            body: Some(self.body.clone()),
            is_base64_encoded: false,
        }
    }

    pub(crate) fn answer(&self, answer: Answer) {
        self.said.replace(Some(answer));
    }

    pub(crate) fn told(&self) -> String {
        let items = self.body.matches("\"clientState\"").count();
        let forged = if self.forged { ", forged" } else { "" };
        format!("{}, {items} items{forged}", self.path)
    }
}

impl Postman {
    pub(crate) fn is_on(&self) -> bool {
        self.on.get()
    }

    /// From now on rooms are listened to.
    pub(crate) fn begin(&self) {
        self.on.set(true);
    }

    fn next(&self) -> u64 {
        self.count.set(self.count.get() + 1);
        self.count.get()
    }

    /// Takes a letter along.
    pub(crate) fn carry(&self, letter: Letter) {
        self.bag.borrow_mut().push(Rc::new(letter));
    }

    /// How many letters could be handed over, with the `n`th of them, taken out.
    pub(crate) fn due(&self, now: Instant, n: usize) -> Option<Rc<Letter>> {
        let mut bag = self.bag.borrow_mut();
        let due: Vec<usize> =
            bag.iter().enumerate().filter(|(_, letter)| letter.due <= now).map(|(at, _)| at).collect();
        let at = *due.get(n % due.len().max(1))?;
        let letter = bag.remove(at);
        letter.number.set(self.next());
        Some(letter)
    }

    /// One that was handed over before.
    pub(crate) fn past(&self, n: usize) -> Option<Rc<Letter>> {
        let past = self.past.borrow();
        past.get(n % past.len().max(1)).cloned()
    }

    /// A handshake that nobody waits for any more.
    pub(crate) fn orphan(&self) -> Option<u64> {
        self.proofs.borrow().iter().find(|(_, proving)| !proving.awaited).map(|(ticket, _)| *ticket)
    }

    /// Whether a text holds what proves that a notice is genuine, or a token of a handshake.
    pub(crate) fn holds_state(&self, text: &str) -> bool {
        self.is_on() && state_marks(self.keys.get()).iter().any(|mark| text.contains(mark.as_str()))
    }
}

/// Graph's answer to a call that waits for a handshake. Dropped, Graph goes on with it all the same.
pub(crate) struct Proof<'a> {
    universe: &'a Universe,
    ticket: u64,
    done: Cell<bool>,
}

impl<'a> Proof<'a> {
    pub(crate) fn begun(universe: &'a Universe, handshake: Handshake) -> Self {
        let ticket = universe.post.next();
        let proving = Proving { handshake, outcomes: Vec::new(), awaited: true };
        universe.post.proofs.borrow_mut().insert(ticket, proving);
        Self { universe, ticket, done: Cell::new(false) }
    }

    pub(crate) fn ticket(&self) -> u64 {
        self.ticket
    }

    /// What arrives of the answer.
    pub(crate) fn settle(&self, fate: Fate) -> Result<Response<Bytes>, TransportError> {
        if matches!(fate, Fate::Before(_)) {
            return Err(TransportError::Timeout);
        }
        self.done.set(true);
        let arrived = self.universe.proven(self.ticket);
        match fate {
            Fate::After(Failure::Cut) => Err(TransportError::Cut),
            Fate::After(_) => Err(TransportError::Timeout),
            _ => arrived,
        }
    }
}

impl Drop for Proof<'_> {
    fn drop(&mut self) {
        if !self.done.get()
            && let Some(proving) = self.universe.post.proofs.borrow_mut().get_mut(&self.ticket)
        {
            proving.awaited = false;
        }
    }
}

impl Universe {
    /// Graph makes up its mind.
    pub(crate) fn proven(&self, ticket: u64) -> Result<Response<Bytes>, TransportError> {
        let proving = self.post.proofs.borrow_mut().remove(&ticket);
        let Some(Proving { handshake, outcomes, .. }) = proving else { return Err(TransportError::Timeout) };
        let answer = self.twin.borrow_mut().finish(self.now(), handshake, &outcomes);
        self.story.mark(&[8, u64::from(answer.response.status().as_u16())]);
        travelled(answer.delivery, answer.response)
    }

    /// Takes over what Graph wants to send now, with whether each was never sent before.
    pub(crate) fn collect(&self) -> Vec<Letter> {
        let now = self.now();
        let posts = self.twin.borrow_mut().due_posts(now);
        let letter = |post: &Post| {
            let fresh = self.post.seen.borrow_mut().insert(post.id);
            Letter { id: Some(post.id), fresh, ..Letter::of(post, now) }
        };
        posts.iter().map(letter).collect()
    }

    /// The receiver has answered, or has died.
    pub(crate) fn letter_answered(&self, letter: &Rc<Letter>, started_at: Instant) {
        let took = (self.now() - started_at).to_std().unwrap_or_default();
        let said = letter.said.borrow_mut().take();
        let status = said.as_ref().map_or(502, |answer| answer.status_code);
        self.story.mark(&[9, u64::from(status)]);
        self.story.say(|| format!("    {} is answered with {status}", letter.path));
        let is_handshake = !letter.query.is_empty();
        if let Some(answer) = said.as_ref().filter(|_| is_handshake && letter.id.is_none())
            && let Some(wrong) = wrong_token(&letter.query, answer)
        {
            self.wrong(wrong);
        }
        if letter.forged && !matches!(status, 202 | 400 | 413 | 415 | 502 | 503) {
            self.wrong(format!("a forged request is answered with {status}"));
        }
        let kind =
            said.as_ref().filter(|_| is_handshake).and_then(|answer| serde_json::to_value(answer).ok());
        let content_type = kind
            .and_then(|kind| kind["headers"]["content-type"].as_str().map(str::to_owned))
            .unwrap_or_default();
        let body = Bytes::from(said.map(|answer| answer.body).unwrap_or_default());
        let outcome = Outcome::Answered { status, content_type, body, took };
        if let Some(id) = letter.id {
            if status == 503 {
                self.count("path: notices refused and repeated");
            }
            self.twin.borrow_mut().delivered(self.now(), id, &outcome);
        }
        if !is_handshake {
            let mut past = self.post.past.borrow_mut();
            past.push(Rc::clone(letter));
            if past.len() > KEPT {
                past.remove(0);
            }
        }
        letter.outcome.replace(Some(outcome));
    }
}

/// Graph calls the receiver and waits for its answers: to the handshake that belongs to a call under way.
pub(crate) fn shake_hands(universe: &Universe, fleet: &mut Fleet, ticket: u64, how: Shake) {
    let posts = universe.post.proofs.borrow().get(&ticket).map(|proving| proving.handshake.posts.clone());
    let answer = |post: &Post| match how {
        Shake::Well => knock(universe, fleet, post),
        Shake::Unanswered => Outcome::Unanswered { took: Duration::from_secs(10) },
        Shake::Wrongly => Outcome::Answered {
            status: 200,
            content_type: "text/html".to_owned(),
            body: Bytes::from_static(b"<p>Please sign in.</p>"),
            took: Duration::ZERO,
        },
    };
    let outcomes: Vec<Outcome> = posts.unwrap_or_default().iter().map(answer).collect();
    if let Some(proving) = universe.post.proofs.borrow_mut().get_mut(&ticket) {
        proving.outcomes = outcomes;
    }
}

fn knock(universe: &Universe, fleet: &mut Fleet, post: &Post) -> Outcome {
    let busy = Outcome::Answered {
        status: 503,
        content_type: String::new(),
        body: Bytes::new(),
        took: Duration::ZERO,
    };
    if !fleet.has_room_for(Function::Receiver) {
        universe.count("path: no receiver for a handshake");
        return busy;
    }
    let letter = Rc::new(Letter::of(post, universe.now()));
    letter.number.set(universe.post.next());
    fleet.invoke(Function::Receiver, Work::Request(Rc::clone(&letter)));
    let outcome = letter.outcome.borrow_mut().take();
    outcome.unwrap_or_else(|| {
        universe.wrong("a handshake waits for something".to_owned());
        busy
    })
}
