//! `context`: named API servers.

use std::io::Read as _;
use std::path::PathBuf;

use osapi_server::token::MAX_LENGTH;
use serde_json::json;

use crate::arguments::context::Context;
use crate::context::{Contexts, Entry};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::render::{self, Table};
use crate::session::Session;

/// Does what `context` says.
pub(crate) fn run(session: &Session, command: Context) -> Result<ExitStatus, Failure> {
    let mut contexts = Contexts::load(&session.environment)?;
    match command {
        Context::List => return list(session, &contexts),
        Context::Use { name } => {
            if !contexts.contexts.contains_key(&name) {
                return Err(contexts.unknown(&name));
            }
            contexts.current = Some(name.clone());
            contexts.save(&session.environment)?;
            session.printer.say(&format!("commands talk to `{name}` from now on"));
        }
        Context::Set { name, url, token_file, token_stdin, ca_file } => {
            let before = contexts.contexts.remove(&name).unwrap_or_default();
            let token = if token_stdin { Some(from_stdin()?) } else { None };
            let entry = changed(before, url, token, (token_file, ca_file))?;
            contexts.contexts.insert(name.clone(), entry);
            let first = contexts.current.is_none();
            contexts.current.get_or_insert_with(|| name.clone());
            contexts.save(&session.environment)?;
            let current = if first { " and is the current one" } else { "" };
            session.printer.say(&format!("context `{name}` is kept{current}"));
        }
        Context::Remove { name } => {
            if contexts.contexts.remove(&name).is_none() {
                return Err(contexts.unknown(&name));
            }
            contexts.current = contexts.current.filter(|current| *current != name);
            contexts.save(&session.environment)?;
            session.printer.say(&format!("context `{name}` is removed"));
        }
    }
    Ok(ExitStatus::Ok)
}

fn changed(
    before: Entry,
    url: Option<String>,
    token: Option<String>,
    (token_file, ca_file): (Option<PathBuf>, Option<PathBuf>),
) -> Result<Entry, Failure> {
    let url = url.unwrap_or(before.url);
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        return Err(Failure::usage("an API server is needed: `--url https://…`"));
    }
    let absolute = |path: PathBuf| std::path::absolute(&path).map_err(|error| Failure::file("find", &path, &error));
    let (token, token_file) = match (token, token_file) {
        (Some(token), _) => (Some(token), None),
        (None, Some(file)) => (None, Some(absolute(file)?)),
        (None, None) => (before.token, before.token_file),
    };
    Ok(Entry { url, token, token_file, ca_file: ca_file.map(absolute).transpose()?.or(before.ca_file) })
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_LENGTH as u64 + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("cannot read the token from stdin: {error}")))?;
    let token = text.trim();
    if token.is_empty() { Err(Failure::usage("there is no token on stdin")) } else { Ok(token.to_owned()) }
}

fn list(session: &Session, contexts: &Contexts) -> Result<ExitStatus, Failure> {
    let token = |entry: &Entry| match (&entry.token, &entry.token_file) {
        (Some(_), _) => "kept here".to_owned(),
        (None, Some(file)) => file.display().to_string(),
        (None, None) => "none".to_owned(),
    };
    let is_current = |name: &str| contexts.current.as_deref() == Some(name);
    let items: Vec<_> = contexts
        .contexts
        .iter()
        .map(
            |(name, entry)| json!({"name": name, "current": is_current(name), "url": entry.url, "token": token(entry)}),
        )
        .collect();
    render::show(&session.printer, &json!({ "items": items }).to_string(), || {
        let mut table = Table::new(["", "NAME", "URL", "TOKEN"]);
        for (name, entry) in &contexts.contexts {
            let mark = if is_current(name) { "*" } else { "" };
            table.row([mark.to_owned(), name.clone(), entry.url.clone(), token(entry)]);
        }
        table.text(&session.printer)
    })?;
    Ok(ExitStatus::Ok)
}
