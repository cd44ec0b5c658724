use serde::Deserialize;

use super::{Resource, number};
use crate::TemplateError;

/// A CloudWatch log group.
#[derive(Debug, Clone)]
pub struct LogGroup {
    /// Logical id.
    pub logical: String,
    /// Physical name.
    pub name: String,
    /// Days that logs are kept; none for ever.
    pub retention_days: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    #[serde(default, deserialize_with = "number::optional")]
    retention_in_days: Option<u32>,
}

impl LogGroup {
    pub(super) fn of(resource: &Resource) -> Result<Self, TemplateError> {
        let properties: Properties = resource.properties()?;
        Ok(Self {
            logical: resource.logical.clone(),
            name: resource.reference.clone(),
            retention_days: properties.retention_in_days,
        })
    }
}
