//! The producer: generates orders, and publishes them to the topic that intake consumes. The same seed generates the
//! same orders, byte for byte.

pub mod records;
mod send;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use platform::config::{self, Settings};
pub use records::{Made, Records};
pub use send::run;

/// The number and content of the orders, and the rate at which they are sent.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Number of orders
    #[arg(long, default_value_t = 1_000, value_name = "NUMBER")]
    pub count: u64,
    /// Orders per second (default: as fast as the broker accepts them; 1000 for more than 20 000 orders to the broker
    /// inside `cargo run`)
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Seed of the random choices; the same seed makes the same orders
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,
    /// Share of the orders that break a rule, from 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    pub bad: f64,
    /// Send the orders of this file instead: one JSON object per line, or a single one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["count", "seed", "bad"])]
    pub file: Option<PathBuf>,
}

/// Generate orders, and send them to the topic that intake reads
#[derive(Parser)]
#[command(name = "producer", version)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "is not a number")?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("is not between 0 and 1".to_owned()) }
}

/// Runs the producer as a separate program. Its settings come from the environment, and otherwise from a shop that runs
/// on this machine.
pub fn main() -> ExitCode {
    let Cli { arguments } = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| {
        let settings = settings()?;
        runtime.block_on(run(&arguments, &settings))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the environment. Without `KAFKA_BROKERS`, takes missing variables from the running shop, if there is one.
fn settings() -> anyhow::Result<Settings> {
    let settings = config::load()?;
    if settings.get("KAFKA_BROKERS").is_some() {
        return Ok(settings);
    }
    let directory = settings.get("SHIPYARD_DATA").unwrap_or(".shipyard").to_owned();
    let running = std::fs::read_to_string(Path::new(&directory).join("running")).unwrap_or_default();
    let told = running.lines().filter_map(|line| line.split_once('='));
    let settings = told.fold(settings, |settings, (name, value)| settings.or(name, value));
    anyhow::ensure!(
        settings.get("KAFKA_BROKERS").is_some(),
        "KAFKA_BROKERS is not set, and no shop runs from {directory}: start one with `cargo run`, or set it"
    );
    Ok(settings)
}
