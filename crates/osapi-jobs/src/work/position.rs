//! How far a worker has got with the messages meant for it. The broker's own record of that would cost a write to disk
//! for every message and every worker, so the worker keeps it, and its heartbeat carries it to the registry.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::registry::Beginning;

/// A place in the stream of notifications: nothing up to it is left to be done by this worker. Behind the truth at worst,
/// and what comes twice finds its claim or result.
#[derive(Debug)]
pub(super) struct Position(Mutex<Reading>);

#[derive(Debug)]
struct Reading {
    /// The last message that was there when reading began.
    before: u64,
    /// The latest message that came.
    latest: u64,
    /// Messages that came and are not done with.
    open: BTreeSet<u64>,
}

impl Position {
    pub(super) const fn begin(at: Beginning) -> Self {
        Self(Mutex::new(Reading { before: at.last, latest: at.after, open: BTreeSet::new() }))
    }

    /// Reading begins anew.
    pub(super) fn restart(&self, at: Beginning) {
        self.with(|reading| *reading = Reading { before: at.last, latest: at.after, open: BTreeSet::new() });
    }

    /// Whether a message was there when reading began, so that the worker may have had it before.
    pub(super) fn is_from_before(&self, sequence: u64) -> bool {
        self.with(|reading| sequence <= reading.before)
    }

    /// A message came.
    pub(super) fn arrived(&self, sequence: u64) {
        self.with(|reading| {
            reading.latest = reading.latest.max(sequence);
            reading.open.insert(sequence);
        });
    }

    /// A message is done with.
    pub(super) fn settled(&self, sequence: u64) {
        self.with(|reading| reading.open.remove(&sequence));
    }

    /// The place.
    pub(super) fn get(&self) -> u64 {
        self.with(|reading| reading.open.first().map_or(reading.latest, |first| first.saturating_sub(1)))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Reading) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn after(sequence: u64) -> Beginning {
        Beginning { after: sequence, last: 12 }
    }

    #[test]
    fn the_oldest_that_is_open_holds_the_position_back() {
        let position = Position::begin(after(7));
        assert_eq!(position.get(), 7);
        for sequence in [9, 12, 15] {
            position.arrived(sequence);
        }
        position.settled(12);
        assert_eq!(position.get(), 8);
        position.settled(9);
        assert_eq!(position.get(), 14);
        // It comes again although it was done with: the acknowledgement got lost.
        position.arrived(12);
        assert_eq!(position.get(), 11);
        position.settled(12);
        position.settled(15);
        assert_eq!(position.get(), 15);
        assert!(position.is_from_before(12) && !position.is_from_before(13));
        position.restart(after(3));
        position.settled(15);
        assert_eq!(position.get(), 3);
    }
}
