//! A bounded cache of what is stored, by revision: oldest out first. What is not here is read from the broker.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

/// The most bytes held.
const BUDGET: usize = 64 << 20;

/// What one body costs beside its bytes.
const OVERHEAD: usize = 96;

/// The cache.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    held: HashMap<u64, Bytes>,
    order: VecDeque<u64>,
    bytes: usize,
}

impl Bodies {
    /// Keeps a body for a while. A body is a slice of what came over the network, so it is copied out of it.
    pub(crate) fn keep(&mut self, revision: u64, body: &Bytes) {
        let size = body.len() + OVERHEAD;
        if size > BUDGET / 8 || self.held.contains_key(&revision) {
            return;
        }
        self.held.insert(revision, Bytes::copy_from_slice(body));
        self.order.push_back(revision);
        self.bytes += size;
        while self.bytes > BUDGET
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some(body) = self.held.remove(&oldest) {
                self.bytes -= body.len() + OVERHEAD;
            }
        }
    }

    /// The body of that revision, if it is still held.
    pub(crate) fn get(&self, revision: u64) -> Option<Bytes> {
        self.held.get(&revision).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_holds_and_the_newest_stay() {
        let mut bodies = Bodies::default();
        let body = Bytes::from(vec![0; 1 << 20]);
        for revision in 0..200 {
            bodies.keep(revision, &body);
        }
        assert!(bodies.bytes <= BUDGET);
        assert!(bodies.get(199).is_some() && bodies.get(0).is_none());
        bodies.keep(500, &Bytes::from(vec![0; BUDGET]));
        assert!(bodies.get(500).is_none() && bodies.get(199).is_some());
    }
}
