//! `system.status.get`: all of a system in one, each part standing or failing for itself.

use osapi_core::Failure;
use osapi_core::system::{Part, SystemStatus};

use super::{disk, hostname, load, memory, os, uptime};
use crate::System;

pub(crate) async fn get(system: &System) -> Result<SystemStatus, Failure> {
    Ok(SystemStatus {
        hostname: hostname::current(system)?,
        uptime: Part::from(uptime::get(system)),
        load_average: Part::from(load::get(system)),
        memory: Part::from(memory::get(system)),
        os_info: Part::from(os::get(system)),
        disks: Part::from(disk::get(system).await.map(|usage| usage.disks)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    #[tokio::test]
    async fn a_part_that_fails_says_why_and_the_others_stand() {
        let script = Script::new()
            .file("/proc/sys/kernel/hostname", "web-01\n")
            .file("/proc/uptime", "60.00 1.00\n")
            .forbidden("/proc/meminfo");
        let status = serde_json::to_value(get(&System::scripted(script)).await.unwrap()).unwrap();
        assert_eq!(status["hostname"], "web-01");
        assert_eq!(status["uptime"]["uptime_seconds"], 60);
        assert_eq!(status["memory"]["error"]["code"], "forbidden");
        assert_eq!(status["load_average"]["error"]["message"], "cannot read `/proc/loadavg`: entity not found");
        assert_eq!(status["memory"].as_object().unwrap().len(), 1, "no zeroes beside the error");
    }
}
