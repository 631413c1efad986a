//! `client audit`.

use std::io::Write as _;
use std::path::Path;

use futures::StreamExt as _;
use osapi_client::{Answer, AuditFilter};
use osapi_core::api::AuditPage;
use osapi_core::audit::AuditEntry;

use crate::arguments::audit::{Audit, Filter};
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::render;

/// How many entries one request asks for.
const PAGE: usize = 100;

/// Does what `client audit` says.
pub(crate) async fn run(remote: &Remote, command: Audit) -> Result<ExitStatus, Failure> {
    match command {
        Audit::List { filter, limit, offset } => {
            let answer = list(remote, &filter, limit, offset).await?;
            remote.show(&answer, |page, printer| render::audit_list(&page.items, printer)).map(|()| ExitStatus::Ok)
        }
        Audit::Get { id, audit_id } => {
            let id = id.or(audit_id).map(|id| id.to_string()).unwrap_or_default();
            let answer = remote.client.audit_get(&id).await.map_err(|error| remote.failure(&error))?;
            remote.show(&answer, render::audit_entry).map(|()| ExitStatus::Ok)
        }
        Audit::Export { output, kind: _, filter } => export(remote, &output, &filter).await,
        Audit::Verify { known_hash } => verify(remote, known_hash.as_deref()).await,
    }
}

/// Entries that match, part after part until there are as many as asked for.
async fn list(remote: &Remote, filter: &Filter, limit: usize, offset: usize) -> Result<Answer<AuditPage>, Failure> {
    let wanted = if limit == 0 { usize::MAX } else { limit };
    let mut asked = AuditFilter {
        user: filter.user.clone(),
        status: filter.status,
        path: filter.path.clone(),
        since: filter.since,
        until: filter.until,
        limit: Some(wanted.min(PAGE)),
        offset: (offset > 0).then_some(offset),
        cursor: None,
    };
    let mut whole = remote.client.audit_list(&asked).await.map_err(|error| remote.failure(&error))?;
    let mut grown = false;
    asked.offset = None;
    while let Some(cursor) = whole.value.next_cursor.clone().filter(|_| whole.value.items.len() < wanted) {
        asked.cursor = Some(cursor);
        let more = remote.client.audit_list(&asked).await.map_err(|error| remote.failure(&error))?;
        whole.value.items.extend(more.value.items);
        whole.value.next_cursor = more.value.next_cursor;
        grown = true;
    }
    if grown {
        whole.value.items.truncate(wanted);
        whole.text = serde_json::to_string(&whole.value).map_err(|error| Failure::of(&error))?;
    }
    Ok(whole)
}

/// Writes entries line by line as they come; a stream that breaks leaves no file that looks whole.
async fn export(remote: &Remote, output: &Path, filter: &Filter) -> Result<ExitStatus, Failure> {
    let stream =
        remote.client.audit_export(filter.since, filter.until).await.map_err(|error| remote.failure(&error))?;
    let mut stream = std::pin::pin!(stream);
    let to_stdout = output == Path::new("-");
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: &std::io::Error| Failure::file("write", output, error);
    let mut file =
        if to_stdout { None } else { Some(tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?) };
    let mut count = 0_u64;
    while let Some(line) = stream.next().await {
        let line = line.map_err(|error| remote.failure(&error))?;
        if !matches(filter, &line)? {
            continue;
        }
        count += 1;
        match &mut file {
            Some(file) => writeln!(file, "{line}").map_err(|error| failed(&error))?,
            None => remote.printer.data(&line)?,
        }
    }
    if let Some(file) = file {
        file.as_file().sync_all().map_err(|error| failed(&error))?;
        file.persist(output).map_err(|error| failed(&error.error))?;
        remote.printer.say(&format!("{count} entries written to `{}`", output.display()));
    }
    Ok(ExitStatus::Ok)
}

/// Whether an entry is wanted: the server filters an export by time, the rest is done here.
fn matches(filter: &Filter, line: &str) -> Result<bool, Failure> {
    if filter.user.is_none() && filter.status.is_none() && filter.path.is_none() {
        return Ok(true);
    }
    let entry: AuditEntry =
        serde_json::from_str(line).map_err(|error| Failure::usage(format!("an entry is not understood: {error}")))?;
    Ok(filter.user.as_ref().is_none_or(|user| entry.user == *user)
        && filter.status.is_none_or(|status| entry.response_code == status)
        && filter.path.as_ref().is_none_or(|path| entry.path.starts_with(path.as_str())))
}

async fn verify(remote: &Remote, known_hash: Option<&str>) -> Result<ExitStatus, Failure> {
    let answer = remote.client.audit_verify(known_hash).await.map_err(|error| remote.failure(&error))?;
    remote.show(&answer, |it, printer| {
        let state = if it.intact { "intact" } else { "broken" };
        let mut facts = vec![("Trail", state.to_owned()), ("Entries", it.entries.to_string())];
        facts.extend(it.broken_at.map(|at| ("Broken at", at.to_string())));
        facts.extend(it.reason.clone().map(|reason| ("Reason", reason)));
        facts.extend(it.last_hash.clone().map(|hash| ("Last hash", hash)));
        render::pairs(printer, &facts)
    })?;
    Ok(if answer.value.intact { ExitStatus::Ok } else { ExitStatus::Failed })
}
