//! `system.uptime.get`: `/proc/uptime`.

use jiff::Timestamp;
use osapi_core::Failure;
use osapi_core::system::Uptime;

use crate::System;

pub(crate) fn get(system: &System) -> Result<Uptime, Failure> {
    let text = system.read("/proc/uptime")?;
    uptime(&text, system.now()).ok_or_else(|| Failure::failed("`/proc/uptime` does not begin with a number of seconds"))
}

fn uptime(text: &str, now: Timestamp) -> Option<Uptime> {
    let (whole, fraction) = text.split_ascii_whitespace().next()?.split_once('.')?;
    let seconds: u64 = whole.parse().ok()?;
    let hundredths: i64 = fraction.get(..2)?.parse().ok()?;
    let up_ms = i64::try_from(seconds).ok()?.checked_mul(1000)?.checked_add(hundredths * 10)?;
    // To the nearest second, so that two readings tell the same time of boot.
    let booted = now.as_millisecond().checked_sub(up_ms)?.checked_add(500)?.div_euclid(1000);
    Some(Uptime { uptime_seconds: seconds, uptime: in_words(seconds), booted_at: Timestamp::from_second(booted).ok()? })
}

/// Days, hours and minutes, leaving out leading parts that are none.
fn in_words(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let part = |count: u64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    let minutes = part(minutes, "minute");
    match (days, hours) {
        (0, 0) => minutes,
        (0, hours) => format!("{}, {minutes}", part(hours, "hour")),
        (days, hours) => format!("{}, {}, {minutes}", part(days, "day"), part(hours, "hour")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_boot_is_to_the_nearest_second() {
        let now = "2026-01-02T00:00:00.300Z".parse().unwrap();
        let read = uptime("3661.98 7000.00\n", now).unwrap();
        assert_eq!((read.uptime_seconds, read.uptime.as_str()), (3661, "1 hour, 1 minute"));
        assert_eq!(read.booted_at.to_string(), "2026-01-01T22:58:58Z");
        assert_eq!(
            uptime("3662.98 7000.00\n", "2026-01-02T00:00:01.310Z".parse().unwrap()).unwrap().booted_at,
            read.booted_at
        );
        for bad in ["", "abc", "12", "1.x"] {
            assert_eq!(uptime(bad, now), None, "`{bad}` was accepted");
        }
    }

    #[test]
    fn words_leave_out_what_is_not_there() {
        for (seconds, words) in [
            (0, "0 minutes"),
            (60, "1 minute"),
            (7_260, "2 hours, 1 minute"),
            (86_400, "1 day, 0 hours, 0 minutes"),
            (273_660, "3 days, 4 hours, 1 minute"),
        ] {
            assert_eq!(in_words(seconds), words);
        }
    }
}
