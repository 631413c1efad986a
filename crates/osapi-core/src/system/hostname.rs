//! `system.hostname.*`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::host_name::HostName;
use crate::outcome::Change;

/// The host name, and the labels its worker carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hostname {
    /// What the kernel says.
    pub hostname: String,
    /// The worker's labels, key to value; empty on a host without a worker.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The name to set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HostnameUpdate {
    /// The new name, as RFC 1123 has it. The kernel takes at most 64 bytes.
    #[cfg_attr(feature = "schema", schema(schema_with = short_host_name))]
    pub hostname: HostName,
}

/// The schema of a host name without `_` and as short as the kernel wants it.
#[cfg(feature = "schema")]
fn short_host_name() -> utoipa::openapi::schema::Object {
    let mut schema =
        utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::String).max_length(Some(64)).build();
    if let utoipa::openapi::RefOr::T(utoipa::openapi::Schema::Object(name)) =
        <HostName as utoipa::PartialSchema>::schema()
    {
        schema.pattern = name.pattern.map(|pattern| pattern.replace('_', ""));
        schema.examples = name.examples;
    }
    schema
}

impl HostnameUpdate {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// The name is longer than the kernel takes, or has a `_`: hosts that are called so already can be reached, yet no
    /// host should be called so anew.
    pub fn check(&self) -> Result<(), Failure> {
        if self.hostname.as_str().contains('_') {
            return Err(Failure::invalid("`hostname` must have letters, digits, `-` and dots only, as RFC 1123 says"));
        }
        if self.hostname.as_str().len() > 64 {
            return Err(Failure::invalid("`hostname` must have at most 64 characters, which is what the kernel takes"));
        }
        Ok(())
    }
}

/// What setting it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HostnameUpdated {
    /// The name now.
    pub hostname: String,
    /// The name before.
    pub previous: String,
    /// Whether it is different now.
    pub change: Change,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_is_one_of_rfc_1123_that_the_kernel_takes() {
        let check = |name: &str| HostnameUpdate { hostname: name.parse().unwrap() }.check();
        for good in ["web-01", "3com.example", &"a".repeat(63)] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["web_01", "a._tcp", &format!("{}.aa", "a".repeat(62))] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
