//! Which installation the commands speak to: a deployed stack or the one of `cargo local`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use roomsync_runtime::error::chain;
use roomsync_runtime::{QueueUrls, SqsQueue};
use roomsync_store::{DynamoStore, TableNames};
use serde::Deserialize;
use thiserror::Error;

use crate::cli::PlaceArgs;
use crate::run::{Look, SecretNames};

/// The file that `cargo local` keeps while it runs.
const LOCAL: &str = ".local/endpoints.json";

/// Why no installation is known.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// Nothing says which one.
    #[error(
        "which installation? --local is the one of `cargo local`; for a deployed stack keep the answer of `aws \
         cloudformation describe-stacks --stack-name NAME` in a file and name it by --stack-outputs or \
         ROOMSYNC_STACK_OUTPUTS"
    )]
    Unknown,
    /// `cargo local` is not running here.
    #[error("there is no {0} here; start `cargo local` in this folder, or go to where it runs")]
    NotLocal(&'static str),
    /// The file cannot be read.
    #[error("{file} cannot be read: {why}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// The stack is none of ours, or an old one.
    #[error("{file} has no output `{output}`; expected the outputs of a stack of roomsync's template.yaml")]
    NoOutput {
        /// The file.
        file: PathBuf,
        /// The output.
        output: &'static str,
    },
    /// The AWS settings of this machine lack the region.
    #[error("no AWS region is set; set AWS_REGION, or a profile that has one by AWS_PROFILE")]
    NoRegion,
}

