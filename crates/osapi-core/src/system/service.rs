//! `system.service.get`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::written_as_text;

/// The name of a service: first a letter or digit, then letters, digits and `@ : . _ - \`, 1 to 255 characters, no `..`.
///
/// The grammar is that of systemd unit names less a leading punctuation, so that no name can be read as an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceName(String);

/// Why a text is not the name of a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a service name: begin with a letter or digit, then letters, digits, `@`, `:`, `.`, `_`, `-`, at most 255"
)]
pub struct InvalidServiceName(String);

impl ServiceName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = InvalidServiceName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fine = (1..=255).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && !text.contains("..")
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@:._-\\".contains(&byte));
        if fine { Ok(Self(text.to_owned())) } else { Err(InvalidServiceName(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceQuery {
    /// Its name; `.service` is understood where no suffix is given.
    pub name: ServiceName,
}

/// The state of a service, in systemd's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ServiceState {
    /// Its full name.
    pub name: String,
    /// Its description.
    pub display_name: String,
    /// `active`, `inactive`, `failed`, `activating`, `deactivating` or `reloading`.
    pub active_state: String,
    /// The finer state, such as `running` or `dead`.
    pub sub_state: String,
    /// `loaded`, `masked` or `error`.
    pub load_state: String,
    /// `enabled`, `disabled`, `static`, `masked` and so on.
    pub enabled_state: String,
    /// Its main process, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_pid: Option<u32>,
    /// Active, or inactive by design (enabled with an active socket).
    pub healthy: bool,
}

written_as_text!(ServiceName, example: "sshd", pattern: r"^[A-Za-z0-9][A-Za-z0-9@:._\\-]{0,254}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_never_be_an_option_or_a_path() {
        for good in ["sshd", "getty@tty1.service", "systemd-resolved.service", "dev-disk\\x2d1.mount"] {
            assert!(good.parse::<ServiceName>().is_ok(), "`{good}` was refused");
        }
        for bad in ["", "-h", "--now", "../x", "a/b", "a..b", "a b", "a;b", "a\nb", ".a", &"a".repeat(256)] {
            assert!(bad.parse::<ServiceName>().is_err(), "`{bad}` was accepted");
        }
    }
}
