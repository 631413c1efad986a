//! `system.disk.get`.

use serde::{Deserialize, Serialize};

use crate::error::Failure;

/// The real file systems of a host; bind mounts appear once, pseudo file systems not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DiskUsage {
    /// Sorted by mount point.
    pub disks: Vec<FileSystem>,
}

/// One file system. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FileSystem {
    /// Where it is mounted.
    pub mount_point: String,
    /// What is mounted there.
    pub device: String,
    /// Its type, such as `ext4`.
    pub file_system: String,
    /// Its size.
    pub total: u64,
    /// Taken, whoever owns it.
    pub used: u64,
    /// Free for an ordinary user; the reserve is not in it.
    pub free: u64,
    /// Inodes in all; 0 where the file system has no such limit.
    pub inodes_total: u64,
    /// Inodes free.
    pub inodes_free: u64,
    /// Why the numbers are missing (then zero): it did not answer in time or may not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}
