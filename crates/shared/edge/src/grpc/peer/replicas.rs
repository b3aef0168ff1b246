//! The replicas behind a peer's name, which is looked up about once a second. Each replica has its own channel, and
//! calls are balanced over them.
//!
//! tonic's `balance_channel` and tower's `Balance` do not reveal the address of a call, so a failed call could not be
//! retried at another address; see decision 26.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use base::circuit_breaker::CallOutcome;
use futures::future::join_all;
use http::{HeaderValue, Request, Response};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, body::Body};

use super::{
    link::{Failure, Lost, Verdict},
    payload::Payload,
    replica::{Known, Replica, look_up},
    target::{Resolver, Target},
};

const MAX_RETRIES: usize = 3;

pub struct Replicas {
    peer: &'static str,
    /// The replicas that the latest lookup found. `None` until the first lookup has ended.
    known: watch::Receiver<Option<Known>>,
    /// The round-robin counter.
    turn: AtomicUsize,
    /// The lookup task, which ends when the last clone of the peer is dropped.
    _look_ups: AbortOnDropHandle<()>,
}

impl Replicas {
    /// Creates the replicas of `peer`. `resolver` resolves the name of `target`.
    pub fn new(peer: &'static str, target: Target, resolver: Arc<dyn Resolver>) -> Self {
        let (tell, known) = watch::channel(None);
        let look_ups = tokio::spawn(look_up(peer, target, resolver, tell));
        Self { peer, known, turn: AtomicUsize::new(0), _look_ups: AbortOnDropHandle::new(look_ups) }
    }

    /// Sends a request to one replica. Retries at another if no replica processed the request, or if the response to a
    /// read was lost.
    pub async fn send(&self, request: Request<Body>, deadline: Instant) -> Result<Response<Body>, Failure> {
        let known = self.known(deadline).await?;
        let mut may_read_again = crate::request_target::is_read(request.uri().path());
        let (mut parts, body) = request.into_parts();
        let mut payload = Some(Payload::read(body).await.map_err(|status| unreadable(&status))?);
        let (mut tried, mut backoff) = (Vec::new(), None);
        loop {
            let replica = self.choose(&known, &tried).ok_or_else(|| self.unknown())?;
            let Some((body, ticket, again)) = payload.map(Payload::take) else { return Err(self.unknown()) };
            payload = again;
            let request = Request::from_parts(parts.clone(), body);
            let lost = match replica.send(request, &ticket, deadline).await {
                Err(Failure::Lost(lost)) => lost,
                Err(Failure::TimedOut { .. }) => {
                    let is_serving = |replica: &Arc<Replica>| replica.verdict() == Verdict::Serving;
                    let others_serve = !is_serving(&replica) && known.iter().any(is_serving);
                    return Err(Failure::TimedOut { others_serve });
                }
                response => return response,
            };
            let is_retried = lost.is_refused || std::mem::take(&mut may_read_again);
            if !is_retried || payload.is_none() || tried.len() == MAX_RETRIES {
                return Err(Failure::Lost(lost));
            }
            tried.push(replica.address);
            if tried.len() >= known.len() {
                let backoff = backoff.get_or_insert_with(self::backoff);
                let until = Instant::now() + backoff.next().unwrap_or_default();
                tokio::time::sleep_until(until.min(deadline)).await;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::Lost(lost));
            }
            if let Ok(timeout) = HeaderValue::try_from(format!("{}m", left.as_millis().max(1))) {
                parts.headers.insert("grpc-timeout", timeout);
            }
            metrics::counter!("peer_calls_repeated_total", "peer" => self.peer).increment(1);
        }
    }

    /// Asks all replicas now whether they serve. Returns true if one does.
    pub async fn serve(&self, limit: Duration) -> bool {
        let known = self.known.borrow().clone().unwrap_or_default();
        join_all(known.iter().map(|replica| replica.serves(limit))).await.contains(&true)
    }

    /// Returns what the latest lookup found. Waits for the first lookup until `deadline`.
    async fn known(&self, deadline: Instant) -> Result<Known, Failure> {
        if let Some(known) = &*self.known.borrow() {
            return Ok(known.clone());
        }
        let mut known = self.known.clone();
        match timeout_at(deadline, known.wait_for(Option::is_some)).await {
            Ok(Ok(known)) => known.clone().ok_or_else(|| self.unknown()),
            Ok(Err(_)) => Err(self.unknown()),
            Err(_) => Err(Failure::TimedOut { others_serve: false }),
        }
    }

    /// Chooses the replica with the fewest calls in flight, among the healthy ones or, if there is none, among all.
    /// Chooses a replica in `tried` again only if there is no other (healthy) one.
    fn choose(&self, known: &Known, tried: &[SocketAddr]) -> Option<Arc<Replica>> {
        let start = self.turn.fetch_add(1, Ordering::Relaxed) % known.len().max(1);
        let in_turn = known.iter().skip(start).chain(known.iter().take(start));
        let rank = |replica: &&Arc<Replica>| {
            let (verdict, is_tried) = (replica.verdict(), tried.contains(&replica.address));
            (is_tried && verdict != Verdict::Serving, verdict, is_tried, replica.in_flight())
        };
        in_turn.min_by_key(rank).cloned()
    }

    fn unknown(&self) -> Failure {
        let message = format!("no address of {} is known", self.peer);
        Failure::Lost(Lost { message, outcome: CallOutcome::Failed, is_refused: true, is_unconnected: false })
    }
}

/// Returns the backoff before a call is sent to the same replica again.
fn backoff() -> backon::ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_millis(500))
        .with_max_times(MAX_RETRIES)
        .with_jitter()
        .build()
}

fn unreadable(status: &Status) -> Failure {
    let message = status.message().to_owned();
    Failure::Lost(Lost { message, outcome: CallOutcome::Inconclusive, is_refused: false, is_unconnected: false })
}
