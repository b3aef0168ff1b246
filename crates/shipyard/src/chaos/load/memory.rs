//! What the customers remember together: counts, acknowledgements, and whatever should not have been answered.

use std::sync::{Mutex, MutexGuard, PoisonError};

use audit::facts::{Acknowledged, Answer};
use tokio::time::Instant;
use uuid::Uuid;

use super::tally::{Class, Counts, Kind};

/// How many surprises are kept word for word.
const KEPT: usize = 200;

#[derive(Default)]
pub struct Memory {
    counts: Mutex<Counts>,
    acknowledged: Mutex<Vec<Acknowledged>>,
    surprises: Mutex<Surprises>,
}

#[derive(Default)]
struct Surprises {
    kept: Vec<String>,
    more: usize,
}

impl Memory {
    pub fn count(&self, kind: Kind, class: Class) {
        // The time is taken under the lock, so that times stand in their order.
        let mut counts = self.counts();
        counts.add(kind, class, Instant::now());
    }

    pub fn counts(&self) -> MutexGuard<'_, Counts> {
        lock(&self.counts)
    }

    pub fn acknowledge(&self, order: Uuid, answer: Answer) {
        lock(&self.acknowledged).push(Acknowledged { order, answer });
    }

    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        lock(&self.acknowledged).clone()
    }

    pub fn surprise(&self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        tracing::warn!(sentence, "a surprise");
        let mut surprises = lock(&self.surprises);
        if surprises.kept.len() < KEPT {
            surprises.kept.push(sentence);
        } else {
            surprises.more += 1;
        }
    }

    pub fn surprises(&self) -> Vec<String> {
        let surprises = lock(&self.surprises);
        let more = (surprises.more > 0).then(|| format!("and {} more surprises", surprises.more));
        surprises.kept.iter().cloned().chain(more).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
