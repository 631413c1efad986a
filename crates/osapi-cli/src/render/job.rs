//! Jobs: lists, one in full, its events, and counts.

use jiff::Timestamp;
use osapi_core::api::Row;
use osapi_core::job::{DeadLetter, JobDetail, JobEvent, JobEventKind, JobStats, JobSummary};
use osapi_core::{JobState, OperationKind};

use super::human::{ago, duration, local_time};
use super::outcome::dash;
use super::table::{Table, pairs};
use crate::printer::{Format, Printer, Style};

/// Jobs as a table.
pub(crate) fn job_list(items: &[JobSummary], printer: &Printer) -> String {
    let wide = printer.format == Format::Wide;
    let mut headers = vec!["JOB", "STATUS", "OPERATION", "TARGET", "HOSTS", "CREATED"];
    headers.extend(wide.then_some(["UPDATED", "BY"]).into_iter().flatten());
    let mut table = Table::new(headers);
    let now = Timestamp::now();
    for job in items {
        let hosts: Vec<String> = job.hosts.iter().map(|(status, count)| format!("{count} {status}")).collect();
        let mut cells = vec![
            (job.id.to_string(), None),
            (job.status.to_string(), Some(state_colour(job.status))),
            (job.operation.to_string(), None),
            (job.target.to_string(), None),
            (dash(hosts.join(", ")), None),
            (ago(job.created_at, now), None),
        ];
        if wide {
            cells.push((local_time(job.updated_at), None));
            cells.push((dash(job.submitted_by.clone().unwrap_or_default()), None));
        }
        table.styled_row(cells);
    }
    table.text(printer)
}

/// One job in full: facts, results, what happened.
pub(crate) fn job_detail(job: &JobDetail, printer: &Printer) -> String {
    let data = job.operation.data().unwrap_or_default();
    let mut facts = vec![
        ("Job", job.id.to_string()),
        ("Status", printer.styled(state_colour(job.status), job.status.as_str())),
        ("Operation", job.operation.name().to_owned()),
        ("Input", data.to_string()),
        ("Target", job.target.to_string()),
        ("Created", local_time(job.created_at)),
        ("Expires", local_time(job.expires_at)),
        ("Updated", local_time(job.updated_at)),
    ];
    facts.extend(job.submitted_by.clone().map(|who| ("By", who)));
    facts.extend(job.retry_of.map(|id| ("Retry of", id.to_string())));
    let retried: Vec<String> = job.retried_as.iter().map(ToString::to_string).collect();
    facts.extend((!retried.is_empty()).then(|| ("Retried as", retried.join(", "))));
    let mut text = pairs(printer, &facts);
    if !job.results.is_empty() {
        text = format!("{text}\n\n{}", results(job, printer));
    }
    let mut timeline = Table::new(["TIME", "EVENT", "HOSTNAME", "MESSAGE"]);
    for event in &job.timeline {
        let host = event.hostname.as_ref().map(ToString::to_string).unwrap_or_default();
        timeline.row([local_time(event.timestamp), kind(event.event).to_owned(), dash(host), words(event)]);
    }
    format!("{text}\n\n{}", timeline.text(printer))
}

/// The results of a job as the table of its operation.
pub(crate) fn results(job: &JobDetail, printer: &Printer) -> String {
    let rows: Vec<Row<serde_json::Value>> = job.results.iter().cloned().map(Row::from).collect();
    super::rows(job.operation.kind(), &rows, printer)
}

/// One event as a line.
pub(crate) fn event_line(event: &JobEvent) -> String {
    let time = local_time(event.timestamp);
    let host = event.hostname.as_ref().map(|host| format!(" {host}")).unwrap_or_default();
    let words = words(event);
    let colon = if words.is_empty() { "" } else { ": " };
    format!("{time}{host} {}{colon}{words}", kind(event.event))
}

