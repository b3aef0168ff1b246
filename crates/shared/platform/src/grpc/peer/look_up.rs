//! Looks up a host name periodically and keeps the replicas that the latest lookup found.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{replica::Replica, resolver::Resolver, target::Target, verdict::Verdict};
use crate::outage::Outage;

const LOOKUP_INTERVAL: Duration = Duration::from_secs(1);
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum number of addresses of a name. Of more, the numerically smallest are used.
const MAX_ADDRESSES: usize = 64;

/// The replicas that the latest lookup of a name found.
pub type Known = Arc<[Arc<Replica>]>;

/// Looks up the name of `target` periodically and publishes the replicas, which stay the same if a lookup fails or
/// finds nothing.
pub async fn run(peer: &'static str, target: Target, resolver: Arc<dyn Resolver>, tell: watch::Sender<Option<Known>>) {
    let Some((host, port)) = target.name() else { return };
    let mut outage = Outage::new("DNS", format!("looking up {host}"));
    // Each replica has a task that checks its health.
    let mut replicas = BTreeMap::<SocketAddr, (Arc<Replica>, AbortOnDropHandle<()>)>::new();
    let mut ticks = interval(LOOKUP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let found = match timeout(LOOKUP_TIMEOUT, resolver.resolve(host, port)).await {
            Ok(Ok(found)) if !found.is_empty() => Ok(found),
            Ok(Ok(_)) => Err("the name has no address".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {LOOKUP_TIMEOUT:?}")),
        };
        match found {
            Ok(found) => {
                outage.over();
                if found.len() > MAX_ADDRESSES {
                    tracing::debug!(peer, addresses = found.len(), "the name has more addresses than are used");
                }
                let found: BTreeSet<_> = found.iter().map(|one| SocketAddr::new(one.ip(), one.port())).collect();
                let found: BTreeSet<_> = found.into_iter().take(MAX_ADDRESSES).collect();
                if replicas.keys().ne(found.iter()) {
                    change(peer, &target, &mut replicas, &found);
                    tell.send_replace(Some(replicas.values().map(|(replica, _)| replica.clone()).collect()));
                }
            }
            Err(error) => {
                outage.met(error);
                // Publishes an empty list after a failed first lookup, so that waiting calls fail at once.
                tell.send_if_modified(|known| known.is_none() && known.replace(Arc::default()).is_none());
            }
        }
        let serving = replicas.values().filter(|(replica, _)| replica.verdict() == Verdict::Serving).count();
        for (state, count) in [("serving", serving), ("out", replicas.len() - serving)] {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            metrics::gauge!("peer_replicas", "peer" => peer, "state" => state).set(count);
        }
    }
}

/// Adds and removes replicas to match the lookup. Calls in flight to removed replicas continue.
fn change(
    peer: &'static str,
    target: &Target,
    replicas: &mut BTreeMap<SocketAddr, (Arc<Replica>, AbortOnDropHandle<()>)>,
    found: &BTreeSet<SocketAddr>,
) {
    replicas.retain(|address, _| {
        let stays = found.contains(address);
        if !stays {
            tracing::info!(peer, %address, "replica removed");
        }
        stays
    });
    for address in found {
        replicas.entry(*address).or_insert_with(|| {
            tracing::info!(peer, %address, "replica added");
            let replica = Replica::new(peer, *address, target.channel(Some(*address)));
            (replica.clone(), AbortOnDropHandle::new(tokio::spawn(replica.watch())))
        });
    }
}
