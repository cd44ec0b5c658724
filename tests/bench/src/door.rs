//! The webhook's receiver behind a socket of its own, or a server that does nothing, in a process of its own.

use crate::{child, memory};
use anyhow::Context;
use chrono::TimeDelta;
use clap::Args;
use cpu_time::ProcessTime;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use roomsync_domain::hint::{LifecycleHint, PollHint, TenantHint};
use roomsync_ports::{HintQueue, Notice, QueueError, Rejection};
use roomsync_runtime::SystemClock;
use roomsync_testkit::MemorySecrets;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::rc::Rc;
use std::sync::LazyLock;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};
use webhook_receiver::{Deps, Event, Keyring, handle};

/// The key of all notices.
pub(crate) const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01";
const KEY_NAME: &str = "roomsync/notification-key";

/// What answers.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Read each request and answer 202, nothing else.
    #[arg(long)]
    bare: bool,
}

/// What a server tells at its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Hints that were sent.
    pub(crate) sent: u64,
    /// Rooms that they were for.
    pub(crate) rooms: usize,
    /// Requests.
    pub(crate) requests: u64,
    /// CPU seconds since it listened.
    pub(crate) cpu: f64,
    /// Most resident memory, in KiB.
    pub(crate) peak: u64,
}

/// Counts what is sent.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    sent: Cell<u64>,
    rooms: RefCell<BTreeSet<String>>,
}

impl Counted {
    fn add(&self, count: usize) {
        self.sent.set(self.sent.get() + count as u64);
    }

    /// Hints that were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.get()
    }
}

impl HintQueue for Counted {
    async fn send_polls(&self, hints: &[PollHint], _: &str) -> Result<(), QueueError> {
        self.add(hints.len());
        Ok(())
    }

    async fn send_tenants(&self, hints: &[TenantHint], _: &str) -> Result<(), QueueError> {
        self.add(hints.len());
        Ok(())
    }

    async fn postpone(&self, _: &[String], _: TimeDelta) -> Result<(), QueueError> {
        Ok(())
    }

    async fn send_notices(&self, notices: &[Notice]) -> Result<(), QueueError> {
        self.add(notices.len());
        self.rooms.borrow_mut().extend(notices.iter().map(|notice| notice.hint.room().key()));
        Ok(())
    }

    async fn send_lifecycle(&self, hints: &[LifecycleHint], _: &str) -> Result<(), QueueError> {
        self.add(hints.len());
        Ok(())
    }

    async fn reject(&self, rejections: &[Rejection]) -> Result<(), QueueError> {
        self.add(rejections.len());
        Ok(())
    }
}

/// The receiver as it ships, but for where its hints go and where its key is.
pub(crate) fn receiver() -> Deps<Counted, MemorySecrets, SystemClock> {
    let secrets = MemorySecrets::new();
    secrets.put(KEY_NAME, SECRET);
    Deps {
        queue: Counted::default(),
        secrets,
        clock: SystemClock,
        keyring: Keyring::new(KEY_NAME.to_owned()),
    }
}

/// An event with marks for what differs from request to request.
static EVENT: LazyLock<String> = LazyLock::new(|| {
    json!({
        "version": "2.0",
        "routeKey": "POST /notifications",
        "rawPath": "/notifications",
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "content-length": "{length}",
            "content-type": "{kind}",
            "host": "id.execute-api.eu-west-1.amazonaws.com",
            "user-agent": "Mozilla/5.0",
            "x-amzn-trace-id": "Root=1-67a8a4d0-58a54e0e9c6a2b9f6f1f5d0e",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "id",
            "domainName": "id.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "id",
            "http": {
                "method": "POST",
                "path": "/notifications",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "Mozilla/5.0",
            },
            "requestId": "{id}",
            "routeKey": "POST /notifications",
            "stage": "$default",
            "time": "09/Feb/2026:12:00:00 +0000",
            "timeEpoch": 1_770_638_400_000_i64,
        },
        "body": "{body}",
        "isBase64Encoded": false,
    })
    .to_string()
});

/// The event of a request, as text, as a Lambda gets it. To make it is API Gateway's work, so it is made as cheaply as can be.
pub(crate) fn event(kind: &str, body: &str, id: u64) -> String {
    let body = serde_json::Value::from(body).to_string();
    EVENT
        .replacen("{length}", &body.len().to_string(), 1)
        .replacen("{kind}", kind, 1)
        .replacen("{id}", &id.to_string(), 1)
        .replacen("\"{body}\"", &body, 1)
}

/// Answers until standard input ends, then tells what was done.
pub(crate) async fn serve(options: &Options) -> anyhow::Result<()> {
    roomsync_runtime::telemetry::start();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    child::tell(&listener.local_addr()?)?;
    let begun = ProcessTime::now();
    let (receiver, requests, bare) = (Rc::new(receiver()), Rc::new(Cell::new(0_u64)), options.bare);
    let local = LocalSet::new();
    let (deps, count) = (receiver.clone(), requests.clone());
    local.spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let (deps, count) = (deps.clone(), count.clone());
            spawn_local(async move {
                let service = service_fn(|request| {
                    count.set(count.get() + 1);
                    answer(request, &deps, bare, count.get())
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    local.run_until(tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()))).await??;
    let rooms = receiver.queue.rooms.borrow().len();
    child::tell(&Report {
        sent: receiver.queue.sent(),
        rooms,
        requests: requests.get(),
        cpu: begun.elapsed().as_secs_f64(),
        peak: memory::resident("VmHWM")?,
    })
}

async fn answer(
    request: Request<Incoming>,
    deps: &Deps<Counted, MemorySecrets, SystemClock>,
    bare: bool,
    id: u64,
) -> anyhow::Result<Response<Empty<Bytes>>> {
    let kind = request.headers().get("content-type").and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let body = request.into_body().collect().await?.to_bytes();
    let status = if bare {
        202
    } else {
        let event: Event =
            serde_json::from_str(&event(&kind.unwrap_or_default(), std::str::from_utf8(&body)?, id))?;
        handle(event, deps).await.status_code
    };
    Ok(Response::builder().status(status).body(Empty::new())?)
}

/// A running server.
pub(crate) struct Running {
    /// Where it is.
    pub(crate) url: String,
    process: Child,
    output: JoinHandle<String>,
}

/// Starts one and waits until it listens.
pub(crate) fn start(bare: bool) -> anyhow::Result<Running> {
    let mut command = child::command(["door"])?;
    command.args(bare.then_some("--bare"));
    let mut process = command.stdin(Stdio::piped()).spawn().context("cannot start a server")?;
    let mut output = BufReader::new(process.stdout.take().context("a server without output")?);
    let mut address = String::new();
    output.read_line(&mut address)?;
    let address = address.trim().trim_matches('"').to_owned();
    // Its logs have to be read, or it would stand still.
    let output = std::thread::spawn(move || output.lines().map_while(Result::ok).last().unwrap_or_default());
    Ok(Running { url: format!("http://{address}/notifications"), process, output })
}

impl Running {
    /// Ends it and gives its report.
    pub(crate) fn end(mut self) -> anyhow::Result<Report> {
        drop(self.process.stdin.take());
        self.process.wait()?;
        let last = self.output.join().ok().context("the output of a server")?;
        serde_json::from_str(&last).with_context(|| format!("no report but: {last}"))
    }
}
