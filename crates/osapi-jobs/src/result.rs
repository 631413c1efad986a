//! The result of one slot: stored once, and for as long as it takes.

use std::time::Duration;

use bytes::Bytes;
use osapi_core::{ErrorCode, Failure, HostStatus, Report};
use tokio_util::sync::CancellationToken;

use crate::names::Key;
use crate::records::Response;
use crate::store::{Store, StoreFault};

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A report as it is stored.
pub(crate) fn body(report: &Report) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Response::Reported(report.clone()))
}

/// Stores a report, however long the broker is away; `false` when `gone` comes first.
///
/// If something is stored already it stands: an earlier attempt of ours, or the job was called off or deleted.
pub(crate) async fn store(store: &Store, key: Key, report: Report, gone: &CancellationToken) -> bool {
    let mut pause = Duration::from_millis(50);
    let mut report = report;
    loop {
        let size = match body(&report) {
            Ok(body) => {
                let size = body.len();
                match store.create(&key, Bytes::from(body)).await {
                    Ok(_) => return true,
                    Err(StoreFault::TooLarge) => Some(size),
                    Err(fault) => {
                        tracing::warn!(%fault, "a result is not stored yet");
                        None
                    }
                }
            }
            Err(error) => {
                report = unfit(report, &format!("the result cannot be written down: {error}"));
                continue;
            }
        };
        if let Some(size) = size {
            let text = format!(
                "the operation ended `{}`, but its result of {size} bytes is larger than the broker takes",
                report.status
            );
            report = unfit(report, &text);
            continue;
        }
        tokio::select! {
            () = gone.cancelled() => return false,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The same report without what cannot be stored, and with the reason.
fn unfit(report: Report, message: &str) -> Report {
    let failure =
        Failure::new(ErrorCode::Failed, message).with_hint("ask for less, or raise `max_payload` of the broker");
    Report { status: HostStatus::Failed, data: None, error: Some(failure), ..report }
}
