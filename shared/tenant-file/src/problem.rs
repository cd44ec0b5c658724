use std::fmt;

use thiserror::Error;

/// One thing that is wrong with a tenant file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// Line in the file, from 1; 0 if it is about the file as a whole.
    pub line: u64,
    /// Path of the key, as in `locations[0].time_zone`; empty if it is about the file as a whole.
    pub key: String,
    /// What is wrong and what was expected.
    pub text: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        f.write_str(&self.text)
    }
}

/// Why a tenant file cannot be used: at least one problem, in the order of lines.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct FileProblems {
    file: Option<String>,
    problems: Vec<FileProblem>,
}

impl FileProblems {
    pub(crate) fn new(mut problems: Vec<FileProblem>) -> Self {
        problems.sort_by(|a, b| (a.line, &a.key, &a.text).cmp(&(b.line, &b.key, &b.text)));
        Self { file: None, problems }
    }

    pub(crate) fn whole(text: String) -> Self {
        Self::new(vec![FileProblem { line: 0, key: String::new(), text }])
    }

    pub(crate) fn of(self, file: String) -> Self {
        Self { file: Some(file), ..self }
    }

    /// The problems.
    #[must_use]
    pub fn problems(&self) -> &[FileProblem] {
        &self.problems
    }
}

impl fmt::Display for FileProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_deref().unwrap_or("the tenant file");
        match self.problems.as_slice() {
            [problem] => write!(f, "{file}: {problem}"),
            problems => {
                write!(f, "{file} has {} problems:", problems.len())?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}
