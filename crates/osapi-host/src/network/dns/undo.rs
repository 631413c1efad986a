//! What puts the settings back when a change of them fails or is cut off: the files as they were, kept on disk until the
//! change is done. The next change, or the next start, finds what a killed one left and puts it back.

use std::fs::File;

use osapi_core::network::InterfaceName;
use osapi_core::{ErrorCode, Failure};
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::InForce;
use crate::System;

const FOLDER: &str = "/var/lib/osapi";
const PATH: &str = "/var/lib/osapi/dns-undo.json";

/// One change of the settings at a time on this host, whoever makes it; let go when dropped, also by a kill.
#[derive(Debug)]
pub(super) struct Turn(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

/// How a mechanism is told to read its files again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Files {
    Networkd,
    Netplan,
    ResolvedConf,
    ResolvConf,
}

/// What was, for one change.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Journal {
    pub mechanism: Files,
    pub interface: InterfaceName,
    /// What was in force.
    pub before: InForce,
    /// Paths and contents; `None` where there was no file.
    files: Vec<(String, Option<String>)>,
}

/// Waits for nobody: a second change at the same time is refused.
///
/// # Errors
/// `conflict` while another change is under way; the folder cannot be made.
pub(super) fn take_turn(system: &System) -> Result<Turn, Failure> {
    system.create_dir(FOLDER, 0o755)?;
    let failed = |error: std::io::Error| Failure::failed(format!("cannot lock `{FOLDER}`: {error}"));
    let folder = File::open(system.real_path(FOLDER)?).map_err(failed)?;
    match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Turn(folder)),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            Err(Failure::new(ErrorCode::Conflict, "another change of the DNS settings is under way on this host"))
        }
        Err(error) => Err(failed(error.into())),
    }
}

/// Whether a change was cut off, or is under way.
pub(super) fn is_left(system: &System) -> bool {
    system.exists(PATH)
}

/// What a change that was cut off left.
///
/// # Errors
/// It cannot be read.
pub(super) fn left(system: &System) -> Result<Option<Journal>, Failure> {
    match system.read(PATH) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| {
            Failure::failed(format!("cannot read `{PATH}`: {error}")).with_hint("check the DNS settings and remove it")
        }),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Journal {
    /// Remembers these files before they are changed.
    ///
    /// # Errors
    /// One cannot be read, or the journal cannot be written.
    pub(super) fn begin(
        system: &System,
        mechanism: Files,
        interface: &InterfaceName,
        before: &InForce,
        paths: Vec<String>,
    ) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for path in paths {
            let contents = match system.read_bytes(&path) {
                Err(error) if error.code() == ErrorCode::NotFound => None,
                // What cannot be kept to the byte could not be put back either.
                read => Some(String::from_utf8(read?).map_err(|_| {
                    Failure::failed(format!("`{path}` is not UTF-8 text"))
                        .with_hint("mend it by hand; nothing was changed")
                })?),
            };
            files.push((path, contents));
        }
        let journal = Self { mechanism, interface: interface.clone(), before: before.clone(), files };
        let text = serde_json::to_vec(&journal)
            .map_err(|error| Failure::new(ErrorCode::Internal, format!("cannot write `{PATH}`: {error}")))?;
        // It may hold the passwords that netplan's files hold.
        system.write(PATH, &text, 0o600)?;
        Ok(journal)
    }

    /// The change is done, or taken back: there is nothing to undo any more.
    ///
    /// # Errors
    /// The journal cannot be removed.
    pub(super) fn end(&self, system: &System) -> Result<(), Failure> {
        system.remove(PATH)?;
        Ok(())
    }

    /// Puts the files back; those in `now` that were not there go.
    ///
    /// # Errors
    /// One cannot be written or removed.
    pub(super) fn restore(&self, system: &System, now: &[String]) -> Result<(), Failure> {
        for path in now.iter().filter(|path| !self.files.iter().any(|(known, _)| known == *path)) {
            system.remove(path)?;
        }
        for (path, contents) in &self.files {
            match contents {
                Some(contents) => system.write(path, contents.as_bytes(), self.mode())?,
                None => system.remove(path)?,
            };
        }
        Ok(())
    }

    const fn mode(&self) -> u32 {
        match self.mechanism {
            Files::Netplan => 0o600,
            Files::Networkd | Files::ResolvedConf | Files::ResolvConf => 0o644,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    #[test]
    fn what_could_not_be_put_back_to_the_byte_is_not_begun() {
        const FILE: &str = "/etc/netplan/50-office.yaml";
        let system = System::scripted(Script::new().file(FILE, b"# caf\xe9\nnetwork: {}\n"));
        let interface = "eth0".parse().unwrap();
        let files = vec![FILE.to_owned()];
        let failure = Journal::begin(&system, Files::Netplan, &interface, &InForce::default(), files).unwrap_err();
        assert!(failure.message.contains(FILE) && failure.message.contains("UTF-8"), "{failure}");
        assert!(!is_left(&system));
    }
}
