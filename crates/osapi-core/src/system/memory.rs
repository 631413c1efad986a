//! `system.memory.get`.

use serde::{Deserialize, Serialize};

/// Memory in bytes, from `/proc/meminfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MemoryUsage {
    /// MemTotal.
    pub total: u64,
    /// MemAvailable: what programs may still take without swapping.
    pub available: u64,
    /// Total less available.
    pub used: u64,
    /// MemFree: what nothing uses at all.
    pub free: u64,
    /// Page cache and reclaimable kernel memory.
    pub cached: u64,
    /// Swap.
    pub swap: Swap,
}

/// Swap space in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Swap {
    /// SwapTotal.
    pub total: u64,
    /// Total less free.
    pub used: u64,
    /// SwapFree.
    pub free: u64,
}
