//! A circuit breaker: stops calls to a failing peer, checks the peer's health until the peer serves again, and then
//! lets one call through, whose outcome closes or reopens the breaker.
//!
//! Existing crates (`failsafe`, `recloser`, `tower-resilience-circuitbreaker`) count either the last calls or the calls
//! of a period, but not the last calls within a period. They also read a clock that tests cannot control.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use crate::random::Random;

/// How many recent calls, within [`WINDOW`], decide whether the breaker opens.
const MAX_CALLS: usize = 20;
const WINDOW: Duration = Duration::from_secs(10);
/// The minimum number of calls in the window for the breaker to open.
const MIN_CALLS: usize = 10;
/// The first health check of the peer begins this long after the breaker has opened. The time between two checks
/// doubles up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_millis(400);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// The peer responded, even if with a refusal.
    Answered,
    /// The peer was unavailable, or did not respond although it had enough time.
    Failed,
    /// The call says nothing about the peer: the caller gave it too little time, or cancelled the call.
    Inconclusive,
}

/// A health check: returns whether the peer serves, within a bounded time.
type Look = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// The circuit breaker of one caller for one peer, for all its calls.
pub struct CircuitBreaker {
    peer: &'static str,
    look: Look,
    state: Mutex<State>,
    /// How often the breaker has opened. The health checks of an earlier opening end once this has changed.
    openings: AtomicU64,
}

enum State {
    /// The recent requests, oldest first: their ends, and whether they failed.
    Closed(VecDeque<(Instant, bool)>),
    /// The breaker refuses every call until a health check finds that the peer serves.
    Open,
    /// A call that began at this time probes the peer. `None` makes the next call the probe.
    HalfOpen(Option<Instant>),
}

