use serde::Deserialize;

use super::Resource;
use crate::TemplateError;

/// An IAM role with its inline policies.
#[derive(Debug, Clone)]
pub struct Role {
    /// Logical id.
    pub logical: String,
    /// Its ARN.
    pub arn: String,
    /// The statements of all inline policies.
    pub statements: Vec<Statement>,
    /// ARNs of managed policies attached to it.
    pub managed_policies: Vec<String>,
}

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `Allow` or `Deny`.
    pub effect: String,
    /// `service:Action` names.
    pub actions: Vec<String>,
    /// ARNs.
    pub resources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    #[serde(default)]
    policies: Vec<Policy>,
    #[serde(default)]
    managed_policy_arns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    policy_document: Document,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    statement: Vec<WrittenStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenStatement {
    effect: String,
    action: OneOrMany,
    resource: OneOrMany,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Vec<String> {
    fn from(written: OneOrMany) -> Self {
        match written {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

impl Role {
    pub(super) fn of(resource: &Resource) -> Result<Self, TemplateError> {
        let properties: Properties = resource.properties()?;
        Ok(Self {
            logical: resource.logical.clone(),
            arn: resource.arn()?,
            statements: properties
                .policies
                .into_iter()
                .flat_map(|policy| policy.policy_document.statement)
                .map(|statement| Statement {
                    effect: statement.effect,
                    actions: statement.action.into(),
                    resources: statement.resource.into(),
                })
                .collect(),
            managed_policies: properties.managed_policy_arns,
        })
    }
}
