//! How answers are shown to people: tables that fit the terminal, human numbers and times.

mod audit;
mod health;
mod human;
mod job;
mod outcome;
mod rows;
mod table;
mod yaml;

pub(crate) use audit::{audit_entry, audit_list};
pub(crate) use health::health_status;
pub(crate) use human::local_time;
pub(crate) use job::{
    dead_letter, dead_letters, event_line, job_detail, job_list, job_stats, operation_named, results, state_colour,
    taken,
};
pub(crate) use rows::{rows, worker, workers};
pub(crate) use table::{Table, pairs};

use serde_json::Value;

use crate::failure::Failure;
use crate::printer::{Format, Printer};

/// Prints a body in the form asked for; `table` makes the one for people.
pub(crate) fn show(printer: &Printer, body: &str, table: impl FnOnce() -> String) -> Result<(), Failure> {
    match printer.format {
        Format::Table | Format::Wide => printer.data(&table()),
        Format::Json => printer.data(body),
        Format::Yaml => printer.data(&yaml::of(&parsed(body)?)),
        Format::Jsonl => lines(printer, &parsed(body)?),
    }
}

fn parsed(body: &str) -> Result<Value, Failure> {
    serde_json::from_str(body).map_err(|error| Failure::usage(format!("the answer is not JSON: {error}")))
}

/// The items of a list, the rows of a result, or the whole as one line.
fn lines(printer: &Printer, value: &Value) -> Result<(), Failure> {
    let items = ["results", "items", "workers"].iter().find_map(|key| value.get(key)?.as_array());
    match items {
        Some(items) => items.iter().try_for_each(|item| printer.data(&item.to_string())),
        None => printer.data(&value.to_string()),
    }
}
