//! The audit trail as requests see it: a bounded buffer, one task that writes it out, and whether that works.
//!
//! Nothing is dropped silently: what finds no place in the buffer is counted, logged and shown as an error of the
//! component `audit`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use osapi_core::audit::AuditEntry;
use osapi_jobs::{AuditLog, ComponentHealth, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How many entries are written in one go.
const BATCH: usize = 128;

/// How long to wait before trying again.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the writer may take over what is left when the server stops.
const DRAIN: Duration = Duration::from_secs(3);

/// How long an answer waits for its entry to be on disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// How old may be what the broker said of the store.
const SEEN: Duration = Duration::from_secs(2);

/// An entry on its way, and who waits until it is on disk.
#[derive(Debug)]
pub(crate) struct Pending {
    entry: AuditEntry,
    stored: Option<oneshot::Sender<()>>,
}

/// The trail as requests see it.
#[derive(Debug)]
pub(crate) struct AuditTrail {
    log: AuditLog,
    buffer: mpsc::Sender<Pending>,
    works: AtomicBool,
    written: AtomicU64,
    lost: AtomicU64,
    seen: Mutex<Option<(Instant, ComponentHealth)>>,
}

impl AuditTrail {
    /// A trail with this store, and what is to be given to [`AuditTrail::write`].
    pub(crate) fn new(log: AuditLog, buffer: usize) -> (Self, mpsc::Receiver<Pending>) {
        let (sender, receiver) = mpsc::channel(buffer);
        let (written, lost) = (AtomicU64::new(0), AtomicU64::new(0));
        (Self { log, buffer: sender, works: AtomicBool::new(true), written, lost, seen: Mutex::default() }, receiver)
    }

    /// The store, to read from.
    pub(crate) const fn log(&self) -> &AuditLog {
        &self.log
    }

    /// Whether entries are being written and there is room for more.
    pub(crate) fn works(&self) -> bool {
        self.works.load(Ordering::Relaxed) && self.log.is_reachable() && self.buffer.capacity() > 0
    }

    /// How the store does; answered from a cache of a few seconds.
    pub(crate) async fn component(&self) -> ComponentHealth {
        let mut seen = self.seen.lock().await;
        if let Some((at, component)) = &*seen
            && at.elapsed() < SEEN
        {
            return component.clone();
        }
        let component = self.log.component().await;
        *seen = Some((Instant::now(), component.clone()));
        component
    }

    /// Entries that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.max_capacity() - self.buffer.capacity()
    }

    /// Entries written since the start.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Entries lost since the start, because the buffer was full.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Gives an entry to the writer and does not wait.
    pub(crate) fn record(&self, entry: AuditEntry) {
        self.give(Pending { entry, stored: None });
    }

    /// Gives an entry to the writer and waits until it is on disk, for a while.
    pub(crate) async fn record_durably(&self, entry: AuditEntry) {
        let (stored, wait) = oneshot::channel();
        self.give(Pending { entry, stored: Some(stored) });
        if !matches!(tokio::time::timeout(PATIENCE, wait).await, Ok(Ok(()))) {
            tracing::warn!("a change is answered before its audit entry is on disk");
        }
    }

    fn give(&self, pending: Pending) {
        if let Err(error) = self.buffer.try_send(pending) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            let entry = error.into_inner().entry;
            tracing::error!(
                user = entry.user,
                method = entry.method,
                path = entry.path,
                response_code = entry.response_code,
                request_id = entry.request_id,
                "an audit entry is lost: its buffer is full"
            );
        }
    }

    /// Writes what comes until `shutdown`, and then what is left, for a while.
    pub(crate) async fn write(&self, mut entries: mpsc::Receiver<Pending>, shutdown: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                _ = entries.recv_many(&mut batch, BATCH) => {}
            }
            tokio::select! {
                () = self.write_batch(&mut batch) => {}
                () = shutdown.cancelled() => break,
            }
        }
        let rest = async {
            entries.close();
            loop {
                self.write_batch(&mut batch).await;
                if entries.recv_many(&mut batch, BATCH).await == 0 {
                    break;
                }
            }
        };
        if tokio::time::timeout(DRAIN, rest).await.is_err() {
            let lost = batch.len() + entries.len();
            tracing::error!(lost, "the server stops and audit entries are lost: their store is away");
        }
    }

    /// Tries until all are written.
    async fn write_batch(&self, batch: &mut Vec<Pending>) {
        while !batch.is_empty() {
            let entries: Vec<AuditEntry> = batch.iter().map(|pending| pending.entry.clone()).collect();
            let (written, fault) = match self.log.append(&entries).await {
                Ok(()) => (batch.len(), None),
                Err((written, error)) => (written, Some(error)),
            };
            self.written.fetch_add(written as u64, Ordering::Relaxed);
            for pending in batch.drain(..written) {
                // Whoever waited may have given up.
                let _ = pending.stored.map(|stored| stored.send(()));
            }
            self.note(fault.as_ref());
            if fault.is_some() {
                tokio::time::sleep(PAUSE).await;
                if let Err(error) = self.log.make_sure().await {
                    tracing::debug!(%error, "the audit trail's stream could not be made sure of");
                }
            }
        }
    }

    fn note(&self, fault: Option<&StoreError>) {
        let worked = self.works.swap(fault.is_none(), Ordering::Relaxed);
        match (worked, fault) {
            (true, Some(error)) => tracing::error!(%error, "audit entries cannot be written and wait"),
            (false, None) => tracing::info!("audit entries are written again"),
            (true, None) | (false, Some(_)) => {}
        }
    }
}
