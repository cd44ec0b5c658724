//! The functions' processes: the real binaries, in the environment the template gives them and nothing else.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use roomsync_template::{Function, Stack};
use tokio::process::Command;

use crate::aws::{KEY, REGION};
use crate::group::Group;
use crate::{Binaries, Lambda, News, Place, Ports, Teller};

/// Most processes of one function; a machine has not the cores for more.
const MOST_PROCESSES: usize = 4;

/// All functions of a stack.
pub struct Host {
    /// By the name of their binary.
    pub lambdas: Arc<BTreeMap<String, Arc<Lambda>>>,
}

impl Host {
    /// The functions of a stack, each with as many processes as its event sources may use, up to four.
    #[must_use]
    pub fn new(stack: &Stack) -> Self {
        let lambdas = stack.functions.iter().map(|function| {
            let at_once = |most: Option<u32>| most.map_or(MOST_PROCESSES, |most| most as usize);
            let queues = function.queues.iter().map(|source| at_once(source.maximum_concurrency));
            let routes = function.routes.iter().map(|_| at_once(function.reserved_concurrency));
            let processes = queues.chain(routes).max().unwrap_or(1).clamp(1, MOST_PROCESSES);
            (function.binary(), Arc::new(Lambda::new(function.clone(), processes)))
        });
        Self { lambdas: Arc::new(lambdas.collect()) }
    }

    /// Keeps every process of every function running.
    ///
    /// # Errors
    /// A program cannot be started, or its log cannot be written.
    pub async fn keep_running(
        &self,
        binaries: &Binaries,
        place: &Place,
        ports: Ports,
        teller: &Teller,
    ) -> anyhow::Result<Infallible> {
        let mut processes = Vec::new();
        for (name, lambda) in &*self.lambdas {
            let binary = binaries.get(name).with_context(|| format!("no binary was built for {name}"))?;
            let log = place.log(name);
            File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
            for process in 0..lambda.processes() {
                processes.push(Box::pin(one_process(lambda, process, binary, log.clone(), ports, teller)));
            }
        }
        futures::future::select_all(processes).await.0
    }
}

/// Starts a process again and again, with a growing pause if it does not live long.
async fn one_process(
    lambda: &Lambda,
    process: usize,
    binary: &Path,
    log: std::path::PathBuf,
    ports: Ports,
    teller: &Teller,
) -> anyhow::Result<Infallible> {
    let name = lambda.function.binary();
    let environment = environment(&lambda.function, process, ports);
    let mut pause = FIRST_PAUSE;
    loop {
        let output = OpenOptions::new().append(true).open(&log)?;
        let started = Instant::now();
        let mut group = Group::start(
            Command::new(binary)
                .env_clear()
                .envs(&environment)
                .stdin(Stdio::null())
                .stdout(output.try_clone()?)
                .stderr(output),
        )
        .with_context(|| format!("cannot start {}", binary.display()))?;
        let reason = tokio::select! {
            status = group.child().wait() => status?.to_string(),
            () = lambda.overdue(process) => "stopped after its timeout".to_owned(),
        };
        drop(group);
        lambda.lost(process);
        teller.tell(News::Trouble(format!(
            "{name} ended ({reason}) and is started again; see {}",
            log.display()
        )));
        pause = if started.elapsed() > LONG_ENOUGH { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        tokio::time::sleep(pause).await;
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A process that lived this long did not fail at its start.
const LONG_ENOUGH: Duration = Duration::from_secs(10);

/// What a process finds in its environment: the template's variables, and what Lambda itself sets ("Defined runtime
/// environment variables", Lambda developer guide), with the emulator in the place of AWS.
#[must_use]
pub fn environment(function: &Function, process: usize, ports: Ports) -> BTreeMap<String, String> {
    let runtime_api = format!("http://127.0.0.1:{}/{}/{process}", ports.runtime_api, function.binary());
    let lambda = [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", function.log_group.clone().unwrap_or_default()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/{process}")),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", KEY.to_owned()),
        ("AWS_ENDPOINT_URL", ports.aws_url()),
        ("_HANDLER", "bootstrap".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ];
    let own = function.environment.clone().into_iter();
    own.chain(lambda.map(|(name, value)| (name.to_owned(), value))).collect()
}