/// An installation: names of its tables, addresses of its queues, and where AWS is if it is not AWS.
#[derive(Clone)]
pub struct Place {
    tables: TableNames,
    queues: QueueUrls,
    emulator: Option<Emulator>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Emulator {
    endpoint_url: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
}

/// The part of `.local/endpoints.json` that is needed here.
#[derive(Deserialize)]
struct Endpoints {
    aws: Emulator,
    tables: Tables,
    queues: Queues,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tables {
    rooms: String,
    bookings: String,
    sync_state: String,
    tenants: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Queues {
    booking_commands: String,
    poll: String,
    tenants: String,
}

/// The part of CloudFormation's `DescribeStacks` answer that is needed here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    stacks: Vec<DescribedStack>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedStack {
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

impl Place {
    /// The installation that the options name.
    ///
    /// # Errors
    /// They name none, or its file cannot be used.
    pub fn find(args: &PlaceArgs) -> Result<Self, PlaceError> {
        match (args.local, &args.endpoints, &args.stack_outputs) {
            (true, ..) if !Path::new(LOCAL).exists() => Err(PlaceError::NotLocal(LOCAL)),
            (true, ..) => Self::from_endpoints(Path::new(LOCAL)),
            (false, Some(file), _) => Self::from_endpoints(file),
            (false, None, Some(file)) => Self::from_stack(file),
            (false, None, None) => Err(PlaceError::Unknown),
        }
    }

    fn from_endpoints(file: &Path) -> Result<Self, PlaceError> {
        let Endpoints { aws, tables, queues } = read(file)?;
        let Tables { rooms, bookings, sync_state, tenants } = tables;
        Ok(Self {
            tables: TableNames { rooms, bookings, sync_state, tenants },
            queues: QueueUrls {
                poll: Some(queues.poll),
                tenant: Some(queues.tenants),
                commands: Some(queues.booking_commands),
                ..QueueUrls::default()
            },
            emulator: Some(aws),
        })
    }

    fn from_stack(file: &Path) -> Result<Self, PlaceError> {
        let Described { stacks } = read(file)?;
        let outputs: BTreeMap<String, String> = stacks
            .into_iter()
            .flat_map(|stack| stack.outputs)
            .map(|output| (output.output_key, output.output_value))
            .collect();
        let output = |output: &'static str| {
            outputs.get(output).cloned().ok_or_else(|| PlaceError::NoOutput { file: file.to_owned(), output })
        };
        Ok(Self {
            tables: TableNames {
                rooms: output("RoomsTable")?,
                bookings: output("BookingsTable")?,
                sync_state: output("SyncStateTable")?,
                tenants: output("TenantsTable")?,
            },
            queues: QueueUrls {
                poll: Some(output("PollQueueUrl")?),
                tenant: Some(output("TenantQueueUrl")?),
                commands: Some(output("BookingCommandsQueueUrl")?),
                ..QueueUrls::default()
            },
            emulator: None,
        })
    }

    /// Its tables, queues and names of secrets.
    ///
    /// # Errors
    /// The AWS settings of this machine lack the region.
    pub async fn connect(self) -> Result<(DynamoStore, SqsQueue, SecretNamesOfAws), PlaceError> {
        let config = match self.emulator {
            Some(emulator) => emulator.config(),
            None => aws_config::load_defaults(BehaviorVersion::latest()).await,
        };
        if config.region().is_none() {
            return Err(PlaceError::NoRegion);
        }
        Ok((
            DynamoStore::new(aws_sdk_dynamodb::Client::new(&config), self.tables),
            SqsQueue::new(aws_sdk_sqs::Client::new(&config), self.queues),
            SecretNamesOfAws(aws_sdk_secretsmanager::Client::new(&config)),
        ))
    }
}

impl Emulator {
    fn config(self) -> SdkConfig {
        let credentials = Credentials::new(self.access_key_id, self.secret_access_key, None, None, "local");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region))
            .endpoint_url(self.endpoint_url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }
}

fn read<T: for<'de> Deserialize<'de>>(file: &Path) -> Result<T, PlaceError> {
    let unreadable = |why: String| PlaceError::Unreadable { file: file.to_owned(), why };
    let text = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
}

/// Secrets Manager, asked for names only: no value is ever read.
#[derive(Debug, Clone)]
pub struct SecretNamesOfAws(aws_sdk_secretsmanager::Client);

impl SecretNames for SecretNamesOfAws {
    async fn look(&self, name: &str) -> Look {
        match self.0.describe_secret().secret_id(name).send().await {
            Ok(_) => Look::There,
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Look::Missing
            }
            Err(error) => Look::Unknown(chain(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("place.json");
        std::fs::write(&file, text).unwrap();
        (folder, file)
    }

    #[test]
    fn the_file_of_cargo_local_names_an_installation() {
        let (_folder, file) = written(
            r#"{"aws": {"endpointUrl": "http://127.0.0.1:4566", "region": "eu-west-1", "accessKeyId": "test",
                "secretAccessKey": "test"}, "tables": {"rooms": "r", "bookings": "b", "syncState": "s", "tenants": "t"},
                "queues": {"bookingCommands": "c", "poll": "http://p", "tenants": "http://t"}, "boardUrl": null}"#,
        );
        let args = PlaceArgs { endpoints: Some(file), ..PlaceArgs::default() };
        let place = Place::find(&args).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(place.tables.sync_state, "s");
        assert_eq!(place.queues.tenant.as_deref(), Some("http://t"));
        assert_eq!(place.emulator.map(|emulator| emulator.region).as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn the_outputs_of_a_stack_name_an_installation() {
        let outputs = |names: &[&str]| {
            let output = |name: &&str| format!(r#"{{"OutputKey": "{name}", "OutputValue": "v-{name}"}}"#);
            let outputs: Vec<String> = names.iter().map(output).collect();
            format!(r#"{{"Stacks": [{{"StackName": "x", "Outputs": [{}]}}]}}"#, outputs.join(","))
        };
        let all = [
            "RoomsTable",
            "BookingsTable",
            "SyncStateTable",
            "TenantsTable",
            "PollQueueUrl",
            "TenantQueueUrl",
            "BookingCommandsQueueUrl",
        ];
        let (_folder, file) = written(&outputs(&all));
        let place = Place::from_stack(&file).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(place.tables.tenants, "v-TenantsTable");
        assert_eq!(place.queues.poll.as_deref(), Some("v-PollQueueUrl"));
        for lacking in all {
            let others: Vec<&str> = all.into_iter().filter(|name| *name != lacking).collect();
            let (_folder, file) = written(&outputs(&others));
            let refusal = Place::from_stack(&file).err().map(|error| error.to_string());
            assert!(refusal.is_some_and(|text| text.contains(lacking)));
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        let refusal =
            |args: PlaceArgs| Place::find(&args).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refusal(PlaceArgs::default()).contains("--stack-outputs"));
        assert!(refusal(PlaceArgs { local: true, ..PlaceArgs::default() }).contains("start `cargo local`"));
        let (_folder, file) = written("{}");
        let text = refusal(PlaceArgs { endpoints: Some(file), ..PlaceArgs::default() });
        assert!(text.contains("place.json") && text.contains("aws"), "{text}");
    }
}
