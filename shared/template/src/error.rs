use std::path::PathBuf;

/// Why a template could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file could not be opened.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is no YAML.
    #[error("not valid YAML: {0}")]
    Syntax(Box<serde_saphyr::Error>),
    /// A `Ref`, `GetAtt`, `Sub` or condition names something that is not there.
    #[error("`{resource}` refers to `{target}`, which the template does not define")]
    Dangling {
        /// Logical id of the resource (or condition) that refers.
        resource: String,
        /// What it refers to.
        target: String,
    },
    /// An intrinsic function this reader does not know, or one that is used in a form it does not know.
    #[error("`{resource}` uses `{function}` in a way this reader does not support")]
    Unsupported {
        /// Logical id of the resource (or condition) that uses it.
        resource: String,
        /// The function.
        function: String,
    },
    /// A resource is not shaped as its type asks for.
    #[error("`{resource}`: {problem}")]
    Shape {
        /// Logical id.
        resource: String,
        /// What is wrong.
        problem: String,
    },
}

impl TemplateError {
    pub(crate) fn shape(resource: &str, problem: impl ToString) -> Self {
        Self::Shape { resource: resource.to_owned(), problem: problem.to_string() }
    }
}
