//! Tools from PyPI, in a virtual environment of the checkout's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::output::Progress;

/// The checkout this program was built from.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// The folder with the programs that a file in `infra/tools` names; they are installed if the file has changed since.
///
/// # Errors
/// Python is missing, or a package cannot be had.
pub(crate) fn python_tools(progress: &Progress, file: &str) -> anyhow::Result<PathBuf> {
    let wanted = checkout().join("infra/tools").join(file).with_extension("txt");
    let text =
        std::fs::read_to_string(&wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
    let home = checkout().join(".local").join(if file == "requirements" { "tools" } else { file });
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
        .with_context(|| format!("{} cannot be installed from PyPI", wanted.display()))?;
    std::fs::write(&stamp, text).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(bin)
}
