//! `system.load.get`: `/proc/loadavg` and the processors online.

use osapi_core::Failure;
use osapi_core::system::LoadAverage;

use crate::System;

const ONLINE: &str = "/sys/devices/system/cpu/online";

pub(crate) fn get(system: &System) -> Result<LoadAverage, Failure> {
    let [one, five, fifteen] = parse(&system.read("/proc/loadavg")?)?;
    Ok(LoadAverage { one, five, fifteen, cpu_count: cpu_count(system)? })
}

fn parse(text: &str) -> Result<[f64; 3], Failure> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(one)), Some(Ok(five)), Some(Ok(fifteen))) => Ok([one, five, fifteen]),
        _ => Err(Failure::failed("`/proc/loadavg` does not begin with three numbers")),
    }
}

/// Processors online; where `/sys` is not mounted, those that `/proc/stat` counts.
fn cpu_count(system: &System) -> Result<u32, Failure> {
    if let Some(count) = system.read(ONLINE).ok().and_then(|text| count_ranges(text.trim())) {
        return Ok(count);
    }
    let stat = system.read("/proc/stat")?;
    let lines = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
    u32::try_from(lines.count()).map_err(|_| Failure::failed("`/proc/stat` counts too many processors"))
}

/// How many numbers a list such as `0-3,8` has.
fn count_ranges(list: &str) -> Option<u32> {
    let mut count = 0_u32;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_and_processor_lists_are_read_or_refused() {
        assert_eq!(parse("0.52 1.03 2.00 2/345 6789\n").unwrap(), [0.52, 1.03, 2.0]);
        for bad in ["", "0.1 0.2", "a b c"] {
            assert!(parse(bad).is_err(), "`{bad}` was accepted");
        }
        for (list, count) in [("0", Some(1)), ("0-3,8", Some(5)), ("0-3,8-11", Some(8)), ("", None), ("3-1", None)] {
            assert_eq!(count_ranges(list), count, "{list}");
        }
    }
}
