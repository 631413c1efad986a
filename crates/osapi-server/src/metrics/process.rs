//! Metrics of this process, named as Prometheus' own clients name them where these have such a metric; what cannot be read is left out.

use super::{Named, Observed};

/// The kernel's ticks a second as `/proc` counts them, the same on every Linux.
const TICKS: f64 = 100.0;

/// The page size of every architecture we build for.
const PAGE: u64 = 4096;

pub(super) fn observe(observed: &Observed) {
    let time =
        observed.meter.f64_observable_counter("process.cpu").with_unit("s").with_description("Processor time used.");
    time.with_callback(|time| {
        if let (Some(user), Some(system)) = (field(14), field(15)) {
            #[expect(clippy::cast_precision_loss, reason = "ticks of a process stay far below 2^52")]
            time.observe((user + system) as f64 / TICKS, &[]);
        }
    })
    .build();
    observed.gauge(Named("process.uptime", "s", "How long the server has run."), |app, uptime| {
        uptime.observe(app.started.elapsed().as_secs(), &[]);
    });
    observed.gauge(Named("process.resident_memory", "By", "Resident memory."), |_, memory| {
        if let Some(pages) = field(24) {
            memory.observe(pages.saturating_mul(PAGE), &[]);
        }
    });
    observed.gauge(Named("process.open_fds", "", "Open file descriptors."), |_, open| {
        if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
            open.observe(descriptors.count() as u64, &[]);
        }
    });
}

/// A field of `/proc/self/stat`, counted from 1 as its manual does.
fn field(number: usize) -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets, which may hold blanks.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(number - 3)?.parse().ok()
}
