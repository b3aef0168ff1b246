//! The bounds of a search: the limits for each step, and the tried rates.

use std::time::Duration;

use anyhow::ensure;

use crate::load::plan::Plan;

/// How many samples a p99 needs.
const MIN_SAMPLES: f64 = 100.0;

/// The limits for a step to pass (goodput, p99, errors), and the rates that the search tries.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The first rate per second.
    pub from: u32,
    /// The highest rate per second.
    pub to: u32,
    /// The factor from one rate to the next, such as 1.5.
    pub growth: f64,
    /// The share of the rate that goodput must reach, from 0 to 1.
    pub follows: f64,
    /// The highest p99 that passes.
    pub p99: Duration,
    /// The share of operations that may fail, from 0 to 1.
    pub errors: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { from: 50, to: 20_000, growth: 1.5, follows: 0.95, p99: Duration::from_secs(1), errors: 0.01 }
    }
}

impl Bounds {
    /// Fails, naming the field, if a bound is wrong or steps like `plan` would be too short.
    pub fn check(&self, plan: &Plan) -> anyhow::Result<()> {
        ensure!(self.from > 0, "rate: must be above 0");
        ensure!(self.from <= self.to, "highest rate: {} is below the first one, {}", self.to, self.from);
        ensure!((1.01..=10.0).contains(&self.growth), "growth: {} is not between 1.01 and 10", self.growth);
        ensure!(!self.p99.is_zero(), "p99: must be above 0");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_that_say_nothing_are_refused_with_the_field() {
        let plan = Plan { length: Duration::from_secs(2), ..Plan::default() };
        let complaint = |bounds: Bounds| bounds.check(&plan).unwrap_err().to_string();
        let good = Bounds::default();

        assert!(good.check(&plan).is_ok());
        assert!(complaint(Bounds { from: 0, ..good }).starts_with("rate:"));
        assert!(complaint(Bounds { to: 10, ..good }).starts_with("highest rate:"));
        assert!(complaint(Bounds { growth: 1.0, ..good }).starts_with("growth:"));
        assert!(complaint(Bounds { growth: f64::NAN, ..good }).starts_with("growth:"));
        assert!(complaint(Bounds { p99: Duration::ZERO, ..good }).starts_with("p99:"));
        assert_eq!(
            complaint(Bounds { from: 49, ..good }),
            "duration: a step of 2s at 49/s has 98 operations, and a p99 needs 100"
        );
    }
}
