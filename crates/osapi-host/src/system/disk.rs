//! `system.disk.get`: the mounts of `/proc/self/mountinfo`, measured one by one.

mod mounts;

use std::time::Duration;

use futures::future::join_all;
use osapi_core::system::{DiskUsage, FileSystem};
use osapi_core::{ErrorCode, Failure};

use crate::System;
use crate::machine::{FileError, Volume};
use mounts::Mount;

/// How long a file system that lives elsewhere or in another process may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) async fn get(system: &System) -> Result<DiskUsage, Failure> {
    let mounts = mounts::real(&system.read("/proc/self/mountinfo")?);
    let rows = join_all(mounts.into_iter().map(|mount| row(system, mount))).await;
    Ok(DiskUsage { disks: rows.into_iter().flatten().collect() })
}

/// The row of a mount; none where it turns out to be no storage.
async fn row(system: &System, mount: Mount) -> Option<FileSystem> {
    let volume = if mount.may_hang {
        system.volume_within(&mount.mount_point, PATIENCE).await
    } else {
        system.volume(&mount.mount_point)
    };
    match volume {
        // Pseudo file systems have no blocks, and containers mount single files of the host's disk.
        Ok(volume) if volume.total == 0 || !volume.on_directory => None,
        Ok(volume) => Some(file_system(mount, volume, None)),
        Err(error) => {
            let nothing =
                Volume { total: 0, free: 0, available: 0, inodes_total: 0, inodes_free: 0, on_directory: true };
            Some(file_system(mount, nothing, Some(failure(error))))
        }
    }
}

fn failure(error: FileError) -> Failure {
    if error.code() == ErrorCode::Timeout {
        let message = format!("the file system at `{}` did not answer in {} seconds", error.path, PATIENCE.as_secs());
        return Failure::new(ErrorCode::Timeout, message);
    }
    error.into()
}

fn file_system(mount: Mount, volume: Volume, error: Option<Failure>) -> FileSystem {
    FileSystem {
        mount_point: mount.mount_point,
        device: mount.source,
        file_system: mount.file_system,
        total: volume.total,
        used: volume.total.saturating_sub(volume.free),
        free: volume.available,
        inodes_total: volume.inodes_total,
        inodes_free: volume.inodes_free,
        error,
    }
}
