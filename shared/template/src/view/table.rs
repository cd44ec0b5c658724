use std::collections::BTreeMap;

use serde::Deserialize;

use super::Resource;
use crate::TemplateError;

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Logical id.
    pub logical: String,
    /// Physical name.
    pub name: String,
    /// Name of the partition key.
    pub partition_key: String,
    /// Name of the sort key.
    pub sort_key: Option<String>,
    /// Type (`S`, `N`, `B`) of every key attribute, of the indexes too.
    pub key_types: BTreeMap<String, String>,
    /// Local secondary indexes.
    pub local_indexes: Vec<LocalIndex>,
    /// What the stream shows (`NEW_AND_OLD_IMAGES`), if there is one.
    pub stream: Option<String>,
    /// Attribute by which items expire.
    pub ttl: Option<String>,
    /// Billed per request.
    pub on_demand: bool,
    /// Can be restored to any second of the last weeks.
    pub point_in_time_recovery: bool,
    /// Stays when the stack goes or the table is replaced.
    pub retained: bool,
}

/// A local secondary index: the table's partition key with another sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalIndex {
    /// Its name.
    pub name: String,
    /// Name of its partition key.
    pub partition_key: String,
    /// Name of its sort key.
    pub sort_key: Option<String>,
    /// What it holds (`ALL`, `KEYS_ONLY`).
    pub projection: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    billing_mode: Option<String>,
    attribute_definitions: Vec<AttributeDefinition>,
    key_schema: Vec<KeyElement>,
    #[serde(default)]
    local_secondary_indexes: Vec<IndexProperties>,
    stream_specification: Option<StreamSpecification>,
    time_to_live_specification: Option<TimeToLive>,
    point_in_time_recovery_specification: Option<PointInTimeRecovery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeDefinition {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexProperties {
    index_name: String,
    key_schema: Vec<KeyElement>,
    projection: Projection,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Projection {
    projection_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamSpecification {
    stream_view_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PointInTimeRecovery {
    point_in_time_recovery_enabled: bool,
}

impl Table {
    pub(super) fn of(resource: &Resource) -> Result<Self, TemplateError> {
        let properties: Properties = resource.properties()?;
        let partition = |keys: &[KeyElement]| {
            key(keys, "HASH")
                .ok_or_else(|| TemplateError::shape(&resource.logical, "a key schema has no HASH"))
        };
        let local_indexes = properties
            .local_secondary_indexes
            .into_iter()
            .map(|index| {
                Ok(LocalIndex {
                    partition_key: partition(&index.key_schema)?,
                    sort_key: key(&index.key_schema, "RANGE"),
                    name: index.index_name,
                    projection: index.projection.projection_type,
                })
            })
            .collect::<Result<_, TemplateError>>()?;
        Ok(Self {
            logical: resource.logical.clone(),
            name: resource.reference.clone(),
            partition_key: partition(&properties.key_schema)?,
            sort_key: key(&properties.key_schema, "RANGE"),
            key_types: properties
                .attribute_definitions
                .into_iter()
                .map(|definition| (definition.attribute_name, definition.attribute_type))
                .collect(),
            local_indexes,
            stream: properties.stream_specification.map(|stream| stream.stream_view_type),
            ttl: properties
                .time_to_live_specification
                .filter(|ttl| ttl.enabled)
                .map(|ttl| ttl.attribute_name),
            on_demand: properties.billing_mode.as_deref() == Some("PAY_PER_REQUEST"),
            point_in_time_recovery: properties
                .point_in_time_recovery_specification
                .is_some_and(|recovery| recovery.point_in_time_recovery_enabled),
            retained: resource.retained,
        })
    }
}

fn key(schema: &[KeyElement], kind: &str) -> Option<String> {
    schema.iter().find(|element| element.key_type == kind).map(|element| element.attribute_name.clone())
}
