//! Bounds the number of a listener's connections by slots, in all and from one network, and by its share of the
//! process's open files.
//!
//! If all slots of the listener or of one address are occupied, a new connection displaces the one that has been
//! without a request for longest, connections that never had a request first. So a flood of idle connections closes
//! only its own connections, and a client that sends its request at once is served, even from the address of the flood.
//! If every connection has a request in flight, the new connection is closed.
//!
//! All listeners of a process together leave half of its open files to stores, peers and files.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_util::sync::CancellationToken;

use super::{Limits, activity::Activity, responses::Place};

/// The slots of one listener. Each connection holds one.
pub(super) struct ConnectionSlots {
    limits: Limits,
    share: Share,
    /// Cancelled to close every connection.
    closed: CancellationToken,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    connections: HashMap<u64, Arc<Holder>>,
    /// Addresses without connections have no entry.
    per_address: HashMap<IpAddr, usize>,
}

struct Holder {
    address: IpAddr,
    activity: Activity,
    close: CancellationToken,
}

/// The slot of a connection. Dropping it frees the slot.
pub(super) struct ConnectionSlot {
    number: u64,
    holder: Arc<Holder>,
    slots: Arc<ConnectionSlots>,
}

impl ConnectionSlots {
    pub fn new(limits: Limits, closed: CancellationToken) -> Self {
        Self { limits, share: Share::new(), closed, taken: Mutex::default() }
    }

    /// Acquires a free slot, or the slot of a displaced connection, for a connection from `address`. Returns `None` if
    /// there is neither.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionSlot> {
        let address = network(address);
        let mut taken = self.lock();
        let of_address = taken.per_address.get(&address).copied().unwrap_or(0);
        let is_full = of_address >= self.limits.max_connections_per_address;
        let max_connections = self.limits.max_connections.min(self.share.max_connections());
        let is_free = if is_full {
            taken.displace(|holder| holder.address == address)
        } else {
            taken.connections.len() < max_connections || taken.displace(|_| true)
        };
        if !is_free {
            metrics::counter!("connections_refused_total").increment(1);
            return None;
        }
        taken.next += 1;
        let number = taken.next;
        let holder = Arc::new(Holder { address, activity: Activity::new(), close: self.closed.child_token() });
        taken.connections.insert(number, holder.clone());
        *taken.per_address.entry(address).or_default() += 1;
        drop(taken);
        Some(ConnectionSlot { number, holder, slots: self.clone() })
    }

    /// Displaces the connection that has been without a request for longest, if possible.
    pub fn displace_one(&self) {
        self.lock().displace(|_| true);
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Displaces one of the connections for which `may` returns true. Returns false if all of them have a request in
    /// flight.
    fn displace(&mut self, may: impl Fn(&Holder) -> bool) -> bool {
        let candidates = self.connections.iter().filter(|(_, holder)| may(holder));
        let ranked = candidates.filter_map(|(number, holder)| Some((holder.activity.rank()?, *number)));
        let Some((_, number)) = ranked.min() else { return false };
        let is_idle = self.connections.get(&number).is_some_and(|holder| holder.activity.displace());
        if is_idle && let Some(holder) = self.remove(number) {
            metrics::counter!("connections_displaced_total").increment(1);
            holder.close.cancel();
        }
        is_idle
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Holder>> {
        let holder = self.connections.remove(&number)?;
        if let Some(count) = self.per_address.get_mut(&holder.address) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&holder.address);
            }
        }
        Some(holder)
    }
}

impl ConnectionSlot {
    pub fn activity(&self) -> &Activity {
        &self.holder.activity
    }

    pub fn place(&self) -> Place {
        Place { activity: self.holder.activity.clone(), close: self.holder.close.clone() }
    }

    /// Returns when the connection is displaced or the listener is closed.
    pub async fn lost(&self) {
        self.holder.close.cancelled().await;
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.slots.lock().remove(self.number);
    }
}

