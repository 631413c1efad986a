//! Whether somebody else, an admin or an unattended upgrade, is changing packages on this host now.
//!
//! It only looks, at the locks the kernel lists and at who has the file of a package manager open: to try the lock would
//! take it for an instant, and a package manager started in that instant would fail.

use std::fmt;

use osapi_core::{ErrorCode, Failure};

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
/// `forbidden` when another's process that holds a lock may not be looked into: only root may.
pub(crate) fn by_whom(system: &System) -> Result<Option<Changing>, Failure> {
    if LOCKS.iter().any(|lock| system.exists(lock))
        && let Some(changing) = first_with(system, lock_holders(system)?, &LOCKS)?
    {
        return Ok(Some(changing));
    }
    if system.exists(PACMAN) {
        return first_with(system, processes(system)?, &[PACMAN]);
    }
    Ok(None)
}

/// Processes that hold a write lock on some file, by `/proc/locks` (proc_locks(5)); a line with `->` only waits.
fn lock_holders(system: &System) -> Result<Vec<u32>, Failure> {
    let Some(locks) = unless_gone(system.read("/proc/locks"))? else { return Ok(Vec::new()) };
    let holder = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (_kind, _manner, access) = (words.next().filter(|word| *word != "->")?, words.next()?, words.next()?);
        words.next()?.parse().ok().filter(|_| access == "WRITE")
    };
    let mut pids: Vec<u32> = locks.lines().filter_map(holder).collect();
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

fn processes(system: &System) -> Result<Vec<u32>, Failure> {
    let names = unless_gone(system.list_dir("/proc"))?.unwrap_or_default();
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// The first of them that has one of the files open and sees the same file systems as we, so not one in a container.
fn first_with(system: &System, pids: Vec<u32>, files: &[&str]) -> Result<Option<Changing>, Failure> {
    let here = unless_gone(system.read_link("/proc/self/ns/mnt"))?;
    for pid in pids {
        let there = unless_gone(system.read_link(&format!("/proc/{pid}/ns/mnt")))?;
        if there.is_some() && there == here && has_open(system, pid, files)? {
            let program = unless_gone(system.read(&format!("/proc/{pid}/comm")))?.unwrap_or_default();
            return Ok(Some(Changing { program: program.trim_end().to_owned(), pid }));
        }
    }
    Ok(None)
}

fn has_open(system: &System, pid: u32, files: &[&str]) -> Result<bool, Failure> {
    let folder = format!("/proc/{pid}/fd");
    for descriptor in unless_gone(system.list_dir(&folder))?.unwrap_or_default() {
        let target = unless_gone(system.read_link(&format!("{folder}/{descriptor}")))?;
        if target.is_some_and(|target| files.contains(&target.as_str())) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A process may end while it is looked at.
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

    const LOCKED: &str = "\
1: FLOCK  ADVISORY  WRITE 300 00:19:1 0 EOF
2: POSIX  ADVISORY  READ  301 fe:01:77 0 EOF
3: POSIX  ADVISORY  WRITE 302 fe:01:78 0 EOF
3: -> POSIX  ADVISORY  WRITE 303 fe:01:78 0 EOF
4: OFDLCK ADVISORY  WRITE -1 00:06:9 0 0
";

    fn process(script: Script, pid: u32, mounts: &str, open: &str) -> Script {
        script
            .link(&format!("/proc/{pid}/ns/mnt"), mounts)
            .link(&format!("/proc/{pid}/fd/3"), open)
            .file(&format!("/proc/{pid}/comm"), "apt-get\n")
    }

    fn host() -> Script {
        let script = Script::new().file("/proc/locks", LOCKED).link("/proc/self/ns/mnt", "mnt:[1]");
        script.file("/var/lib/dpkg/lock-frontend", "")
    }

    fn told(script: Script) -> Option<String> {
        by_whom(&System::scripted(script)).unwrap().map(|changing| changing.to_string())
    }

    #[test]
    fn only_who_holds_the_lock_here_is_changing_packages() {
        let lock = "/var/lib/dpkg/lock-frontend";
        assert_eq!(told(process(host(), 302, "mnt:[1]", lock)).as_deref(), Some("`apt-get` (process 302)"));
        // Who reads, who waits, who is in a container, who holds another lock, and who has gone.
        assert_eq!(told(process(host(), 301, "mnt:[1]", lock)), None);
        assert_eq!(told(process(host(), 303, "mnt:[1]", lock)), None);
        assert_eq!(told(process(host(), 302, "mnt:[2]", lock)), None);
        assert_eq!(told(process(host(), 302, "mnt:[1]", "/run/crond.pid")), None);
        assert_eq!(told(host()), None);
        assert_eq!(told(Script::new()), None);
    }

    #[test]
    fn a_lock_of_pacman_that_nobody_has_open_is_stale() {
        let host = || Script::new().file(PACMAN, "").link("/proc/self/ns/mnt", "mnt:[1]");
        assert_eq!(told(host()), None);
        assert_eq!(told(process(host(), 40, "mnt:[1]", PACMAN)).as_deref(), Some("`apt-get` (process 40)"));
    }

    #[test]
    fn what_may_not_be_seen_is_not_called_nothing() {
        let script = host().link("/proc/302/ns/mnt", "mnt:[1]").forbidden("/proc/302/fd");
        let failure = by_whom(&System::scripted(script)).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Forbidden, "{failure}");
    }
}
