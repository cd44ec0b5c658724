//! Intrinsic functions, as far as a template for a few functions, tables and queues needs them.

use serde_json::{Map, Value};

use crate::names::{Names, name_property};
use crate::{TemplateError, view::Resource};

pub(crate) struct Evaluator<'a> {
    document: &'a Value,
    names: &'a Names,
}

/// Evaluates to nothing where `AWS::NoValue` stands: the key or list element is then left out.
type Evaluated = Result<Option<Value>, TemplateError>;

impl<'a> Evaluator<'a> {
    pub(crate) fn new(document: &'a Value, names: &'a Names) -> Self {
        Self { document, names }
    }

    /// Every resource whose condition holds, in the order of logical ids.
    pub(crate) fn resources(&self) -> Result<Vec<Resource>, TemplateError> {
        let written = self.document["Resources"]
            .as_object()
            .ok_or_else(|| TemplateError::shape("Resources", "the template has none"))?;
        let mut resources = Vec::new();
        for (logical, resource) in written {
            if let Some(condition) = resource["Condition"].as_str()
                && !self.condition(logical, condition)?
            {
                continue;
            }
            resources.push(self.resource(logical, resource)?);
        }
        Ok(resources)
    }

    fn resource(&self, logical: &str, resource: &Value) -> Result<Resource, TemplateError> {
        let kind = resource["Type"].as_str().ok_or_else(|| TemplateError::shape(logical, "has no Type"))?;
        let evaluate = |value: &Value| Ok(self.value(logical, value)?.unwrap_or_default());
        let mut properties = match &resource["Properties"] {
            Value::Null => Value::Object(Map::new()),
            written => evaluate(written)?,
        };
        if kind == "AWS::Serverless::Function" {
            properties = merged(evaluate(&self.document["Globals"]["Function"])?, properties);
        }
        let retained =
            ["DeletionPolicy", "UpdateReplacePolicy"].iter().all(|policy| resource[*policy] == "Retain");
        Ok(Resource {
            logical: logical.to_owned(),
            kind: kind.to_owned(),
            reference: self.reference(logical, logical)?,
            arn: self.attribute(logical, logical, "Arn").ok(),
            retained,
            properties,
        })
    }

    fn value(&self, within: &str, value: &Value) -> Evaluated {
        match value {
            Value::Object(map) => match function(map) {
                Some((name, argument)) => self.call(within, name, argument),
                None => {
                    let mut evaluated = Map::new();
                    for (key, value) in map {
                        if let Some(value) = self.value(within, value)? {
                            evaluated.insert(key.clone(), value);
                        }
                    }
                    Ok(Some(Value::Object(evaluated)))
                }
            },
            Value::Array(items) => {
                let items = items.iter().map(|item| self.value(within, item));
                let items = items.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
                Ok(Some(Value::Array(items)))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    fn call(&self, within: &str, name: &str, argument: &Value) -> Evaluated {
        let unsupported =
            || TemplateError::Unsupported { resource: within.to_owned(), function: name.to_owned() };
        match (name, argument) {
            ("Ref", Value::String(target)) if target == "AWS::NoValue" => Ok(None),
            ("Ref", Value::String(target)) => Ok(Some(self.reference(within, target)?.into())),
            ("Fn::GetAtt", Value::String(path)) => {
                let (target, attribute) = path.split_once('.').ok_or_else(unsupported)?;
                Ok(Some(self.attribute(within, target, attribute)?.into()))
            }
            ("Fn::Sub", Value::String(text)) => Ok(Some(self.substituted(within, text)?.into())),
            ("Fn::If", Value::Array(parts)) => {
                let [Value::String(condition), then, otherwise] = parts.as_slice() else {
                    return Err(unsupported());
                };
                self.value(within, if self.condition(within, condition)? { then } else { otherwise })
            }
            ("Fn::Equals", Value::Array(parts)) if parts.len() == 2 => {
                Ok(Some((self.value(within, &parts[0])? == self.value(within, &parts[1])?).into()))
            }
            ("Fn::Not", Value::Array(parts)) if parts.len() == 1 => {
                Ok(Some((self.value(within, &parts[0])? != Some(true.into())).into()))
            }
            ("Condition", Value::String(condition)) => Ok(Some(self.condition(within, condition)?.into())),
            _ => Err(unsupported()),
        }
    }

    fn condition(&self, within: &str, name: &str) -> Result<bool, TemplateError> {
        let condition = self.document["Conditions"].get(name).ok_or_else(|| dangling(within, name))?;
        Ok(self.value(name, condition)? == Some(true.into()))
    }

    fn reference(&self, within: &str, target: &str) -> Result<String, TemplateError> {
        if let Some(value) = self.names.pseudo(target) {
            return Ok(value.to_owned());
        }
        if let Some(parameter) = self.document["Parameters"].get(target) {
            return match (self.names.value_of(target), &parameter["Default"]) {
                (Some(set), _) => Ok(set.to_owned()),
                (None, Value::Null) => Err(TemplateError::shape(target, "is a parameter without a value")),
                (None, Value::String(text)) => Ok(text.clone()),
                (None, other) => Ok(other.to_string()),
            };
        }
        let (kind, own) = self.target(within, target)?;
        Ok(self.names.reference(kind, target, own.as_deref()))
    }

    fn attribute(&self, within: &str, target: &str, attribute: &str) -> Result<String, TemplateError> {
        let (kind, own) = self.target(within, target)?;
        self.names
            .attribute(kind, target, own.as_deref(), attribute)
            .ok_or_else(|| dangling(within, &format!("{target}.{attribute}")))
    }

    /// Type of a resource, and its name if the template gives it one.
    fn target(&self, within: &str, target: &str) -> Result<(&'a str, Option<String>), TemplateError> {
        let resource = self.document["Resources"].get(target).ok_or_else(|| dangling(within, target))?;
        let kind = resource["Type"].as_str().unwrap_or_default();
        let own = match name_property(kind, &resource["Properties"]) {
            Some(name) => self.value(target, name)?.and_then(|name| name.as_str().map(str::to_owned)),
            None => None,
        };
        Ok((kind, own))
    }

    /// `${Name}` and `${Name.Attribute}` in a text.
    fn substituted(&self, within: &str, text: &str) -> Result<String, TemplateError> {
        let mut parts = text.split("${");
        let mut result = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (target, rest) = part.split_once('}').ok_or_else(|| dangling(within, part))?;
            result.push_str(&match target.split_once('.') {
                Some((target, attribute)) => self.attribute(within, target, attribute)?,
                None => self.reference(within, target)?,
            });
            result.push_str(rest);
        }
        Ok(result)
    }
}

fn dangling(within: &str, target: &str) -> TemplateError {
    TemplateError::Dangling { resource: within.to_owned(), target: target.to_owned() }
}

/// A function call is an object with one key that is a function's name.
fn function(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = map.iter().next()?;
    let is_call = name.starts_with("Fn::") || name == "Ref" || (name == "Condition" && argument.is_string());
    (map.len() == 1 && is_call).then_some((name, argument))
}

/// Globals below, the function's own on top; maps are merged, everything else is replaced.
fn merged(below: Value, above: Value) -> Value {
    match (below, above) {
        (Value::Object(mut below), Value::Object(above)) => {
            for (key, value) in above {
                let value = match below.remove(&key) {
                    Some(old) => merged(old, value),
                    None => value,
                };
                below.insert(key, value);
            }
            Value::Object(below)
        }
        (below, Value::Null) => below,
        (_, above) => above,
    }
}
