use serde::Deserialize;

use super::{Resource, number};
use crate::TemplateError;

/// A secret that is made with the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Logical id.
    pub logical: String,
    /// Its name.
    pub name: String,
    /// Its ARN, which is what `Ref` gives.
    pub arn: String,
    /// How many random characters its first value has; none if it has no value at first.
    pub generated_characters: Option<u32>,
}

/// Secrets Manager's own default (`AWS::SecretsManager::Secret GenerateSecretString`, PasswordLength).
const DEFAULT_CHARACTERS: u32 = 32;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    name: String,
    generate_secret_string: Option<Generated>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Generated {
    #[serde(default, deserialize_with = "number::optional")]
    password_length: Option<u32>,
}

impl Secret {
    pub(super) fn of(resource: &Resource) -> Result<Self, TemplateError> {
        let properties: Properties = resource.properties()?;
        Ok(Self {
            logical: resource.logical.clone(),
            name: properties.name,
            arn: resource.reference.clone(),
            generated_characters: properties
                .generate_secret_string
                .map(|generated| generated.password_length.unwrap_or(DEFAULT_CHARACTERS)),
        })
    }
}
