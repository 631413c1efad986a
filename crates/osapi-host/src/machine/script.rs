//! A machine made of a map of files and a list of commands with their answers, for tests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use osapi_core::outcome::Change;

use super::{Command, CommandError, Completed, FileError, Launched};

/// What a scripted machine holds and answers. Commands must come in the order of the script.
#[derive(Debug, Default)]
pub struct Script {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    forbidden: BTreeSet<String>,
    links: BTreeMap<String, String>,
    programs: BTreeSet<String>,
    answers: Mutex<VecDeque<(String, Completed)>>,
    launched: Mutex<Vec<Launched>>,
    now: Timestamp,
}

impl Script {
    /// An empty machine, at the beginning of 1970.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a file.
    #[must_use]
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.contents().insert(path.to_owned(), contents.as_ref().to_vec());
        self
    }

    /// With a file that may not be read or written.
    #[must_use]
    pub fn forbidden(mut self, path: &str) -> Self {
        self.forbidden.insert(path.to_owned());
        self
    }

    /// With a symbolic link. It is not followed.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.links.insert(path.to_owned(), target.to_owned());
        self
    }

    /// With a program that is there and is not expected to be run.
    #[must_use]
    pub fn program(mut self, name: &str) -> Self {
        self.programs.insert(name.to_owned());
        self
    }

    /// The next command and what it answers: `line` as of [`Command::line`], the exit status and stdout.
    #[must_use]
    pub fn command(self, line: &str, status: i32, stdout: &str) -> Self {
        let completed = Completed { status: Some(status), stdout: stdout.to_owned(), ..Completed::default() };
        self.command_completing(line, completed)
    }

    /// The next command and all that it answers.
    #[must_use]
    pub fn command_completing(mut self, line: &str, completed: Completed) -> Self {
        let completed = Completed { line: line.to_owned(), ..completed };
        self.programs.extend(line.split(' ').next().map(str::to_owned));
        self.answers.get_mut().unwrap_or_else(PoisonError::into_inner).push_back((line.to_owned(), completed));
        self
    }

    /// With this time.
    #[must_use]
    pub const fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        if self.forbidden.contains(path) {
            return Err(FileError::new("read", path, ErrorKind::PermissionDenied));
        }
        self.contents().get(path).cloned().ok_or_else(|| FileError::new("read", path, ErrorKind::NotFound))
    }

    pub(super) fn write(&self, path: &str, contents: &[u8]) -> Result<Change, FileError> {
        if self.forbidden.contains(path) {
            return Err(FileError::new("write", path, ErrorKind::PermissionDenied));
        }
        Ok(match self.contents().insert(path.to_owned(), contents.to_vec()) {
            Some(before) if before == contents => Change::Unchanged,
            Some(_) => Change::Updated,
            None => Change::Created,
        })
    }

    pub(super) fn remove(&self, path: &str) -> Change {
        if self.contents().remove(path).is_some() { Change::Removed } else { Change::Unchanged }
    }

    pub(super) fn read_link(&self, path: &str) -> Result<String, FileError> {
        self.links.get(path).cloned().ok_or_else(|| FileError::new("read the link", path, ErrorKind::NotFound))
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.links.contains_key(path)
            || self.forbidden.contains(path)
            || self.contents().keys().any(|known| known == path || known.starts_with(&below))
    }

    pub(super) fn list_dir(&self, path: &str) -> Result<Vec<String>, FileError> {
        if self.forbidden.contains(path) {
            return Err(FileError::new("list", path, ErrorKind::PermissionDenied));
        }
        let below = format!("{}/", path.trim_end_matches('/'));
        let names: BTreeSet<String> = self
            .contents()
            .keys()
            .chain(self.links.keys())
            .filter_map(|known| known.strip_prefix(&below))
            .filter_map(|rest| rest.split('/').next())
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            Err(FileError::new("list", path, ErrorKind::NotFound))
        } else {
            Ok(names.into_iter().collect())
        }
    }

    pub(super) fn has_program(&self, name: &str) -> bool {
        self.programs.contains(name)
    }

    /// Answers the next command of the script.
    ///
    /// # Panics
    /// It is another one, which is the test's finding.
    pub(super) fn answer(&self, command: &Command) -> Result<Completed, CommandError> {
        command.check()?;
        let line = command.line();
        let next = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match next {
            Some((expected, completed)) => {
                assert_eq!(line, expected, "the script expects another command");
                if let Some(lines) = &command.lines {
                    for said in completed.stdout.lines() {
                        drop(lines.try_send(said.to_owned()));
                    }
                }
                Ok(completed)
            }
            None => panic!("the script has ended and `{line}` was run"),
        }
    }

    pub(super) fn launch(&self, command: &Command) -> Result<Launched, CommandError> {
        self.answer(command)?;
        let launched = Launched { pid: 4242, started: 1 };
        self.launched.lock().unwrap_or_else(PoisonError::into_inner).push(launched);
        Ok(launched)
    }

    pub(super) fn still_runs(&self, launched: Launched) -> bool {
        self.launched.lock().unwrap_or_else(PoisonError::into_inner).contains(&launched)
    }

    pub(super) fn stop_launched(&self, launched: Launched) -> bool {
        let ran = self.still_runs(launched);
        self.launched.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| *known != launched);
        ran
    }

    fn contents(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let left = std::mem::take(self.answers.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !std::thread::panicking() && !left.is_empty() {
            let lines: Vec<String> = left.into_iter().map(|(line, _)| line).collect();
            panic!("the script has lines that were not run: {lines:?}");
        }
    }
}
