//! What has to be there before anything is started. Each thing that is missing gets one sentence with the way out.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::{Place, Ports};

/// A Python that can make virtual environments.
#[derive(Debug, Clone)]
pub struct Python {
    /// The program.
    pub program: PathBuf,
    /// `3.11.7`
    pub version: String,
}

/// The names a suitable Python may have, most usual first.
const PYTHONS: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// Prints version, then whether virtual environments can be made. Debian splits `ensurepip` off.
const PROBE: &str = "import sys, importlib.util as u\n\
                     print('%d.%d.%d' % sys.version_info[:3])\n\
                     print(sys.version_info >= (3, 10))\n\
                     print(all(u.find_spec(m) for m in ('venv', 'ensurepip')))";

/// Finds a Python of at least 3.10 with `venv`.
///
/// # Errors
/// There is none; the message says what was found instead and what to install.
pub async fn python() -> anyhow::Result<Python> {
    let mut found = Vec::new();
    for name in PYTHONS {
        let Ok(output) = Command::new(name).args(["-c", PROBE]).kill_on_drop(true).output().await else {
            continue;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        match lines.as_slice() {
            [version, "True", "True"] => {
                return Ok(Python { program: name.into(), version: (*version).to_owned() });
            }
            [version, "True", _] => found.push(format!("{name} {version} lacks the venv module")),
            [version, ..] => found.push(format!("{name} is {version}")),
            [] => {}
        }
    }
    let found = if found.is_empty() { "none was found".to_owned() } else { found.join(", ") };
    bail!(
        "the AWS emulator needs Python 3.10 or newer with venv, but {found}; \
         install it (on Debian: apt install python3 python3-venv)"
    )
}

/// Checks that nobody listens on our ports.
///
/// # Errors
/// One is in use; the message says which and for what.
pub fn free_ports(ports: Ports) -> anyhow::Result<()> {
    for (port, purpose) in ports.all() {
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            bail!(
                "port {port}, meant for {purpose}, is in use; end the program that has it or choose others, as in \
                 --port-base {}",
                if ports.aws < 60_000 { ports.aws + 1000 } else { 5566 }
            );
        }
    }
    Ok(())
}

/// Makes sure that only one runs in a checkout, as long as the file is kept.
///
/// # Errors
/// Another one runs, or the folder cannot be written to.
pub(crate) fn only_one(place: &Place) -> anyhow::Result<File> {
    std::fs::create_dir_all(place.local.join("logs"))
        .with_context(|| format!("cannot create {}", place.local.display()))?;
    let path = place.local.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!(
            "cargo local already runs in {}; end it with Ctrl-C first, or run this one beside it with --state FOLDER and \
             --port-base N",
            place.local.display()
        );
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::{free_ports, only_one};
    use crate::{Place, Ports};

    #[test]
    fn a_port_in_use_is_named_with_its_purpose_and_the_way_out() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = free_ports(Ports { board: port, ..Ports::from_base(port) }).unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port}, meant for the AWS emulator, is in use")), "{error}");
        assert!(error.contains("--port-base"), "{error}");
    }

    #[test]
    fn a_second_one_in_the_same_checkout_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path(), folder.path());
        let first = only_one(&place).unwrap();
        assert!(only_one(&place).unwrap_err().to_string().contains("already runs"));
        drop(first);
        only_one(&place).unwrap();
    }
}
