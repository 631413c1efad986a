//! The rules by which a job's state follows from what its hosts say. Pure, and the only place they are written.

use jiff::Timestamp;

use crate::job::{HostStatus, JobState};

/// Where the worker of a host is, as far as the registry tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Its heartbeat is fresh and it takes jobs.
    Present,
    /// Its heartbeat is fresh and it takes no more jobs.
    Draining,
    /// It stopped or its heartbeat is overdue.
    Away {
        /// Its last sign of life.
        last_seen: Timestamp,
    },
    /// Nobody of that name is registered.
    Unregistered,
}

/// Who holds the right to carry a change out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Nobody yet.
    Free,
    /// A run of a worker.
    Held {
        /// Whether that very run is still there.
        alive: bool,
    },
    /// Nobody ever will: it was called off first.
    Void,
}

/// What is known of one host and one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The status in the host's report, where there is one.
    pub reported: Option<HostStatus>,
    /// The claim.
    pub hold: Hold,
    /// Whether the host said that it has begun.
    pub started: bool,
    /// Whether the job was called off.
    pub cancelled: bool,
    /// Whether the job waits for hosts that are away.
    pub queue: bool,
    /// The host's worker.
    pub presence: Presence,
    /// From then on nobody starts it.
    pub expires_at: Timestamp,
    /// From then on nobody is at it any more.
    pub ends_at: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// Where one host stands with a job.
///
/// A report is the last word. Without one, whoever claimed a change and is gone was interrupted, for good, because a
/// claimed change is never begun again; so was a run that lives and is long past its time. An unclaimed slot of a worker that is away is unreachable for as long as that
/// lasts, and expired from the moment the worker is known to have lived past the expiry without taking it.
#[must_use]
pub fn of_host(evidence: &Evidence) -> HostStatus {
    if let Some(status) = evidence.reported {
        return status;
    }
    match evidence.hold {
        Hold::Void => return HostStatus::Cancelled,
        Hold::Held { alive: false } => return HostStatus::Interrupted,
        // It lives, and this work of it is lost all the same: its own bounds end long before.
        Hold::Held { alive: true } if evidence.now >= evidence.ends_at => return HostStatus::Interrupted,
        Hold::Held { alive: true } if evidence.started => return HostStatus::Running,
        Hold::Held { alive: true } => return HostStatus::Acknowledged,
        Hold::Free => {}
    }
    let expired = evidence.now >= evidence.expires_at;
    let gone = match evidence.presence {
        Presence::Present | Presence::Draining => false,
        Presence::Away { last_seen } => last_seen < evidence.expires_at,
        Presence::Unregistered => !expired,
    };
    // A worker that drains takes nothing new and finishes what it has.
    let away = gone || (evidence.presence == Presence::Draining && !expired);
    if evidence.started && evidence.now < evidence.ends_at && !gone {
        HostStatus::Running
    } else if evidence.cancelled {
        HostStatus::Cancelled
    } else if away && !evidence.queue {
        HostStatus::Unreachable
    } else if expired {
        HostStatus::Expired
    } else {
        HostStatus::Pending
    }
}

/// The state of a job whose hosts stand as given; no hosts means that none has it yet.
///
/// The order in which the hosts come is of no account.
#[must_use]
pub fn of_hosts(hosts: impl IntoIterator<Item = HostStatus>) -> JobState {
    let mut tally = Tally::default();
    for host in hosts {
        tally.add(host);
    }
    tally.state()
}

/// The hosts of a job counted by where they stand, so that one host's step costs the same however many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: [u32; HostStatus::ALL.len()],
}

impl Tally {
    /// Counts one more host.
    pub const fn add(&mut self, status: HostStatus) {
        self.counts[status as usize] += 1;
    }

    /// Takes a host that was counted out again.
    pub const fn remove(&mut self, status: HostStatus) {
        self.counts[status as usize] = self.counts[status as usize].saturating_sub(1);
    }

    /// How many hosts stand there.
    #[must_use]
    pub const fn count(&self, status: HostStatus) -> u32 {
        self.counts[status as usize]
    }

