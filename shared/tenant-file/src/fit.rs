//! Serde over the tree, with errors that keep what serde knows: where, what was found, what was expected.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::tree::{Node, Value};

/// Why a tree does not fit a type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Misfit {
    /// Path of the node; nothing while it is not known.
    pub(crate) path: Option<String>,
    pub(crate) why: Why,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Why {
    /// The node's key does not belong there; these do.
    Unknown(Vec<&'static str>),
    /// The node lacks this key.
    Missing(&'static str),
    /// The node's word is none of these.
    NoneOf(Vec<&'static str>),
    /// The node's value is wrong: what was expected.
    Wrong(String),
}

impl Misfit {
    fn new(why: Why) -> Self {
        Self { path: None, why }
    }

    /// The same at a node, unless something deeper is already named.
    fn at(mut self, path: &str) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.why, self.path.as_deref().unwrap_or("?"))
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Why::Wrong(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Why::Wrong(expected.to_string()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Why::Wrong(expected.to_string()))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Why::NoneOf(expected.to_vec()))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Why::Unknown(expected.to_vec()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Why::Missing(field))
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Signed(value) => visitor.visit_i64(*value),
            Value::Unsigned(value) => visitor.visit_u64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), of: self, value: None }),
        }
        .map_err(|misfit| misfit.at(&self.path))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// Serde would take a list for a struct, field by field.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.value {
            Value::Map(_) => self.deserialize_any(visitor),
            _ => Err(Misfit::new(Why::Wrong("a map of keys".to_owned())).at(&self.path)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let access = match &self.value {
            Value::Text(word) => Variant { word, content: None },
            Value::Map(entries) => match entries.as_slice() {
                [(word, content)] => Variant { word, content: Some(content) },
                _ => return Err(Misfit::new(Why::NoneOf(variants.to_vec())).at(&self.path)),
            },
            _ => return Err(Misfit::new(Why::NoneOf(variants.to_vec())).at(&self.path)),
        };
        visitor.visit_enum(access).map_err(|misfit| misfit.at(&self.path))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some(item) = self.0.next() else { return Ok(None) };
        seed.deserialize(item).map(Some).map_err(|misfit| misfit.at(&item.path))
    }
}

struct Entries<'de> {
    rest: std::slice::Iter<'de, (String, Node)>,
    of: &'de Node,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        let text: StrDeserializer<'de, Misfit> = key.as_str().into_deserializer();
        seed.deserialize(text).map(Some).map_err(|misfit| misfit.at(&self.of.path_of(key)))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let value = self.value.take().ok_or_else(|| Misfit::custom("a value without a key"))?;
        seed.deserialize(value).map_err(|misfit| misfit.at(&value.path))
    }
}

/// `word`, or `word: content`.
struct Variant<'de> {
    word: &'de str,
    content: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Misfit> {
        let word: StrDeserializer<'de, Misfit> = self.word.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        match self.content {
            None => Ok(()),
            Some(node) => Err(Misfit::custom(format!("the word `{}` alone", self.word)).at(&node.path)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misfit> {
        match self.content {
            Some(node) => seed.deserialize(node).map_err(|misfit| misfit.at(&node.path)),
            None => Err(Misfit::custom(format!("`{}:` with a value", self.word))),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.struct_variant(&[], visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.content {
            Some(node) => node.deserialize_any(visitor),
            None => Err(Misfit::custom(format!("`{}:` with a value", self.word))),
        }
    }
}
