//! The audit trail.

use osapi_core::audit::AuditEntry;

use super::human::local_time;
use super::outcome::dash;
use super::table::{Table, pairs};
use crate::printer::{Format, Printer, Style};

/// Entries as a table.
pub(crate) fn audit_list(entries: &[AuditEntry], printer: &Printer) -> String {
    let wide = printer.format == Format::Wide;
    let mut headers = vec!["TIME", "USER", "METHOD", "PATH", "STATUS", "DURATION", "ENTRY"];
    headers.extend(wide.then_some(["SOURCE", "TARGET", "JOB", "TRACE"]).into_iter().flatten());
    let mut table = Table::new(headers);
    for entry in entries {
        let mut cells = vec![
            (local_time(entry.timestamp), None),
            (dash(entry.user.clone()), None),
            (entry.method.clone(), None),
            (entry.path.clone(), None),
            (entry.response_code.to_string(), Some(status_colour(entry.response_code))),
            (format!("{} ms", entry.duration_ms), None),
            (entry.id.to_string(), None),
        ];
        if wide {
            let job = entry.job_id.map(|job| job.to_string());
            let more = [Some(entry.source_ip.clone()), entry.target.clone(), job, entry.trace_id.clone()];
            cells.extend(more.map(|cell| (dash(cell.unwrap_or_default()), None)));
        }
        table.styled_row(cells);
    }
    table.text(printer)
}

/// One entry in full.
pub(crate) fn audit_entry(entry: &AuditEntry, printer: &Printer) -> String {
    let mut facts = vec![
        ("Entry", entry.id.to_string()),
        ("Time", local_time(entry.timestamp)),
        ("User", dash(entry.user.clone())),
        ("Roles", dash(entry.roles.join(", "))),
        ("Request", format!("{} {}", entry.method, entry.path)),
        ("Status", entry.response_code.to_string()),
        ("Duration", format!("{} ms", entry.duration_ms)),
        ("Source IP", entry.source_ip.clone()),
        ("Request ID", entry.request_id.clone()),
    ];
    facts.extend(entry.operation_id.clone().map(|it| ("Operation", it)));
    facts.extend(entry.target.clone().map(|it| ("Target", it)));
    facts.extend(entry.job_id.map(|it| ("Job", it.to_string())));
    facts.extend(entry.trace_id.clone().map(|it| ("Trace", it)));
    facts.extend(entry.summary.clone().map(|it| ("Change", it)));
    facts.push(("Hash", entry.hash.clone()));
    pairs(printer, &facts)
}

const fn status_colour(status: u16) -> Style {
    match status {
        0..300 => Style::Green,
        300..500 => Style::Yellow,
        _ => Style::Red,
    }
}
