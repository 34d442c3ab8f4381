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
        let max = self.quotas.quota.handshakes_per_minute.map(NonZeroU32::get);
        let Some(max) = max else { return true };
        let mut usage = self.quotas.lock();
        let Some(usage) = usage.get_mut(&self.address) else { return true };
        if usage.window_since.elapsed() >= WINDOW {
            usage.window_since = Instant::now();
            usage.jobs = 0;
        }
        let within = usage.jobs < max.saturating_mul(JOBS_PER_HANDSHAKE);
        if within {
            usage.jobs = usage.jobs.saturating_add(1);
        }
        within
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
