//! `cargo local` as a process with a folder and ports of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command as Build, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Building may be part of starting.
const BUILT: Duration = Duration::from_secs(900);
/// How long Ctrl-C may take.
const GONE: Duration = Duration::from_secs(10);

/// The running system; it is asked to end when this is dropped.
pub(crate) struct System {
    program: Child,
    folder: TempDir,
    base: u16,
    pub(crate) endpoints: Value,
}

impl System {
    /// Starts it and waits until it says where everything is.
    pub(crate) async fn start() -> Self {
        build_the_command_line();
        let folder = TempDir::new().expect("a temporary folder");
        let base = five_free_ports();
        let account = std::fs::File::create(folder.path().join("account")).expect("a file");
        let program = Command::new(env!("CARGO_BIN_EXE_local"))
            .args(["--poll-every", "2", "--rooms-every", "3", "--state", ".local", "--port-base"])
            .arg(base.to_string())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(account.try_clone().expect("a file"))
            .stderr(account)
            .spawn()
            .expect("the program starts");
        let mut system = Self { program, folder, base, endpoints: Value::Null };
        system.endpoints = until("endpoints.json is written", BUILT, async || {
            if let Some(status) = system.program.try_wait().expect("a child") {
                panic!("cargo local has ended ({status}):\n{}", system.account());
            }
            let text = std::fs::read(system.file()).ok()?;
            Some(serde_json::from_slice(&text).expect("the file is whole whenever it is there"))
        })
        .await;
        system
    }

    /// What `roomsync --local status --json` answers in this folder.
    pub(crate) async fn status(&self) -> Value {
        let program = Path::new(env!("CARGO_BIN_EXE_local")).with_file_name("roomsync");
        let mut command = Command::new(program);
        command.args(["--local", "status", "--json"]).current_dir(self.folder.path());
        let output = command.output().await.expect("the command line starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    pub(crate) async fn get(&self, url: &str) -> String {
        let answer = reqwest::get(url).await.and_then(reqwest::Response::error_for_status);
        answer.unwrap_or_else(|error| panic!("{error}")).text().await.expect("a page")
    }

    /// The functions' logs, one after the other.
    pub(crate) fn logs(&self) -> String {
        let logs = std::fs::read_dir(self.folder.path().join(".local/logs")).expect("a folder of logs");
        let logs = logs.map(|log| std::fs::read_to_string(log.expect("a log").path()).expect("a log"));
        logs.collect()
    }

    /// Ctrl-C: it ends well and leaves nothing behind.
    pub(crate) async fn interrupt(mut self) {
        assert!(self.processes() > 4, "emulator and functions have to be seen here to be missed later");
        self.signal();
        let status = tokio::time::timeout(GONE, self.program.wait()).await;
        let status = status.expect("Ctrl-C ends it soon").expect("a child");
        assert_eq!(status.code(), Some(0), "{}", self.account());
        assert_eq!(self.processes(), 0, "processes are left");
        assert!(!self.file().exists(), "endpoints.json is left");
        for port in self.base..self.base + 5 {
            TcpListener::bind(("127.0.0.1", port)).expect("a port that nobody listens on any more");
        }
    }

    fn signal(&self) {
        let id = self.program.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process(id, Signal::INT);
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(".local/endpoints.json")
    }

    fn account(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("account")).unwrap_or_default()
    }

    /// Emulator and functions: every process that is told the address of this emulator.
    fn processes(&self) -> usize {
        let needle = format!("AWS_ENDPOINT_URL=http://127.0.0.1:{}\0", self.base);
        let processes = std::fs::read_dir("/proc").expect("a Linux machine").flatten();
        let environments = processes.filter_map(|one| std::fs::read(one.path().join("environ")).ok());
        environments.filter(|text| String::from_utf8_lossy(text).contains(&needle)).count()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.signal();
        let end = Instant::now() + GONE;
        while matches!(self.program.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Asks again and again until there is an answer.
pub(crate) async fn until<T>(what: &str, limit: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < end, "not within {} s: {what}", limit.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Builds `roomsync` beside `local`, at the root so that both agree on features.
fn build_the_command_line() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut cargo = Build::new(env!("CARGO"));
    let built = cargo
        .args(["build", "--quiet", "--bin", "roomsync"])
        .current_dir(root)
        .status()
        .expect("cargo starts");
    assert!(built.success(), "roomsync could not be built");
}

fn five_free_ports() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 5_000).unwrap_or(0) * 2;
    let mut bases = (first..32_000).step_by(5);
    let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    bases.find(|base| (*base..base + 5).all(free)).expect("five free ports in a row")
}
