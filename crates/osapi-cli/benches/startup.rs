//! Start-up of the program as a process, beside the floor: a process that does nothing.
#![expect(clippy::disallowed_methods, reason = "the program is timed as the process it is")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 100;

/// The aim for help and version.
const AIM: Duration = Duration::from_millis(10);

fn main() {
    let osapi = env!("CARGO_BIN_EXE_osapi");
    let floor = median("/bin/true", &[]);
    println!("a process that does nothing  p50 {floor:?}");
    for arguments in [&["--help"][..], &["version"], &["client", "system", "reboot", "--help"]] {
        let taken = median(osapi, arguments);
        let verdict = if taken < AIM { "under" } else { "OVER" };
        println!("osapi {:22} p50 {taken:?} ({verdict} {AIM:?})", arguments.join(" "));
    }
}

fn median(program: &str, arguments: &[&str]) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let since = Instant::now();
            let status = Command::new(program).args(arguments).stdout(Stdio::null()).status().unwrap();
            assert!(status.success());
            since.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}
