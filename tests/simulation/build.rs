//! Makes a copy of the sources with every fault of `mutants.rs` planted behind a switch, for the test `planted`.
//!
//! The sources that ship have no hooks. The copy is one crate with a module for each of ours, so that a planted fault in one is met by
//! all others. A patch that does not fit exactly one place is an error: then source and patch have drifted apart.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

include!("mutants.rs");

/// Module of the copy, directory of its source, and the name under which others know it.
const CRATES: &[(&str, &str, &str)] = &[
    ("domain", "shared/domain", "roomsync_domain"),
    ("ports", "shared/ports", "roomsync_ports"),
    ("graph", "shared/graph", "roomsync_graph"),
    ("runtime", "shared/runtime", "roomsync_runtime"),
    ("testkit", "shared/testkit", "roomsync_testkit"),
    ("delta_poller", "functions/delta-poller", "delta_poller"),
    ("booking_writer", "functions/booking-writer", "booking_writer"),
    ("webhook_receiver", "functions/webhook-receiver", "webhook_receiver"),
    ("subscription_keeper", "functions/subscription-keeper", "subscription_keeper"),
    ("poll_dispatcher", "functions/poll-dispatcher", "poll_dispatcher"),
    ("resource_sync", "functions/resource-sync", "resource_sync"),
    ("simulation", "tests/simulation", "roomsync_simulation"),
];

#[allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "this is how cargo talks with a build script"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("planted");
    println!("cargo::rerun-if-changed=mutants.rs");
    println!("cargo::rerun-if-changed=build.rs");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    let mut patches: Vec<(&Patch, &str, bool)> = MUTANTS
        .iter()
        .flat_map(|(name, patches)| patches.iter().map(|patch| (patch, *name, false)))
        .collect();
    let mut index = String::new();
    for (module, directory, _) in CRATES {
        let source = root.join(directory).join("src");
        println!("cargo::rerun-if-changed={}", source.display());
        copy(&source, &out.join(module), module, module, &mut patches)?;
        let lib = out.join(module).join("lib.rs");
        index.push_str(&format!(
            "#[path = {:?}]\n#[allow(warnings, clippy::all, clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout)]\npub mod {module};\n",
            lib.display()
        ));
    }
    if let Some((patch, name, _)) = patches.iter().find(|(_, _, applied)| !applied) {
        return Err(format!("mutant `{name}`: there is no file {}", patch.0).into());
    }
    fs::write(out.join("index.rs"), index)?;
    Ok(())
}

fn copy(
    from: &Path,
    to: &Path,
    module: &str,
    place: &str,
    patches: &mut [(&Patch, &str, bool)],
) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, place) = (entry.path(), format!("{place}/{name}"));
        if path.is_dir() {
            copy(&path, &to.join(&name), module, &place, patches)?;
            continue;
        }
        if name == "main.rs" {
            continue;
        }
        let mut text = fs::read_to_string(&path)?;
        for (patch, mutant, applied) in patches.iter_mut().filter(|(patch, ..)| patch.0 == place) {
            let times = text.matches(patch.1).count();
            if times != 1 {
                return Err(format!(
                    "mutant `{mutant}`: expected one place in {place}, found {times}:\n{}",
                    patch.1
                )
                .into());
            }
            text = text.replace(patch.1, patch.2);
            *applied = true;
        }
        fs::write(to.join(&name), adapted(&text, module))?;
    }
    Ok(())
}

/// Replaces the beginnings of paths, and nothing in the middle of one.
fn renamed(text: &str, name: &str, new: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let before = rest[..at].chars().next_back();
        let begins = !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':');
        result.push_str(&rest[..at]);
        result.push_str(if begins { new } else { name });
        rest = &rest[at + name.len()..];
    }
    result + rest
}

/// The source as part of the copy: its paths lead to the copy, its own tests stay behind.
fn adapted(text: &str, module: &str) -> String {
    let mut text = renamed(text, "crate::", &format!("crate::{module}::"));
    for (module, _, name) in CRATES {
        text = renamed(&text, &format!("{name}::"), &format!("crate::{module}::"));
    }
    text.replace("ROOT::", "crate::")
        .replace("#[cfg(test)]", "#[cfg(any())]")
        .replace("#![doc = include_str!(\"../README.md\")]", "")
}
