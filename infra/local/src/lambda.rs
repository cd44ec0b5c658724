//! One function as its invokers see it: something that takes an event and answers, or fails.
//!
//! Invocations wait in a line until one of the function's processes asks for the next. An invocation always ends: with the process's
//! answer, with the death of the process that had it, or with the function's timeout, which costs the process its life.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use roomsync_template::Function;
use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::clock::now;

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvocationError {
    /// The function answered with an error.
    #[error("{kind}: {message}")]
    Failed {
        /// Its type, as the function named it.
        kind: String,
        /// Its message.
        message: String,
    },
    /// The process ended in the middle of it.
    #[error("the process ended before it answered")]
    Crashed,
    /// It took longer than the template allows.
    #[error("took longer than its timeout of {0} s")]
    TimedOut(u32),
}

/// A function, its waiting and its running invocations.
pub struct Lambda {
    /// What the template says about it.
    pub function: Function,
    waiting: mpsc::UnboundedSender<Invocation>,
    line: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    running: Mutex<BTreeMap<String, Running>>,
    overdue: Vec<Notify>,
    up: watch::Sender<bool>,
}

struct Invocation {
    id: String,
    payload: Bytes,
    answer: oneshot::Sender<Result<Value, InvocationError>>,
    handed_to: oneshot::Sender<usize>,
}

struct Running {
    process: usize,
    answer: oneshot::Sender<Result<Value, InvocationError>>,
}

/// What a process gets when it asks for work.
pub(crate) struct Handed {
    pub(crate) id: String,
    pub(crate) payload: Bytes,
    /// Milliseconds since 1970.
    pub(crate) deadline_ms: i64,
}

impl Lambda {
    /// A function that is going to have so many processes.
    #[must_use]
    pub fn new(function: Function, processes: usize) -> Self {
        let (waiting, line) = mpsc::unbounded_channel();
        Self {
            function,
            waiting,
            line: tokio::sync::Mutex::new(line),
            running: Mutex::new(BTreeMap::new()),
            overdue: (0..processes).map(|_| Notify::new()).collect(),
            up: watch::Sender::new(false),
        }
    }

    /// How many processes it has, and so how many invocations can run at once.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.overdue.len()
    }

    /// Comes back once a process has asked for work.
    pub async fn up(&self) {
        // The sender lives as long as we do, so waiting cannot fail.
        let _ = self.up.subscribe().wait_for(|up| *up).await;
    }

    /// Invokes the function and waits for its answer.
    ///
    /// # Errors
    /// See [`InvocationError`].
    pub async fn invoke(&self, event: &Value) -> Result<Value, InvocationError> {
        let (answer, answered) = oneshot::channel();
        let (handed_to, handed) = oneshot::channel();
        let id = uuid::Uuid::new_v4().to_string();
        let payload = Bytes::from(event.to_string());
        let invocation = Invocation { id: id.clone(), payload, answer, handed_to };
        self.waiting.send(invocation).map_err(|_| InvocationError::Crashed)?;
        let process = handed.await.map_err(|_| InvocationError::Crashed)?;
        let timeout = Duration::from_secs(self.function.timeout_seconds.into());
        match tokio::time::timeout(timeout, answered).await {
            Ok(answer) => answer.unwrap_or(Err(InvocationError::Crashed)),
            Err(_) => {
                self.running().remove(&id);
                self.overdue[process].notify_one();
                Err(InvocationError::TimedOut(self.function.timeout_seconds))
            }
        }
    }

    /// The next invocation for a process, as soon as there is one.
    pub(crate) async fn next(&self, process: usize) -> Option<Handed> {
        self.lost(process);
        self.up.send_replace(true);
        loop {
            let Invocation { id, payload, answer, handed_to } = self.line.lock().await.recv().await?;
            if handed_to.send(process).is_err() {
                continue; // Whoever asked does not wait any more.
            }
            self.running().insert(id.clone(), Running { process, answer });
            let deadline = now() + TimeDelta::seconds(self.function.timeout_seconds.into());
            return Some(Handed { id, payload, deadline_ms: deadline.timestamp_millis() });
        }
    }

    /// A process's answer. False if nobody waits for it (any more).
    pub(crate) fn answer(&self, id: &str, answer: Result<Value, InvocationError>) -> bool {
        let running = self.running().remove(id);
        running.is_some_and(|running| running.answer.send(answer).is_ok())
    }

    /// Whatever this process was doing is not going to be answered.
    pub(crate) fn lost(&self, process: usize) {
        self.running().retain(|_, running| running.process != process);
    }

    /// Comes back when the process has to be stopped.
    pub(crate) async fn overdue(&self, process: usize) {
        self.overdue[process].notified().await;
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