/// How many files this process may open: its hard limit, to which this raises the soft one.
static LIMIT: LazyLock<usize> = LazyLock::new(|| {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    getrlimit(Resource::Nofile).current.and_then(|files| files.try_into().ok()).unwrap_or(usize::MAX)
});

/// The number of listeners that may be flooded at once without taking the files of the rest of the process. A process
/// with all services has some fifteen listeners; if each had its own share, the shares would be too small.
const FLOODED_LISTENERS: usize = 8;

static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// A listener's share of this process's open files. Dropping it makes the shares of the others larger.
pub(super) struct Share {
    /// The number of files that all listeners together may open.
    files: usize,
}

impl Share {
    pub fn new() -> Self {
        LISTENERS.fetch_add(1, Ordering::Relaxed);
        Self { files: *LIMIT / 2 }
    }

    pub fn max_connections(&self) -> usize {
        (self.files / LISTENERS.load(Ordering::Relaxed).clamp(1, FLOODED_LISTENERS)).max(1)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The mask of the network half of an IPv6 address. A host can choose the other half itself.
const NETWORK: u128 = !0 << 64;

/// Returns an IPv4 address unchanged, and the network of an IPv6 address.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Reads an entry of `X-Forwarded-For`: an IP address, which some proxies write with a port or in brackets.
pub fn forwarded(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    entry.parse().ok().or_else(with_port).or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(max_connections: usize, max_connections_per_address: usize) -> Arc<ConnectionSlots> {
        let limits = Limits { max_connections, max_connections_per_address, ..Limits::default() };
        Arc::new(ConnectionSlots::new(limits, CancellationToken::new()))
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_idle_connections_displaces_itself_and_no_other_address() {
        let slots = slots(100, 3);
        let other = slots.take(address(1)).unwrap();
        let mut flood = Vec::new();
        for _ in 0..10 {
            tokio::time::advance(std::time::Duration::from_millis(1)).await;
            flood.push(slots.take(address(2)).unwrap());
        }

        let lost = flood.iter().map(|slot| slot.holder.close.is_cancelled()).collect::<Vec<_>>();

        assert_eq!(lost, [[true; 7].as_slice(), &[false; 3]].concat(), "not the oldest");
        assert!(!other.holder.close.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_had_a_request_goes_before_one_that_had_and_one_with_a_request_in_hand_stays() {
        let slots = slots(3, 3);
        let (busy, used) = (slots.take(address(1)).unwrap(), slots.take(address(2)).unwrap());
        let request = busy.activity().begin().unwrap();
        drop(used.activity().begin());
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        let silent = slots.take(address(3)).unwrap();

        let fourth = slots.take(address(4)).unwrap();
        assert!(silent.holder.close.is_cancelled() && !used.holder.close.is_cancelled());
        let _in_hand = fourth.activity().begin().unwrap();
        let fifth = slots.take(address(5)).unwrap();
        assert!(used.holder.close.is_cancelled());
        let _also = fifth.activity().begin().unwrap();

        assert!(slots.take(address(6)).is_none());
        drop(request);
        assert!(slots.take(address(6)).is_some());
    }

    #[test]
    fn slots_that_are_given_back_leave_nothing_behind() {
        let slots = slots(2, 2);
        drop((slots.take(address(1)), slots.take(address(1))));

        let taken = slots.lock();
        assert!(taken.connections.is_empty() && taken.per_address.is_empty());
    }

    #[test]
    fn a_forwarded_address_may_have_a_port() {
        for entry in ["203.0.113.1", " 203.0.113.1:1 ", "::ffff:203.0.113.1", "[::ffff:203.0.113.1]:443"] {
            assert_eq!(forwarded(entry), Some("203.0.113.1".parse().unwrap()), "{entry}");
        }
        for entry in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443"] {
            assert_eq!(forwarded(entry), Some("2001:db8::1".parse().unwrap()), "{entry}");
        }
        for entry in ["", "unknown", "_hidden", "203.0.113.1:", "203.0.113.1:99999", "[]", "[203.0.113.1"] {
            assert_eq!(forwarded(entry), None, "{entry}");
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();

        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }
}
