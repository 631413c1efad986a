//! The changes that were begun here, so that one handed over twice is carried out once.
//!
//! Memory only, and bounded: what must hold beyond a restart is the claim in the job store.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use osapi_core::{JobId, Report};

/// How many changes are remembered; the oldest goes first.
const LIMIT: usize = 4096;

/// What is known of a change.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing: it is begun now.
    New,
    /// It was begun, and has no report yet or never will.
    Begun,
    /// It was carried out.
    Done(Box<Report>),
}

#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<Jobs>);

#[derive(Debug, Default)]
struct Jobs {
    reports: HashMap<JobId, Option<Report>>,
    oldest_first: VecDeque<JobId>,
}

impl Remembered {
    /// What is known of a change; from now on it has been begun.
    pub(super) fn begin(&self, job: JobId) -> Known {
        let mut jobs = self.jobs();
        match jobs.reports.get(&job) {
            Some(Some(report)) => Known::Done(Box::new(report.clone())),
            Some(None) => Known::Begun,
            None => {
                jobs.reports.insert(job, None);
                jobs.oldest_first.push_back(job);
                if jobs.oldest_first.len() > LIMIT
                    && let Some(oldest) = jobs.oldest_first.pop_front()
                {
                    jobs.reports.remove(&oldest);
                }
                Known::New
            }
        }
    }

    /// Its report.
    pub(super) fn finish(&self, job: JobId, report: &Report) {
        if let Some(known) = self.jobs().reports.get_mut(&job) {
            *known = Some(report.clone());
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use osapi_core::HostStatus;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_and_memory_is_bounded() {
        let remembered = Remembered::default();
        let job = |number: u128| JobId::new(Uuid::from_u128(number));
        for number in 0..=LIMIT as u128 {
            assert!(matches!(remembered.begin(job(number)), Known::New));
        }
        assert_eq!(remembered.jobs().reports.len(), LIMIT);
        assert!(matches!(remembered.begin(job(1)), Known::Begun));
        remembered.finish(job(1), &Report::silent("a".parse().unwrap(), HostStatus::Ok));
        assert!(matches!(remembered.begin(job(1)), Known::Done(_)));
        assert!(matches!(remembered.begin(job(0)), Known::New), "the oldest was to be forgotten");
    }
}
