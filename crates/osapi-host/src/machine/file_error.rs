//! What went wrong with which file, and the code for it.

use std::io;

use osapi_core::{ErrorCode, Failure};

/// A file could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{path}`")]
pub struct FileError {
    /// What was being done, such as `read`.
    pub action: &'static str,
    /// To what, as the machine calls it.
    pub path: String,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    pub(crate) fn new(action: &'static str, path: &str, source: impl Into<io::Error>) -> Self {
        Self { action, path: path.to_owned(), source: source.into() }
    }

    /// What kind of failure it is: `not_found`, `forbidden`, or `failed`.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        code_of(&self.source)
    }
}

/// The code for what a system call said.
pub(crate) fn code_of(error: &io::Error) -> ErrorCode {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorCode::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorCode::Forbidden,
        io::ErrorKind::ResourceBusy => ErrorCode::Unsupported,
        io::ErrorKind::TimedOut => ErrorCode::Timeout,
        _ => ErrorCode::Failed,
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let failure = Self::new(error.code(), format!("{error}: {}", error.source));
        match error.source.kind() {
            io::ErrorKind::PermissionDenied => failure.with_hint("run it as root or give it access to that path"),
            io::ErrorKind::ReadOnlyFilesystem => failure.with_hint("allow the path in the service's sandbox"),
            io::ErrorKind::ResourceBusy => failure.with_hint("the file is a mount point; change it from outside"),
            _ => failure,
        }
    }
}
