//! `version`, `completion` and `manual`.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_complete::env::Shells;
use serde_json::json;

use crate::arguments::Arguments;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::render;
use crate::session::Session;

/// Prints the version.
pub(crate) fn version(session: &Session) -> Result<ExitStatus, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let body = json!({ "version": version }).to_string();
    render::show(&session.printer, &body, || format!("osapi {version}")).map(|()| ExitStatus::Ok)
}

/// Prints the script by which a shell asks this program for completions.
pub(crate) fn script(session: &Session, shell: Shell) -> Result<ExitStatus, Failure> {
    let shells = Shells::builtins();
    let name = shell.to_string();
    let completer =
        shells.completer(&name).ok_or_else(|| Failure::usage(format!("there is no completion for {name}")))?;
    let mut script = vec![];
    completer
        .write_registration("COMPLETE", "osapi", "osapi", "osapi", &mut script)
        .map_err(|error| Failure::of(&error))?;
    session.printer.data(&String::from_utf8_lossy(&script)).map(|()| ExitStatus::Ok)
}

/// Writes a manual page for every command.
pub(crate) fn manual(session: &Session, folder: &Path) -> Result<ExitStatus, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("make", folder, &error))?;
    clap_mangen::generate_to(Arguments::command(), folder)
        .map_err(|error| Failure::file("write to", folder, &error))?;
    session.printer.say(&format!("manual pages are in `{}`", folder.display()));
    Ok(ExitStatus::Ok)
}
