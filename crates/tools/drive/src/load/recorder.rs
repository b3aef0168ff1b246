//! The recorder: the results of arrivals by kind, within the measured time.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    account::Failure,
    arrivals::Arrival,
    latencies::{Latencies, milliseconds},
    load::{
        mix::Kind,
        plan::Plan,
        report::{Figures, Row},
    },
};

/// How many different failure reasons are kept per kind.
const MAX_REASONS: usize = 20;
const OTHERS: Failure = Failure::Borrowed("other reasons");
const TOO_MANY: Failure = Failure::Borrowed("not sent: too many in flight");

#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub elapsed: Duration,
    pub total: Duration,
    pub is_warming_up: bool,
    /// Arrivals and successes per second since the previous progress.
    pub arrivals: f64,
    pub goodput: f64,
    /// Percentiles, in milliseconds, of successful single requests since the previous progress.
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    /// How many operations were in the measured time so far, and how many of them failed.
    pub operations: u64,
    pub failed: u64,
    pub in_flight: u64,
}

pub(crate) struct Recorder {
    warm_up: Duration,
    end: Duration,
    kinds: BTreeMap<Kind, Tally>,
    late: Latencies,
    /// The results since the last call of [`progress`](Self::progress).
    recent: Tally,
    recently_arrived: u64,
    last: Duration,
    arrived: u64,
    ended: u64,
}

#[derive(Default)]
struct Tally {
    /// How many operations were due in the measured time.
    operations: u64,
    failed: u64,
    failures: BTreeMap<Failure, u64>,
    latencies: Latencies,
    /// How many successes ended in the measured time, whenever they were due.
    completed: u64,
}

impl Recorder {
    pub fn new(plan: &Plan) -> Self {
        Self {
            warm_up: plan.warm_up,
            end: plan.total(),
            kinds: BTreeMap::new(),
            late: Latencies::default(),
            recent: Tally::default(),
            recently_arrived: 0,
            last: Duration::ZERO,
            arrived: 0,
            ended: 0,
        }
    }

    pub fn arrived(&self) -> u64 {
        self.arrived
    }

    pub fn arrive(&mut self) {
        self.arrived += 1;
        self.recently_arrived += 1;
    }

    pub fn record(&mut self, arrival: Arrival<Kind, Result<(), Failure>>) {
        let Arrival { kind, due, sent_late, latency, outcome } = arrival;
        self.ended += 1;
        let failure = outcome.unwrap_or(Err(TOO_MANY)).err();
        if failure.is_none() {
            self.recent.completed += 1;
            if kind.is_single() {
                self.recent.latencies.record(latency);
            }
        }
        let window = self.warm_up..self.end;
        let tally = self.kinds.entry(kind).or_default();
        tally.completed += u64::from(failure.is_none() && window.contains(&(due + latency)));
        if !window.contains(&due) {
            return;
        }
        tally.operations += 1;
        self.late.record(sent_late);
        match failure {
            None => tally.latencies.record(latency),
            Some(reason) => tally.fail(reason),
        }
    }

    pub fn progress(&mut self, elapsed: Duration) -> Progress {
        let passed = elapsed.saturating_sub(self.last).as_secs_f64().max(f64::EPSILON);
        let recent = std::mem::take(&mut self.recent);
        let arrived = std::mem::take(&mut self.recently_arrived);
        self.last = elapsed;
        let percentiles = recent.latencies.percentiles();
        Progress {
            elapsed: elapsed.min(self.end),
            total: self.end,
            is_warming_up: elapsed < self.warm_up,
            arrivals: float(arrived) / passed,
            goodput: float(recent.completed) / passed,
            p50: percentiles.p50,
            p99: percentiles.p99,
            operations: self.kinds.values().map(|tally| tally.operations).sum(),
            failed: self.kinds.values().map(|tally| tally.failed).sum(),
            in_flight: self.arrived - self.ended,
        }
    }

    pub fn figures(&self) -> Figures {
        let length = self.end.saturating_sub(self.warm_up).as_secs_f64();
        let mut all = Tally::default();
        let is_mixed = self.kinds.keys().any(|kind| kind.is_single());
        for (kind, tally) in &self.kinds {
            all.operations += tally.operations;
            all.failed += tally.failed;
            all.completed += tally.completed;
            if kind.is_single() || !is_mixed {
                all.latencies.add(&tally.latencies);
            }
        }
        Figures {
            all: all.row(length),
            kinds: self.kinds.iter().map(|(kind, tally)| (*kind, tally.row(length))).collect(),
            sent_late_p99: self.late.permille(990).map(milliseconds),
        }
    }
}

