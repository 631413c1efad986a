//! Packages: inputs and outcomes of the `package.*` operations.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::system::PackageManagerName;
use crate::text::written_as_text;

/// The name of a package, optionally with an architecture (`libc6:i386`): first a letter or digit, then letters, digits
/// and `+ . _ - :`, 1 to 256 characters, no `..`.
///
/// No such name can be read as an option, a path or a version constraint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageName(String);

/// Why a text is not the name of a package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a package name: begin with a letter or digit, then letters, digits, `+`, `.`, `_`, `-`, `:`, at most 256"
)]
pub struct InvalidPackageName(String);

impl PackageName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackageName {
    type Err = InvalidPackageName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fine = (1..=256).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && !text.contains("..")
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+._-:".contains(&byte));
        if fine { Ok(Self(text.to_owned())) } else { Err(InvalidPackageName(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which packages to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct PackageFilter {
    /// Only packages whose name contains this, at most 256 characters. It is compared here and given to no tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(max_length = 256))]
    pub name: Option<String>,
}

impl PackageFilter {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// The name is too long.
    pub fn check(&self) -> Result<(), Failure> {
        if self.name.as_ref().is_some_and(|name| name.chars().count() > 256) {
            return Err(Failure::invalid("`name` must have at most 256 characters"));
        }
        Ok(())
    }
}

/// The packages installed on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PackageList {
    /// Sorted by name.
    pub packages: Vec<Package>,
    /// How many there are.
    pub total: usize,
    /// The package manager asked.
    pub package_manager: PackageManagerName,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, with epoch and revision as the package manager writes it.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// Its state.
    pub status: PackageStatus,
    /// One line about it.
    pub description: String,
    /// Installed size in bytes, where the package manager knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_installed: Option<u64>,
}

/// The state of a package on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PackageStatus {
    /// Installed and configured.
    Installed,
    /// Removed, its configuration files kept.
    ConfigFiles,
    /// Left half-way: unpacked, half-installed, half-configured or awaiting triggers.
    Broken,
}

written_as_text!(PackageName, example: "openssl", pattern: r"^[A-Za-z0-9][A-Za-z0-9+._:-]{0,255}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_never_be_an_option_a_path_or_a_constraint() {
        for good in ["openssl", "libc6:i386", "g++", "python3.11", "java-17-openjdk", "0ad"] {
            assert!(good.parse::<PackageName>().is_ok(), "`{good}` was refused");
        }
        for bad in ["", "-y", "--root=/", "../x", "./x.deb", "a/b", "a=1", "a b", "a;b", "a*", "a>1", "a\n"] {
            assert!(bad.parse::<PackageName>().is_err(), "`{bad}` was accepted");
        }
    }
}
