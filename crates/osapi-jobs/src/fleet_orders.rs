//! What an operator may tell workers: to take no more jobs, to take them again; and to be forgotten.

use bytes::Bytes;
use osapi_core::HostName;
use osapi_core::worker::WorkerState;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::error::JobsError;
use crate::names::WorkerKey;
use crate::registry::away;

impl Engine {
    /// Tells a worker to take no more jobs, or to take them again.
    pub(crate) async fn set_draining(&self, hostname: &HostName, draining: bool) -> Result<(), JobsError> {
        self.known(hostname)?;
        let key = WorkerKey::Draining(hostname.clone());
        let revision = if draining {
            self.workers.put(key, Bytes::from_static(b"true")).await.map_err(away)?
        } else {
            self.workers.delete(key).await.map_err(away)?
        };
        let mut index = self.index();
        // How far the feed has read is for the feed to say.
        let read = index.fleet.revision;
        if index.fleet.told(hostname, draining, Instant::now(), revision) {
            index.presence_changed(hostname);
        }
        index.fleet.revision = read;
        Ok(())
    }

    /// Forgets a worker that is stopped or lost, and what the broker keeps for it.
    pub(crate) async fn forget_worker(&self, hostname: &HostName) -> Result<(), JobsError> {
        match self.known(hostname)?.state {
            WorkerState::Stopped | WorkerState::Lost => {}
            state @ (WorkerState::Ready | WorkerState::Draining) => {
                return Err(JobsError::Conflict(format!("worker `{hostname}` is `{state}`: stop it first")));
            }
        }
        let read = self.index().fleet.revision_of(hostname).unwrap_or_default();
        let forgotten = self.workers.delete_at(WorkerKey::Worker(hostname.clone()), read).await.map_err(away)?;
        if forgotten.is_none() {
            return Err(JobsError::Conflict(format!("worker `{hostname}` was heard of just now: stop it first")));
        }
        self.workers.delete(WorkerKey::Draining(hostname.clone())).await.map_err(away)?;
        let mut index = self.index();
        let read = index.fleet.revision;
        index.fleet.told(hostname, false, Instant::now(), read);
        index.fleet.forgotten(hostname, read);
        index.presence_changed(hostname);
        Ok(())
    }
}
