//! What is wrong with settings: a list, because all of it is reported at once.

use std::fmt;

use crate::document::Origin;

/// One thing that is wrong, where it stands and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the value comes from; absent when it is missing everywhere.
    pub origin: Option<Origin>,
    /// What is wrong and what is right, naming the key. It never holds a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(formatter, "{origin}: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the configuration file `{path}` cannot be read")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong: everything that is, in the order of the file.
    #[error("{}", lines(.0))]
    Problems(Vec<Problem>),
}

impl SettingsError {
    /// The problems one by one; none when the file could not even be read.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Read { .. } => &[],
            Self::Problems(problems) => problems,
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
