//! Checks answers and request bodies against Graph's OpenAPI document.
//!
//! OpenAPI 3.0 is not quite JSON Schema: `nullable` becomes a `null` type here, everything else is understood as it is.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The document with its JSON schemas made ready.
#[derive(Debug)]
pub struct OpenApi {
    document: Value,
}

/// Why something does not match, or cannot be judged.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Mismatch {
    #[error("the OpenAPI document cannot be read: {0}")]
    Document(String),
    #[error("the document has no schema {0}")]
    NoSchema(String),
    #[error("the document has no operation {0} {1}")]
    NoOperation(String, String),
    #[error("does not match {schema}: {problems}")]
    Invalid { schema: String, problems: String },
}

impl OpenApi {
    /// Reads an OpenAPI 3.0 document in YAML.
    pub fn read(yaml: &str) -> Result<OpenApi, Mismatch> {
        let document: Value =
            serde_saphyr::from_str(yaml).map_err(|error| Mismatch::Document(error.to_string()))?;
        Ok(OpenApi { document: nullable(document) })
    }

    /// Checks a value against a schema of the components, such as `microsoft.graph.event`.
    pub fn check(&self, schema: &str, value: &Value) -> Result<(), Mismatch> {
        let validator = self.validator(schema)?;
        judge(&validator, schema, value)
    }

    /// A validator for many values of one schema.
    pub fn validator(&self, schema: &str) -> Result<Validator, Mismatch> {
        if self.document["components"]["schemas"].get(schema).is_none() {
            return Err(Mismatch::NoSchema(schema.to_owned()));
        }
        self.compile(&json!({"$ref": format!("#/components/schemas/{schema}")}))
    }

    /// Checks an answer's body against the operation's schema for that status. `path` is the template of the document,
    /// such as `/users/{user-id}/calendarView`, see [`OpenApi::template`].
    pub fn check_answer(&self, method: &str, path: &str, status: u16, body: &Value) -> Result<(), Mismatch> {
        let responses = &self.operation(method, path)?["responses"];
        let class = format!("{}XX", status / 100);
        let response = responses.get(status.to_string()).or_else(|| responses.get(&class));
        let response =
            response.ok_or_else(|| Mismatch::NoOperation(method.to_owned(), format!("{path} {status}")))?;
        let response = match response["$ref"].as_str() {
            Some(target) => self.document.pointer(target.trim_start_matches('#')).unwrap_or(response),
            None => response,
        };
        self.check_content(response, &format!("{method} {path} {status}"), body)
    }

    /// Checks a request: known query options (unknown ones are refused) and the body.
    pub fn check_request(
        &self,
        method: &str,
        path: &str,
        options: &[String],
        body: Option<&Value>,
    ) -> Result<(), Mismatch> {
        let operation = self.operation(method, path)?;
        let mut known = Vec::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let target = parameter["$ref"].as_str().map(|target| target.trim_start_matches('#'));
            let parameter = target.and_then(|target| self.document.pointer(target)).unwrap_or(parameter);
            known.extend((parameter["in"] == "query").then(|| parameter["name"].as_str()).flatten());
        }
        if let Some(stranger) = options.iter().find(|option| !known.contains(&option.as_str())) {
            let problems =
                format!("query option {stranger} is not documented; known are {}", known.join(", "));
            return Err(Mismatch::Invalid { schema: format!("{method} {path}"), problems });
        }
        match body {
            Some(body) => {
                self.check_content(&operation["requestBody"], &format!("{method} {path} body"), body)
            }
            None => Ok(()),
        }
    }

    /// The path template of the document that a concrete path below `/v1.0` belongs to.
    pub fn template(&self, path: &str) -> Option<String> {
        let parts: Vec<String> = path
            .trim_start_matches("/v1.0")
            .split('/')
            .map(|part| {
                let part = part.replace("microsoft.graph.", "graph.");
                if part.eq_ignore_ascii_case("graph.roomlist") { "graph.roomList".to_owned() } else { part }
            })
            .collect();
        let fits = |template: &&String| {
            let own: Vec<&str> = template.split('/').collect();
            own.len() == parts.len()
                && own.iter().zip(&parts).all(|(own, part)| {
                    own.starts_with('{')
                        || own.eq_ignore_ascii_case(part)
                        || own.trim_end_matches("()").eq_ignore_ascii_case(part)
                })
        };
        let wild = |template: &&String| template.matches('{').count();
        self.document["paths"].as_object()?.keys().filter(fits).min_by_key(wild).cloned()
    }

    fn operation(&self, method: &str, path: &str) -> Result<&Value, Mismatch> {
        let operation = self.document["paths"].get(path).and_then(|item| item.get(method.to_lowercase()));
        operation.ok_or_else(|| Mismatch::NoOperation(method.to_owned(), path.to_owned()))
    }

    fn check_content(&self, holder: &Value, name: &str, body: &Value) -> Result<(), Mismatch> {
        match holder.pointer("/content/application~1json/schema") {
            Some(schema) => judge(&self.compile(schema)?, name, body),
            None => Ok(()),
        }
    }

    fn compile(&self, schema: &Value) -> Result<Validator, Mismatch> {
        let mut root = Map::new();
        root.insert("components".to_owned(), self.document["components"].clone());
        root.insert("allOf".to_owned(), json!([schema]));
        jsonschema::draft4::options()
            .build(&Value::Object(root))
            .map_err(|error| Mismatch::Document(error.to_string()))
    }
}

fn judge(validator: &Validator, schema: &str, value: &Value) -> Result<(), Mismatch> {
    let problems: Vec<String> = validator
        .iter_errors(value)
        .take(5)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Mismatch::Invalid { schema: schema.to_owned(), problems: problems.join("; ") })
}

/// OpenAPI 3.0's `nullable: true` said in JSON Schema: a null is one more alternative.
pub fn nullable(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut fields: Map<String, Value> =
                fields.into_iter().map(|(name, value)| (name, nullable(value))).collect();
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                fields.remove("nullable");
                return json!({"anyOf": [{"type": "null"}, fields]});
            }
            Value::Object(fields)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(nullable).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nullable_becomes_an_alternative_and_the_rest_stays() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string", "nullable": true}, "b": {"type": "integer"}}});
        let translated = nullable(schema);
        assert_eq!(translated["properties"]["a"], json!({"anyOf": [{"type": "null"}, {"type": "string"}]}));
        assert_eq!(translated["properties"]["b"], json!({"type": "integer"}));
    }
}
