//! Metrics of this process, under the names every Prometheus client uses.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::{Registry, Unit};

use super::fleet::gauge;

/// The kernel's ticks a second as `/proc` counts them, the same on every Linux.
const TICKS: f64 = 100.0;

/// The page size of every architecture we build for.
const PAGE: i64 = 4096;

/// Registers what `/proc/self` tells; what cannot be read is left out.
pub(super) fn register(registry: &mut Registry, _uptime: Duration) {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return };
    // The second field is the program's name in brackets, which may hold blanks.
    let Some((_, rest)) = stat.rsplit_once(") ") else { return };
    let fields: Vec<&str> = rest.split(' ').collect();
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<i64>().ok());
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        let seconds = Counter::<f64, AtomicU64>::default();
        #[expect(clippy::cast_precision_loss, reason = "ticks of a process stay far below 2^52")]
        seconds.inc_by((user + system) as f64 / TICKS);
        registry.register_with_unit("process_cpu", "Processor time used", Unit::Seconds, seconds);
    }
    if let Some(pages) = field(24) {
        let bytes = gauge(pages.saturating_mul(PAGE));
        registry.register_with_unit("process_resident_memory", "Resident memory", Unit::Bytes, bytes);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        let open = i64::try_from(open.count()).unwrap_or(i64::MAX);
        registry.register("process_open_fds", "Open file descriptors", gauge(open));
    }
}
