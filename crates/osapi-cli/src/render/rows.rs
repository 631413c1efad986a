//! Results of many hosts: equal ones together, the odd ones below; and the hosts themselves.

use jiff::Timestamp;
use osapi_core::api::Row;
use osapi_core::worker::{Worker, WorkerState};
use osapi_core::{Class, HostName, HostStatus, OperationKind, Outcome};
use serde_json::Value;

use super::human::ago;
use super::outcome::{columns, dash, lines, status_in_full};
use super::table::{Table, pairs};
use crate::printer::{Format, Printer, Style};

/// From how many hosts on equal results are shown as one.
const GROUP: usize = 3;

/// What one host has to show: its status, its lines, and why it failed.
#[derive(PartialEq)]
struct Shown {
    status: HostStatus,
    lines: Vec<Vec<String>>,
    error: Option<String>,
}

/// What hosts share.
struct Group {
    hosts: Vec<HostName>,
    shown: Shown,
}

/// The rows of an operation as a table; a status of one host in full.
pub(crate) fn rows(kind: OperationKind, rows: &[Row<Value>], printer: &Printer) -> String {
    if let (OperationKind::SystemStatusGet, [row], Format::Table) = (kind, rows, printer.format)
        && let Some(text) = one_status(row, printer)
    {
        return text;
    }
    let mut groups = groups(kind, rows);
    if printer.format == Format::Table {
        // The many first, then the odd ones by name.
        groups.sort_by_key(|group| std::cmp::Reverse(if group.hosts.len() >= GROUP { group.hosts.len() } else { 0 }));
    }
    let failed = rows.iter().any(|row| row.status != HostStatus::Ok);
    let with_status = failed || kind.class() == Class::Modify;
    // Where nobody has anything to show, its columns would only be empty.
    let nothing = groups.iter().all(|group| group.shown.lines.is_empty());
    let columns = if nothing && failed { vec![] } else { columns(kind, printer.format) };
    let mut headers = vec!["HOSTNAME"];
    headers.extend(with_status.then_some("STATUS"));
    headers.extend(&columns);
    headers.extend(failed.then_some("ERROR"));
    let mut table = Table::new(headers);
    for group in &groups {
        for name in names(&group.hosts, printer.format) {
            add(&mut table, &name, &group.shown, columns.len(), with_status.then_some(failed));
        }
    }
    table.text(printer)
}

fn one_status(row: &Row<Value>, printer: &Printer) -> Option<String> {
    let outcome = OperationKind::SystemStatusGet.read_outcome(row.data.clone()?).ok()?;
    let Outcome::SystemStatusGet(status) = outcome else { return None };
    let (facts, disks) = status_in_full(&status);
    let mut table = Table::new(columns(OperationKind::SystemDiskGet, Format::Table));
    for line in disks {
        table.row(line.into_iter().take(5));
    }
    Some(format!("{}\n\n{}", pairs(printer, &facts), table.text(printer)))
}

fn groups(kind: OperationKind, rows: &[Row<Value>]) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![];
    for row in rows {
        let shown = shown(kind, row);
        match groups.iter_mut().find(|group| group.shown == shown) {
            Some(group) => group.hosts.push(row.hostname.clone()),
            None => groups.push(Group { hosts: vec![row.hostname.clone()], shown }),
        }
    }
    groups
}

fn shown(kind: OperationKind, row: &Row<Value>) -> Shown {
    let outcome = row.data.clone().map(|data| kind.read_outcome(data));
    let unread = || vec![vec![row.data.as_ref().map(ToString::to_string).unwrap_or_default()]];
    Shown {
        status: row.status,
        lines: match outcome {
            Some(Ok(outcome)) => lines(&outcome),
            // A newer server may say what this program does not know yet.
            Some(Err(_)) => unread(),
            None => vec![],
        },
        error: row.error.as_ref().map(|error| error.message.clone()),
    }
}

/// What stands in the first column: one name for a group in the short table, else each host.
fn names(hosts: &[HostName], format: Format) -> Vec<String> {
    if format == Format::Table && hosts.len() >= GROUP {
        vec![format!("{} hosts", hosts.len())]
    } else {
        hosts.iter().map(ToString::to_string).collect()
    }
}

