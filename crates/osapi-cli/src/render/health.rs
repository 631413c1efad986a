//! Health in full.

use osapi_core::api::{Health, HealthStatus};

use super::human::bytes;
use super::outcome::dash;
use super::table::{Table, pairs};
use crate::printer::{Printer, Style};

/// Every part and how it does.
pub(crate) fn health_status(status: &HealthStatus, printer: &Printer) -> String {
    let counted = |counts: Vec<(String, u64)>| {
        let words: Vec<String> = counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        dash(words.join(", "))
    };
    let jobs = status.jobs.by_state.iter().map(|(state, count)| (state.to_string(), *count)).collect();
    let workers = status.workers.by_state.iter().map(|(state, count)| (state.to_string(), *count)).collect();
    let facts = [
        ("Status", printer.styled(colour(status.status), word(status.status))),
        ("Version", status.version.clone()),
        ("Uptime", status.uptime.clone()),
        ("Broker", if status.nats.connected { "connected" } else { "not connected" }.to_owned()),
        ("Jobs", counted(jobs)),
        ("Workers", counted(workers)),
        ("Dead letters", status.jobs.dlq.to_string()),
    ];
    let mut components = Table::new(["COMPONENT", "STATUS", "ERROR"]);
    for (name, state) in &status.components {
        components.styled_row(vec![
            (name.clone(), None),
            (word(state.status).to_owned(), Some(colour(state.status))),
            (state.error.clone().unwrap_or_default(), None),
        ]);
    }
    let mut streams = Table::new(["STREAM", "MESSAGES", "SIZE", "CONSUMERS"]);
    for stream in &status.streams {
        let (messages, consumers) = (stream.messages.to_string(), stream.consumers.to_string());
        streams.row([stream.name.clone(), messages, bytes(stream.bytes), consumers]);
    }
    let mut buckets = Table::new(["BUCKET", "KEYS", "SIZE"]);
    for bucket in &status.kv_buckets {
        buckets.row([bucket.name.clone(), bucket.keys.to_string(), bytes(bucket.bytes)]);
    }
    let tables = [components, streams, buckets].map(|table| table.text(printer));
    format!("{}\n\n{}", pairs(printer, &facts), tables.join("\n\n"))
}

const fn word(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Error => "error",
        Health::Degraded => "degraded",
    }
}

const fn colour(health: Health) -> Style {
    match health {
        Health::Ok => Style::Green,
        Health::Error => Style::Red,
        Health::Degraded => Style::Yellow,
    }
}
