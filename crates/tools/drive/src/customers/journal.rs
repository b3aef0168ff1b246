//! The shared records of all customers: counters, acknowledged orders and contract violations.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use audit::facts::{Acknowledged, Answer};
use tokio::time::Instant;
use uuid::Uuid;

use super::counters::{Class, Kind, Measurements};

/// The number of violations that keep their text.
const MAX_KEPT: usize = 200;

/// The longest time of a request in a healthy system.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(5);

#[derive(Default)]
pub struct Journal {
    counts: Mutex<Measurements>,
    waiting: Mutex<Waiting>,
    acknowledged: Mutex<Vec<Acknowledged>>,
    /// The ids of published loans that the broker has acknowledged.
    lent: Mutex<Vec<String>>,
    violations: Mutex<Violations>,
}

#[derive(Default)]
struct Violations {
    kept: Vec<String>,
    more: usize,
}

/// The start times of requests without a response yet.
#[derive(Default)]
struct Waiting {
    begun: u64,
    since: BTreeMap<u64, Instant>,
}

/// A guard that marks a request as waiting until it is dropped.
pub struct Wait<'a> {
    journal: &'a Journal,
    number: u64,
    since: Instant,
}

impl Journal {
    pub fn wait(&self) -> Wait<'_> {
        let since = Instant::now();
        let mut waiting = lock(&self.waiting);
        waiting.begun += 1;
        let number = waiting.begun;
        waiting.since.insert(number, since);
        Wait { journal: self, number, since }
    }

    /// Returns the start time of the request that has waited longest.
    pub fn waiting_since(&self) -> Option<Instant> {
        lock(&self.waiting).since.values().next().copied()
    }

    pub fn count(&self, kind: Kind, class: Class) {
        // The time is taken under the lock, so that the times are sorted.
        let mut counts = self.measurements();
        counts.add(kind, class, Instant::now());
    }

    pub fn measurements(&self) -> MutexGuard<'_, Measurements> {
        lock(&self.counts)
    }

    pub fn acknowledge(&self, order: Uuid, answer: Answer) {
        lock(&self.acknowledged).push(Acknowledged { order, answer });
    }

    /// Returns everything that was acknowledged since the load began.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        lock(&self.acknowledged).clone()
    }

    pub fn lend(&self, loan: String) {
        lock(&self.lent).push(loan);
    }

    /// Returns the loans that the bank has published.
    pub fn lent(&self) -> Vec<String> {
        lock(&self.lent).clone()
    }

    pub fn violation(&self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        tracing::warn!(sentence, "contract violation");
        let mut violations = lock(&self.violations);
        if violations.kept.len() < MAX_KEPT {
            violations.kept.push(sentence);
        } else {
            violations.more += 1;
        }
    }

    /// Returns the responses that violate the API contract, one sentence each.
    pub fn violations(&self) -> Vec<String> {
        let violations = lock(&self.violations);
        let more = (violations.more > 0).then(|| format!("and {} more violations", violations.more));
        violations.kept.iter().cloned().chain(more).collect()
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        lock(&self.journal.waiting).since.remove(&self.number);
        if self.since.elapsed() > MAX_REQUEST_TIME {
            self.journal.measurements().late(Instant::now());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
