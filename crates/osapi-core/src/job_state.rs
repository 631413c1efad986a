//! The rules by which a job's state follows from what its hosts say. Pure, and the only place they are written.

use crate::job::{HostStatus, JobState};

/// The state of a job whose hosts stand as given; no hosts means that none has it yet.
///
/// The order in which the hosts come is of no account.
#[must_use]
pub fn of_hosts(hosts: impl IntoIterator<Item = HostStatus>) -> JobState {
    let mut count = Count::default();
    for host in hosts {
        count.add(host);
    }
    count.state()
}

#[derive(Default)]
struct Count {
    pending: u32,
    acknowledged: u32,
    running: u32,
    ok: u32,
    failed: u32,
    cancelled: u32,
    expired: u32,
    interrupted: u32,
}

impl Count {
    const fn add(&mut self, host: HostStatus) {
        let of = match host {
            HostStatus::Pending => &mut self.pending,
            HostStatus::Acknowledged => &mut self.acknowledged,
            HostStatus::Running => &mut self.running,
            HostStatus::Ok => &mut self.ok,
            HostStatus::Failed | HostStatus::Unsupported | HostStatus::Unreachable => &mut self.failed,
            HostStatus::Cancelled => &mut self.cancelled,
            HostStatus::Expired => &mut self.expired,
            HostStatus::Interrupted => &mut self.interrupted,
        };
        *of += 1;
    }

    const fn state(&self) -> JobState {
        let not_ok = self.failed + self.cancelled + self.expired + self.interrupted;
        let done = self.ok + not_ok;
        if self.running > 0 || (done > 0 && self.pending + self.acknowledged > 0) {
            JobState::Processing
        } else if self.acknowledged > 0 {
            JobState::Acknowledged
        } else if done == 0 {
            JobState::Submitted
        } else if not_ok == 0 {
            JobState::Completed
        } else if self.ok > 0 {
            JobState::PartialFailure
        } else if self.interrupted > 0 {
            // The gravest first: an interrupted change needs a person.
            JobState::Interrupted
        } else if self.failed > 0 {
            JobState::Failed
        } else if self.cancelled > 0 {
            JobState::Cancelled
        } else {
            JobState::Expired
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use HostStatus::*;

    const ALL: [HostStatus; 10] =
        [Pending, Acknowledged, Running, Ok, Failed, Unsupported, Cancelled, Expired, Interrupted, Unreachable];

    #[test]
    fn each_rule_has_its_example() {
        for (hosts, state) in [
            (&[][..], JobState::Submitted),
            (&[Pending, Pending], JobState::Submitted),
            (&[Pending, Acknowledged], JobState::Acknowledged),
            (&[Running, Pending], JobState::Processing),
            (&[Ok, Pending], JobState::Processing),
            (&[Ok, Ok], JobState::Completed),
            (&[Ok, Unreachable], JobState::PartialFailure),
            (&[Failed, Unsupported], JobState::Failed),
            (&[Cancelled, Cancelled], JobState::Cancelled),
            (&[Expired], JobState::Expired),
            (&[Interrupted, Failed], JobState::Interrupted),
        ] {
            assert_eq!(of_hosts(hosts.iter().copied()), state, "{hosts:?}");
        }
    }

    proptest! {
        #[test]
        fn final_exactly_when_every_host_is_and_order_does_not_matter(
            mut hosts in proptest::collection::vec(proptest::sample::select(&ALL[..]), 0..12),
        ) {
            let state = of_hosts(hosts.iter().copied());
            prop_assert_eq!(state.is_final(), !hosts.is_empty() && hosts.iter().all(|host| host.is_final()));
            prop_assert_eq!(state == JobState::Completed, !hosts.is_empty() && hosts.iter().all(|host| *host == Ok));
            hosts.reverse();
            prop_assert_eq!(of_hosts(hosts.iter().copied()), state);
        }
    }
}
