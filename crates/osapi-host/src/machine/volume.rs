//! The size of file systems, asked for in a way that a hung one cannot take the asker with it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::Shared;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What `statvfs` says of a file system, in bytes and inodes, and what kind of thing it is mounted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its size.
    pub total: u64,
    /// Free, the reserve included.
    pub free: u64,
    /// Free for an ordinary user.
    pub available: u64,
    /// Inodes in all.
    pub inodes_total: u64,
    /// Inodes free.
    pub inodes_free: u64,
    /// Whether it is mounted on a directory; containers mount single files.
    pub on_directory: bool,
}

/// `None`: the probe's thread could not be started or ended early. Errors are kept as numbers, which can be copied.
type Answer = Result<Volume, Option<i32>>;

/// Probes that have not answered yet. There is never more than one for a path: asking again waits for the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Probes(Arc<Mutex<BTreeMap<PathBuf, Shared<oneshot::Receiver<Answer>>>>>);

impl Probes {
    /// Asks in a thread of its own, which stays behind if the file system never answers.
    pub(super) async fn ask(&self, path: PathBuf, patience: Duration) -> io::Result<Volume> {
        let pending = self.join_or_start(&path)?;
        match timeout(patience, pending).await {
            Ok(answer) => answer
                .unwrap_or(Err(None))
                .map_err(|number| number.map_or_else(|| io::ErrorKind::Other.into(), io::Error::from_raw_os_error)),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn join_or_start(&self, path: &PathBuf) -> io::Result<Shared<oneshot::Receiver<Answer>>> {
        let mut probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = probes.get(path) {
            return Ok(pending.clone());
        }
        let (answered, answer) = oneshot::channel();
        let (known, asked) = (self.clone(), path.clone());
        // Not the runtime's pool of threads: its shutdown would wait for a thread that may never end.
        std::thread::Builder::new().name("statvfs".to_owned()).spawn(move || {
            let volume = measure(&asked).map_err(|error| error.raw_os_error());
            known.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&asked);
            let _ = answered.send(volume);
        })?;
        let pending = answer.shared();
        probes.insert(path.clone(), pending.clone());
        Ok(pending)
    }
}

/// Asks at once.
pub(super) fn measure(path: &PathBuf) -> io::Result<Volume> {
    let volume = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(volume.f_frsize);
    Ok(Volume {
        total: bytes(volume.f_blocks),
        free: bytes(volume.f_bfree),
        available: bytes(volume.f_bavail),
        inodes_total: volume.f_files,
        inodes_free: volume.f_ffree,
        on_directory: path.is_dir(),
    })
}
