//! Whether somebody else, an admin or an unattended upgrade, is changing packages on this host now.
//!
//! It only looks, at the locks the kernel lists and at who has the file of a package manager open: to try the lock would
//! take it for an instant, and a package manager started in that instant would fail. A lock is known by the file's inode,
//! so that a program in a container with files of its own is not meant, and it does not matter what our own service may see.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;

use osapi_core::{ErrorCode, Failure};
use rustix::fs::{major, minor};

use crate::System;
use crate::machine::FileError;

/// Files that are write-locked while packages change (dpkg-frontend-lock, rpm's transaction lock, apk's database lock).
const LOCKS: [&str; 6] = [
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/rpm/.rpm.lock",
    "/usr/lib/sysimage/rpm/.rpm.lock",
    "/lib/apk/db/lock",
    "/usr/lib/apk/db/lock",
];

/// pacman's lock is that the file is there; one that nobody has open was left by a pacman that was killed.
const PACMAN: &str = "/var/lib/pacman/db.lck";

/// Who changes packages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Changing {
    program: String,
    pid: u32,
}

impl fmt::Display for Changing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` (process {})", self.program, self.pid)
    }
}

/// Who changes packages on this host now, be it us or another.
///
/// # Errors
/// `forbidden` when that may not be seen.
pub(crate) fn by_whom(system: &System) -> Result<Option<Changing>, Failure> {
    let locks = unless_gone(system.read("/proc/locks"))?.unwrap_or_default();
    for path in LOCKS {
        let Some(real) = unless_gone(system.real_path(path))? else { continue };
        let Some(file) = unless_gone(real.metadata().map_err(|error| FileError::new("look at", path, error)))? else {
            continue;
        };
        let device = (major(file.dev()), minor(file.dev()));
        if let Some(pid) = locks.lines().find_map(|line| holder(line, device, file.ino())) {
            return Ok(Some(changing(system, pid)));
        }
    }
    if system.exists(PACMAN) { pacman(system) } else { Ok(None) }
}

/// The process that holds a write lock on the file, by a line of `/proc/locks` (proc_locks(5)); one with `->` only waits.
fn holder(line: &str, device: (u32, u32), inode: u64) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    words.next().filter(|kind| *kind != "->")?;
    words.nth(1).filter(|access| *access == "WRITE")?;
    let pid = words.next()?.parse().ok()?;
    let mut file = words.next()?.split(':');
    let mut hexadecimal = || u32::from_str_radix(file.next()?, 16).ok();
    let locked = (hexadecimal()?, hexadecimal()?);
    // A file system without a device, such as btrfs, may give `stat` another one than the kernel has for itself.
    let same = locked == device || (locked.0, device.0) == (0, 0);
    (same && file.next()?.parse() == Ok(inode)).then_some(pid)
}

/// The process that has pacman's lock open and sees the files that the host's first process sees.
fn pacman(system: &System) -> Result<Option<Changing>, Failure> {
    let here = unless_gone(system.read_link("/proc/1/ns/mnt"))?;
    for name in unless_gone(system.list_dir("/proc"))?.unwrap_or_default() {
        let Ok(pid) = name.parse() else { continue };
        if unless_gone(system.read_link(&format!("/proc/{pid}/ns/mnt")))? == here && has_open(system, pid, PACMAN)? {
            return Ok(Some(changing(system, pid)));
        }
    }
    Ok(None)
}

fn has_open(system: &System, pid: u32, file: &str) -> Result<bool, Failure> {
    let folder = format!("/proc/{pid}/fd");
    for descriptor in unless_gone(system.list_dir(&folder))?.unwrap_or_default() {
        if unless_gone(system.read_link(&format!("{folder}/{descriptor}")))?.is_some_and(|target| target == file) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn changing(system: &System, pid: u32) -> Changing {
    // It may have ended, and what it is called is only for people.
    let program = system.read(&format!("/proc/{pid}/comm")).unwrap_or_default();
    Changing { program: program.trim_end().to_owned(), pid }
}

/// A file may not be there, and a process may end while it is looked at.
fn unless_gone<T>(read: Result<T, FileError>) -> Result<Option<T>, Failure> {
    match read.map_err(Failure::from) {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.code == ErrorCode::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    #[test]
    fn a_lock_is_held_by_who_writes_and_known_by_its_file() {
        let held = |line| holder(line, (0xfe, 1), 131);
        assert_eq!(held("2: POSIX  ADVISORY  WRITE 302 fe:01:131 0 EOF"), Some(302));
        assert_eq!(held("1: FLOCK  ADVISORY  WRITE 302 fe:01:131 0 EOF"), Some(302));
        for other in [
            "2: POSIX  ADVISORY  READ  302 fe:01:131 0 EOF",
            "2: -> POSIX  ADVISORY  WRITE 303 fe:01:131 0 EOF",
            "2: POSIX  ADVISORY  WRITE 302 fe:01:132 0 EOF",
            "2: POSIX  ADVISORY  WRITE 302 fe:02:131 0 EOF",
            "2: OFDLCK ADVISORY  WRITE -1 fe:01:131 0 0",
            "",
        ] {
            assert_eq!(held(other), None, "{other}");
        }
        let line = "2: POSIX  ADVISORY  WRITE 302 00:29:131 0 EOF";
        assert_eq!(holder(line, (0, 0x31), 131), Some(302), "btrfs has two devices for one file");
    }

    fn process(script: Script, pid: u32, mounts: &str, open: &str) -> Script {
        let script = script.link(&format!("/proc/{pid}/ns/mnt"), mounts).link(&format!("/proc/{pid}/fd/3"), open);
        script.file(&format!("/proc/{pid}/comm"), "pacman\n")
    }

    #[test]
    fn a_lock_of_pacman_that_nobody_has_open_is_stale() {
        let host = || Script::new().file(PACMAN, "").link("/proc/1/ns/mnt", "mnt:[1]");
        let told = |script| by_whom(&System::scripted(script)).unwrap().map(|changing| changing.to_string());
        assert_eq!(told(host()), None);
        assert_eq!(told(process(host(), 40, "mnt:[2]", PACMAN)), None, "in a container");
        assert_eq!(told(process(host(), 40, "mnt:[1]", PACMAN)).as_deref(), Some("`pacman` (process 40)"));
    }

    #[test]
    fn what_may_not_be_seen_is_not_called_nothing() {
        let script =
            Script::new().file(PACMAN, "").link("/proc/40/ns/mnt", "mnt:[1]").link("/proc/1/ns/mnt", "mnt:[1]");
        let failure = by_whom(&System::scripted(script.forbidden("/proc/40/fd"))).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Forbidden, "{failure}");
    }
}
