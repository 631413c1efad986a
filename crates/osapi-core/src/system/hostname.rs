//! `system.hostname.*`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// The new name. The kernel takes at most 64 bytes.
    pub hostname: HostName,
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
