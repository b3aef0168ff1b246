//! The arguments of `lab load`.

use std::time::Duration;

use drive::load::{Bounds, Mix, Plan};
use platform::random::Random;

/// The durations of the traffic before a measurement, which the report leaves out, and of the measurement: of one run,
/// and of each step of a search.
const ONE_RUN: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];
const STEP: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

#[derive(clap::Args)]
pub struct Arguments {
    /// Operations per second; with --find-peak, those of the first step
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Kinds of traffic with weights: create, pay, cancel, get, list, whoami, parts, whole (from create to ASSEMBLED)
    #[arg(long, default_value_t = Mix::default(), value_name = "KIND=WEIGHT,…")]
    mix: Mix,
    /// Duration of the measurement (default: 30s, or 10s for each step of --find-peak)
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    duration: Option<Duration>,
    /// Number of users, who are registered at the start
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub users: u16,
    /// Seed of the random choices; the same seed makes the same operations, by the same users, for the same parts (default: random)
    #[arg(long)]
    seed: Option<u64>,
    /// Fail if more than this percentage of the operations fails
    #[arg(long, default_value = "1", value_parser = percent, value_name = "PERCENT")]
    pub max_errors: f64,
    /// Raise the rate step by step until the shop does not keep up
    #[arg(long)]
    pub find_peak: bool,
    /// Audit the shop at the end
    #[arg(long)]
    pub audit: bool,
}

impl Arguments {
    pub fn plan(&self) -> Plan {
        let [warm_up, length] = if self.find_peak { STEP } else { ONE_RUN };
        let seed = self.seed.unwrap_or_else(|| Random::default().between(0..=u64::from(u32::MAX)));
        let length = self.duration.unwrap_or(length);
        Plan { rate: self.rate, mix: self.mix, warm_up, length, seed, ..Plan::default() }
    }

    /// Returns the bounds of a search; `None` for one run.
    pub fn bounds(&self) -> Option<Bounds> {
        self.find_peak.then(|| Bounds { from: self.rate, errors: self.max_errors, ..Bounds::default() })
    }
}

/// Converts a percentage, with or without its sign, to a number from 0 to 1.
fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim_end_matches('%').trim().parse().map_err(|_| "is not a number")?;
    if (0.0..=100.0).contains(&number) { Ok(number / 100.0) } else { Err("is not between 0 and 100".to_owned()) }
}
