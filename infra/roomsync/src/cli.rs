//! The words of the command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use roomsync_domain::TenantId;

/// Onboard tenants, see how their rooms are followed, have rooms read anew.
#[derive(Debug, Parser)]
#[command(name = "roomsync", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// Which installation.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Which installation: a deployed stack, or the one that `cargo local` runs.
#[derive(Debug, Default, Args)]
pub struct PlaceArgs {
    /// The one that `cargo local` runs in this folder (reads .local/endpoints.json)
    #[arg(long, global = true)]
    pub local: bool,

    /// The one that this file of `cargo local` describes
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "local")]
    pub endpoints: Option<PathBuf>,

    /// Unless one of those: a deployed stack, by the answer of `aws cloudformation describe-stacks --stack-name NAME`
    #[arg(long, global = true, value_name = "FILE", env = "ROOMSYNC_STACK_OUTPUTS")]
    pub stack_outputs: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Onboard tenants and take leave of them
    #[command(subcommand)]
    Tenant(TenantCommand),

    /// Show how rooms are followed: mode, last complete read, what is wrong and who can end it
    Status {
        /// One room in detail: its id, address or name
        room: Option<String>,
        /// Only rooms of this tenant
        #[arg(long, value_name = "ID", value_parser = tenant_id)]
        tenant: Option<TenantId>,
    },

    /// Check a booking command and send it
    Book {
        /// The command as JSON, `-` for the standard input; without `schemaVersion` it is version 1, without `commandId` it gets one
        file: PathBuf,
    },

    /// Have the whole window of a room, or of every room, read anew
    #[command(group = ArgGroup::new("which").required(true).args(["room", "all"]))]
    Resync {
        /// The room: its id, address or name
        room: Option<String>,
        /// Every room, and the list of rooms
        #[arg(long)]
        all: bool,
        /// Only rooms of this tenant
        #[arg(long, value_name = "ID", value_parser = tenant_id)]
        tenant: Option<TenantId>,
        /// Let many bookings or rooms end at once, though the guard would stop it
        #[arg(long)]
        accept_mass_end: bool,
    },
}

/// What to do with tenants.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Check tenant files, show what they will change, store them
    Apply {
        /// Tenant files (YAML)
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Store without asking
        #[arg(long)]
        yes: bool,
    },
    /// Show all tenants
    List,
    /// Show the configuration of a tenant, as a tenant file
    Show {
        /// Entra directory id
        #[arg(value_parser = tenant_id)]
        id: TenantId,
    },
    /// Take leave of a tenant: its rooms become `removed`, its bookings end with `room_removed`
    Remove {
        /// Entra directory id
        #[arg(value_parser = tenant_id)]
        id: TenantId,
        /// Really
        #[arg(long)]
        yes: bool,
    },
}

fn tenant_id(text: &str) -> Result<TenantId, String> {
    TenantId::parse(text).ok_or_else(|| {
        "expected an Entra directory id (a GUID); `roomsync tenant list` shows them".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("roomsync").chain(line.split_whitespace()))
    }

    #[test]
    fn the_words_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lines_that_are_understood() {
        for line in [
            "tenant apply a.yaml b.yaml --yes --local",
            "--local tenant list --json",
            "tenant show 84bd8158-6d4d-4958-8b9f-9d6445542f95 --endpoints e.json",
            "tenant remove 84BD8158-6D4D-4958-8B9F-9D6445542F95 --yes",
            "status",
            "book --local command.json",
            "book -",
            "status Lyon --tenant 84bd8158-6d4d-4958-8b9f-9d6445542f95",
            "resync room@contoso.example --accept-mass-end",
            "resync --all --tenant 84bd8158-6d4d-4958-8b9f-9d6445542f95",
        ] {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
    }

    #[test]
    fn lines_that_are_refused_by_name() {
        for (line, part) in [
            ("tenant apply", "<FILE>..."),
            ("tenant show contoso", "`roomsync tenant list` shows them"),
            ("book", "<FILE>"),
            ("resync", "<ROOM|--all>"),
            ("resync Lyon --all", "cannot be used with"),
            ("status --local --endpoints f", "cannot be used with"),
            ("satus", "'status'"),
        ] {
            let refusal = parse(line).unwrap_err();
            assert!(refusal.to_string().contains(part), "{line}: {refusal}");
            assert_eq!(refusal.exit_code(), 2);
        }
    }
}
