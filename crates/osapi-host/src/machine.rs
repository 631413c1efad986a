//! The only door to the machine: its files, its programs, its D-Bus and its clock.
//!
//! No other file of the workspace starts a program or writes a system file. What it may not do is decide anything:
//! which file and which program is the business of the operations.

pub(crate) mod bus;
mod child;
mod command;
mod completed;
mod file_error;
mod files;
mod launched;
mod process;
mod script;
mod volume;

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use osapi_core::outcome::Change;

pub use bus::BusError;
pub use child::Child;
pub use command::{Command, Program};
pub use completed::{CommandError, Completed};
pub use file_error::FileError;
pub use launched::Launched;
pub use script::Script;
pub use volume::Volume;

use files::Files;

/// Where programs are looked up, and the `PATH` they get. `/usr/local` is not in it: others than root may write there.
pub(crate) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Where the kernel's host name is read.
pub(crate) const KERNEL_HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// A machine: this one, a recorded one below some directory, or a scripted one for tests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct System(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Local(Files),
    Rooted(Files),
    Scripted(Script),
}

impl System {
    /// This machine.
    #[must_use]
    pub fn local() -> Self {
        Self(Arc::new(Kind::Local(Files::whole())))
    }

    /// The files below `root`, symbolic links resolved as if it were `/`. Programs are found there but never run, since
    /// they would act on this machine; D-Bus is the socket below the root.
    #[must_use]
    pub fn rooted(root: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Kind::Rooted(Files::below(root.into()))))
    }

    /// A machine that answers from a script. Dropping the last clone panics if a line of it was not used.
    #[must_use]
    pub fn scripted(script: Script) -> Self {
        Self(Arc::new(Kind::Scripted(script)))
    }

    /// Whether it is this machine, so that system calls tell about it and change it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(&*self.0, Kind::Local(_))
    }

    /// Reads a file of at most 16 MiB as text; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// It is not there, may not be read, or is larger.
    pub fn read(&self, path: &str) -> Result<String, FileError> {
        let bytes = self.read_bytes(path)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Reads a file of at most 16 MiB.
    ///
    /// # Errors
    /// As [`System::read`].
    pub fn read_bytes(&self, path: &str) -> Result<Vec<u8>, FileError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.read(path),
            Kind::Scripted(script) => script.read(path),
        }
    }

    /// Gives a file these contents and this mode (such as `0o644`), atomically and durably: after a crash it is the old
    /// or the new one. A symbolic link is followed and stays. Equal contents are left alone and are `Unchanged`.
    ///
    /// # Errors
    /// Its directory is missing or may not be written, or the file is a mount point of its own, as in containers.
    pub fn write(&self, path: &str, contents: &[u8], mode: u32) -> Result<Change, FileError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.write(path, contents, mode),
            Kind::Scripted(script) => script.write(path, contents),
        }
    }

    /// Removes a file or a symbolic link, durably; one that is not there is `Unchanged`.
    ///
    /// # Errors
    /// It may not be removed.
    pub fn remove(&self, path: &str) -> Result<Change, FileError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.remove(path),
            Kind::Scripted(script) => Ok(script.remove(path)),
        }
    }

    /// Makes a directory with this mode, and those above it that are missing.
    ///
    /// # Errors
    /// It may not be made, or something else is there.
    pub fn create_dir(&self, path: &str, mode: u32) -> Result<Change, FileError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.create_dir(path, mode),
            Kind::Scripted(_) => Ok(Change::Unchanged),
        }
    }

    /// Where a symbolic link points, as written in it.
    ///
    /// # Errors
    /// It is not there, is no link, or may not be read.
    pub fn read_link(&self, path: &str) -> Result<String, FileError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.read_link(path),
            Kind::Scripted(script) => script.read_link(path),
        }
    }

    /// Whether something is there, a dangling link not counted. What may not be looked at is not there.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.exists(path),
            Kind::Scripted(script) => script.exists(path),
        }
    }

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// It is not there or may not be read.
    pub fn list_dir(&self, path: &str) -> Result<Vec<String>, FileError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.list_dir(path),
            Kind::Scripted(script) => script.list_dir(path),
        }
    }

    /// The path on the real machine by which to reach `path`, for system calls that want one. A scripted machine has none.
    ///
    /// # Errors
    /// It is not there.
    pub fn real_path(&self, path: &str) -> Result<PathBuf, FileError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.real_path(path),
            Kind::Scripted(_) => Err(FileError::new("find", path, ErrorKind::NotFound)),
        }
    }

    /// The size of the file system at `path`. Ask so only where it cannot hang.
    ///
    /// # Errors
    /// It is not there or may not be reached.
    pub fn volume(&self, path: &str) -> Result<Volume, FileError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.volume(path),
            Kind::Scripted(_) => Err(FileError::new("measure", path, ErrorKind::NotFound)),
        }
    }

    /// The same of one that may hang. However often it is asked for, at most one thread waits for it.
    ///
    /// # Errors
    /// As [`System::volume`], or no answer came within `patience`.
    pub async fn volume_within(&self, path: &str, patience: Duration) -> Result<Volume, FileError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.volume_within(path, patience).await,
            Kind::Scripted(_) => Err(FileError::new("measure", path, ErrorKind::NotFound)),
        }
    }

    /// Gives the kernel a host name; it is gone after the next boot. Off this machine it is the file of `/proc`.
    ///
    /// # Errors
    /// The privileges do not reach.
    pub fn set_kernel_hostname(&self, name: &str) -> Result<(), FileError> {
        match &*self.0 {
            Kind::Local(_) => rustix::system::sethostname(name.as_bytes())
                .map_err(|error| FileError::new("set the host name through", KERNEL_HOSTNAME, error)),
            Kind::Rooted(_) | Kind::Scripted(_) => {
                self.write(KERNEL_HOSTNAME, format!("{name}\n").as_bytes(), 0o644).map(|_| ())
            }
        }
    }

    /// The program of that name in `/usr/sbin`, `/usr/bin`, `/sbin` or `/bin`, if it is there and may be executed.
    #[must_use]
    pub fn program(&self, name: &'static str) -> Option<Program> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => {
                PATH.split(':').map(|dir| format!("{dir}/{name}")).find(|path| files.executable(path)).map(Program::new)
            }
            Kind::Scripted(script) => script.has_program(name).then(|| Program::new(format!("/usr/bin/{name}"))),
        }
    }

    /// The program at this absolute path, if it is there and may be executed: for what we brought along ourselves.
    #[must_use]
    pub fn program_at(&self, path: &Path) -> Option<Program> {
        let text = path.to_str().filter(|text| text.starts_with('/'))?;
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.executable(text).then(|| Program::new(text)),
            Kind::Scripted(script) => script.has_program(text.rsplit('/').next()?).then(|| Program::new(text)),
        }
    }

    /// Runs a program to its end. A non-zero exit is a value, not an error.
    ///
    /// It runs with `LC_ALL=C.UTF-8`, a fixed `PATH` and nothing else in its environment but what the command adds, null
    /// stdin, in `/`, in its own process group. When its deadline passes or it is cancelled the group gets SIGTERM, then
    /// SIGKILL; when this future is dropped, SIGKILL at once.
    ///
    /// # Errors
    /// It could not be started, was stopped, or wrote too much.
    pub async fn run(&self, command: Command) -> Result<Completed, CommandError> {
        match &*self.0 {
            Kind::Local(_) => process::run(&command).await,
            Kind::Rooted(_) => Err(CommandError::Recorded { program: command.line() }),
            Kind::Scripted(script) => script.answer(&command),
        }
    }

    /// Starts a program that is meant to stay, such as a broker. See [`Child`].
    ///
    /// # Errors
    /// It could not be started.
    pub async fn spawn(&self, command: Command) -> Result<Child, CommandError> {
        match &*self.0 {
            Kind::Local(_) => Child::start(self, &command).await,
            Kind::Rooted(_) | Kind::Scripted(_) => Err(CommandError::Recorded { program: command.line() }),
        }
    }

    /// Starts a program that is to outlive us, and leaves it alone: null stdin, stdout and stderr, its own process group.
    ///
    /// # Errors
    /// It could not be started.
    pub fn launch(&self, command: &Command) -> Result<Launched, CommandError> {
        match &*self.0 {
            Kind::Local(_) => launched::launch(command),
            Kind::Rooted(_) => Err(CommandError::Recorded { program: command.line() }),
            Kind::Scripted(script) => script.launch(command),
        }
    }

    /// Whether what was launched still runs.
    #[must_use]
    pub fn still_runs(&self, launched: Launched) -> bool {
        match &*self.0 {
            Kind::Local(_) => launched::runs(launched),
            Kind::Rooted(_) => false,
            Kind::Scripted(script) => script.still_runs(launched),
        }
    }

    /// Sends SIGTERM to what was launched, and says whether it still ran.
    #[must_use]
    pub fn stop_launched(&self, launched: Launched) -> bool {
        match &*self.0 {
            Kind::Local(_) => launched::stop(launched),
            Kind::Rooted(_) => false,
            Kind::Scripted(script) => script.stop_launched(launched),
        }
    }

    /// Opens a file to lock it, and makes it if it is not there. A scripted machine gives one that nobody else locks.
    ///
    /// # Errors
    /// It may not be opened.
    pub fn lock_file(&self, path: &str) -> Result<File, FileError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => files.lock_file(path),
            Kind::Scripted(_) => tempfile::tempfile().map_err(|source| FileError::new("open", path, source)),
        }
    }

    /// A new connection to the system bus; a call on it fails after 25 seconds without an answer.
    ///
    /// # Errors
    /// This machine has no system bus, or it may not be used.
    pub async fn bus(&self) -> Result<zbus::Connection, BusError> {
        match &*self.0 {
            Kind::Local(files) | Kind::Rooted(files) => bus::connect(files).await,
            Kind::Scripted(_) => Err(BusError::Absent),
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Kind::Local(_) | Kind::Rooted(_) => Timestamp::now(),
            Kind::Scripted(script) => script.now(),
        }
    }
}
