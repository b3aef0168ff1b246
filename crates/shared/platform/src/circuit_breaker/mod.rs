//! A circuit breaker: stops calls to a failing peer, and then lets one call at a time probe whether the peer has
//! recovered.
//!
//! Existing crates (`failsafe`, `recloser`, `tower-resilience-circuitbreaker`) count either the last calls or the calls
//! of a period, but not the last calls within a period. They also read a clock that tests cannot control.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How many recent calls, within [`WINDOW`], decide whether the breaker opens.
const MAX_CALLS: usize = 20;
const WINDOW: Duration = Duration::from_secs(10);
/// The minimum number of calls in the window for the breaker to open.
const MIN_CALLS: usize = 10;
/// How long an open breaker refuses every call.
const OPEN_FOR: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The peer responded, even if with a refusal.
    Answered,
    /// The peer was unavailable, or did not respond although it had enough time.
    Failed,
    /// Nothing about the peer: the caller gave it too little time, or cancelled the call.
    Inconclusive,
}

/// The circuit breaker of one caller for one peer, for all its calls.
pub struct CircuitBreaker {
    peer: &'static str,
    state: Mutex<State>,
}

enum State {
    /// The recent calls, oldest first: their ends, and whether they failed.
    Closed(VecDeque<(Instant, bool)>),
    /// The breaker refuses every call until this time.
    Open(Instant),
    /// A call that began at this time probes the peer. `None` makes the next call the probe.
    HalfOpen(Option<Instant>),
}

/// The permission to make one call. Without [`Permit::end`], the outcome is inconclusive.
pub struct Permit {
    breaker: Arc<CircuitBreaker>,
    /// When the call began, if it is the probe.
    probe: Option<Instant>,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is unavailable: its circuit breaker is open")]
pub struct Refused(pub &'static str);

impl CircuitBreaker {
    pub fn new(peer: &'static str) -> Arc<Self> {
        let state = State::Closed(VecDeque::with_capacity(MAX_CALLS));
        count(peer, None, Some(&state));
        Arc::new(Self { peer, state: Mutex::new(state) })
    }

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
                Outcome::Answered => self.change(&mut state, State::Closed(VecDeque::with_capacity(MAX_CALLS))),
                // The time counts from the start of the probe, because no other call was made after it.
                Outcome::Failed => self.change(&mut state, State::Open(begun + OPEN_FOR)),
                Outcome::Inconclusive => *current = None,
            },
            (State::Closed(calls), None) if outcome != Outcome::Inconclusive => {
                calls.push_back((now, outcome == Outcome::Failed));
                while calls.len() > MAX_CALLS || calls.front().is_some_and(|(ended, _)| now - *ended > WINDOW) {
                    calls.pop_front();
                }
                let failed = calls.iter().filter(|(_, failed)| *failed).count();
                if outcome == Outcome::Failed && calls.len() >= MIN_CALLS && failed * 2 >= calls.len() {
                    self.change(&mut state, State::Open(now + OPEN_FOR));
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
        count(self.peer, Some(before), Some(&*state));
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
        count(self.peer, Some(self.lock().level()), None);
    }
}

impl Permit {
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.breaker.record(self.probe, self.outcome);
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
            Self::Open(_) => Level::Open,
        }
    }
}

/// The breakers of this process for one peer: in single-process mode, several services call it.
#[derive(Default)]
struct Breakers {
    /// The number of breakers at each level.
    levels: [u32; 3],
    /// The latest time until which one of the breakers refuses every call.
    open_until: Option<Instant>,
}

static BREAKERS: Mutex<BTreeMap<&'static str, Breakers>> = Mutex::new(BTreeMap::new());

impl Breakers {
    /// Sets `circuit_breaker_state` to the worst of the breakers' states. An open breaker whose time is over counts as
    /// half-open, even if no call has followed.
    fn export(&self, peer: &'static str) {
        let [_, half_open, open] = self.levels;
        let worst = if open > 0 && self.open_until > Some(Instant::now()) {
            2.0
        } else if open + half_open > 0 {
            1.0
        } else {
            0.0
        };
        metrics::gauge!("circuit_breaker_state", "peer" => peer).set(worst);
    }
}

fn count(peer: &'static str, before: Option<Level>, after: Option<&State>) {
    let mut all = BREAKERS.lock().unwrap_or_else(PoisonError::into_inner);
    let breakers = all.entry(peer).or_default();
    if let Some(before) = before {
        breakers.levels[before as usize] -= 1;
    }
    if let Some(after) = after {
        breakers.levels[after.level() as usize] += 1;
    }
    if let Some(State::Open(until)) = after {
        breakers.open_until = breakers.open_until.max(Some(*until));
    }
    breakers.export(peer);
}

/// Exports the states of all breakers, which change with time as well as with calls.
pub fn export() {
    for (peer, breakers) in &*BREAKERS.lock().unwrap_or_else(PoisonError::into_inner) {
        breakers.export(peer);
    }
}

#[cfg(test)]
mod tests;
