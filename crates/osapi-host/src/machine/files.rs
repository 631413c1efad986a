//! The files of a real directory tree: the whole machine or one below a root.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use osapi_core::outcome::Change;
use rustix::fs::{Access, Mode, OFlags, ResolveFlags};

use super::FileError;
use super::volume::{self, Probes, Volume};

/// The most that is read of one file. The largest we meet, a dpkg status file, stays under 10 MiB.
const LIMIT: u64 = 16 * 1024 * 1024;

const MEASURE: &str = "measure the file system at";

/// A directory tree. All paths given to it are absolute and written as inside of it.
#[derive(Debug)]
pub(super) struct Files {
    root: Option<PathBuf>,
    probes: Probes,
}

impl Files {
    pub(super) fn whole() -> Self {
        Self { root: None, probes: Probes::default() }
    }

    pub(super) fn below(root: PathBuf) -> Self {
        Self { root: Some(root), probes: Probes::default() }
    }

    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(self.follow(path)?)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > LIMIT { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
        };
        read().map_err(|source| FileError::new("read", path, source))
    }

    pub(super) fn write(&self, path: &str, contents: &[u8], mode: u32) -> Result<Change, FileError> {
        self.replace(path, contents, mode).map_err(|source| FileError::new("write", path, source))
    }

    pub(super) fn remove(&self, path: &str) -> Result<Change, FileError> {
        let remove = || -> io::Result<()> {
            let at = self.beside(path)?;
            fs::remove_file(&at)?;
            sync_parent(&at)
        };
        match remove() {
            Ok(()) => Ok(Change::Removed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Change::Unchanged),
            Err(error) => Err(FileError::new("remove", path, error)),
        }
    }

    pub(super) fn create_dir(&self, path: &str, mode: u32) -> Result<Change, FileError> {
        let at = match &self.root {
            None => PathBuf::from(path),
            Some(root) => root.join(path.trim_start_matches('/')),
        };
        if at.is_dir() {
            return Ok(Change::Unchanged);
        }
        let made = fs::DirBuilder::new().recursive(true).mode(mode).create(at);
        made.map(|()| Change::Created).map_err(|source| FileError::new("create", path, source))
    }

    pub(super) fn read_link(&self, path: &str) -> Result<String, FileError> {
        let target = self.beside(path).and_then(fs::read_link);
        target
            .map(|target| target.to_string_lossy().into_owned())
            .map_err(|source| FileError::new("read the link", path, source))
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.follow(path).is_ok_and(|at| at.exists())
    }

    pub(super) fn executable(&self, path: &str) -> bool {
        self.follow(path).is_ok_and(|at| at.is_file() && rustix::fs::access(at, Access::EXEC_OK).is_ok())
    }

    pub(super) fn list_dir(&self, path: &str) -> Result<Vec<String>, FileError> {
        let list = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(self.follow(path)?)? {
                names.push(entry?.file_name().to_string_lossy().into_owned());
            }
            names.sort();
            Ok(names)
        };
        list().map_err(|source| FileError::new("list", path, source))
    }

    pub(super) fn real_path(&self, path: &str) -> Result<PathBuf, FileError> {
        self.follow(path).map_err(|source| FileError::new("find", path, source))
    }

    pub(super) fn lock_file(&self, path: &str) -> Result<File, FileError> {
        let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
        self.create_dir(directory, 0o755)?;
        let open =
            |at: PathBuf| File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(at);
        self.beside(path).and_then(open).map_err(|source| FileError::new("open", path, source))
    }

    pub(super) fn volume(&self, path: &str) -> Result<Volume, FileError> {
        self.follow(path).and_then(|at| volume::measure(&at)).map_err(|source| FileError::new(MEASURE, path, source))
    }

    pub(super) async fn volume_within(&self, path: &str, patience: Duration) -> Result<Volume, FileError> {
        let answer = match self.follow(path) {
            Ok(at) => self.probes.ask(at, patience).await,
            Err(error) => Err(error),
        };
        answer.map_err(|source| FileError::new(MEASURE, path, source))
    }

    fn replace(&self, path: &str, contents: &[u8], mode: u32) -> io::Result<Change> {
        let at = match self.follow(path).and_then(fs::canonicalize) {
            Ok(at) => at,
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.beside(path)?,
            Err(error) => return Err(error),
        };
        let change = match fs::read(&at) {
            Ok(before) if before == contents => return Ok(Change::Unchanged),
            Ok(_) => Change::Updated,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Change::Created,
            Err(error) => return Err(error),
        };
        let parent = at.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let mut fresh = tempfile::Builder::new().prefix(".osapi-").tempfile_in(parent)?;
        fresh.write_all(contents)?;
        fresh.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        fresh.as_file().sync_all()?;
        fresh.persist(&at).map_err(|error| error.error)?;
        sync_parent(&at)?;
        Ok(change)
    }

    /// The real path of what `path` leads to, links resolved inside the root.
    fn follow(&self, path: &str) -> io::Result<PathBuf> {
        match &self.root {
            None => Ok(PathBuf::from(path)),
            Some(root) => {
                let found = resolve(root, path)?;
                fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&found)))
            }
        }
    }

    /// The real path of `path` itself, which may be a link or missing; only the directory it is in is resolved.
    fn beside(&self, path: &str) -> io::Result<PathBuf> {
        let asked = Path::new(path);
        let (Some(parent), Some(name)) = (asked.parent().and_then(Path::to_str), asked.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok(self.follow(parent)?.join(name))
    }
}

fn resolve(root: &Path, path: &str) -> io::Result<OwnedFd> {
    let directory = File::open(root)?;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    Ok(rustix::fs::openat2(directory, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?)
}

/// Makes what was done in the directory of `at` outlive a crash.
fn sync_parent(at: &Path) -> io::Result<()> {
    at.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
