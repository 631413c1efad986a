//! The lock that a package transaction holds: one at a time on a host, whichever program asked for it.
//!
//! It is an advisory `flock` on a file that is never deleted: a deleted lock file would let a second transaction in
//! beside the first. The kernel releases it when its holder dies.

use std::fs::File;
use std::time::Duration;

use osapi_core::{ErrorCode, Failure};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::System;
use crate::machine::FileError;

const PATH: &str = "/run/osapi/transaction.lock";

/// Held for as long as this lives.
#[derive(Debug)]
pub struct TransactionLock {
    _file: File,
}

/// Takes the lock, or says at once who cannot have it.
///
/// # Errors
/// `conflict` when a transaction holds it; `forbidden` when the file may not be opened.
pub async fn try_acquire(system: &System) -> Result<TransactionLock, Failure> {
    let file = system.lock_file(PATH)?;
    // `is_held` takes a shared lock for an instant; one must not lose to that.
    for attempt in 0..5 {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(TransactionLock { _file: file }),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => return Err(FileError::new("lock", PATH, error).into()),
        }
    }
    Err(Failure::new(ErrorCode::Conflict, "a package transaction is running on this host")
        .with_hint("wait for its end"))
}

/// Whether a transaction holds it now.
///
/// # Errors
/// `forbidden` when the file may not be opened.
pub fn is_held(system: &System) -> Result<bool, Failure> {
    if !system.exists(PATH) {
        return Ok(false);
    }
    match flock(&system.lock_file(PATH)?, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(FileError::new("lock", PATH, error).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_free_again_when_its_holder_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let system = System::rooted(root.path());
        assert!(!is_held(&system).unwrap());
        let lock = try_acquire(&system).await.unwrap();
        assert!(is_held(&system).unwrap());
        assert_eq!(try_acquire(&system).await.unwrap_err().code, ErrorCode::Conflict);
        drop(lock);
        assert!(!is_held(&system).unwrap());
        drop(try_acquire(&system).await.unwrap());
        assert!(system.exists(PATH), "the file is never deleted");
    }
}
