//! Lists and counts from the index. What they cost depends on what they return, not on how many jobs are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use jiff::Timestamp;
use osapi_core::job::JobStats;
use osapi_core::{JobId, JobState};
use uuid::Uuid;

use super::Index;
use crate::error::JobsError;
use crate::jobs::{JobFilter, JobPage, PageRequest};

/// The most items in a page.
const MOST: usize = 1000;

impl Index {
    /// Jobs that match, newest first.
    pub(crate) fn list(&self, filter: &JobFilter, page: &PageRequest) -> Result<JobPage, JobsError> {
        let before = page.cursor.as_deref().map(str::parse::<JobId>).transpose();
        let before = before.map_err(|_| JobsError::Invalid("`cursor` is none that a page gave".to_owned()))?;
        let limit = page.limit.clamp(1, MOST);
        let range = window(filter);
        let selected = Selection::of(self, filter);
        let rest = (range.0, before.map_or(range.1, |before| earlier(range.1, before)));
        let mut matching = selected.newest_first(self, rest).skip(page.offset);
        let items: Vec<_> = matching.by_ref().take(limit).collect();
        let more = matching.next().is_some();
        let next_cursor = if more { items.last().map(JobId::to_string) } else { None };
        Ok(JobPage {
            total_items: selected.count(self, range),
            items: items.iter().filter_map(|job| self.jobs.get(job)).map(super::entry::Entry::summary).collect(),
            next_cursor,
        })
    }

    /// Jobs counted; dead letters are for the caller to fill in.
    pub(crate) fn stats(&self) -> JobStats {
        let count = |state: &JobState| self.by_status.get(state).map_or(0, BTreeSet::len) as u64;
        JobStats {
            total_jobs: self.jobs.len() as u64,
            status_counts: JobState::ALL.iter().map(|state| (*state, count(state))).collect(),
            operation_counts: self
                .by_operation
                .iter()
                .map(|(kind, jobs)| (kind.name().to_owned(), jobs.len() as u64))
                .collect::<BTreeMap<_, _>>(),
            dlq_count: 0,
        }
    }
}

type Window = (Bound<JobId>, Bound<JobId>);

/// The identities of the jobs accepted in the time asked for: they begin with the time, to the millisecond.
fn window(filter: &JobFilter) -> Window {
    (
        filter.since.map_or(Bound::Unbounded, |since| Bound::Included(first_id(since))),
        filter.until.map_or(Bound::Unbounded, |until| Bound::Excluded(first_id(until))),
    )
}

/// The least identity that a job accepted at that time or later can have.
pub(crate) fn first_id(time: Timestamp) -> JobId {
    let nanoseconds = time.as_nanosecond().max(0);
    let milliseconds = nanoseconds.div_euclid(1_000_000) + i128::from(nanoseconds.rem_euclid(1_000_000) > 0);
    JobId::new(Uuid::from_u128(milliseconds.unsigned_abs() << 80))
}

fn earlier(upper: Bound<JobId>, before: JobId) -> Bound<JobId> {
    match upper {
        Bound::Excluded(upper) if upper < before => Bound::Excluded(upper),
        Bound::Included(_) | Bound::Excluded(_) | Bound::Unbounded => Bound::Excluded(before),
    }
}

/// The sets a job must be in: the smallest is walked, the others are asked.
enum Selection<'a> {
    All,
    In { smallest: &'a BTreeSet<JobId>, others: Vec<&'a BTreeSet<JobId>> },
}

static NONE: BTreeSet<JobId> = BTreeSet::new();

impl<'a> Selection<'a> {
    fn of(index: &'a Index, filter: &JobFilter) -> Self {
        let sets = [
            filter.status.as_ref().map(|status| index.by_status.get(status)),
            filter.operation.as_ref().map(|kind| index.by_operation.get(kind)),
            filter.target.as_ref().map(|target| index.by_target.get(target)),
            filter.hostname.as_ref().map(|host| index.by_host.get(host)),
        ];
        let mut sets: Vec<_> = sets.into_iter().flatten().map(|set| set.unwrap_or(&NONE)).collect();
        sets.sort_by_key(|set| set.len());
        match sets.split_first() {
            Some((smallest, others)) => Self::In { smallest, others: others.to_vec() },
            None => Self::All,
        }
    }

    fn newest_first(&self, index: &'a Index, window: Window) -> Box<dyn Iterator<Item = JobId> + '_> {
        if is_empty(window) {
            return Box::new(std::iter::empty());
        }
        match self {
            Self::All => Box::new(index.order.range(window).rev().copied()),
            Self::In { smallest, others } => {
                let in_all = |job: &&JobId| others.iter().all(|set| set.contains(job));
                Box::new(smallest.range(window).rev().filter(in_all).copied())
            }
        }
    }

    fn count(&self, index: &'a Index, window: Window) -> usize {
        let unbounded = window == (Bound::Unbounded, Bound::Unbounded);
        match self {
            Self::All if unbounded => index.jobs.len(),
            Self::In { smallest, others } if unbounded && others.is_empty() => smallest.len(),
            Self::All | Self::In { .. } => self.newest_first(index, window).count(),
        }
    }
}

/// Whether a window holds nothing; to ask a tree for such a range is an error.
fn is_empty((lower, upper): Window) -> bool {
    match (lower, upper) {
        (Bound::Included(lower) | Bound::Excluded(lower), Bound::Included(upper) | Bound::Excluded(upper)) => {
            lower >= upper
        }
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    }
}
