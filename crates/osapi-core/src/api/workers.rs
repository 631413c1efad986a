//! Bodies about workers.

use serde::{Deserialize, Serialize};

use crate::worker::Worker;

/// The workers, sorted by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkerList {
    /// The workers.
    pub workers: Vec<Worker>,
    /// How many there are.
    pub total: u64,
}
