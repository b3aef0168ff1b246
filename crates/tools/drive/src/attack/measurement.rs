//! Samples of customers' requests, and their summary: p50, p99, failures.

use std::{collections::BTreeMap, time::Duration};

use crate::latencies::Latencies;
use serde::Serialize;

/// How many failure reasons a summary has, most frequent first.
const MAX_REASONS: usize = 5;

#[derive(Clone, Debug)]
pub struct Sample {
    pub kind: &'static str,
    /// When the request was due, as time since the first one.
    pub due: Duration,
    /// How much later than due the request was sent.
    pub sent_late: Duration,
    /// The time from when the request was due until its answer, including its wait to be sent.
    pub latency: Duration,
    /// Why the request failed.
    pub failure: Option<String>,
}

/// The summary of one phase's samples. Times are in milliseconds; percentiles are those of answered requests.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub requests: usize,
    pub failed: usize,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
    /// The p99 of this program's delay in sending due requests.
    pub sent_late: Option<f64>,
    /// The most frequent failure reasons with their counts.
    pub failures: Vec<(String, usize)>,
    pub kinds: BTreeMap<&'static str, Option<f64>>,
}

impl Summary {
    pub fn from_samples<'a>(samples: impl Iterator<Item = &'a Sample> + Clone) -> Self {
        let answered = samples.clone().filter(|sample| sample.failure.is_none());
        let (mut latencies, mut late) = (Latencies::default(), Latencies::default());
        let mut by_kind: BTreeMap<&'static str, Latencies> = BTreeMap::new();
        for sample in answered {
            latencies.record(sample.latency);
            by_kind.entry(sample.kind).or_default().record(sample.latency);
        }
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for sample in samples.clone() {
            late.record(sample.sent_late);
            if let Some(reason) = &sample.failure {
                *reasons.entry(format!("{}: {reason}", sample.kind)).or_default() += 1;
            }
        }
        let failed = reasons.values().sum();
        let mut failures: Vec<(String, usize)> = reasons.into_iter().collect();
        failures.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        failures.truncate(MAX_REASONS);
        Self {
            requests: samples.count(),
            failed,
            p50: percentile(&latencies, 500),
            p99: percentile(&latencies, 990),
            max: percentile(&latencies, 1000),
            sent_late: percentile(&late, 990),
            failures,
            kinds: by_kind.into_iter().map(|(kind, times)| (kind, percentile(&times, 990))).collect(),
        }
    }
}

/// Returns a percentile in milliseconds with two decimals.
fn percentile(latencies: &Latencies, permille: u16) -> Option<f64> {
    latencies.permille(permille).map(|time| (time.as_secs_f64() * 100_000.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(milliseconds: u64, failure: Option<&str>) -> Sample {
        Sample {
            kind: "read",
            due: Duration::ZERO,
            sent_late: Duration::from_millis(1),
            latency: Duration::from_millis(milliseconds),
            failure: failure.map(str::to_owned),
        }
    }

    #[test]
    fn percentiles_have_three_exact_digits() {
        let samples: Vec<Sample> = (1..=200).rev().map(|time| sample(time, None)).collect();

        let summary = Summary::from_samples(samples.iter());

        assert_eq!((summary.p50.map(f64::floor), summary.p99.map(f64::floor)), (Some(100.0), Some(198.0)));
        assert_eq!(summary.max, Some(200.0));
        assert_eq!((summary.requests, summary.failed, summary.sent_late), (200, 0, Some(1.0)));
        assert_eq!(summary.kinds["read"], summary.p99);
        let one = [sample(7, None)];
        assert_eq!(Summary::from_samples(one.iter()).p99, Some(7.0));
    }

    #[test]
    fn failures_count_by_reason_and_do_not_make_percentiles_better() {
        let samples =
            [sample(10, None), sample(1, Some("429")), sample(1, Some("429")), sample(5000, Some("no answer"))];

        let summary = Summary::from_samples(samples.iter());

        assert_eq!((summary.requests, summary.failed, summary.p50), (4, 3, Some(10.0)));
        assert_eq!(summary.failures, [("read: 429".to_owned(), 2), ("read: no answer".to_owned(), 1)]);
    }

    #[test]
    fn no_answers_are_no_percentiles() {
        let summary = Summary::from_samples([].iter());

        assert_eq!((summary.requests, summary.p50, summary.p99), (0, None, None));
    }
}
