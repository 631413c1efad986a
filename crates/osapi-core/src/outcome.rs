//! What came of an operation: its data, and for a change whether anything changed.

use serde::{Deserialize, Serialize};

pub use crate::operation::Outcome;

/// What a change did. Asking twice is `Unchanged`, never an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was so already.
    Unchanged,
    /// It was not there and is now.
    Created,
    /// It was there and is different now.
    Updated,
    /// It was there and is gone.
    Removed,
}

impl Change {
    /// Whether the host is different now.
    #[must_use]
    pub const fn changed(self) -> bool {
        !matches!(self, Self::Unchanged)
    }
}

impl Outcome {
    /// For a change: whether the host is different now. For a reading: `None`.
    #[must_use]
    pub const fn changed(&self) -> Option<bool> {
        match self {
            Self::SystemHostnameUpdate(updated) => Some(updated.change.changed()),
            Self::SystemRebootExecute(scheduled) | Self::SystemShutdownExecute(scheduled) => {
                Some(scheduled.change.changed())
            }
            Self::NetworkDnsUpdate(updated) => Some(updated.change.changed()),
            Self::SystemHostnameGet(_)
            | Self::SystemStatusGet(_)
            | Self::SystemUptimeGet(_)
            | Self::SystemOsGet(_)
            | Self::SystemDiskGet(_)
            | Self::SystemMemoryGet(_)
            | Self::SystemLoadGet(_)
            | Self::SystemServiceGet(_)
            | Self::NetworkDnsGet(_)
            | Self::NetworkPingDo(_)
            | Self::PackageListGet(_) => None,
        }
    }
}
