//! Counts of requests with their latencies: how many there were, why they failed, and how long they took.

use std::{collections::BTreeMap, time::Duration};

use crate::{account::Failure, latencies::Latencies};

/// The number of different failure reasons that are kept.
const MAX_REASONS: usize = 20;
/// The number of failure reasons that are shown, most frequent first.
const SHOWN_REASONS: usize = 5;
const OTHERS: Failure = Failure::Borrowed("other reasons");

#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub operations: u64,
    pub failed: u64,
    /// The number of failures of each reason.
    pub failures: BTreeMap<Failure, u64>,
    /// The latencies of successes, from when they were due.
    pub latencies: Latencies,
}

impl Tally {
    pub fn record(&mut self, latency: Duration, failure: Option<Failure>) {
        self.operations += 1;
        let Some(reason) = failure else { return self.latencies.record(latency) };
        self.failed += 1;
        let is_kept = self.failures.contains_key(&reason) || self.failures.len() < MAX_REASONS;
        *self.failures.entry(if is_kept { reason } else { OTHERS }).or_default() += 1;
    }

    /// Returns the share of failed operations, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵²")]
    pub fn error_rate(&self) -> f64 {
        if self.operations == 0 { 0.0 } else { self.failed as f64 / self.operations as f64 }
    }

    /// Returns the most frequent failure reasons, such as `3 × 409 OUT_OF_STOCK`.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<_> = self.failures.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        reasons.into_iter().take(SHOWN_REASONS).map(|(reason, count)| format!("{count} × {reason}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_by_reason_and_do_not_make_percentiles_better() {
        let mut tally = Tally::default();
        for failure in [None, None, Some("429"), Some("429"), Some("503")] {
            let latency = Duration::from_millis(if failure.is_none() { 30 } else { 1 });
            tally.record(latency, failure.map(Failure::Borrowed));
        }

        assert_eq!((tally.operations, tally.failed, tally.reasons().join(", ")), (5, 3, "2 × 429, 1 × 503".to_owned()));
        assert_eq!(tally.latencies.permille(500), Some(Duration::from_millis(30)));
    }
}
