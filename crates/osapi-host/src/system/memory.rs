//! `system.memory.get`: `/proc/meminfo`.

use osapi_core::Failure;
use osapi_core::system::{MemoryUsage, Swap};

use crate::System;

pub(crate) fn get(system: &System) -> Result<MemoryUsage, Failure> {
    parse(&system.read("/proc/meminfo")?)
}

fn parse(text: &str) -> Result<MemoryUsage, Failure> {
    let field = |name: &'static str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .and_then(|rest| rest.split_ascii_whitespace().next()?.parse::<u64>().ok())
            .and_then(|kibibytes| kibibytes.checked_mul(1024))
            .ok_or_else(|| Failure::failed(format!("`/proc/meminfo` has no `{name}`")))
    };
    let (total, available, swap, swap_free) =
        (field("MemTotal")?, field("MemAvailable")?, field("SwapTotal")?, field("SwapFree")?);
    Ok(MemoryUsage {
        total,
        available,
        used: total.saturating_sub(available),
        free: field("MemFree")?,
        cached: field("Cached")?.saturating_add(field("SReclaimable")?),
        swap: Swap { total: swap, used: swap.saturating_sub(swap_free), free: swap_free },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_is_what_is_not_available_and_a_missing_field_is_named() {
        let text = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nBuffers: 5 kB\nCached: 400 kB\n\
            SwapCached: 7 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\nSReclaimable: 60 kB\n";
        let memory = parse(text).unwrap();
        assert_eq!(memory.used, 400 * 1024);
        assert_eq!(memory.cached, 460 * 1024);
        assert_eq!(memory.swap, Swap { total: 50 * 1024, used: 30 * 1024, free: 20 * 1024 });
        let missing = parse("MemTotal: 1000 kB\n").unwrap_err();
        assert_eq!(missing.message, "`/proc/meminfo` has no `MemAvailable`");
    }
}