/// The permission to make one call. Without [`Permit::end`], the outcome is inconclusive.
pub struct Permit {
    breaker: Arc<CircuitBreaker>,
    /// When the call began, if it is the probe.
    probe: Option<Instant>,
    requests: usize,
    outcome: CallOutcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is unavailable: its circuit breaker is open")]
pub struct Refused(pub &'static str);

impl CircuitBreaker {
    /// Creates a closed breaker. It calls `look`, the health check, only while it is open.
    pub fn new<F>(peer: &'static str, look: impl Fn() -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = bool> + Send + 'static,
    {
        let state = State::Closed(VecDeque::with_capacity(MAX_CALLS));
        count(peer, None, Some(state.level()));
        let look: Look = Box::new(move || Box::pin(look()));
        Arc::new(Self { peer, look, state: Mutex::new(state), openings: AtomicU64::new(0) })
    }

    /// Permits a call that carries this many requests, each of which counts.
    pub fn acquire(self: &Arc<Self>, requests: usize) -> Result<Permit, Refused> {
        let now = Instant::now();
        let mut state = self.lock();
        let probe = match *state {
            State::Closed(_) => None,
            State::HalfOpen(None) => {
                *state = State::HalfOpen(Some(now));
                Some(now)
            }
            State::Open | State::HalfOpen(Some(_)) => return Err(Refused(self.peer)),
        };
        Ok(Permit { breaker: self.clone(), probe, requests, outcome: CallOutcome::Inconclusive })
    }

    fn record(self: &Arc<Self>, probe: Option<Instant>, requests: usize, outcome: CallOutcome) {
        let now = Instant::now();
        let mut state = self.lock();
        match (&mut *state, probe) {
            (State::HalfOpen(current), Some(begun)) if *current == Some(begun) => match outcome {
                CallOutcome::Answered => self.change(&mut state, State::Closed(VecDeque::with_capacity(MAX_CALLS))),
                CallOutcome::Failed => self.change(&mut state, State::Open),
                CallOutcome::Inconclusive => *current = None,
            },
            (State::Closed(calls), None) if outcome != CallOutcome::Inconclusive => {
                calls.extend(std::iter::repeat_n((now, outcome == CallOutcome::Failed), requests.min(MAX_CALLS)));
                while calls.len() > MAX_CALLS || calls.front().is_some_and(|(ended, _)| now - *ended > WINDOW) {
                    calls.pop_front();
                }
                let failed = calls.iter().filter(|(_, failed)| *failed).count();
                if outcome == CallOutcome::Failed && calls.len() >= MIN_CALLS && failed * 2 >= calls.len() {
                    self.change(&mut state, State::Open);
                    let opening = self.openings.fetch_add(1, Relaxed) + 1;
                    tokio::spawn(look(Arc::downgrade(self), opening, now));
                }
            }
            // The state has changed since the call began, so its outcome does not count.
            _ => {}
        }
    }

    fn change(&self, state: &mut State, next: State) {
        let (before, after) = (state.level(), next.level());
        *state = next;
        if before == after {
            return;
        }
        count(self.peer, Some(before), Some(after));
        match after {
            Level::Open if before == Level::Closed => tracing::warn!(peer = self.peer, "circuit breaker opened"),
            Level::Closed => tracing::info!(peer = self.peer, "circuit breaker closed"),
            _ => tracing::debug!(peer = self.peer, ?after, "circuit breaker changed"),
        }
    }

    /// Lets one call through, if the breaker is open.
    fn admit(&self) {
        let mut state = self.lock();
        if let State::Open = *state {
            self.change(&mut state, State::HalfOpen(None));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks the peer's health until the breaker has closed. A check begins at most [`MAX_BACKOFF`] after the previous one
/// began.
async fn look(breaker: Weak<CircuitBreaker>, opening: u64, opened: Instant) {
    let (mut last, mut backoff) = (opened, FIRST_BACKOFF);
    loop {
        // The random factor spreads the checks of processes whose breakers opened at the same time.
        sleep_until(last + backoff.mul_f64(Random::default().between(0.75..=1.0))).await;
        let Some(breaker) = breaker.upgrade() else { return };
        last = Instant::now();
        backoff = MAX_BACKOFF.min(backoff * 2);
        let level = breaker.lock().level();
        match level {
            _ if breaker.openings.load(Relaxed) != opening => return,
            Level::Closed => return,
            // A call probes the peer. If it fails, the breaker is open again, and the checks continue.
            Level::HalfOpen => {}
            Level::Open => {
                if (breaker.look)().await {
                    breaker.admit();
                }
            }
        }
    }
}

impl Drop for CircuitBreaker {
    fn drop(&mut self) {
        count(self.peer, Some(self.lock().level()), None);
    }
}

impl Permit {
    pub fn end(mut self, outcome: CallOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.breaker.record(self.probe, self.requests, self.outcome);
    }
}

/// The value of the metric, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Closed,
    HalfOpen,
    Open,
}

impl State {
    fn level(&self) -> Level {
        match self {
            Self::Closed(_) => Level::Closed,
            Self::HalfOpen(_) => Level::HalfOpen,
            Self::Open => Level::Open,
        }
    }
}

/// The number of breakers of this process for a peer at each level: in single-process mode, several services call it.
static BREAKERS: Mutex<BTreeMap<&'static str, [u32; 3]>> = Mutex::new(BTreeMap::new());

/// Counts a breaker's change, and sets `circuit_breaker_state` to the worst of the levels.
fn count(peer: &'static str, before: Option<Level>, after: Option<Level>) {
    let mut all = BREAKERS.lock().unwrap_or_else(PoisonError::into_inner);
    let levels = all.entry(peer).or_default();
    if let Some(before) = before {
        levels[before as usize] -= 1;
    }
    if let Some(after) = after {
        levels[after as usize] += 1;
    }
    let worst = levels.iter().rposition(|count| *count > 0).unwrap_or_default();
    metrics::gauge!("circuit_breaker_state", "peer" => peer).set(u32::try_from(worst).unwrap_or_default());
}

#[cfg(test)]
mod tests;
