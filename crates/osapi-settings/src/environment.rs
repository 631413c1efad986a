//! The environment, read once, as a value that tests can replace.

use std::collections::BTreeMap;

/// The variables of the process. The value of one that is not UTF-8 has its bad bytes replaced, so that it is refused by
/// name where it matters and ignored elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// What this process was started with.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |part: std::ffi::OsString| part.to_string_lossy().into_owned();
        Self { variables: std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect() }
    }

    /// An environment of exactly these variables.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self { variables: pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    /// The value of a variable; `None` when it is unset or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Every variable whose name begins so, sorted by name.
    pub fn beginning_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.variables
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same without the variables whose names begin with one of these: another program's.
    #[must_use]
    pub fn without(&self, prefixes: &[&str]) -> Self {
        let ours = |name: &str| !prefixes.iter().any(|prefix| name.starts_with(prefix));
        let variables = self.variables.iter().filter(|(name, _)| ours(name));
        Self { variables: variables.map(|(name, value)| (name.clone(), value.clone())).collect() }
    }
}
