//! The AWS emulator: a Python program in a virtual environment of ours, with its state in memory only.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::{ChildStdin, Command};
use tokio::time::{sleep, timeout};

use crate::group::Group;
use crate::{News, Place, Ports, Python, Teller};

/// What is installed; a change of this text makes a new installation.
const REQUIREMENTS: &str = include_str!("../emulator-requirements.txt");

/// Python runs this at its start. The emulator is told to end when our end of its standard input is closed, which the
/// system does for us even if we are killed.
const END_WITH_PARENT: &str = "\
import os, sys, threading

def _end_with_parent():
    os.read(0, 1)
    os._exit(0)

if os.environ.get('ROOMSYNC_END_WITH_PARENT') == '1':
    os.environ.pop('ROOMSYNC_END_WITH_PARENT')
    threading.Thread(target=_end_with_parent, daemon=True).start()
";

/// The running emulator; it is gone when this is dropped.
pub struct Emulator {
    group: Group,
    log: PathBuf,
    _life_line: Option<ChildStdin>,
}

impl Emulator {
    /// Installs the emulator if need be, starts it and waits until it answers.
    ///
    /// # Errors
    /// The installation fails, or the emulator does not come up within half a minute; its log is named.
    pub async fn start(
        place: &Place,
        python: &Python,
        ports: Ports,
        teller: &Teller,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(place.local.join("logs"))?;
        let environment = install(place, python, teller).await?;
        let log = place.log("emulator");
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let scratch = place.local.join("tmp");
        fs::create_dir_all(&scratch)?;
        // A clean environment: the caller's AWS settings must not leak in.
        let mut group = Group::start(
            Command::new(environment.join("bin/python"))
                .args(["-m", "ministack"])
                .current_dir(&scratch)
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env("TMPDIR", &scratch)
                .env("PYTHONUNBUFFERED", "1")
                .env("ROOMSYNC_END_WITH_PARENT", "1")
                .env("GATEWAY_PORT", ports.aws.to_string())
                .env("BIND_HOST", "127.0.0.1")
                .env("MINISTACK_HOST", "127.0.0.1")
                .env("MINISTACK_REGION", crate::aws::REGION)
                .env("AWS_ENDPOINT_URL", ports.aws_url())
                .env("SERVICES", "dynamodb,dynamodbstreams,sqs,secretsmanager")
                .env("SFTP_ENABLED", "0")
                .env("IOT_MTLS_ENABLED", "0")
                .env("PERSIST_STATE", "0")
                .stdin(Stdio::piped())
                .stdout(output.try_clone()?)
                .stderr(output),
        )
        .context("cannot start the AWS emulator")?;
        let life_line = group.child().stdin.take();
        let mut emulator = Self { group, log, _life_line: life_line };
        emulator.healthy(ports).await?;
        Ok(emulator)
    }

    /// Comes back with the reason if the emulator ends by itself.
    pub async fn ended(&mut self) -> anyhow::Error {
        let status = self.group.child().wait().await;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        anyhow::anyhow!("the AWS emulator has ended ({status}); see {}", self.log.display())
    }

    async fn healthy(&mut self, ports: Ports) -> anyhow::Result<()> {
        let address = format!("{}/_ministack/health", ports.aws_url());
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answers = async {
            while !client.get(&address).send().await.is_ok_and(|answer| answer.status().is_success()) {
                sleep(Duration::from_millis(50)).await;
            }
        };
        let log = self.log.clone();
        tokio::select! {
            up = timeout(Duration::from_secs(120), answers) => {
                up.with_context(|| format!("the AWS emulator does not answer; see {}", log.display()))
            }
            reason = self.ended() => Err(reason),
        }
    }
}

/// A virtual environment with exactly what is required; made once, then only looked at.
async fn install(place: &Place, python: &Python, teller: &Teller) -> anyhow::Result<PathBuf> {
    let environment = place.emulator.clone();
    fs::create_dir_all(&environment)?;
    // Whoever comes second waits and then finds it done.
    let lock = File::create(environment.with_extension("lock"))?;
    lock.lock()?;
    let marker = environment.join("installed.txt");
    let installed = format!("{REQUIREMENTS}{END_WITH_PARENT}");
    if fs::read_to_string(&marker).is_ok_and(|text| text == installed) {
        return Ok(environment);
    }
    teller.tell(News::Step("installing the AWS emulator into .local/emulator (once)".to_owned()));
    fs::remove_dir_all(&environment)?;
    let log = place.log("emulator-install");
    quietly(Command::new(&python.program).args(["-m", "venv"]).arg(&environment), &log).await?;
    let requirements = environment.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    quietly(
        Command::new(environment.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements),
        &log,
    )
    .await?;
    fs::write(site_packages(&environment)?.join("sitecustomize.py"), END_WITH_PARENT)?;
    fs::write(&marker, installed)?;
    Ok(environment)
}

fn site_packages(environment: &Path) -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir(environment.join("lib"))?;
    for version in versions {
        let packages = version?.path().join("site-packages");
        if packages.is_dir() {
            return Ok(packages);
        }
    }
    bail!("{} has no site-packages", environment.display())
}

/// Runs a command with its output in a log, whose last line becomes the error.
async fn quietly(command: &mut Command, log: &Path) -> anyhow::Result<()> {
    let output = File::create(log)?;
    let mut group = Group::start(command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output))?;
    if group.child().wait().await?.success() {
        return Ok(());
    }
    let text = fs::read_to_string(log).unwrap_or_default();
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no reason was given");
    bail!("the AWS emulator could not be installed: {last}; see {}", log.display())
}
