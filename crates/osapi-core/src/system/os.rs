//! `system.os.get` and `system.uptime.get`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What operating system it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OsInfo {
    /// `ID` of os-release, such as `debian`.
    pub distribution: String,
    /// `VERSION_ID` of os-release; empty on a rolling distribution.
    pub version: String,
    /// `PRETTY_NAME` of os-release.
    pub name: String,
    /// `ID_LIKE` of os-release, split at blanks.
    pub like: Vec<String>,
    /// Kernel release, as `uname -r`.
    pub kernel: String,
    /// Machine hardware name, as `uname -m`.
    pub architecture: String,
    /// The package manager that rules this host.
    pub package_manager: PackageManagerName,
    /// What process 1 is: `systemd`, `openrc` or another name.
    pub init_system: String,
    /// The kind of container, such as `docker` or `lxc`; absent on a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// `/proc/sys/kernel/random/boot_id`: another one means the host was restarted.
    pub boot_id: String,
}

/// The package manager that rules a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PackageManagerName {
    /// Debian and Ubuntu.
    Apt,
    /// Fedora and the RHEL family.
    Dnf,
    /// RHEL 7 and kin.
    Yum,
    /// Alpine.
    Apk,
    /// Arch.
    Pacman,
    /// None of those.
    None,
}

/// How long the host has been up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Uptime {
    /// Whole seconds since boot.
    pub uptime_seconds: u64,
    /// The same in words, such as `3 days, 4 hours, 1 minute`.
    pub uptime: String,
    /// When it booted, to the second.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub booted_at: Timestamp,
}
