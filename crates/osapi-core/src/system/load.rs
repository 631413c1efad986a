//! `system.load.get`.

use serde::{Deserialize, Serialize};

/// Load averages as in `/proc/loadavg`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LoadAverage {
    /// Over the last minute.
    #[serde(rename = "1min")]
    pub one: f64,
    /// Over the last five minutes.
    #[serde(rename = "5min")]
    pub five: f64,
    /// Over the last fifteen minutes.
    #[serde(rename = "15min")]
    pub fifteen: f64,
    /// Processors online, to judge the averages by.
    pub cpu_count: u32,
}
