//! `network.dns.get` and `network.dns.update`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::InterfaceName;
use crate::error::Failure;
use crate::outcome::Change;
use crate::text::written_as_text;

/// Which interface's settings to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct DnsQuery {
    /// The interface; without it, that of the default route, or the host's settings where they belong to no interface.
    #[serde(skip_serializing_if = "Option::is_none", alias = "interface_name")]
    pub interface: Option<InterfaceName>,
}

/// What rules name resolution on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DnsMechanism {
    /// systemd-resolved.
    SystemdResolved,
    /// NetworkManager.
    NetworkManager,
    /// netplan's files, carried out by networkd or NetworkManager.
    Netplan,
    /// A plain `/etc/resolv.conf`.
    ResolvConf,
}

/// Name servers and search domains in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DnsSettings {
    /// The interface they belong to; absent where they are the whole host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<InterfaceName>,
    /// Name servers, in order of preference.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub servers: Vec<IpAddr>,
    /// Search domains, in order; empty when there are none.
    pub search_domains: Vec<SearchDomain>,
    /// What rules them.
    pub mechanism: DnsMechanism,
}

/// What to set. A list left out stays as it is; an empty list is cleared. At least one must be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DnsUpdate {
    /// The interface to set them for.
    #[serde(alias = "interface_name")]
    pub interface: InterfaceName,
    /// Name servers, in order of preference, at most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(schema_with = super::ip::optional_servers))]
    pub servers: Option<Vec<IpAddr>>,
    /// Search domains, in order, at most 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(max_items = 32))]
    pub search_domains: Option<Vec<SearchDomain>>,
    /// Ask the new servers afterwards and revert if none answers. Left out: yes through a worker, no elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_reachable: Option<bool>,
}

impl DnsUpdate {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// Nothing is to be set, or a list is too long.
    pub fn check(&self) -> Result<(), Failure> {
        if self.servers.is_none() && self.search_domains.is_none() {
            return Err(Failure::invalid("at least one of `servers` and `search_domains` must be given"));
        }
        if self.servers.as_ref().is_some_and(|servers| servers.len() > 16) {
            return Err(Failure::invalid("`servers` must have at most 16 addresses"));
        }
        if self.search_domains.as_ref().is_some_and(|domains| domains.len() > 32) {
            return Err(Failure::invalid("`search_domains` must have at most 32 domains"));
        }
        Ok(())
    }
}

/// What setting them did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DnsUpdated {
    /// What is in force now, read back.
    pub settings: DnsSettings,
    /// What was in force before.
    pub previous: DnsSettings,
    /// Whether it is different now.
    pub change: Change,
}

/// A search domain: labels of 1 to 63 letters, digits, `-` and `_` joined by dots, 1 to 253 characters in all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SearchDomain(String);

/// Why a text is not a search domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a search domain: labels of 1 to 63 letters, digits, `-` or `_` joined by dots, at most 253 characters"
)]
pub struct InvalidSearchDomain(String);

impl SearchDomain {
    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SearchDomain {
    type Err = InvalidSearchDomain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if (1..=253).contains(&text.len()) && text.split('.').all(label) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidSearchDomain(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for SearchDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

written_as_text!(SearchDomain, example: "example.com", pattern: r"^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$");
