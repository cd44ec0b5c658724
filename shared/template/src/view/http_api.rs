use serde::Deserialize;

use super::{Resource, number};
use crate::TemplateError;

/// An HTTP API. Its routes are its functions' events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpApi {
    /// Logical id.
    pub logical: String,
    /// What `Ref` gives; routes name it so.
    pub id: String,
    /// Requests per second that every route takes; none for the account's limit.
    pub rate_limit: Option<u32>,
    /// Requests at once that every route takes.
    pub burst_limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    #[serde(default)]
    default_route_settings: RouteSettings,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct RouteSettings {
    #[serde(default, deserialize_with = "number::optional")]
    throttling_rate_limit: Option<u32>,
    #[serde(default, deserialize_with = "number::optional")]
    throttling_burst_limit: Option<u32>,
}

impl HttpApi {
    pub(super) fn of(resource: &Resource) -> Result<Self, TemplateError> {
        let Properties { default_route_settings: settings } = resource.properties()?;
        Ok(Self {
            logical: resource.logical.clone(),
            id: resource.reference.clone(),
            rate_limit: settings.throttling_rate_limit,
            burst_limit: settings.throttling_burst_limit,
        })
    }
}
