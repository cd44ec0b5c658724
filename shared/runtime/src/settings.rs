//! Settings of a function: pairs of names and values, read once at cold start. Every error names its variable.

#[cfg(feature = "aws")]
use roomsync_store::TableNames;
use std::collections::BTreeMap;
use thiserror::Error;

/// A setting that keeps the function from starting.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingError {
    /// It must be set and is not.
    #[error("the variable {0} is not set; template.yaml sets it")]
    Missing(String),
    /// It is set to something that cannot be used.
    #[error("the variable {name} cannot be used: {why}")]
    Unusable {
        /// Its name.
        name: String,
        /// What was expected.
        why: String,
    },
}

impl SettingError {
    /// A setting that cannot be used.
    #[must_use]
    pub fn unusable(name: &str, why: &impl ToString) -> Self {
        Self::Unusable { name: name.to_owned(), why: why.to_string() }
    }
}

/// Pairs of names and values.
#[derive(Debug, Clone, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Takes the pairs.
    pub fn new(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(vars.into_iter().collect())
    }

    /// A value that must be there and not be empty.
    ///
    /// # Errors
    ///
    /// [`SettingError::Missing`].
    pub fn required(&self, name: &str) -> Result<String, SettingError> {
        self.optional(name).map(str::to_owned).ok_or_else(|| SettingError::Missing(name.to_owned()))
    }

    /// A value, if it is there and not empty.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// A number, or the default.
    ///
    /// # Errors
    ///
    /// [`SettingError::Unusable`] if it is no number.
    pub fn number(&self, name: &str, default: u32) -> Result<u32, SettingError> {
        self.optional(name).map_or(Ok(default), |text| {
            text.trim()
                .parse()
                .map_err(|_| SettingError::unusable(name, &format!("expected a number, found `{text}`")))
        })
    }
}

/// The four tables.
///
/// # Errors
///
/// Names the variable that is missing.
#[cfg(feature = "aws")]
pub fn tables(settings: &Settings) -> Result<TableNames, SettingError> {
    Ok(TableNames {
        rooms: settings.required("ROOMS_TABLE")?,
        bookings: settings.required("BOOKINGS_TABLE")?,
        sync_state: settings.required("SYNC_STATE_TABLE")?,
        tenants: settings.required("TENANTS_TABLE")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn errors_name_their_variable() {
        let empty = settings(&[("A", " ")]);
        assert_eq!(empty.required("A"), Err(SettingError::Missing("A".into())));
        assert_eq!(
            settings(&[("N", "two")]).number("N", 1).unwrap_err().to_string(),
            "the variable N cannot be used: expected a number, found `two`"
        );
        assert_eq!(empty.number("N", 7), Ok(7));
    }
}
