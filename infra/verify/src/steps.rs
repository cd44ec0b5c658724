//! The steps, quick ones first.

use std::process::Command;

use crate::dependencies;
use crate::output::Progress;
use crate::tools::{checkout, python_tools};
use crate::webhook;

/// One step. It gives what is worth knowing of it, often nothing.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) checks: &'static str,
    pub(crate) run: fn(&Progress) -> anyhow::Result<String>,
}

/// All of them, in the order in which they run.
pub(crate) static STEPS: &[Step] = &[
    Step { name: "fmt", checks: "code is formatted", run: fmt },
    Step {
        name: "deny",
        checks: "dependencies have allowed licences, sources and users (deny.toml)",
        run: dependencies::check,
    },
    Step { name: "template", checks: "template.yaml is accepted by SAM and cfn-lint", run: template },
    Step { name: "clippy", checks: "no lint warns, in any target", run: clippy },
    Step { name: "doc", checks: "documentation is complete and its links lead somewhere", run: doc },
    Step { name: "test", checks: "every test passes", run: test },
    Step {
        name: "webhook",
        checks: "the running webhook answers as its description says, whatever is asked",
        run: webhook::check,
    },
    Step {
        name: "sim",
        checks: "20,000 random histories under faults end well (docs/SIMULATION.md)",
        run: sim,
    },
];

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Cargo in the checkout, as somebody would start it who is not started by cargo: with the variables of this very program, crates
/// that watch them would be built anew.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    let ours = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    });
    ours.for_each(|name| {
        command.env_remove(name);
    });
    command.args(arguments).current_dir(checkout());
    command
}

fn fmt(progress: &Progress) -> anyhow::Result<String> {
    progress.run(&mut cargo(&["fmt", "--all", "--check"]))?;
    Ok(String::new())
}

fn clippy(progress: &Progress) -> anyhow::Result<String> {
    progress.run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(String::new())
}

fn doc(progress: &Progress) -> anyhow::Result<String> {
    progress
        .run(cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(String::new())
}

fn test(progress: &Progress) -> anyhow::Result<String> {
    let output = progress.run(&mut cargo(&["test", "--workspace", "--locked"]))?;
    Ok(format!("{} tests", passed(&output)))
}

/// The same as `cargo sim`.
fn sim(progress: &Progress) -> anyhow::Result<String> {
    let arguments = [
        "run",
        "--quiet",
        "--locked",
        "--profile",
        "sim",
        "--package",
        "roomsync-simulation",
        "--bin",
        "sim",
    ];
    let output = progress.run(&mut cargo(&arguments))?;
    Ok(summary(&output).to_owned())
}

/// The line that sums up all histories.
fn summary(output: &str) -> &str {
    output.lines().find(|line| line.contains(" histories, ")).unwrap_or_default()
}

/// Tests that passed, by the closing lines of the test programs.
fn passed(output: &str) -> u64 {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. "))
        .filter_map(|rest| rest.split_once(" passed")?.0.parse::<u64>().ok())
        .sum()
}

fn template(progress: &Progress) -> anyhow::Result<String> {
    let tools = python_tools(progress, "requirements")?;
    // SAM wants a region even to read a file, and would report on us.
    let environment = [("SAM_CLI_TELEMETRY", "0"), ("AWS_DEFAULT_REGION", "eu-west-1")];
    let mut sam = Command::new(tools.join("sam"));
    sam.args(["validate", "--lint", "--template-file", "template.yaml"]);
    progress.run(sam.envs(environment).current_dir(checkout()))?;
    let mut lint = Command::new(tools.join("cfn-lint"));
    progress.run(lint.arg("template.yaml").current_dir(checkout()))?;
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulation_is_summed_up_by_one_line() {
        let line = "20000 histories, 12000000 steps in 60.0 s; 0 failed";
        assert_eq!(summary(&format!("     12  graph: 410\n{line}\n")), line);
        assert_eq!(summary("nothing"), "");
    }

    #[test]
    fn the_tests_of_all_programs_are_added_up() {
        let output = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\n   Doc-tests x\ntest result: ok. 13 passed; \
                      0 failed\ntest result: FAILED. 7 passed; 1 failed\n";
        assert_eq!(passed(output), 15);
    }
}
