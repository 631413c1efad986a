//! Jobs counted as they go by, so that whoever measures asks for no list.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use jiff::Timestamp;
use osapi_core::target::TargetKind;
use osapi_core::{JobId, JobState, OperationKind};

use super::Index;
use super::entry;
use crate::figures::{Figures, Waiting};
use crate::submit::time_of;

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// Jobs that nobody has taken up.
    waiting: BTreeMap<TargetKind, BTreeSet<JobId>>,
    standing: BTreeMap<(OperationKind, JobState), u64>,
    ended: BTreeMap<(OperationKind, JobState), u64>,
    /// Whether all that was stored before has been read: only what ends from then on is counted as an end.
    pub(super) live: bool,
}

impl Counted {
    /// A job stands there now.
    pub(super) fn stands(&mut self, entry: &entry::Entry, state: JobState) {
        *self.standing.entry((entry.kind, state)).or_default() += 1;
        if state == JobState::Submitted {
            self.waiting.entry(entry.target.kind()).or_default().insert(entry.id);
        }
        if state.is_final() && self.live {
            *self.ended.entry((entry.kind, state)).or_default() += 1;
        }
    }

    /// A job stands there no more.
    pub(super) fn stood(&mut self, entry: &entry::Entry, state: JobState) {
        if let Entry::Occupied(mut count) = self.standing.entry((entry.kind, state)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if let Some(jobs) = self.waiting.get_mut(&entry.target.kind()) {
            jobs.remove(&entry.id);
        }
    }

    /// Nothing is known any more, and what has ended has ended.
    pub(super) fn afresh(self) -> Self {
        Self { ended: self.ended, ..Self::default() }
    }
}

impl Index {
    /// The counts as figures; those of dead letters are for the caller to fill in.
    pub(crate) fn figures(&self, now: Timestamp) -> Figures {
        let waiting = |kind: TargetKind| {
            let jobs = self.counted.waiting.get(&kind);
            let oldest = jobs.and_then(BTreeSet::first).map(|job| now.duration_since(time_of(job.uuid())));
            let oldest = oldest.and_then(|age| age.try_into().ok()).unwrap_or_default();
            (kind, Waiting { jobs: jobs.map_or(0, BTreeSet::len) as u64, oldest })
        };
        Figures {
            waiting: TargetKind::ALL.map(waiting).into(),
            jobs: self.counted.standing.clone(),
            jobs_ended: self.counted.ended.clone(),
            claims_granted: self.fleet.counts.claims_granted,
            claims_refused: self.fleet.counts.claims_refused,
            redeliveries: self.fleet.counts.redeliveries,
            dead_letters: 0,
            dead_letters_ever: 0,
        }
    }
}
