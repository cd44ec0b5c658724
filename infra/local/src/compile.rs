//! The function binaries, built by cargo as for a deployment, only not for size.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::bail;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::Place;
use crate::group::Group;

/// Where each binary is, by its name.
pub type Binaries = BTreeMap<String, PathBuf>;

/// The lines of `--message-format=json` that we look at (Cargo book, "External tools").
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds these binaries. Cargo shows its own progress and errors.
///
/// # Errors
/// The build fails, or makes no binary of one of the names.
pub(crate) async fn binaries(place: &Place, names: &[String], release: bool) -> anyhow::Result<Binaries> {
    let mut command = Command::new("cargo");
    command
        .current_dir(&place.checkout)
        // No package is named: then the features are those of the whole workspace, as for this program.
        .args(["build", "--message-format=json-render-diagnostics"])
        .args(names.iter().flat_map(|name| ["--bin", name]))
        .args(release.then_some("--release"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut group = Group::start(&mut command)?;
    let mut binaries = Binaries::new();
    if let Some(output) = group.child().stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some((name, path)) = executable(&line) {
                binaries.insert(name, path);
            }
        }
    }
    if !group.child().wait().await?.success() {
        bail!("the functions could not be built; cargo's message is above");
    }
    for name in names {
        if !binaries.contains_key(name) {
            bail!("cargo made no binary `{name}`, which template.yaml asks for");
        }
    }
    Ok(binaries)
}

fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Message = serde_json::from_str(line).ok()?;
    (message.reason == "compiler-artifact").then_some(())?;
    Some((message.target?.name, message.executable?))
}

#[cfg(test)]
mod tests {
    use super::executable;

    #[test]
    fn only_finished_programs_count() {
        let program = r#"{"reason":"compiler-artifact","target":{"name":"delta-poller"},"executable":"/t/delta-poller"}"#;
        assert_eq!(executable(program), Some(("delta-poller".into(), "/t/delta-poller".into())));
        let library = r#"{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}"#;
        assert_eq!(executable(library), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(executable("not json"), None);
    }
}
