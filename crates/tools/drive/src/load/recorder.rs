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
    tally::Tally,
};

const TOO_MANY: Failure = Failure::Borrowed("not sent: too many in flight");

pub(crate) struct Recorder {
    warm_up: Duration,
    end: Duration,
    /// The operations that were due in the measured time, and how many successes ended in it, whenever they were due.
    kinds: BTreeMap<Kind, (Tally, u64)>,
    late: Latencies,
}

impl Recorder {
    pub fn new(plan: &Plan) -> Self {
        Self { warm_up: plan.warm_up, end: plan.total(), kinds: BTreeMap::new(), late: Latencies::default() }
    }

    pub fn record(&mut self, arrival: Arrival<Kind, Result<(), Failure>>) {
        let Arrival { kind, due, sent_late, latency, outcome } = arrival;
        let failure = outcome.unwrap_or(Err(TOO_MANY)).err();
        let window = self.warm_up..self.end;
        let (tally, completed) = self.kinds.entry(kind).or_default();
        *completed += u64::from(failure.is_none() && window.contains(&(due + latency)));
        if window.contains(&due) {
            self.late.record(sent_late);
            tally.record(latency, failure);
        }
    }

    pub fn figures(&self) -> Figures {
        let length = self.end.saturating_sub(self.warm_up).as_secs_f64();
        let (mut all, mut all_completed) = (Tally::default(), 0);
        let is_mixed = self.kinds.keys().any(|kind| kind.is_single());
        for (kind, (tally, completed)) in &self.kinds {
            all.operations += tally.operations;
            all.failed += tally.failed;
            all_completed += completed;
            if kind.is_single() || !is_mixed {
                all.latencies.add(&tally.latencies);
            }
        }
        let kinds = self.kinds.iter().map(|(kind, (tally, completed))| (*kind, row(tally.clone(), *completed, length)));
        Figures {
            all: row(all, all_completed, length),
            kinds: kinds.collect(),
            sent_late_p99: self.late.permille(990).map(milliseconds),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵²")]
fn row(tally: Tally, completed: u64, length: f64) -> Row {
    Row { tally, goodput: (completed as f64 / length * 100.0).round() / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn success(due: u64, latency: u64) -> Arrival<Kind, Result<(), Failure>> {
        let [due, latency] = [due, latency].map(Duration::from_millis);
        Arrival { kind: Kind::Get, due, sent_late: Duration::ZERO, latency, outcome: Some(Ok(())) }
    }

    #[test]
    fn the_warm_up_counts_in_no_latency_and_a_response_counts_when_it_comes() {
        let mut recorder = Recorder::new(&Plan { warm_up: SECOND, length: 2 * SECOND, ..Plan::default() });
        // The first is due in the warm-up and answered after it. The second is due and answered in the measured time.
        // The third is due in the measured time and answered after its end.
        for (due, latency) in [(900, 200), (1500, 10), (2990, 20)] {
            recorder.record(success(due, latency));
        }

        let Row { tally, goodput } = recorder.figures().all;

        assert_eq!((tally.operations, tally.failed), (2, 0));
        assert!((goodput - 1.0).abs() < f64::EPSILON, "two answers in two seconds: {goodput}");
        assert_eq!(tally.latencies.percentiles().max, Some(20.0), "the slow one of the warm-up is left out");
    }
}
