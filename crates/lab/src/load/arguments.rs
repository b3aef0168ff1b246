//! The arguments of `lab load`.

use std::time::Duration;

use drive::load::{Bounds, Mix, Options, Plan};
use platform::{config::Settings, random::Random};
use shipyard::commands::address_arguments::AddressArguments;

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    #[command(flatten)]
    addresses: AddressArguments,
    /// Operations per second; with --find-peak, those of the first step
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Kinds of traffic with weights: create, pay, cancel, get, list, whoami, parts, whole (from create to ASSEMBLED)
    #[arg(long, default_value_t = Mix::default(), value_name = "KIND=WEIGHT,…")]
    mix: Mix,
    /// Duration of the measurement (default: 30s, or 10s for each step of --find-peak)
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    duration: Option<Duration>,
    /// Duration of the traffic before the measurement, which the report leaves out (default: 5s, or 2s before each step of --find-peak)
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    warm_up: Option<Duration>,
    /// Number of users, who are registered at the start
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    users: u16,
    /// Number of HTTP connections, which the users share
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Time limit of an operation of one request, from the time when it is due
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    timeout: Duration,
    /// Time limit of a whole order, from the time when it is due
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    whole_timeout: Duration,
    /// Maximum number of operations in flight; further ones are not sent and count as failed
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    in_flight: u32,
    /// Order only this many kinds of parts, the first of the catalogue; with 1, all orders compete for one part (default: all)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "COUNT")]
    parts: Option<u32>,
    /// Number of different parts in an order
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "COUNT")]
    parts_per_order: u16,
    /// Seed of the random choices; the same seed makes the same operations, by the same users, for the same parts (default: random)
    #[arg(long)]
    seed: Option<u64>,
    /// Fail if more than this percentage of the operations fails
    #[arg(long, default_value = "1", value_parser = percent, value_name = "PERCENT")]
    pub max_errors: f64,
    /// Raise the rate step by step until the shop does not keep up
    #[arg(long)]
    pub find_peak: bool,
    /// Highest rate of --find-peak
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "RATE")]
    highest_rate: u32,
    /// Factor by which --find-peak raises the rate from step to step
    #[arg(long, default_value_t = 1.5, value_name = "FACTOR")]
    growth: f64,
    /// Highest p99 of single requests with which a step of --find-peak passes
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    p99: Duration,
    /// Lowest goodput, in percent of the rate, with which a step of --find-peak passes
    #[arg(long, default_value = "95", value_parser = percent, value_name = "PERCENT")]
    follows: f64,
    /// Do not add the stock that the orders take
    #[arg(long)]
    pub no_restock: bool,
    /// Do not cancel the orders that are left unpaid
    #[arg(long)]
    pub keep_orders: bool,
    /// Audit the shop at the end
    #[arg(long)]
    pub audit: bool,
    /// Time for which the audit waits until no work is pending
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub audit_wait: Duration,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

impl Arguments {
    pub fn options(&self, settings: &Settings) -> anyhow::Result<Options> {
        Ok(Options {
            addresses: self.addresses.completed(settings)?,
            users: self.users.into(),
            connections: self.connections.into(),
            kinds_of_parts: self.parts.map(usize::try_from).transpose()?,
        })
    }

    pub fn plan(&self) -> Plan {
        let (warm_up, length) = if self.find_peak { (2, 10) } else { (5, 30) };
        Plan {
            rate: self.rate,
            mix: self.mix,
            warm_up: self.warm_up.unwrap_or(Duration::from_secs(warm_up)),
            length: self.duration.unwrap_or(Duration::from_secs(length)),
            timeout: self.timeout,
            whole_timeout: self.whole_timeout,
            in_flight: usize::try_from(self.in_flight).unwrap_or(usize::MAX),
            parts_per_order: self.parts_per_order.into(),
            seed: self.seed.unwrap_or_else(|| Random::default().between(0..=u64::from(u32::MAX))),
        }
    }

    pub fn bounds(&self) -> Bounds {
        Bounds {
            from: self.rate,
            to: self.highest_rate,
            growth: self.growth,
            follows: self.follows,
            p99: self.p99,
            errors: self.max_errors,
        }
    }
}

/// Converts a percentage, with or without its sign, to a number from 0 to 1.
fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim_end_matches('%').trim().parse().map_err(|_| "is not a number")?;
    if (0.0..=100.0).contains(&number) { Ok(number / 100.0) } else { Err("is not between 0 and 100".to_owned()) }
}
