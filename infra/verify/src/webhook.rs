//! The webhook of a running system against its description, with requests that schemathesis makes up.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::output::Progress;
use crate::steps::cargo;
use crate::tools::{checkout, python_tools};

/// Ports of the system, far from those that a person's own one uses.
const PORT_BASE: &str = "14566";
/// Building the functions is a part of starting.
const STARTED: Duration = Duration::from_secs(900);
/// Requests that are made up for either route, besides those that cover its description.
const REQUESTS: &str = "100";
/// The same requests every time.
const SEED: &str = "1";

/// What holds for every answer. Left out: whether a request is taken depends on body and query together, which a description cannot say.
const CHECKS: &str = "unsupported_method,not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";

/// Starts the system, lets schemathesis ask, ends the system.
pub(crate) fn check(progress: &Progress) -> anyhow::Result<String> {
    let tools = python_tools(progress, "schemathesis")?;
    progress.run(&mut cargo(&["build", "--locked", "--bin", "local"]))?;
    let mut system = System::start()?;
    let mut command = Command::new(tools.join("schemathesis"));
    command
        .arg("run")
        .arg(checkout().join("docs/contract/webhook.openapi.yaml"))
        .args(["--url", &system.url()?])
        .args(["--checks", CHECKS, "--seed", SEED, "--max-examples", REQUESTS, "--no-color"])
        // It leaves a cache behind.
        .current_dir(&system.folder);
    let output = progress.run(&mut command)?;
    summary(&output).map(str::to_owned).with_context(|| format!("schemathesis asked nothing:\n{output}"))
}

/// The line of schemathesis's report that says how much was asked; nothing if nothing was.
fn summary(output: &str) -> Option<&str> {
    output.lines().map(str::trim).find(|line| line.contains(" generated, "))
}

/// The part of `endpoints.json` that matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoints {
    webhook_url: String,
}

/// `cargo local` in a folder of its own. It ends with this.
struct System {
    process: Child,
    folder: PathBuf,
}

impl System {
    fn start() -> anyhow::Result<Self> {
        let folder = checkout().join(".local/webhook-check");
        std::fs::create_dir_all(&folder)?;
        let _ = std::fs::remove_file(folder.join("endpoints.json"));
        let account = std::fs::File::create(folder.join("account"))?;
        // Beside us, since the same cargo has built both.
        let program = std::env::current_exe()?.with_file_name("local");
        let process = Command::new(&program)
            .args(["--no-demo", "--port-base", PORT_BASE, "--state"])
            .arg(&folder)
            .current_dir(checkout())
            .stdin(Stdio::null())
            .stdout(account.try_clone()?)
            .stderr(account)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { process, folder })
    }

    /// Waits until the system says where its webhook is. Gives the address of the HTTP API.
    fn url(&mut self) -> anyhow::Result<String> {
        let file = self.folder.join("endpoints.json");
        let end = Instant::now() + STARTED;
        while Instant::now() < end {
            if let Ok(text) = std::fs::read(&file) {
                let Endpoints { webhook_url } = serde_json::from_slice(&text)?;
                let base = webhook_url.strip_suffix("/notifications");
                return base.map(str::to_owned).context("the webhook is not at /notifications");
            }
            if self.process.try_wait()?.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let account = std::fs::read_to_string(self.folder.join("account")).unwrap_or_default();
        bail!("the system did not start:\n{account}")
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // Ctrl-C, so that it takes its own processes with it.
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn the_number_of_requests_is_found() {
        let report = "Test cases:\n  2412 generated, 2412 passed\n";
        assert_eq!(summary(report), Some("2412 generated, 2412 passed"));
        assert_eq!(summary("Test cases:\n  No test cases were generated\n"), None);
    }
}
