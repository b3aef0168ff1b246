//! The search for the peak: the rate rises step by step until the shop does not keep up; then the steps become smaller.

use std::{fmt, time::Duration};

use anyhow::ensure;

use crate::{
    latencies::milliseconds,
    load::{
        plan::Plan,
        report::{Report, Row, percent},
    },
};

/// The factor from one rate to the next.
const GROWTH: f64 = 1.5;
/// The number of steps between the highest rate that passed and the lowest that did not.
const MAX_REFINEMENTS: u32 = 2;
/// Two rates with a smaller ratio count as equal.
const EQUAL_RATIO: f64 = 1.05;
/// The number of samples that a p99 needs.
const MIN_SAMPLES: f64 = 100.0;

/// The limits for a step to pass (goodput, p99, errors), and the rates that the search tries.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The first and the highest rate per second.
    pub from: u32,
    pub to: u32,
    /// The share of the rate that goodput must reach, from 0 to 1.
    pub follows: f64,
    /// The highest p99 that passes.
    pub p99: Duration,
    /// The share of operations that may fail, from 0 to 1.
    pub errors: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { from: 50, to: 20_000, follows: 0.95, p99: Duration::from_secs(1), errors: 0.01 }
    }
}

impl Bounds {
    /// Fails if steps like `plan` would be too short.
    pub fn check(&self, plan: &Plan) -> anyhow::Result<()> {
        let samples = f64::from(self.from) * plan.length.as_secs_f64();
        ensure!(
            samples >= MIN_SAMPLES,
            "duration: a step of {:?} at {}/s has {samples:.0} operations, and a p99 needs {MIN_SAMPLES}",
            plan.length,
            self.from
        );
        Ok(())
    }
}

/// One step of the search: its measurement, and whether the shop kept up.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub rate: u32,
    pub goodput: f64,
    p50: Option<f64>,
    p99: Option<f64>,
    error_rate: f64,
    sent_late_p99: Option<f64>,
    /// The reason why the shop did not keep up; `None` if it did.
    pub problem: Option<String>,
}

impl Step {
    pub const HEAD: &str = " rate/s  goodput/s     p50 ms     p99 ms   failed  late ms";

    fn new(report: &Report, bounds: &Bounds) -> Self {
        let Row { tally, goodput } = &report.figures.all;
        let latency = tally.latencies.percentiles();
        let mut step = Self {
            rate: report.rate,
            goodput: *goodput,
            p50: latency.p50,
            p99: latency.p99,
            error_rate: tally.error_rate(),
            sent_late_p99: report.figures.sent_late_p99,
            problem: None,
        };
        step.problem = step.problem(bounds);
        step
    }

    fn problem(&self, bounds: &Bounds) -> Option<String> {
        if self.error_rate > bounds.errors {
            return Some(format!("{} failed", percent(self.error_rate)));
        }
        if self.goodput < f64::from(self.rate) * bounds.follows {
            return Some(format!("goodput is {} of the rate", percent(self.goodput / f64::from(self.rate))));
        }
        let bound = milliseconds(bounds.p99);
        match self.p99 {
            Some(p99) if p99 <= bound => None,
            Some(_) => Some(format!("p99 is above {bound} ms")),
            None => Some("too few successes for a p99".to_owned()),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), |time| format!("{time:.2}"));
        let Self { rate, goodput, error_rate, problem, .. } = self;
        write!(
            f,
            "{rate:>7}  {goodput:>9.1}  {:>9}  {:>9}  {:>7}  {:>7}  {}",
            time(self.p50),
            time(self.p99),
            percent(*error_rate),
            time(self.sent_late_p99),
            problem.as_deref().unwrap_or("holds")
        )
    }
}

#[derive(Clone, Debug)]
pub struct Peak {
    /// The highest rate that passed, and the highest goodput of a passed step; `None` if none did.
    pub rate: Option<u32>,
    goodput: Option<f64>,
    /// False if the highest rate of the bounds passed: the peak is above it.
    is_found: bool,
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
    let mut goodput: Option<f64> = None;
    while let Some(rate) = search.next() {
        let mut step = Step::new(&measure(rate).await?, bounds);
        each(&step);
        if step.problem.is_some() {
            // A failed step is retried: a brief disturbance of the machine is not a limit of the shop.
            step = Step::new(&measure(rate).await?, bounds);
            each(&step);
        }
        if step.problem.is_none() {
            goodput = Some(goodput.map_or(step.goodput, |most| most.max(step.goodput)));
        }
        search.tried(rate, step.problem.is_none());
    }
    Ok(Peak { rate: search.held, goodput, is_found: search.failed.is_some() })
}

impl Search {
    fn next(&self) -> Option<u32> {
        let Bounds { from, to, .. } = self.bounds;
        match (self.held, self.failed) {
            (None, None) => Some(from),
            (Some(held), None) => (held < to).then(|| grown(held).clamp(held + 1, to)),
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
        *if holds { &mut self.held } else { &mut self.failed } = Some(rate);
    }
}

fn grown(rate: u32) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let product = (f64::from(rate) * GROWTH).round() as u32;
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::{load::report::Figures, tally::Tally};

    /// Returns the report of a shop that responds within 5 ms up to its capacity, and queues requests above it. So many
    /// of a thousand requests fail.
    fn shop(capacity: u32, rate: u32, failed: u64) -> Report {
        let mut tally = Tally::default();
        for number in 0..1000_u64 {
            let queued = if rate > capacity { number * u64::from(rate - capacity) / u64::from(rate) } else { 0 };
            tally.record(Duration::from_millis(5 + 10 * queued), (number < failed).then_some("503".into()));
        }
        let all = Row { tally, goodput: f64::from(rate.min(capacity)) };
        let figures = Figures { all, kinds: BTreeMap::new(), sent_late_p99: Some(0.1) };
        Report::new(&Plan::default().at(rate), 1, figures)
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

        assert_eq!((rates, peak.rate), (vec![100, 150, 150, 225], Some(225)));
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

    #[test]
    fn a_step_holds_while_goodput_p99_and_errors_are_within_their_bounds() {
        let bounds = Bounds::default();
        let problem = |report: &Report| Step::new(report, &bounds).problem;

        assert_eq!(problem(&shop(100, 100, 10)), None);
        assert_eq!(problem(&shop(100, 100, 11)).as_deref(), Some("1.1 % failed"));
        assert!(problem(&shop(94, 100, 0)).is_some_and(|problem| problem.starts_with("goodput is 94 %")));
        // The slowest of its thousand requests waits for 390 ms.
        let strict = Bounds { p99: Duration::from_millis(300), ..bounds };
        assert_eq!(problem(&shop(96, 100, 0)), None);
        assert_eq!(Step::new(&shop(96, 100, 0), &strict).problem.as_deref(), Some("p99 is above 300 ms"));
    }
}
