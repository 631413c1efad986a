//! `system.status.get`.

use serde::{Deserialize, Serialize};

use super::{FileSystem, LoadAverage, MemoryUsage, OsInfo, Uptime};
use crate::error::Failure;

/// All of a system in one. A part that could not be read says why in its own place; the others stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SystemStatus {
    /// What the kernel says its name is.
    pub hostname: String,
    /// Uptime.
    pub uptime: Part<Uptime>,
    /// Load averages.
    pub load_average: Part<LoadAverage>,
    /// Memory and swap.
    pub memory: Part<MemoryUsage>,
    /// File systems.
    pub disks: Part<Vec<FileSystem>>,
    /// Operating system.
    pub os_info: Part<OsInfo>,
}

/// A value, or in its place `{"error": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Part<T> {
    /// It could not be read.
    Failed {
        /// Why.
        error: Failure,
    },
    /// It was read.
    Read(T),
}

impl<T> Part<T> {
    /// The value, where it was read.
    pub const fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Failed { .. } => None,
        }
    }
}

impl<T> From<Result<T, Failure>> for Part<T> {
    fn from(result: Result<T, Failure>) -> Self {
        match result {
            Ok(value) => Self::Read(value),
            Err(error) => Self::Failed { error },
        }
    }
}
