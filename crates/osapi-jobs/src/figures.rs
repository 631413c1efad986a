//! What the engine counts for whoever watches it. Read from memory: to ask costs the same however many jobs are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use osapi_core::target::TargetKind;
use osapi_core::{JobState, OperationKind};

/// The figures at one moment. Every API server counts the whole fleet: take the greatest of several, not their sum.
///
/// What only grows begins at nothing when this API server starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Jobs that nobody has taken up, by what they are for; every kind is there.
    pub waiting: BTreeMap<TargetKind, Waiting>,
    /// Jobs kept, by operation and where they stand; what never was is not there.
    pub jobs: BTreeMap<(OperationKind, JobState), u64>,
    /// Jobs that ended, by operation and outcome; only grows. A job whose lost worker comes back ends twice.
    pub jobs_ended: BTreeMap<(OperationKind, JobState), u64>,
    /// Changes that a worker was let into; only grows, with the workers' heartbeats.
    pub claims_granted: u64,
    /// Changes that a worker found taken, or called off; only grows, with the workers' heartbeats.
    pub claims_refused: u64,
    /// Messages that a worker got though they had been given out before; only grows, with the workers' heartbeats.
    pub redeliveries: u64,
    /// Dead letters kept, as last asked of the broker.
    pub dead_letters: u64,
    /// Dead letters ever written, as last asked of the broker; only grows, across starts too.
    pub dead_letters_ever: u64,
}

/// Jobs that nobody has taken up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many there are.
    pub jobs: u64,
    /// How long the oldest has waited since it was accepted; nothing when there is none.
    pub oldest: Duration,
}
