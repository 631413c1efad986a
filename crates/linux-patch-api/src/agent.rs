//! What the handlers of all requests share.

use std::sync::Arc;
use std::time::Instant;

use crate::live::Live;
use crate::operations::Operations;

/// The agent as a request finds it.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) live: Live,
    pub(crate) operations: Arc<Operations>,
    pub(crate) started: Instant,
}
