//! YAML with CloudFormation's short tags into JSON in the long form: `!Sub x` becomes `{"Fn::Sub": "x"}`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Tagged;

use crate::TemplateError;

pub(crate) fn parse(text: &str) -> Result<Value, TemplateError> {
    // Without this `!Ref Y` would be a reference to `true`.
    let options = serde_saphyr::options! { strict_booleans: true };
    let Node(document) = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| TemplateError::Syntax(Box::new(error)))?;
    Ok(document)
}

struct Node(Value);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(Untagged(value), tag) = Tagged::deserialize(deserializer)?;
        Ok(Self(match tag.as_deref().and_then(|tag| tag.strip_prefix('!')) {
            Some(name) => Value::Object(Map::from_iter([(long_form(name), value)])),
            None => value,
        }))
    }
}

fn long_form(tag: &str) -> String {
    match tag {
        "Ref" | "Condition" => tag.to_owned(),
        function => format!("Fn::{function}"),
    }
}

struct Untagged(Value);

impl<'de> Deserialize<'de> for Untagged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Node(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Node(value))) = entries.next_entry::<String, Node>()? {
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    #[test]
    fn short_tags_are_spelt_out_wherever_they_stand() {
        let text = r#"
plain: {a: 1, b: [true, ~, 1.5, text, "007"]}
ref: !Ref Table
sub: !Sub "${A}-b"
att: !GetAtt Table.Arn
nested: !If [Cond, !Not [!Equals [!Ref X, ""]], {deep: !Ref Y}]
"#;
        let expected = json!({
            "plain": {"a": 1, "b": [true, null, 1.5, "text", "007"]},
            "ref": {"Ref": "Table"},
            "sub": {"Fn::Sub": "${A}-b"},
            "att": {"Fn::GetAtt": "Table.Arn"},
            "nested": {"Fn::If": ["Cond", {"Fn::Not": [{"Fn::Equals": [{"Ref": "X"}, ""]}]}, {"deep": {"Ref": "Y"}}]},
        });
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn a_key_written_twice_is_refused_with_its_line() {
        let error = parse("a: 1\nb: 2\na: 3\n").unwrap_err().to_string();
        assert!(error.contains("line 3"), "{error}");
    }
}
