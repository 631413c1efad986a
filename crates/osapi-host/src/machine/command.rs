//! A command line as data, with its bounds.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::CommandError;

/// A program that was found: an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(PathBuf);

impl Program {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What to run, with which arguments, and within which bounds.
///
/// Fixed text goes in by [`Command::option`], what an operator gave by [`Command::operand`], [`Command::word`] or
/// [`Command::value`], none of which lets it become an option.
#[derive(Clone, Debug)]
pub struct Command {
    pub(super) program: Program,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(&'static str, OsString)>,
    pub(super) deadline: Duration,
    pub(super) grace: Duration,
    pub(super) output_limit: usize,
    pub(super) cancel: CancellationToken,
    pub(super) lines: Option<mpsc::Sender<String>>,
    pub(super) directory: PathBuf,
    operands: bool,
    refused: Option<String>,
}

impl Command {
    /// The bare program; 30 seconds, then 5 seconds from SIGTERM to SIGKILL, at most 16 MiB of output.
    #[must_use]
    pub fn new(program: &Program) -> Self {
        Self {
            program: program.clone(),
            arguments: Vec::new(),
            environment: Vec::new(),
            deadline: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            output_limit: 16 * 1024 * 1024,
            cancel: CancellationToken::new(),
            lines: None,
            directory: PathBuf::from("/"),
            operands: false,
            refused: None,
        }
    }

    /// Adds an option or a subcommand known when we were compiled.
    #[must_use]
    pub fn option(mut self, option: &'static str) -> Self {
        self.arguments.push(option.into());
        self
    }

    /// Adds several of them.
    #[must_use]
    pub fn options<const N: usize>(self, options: [&'static str; N]) -> Self {
        options.into_iter().fold(self, Self::option)
    }

    /// Adds an option with its value as one argument, `--option=value`.
    #[must_use]
    pub fn value(mut self, option: &'static str, value: impl Into<OsString>) -> Self {
        let mut argument = OsString::from(option);
        argument.push("=");
        argument.push(value.into());
        self.arguments.push(argument);
        self
    }

    /// Adds a value that stands where options may stand too. One that begins with `-` is refused when it is run.
    #[must_use]
    pub fn word(mut self, word: impl Into<OsString>) -> Self {
        let word = word.into();
        if word.as_encoded_bytes().starts_with(b"-") {
            self.refused = Some(word.to_string_lossy().into_owned());
        }
        self.arguments.push(word);
        self
    }

    /// Adds an operand; before the first one stands `--`, so that none is read as an option.
    #[must_use]
    pub fn operand(mut self, operand: impl Into<OsString>) -> Self {
        if !self.operands {
            self.operands = true;
            self.arguments.push("--".into());
        }
        self.arguments.push(operand.into());
        self
    }

    /// Adds operands.
    #[must_use]
    pub fn operands<T: Into<OsString>>(self, operands: impl IntoIterator<Item = T>) -> Self {
        operands.into_iter().fold(self, Self::operand)
    }

    /// Adds a variable to its environment.
    #[must_use]
    pub fn environment(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// How long it may take in all.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long after SIGTERM it gets SIGKILL.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The most it may write to stdout and stderr, each, in bytes.
    #[must_use]
    pub const fn output_limit(mut self, bytes: usize) -> Self {
        self.output_limit = bytes;
        self
    }

    /// Stops it when the token is cancelled.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &CancellationToken) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Sends every line it writes, to stdout or stderr, as it comes; a full channel drops lines.
    #[must_use]
    pub fn lines_to(mut self, lines: mpsc::Sender<String>) -> Self {
        self.lines = Some(lines);
        self
    }

    /// Where it runs; `/` unless told.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// The same command started by another program that ends by executing it.
    pub(super) fn behind(mut self, program: &Program, options: &[&'static str]) -> Self {
        let inner = std::mem::replace(&mut self.program, program.clone());
        let before = options.iter().map(OsString::from).chain([inner.0.into_os_string()]);
        self.arguments = before.chain(self.arguments).collect();
        self
    }

    /// The command line for messages and scripts: the program's name and its arguments; those with blanks are quoted.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = self.program.name();
        for argument in &self.arguments {
            let argument = argument.to_string_lossy();
            line.push(' ');
            if argument.is_empty() || argument.contains(char::is_whitespace) {
                line.push_str(&format!("{argument:?}"));
            } else {
                line.push_str(&argument);
            }
        }
        line
    }

    pub(super) fn check(&self) -> Result<(), CommandError> {
        self.refused
            .as_ref()
            .map_or(Ok(()), |word| Err(CommandError::Option { program: self.program.name(), word: word.clone() }))
    }
}