    /// The job's state that follows.
    #[must_use]
    pub const fn state(&self) -> JobState {
        let pending = self.count(HostStatus::Pending);
        let acknowledged = self.count(HostStatus::Acknowledged);
        let ok = self.count(HostStatus::Ok);
        let failed =
            self.count(HostStatus::Failed) + self.count(HostStatus::Unsupported) + self.count(HostStatus::Unreachable);
        let cancelled = self.count(HostStatus::Cancelled);
        let interrupted = self.count(HostStatus::Interrupted);
        let not_ok = failed + cancelled + interrupted + self.count(HostStatus::Expired);
        let done = ok + not_ok;
        if self.count(HostStatus::Running) > 0 || (done > 0 && pending + acknowledged > 0) {
            JobState::Processing
        } else if acknowledged > 0 {
            JobState::Acknowledged
        } else if done == 0 {
            JobState::Submitted
        } else if not_ok == 0 {
            JobState::Completed
        } else if ok > 0 {
            JobState::PartialFailure
        } else if interrupted > 0 {
            // The gravest first: an interrupted change needs a person.
            JobState::Interrupted
        } else if failed > 0 {
            JobState::Failed
        } else if cancelled > 0 {
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
    use std::result::Result;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A change at second 10 that nobody has taken, which expires at 100 and of which nobody is at it after 200.
    fn fresh() -> Evidence {
        Evidence {
            reported: None,
            hold: Hold::Free,
            started: false,
            cancelled: false,
            queue: false,
            presence: Presence::Present,
            expires_at: at(100),
            ends_at: at(200),
            now: at(10),
        }
    }

    #[test]
    fn each_rule_of_a_host_has_its_example() {
        let away = |second| Presence::Away { last_seen: at(second) };
        for (evidence, status) in [
            (fresh(), Pending),
            (Evidence { now: at(100), ..fresh() }, Expired),
            (Evidence { cancelled: true, ..fresh() }, Cancelled),
            (Evidence { hold: Hold::Void, ..fresh() }, Cancelled),
            (Evidence { presence: away(5), ..fresh() }, Unreachable),
            (Evidence { presence: away(5), queue: true, ..fresh() }, Pending),
            (Evidence { presence: away(5), now: at(150), ..fresh() }, Unreachable),
            (Evidence { presence: away(120), now: at(150), ..fresh() }, Expired),
            (Evidence { presence: Presence::Draining, ..fresh() }, Unreachable),
            (Evidence { presence: Presence::Unregistered, ..fresh() }, Unreachable),
            (Evidence { started: true, ..fresh() }, Running),
            (Evidence { started: true, now: at(150), ..fresh() }, Running),
            (Evidence { started: true, now: at(200), ..fresh() }, Expired),
            (Evidence { started: true, presence: away(5), ..fresh() }, Unreachable),
            (Evidence { started: true, presence: Presence::Draining, ..fresh() }, Running),
            (Evidence { hold: Hold::Held { alive: true }, ..fresh() }, Acknowledged),
            (Evidence { hold: Hold::Held { alive: true }, now: at(150), ..fresh() }, Acknowledged),
            (Evidence { hold: Hold::Held { alive: true }, now: at(200), started: true, ..fresh() }, Interrupted),
            (Evidence { hold: Hold::Held { alive: true }, started: true, cancelled: true, ..fresh() }, Running),
            (Evidence { hold: Hold::Held { alive: false }, started: true, cancelled: true, ..fresh() }, Interrupted),
            (Evidence { reported: Some(Ok), hold: Hold::Held { alive: false }, ..fresh() }, Ok),
        ] {
            assert_eq!(of_host(&evidence), status, "{evidence:?}");
        }
    }

    fn any_evidence() -> impl Strategy<Value = Evidence> {
        let reported = proptest::option::of(proptest::sample::select(vec![Ok, Failed, Unsupported, Cancelled]));
        let hold = proptest::sample::select(vec![
            Hold::Free,
            Hold::Held { alive: true },
            Hold::Held { alive: false },
            Hold::Void,
        ]);
        let presence = prop_oneof![
            Just(Presence::Present),
            Just(Presence::Draining),
            Just(Presence::Unregistered),
            (0_i64..300).prop_map(|second| Presence::Away { last_seen: at(second) }),
        ];
        (reported, hold, any::<[bool; 3]>(), presence, 0_i64..300).prop_map(
            |(reported, hold, [started, cancelled, queue], presence, now)| Evidence {
                reported,
                hold,
                started,
                cancelled,
                queue,
                presence,
                expires_at: at(100),
                ends_at: at(200),
                now: at(now),
            },
        )
    }

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
        fn a_host_ends_and_a_claimed_change_is_never_forgotten(evidence in any_evidence()) {
            let status = of_host(&evidence);
            // The report is the last word.
            if let Some(reported) = evidence.reported {
                prop_assert_eq!(status, reported);
                return Result::Ok(());
            }
            // Interrupted exactly when a run that held the claim is gone or past its time: never guessed, never missed.
            let lost = match evidence.hold {
                Hold::Held { alive } => !alive || evidence.now >= evidence.ends_at,
                Hold::Free | Hold::Void => false,
            };
            prop_assert_eq!(status == Interrupted, lost);
            // Nothing keeps a job open for ever.
            let later = Evidence { now: at(10_000), ..evidence };
            prop_assert!(of_host(&later).is_final());
            // Without a worker that lives, nothing is on the way unless the submitter chose to wait.
            if matches!(evidence.presence, Presence::Away { last_seen } if last_seen < evidence.expires_at)
                && evidence.hold == Hold::Free && !evidence.queue
            {
                prop_assert!(status.is_final());
            }
            // What was called off and is not held is over.
            if evidence.cancelled && evidence.hold == Hold::Free && !evidence.started {
                prop_assert_eq!(status, Cancelled);
            }
        }

        #[test]
        fn final_exactly_when_every_host_is_and_order_does_not_matter(
            mut hosts in proptest::collection::vec(proptest::sample::select(&HostStatus::ALL[..]), 0..12),
        ) {
            let state = of_hosts(hosts.iter().copied());
            prop_assert_eq!(state.is_final(), !hosts.is_empty() && hosts.iter().all(|host| host.is_final()));
            prop_assert_eq!(state == JobState::Completed, !hosts.is_empty() && hosts.iter().all(|host| *host == Ok));
            hosts.reverse();
            prop_assert_eq!(of_hosts(hosts.iter().copied()), state);
        }
    }
}
