//! Latencies in an HDR histogram, and the percentiles that the number of samples supports.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest recorded latency; longer ones count as this one.
const MAX_LATENCY: Duration = Duration::from_hours(1);
/// The number of significant digits that are kept.
const DIGITS: u8 = 3;

/// Latencies, with a precision of a microsecond or three digits.
#[derive(Clone, Debug)]
pub struct Latencies {
    histogram: Histogram<u64>,
    max: u64,
}

/// Percentiles in milliseconds with three decimals; `None` with too few samples: p99.9 needs a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percentiles {
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub max: Option<f64>,
}

impl Latencies {
    pub fn record(&mut self, latency: Duration) {
        let latency = microseconds(latency);
        self.histogram.saturating_record(latency);
        self.max = self.max.max(latency);
    }

    pub fn add(&mut self, others: &Self) {
        // `add` cannot fail: both histograms have the same bounds.
        let _ = self.histogram.add(&others.histogram);
        self.max = self.max.max(others.max);
    }

    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Returns the smallest latency that at least `permille` of a thousand samples do not exceed; `None` without
    /// samples.
    pub fn permille(&self, permille: u16) -> Option<Duration> {
        if self.histogram.is_empty() {
            return None;
        }
        // The histogram returns the largest value with the same three digits, which may exceed the maximum.
        let value = self.histogram.value_at_quantile(f64::from(permille) / 1000.0).min(self.max);
        Some(Duration::from_micros(value))
    }

    pub fn max(&self) -> Option<Duration> {
        (!self.histogram.is_empty()).then(|| Duration::from_micros(self.max))
    }

    pub fn percentiles(&self) -> Percentiles {
        let at = |permille: u16| {
            let is_known = self.count() * u64::from(1000 - permille) >= 1000;
            self.permille(permille).filter(|_| is_known).map(milliseconds)
        };
        Percentiles { p50: at(500), p90: at(900), p99: at(990), p999: at(999), max: self.max().map(milliseconds) }
    }
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, microseconds(MAX_LATENCY), DIGITS);
        Self { histogram: histogram.expect("the bounds are constants, and valid"), max: 0 }
    }
}

impl Percentiles {
    /// Returns true if a percentile lacks samples.
    pub fn are_partly_unknown(&self) -> bool {
        [self.p50, self.p90, self.p99, self.p999].contains(&None)
    }
}

/// Returns the time in milliseconds with three decimals.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> Latencies {
        let mut all = Latencies::default();
        for time in milliseconds {
            all.record(Duration::from_millis(time));
        }
        all
    }

    fn near(value: Option<f64>, wanted: f64) -> bool {
        value.is_some_and(|value| (value - wanted).abs() <= wanted / 1000.0)
    }

    #[test]
    fn percentiles_have_three_exact_digits() {
        let all = of((1..=2000).rev()).percentiles();

        assert!(near(all.p50, 1000.0) && near(all.p90, 1800.0), "{all:?}");
        assert!(near(all.p99, 1980.0) && near(all.p999, 1998.0), "{all:?}");
        assert_eq!(all.max, Some(2000.0));
    }

    #[test]
    fn a_percentile_that_too_few_samples_have_is_none() {
        let known = |count: u64| {
            let Percentiles { p50, p90, p99, p999, max } = of(1..=count).percentiles();
            [p50, p90, p99, p999, max].map(|one| one.is_some())
        };

        assert_eq!(known(0), [false; 5]);
        assert_eq!(known(1), [false, false, false, false, true]);
        assert_eq!(known(10), [true, true, false, false, true]);
        assert_eq!(known(99), [true, true, false, false, true]);
        assert_eq!(known(100), [true, true, true, false, true]);
        assert_eq!(known(1000), [true; 5]);
    }
}
