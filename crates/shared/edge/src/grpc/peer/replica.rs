//! A replica: one address of a peer's name, with its channel and its health. The name is looked up periodically, and
//! the replicas that the latest lookup found are kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base::{circuit_breaker::CallOutcome, outage::Outage};
use http::{Request, Response};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;
use tonic::{body::Body, transport::Channel};

use super::{
    link::{Failure, Link, Lost, Verdict},
    payload::Ticket,
    target::{Resolver, Target},
};

const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The time limit of a health check. Together with [`CHECK_INTERVAL`] it is less than two seconds.
const CHECK_TIMEOUT: Duration = Duration::from_millis(800);
/// The minimum delay between two health checks, which applies after a lost call instead of [`CHECK_INTERVAL`].
const MIN_CHECK_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
struct State {
    verdict: Verdict,
    /// When the replica's connection was last lost or could not be opened.
    failed_at: Option<Instant>,
}

/// One address of a peer's name, with its channel and its health.
pub struct Replica {
    pub address: SocketAddr,
    peer: &'static str,
    link: Link,
    state: watch::Sender<State>,
    ask_now: Notify,
    in_flight: AtomicUsize,
}

impl Replica {
    pub fn new(peer: &'static str, address: SocketAddr, channel: Channel) -> Arc<Self> {
        let state = State { verdict: Verdict::NotAsked, failed_at: None };
        Arc::new(Self {
            address,
            peer,
            link: Link::new(channel),
            state: watch::Sender::new(state),
            ask_now: Notify::new(),
            in_flight: AtomicUsize::new(0),
        })
    }

    pub fn verdict(&self) -> Verdict {
        self.state.borrow().verdict
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Makes a call. If the connection fails before the call has been sent, the call ends at once with `is_refused`.
    /// Otherwise it would wait for the next connection behind all other calls.
    pub async fn send(
        &self,
        request: Request<Body>,
        ticket: &Ticket,
        deadline: Instant,
    ) -> Result<Response<Body>, Failure> {
        let _in_flight = InFlight::begin(&self.in_flight);
        let begun = Instant::now();
        let mut state = self.state.subscribe();
        let mut response = std::pin::pin!(self.link.send(request, deadline));
        let failed = async {
            let _ = state.wait_for(|state| state.failed_at.is_some_and(|at| at > begun)).await;
        };
        let response = tokio::select! {
            biased;
            response = &mut response => response,
            () = failed => {
                if ticket.give_up() {
                    let message = "its connection failed before the call was sent".to_owned();
                    let outcome = CallOutcome::Failed;
                    return Err(Failure::Lost(Lost { message, outcome, is_refused: true, is_unconnected: false }));
                }
                response.await
            }
        };
        match response {
            Err(Failure::Lost(mut lost)) => {
                // A refused stream says nothing about the connection.
                if !lost.is_refused && self.connection_failed(begun, Verdict::NotAsked) {
                    self.ask_now.notify_one();
                }
                lost.is_refused |= ticket.give_up();
                Err(Failure::Lost(lost))
            }
            Err(Failure::TimedOut { .. }) => {
                self.ask_now.notify_one();
                response
            }
            Ok(_) => response,
        }
    }

    /// Records that a call that began at `begun` ended with its connection. Returns false if this end was recorded
    /// already.
    fn connection_failed(&self, begun: Instant, verdict: Verdict) -> bool {
        self.state.send_if_modified(|state| {
            let is_new = state.failed_at.is_none_or(|at| begun > at);
            if is_new {
                *state = State { verdict: verdict.max(state.verdict), failed_at: Some(Instant::now()) };
            }
            is_new
        })
    }

    pub async fn watch(self: Arc<Self>) {
        loop {
            let asked = Instant::now();
            let (verdict, is_lost) = self.link.check(CHECK_TIMEOUT).await;
            let before = self.verdict();
            if is_lost && self.connection_failed(asked, verdict) && before == Verdict::Serving {
                // The next connection may work, so the next check comes soon.
                self.ask_now.notify_one();
            }
            self.state.send_modify(|state| state.verdict = verdict);
            if (before == Verdict::Serving) != (verdict == Verdict::Serving) && before != Verdict::NotAsked {
                tracing::info!(peer = self.peer, address = %self.address, ?verdict, "replica changed");
            }
            sleep(MIN_CHECK_INTERVAL).await;
            let _ = timeout_at(asked + CHECK_INTERVAL, self.ask_now.notified()).await;
        }
    }

    /// Checks the health now, within `limit`, for calls that wait for a replica that serves.
    pub async fn serves(&self, limit: Duration) -> bool {
        let (verdict, _) = self.link.check(limit).await;
        if verdict == Verdict::Serving {
            self.state.send_modify(|state| state.verdict = verdict);
        }
        verdict == Verdict::Serving
    }
}

/// A call that counts as in flight until this is dropped.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

const LOOKUP_INTERVAL: Duration = Duration::from_secs(1);
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum number of addresses of a name. Of more, the numerically smallest are used.
const MAX_ADDRESSES: usize = 64;

/// The replicas that the latest lookup of a name found.
pub type Known = Arc<[Arc<Replica>]>;

/// Looks up the name of `target` periodically and publishes the replicas, which stay the same if a lookup fails or
/// finds nothing.
pub async fn look_up(
    peer: &'static str,
    target: Target,
    resolver: Arc<dyn Resolver>,
    tell: watch::Sender<Option<Known>>,
) {
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
            Err(_) => Err(format!("no response within {LOOKUP_TIMEOUT:?}")),
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
