//! The search for the peak: the rate rises step by step until the shop does not keep up; then the steps become smaller.

mod criteria;
mod step;

use std::fmt;

use serde::Serialize;

pub use self::{criteria::Bounds, step::Step};
use crate::load::report::Report;

/// How many steps follow between the highest rate that passed and the lowest that did not.
const MAX_REFINEMENTS: u32 = 2;
/// Two rates with a smaller ratio count as equal.
const EQUAL_RATIO: f64 = 1.05;

#[derive(Clone, Debug, Serialize)]
pub struct Peak {
    /// The highest rate that passed; `None` if none did.
    pub rate: Option<u32>,
    /// The highest goodput of a passed step.
    pub goodput: Option<f64>,
    /// False if the highest rate of the bounds passed: the peak is above it.
    pub is_found: bool,
    pub steps: Vec<Step>,
}

/// The state of a search, from which the next rate follows.
struct Search {
    bounds: Bounds,
    held: Option<u32>,
    failed: Option<u32>,
    refinements: u32,
}

/// Measures at one rate after another. Calls `each` with every step.
pub async fn find_peak(
    bounds: &Bounds,
    mut measure: impl AsyncFnMut(u32) -> anyhow::Result<Report>,
    mut each: impl FnMut(&Step),
) -> anyhow::Result<Peak> {
    let mut search = Search { bounds: *bounds, held: None, failed: None, refinements: 0 };
    let mut steps: Vec<Step> = Vec::new();
    while let Some(rate) = search.next() {
        let mut step = Step::new(&measure(rate).await?, bounds);
        each(&step);
        if step.problem.is_some() {
            // A failed step is repeated: a brief disturbance of the machine is not a limit of the shop.
            steps.push(step);
            step = Step::new(&measure(rate).await?, bounds);
            each(&step);
        }
        search.tried(rate, step.problem.is_none());
        steps.push(step);
    }
    let goodput = steps.iter().filter(|step| step.problem.is_none()).map(|step| step.goodput).reduce(f64::max);
    Ok(Peak { rate: search.held, goodput, is_found: search.failed.is_some(), steps })
}

impl Search {
    fn next(&self) -> Option<u32> {
        let Bounds { from, to, growth, .. } = self.bounds;
        match (self.held, self.failed) {
            (None, None) => Some(from),
            (Some(held), None) => (held < to).then(|| times(held, growth).clamp(held + 1, to)),
            (None, Some(failed)) => (failed > 1).then_some(failed / 2),
            (Some(held), Some(failed)) => {
                let middle = held.midpoint(failed);
                let is_fine = f64::from(failed) < f64::from(held) * EQUAL_RATIO || middle == held;
                (self.refinements < MAX_REFINEMENTS && !is_fine).then_some(middle)
            }
        }
    }

    fn tried(&mut self, rate: u32, holds: bool) {
        if self.held.is_some() && self.failed.is_some() {
            self.refinements += 1;
        }
        if holds {
            self.held = Some(rate);
        } else {
            self.failed = Some(rate);
        }
    }
}

fn times(rate: u32, growth: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let product = (f64::from(rate) * growth).round() as u32;
    product
}

impl fmt::Display for Peak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rate, self.goodput) {
            (Some(rate), Some(goodput)) if self.is_found => {
                write!(f, "the peak is {rate}/s, with a goodput of {goodput:.1}/s")
            }
            (Some(rate), _) => write!(f, "the peak is above {rate}/s, the highest rate that was tried"),
            _ => write!(f, "the shop did not keep up at any rate"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::{
        latencies::Latencies,
        load::{
            plan::Plan,
            report::{Figures, Row},
        },
    };

    /// Returns the report of a shop that answers within 5 ms up to its capacity, and queues requests above it.
    pub(super) fn shop(capacity: u32, rate: u32, errors: u64) -> Report {
        let mut latencies = Latencies::default();
        for number in 0..1000_u64 {
            let queued = if rate > capacity { number * u64::from(rate - capacity) / u64::from(rate) } else { 0 };
            latencies.record(Duration::from_millis(5 + 10 * queued));
        }
        let all = Row {
            operations: 1000,
            failed: errors,
            goodput: f64::from(rate.min(capacity)),
            latency: latencies.percentiles(),
            failures: BTreeMap::new(),
        };
        let figures = Figures { all, kinds: BTreeMap::new(), sent_late_p99: Some(0.1) };
        Report::new(&Plan::default().at(rate), 1, figures, None)
    }

    async fn search(bounds: Bounds, mut measure: impl FnMut(u32) -> Report) -> (Peak, Vec<u32>) {
        let mut rates = Vec::new();
        let peak = find_peak(&bounds, async |rate| Ok(measure(rate)), |step| rates.push(step.rate)).await.unwrap();
        (peak, rates)
    }

    #[tokio::test]
    async fn the_peak_of_a_shop_is_found_between_the_steps() {
        let bounds = Bounds { from: 100, ..Bounds::default() };

        let (peak, rates) = search(bounds, |rate| shop(600, rate, 0)).await;

        // 761 fails twice. The search then continues between 507 and 761.
        assert_eq!(rates, [100, 150, 225, 338, 507, 761, 761, 634, 634, 570]);
        assert_eq!((peak.rate, peak.goodput, peak.is_found), (Some(570), Some(570.0), true));
        assert_eq!(peak.to_string(), "the peak is 570/s, with a goodput of 570.0/s");
    }

    #[tokio::test]
    async fn one_bad_moment_is_no_limit() {
        let bounds = Bounds { from: 100, to: 225, ..Bounds::default() };
        let mut is_first = true;

        let (peak, rates) = search(bounds, |rate| {
            let is_bad = rate == 150 && std::mem::take(&mut is_first);
            shop(if is_bad { 10 } else { 1000 }, rate, 0)
        })
        .await;

        assert_eq!(rates, [100, 150, 150, 225]);
        assert_eq!((peak.rate, peak.is_found), (Some(225), false));
        assert!(peak.to_string().contains("above 225/s"), "{peak}");
    }

    #[tokio::test]
    async fn a_shop_that_is_slower_than_the_first_step_has_a_peak_too() {
        let bounds = Bounds { from: 400, ..Bounds::default() };

        let (peak, _) = search(bounds, |rate| shop(60, rate, 0)).await;
        let (none, rates) = search(bounds, |rate| shop(0, rate, 1000)).await;

        assert!(peak.rate.is_some_and(|rate| (50..=63).contains(&rate)), "{peak}");
        assert_eq!((none.rate, none.goodput, rates.last()), (None, None, Some(&1)));
    }
}
