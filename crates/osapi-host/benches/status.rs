//! How long `system.status.get` takes in-process, and beside it the floor: the same files read and the same file systems
//! measured with nothing made of them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use osapi_core::Operation;
use osapi_host::{Context, System, carry_out};
use serde_json::Value;

const WARM_UP: usize = 200;
const ROUNDS: usize = 5_000;

/// What `system.status.get` reads where nothing of it is missing.
const FILES: &[&str] = &[
    "/proc/sys/kernel/hostname",
    "/proc/uptime",
    "/proc/loadavg",
    "/sys/devices/system/cpu/online",
    "/proc/meminfo",
    "/etc/os-release",
    "/proc/sys/kernel/osrelease",
    "/proc/1/environ",
    "/proc/1/cgroup",
    "/proc/sys/kernel/random/boot_id",
    "/proc/self/mountinfo",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let system = System::local();
    let operation = Operation::read("system.status.get", Value::Null)?;
    let context = Context::alone();
    let status = runtime.block_on(carry_out(&system, &operation, &context))?;
    let mounts = mount_points(&serde_json::to_value(&status)?);

    let mut said = String::new();
    let floor = measure(|| bare(&mounts));
    writeln!(said, "{:<40}{}", "the same files read bare", line(&floor))?;
    let status = measure(|| runtime.block_on(carry_out(&system, &operation, &context)).is_ok());
    writeln!(said, "{:<40}{}", "system.status.get in-process", line(&status))?;
    std::io::stdout().write_all(said.as_bytes())?;
    Ok(())
}

fn mount_points(status: &Value) -> Vec<String> {
    let disks = status["disks"].as_array().map(Vec::as_slice).unwrap_or_default();
    disks.iter().filter_map(|disk| disk["mount_point"].as_str().map(str::to_owned)).collect()
}

fn bare(mounts: &[String]) -> bool {
    let files = FILES.iter().filter(|path| std::fs::read(path).is_ok()).count();
    let measured = mounts.iter().filter(|mount| rustix::fs::statvfs(mount.as_str()).is_ok()).count();
    files > 0 && measured == mounts.len()
}

/// The time of each round, sorted.
fn measure(mut round: impl FnMut() -> bool) -> Vec<Duration> {
    let mut timed = || {
        let begun = Instant::now();
        assert!(round(), "a round failed, so its time means nothing");
        begun.elapsed()
    };
    for _ in 0..WARM_UP {
        timed();
    }
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| timed()).collect();
    times.sort_unstable();
    times
}

fn line(times: &[Duration]) -> String {
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    format!("p50 {:>8.1} µs   p99 {:>8.1} µs   {} rounds", at(50), at(99), times.len())
}
