//! Tools from PyPI, in a virtual environment of the checkout's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::output::Progress;

/// The checkout this program was built from.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// The folder with the programs that `infra/tools/requirements.txt` names; they are installed if the file has changed since.
///
/// # Errors
/// Python is missing, or a package cannot be had.
pub(crate) fn python_tools(progress: &Progress) -> anyhow::Result<PathBuf> {
    let wanted = checkout().join("infra/tools/requirements.txt");
    let text =
        std::fs::read_to_string(&wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
    let home = checkout().join(".local/tools");
    let (bin, stamp) = (home.join("bin"), home.join("installed.txt"));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == text) {
        return Ok(bin);
    }
    progress
        .run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))
        .context("Python 3 with its venv module is needed (Debian: apt-get install python3-venv)")?;
    progress
        .run(
            Command::new(bin.join("pip")).args(["install", "--disable-pip-version-check", "-r"]).arg(&wanted),
        )
        .context("the tools for the template cannot be installed from PyPI")?;
    std::fs::write(&stamp, text).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(bin)
}