/// Adds the lines of one host or group. `status` is there when the column is; it tells whether an error column is too.
fn add(table: &mut Table, name: &str, shown: &Shown, width: usize, status: Option<bool>) {
    let empty = [vec![]];
    let lines = if shown.lines.is_empty() { &empty[..] } else { &shown.lines };
    for (number, line) in lines.iter().enumerate() {
        let mut cells = vec![(if number == 0 { name.to_owned() } else { String::new() }, None)];
        if status.is_some() {
            cells.push((shown.status.to_string(), Some(colour(shown.status))));
        }
        let padded = line.iter().cloned().chain(std::iter::repeat(String::new()));
        cells.extend(padded.take(width).map(|cell| (cell, None)));
        if status == Some(true) {
            cells.push((shown.error.clone().unwrap_or_default(), Some(Style::Red)));
        }
        table.styled_row(cells);
    }
}

/// The colour of a host's status.
pub(crate) const fn colour(status: HostStatus) -> Style {
    match status {
        HostStatus::Ok => Style::Green,
        HostStatus::Pending | HostStatus::Acknowledged | HostStatus::Running => Style::Cyan,
        HostStatus::Unsupported | HostStatus::Cancelled | HostStatus::Expired => Style::Yellow,
        HostStatus::Failed | HostStatus::Interrupted | HostStatus::Unreachable => Style::Red,
    }
}

/// The workers as a table.
pub(crate) fn workers(workers: &[Worker], printer: &Printer) -> String {
    let wide = printer.format == Format::Wide;
    let mut headers = vec!["HOSTNAME", "STATE", "LABELS", "JOBS", "SEEN"];
    headers.extend(wide.then_some(["VERSION", "OS", "MACHINE ID", "REASON"]).into_iter().flatten());
    let mut table = Table::new(headers);
    let now = Timestamp::now();
    for worker in workers {
        let labels: Vec<String> = worker.labels.iter().map(ToString::to_string).collect();
        let mut cells = vec![
            (worker.hostname.to_string(), None),
            (worker.state.to_string(), Some(state_colour(worker.state))),
            (dash(labels.join(", ")), None),
            (format!("{}/{}", worker.running, worker.max_jobs), None),
            (ago(worker.last_seen, now), None),
        ];
        if wide {
            let os = worker.os.as_ref().map(|os| os.name.clone()).unwrap_or_default();
            let machine = worker.machine_id.clone().unwrap_or_default();
            let reason = worker.reason.clone().unwrap_or_default();
            cells.extend([worker.version.clone(), dash(os), dash(machine), dash(reason)].map(|cell| (cell, None)));
        }
        table.styled_row(cells);
    }
    table.text(printer)
}

/// One worker in full.
pub(crate) fn worker(worker: &Worker, printer: &Printer) -> String {
    let labels: Vec<String> = worker.labels.iter().map(ToString::to_string).collect();
    let capabilities: Vec<&str> = worker.capabilities.iter().map(|kind| kind.name()).collect();
    let os = worker.os.as_ref().map(|os| format!("{} ({}, {})", os.name, os.kernel, os.architecture));
    let state = match &worker.reason {
        Some(reason) => format!("{} ({reason})", worker.state),
        None => worker.state.to_string(),
    };
    pairs(
        printer,
        &[
            ("Hostname", worker.hostname.to_string()),
            ("State", state),
            ("Labels", dash(labels.join(", "))),
            ("Jobs", format!("{} of {}", worker.running, worker.max_jobs)),
            ("Version", worker.version.clone()),
            ("OS", dash(os.unwrap_or_default())),
            ("Machine ID", dash(worker.machine_id.clone().unwrap_or_default())),
            ("Registered", super::local_time(worker.registered_at)),
            ("Last seen", super::local_time(worker.last_seen)),
            ("Operations", capabilities.join(", ")),
        ],
    )
}

const fn state_colour(state: WorkerState) -> Style {
    match state {
        WorkerState::Ready => Style::Green,
        WorkerState::Draining => Style::Yellow,
        WorkerState::Stopped => Style::Dim,
        WorkerState::Lost => Style::Red,
    }
}
