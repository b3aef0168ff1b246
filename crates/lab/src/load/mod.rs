//! `lab load`: an open-loop load generator of mixed traffic against a running shop.

mod stock;

use std::time::Duration;

use anyhow::ensure;
use client::addresses::ShopAddresses;
use drive::load::{Bounds, Crowd, Mix, Options, Plan, Step, find_peak};
use operations::audit_run::Outcome;
use platform::{config, random::Random, server::shutdown::on_signal};
use shipyard::{commands::audit, data::Data, outln};

use self::stock::Stock;

/// The number of HTTP connections, which the users share.
const CONNECTIONS: usize = 64;
/// The audit waits this long at most until no work is pending.
const AUDIT_WAIT: Duration = Duration::from_mins(5);

/// The durations of the warm-up, which the report leaves out, and of the measurement: in one run, and in each step of a
/// search.
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
    users: u16,
    /// Seed of the random choices; the same seed makes the same operations, by the same users, for the same parts
    /// (default: random)
    #[arg(long)]
    seed: Option<u64>,
    /// Fail if more than this percentage of the operations fails
    #[arg(long, default_value = "1", value_parser = percent, value_name = "PERCENT")]
    max_errors: f64,
    /// Raise the rate step by step until the shop does not keep up
    #[arg(long)]
    find_peak: bool,
    /// Audit the shop at the end
    #[arg(long)]
    audit: bool,
}

impl Arguments {
    fn plan(&self) -> Plan {
        let [warm_up, length] = if self.find_peak { STEP } else { ONE_RUN };
        let seed = self.seed.unwrap_or_else(|| Random::default().between(0..=u64::from(u32::MAX)));
        let length = self.duration.unwrap_or(length);
        Plan { rate: self.rate, mix: self.mix, warm_up, length, seed, ..Plan::default() }
    }

    /// Returns the bounds of a search; `None` for one run.
    fn bounds(&self) -> Option<Bounds> {
        self.find_peak.then(|| Bounds { from: self.rate, errors: self.max_errors, ..Bounds::default() })
    }
}

/// Fails if more operations fail than `--max-errors` allows, or if no rate of `--find-peak` holds.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let stop = on_signal()?;
    tokio::select! {
        outcome = Box::pin(work(&arguments, &data)) => outcome,
        () = stop.cancelled() => anyhow::bail!("stopped; orders that are left unpaid expire by themselves"),
    }
}

async fn work(arguments: &Arguments, data: &Data) -> anyhow::Result<()> {
    let settings = data.running(config::load()?);
    let (users, plan, bounds) = (usize::from(arguments.users), arguments.plan(), arguments.bounds());
    // Reports invalid arguments before any user is registered.
    plan.check(users, usize::MAX)?;
    bounds.map_or(Ok(()), |bounds| bounds.check(&plan))?;
    if arguments.audit {
        audit::sources(&settings, data)?.databases.close().await;
    }
    let addresses = ShopAddresses::from_settings(&settings)?;
    let mut stock = Stock::new(&settings, &addresses.inventory, data)?;
    let crowd = Crowd::gather(&Options { addresses, users, connections: CONNECTIONS, kinds_of_parts: None }).await?;
    let plan = Plan { parts_per_order: plan.parts_per_order.min(crowd.parts().len()), ..plan };
    let mut measure = async |rate: u32| {
        let plan = plan.at(rate);
        stock.provide(&crowd, &plan).await?;
        crowd.measure(&plan).await
    };
    let failure = match bounds {
        None => {
            eprintln!("sending traffic for {:?}", plan.total());
            let report = measure(plan.rate).await?;
            outln!("{report}");
            report.failure(arguments.max_errors)
        }
        Some(bounds) => {
            outln!("{}", Step::HEAD);
            let peak = find_peak(&bounds, measure, |step| outln!("{step}")).await?;
            outln!("{peak}");
            peak.rate.is_none().then(|| peak.to_string())
        }
    };
    let left = crowd.tidy().await;
    if left > 0 {
        eprintln!("{left} unpaid orders could not be cancelled; they expire by themselves");
    }
    let audit = if arguments.audit {
        let audit = audit::audit(AUDIT_WAIT, data).await?;
        outln!("\n{audit}");
        Some(audit)
    } else {
        None
    };
    ensure!(failure.is_none(), failure.unwrap_or_default());
    audit.as_ref().map_or(Ok(()), Outcome::check)
}

/// Converts a percentage, with or without its sign, to a number from 0 to 1.
fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim_end_matches('%').trim().parse().map_err(|_| "is not a number")?;
    if (0.0..=100.0).contains(&number) { Ok(number / 100.0) } else { Err("is not between 0 and 100".to_owned()) }
}