fn words(event: &JobEvent) -> String {
    let error = event.error.as_ref().map(|error| error.message.clone());
    error.or_else(|| event.message.clone()).unwrap_or_default()
}

const fn kind(kind: JobEventKind) -> &'static str {
    match kind {
        JobEventKind::Submitted => "submitted",
        JobEventKind::Acknowledged => "acknowledged",
        JobEventKind::Started => "started",
        JobEventKind::Progress => "progress",
        JobEventKind::Completed => "completed",
        JobEventKind::Failed => "failed",
        JobEventKind::Cancelled => "cancelled",
        JobEventKind::Expired => "expired",
        JobEventKind::Interrupted => "interrupted",
        JobEventKind::Retried => "retried",
    }
}

/// Jobs counted, by state and by operation.
pub(crate) fn job_stats(stats: &JobStats, printer: &Printer) -> String {
    let mut table = Table::new(["STATUS", "JOBS"]);
    for state in JobState::ALL {
        let count = stats.status_counts.get(&state).copied().unwrap_or_default();
        if count > 0 || printer.format == Format::Wide {
            table.styled_row(vec![(state.to_string(), Some(state_colour(state))), (count.to_string(), None)]);
        }
    }
    let mut operations = Table::new(["OPERATION", "JOBS"]);
    for (operation, count) in &stats.operation_counts {
        operations.row([operation.clone(), count.to_string()]);
    }
    let facts = [("Jobs", stats.total_jobs.to_string()), ("Dead letters", stats.dlq_count.to_string())];
    let mut text = format!("{}\n\n{}", pairs(printer, &facts), table.text(printer));
    if !stats.operation_counts.is_empty() {
        text = format!("{text}\n\n{}", operations.text(printer));
    }
    text
}

/// Dead letters as a table.
pub(crate) fn dead_letters(letters: &[DeadLetter], printer: &Printer) -> String {
    let mut table = Table::new(["NUMBER", "TIME", "REASON", "JOB", "HOSTNAME"]);
    for letter in letters {
        let job = letter.job_id.map(|job| job.to_string()).unwrap_or_default();
        let host = letter.hostname.as_ref().map(ToString::to_string).unwrap_or_default();
        let time = local_time(letter.timestamp);
        table.row([letter.sequence.to_string(), time, letter.reason.clone(), dash(job), dash(host)]);
    }
    table.text(printer)
}

/// One dead letter in full.
pub(crate) fn dead_letter(letter: &DeadLetter, printer: &Printer) -> String {
    let job = letter.job_id.map(|job| job.to_string()).unwrap_or_default();
    let host = letter.hostname.as_ref().map(ToString::to_string).unwrap_or_default();
    let facts = [
        ("Number", letter.sequence.to_string()),
        ("Time", local_time(letter.timestamp)),
        ("Subject", letter.subject.clone()),
        ("Reason", letter.reason.clone()),
        ("Job", dash(job)),
        ("Hostname", dash(host)),
        ("Payload", letter.payload.clone()),
    ];
    pairs(printer, &facts)
}

/// How long a job has taken or took.
pub(crate) fn taken(job: &JobDetail) -> String {
    duration(std::time::Duration::try_from(job.updated_at.duration_since(job.created_at)).unwrap_or_default())
}

/// The colour of a job's state.
pub(crate) const fn state_colour(state: JobState) -> Style {
    match state {
        JobState::Submitted | JobState::Acknowledged | JobState::Processing => Style::Cyan,
        JobState::Completed => Style::Green,
        JobState::PartialFailure | JobState::Cancelled | JobState::Expired => Style::Yellow,
        JobState::Failed | JobState::Interrupted => Style::Red,
    }
}

/// The operation's kind under its name, for filters.
pub(crate) fn operation_named(name: &str) -> Result<OperationKind, String> {
    OperationKind::named(name).ok_or_else(|| {
        let known: Vec<&str> = OperationKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("there is no operation `{name}`; there are `{}`", known.join("`, `"))
    })
}
