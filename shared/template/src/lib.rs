#![doc = include_str!("../README.md")]

mod error;
mod evaluate;
mod names;
mod view;
mod yaml;

use std::path::Path;

use serde_json::Value;

pub use error::TemplateError;
pub use names::Names;
pub use view::{
    DeadLetter, Function, HttpApi, LocalIndex, LogGroup, Queue, QueueSource, Role, Route, Schedule, Secret,
    Stack, Statement, Table,
};

/// A SAM template as it was written: short tags are spelt out (`!Ref x` is `{"Ref": "x"}`), nothing is evaluated.
#[derive(Debug, Clone)]
pub struct Template {
    document: Value,
}

impl Template {
    /// Reads a template from a file.
    ///
    /// # Errors
    /// The file cannot be read, or is no YAML.
    pub fn load(path: &Path) -> Result<Self, TemplateError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TemplateError::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Reads a template from its text.
    ///
    /// # Errors
    /// The text is no YAML; the message has the line.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Ok(Self { document: yaml::parse(text)? })
    }

    /// What CloudFormation would make of the template under these names: parameters and conditions applied, functions
    /// evaluated, `Globals` merged in, resources whose condition is false left out.
    ///
    /// # Errors
    /// A reference leads nowhere, a function is not supported, or a resource lacks what its type asks for.
    pub fn stack(&self, names: &Names) -> Result<Stack, TemplateError> {
        Stack::of(&evaluate::Evaluator::new(&self.document, names).resources()?)
    }

    /// The document itself, for checks that concern how it is written.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }
}
