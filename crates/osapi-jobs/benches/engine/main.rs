//! What the engine costs, on a real nats-server that syncs every write. Beside each figure stands its floor: the same
//! writes and deliveries done bare, on the same broker in the same run.
//!
//! `cargo bench -p osapi-jobs [-- NAME…]` with the names of the modules below.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement stops at the first surprise and prints")]

mod fleet;
mod idle;
mod index;
mod latency;
mod stage;
mod throughput;

use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [role, address] = arguments.as_slice()
        && role == idle::ROLE
    {
        return idle::worker(address);
    }
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if wanted("latency") {
            latency::measure().await;
        }
        if wanted("throughput") {
            throughput::measure().await;
        }
        if wanted("fleet") {
            fleet::measure().await;
        }
        if wanted("index") {
            index::measure().await;
        }
        if wanted("idle") {
            idle::measure().await;
        }
    });
}

/// One line of the report.
fn line(what: &str, figure: &str, floor: &str, target: &str) {
    println!("{what:<58} {figure:>14}   floor {floor:>14}   {target}");
}

/// The share of samples at most this long.
fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    samples[(samples.len() - 1) * percent / 100]
}

fn micros(duration: Duration) -> String {
    format!("{} us", duration.as_micros())
}

fn ratio(figure: f64, floor: f64) -> String {
    format!("ratio {:.2}", figure / floor)
}
