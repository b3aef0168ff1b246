//! A circuit breaker: stops calling a peer that fails, and lets one call at a time probe whether the peer has recovered.
//!
//! Written here because existing crates (`failsafe`, `recloser`, `tower-resilience-circuitbreaker`) count either the last calls or the
//! calls of a period, not the last calls within a period, and read a clock that tests cannot move.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Calls that are looked at: the last ones, none of them older than [`WINDOW`].
const CALLS: usize = 20;
const WINDOW: Duration = Duration::from_secs(10);
/// Fewer calls never open the breaker.
const MIN_CALLS: usize = 10;
/// How long an open breaker refuses every call.
const OPEN: Duration = Duration::from_secs(5);

/// The outcome of a call with regard to the peer's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The peer answered, be it a refusal.
    Answered,
    /// The peer was unavailable, or silent for long enough.
    Failed,
    /// Neither is known: the caller gave the peer too little time, or gave up.
    Inconclusive,
}

/// One caller's view of one peer. Shared by all its calls.
pub struct CircuitBreaker {
    peer: &'static str,
    state: Mutex<State>,
}

enum State {
    /// The last calls, oldest first: when each ended, and whether it failed.
    Closed(VecDeque<(Instant, bool)>),
    /// Until then.
    Open(Instant),
    /// One call is under way since then and decides; absent: the next call does.
    HalfOpen(Option<Instant>),
}

/// The right to make one call. Dropped without [`Permit::end`], its outcome is inconclusive.
pub struct Permit {
    breaker: Arc<CircuitBreaker>,
    /// When the call began, where it is the one that decides.
    probe: Option<Instant>,
    outcome: Outcome,
}

/// The breaker refuses the call: the peer has failed too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not called for a few seconds, since it has failed too often")]
pub struct Refused(pub &'static str);

impl CircuitBreaker {
    pub fn new(peer: &'static str) -> Arc<Self> {
        gauge(peer, None, Some(Level::Closed));
        Arc::new(Self { peer, state: Mutex::new(State::Closed(VecDeque::with_capacity(CALLS))) })
    }

    /// Lets a call through, or not.
    pub fn acquire(self: &Arc<Self>) -> Result<Permit, Refused> {
        let now = Instant::now();
        let mut state = self.lock();
        let probe = match *state {
            State::Closed(_) => None,
            State::Open(until) if until <= now => {
                self.change(&mut state, State::HalfOpen(Some(now)));
                Some(now)
            }
            State::HalfOpen(None) => {
                *state = State::HalfOpen(Some(now));
                Some(now)
            }
            State::Open(_) | State::HalfOpen(Some(_)) => return Err(Refused(self.peer)),
        };
        Ok(Permit { breaker: self.clone(), probe, outcome: Outcome::Inconclusive })
    }

    fn record(&self, probe: Option<Instant>, outcome: Outcome) {
        let now = Instant::now();
        let mut state = self.lock();
        match (&mut *state, probe) {
            (State::HalfOpen(current), Some(begun)) if *current == Some(begun) => match outcome {
                Outcome::Answered => self.change(&mut state, State::Closed(VecDeque::with_capacity(CALLS))),
                // Counted from when it began: while it waited for its answer, no other call was made.
                Outcome::Failed => self.change(&mut state, State::Open(begun + OPEN)),
                Outcome::Inconclusive => *current = None,
            },
            (State::Closed(calls), None) if outcome != Outcome::Inconclusive => {
                calls.push_back((now, outcome == Outcome::Failed));
                while calls.len() > CALLS || calls.front().is_some_and(|(ended, _)| now - *ended > WINDOW) {
                    calls.pop_front();
                }
                let failed = calls.iter().filter(|(_, failed)| *failed).count();
                if outcome == Outcome::Failed && calls.len() >= MIN_CALLS && failed * 2 >= calls.len() {
                    self.change(&mut state, State::Open(now + OPEN));
                }
            }
            // A call that was made before the breaker opened has been overtaken by what opened it.
            _ => {}
        }
    }

    fn change(&self, state: &mut State, next: State) {
        let (before, after) = (state.level(), next.level());
        *state = next;
        if before == after {
            return;
        }
        gauge(self.peer, Some(before), Some(after));
        match after {
            Level::Open if before == Level::Closed => tracing::warn!(peer = self.peer, "circuit breaker opened"),
            Level::Closed => tracing::info!(peer = self.peer, "circuit breaker closed"),
            _ => tracing::debug!(peer = self.peer, ?after, "circuit breaker changed"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CircuitBreaker {
    fn drop(&mut self) {
        gauge(self.peer, Some(self.lock().level()), None);
    }
}

impl Permit {
    /// Records the outcome of the call.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.breaker.record(self.probe, self.outcome);
    }
}

/// Returns a state's value in its metric.
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
            Self::Open(_) => Level::Open,
        }
    }
}

/// Moves one breaker between states and sets `circuit_breaker_state`. In the one process several services call the same peer: the metric
/// has the worst of their states.
fn gauge(peer: &'static str, before: Option<Level>, after: Option<Level>) {
    static BREAKERS: Mutex<BTreeMap<&str, [u32; 3]>> = Mutex::new(BTreeMap::new());
    let mut breakers = BREAKERS.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = breakers.entry(peer).or_default();
    if let Some(before) = before {
        counts[before as usize] -= 1;
    }
    if let Some(after) = after {
        counts[after as usize] += 1;
    }
    let worst = if counts[Level::Open as usize] > 0 {
        2.0
    } else if counts[Level::HalfOpen as usize] > 0 {
        1.0
    } else {
        0.0
    };
    metrics::gauge!("circuit_breaker_state", "peer" => peer).set(worst);
}

#[cfg(test)]
mod tests;
