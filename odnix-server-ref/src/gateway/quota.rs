//! How much one address may use.

use crate::config::Quota;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// Heavy jobs of one key exchange: RSA, g^a, g^(ab).
const JOBS_PER_HANDSHAKE: u32 = 3;

/// Counts connections and key exchanges by address.
#[derive(Debug)]
pub(crate) struct Quotas {
    quota: Quota,
    usage: Mutex<HashMap<IpAddr, Usage>>,
}

#[derive(Debug)]
struct Usage {
    connections: u32,
    exchanges: u64,
    jobs: u32,
    window_since: Instant,
}

/// One open connection of an address; given back when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    quotas: Arc<Quotas>,
    address: IpAddr,
    within: bool,
}

impl ConnectionPermit {
    /// Whether the connection was within the quota when it came.
    pub(crate) fn is_within_quota(&self) -> bool {
        self.within
    }

    /// Counts one heavy job of a key exchange; `false` when the quota is used up.
    pub(crate) fn take_job(&self) -> bool {
        self.count(|usage, max| {
            let within = usage.jobs < max.saturating_mul(JOBS_PER_HANDSHAKE);
            if within {
                usage.jobs = usage.jobs.saturating_add(1);
            }
            within
        })
    }

    /// Counts key exchanges begun, which cost little each; `false` when they were too many.
    pub(crate) fn take_exchanges(&self, begun: u64) -> bool {
        begun == 0
            || self.count(|usage, max| {
                usage.exchanges = usage.exchanges.saturating_add(begun);
                usage.exchanges <= u64::from(max)
            })
    }

    /// What `check` says to the counters of this minute and the quota; `true` without a quota.
    fn count(&self, check: impl FnOnce(&mut Usage, u32) -> bool) -> bool {
        let max = self.quotas.quota.handshakes_per_minute.map(NonZeroU32::get);
        let Some(max) = max else { return true };
        let mut usage = self.quotas.lock();
        let Some(usage) = usage.get_mut(&self.address) else { return true };
        if usage.window_since.elapsed() >= WINDOW {
            usage.window_since = Instant::now();
            (usage.exchanges, usage.jobs) = (0, 0);
        }
        check(usage, max)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut usage = self.quotas.lock();
        if let Some(usage) = usage.get_mut(&self.address) {
            usage.connections = usage.connections.saturating_sub(1);
        }
    }
}

impl Quotas {
    pub(crate) fn new(quota: Quota) -> Self {
        Self { quota, usage: Mutex::default() }
    }

    /// Counts a connection, also one beyond the quota (so that it can be told).
    pub(crate) fn connect(self: &Arc<Self>, address: IpAddr) -> ConnectionPermit {
        let address = bucket(address);
        let mut all = self.lock();
        let usage = all.entry(address).or_insert_with(|| Usage {
            connections: 0,
            exchanges: 0,
            jobs: 0,
            window_since: Instant::now(),
        });
        let within = self.quota.connections.is_none_or(|max| usage.connections < max.get());
        usage.connections = usage.connections.saturating_add(1);
        ConnectionPermit { quotas: Arc::clone(self), address, within }
    }

    /// Forgets addresses without connections whose minute is over.
    pub(crate) fn sweep(&self) {
        self.lock()
            .retain(|_, usage| usage.connections > 0 || usage.window_since.elapsed() < WINDOW);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Usage>> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One household has one IPv4 address or one IPv6 /64.
fn bucket(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas(connections: u32, handshakes: u32) -> Arc<Quotas> {
        Arc::new(Quotas::new(Quota {
            connections: NonZeroU32::new(connections),
            handshakes_per_minute: NonZeroU32::new(handshakes),
        }))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn connections_count_by_household_and_are_given_back() {
        let quotas = quotas(1, 0);
        for (one, other, together) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("2001:db8::1", "2001:db8::2:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let first = quotas.connect(address(one));
            assert!(first.is_within_quota());
            assert_eq!(quotas.connect(address(other)).is_within_quota(), !together, "{other}");
            drop(first);
            assert!(quotas.connect(address(other)).is_within_quota(), "{other}");
        }
    }

    #[test]
    fn the_jobs_of_an_address_are_counted_over_all_its_connections() {
        let quotas = quotas(0, 1);
        let (one, two) = (quotas.connect(address("::1")), quotas.connect(address("::1")));
        let taken = (0..4).filter(|turn| if turn % 2 == 0 { &one } else { &two }.take_job());
        assert_eq!(taken.count(), 3);
        assert!(quotas.connect(address("10.0.0.1")).take_job(), "another address");
        drop((one, two));
        quotas.sweep();
        assert!(!quotas.connect(address("::1")).take_job(), "reconnecting does not help");
    }

    #[test]
    fn the_exchanges_of_an_address_are_counted_over_all_its_connections() {
        let quotas = quotas(0, 3);
        let (one, two) = (quotas.connect(address("::1")), quotas.connect(address("::1")));
        assert!(one.take_exchanges(1) && two.take_exchanges(2), "at the limit");
        assert!(one.take_exchanges(0), "nothing new");
        assert!(!one.take_exchanges(1), "one more");
        assert!(quotas.connect(address("10.0.0.1")).take_exchanges(3), "another address");
        assert!(!quotas.connect(address("10.0.0.2")).take_exchanges(4), "all at once");
        assert!(one.take_job(), "jobs have a count of their own");
        drop((one, two));
        quotas.sweep();
        assert!(!quotas.connect(address("::1")).take_exchanges(1), "reconnecting does not help");
    }

    #[test]
    fn zero_is_no_limit() {
        let quotas = quotas(0, 0);
        let permits: Vec<_> = (0..100).map(|_| quotas.connect(address("::1"))).collect();
        assert!(permits.iter().all(|permit| permit.is_within_quota()
            && permit.take_job()
            && permit.take_exchanges(1 << 40)));
    }
}
