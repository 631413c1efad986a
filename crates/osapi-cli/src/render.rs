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
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::printer::{Format, Printer};

/// Prints a body in the form asked for; `table` makes the one for people.
pub(crate) fn show(printer: &Printer, body: &str, table: impl FnOnce() -> String) -> Result<(), Failure> {
    match printer.format {
        Format::Table | Format::Wide => printer.data(&table()),
        Format::Json => printer.data(body),
        Format::Yaml => printer.data(&yaml::of(&parsed(body)?)),
        Format::Jsonl => lines(printer, body),
    }
}

fn parsed(body: &str) -> Result<Value, Failure> {
    serde_json::from_str(body).map_err(|error| Failure::usage(format!("the answer is not JSON: {error}")))
}

/// The lists an answer may consist of.
#[derive(serde::Deserialize)]
struct Lists<'a> {
    #[serde(borrow)]
    results: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    workers: Option<Vec<&'a RawValue>>,
}

/// The items of a list or the rows of a result, each untouched on a line of its own; anything else as one line.
fn lines(printer: &Printer, body: &str) -> Result<(), Failure> {
    let lists: Option<Lists<'_>> = serde_json::from_str(body).ok();
    match lists.and_then(|lists| lists.results.or(lists.items).or(lists.workers)) {
        Some(items) => items.iter().try_for_each(|item| printer.data(item.get())),
        None => printer.data(body),
    }
}
