//! One step of a search: its measurement, and whether the shop kept up.

use std::fmt;

use serde::Serialize;

use super::criteria::Bounds;
use crate::{
    latencies::milliseconds,
    load::report::{Report, percent},
};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub rate: u32,
    pub goodput: f64,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    /// The share of failed operations, from 0 to 1.
    pub error_rate: f64,
    pub sent_late_p99: Option<f64>,
    /// Why the shop did not keep up; `None` if it did.
    pub problem: Option<String>,
}

impl Step {
    pub const HEAD: &str = " rate/s  goodput/s     p50 ms     p99 ms   failed  late ms";

    pub(super) fn new(report: &Report, bounds: &Bounds) -> Self {
        let all = &report.figures.all;
        let mut step = Self {
            rate: report.rate,
            goodput: all.goodput,
            p50: all.latency.p50,
            p99: all.latency.p99,
            error_rate: all.error_rate(),
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

#[cfg(test)]
mod tests {
    use super::{super::tests::shop, *};

    #[test]
    fn a_step_holds_while_goodput_p99_and_errors_are_within_their_bounds() {
        let bounds = Bounds::default();
        let problem = |report: &Report| Step::new(report, &bounds).problem;

        assert_eq!(problem(&shop(100, 100, 10)), None);
        assert_eq!(problem(&shop(100, 100, 11)).as_deref(), Some("1.1 % failed"));
        assert!(problem(&shop(94, 100, 0)).is_some_and(|problem| problem.starts_with("goodput is 94 %")));
        let mut slow = shop(100, 100, 0);
        slow.figures.all.latency.p99 = Some(1000.1);
        assert_eq!(problem(&slow).as_deref(), Some("p99 is above 1000 ms"));
        slow.figures.all.latency.p99 = None;
        assert!(problem(&slow).is_some_and(|problem| problem.starts_with("too few")));
    }
}
