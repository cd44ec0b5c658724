//! Typed views of evaluated resources.

mod function;
mod http_api;
mod log_group;
mod number;
mod queue;
mod role;
mod secret;
mod table;

use serde::Deserialize;
use serde_json::Value;

use crate::TemplateError;

pub use function::{Function, QueueSource, Route, Schedule};
pub use http_api::HttpApi;
pub use log_group::LogGroup;
pub use queue::{DeadLetter, Queue};
pub use role::{Role, Statement};
pub use secret::Secret;
pub use table::{LocalIndex, Table};

/// A resource with everything in it evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) logical: String,
    pub(crate) kind: String,
    /// What `Ref` gives.
    pub(crate) reference: String,
    /// What `GetAtt …Arn` gives, for types that have one.
    pub(crate) arn: Option<String>,
    /// Survives the stack and its own replacement.
    pub(crate) retained: bool,
    pub(crate) properties: Value,
}

impl Resource {
    fn properties<'de, T: Deserialize<'de>>(&'de self) -> Result<T, TemplateError> {
        T::deserialize(&self.properties).map_err(|error| TemplateError::shape(&self.logical, error))
    }

    fn arn(&self) -> Result<String, TemplateError> {
        self.arn.clone().ok_or_else(|| TemplateError::shape(&self.logical, "has no ARN"))
    }
}

/// Everything the template creates, each kind in the order of logical ids.
#[derive(Debug, Clone)]
pub struct Stack {
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// SQS queues, dead-letter queues among them.
    pub queues: Vec<Queue>,
    /// Lambda functions.
    pub functions: Vec<Function>,
    /// IAM roles.
    pub roles: Vec<Role>,
    /// CloudWatch log groups.
    pub log_groups: Vec<LogGroup>,
    /// HTTP APIs.
    pub http_apis: Vec<HttpApi>,
    /// Secrets.
    pub secrets: Vec<Secret>,
    others: Vec<Resource>,
}

impl Stack {
    pub(crate) fn of(resources: &[Resource]) -> Result<Self, TemplateError> {
        fn all<T>(
            resources: &[Resource],
            kind: &str,
            view: fn(&Resource) -> Result<T, TemplateError>,
        ) -> Result<Vec<T>, TemplateError> {
            resources.iter().filter(|resource| resource.kind == kind).map(view).collect()
        }
        Ok(Self {
            tables: all(resources, "AWS::DynamoDB::Table", Table::of)?,
            queues: all(resources, "AWS::SQS::Queue", Queue::of)?,
            functions: all(resources, "AWS::Serverless::Function", Function::of)?,
            roles: all(resources, "AWS::IAM::Role", Role::of)?,
            log_groups: all(resources, "AWS::Logs::LogGroup", LogGroup::of)?,
            http_apis: all(resources, "AWS::Serverless::HttpApi", HttpApi::of)?,
            secrets: all(resources, "AWS::SecretsManager::Secret", Secret::of)?,
            others: resources.to_vec(),
        })
    }

    /// The table with this logical id.
    #[must_use]
    pub fn table(&self, logical: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.logical == logical)
    }

    /// The queue with this logical id.
    #[must_use]
    pub fn queue(&self, logical: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.logical == logical)
    }

    /// The function with this logical id.
    #[must_use]
    pub fn function(&self, logical: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.logical == logical)
    }

    /// The role that a function runs in.
    #[must_use]
    pub fn role_of(&self, function: &Function) -> Option<&Role> {
        self.roles.iter().find(|role| role.arn == function.role_arn)
    }

    /// Logical id and evaluated properties of every resource of a type that has no view of its own.
    pub fn of_type(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        self.others
            .iter()
            .filter(move |resource| resource.kind == kind)
            .map(|resource| (resource.logical.as_str(), &resource.properties))
    }
}
