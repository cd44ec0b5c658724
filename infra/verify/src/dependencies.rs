//! What may be linked in: `deny.toml` held against `cargo metadata`.
//!
//! The file is cargo-deny's, and whoever has that program can run it on the file. Here only its rules on licences, bans and sources
//! are read: cargo-deny itself takes minutes to build, and its advisories need a database from the network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::output::Progress;
use crate::steps::cargo;
use crate::tools::checkout;

/// The part of `deny.toml` that is read.
#[derive(Deserialize)]
struct Rules {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: BTreeSet<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: BTreeSet<String>,
}

/// The part of `cargo metadata` that is read.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

/// Holds the workspace's dependencies against the rules.
///
/// # Errors
/// Every rule that is broken, with the crate that breaks it.
pub(crate) fn check(progress: &Progress) -> anyhow::Result<String> {
    let rules = rules(&checkout().join("deny.toml"))?;
    let mut command = cargo(&["metadata", "--format-version", "1", "--locked", "--quiet"]);
    for target in &rules.graph.targets {
        command.args(["--filter-platform", target]);
    }
    let output = progress.run(&mut command)?;
    let json =
        output.lines().find(|line| line.starts_with('{')).context("`cargo metadata` printed no JSON")?;
    let metadata: Metadata =
        serde_json::from_str(json).context("`cargo metadata` has another shape than expected")?;
    let broken = broken(&rules, &metadata);
    if !broken.is_empty() {
        bail!("{} of deny.toml's rules are broken\n{}", broken.len(), broken.join("\n"));
    }
    let foreign = metadata.packages.iter().filter(|package| package.source.is_some()).count();
    Ok(format!("{foreign} crates; advisories are not checked here (cargo deny check advisories)"))
}

fn rules(file: &Path) -> anyhow::Result<Rules> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("{} cannot be used", file.display()))
}

fn broken(rules: &Rules, metadata: &Metadata) -> Vec<String> {
    let mut broken = Vec::new();
    for package in metadata.packages.iter().filter(|package| package.source.is_some()) {
        broken.extend(licence(rules, package));
        broken.extend(source(rules, package));
    }
    let names: BTreeMap<&str, &str> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
    let name = |id: &String| names.get(id.as_str()).copied().unwrap_or("?");
    for node in &metadata.resolve.nodes {
        for ban in &rules.bans.deny {
            let uses = node.dependencies.iter().any(|dependency| name(dependency) == ban.name);
            if uses && !ban.wrappers.contains(name(&node.id)) {
                broken.push(format!("{} must not use {}: {}", name(&node.id), ban.name, ban.reason));
            }
        }
    }
    broken
}

fn licence(rules: &Rules, package: &Package) -> Option<String> {
    let Package { name, version, license, .. } = package;
    let Some(text) = license else {
        return Some(format!("{name} {version} names no licence"));
    };
    let allowed = |request: &spdx::LicenseReq| rules.licenses.allow.contains(&request.to_string());
    match Expression::parse_mode(text, ParseMode::LAX) {
        Ok(expression) if expression.evaluate(allowed) => None,
        Ok(_) => Some(format!("{name} {version} is under {text}, which is not allowed")),
        Err(error) => {
            Some(format!("{name} {version}: the licence `{text}` cannot be read: {}", error.reason))
        }
    }
}

fn source(rules: &Rules, package: &Package) -> Option<String> {
    let source = package.source.as_deref()?;
    let known = source
        .strip_prefix("registry+")
        .is_some_and(|registry| rules.sources.allow_registry.contains(registry));
    (!known).then(|| format!("{} {} comes from {source}", package.name, package.version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const INDEX: &str = "registry+https://github.com/rust-lang/crates.io-index";

    fn found(packages: Value, nodes: Value) -> Vec<String> {
        let rules = rules(&checkout().join("deny.toml")).unwrap();
        let metadata = json!({ "packages": packages, "resolve": { "nodes": nodes } });
        broken(&rules, &serde_json::from_value(metadata).unwrap())
    }

    fn package(name: &str, license: Option<&str>, source: Option<&str>) -> Value {
        json!({ "id": name, "name": name, "version": "1.0.0", "license": license, "source": source })
    }

    #[test]
    fn licences() {
        for (license, allowed) in [
            (Some("MIT"), true),
            (Some("MIT OR Apache-2.0"), true),
            (Some("MIT/Apache-2.0"), true),
            (Some("GPL-3.0-only OR MIT"), true),
            (Some("GPL-3.0-only"), false),
            (Some("AGPL-3.0 AND MIT"), false),
            (Some("My own"), false),
            (None, false),
        ] {
            let found = found(json!([package("x", license, Some(INDEX))]), json!([]));
            assert_eq!(found.is_empty(), allowed, "{license:?}: {found:?}");
        }
        assert_eq!(found(json!([package("ours", None, None)]), json!([])), [""; 0]);
    }

    #[test]
    fn sources() {
        let found = found(json!([package("x", Some("MIT"), Some("git+https://git.example/x"))]), json!([]));
        assert_eq!(found, ["x 1.0.0 comes from git+https://git.example/x"]);
    }

    #[test]
    fn users_of_banned_crates() {
        let packages =
            ["reqwest", "roomsync-graph", "delta-poller"].map(|name| package(name, Some("MIT"), Some(INDEX)));
        let uses = |user: &str| json!([{ "id": user, "dependencies": ["reqwest"] }]);
        assert_eq!(found(json!(packages), uses("roomsync-graph")), [""; 0]);
        let found = found(json!(packages), uses("delta-poller"));
        assert!(found.len() == 1 && found[0].starts_with("delta-poller must not use reqwest: "), "{found:?}");
    }
}