impl Tally {
    fn fail(&mut self, reason: Failure) {
        self.failed += 1;
        let is_new = !self.failures.contains_key(&reason);
        let reason = if is_new && self.failures.len() >= MAX_REASONS { OTHERS } else { reason };
        *self.failures.entry(reason).or_default() += 1;
    }

    fn row(&self, length: f64) -> Row {
        Row {
            operations: self.operations,
            failed: self.failed,
            goodput: (float(self.completed) / length * 100.0).round() / 100.0,
            latency: self.latencies.percentiles(),
            failures: self.failures.iter().map(|(reason, count)| (reason.to_string(), *count)).collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵²")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn recorder() -> Recorder {
        Recorder::new(&Plan { warm_up: SECOND, length: 2 * SECOND, ..Plan::default() })
    }

    fn arrival(
        due: u64,
        latency: u64,
        outcome: Option<Result<(), &'static str>>,
    ) -> Arrival<Kind, Result<(), Failure>> {
        let [due, latency] = [due, latency].map(Duration::from_millis);
        let outcome = outcome.map(|outcome| outcome.map_err(Failure::Borrowed));
        Arrival { kind: Kind::Get, due, sent_late: Duration::ZERO, latency, outcome }
    }

    #[test]
    fn the_warm_up_counts_in_no_latency_and_an_answer_counts_when_it_comes() {
        let mut recorder = recorder();
        // The first is due in the warm-up and answered after it. The second is due and answered in the measured time.
        // The third is due in the measured time and answered after its end.
        for (due, latency) in [(900, 200), (1500, 10), (2990, 20)] {
            recorder.record(arrival(due, latency, Some(Ok(()))));
        }

        let Figures { all, .. } = recorder.figures();

        assert_eq!((all.operations, all.failed), (2, 0));
        assert!((all.goodput - 1.0).abs() < f64::EPSILON, "two answers in two seconds: {}", all.goodput);
        assert_eq!(all.latency.max, Some(20.0), "the slow one of the warm-up is left out");
    }

    #[test]
    fn failures_count_by_reason_and_do_not_make_percentiles_better() {
        let mut recorder = recorder();
        for outcome in [Some(Ok(())), Some(Ok(())), Some(Err("429")), Some(Err("429")), None] {
            recorder.record(arrival(1500, if outcome == Some(Ok(())) { 30 } else { 1 }, outcome));
        }

        let row = recorder.figures().kinds.remove(&Kind::Get).unwrap();

        assert_eq!((row.operations, row.failed), (5, 3));
        let failures: Vec<(&str, u64)> = row.failures.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        assert_eq!(failures, [("429", 2), ("not sent: too many in flight", 1)]);
        assert_eq!(row.latency.p50, Some(30.0));
    }

    #[test]
    fn a_shop_that_fails_in_ever_other_ways_does_not_fill_the_memory() {
        let mut recorder = recorder();
        for number in 0..1000 {
            let mut failed = arrival(1500, 1, None);
            failed.outcome = Some(Err(Failure::Owned(format!("reason {number}"))));
            recorder.record(failed);
        }

        let row = recorder.figures().kinds.remove(&Kind::Get).unwrap();

        assert_eq!((row.failures.len(), row.failures["other reasons"]), (MAX_REASONS + 1, 1000 - MAX_REASONS as u64));
    }

    #[test]
    fn whole_orders_are_in_the_latencies_of_all_where_there_is_nothing_else() {
        let mut recorder = recorder();
        recorder.record(Arrival { kind: Kind::Whole, ..arrival(1500, 900, Some(Ok(()))) });
        assert_eq!(recorder.figures().all.latency.max, Some(900.0));

        recorder.record(arrival(1500, 10, Some(Ok(()))));

        let Figures { all, kinds, .. } = recorder.figures();
        assert_eq!((all.latency.max, kinds[&Kind::Whole].latency.max), (Some(10.0), Some(900.0)));
        assert_eq!(all.operations, 2);
    }

    #[test]
    fn progress_tells_of_the_time_since_the_last_one() {
        let mut recorder = recorder();
        for due in [100, 200, 1200, 1300] {
            recorder.arrive();
            recorder.record(arrival(due, 10, Some(Ok(()))));
            if due == 200 {
                let progress = recorder.progress(SECOND / 2);
                assert!(progress.is_warming_up && (progress.goodput - 4.0).abs() < 0.01, "{progress:?}");
            }
        }
        recorder.arrive();

        let progress = recorder.progress(SECOND * 3 / 2);

        assert!((progress.goodput - 2.0).abs() < 0.01 && (progress.arrivals - 3.0).abs() < 0.01, "{progress:?}");
        assert_eq!((progress.in_flight, progress.operations, progress.is_warming_up), (1, 2, false));
    }
}
