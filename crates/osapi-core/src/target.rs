//! Whom a job is for.

use std::fmt;
use std::str::FromStr;

use crate::host_name::{HostName, InvalidHostName};
use crate::text::written_as_text;

/// Whom a job is for: any one worker, all, one host, or all that carry a label.
///
/// Written `_any`, `_all`, `web-01` or `group:web.dev`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Exactly one worker, whichever is free.
    Any,
    /// Every worker registered when the job is submitted.
    All,
    /// One host.
    Host(HostName),
    /// Every worker registered at submission whose label begins with this one, on dot boundaries.
    Label(Label),
}

/// What sort of target it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TargetKind {
    /// Any one worker.
    Any,
    /// Every worker.
    All,
    /// One host.
    Host,
    /// Those with a label.
    Label,
}

impl TargetKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Any, Self::All, Self::Host, Self::Label];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "all",
            Self::Host => "host",
            Self::Label => "label",
        }
    }
}

impl Target {
    /// What sort of target it is.
    #[must_use]
    pub const fn kind(&self) -> TargetKind {
        match self {
            Self::Any => TargetKind::Any,
            Self::All => TargetKind::All,
            Self::Host(_) => TargetKind::Host,
            Self::Label(_) => TargetKind::Label,
        }
    }
}

/// A label: a key and a value of one or more parts, written `key:part.part`.
///
/// A worker with `group:web.dev.us-east` answers to `group:web`, `group:web.dev` and itself.
/// Key and parts have 1 to 63 characters out of letters, digits, `-` and `_`; at most 8 parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    key: String,
    parts: Vec<String>,
}

/// Why a text is not a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Neither a special word nor a host.
    #[error(transparent)]
    Host(#[from] InvalidHostName),
    /// It has a colon, so it is a label, and a wrong one.
    #[error(transparent)]
    Label(#[from] InvalidLabel),
    /// It begins with `_` and is neither `_any` nor `_all`.
    #[error("`{0}` is not a target: only `_any` and `_all` begin with `_`")]
    Word(String),
}

/// Why a text is not a label.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a label: write `key:value` or `key:value.value`, each 1 to 63 letters, digits, `-` or `_`, at most 8 values"
)]
pub struct InvalidLabel(String);

impl Label {
    /// The most parts a label may have.
    pub const MAX_PARTS: usize = 8;

    /// What stands before the colon.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What stands after the colon, split at the dots.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Whether a worker that carries `self` is meant by `wanted`.
    #[must_use]
    pub fn answers_to(&self, wanted: &Self) -> bool {
        self.key == wanted.key && self.parts.starts_with(&wanted.parts)
    }

    /// The label itself and every shorter form it answers to, shortest first.
    pub fn prefixes(&self) -> impl Iterator<Item = Self> + '_ {
        (1..=self.parts.len()).map(|count| Self { key: self.key.clone(), parts: self.parts[..count].to_vec() })
    }
}

impl FromStr for Label {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidLabel(text.chars().take(80).collect());
        let (key, value) = text.split_once(':').ok_or_else(invalid)?;
        let parts: Vec<String> = value.split('.').map(str::to_owned).collect();
        let fine = |word: &str| {
            (1..=63).contains(&word.len())
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if !fine(key) || parts.len() > Self::MAX_PARTS || !parts.iter().all(|part| fine(part)) {
            return Err(invalid());
        }
        Ok(Self { key: key.to_owned(), parts })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.key, self.parts.join("."))
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "_any" => Ok(Self::Any),
            "_all" => Ok(Self::All),
            _ if text.starts_with('_') => Err(InvalidTarget::Word(text.chars().take(80).collect())),
            _ if text.contains(':') => Ok(Self::Label(text.parse()?)),
            _ => Ok(Self::Host(text.parse()?)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("_any"),
            Self::All => formatter.write_str("_all"),
            Self::Host(host) => host.fmt(formatter),
            Self::Label(label) => label.fmt(formatter),
        }
    }
}

written_as_text!(Target, example: "web-01", pattern: r"^(_any|_all|[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*|[A-Za-z0-9_-]{1,63}:[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,7})$");

written_as_text!(Label, example: "group:web.dev", pattern: r"^[A-Za-z0-9_-]{1,63}:[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,7}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_written() {
        for text in ["_any", "_all", "web-01", "web_01", "web.01", "group:web", "group:web.dev.us-east"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for bad in ["", "_some", "a:", ":a", "a:b..c", "a:b c", "a:*", "a:>", "a b", "a:1.2.3.4.5.6.7.8.9"] {
            assert!(bad.parse::<Target>().is_err(), "`{bad}` was accepted");
        }
    }

    #[test]
    fn a_label_answers_to_its_prefixes_on_dot_boundaries() {
        let carried: Label = "group:web.dev.us-east".parse().unwrap();
        let answers = |wanted: &str| carried.answers_to(&wanted.parse().unwrap());
        assert!(answers("group:web") && answers("group:web.dev") && answers("group:web.dev.us-east"));
        assert!(!answers("group:we") && !answers("group:web.de") && !answers("role:web"));
        assert_eq!(
            carried.prefixes().map(|label| label.to_string()).collect::<Vec<_>>(),
            ["group:web", "group:web.dev", "group:web.dev.us-east"]
        );
    }
}
