//! A host name as the fleet routes by it.

use std::fmt;
use std::str::FromStr;

use crate::text::written_as_text;

/// A host name: RFC 1123 labels joined by dots, plus `_`, which Linux allows; lower case, 1 to 253 characters.
///
/// Upper case is folded, so that `Web-01` and `web-01` are one host, as they are in DNS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(String);

/// Why a text is not a host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a host name: {reason}")]
pub struct InvalidHostName {
    text: String,
    reason: &'static str,
}

impl HostName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = InvalidHostName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match fault(text) {
            Some(reason) => Err(InvalidHostName { text: text.chars().take(80).collect(), reason }),
            None => Ok(Self(text.to_ascii_lowercase())),
        }
    }
}

fn fault(text: &str) -> Option<&'static str> {
    if text.is_empty() || text.len() > 253 {
        return Some("it must have 1 to 253 characters");
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 {
            return Some("each part between dots must have 1 to 63 characters");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Some("no part may begin or end with `-`");
        }
        if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return Some("only letters, digits, `-`, `_` and dots are allowed");
        }
    }
    // `_any` and `_all` are targets, so no host may begin like one.
    text.starts_with('_').then_some("it may not begin with `_`")
}

impl fmt::Display for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

written_as_text!(HostName, example: "web-01", pattern: r"^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_folded() {
        assert_eq!("Web-01.Example.com".parse::<HostName>().unwrap().as_str(), "web-01.example.com");
        for bad in ["", "-a", "a-", "a..b", "a b", "_any", "a*", "a/b", ">", &"a".repeat(64), &"a.".repeat(127)] {
            assert!(bad.parse::<HostName>().is_err(), "`{bad}` was accepted");
        }
    }
}
