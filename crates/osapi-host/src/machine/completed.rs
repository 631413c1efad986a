//! What came of running a command.

use std::io;
use std::time::Duration;

use osapi_core::{ErrorCode, Failure};

/// A program that ran to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completed {
    /// Its exit status; absent when a signal ended it.
    pub status: Option<i32>,
    /// What it wrote to stdout; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// The command line, for messages.
    pub line: String,
}

impl Completed {
    /// Whether it exited with 0.
    #[must_use]
    pub const fn success(&self) -> bool {
        matches!(self.status, Some(0))
    }

    /// Itself if it exited with one of these, else a failure that quotes what it said last.
    ///
    /// # Errors
    /// It ended otherwise.
    pub fn expect_status(self, accepted: &[i32]) -> Result<Self, Failure> {
        if self.status.is_some_and(|status| accepted.contains(&status)) {
            return Ok(self);
        }
        let how =
            self.status.map_or_else(|| "was ended by a signal".to_owned(), |status| format!("exited with {status}"));
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let said = tail(said);
        let colon = if said.is_empty() { "" } else { ": " };
        Err(Failure::failed(format!("`{}` {how}{colon}{said}", self.line)))
    }
}

/// The last lines of a text, at most three and 400 characters, joined to one.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let joined = lines[lines.len().saturating_sub(3)..].join("; ");
    let skip = joined.chars().count().saturating_sub(400);
    joined.chars().skip(skip).collect()
}

/// A program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A value that begins with `-` stands where it would be read as an option.
    #[error("`{word}` would be read as an option of `{program}`")]
    Option {
        /// The program.
        program: String,
        /// The value.
        word: String,
    },
    /// It could not be started.
    #[error("cannot start `{program}`")]
    Start {
        /// The command line.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It was started and its output could not be read.
    #[error("cannot read the output of `{program}`")]
    Output {
        /// The command line.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// Its time was up; it has been stopped.
    #[error("`{program}` did not finish in {} seconds and was stopped", deadline.as_secs_f32())]
    Deadline {
        /// The command line.
        program: String,
        /// The time it had.
        deadline: Duration,
    },
    /// It was called off; it has been stopped.
    #[error("`{program}` was called off")]
    Cancelled {
        /// The command line.
        program: String,
    },
    /// It wrote more than it may; it has been stopped.
    #[error("`{program}` wrote more than {limit} bytes and was stopped")]
    TooMuchOutput {
        /// The command line.
        program: String,
        /// The bound.
        limit: usize,
    },
    /// The machine is a recorded one, whose programs are not run.
    #[error("`{program}` is part of a recorded machine and is not run")]
    Recorded {
        /// The command line.
        program: String,
    },
}

impl CommandError {
    /// What kind of failure it is.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Option { .. } => ErrorCode::Invalid,
            Self::Start { source, .. } => super::file_error::code_of(source),
            Self::Output { .. } | Self::Cancelled { .. } | Self::TooMuchOutput { .. } => ErrorCode::Failed,
            Self::Deadline { .. } => ErrorCode::Timeout,
            Self::Recorded { .. } => ErrorCode::Unsupported,
        }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        Self::new(error.code(), format!("{error}{source}"))
    }
}
