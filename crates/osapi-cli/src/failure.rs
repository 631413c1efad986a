//! Why a command could not do what it was asked, for the person who asked.

use std::fmt::Display;

use osapi_broker::BrokerError;
use osapi_settings::SettingsError;

use crate::exit_status::ExitStatus;

/// Why a command failed: what and why, what to do, and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What failed and why; further lines for further mistakes.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// How the command ends.
    pub(crate) status: ExitStatus,
}

impl Failure {
    /// A failure with this status.
    pub(crate) fn new(status: ExitStatus, message: impl Display) -> Self {
        Self { message: message.to_string(), hint: None, status }
    }

    /// Something on the command line, in the configuration or on this machine.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(ExitStatus::Usage, message)
    }

    /// Something tried in vain, with the chain of causes.
    pub(crate) fn of(error: &dyn std::error::Error) -> Self {
        Self::usage(chain(error))
    }

    /// The reader of our output has gone: nothing to say.
    pub(crate) const fn silent() -> Self {
        Self { message: String::new(), hint: None, status: ExitStatus::Ok }
    }

    /// The same with a remedy.
    pub(crate) fn with_hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// What was being done to which file.
    pub(crate) fn file(action: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::usage(format!("cannot {action} `{}`: {error}", path.display()))
    }
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let hint = match &error {
            SettingsError::Read { .. } => "`osapi config init` writes a configuration; `--osapi-file` names another",
            SettingsError::Problems(_) => {
                "`osapi config reference` lists every key, `osapi config init` writes a first configuration"
            }
        };
        Self::of(&error).with_hint(hint)
    }
}

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        Self::of(&error)
    }
}
